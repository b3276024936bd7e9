//! `count`: how often each word has come.

use std::collections::HashMap;

use crate::component::{Bolt, ComponentError};
use crate::output::BoltOutput;
use crate::tuple::Tuple;
use crate::value::ValueRef;

/// Emits its input's first value with the number of times it has come so far.
#[derive(Debug, Default)]
pub struct CountBolt {
    counts: HashMap<Box<[u8]>, i64>,
}

impl CountBolt {
    fn count(&mut self, key: &[u8]) -> i64 {
        match self.counts.get_mut(key) {
            Some(n) => {
                *n += 1;
                *n
            }
            None => {
                self.counts.insert(key.into(), 1);
                1
            }
        }
    }
}

impl Bolt for CountBolt {
    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        if tuple.is_tick() {
            return Ok(());
        }
        let Some(value) = tuple.get(0) else {
            return Err(ComponentError::fatal(format!(
                "a tuple from `{}` on stream `{}` has no value to count",
                tuple.source_component(),
                tuple.source_stream()
            )));
        };
        let n = match value {
            ValueRef::Str(word) => self.count(word.as_bytes()),
            ValueRef::Bytes(word) => self.count(word),
            other => self.count(other.to_string().as_bytes()),
        };
        out.emit(&[value, ValueRef::Int(n)]);
        Ok(())
    }
}
