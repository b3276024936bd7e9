//! Something that a configuration file says wrongly, and the way out.

use std::fmt;
use std::path::PathBuf;

use storm_conf::Mark;

use crate::text::Edit;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Something will not start, or not work at all.
    Error,
    /// It works, and not as meant, or not for long.
    Warning,
    /// Worth knowing.
    Note,
}

impl Level {
    pub fn word(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "note",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// A stable word such as `config/list-expected`.
    pub code: &'static str,
    pub level: Level,
    pub path: PathBuf,
    pub mark: Mark,
    pub message: String,
    /// What is there.
    pub found: Option<String>,
    /// Another place that has to do with it.
    pub related: Option<(PathBuf, Mark, String)>,
    pub fix: Option<Fix>,
    /// What to do about it by hand.
    pub hint: Option<String>,
}

/// A change that mends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// Such as `write ["zk1"]`.
    pub what: String,
    /// Empty when other findings must be mended first.
    pub edits: Vec<Edit>,
}

impl Finding {
    /// Whether the command must say that something is wrong.
    pub fn counts(&self) -> bool {
        self.level < Level::Note
    }

    pub fn place(&self) -> String {
        match self.mark.line {
            0 => self.path.display().to_string(),
            line => format!("{}:{line}:{}", self.path.display(), self.mark.column),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}[{}]: {}", self.place(), self.level, self.code, self.message)
    }
}
