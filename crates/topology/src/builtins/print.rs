//! `print`: tuples on the standard output.

use std::io::Write;

use super::file::write_row;
use crate::component::{Bolt, ComponentError};
use crate::output::BoltOutput;
use crate::tuple::Tuple;

/// Writes each tuple as one line, its values separated by tabs. A worker's standard output is its log.
#[derive(Debug, Default)]
pub struct PrintBolt;

impl Bolt for PrintBolt {
    fn execute(&mut self, tuple: &Tuple<'_>, _: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        if tuple.is_tick() {
            return Ok(());
        }
        let mut line = Vec::new();
        write_row(tuple, &mut line);
        let mut out = std::io::stdout().lock();
        out.write_all(&line)
            .and_then(|()| out.flush())
            .map_err(|e| ComponentError::fatal(format!("cannot write to the standard output: {e}")))
    }
}
