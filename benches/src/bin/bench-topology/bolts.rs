//! The steps of the topologies.

use std::collections::HashMap;
use std::sync::Arc;

use storm::prelude::*;
use storm_benches::load::Load;
use storm_benches::meter::{Meter, TaskMeter};

/// The counters of a bolt's task, there from `prepare` on.
#[derive(Default)]
struct Seen(Option<Arc<TaskMeter>>);

impl Seen {
    fn start(&mut self, ctx: &TaskContext) -> Result<(), ComponentError> {
        let load = Load::read(&ctx.conf)?;
        let meter = Meter::of_process(&load.dir).map_err(ComponentError::fatal)?;
        self.0 = Some(meter.task(&ctx.component_id, ctx.task_id));
        Ok(())
    }

    #[inline]
    fn one(&self) {
        if let Some(meter) = &self.0 {
            meter.executed();
        }
    }
}

/// Passes on what it gets.
#[derive(Default)]
pub struct Identity(Seen);

impl Bolt for Identity {
    fn prepare(&mut self, ctx: &TaskContext) -> Result<(), ComponentError> {
        self.0.start(ctx)
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        self.0.one();
        out.emit(values![tuple.value(0)]);
        Ok(())
    }
}

/// Only counts.
#[derive(Default)]
pub struct Nothing(Seen);

impl Bolt for Nothing {
    fn prepare(&mut self, ctx: &TaskContext) -> Result<(), ComponentError> {
        self.0.start(ctx)
    }

    fn execute(&mut self, _: &Tuple<'_>, _: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        self.0.one();
        Ok(())
    }
}

/// Splits sentences into words.
#[derive(Default)]
pub struct Split(Seen);

impl Bolt for Split {
    fn prepare(&mut self, ctx: &TaskContext) -> Result<(), ComponentError> {
        self.0.start(ctx)
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        self.0.one();
        for word in tuple.str(0)?.split(' ') {
            out.emit(values![word]);
        }
        Ok(())
    }
}

/// Counts words, and emits each with its count so far.
#[derive(Default)]
pub struct Count {
    seen: Seen,
    counts: HashMap<String, i64>,
}

impl Bolt for Count {
    fn prepare(&mut self, ctx: &TaskContext) -> Result<(), ComponentError> {
        self.seen.start(ctx)
    }

    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        self.seen.one();
        let word = tuple.str(0)?;
        let count = match self.counts.get_mut(word) {
            Some(count) => {
                *count += 1;
                *count
            }
            None => {
                self.counts.insert(word.to_owned(), 1);
                1
            }
        };
        out.emit(values![word, count]);
        Ok(())
    }
}
