//! A file to look at.

use std::path::{Path, PathBuf};

use storm_conf::Mark;

use crate::text::Text;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `storm.yaml`
    Storm,
    /// `zoo.cfg`
    Zoo,
    /// `worker.xml`, `cluster.xml`: log4j2's configuration.
    Log4j,
}

impl Format {
    /// By the name of a file.
    pub fn of(path: &Path) -> Format {
        match path.extension().and_then(|e| e.to_str()) {
            Some("cfg" | "properties") => Format::Zoo,
            Some("xml") => Format::Log4j,
            _ => Format::Storm,
        }
    }
}

#[derive(Debug, Clone)]
pub struct Subject {
    pub path: PathBuf,
    pub format: Format,
    pub text: Text,
    /// The permissions of the file.
    pub mode: Option<u32>,
    /// The first bytes that are not UTF-8; they are replaced in the text.
    pub garbled: Option<Mark>,
}

impl Subject {
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Subject {
        let path = path.into();
        Subject { format: Format::of(&path), path, text: Text::new(text), mode: None, garbled: None }
    }

    pub fn with_text(&self, text: String) -> Subject {
        Subject { text: Text::new(text), ..self.clone() }
    }
}
