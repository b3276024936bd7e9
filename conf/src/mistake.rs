//! What is wrong with a configuration: every mistake at once, each with its place and the way out.

use std::fmt;
use std::path::PathBuf;

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    File {
        path: PathBuf,
        line: usize,
        column: usize,
    },
    /// A `-c KEY=VALUE` of the command line.
    Option(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File { path, line: 0, .. } => write!(f, "{}", path.display()),
            Place::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Place::Option(text) => write!(f, "-c {text}"),
        }
    }
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// A stable word such as `config/list-expected`.
    pub code: &'static str,
    pub place: Place,
    /// What is wrong, naming the key.
    pub message: String,
    /// The evidence: what was found there.
    pub found: Option<String>,
    /// What to write instead.
    pub fix: Option<String>,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        if let Some(found) = &self.found {
            write!(f, ", found {found}")?;
        }
        if let Some(fix) = &self.fix {
            write!(f, "; {fix}")?;
        }
        Ok(())
    }
}

/// All the mistakes of one load, in the order of their places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfErrors {
    pub mistakes: Vec<Mistake>,
}

impl fmt::Display for ConfErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, m) in self.mistakes.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{m}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfErrors {}
