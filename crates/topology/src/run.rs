//! Calling a component many times in a row.
//!
//! The engine holds components as trait objects. Its way in is [`Bolt::execute_rows`] and [`Spout::next_tuples`], whose bodies are made
//! anew for each component: so there is one call through a table for many tuples, and the component's own code is compiled into
//! the loop.

use std::cell::Cell;
use std::sync::Arc;

use crate::component::{Bolt, ComponentError, Progress, Spout};
use crate::output::{BoltOutput, Collector, SpoutOutput};
use crate::rows::Rows;
use crate::tuple::{Lineage, Tuple, TupleSource};

/// Rows of a batch that a bolt is to take, none of which is in more than one tree, and what became of them.
pub struct RowRun<'a> {
    /// Where they are.
    pub rows: &'a Rows,
    /// Root and edge of each; a root of 0 is none. Empty when no row is in a tree.
    pub roots: &'a [(u64, u64)],
    /// Where they come from.
    pub source: &'a Arc<TupleSource>,
    /// The lineage of the row at hand, as the collector sees it too.
    pub lineage: &'a Lineage,
    /// Set when the call at hand was a mistake: its row is not acked, and no more are taken.
    pub halt: &'a Cell<bool>,
    /// Whether each row is acked when its call has returned.
    pub auto: bool,
    /// The row to go on with.
    pub next: usize,
    /// Where to stop.
    pub end: usize,
    /// Rows acked so.
    pub acked: u64,
    /// What those contribute: root and word.
    pub contributions: &'a mut Vec<(u64, u64)>,
}

/// Why a run has ended.
pub enum RunEnd {
    /// All rows were taken, or [`RowRun::halt`] was set.
    Done,
    /// The bolt isn't ready.
    Unready,
    /// The row before [`RowRun::next`] was not processed.
    Error(ComponentError),
}

impl RowRun<'_> {
    #[inline]
    pub(crate) fn drive<B: Bolt + ?Sized>(&mut self, bolt: &mut B, out: &mut dyn Collector) -> RunEnd {
        while self.next < self.end {
            if !bolt.ready() {
                return RunEnd::Unready;
            }
            let row = self.next;
            self.lineage.renew(self.roots.get(row).copied().filter(|(root, _)| *root != 0));
            let tuple = Tuple::new(self.rows, row, self.source, self.lineage);
            self.next += 1;
            if let Err(error) = bolt.execute(&tuple, &mut BoltOutput::new(out)) {
                return RunEnd::Error(error);
            }
            if self.halt.get() {
                break;
            }
            if self.auto && self.lineage.settle() {
                self.acked += 1;
                if let Some((root, edge)) = self.lineage.first_root() {
                    self.contribute(root, edge ^ self.lineage.children());
                }
            }
        }
        RunEnd::Done
    }

    /// Rows of one tree come one after another, as the words of a sentence do; together they make one contribution.
    #[inline]
    fn contribute(&mut self, root: u64, word: u64) {
        match self.contributions.last_mut() {
            Some((last, sum)) if *last == root => *sum ^= word,
            _ => self.contributions.push((root, word)),
        }
    }
}

/// What some calls of [`Spout::next_tuple`] came to.
pub struct Asked {
    /// How often it was called.
    pub calls: usize,
    /// Whether any call emitted.
    pub emitted: bool,
    /// The last answer.
    pub progress: Progress,
}

impl Asked {
    #[inline]
    pub(crate) fn ask<S: Spout + ?Sized>(
        spout: &mut S,
        calls: usize,
        halt: &Cell<bool>,
        out: &mut dyn Collector,
    ) -> Result<Asked, ComponentError> {
        let mut asked = Asked { calls: 0, emitted: false, progress: Progress::Emitted };
        while asked.calls < calls && asked.progress == Progress::Emitted && !halt.get() {
            asked.calls += 1;
            asked.progress = spout.next_tuple(&mut SpoutOutput::new(out))?;
            asked.emitted |= asked.progress == Progress::Emitted;
        }
        Ok(asked)
    }
}
