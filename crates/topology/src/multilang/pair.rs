//! A child and the thread that answers it, on one processor while they take turns.
//!
//! A child that asks where each of its tuples went waits for the answer, and the thread that gives it waits for the next question: only one of
//! them ever works. On two processors each turn wakes one that has just gone idle, which takes several times as long as the
//! turn itself; on one processor it is a mere switch. So while most emits are questions both are kept on the same one.

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Emits between two decisions.
const ROUND: u32 = 256;

pub(crate) struct Pair {
    child: Option<Pid>,
    /// Chooses among the processors, so that several pairs spread over them.
    number: usize,
    /// Where both may run, if they are kept together now.
    free: Option<CpuSet>,
    emits: u32,
    questions: u32,
}

impl Pair {
    pub(crate) fn new(child: u32, number: usize) -> Pair {
        let child = i32::try_from(child).ok().and_then(Pid::from_raw);
        Pair { child, number, free: None, emits: 0, questions: 0 }
    }

    /// The child has emitted, or answered a question itself. To be called on the thread that answers it.
    pub(crate) fn emitted(&mut self, question: bool) {
        self.emits += 1;
        self.questions += u32::from(question);
        if self.emits < ROUND {
            return;
        }
        let turns = self.questions * 2 > self.emits;
        (self.emits, self.questions) = (0, 0);
        match (turns, self.free.is_some()) {
            (true, false) => self.keep_together(),
            (false, true) => self.let_go(),
            _ => {}
        }
    }

    fn keep_together(&mut self) {
        let Ok(free) = sched_getaffinity(None) else { return };
        let allowed: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| free.is_set(*cpu)).collect();
        let mut one = CpuSet::new();
        one.set(allowed[self.number % allowed.len()]);
        self.free = Some(free);
        self.put(&one);
    }

    fn let_go(&mut self) {
        if let Some(free) = self.free.take() {
            self.put(&free);
        }
    }

    fn put(&self, cpus: &CpuSet) {
        // A system that refuses leaves things as they are, only slower; a child that has ended needs nothing.
        let child = self.child.map(Some);
        for who in std::iter::once(None).chain(child) {
            if let Err(cause) = sched_setaffinity(who, cpus) {
                tracing::debug!(%cause, "a child is not kept on the processor of its thread");
            }
        }
    }
}
