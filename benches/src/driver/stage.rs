//! Where topologies run.

use serde_json::{Map, Value};

use super::case::Side;
use super::error::BenchError;

/// A system that runs one topology at a time.
pub trait Stage {
    /// Whose it is.
    fn side(&self) -> Side;

    /// Starts a topology of this configuration, as a user does; returns when the command that does it has.
    fn start(&mut self, name: &str, document: &Map<String, Value>) -> Result<(), BenchError>;

    /// Ends the topology and returns when the system knows it no more.
    fn stop(&mut self, name: &str) -> Result<(), BenchError>;

    /// What its processes have logged last, for messages.
    fn logged(&self) -> String;
}

/// The end of a long text.
pub fn tail(text: &str, most: usize) -> &str {
    let start = text.len().saturating_sub(most);
    let start = (start..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(start);
    &text[start..]
}
