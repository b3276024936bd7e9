//! Setting and removing keys. Every change is read again before it is handed out: the file says what it said, but for
//! the one key.

mod properties;
mod value;
mod yaml;

use storm_conf::Mark;

use crate::subject::{Format, Subject};

pub(crate) use value::{Context, quoted, render, scalar};
pub use value::{ValueError, from_words, shown};
pub(crate) use yaml::{remove_entry, remove_item};

/// Why a file was left alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    #[error("the file cannot be read as it is: {message}")]
    Broken { mark: Mark, message: String },
    #[error("the file is no list of keys")]
    NoMap { mark: Mark },
    #[error("{key} is not set")]
    Absent { key: String },
    #[error("{key} is written in a way that cannot be changed by itself")]
    Entangled { key: String, mark: Mark },
    #[error("{key} cannot hold this value: {why}")]
    Value { key: String, why: String },
    #[error("log4j2 files have no keys")]
    NoKeys,
}

impl EditError {
    pub fn code(&self) -> &'static str {
        match self {
            EditError::Broken { .. } => "config/syntax",
            EditError::NoMap { .. } => "config/map-expected",
            EditError::Absent { .. } => "config/absent",
            EditError::Entangled { .. } => "config/entangled",
            EditError::Value { .. } => "config/value",
            EditError::NoKeys => "config/format",
        }
    }

    pub fn mark(&self) -> Option<Mark> {
        match self {
            EditError::Broken { mark, .. } | EditError::NoMap { mark } | EditError::Entangled { mark, .. } => {
                Some(*mark)
            }
            _ => None,
        }
    }
}

/// The text with the key set; the same text when it holds that value already.
pub fn set(subject: &Subject, key: &str, value: &serde_json::Value) -> Result<String, EditError> {
    match subject.format {
        Format::Storm => yaml::set(&subject.text, key, value),
        Format::Zoo => properties::set(&subject.text, key, value),
        Format::Log4j => Err(EditError::NoKeys),
    }
}

/// The text without the key.
pub fn unset(subject: &Subject, key: &str) -> Result<String, EditError> {
    match subject.format {
        Format::Storm => yaml::unset(&subject.text, key),
        Format::Zoo => properties::unset(&subject.text, key),
        Format::Log4j => Err(EditError::NoKeys),
    }
}
