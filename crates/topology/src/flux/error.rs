//! What is wrong with a Flux file, each mistake with its place.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use storm_conf::Mark;

/// A place in a file; line 0 is the file as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Spot {
    pub file: Arc<PathBuf>,
    pub mark: Mark,
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mark.line {
            0 => write!(f, "{}", self.file.display()),
            line => write!(f, "{}:{line}:{}", self.file.display(), self.mark.column),
        }
    }
}

/// One mistake.
#[derive(Debug, Clone, PartialEq)]
pub struct FluxProblem {
    /// Where.
    pub spot: Spot,
    /// What, and what to do.
    pub message: String,
}

impl fmt::Display for FluxProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.spot, self.message)
    }
}

/// Everything that is wrong with a Flux file.
#[derive(Debug, Clone, PartialEq)]
pub struct FluxError {
    /// In the order of the file.
    pub problems: Vec<FluxProblem>,
}

impl FluxError {
    /// The stable code word.
    pub fn code(&self) -> &'static str {
        "flux/invalid"
    }
}

impl fmt::Display for FluxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, p) in self.problems.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{p}")?;
        }
        Ok(())
    }
}

impl std::error::Error for FluxError {}
