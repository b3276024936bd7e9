//! The file in which a reliable source writes down how far it has come, for its next life and for those who watch.

use std::fs;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    /// Every text below this was acked.
    pub base: u64,
    /// No text from this on was sent.
    pub promised: u64,
    /// The source was stopped, and everything it has sent was acked.
    pub settled: bool,
    /// Acks and failures of texts that were not under way.
    pub strange: u64,
}

impl Position {
    pub fn file(dir: &Path) -> PathBuf {
        dir.join("position")
    }

    /// Writes the file as a whole: whoever dies meanwhile leaves the old one or the new one.
    pub fn write(&self, file: &Path) -> Result<()> {
        let Position { base, promised, settled, strange } = self;
        let new = file.with_extension("new");
        fs::write(&new, format!("{base} {promised} {} {strange}\n", u8::from(*settled)))?;
        fs::rename(&new, file)
    }

    /// What is in the file; the beginning when there is none.
    pub fn read(file: &Path) -> Result<Position> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Position::default()),
            Err(e) => return Err(e),
        };
        let numbers: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        match numbers[..] {
            [base, promised, settled, strange] => Ok(Position { base, promised, settled: settled == 1, strange }),
            _ => Err(Error::new(ErrorKind::InvalidData, format!("{}: not a position: {text:?}", file.display()))),
        }
    }
}
