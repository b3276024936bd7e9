//! YAML as Storm reads it: YAML 1.1's scalars, SnakeYAML's tolerance, and the place of everything.

mod node;
mod read;
mod relax;
mod scalar;
mod spans;

pub use node::{Entry, Fault, Kind, Level, Mark, Node, Style};
pub use read::read;
pub use scalar::reads_as_text;
