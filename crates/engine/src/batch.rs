//! Batches: what moves between tasks. Tuples of one stream, from one task, to one task.

use std::sync::Arc;

use storm_topology::{Lineage, Rows, ValueRef};

use crate::net::Arrival;

/// A further tree of a row that is in several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ExtraRoot {
    pub(crate) row: u32,
    pub(crate) root: u64,
    pub(crate) edge: u64,
}

#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) stream: u32,
    pub(crate) from: i32,
    pub(crate) to: i32,
    pub(crate) rows: Rows,
    /// (root, edge) of each row; empty when no row is in a tree. A root of 0 is none.
    pub(crate) lineage: Vec<(u64, u64)>,
    pub(crate) extra: Vec<ExtraRoot>,
    /// What it takes of its task's credit. Set when it is sent.
    pub(crate) cost: i64,
    /// The thread whose pool it belongs to.
    pub(crate) home: usize,
    /// The connection it came by, which wants the credit back, and its share of what that connection may have under way.
    pub(crate) arrival: Option<(Arc<Arrival>, u32)>,
}

/// Bytes that cost as much as a row.
const BYTES_PER_UNIT: usize = 256;
/// A batch that once held this much is not kept.
const MAX_KEPT: usize = 128 << 10;

impl Batch {
    /// Appends a row that is in one tree, or, with a root of 0, in none.
    #[inline]
    pub(crate) fn push(&mut self, values: &[ValueRef<'_>], root: u64, edge: u64) {
        let row = self.rows.len();
        self.rows.push(values);
        if root != 0 {
            if self.lineage.len() < row {
                self.pad_lineage(row);
            }
            self.lineage.push((root, edge));
        } else if !self.lineage.is_empty() {
            self.lineage.push((0, 0));
        }
    }

    /// Rows before the first tracked one are in no tree.
    #[cold]
    fn pad_lineage(&mut self, rows: usize) {
        self.lineage.resize(rows, (0, 0));
    }

    /// Puts the row just appended into further trees.
    pub(crate) fn add_roots(&mut self, more: &[(u64, u64)]) {
        let row = self.rows.len() - 1;
        self.extra.extend(more.iter().map(|(root, edge)| ExtraRoot { row: row as u32, root: *root, edge: *edge }));
    }

    /// The first tree of a row, and its edge there.
    #[inline]
    pub(crate) fn root_of(&self, row: usize) -> Option<(u64, u64)> {
        self.lineage.get(row).copied().filter(|(root, _)| *root != 0)
    }

    /// The lineage of a row. `extra` is where the search for further trees goes on: rows are asked for in order.
    pub(crate) fn lineage_of(&self, row: usize, extra: &mut usize, received: u64) -> Lineage {
        let mut lineage = Lineage::new(self.root_of(row), received);
        while let Some(e) = self.extra.get(*extra).filter(|e| e.row as usize <= row) {
            if e.row as usize == row {
                lineage.add_root(e.root, e.edge);
            }
            *extra += 1;
        }
        lineage
    }

    /// What it takes of a task's credit: its rows, or more when they are heavy.
    pub(crate) fn weigh(&self) -> i64 {
        self.rows.len().max(self.rows.weight() / BYTES_PER_UNIT) as i64
    }

    pub(crate) fn clear(&mut self, width: usize) {
        self.rows.reset(width);
        self.lineage.clear();
        self.extra.clear();
        self.arrival = None;
        self.cost = 0;
    }

    pub(crate) fn worth_keeping(&self) -> bool {
        self.rows.reserved() <= MAX_KEPT
    }
}
