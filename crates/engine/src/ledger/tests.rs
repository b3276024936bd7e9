//! Random trees, random orders: no tree ends early, and every tree ends.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use storm_topology::{Lineage, MessageId};

use super::*;
use crate::combine::Combiner;
use crate::root::Edges;

/// Decisions, one after another, from what proptest made up (and can make smaller).
struct Tape<'a> {
    tape: &'a [u16],
    at: usize,
}

impl Tape<'_> {
    /// A number below `n`.
    fn next(&mut self, n: usize) -> usize {
        let v = self.tape.get(self.at % self.tape.len().max(1)).copied().unwrap_or_default();
        // The same tape read again must not give the same decisions.
        let turned = v.rotate_left((self.at / self.tape.len().max(1)) as u32);
        self.at += 1;
        usize::from(turned) % n.max(1)
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.next(100) < percent
    }

    fn over(&self) -> bool {
        self.at >= self.tape.len()
    }
}

/// What is true of a tree, kept without any XOR.
#[derive(Default)]
struct Truth {
    /// Tuples that have not been acked or failed.
    live: usize,
    /// Contributions made and not yet delivered.
    travelling: usize,
    failed: bool,
    /// A failure has reached the ledger.
    failure_delivered: bool,
    /// A contribution, or more than one in it, will never reach the ledger.
    lost: bool,
    /// When it was emitted or, by what has reached the ledger, given more time.
    touched: u64,
    ended: Option<Outcome>,
}

struct World {
    ledger: Ledger,
    edges: Edges,
    trees: BTreeMap<u64, Truth>,
    names: Vec<u64>,
    live: Vec<Lineage>,
    /// Threads on which contributions meet.
    threads: Vec<Combiner>,
    /// Contributions under way, with what each one is made of.
    wire: Vec<Contribution>,
    pending_in: Vec<BTreeMap<u64, usize>>,
    now: u64,
}

/// Age at which a tree is ended.
const TIMEOUT: u64 = 100;

impl World {
    fn new() -> World {
        World {
            ledger: Ledger::new(3, 12345),
            edges: Edges::new(7),
            trees: BTreeMap::new(),
            names: Vec::new(),
            live: Vec::new(),
            threads: (0..3).map(|_| Combiner::new()).collect(),
            wire: Vec::new(),
            pending_in: vec![BTreeMap::new(); 3],
            now: 0,
        }
    }

    fn spout_emits(&mut self, tape: &mut Tape<'_>) {
        let root = self.ledger.reserve();
        let mut word = 0;
        let targets = tape.next(4);
        for _ in 0..targets {
            let edge = self.edges.next();
            word ^= edge;
            self.live.push(Lineage::new(Some((root, edge)), 0));
        }
        let id = self.names.len() as u64;
        self.names.push(root);
        self.trees.insert(root, Truth { live: targets, touched: self.now, ..Truth::default() });
        self.ledger.open_tree(root, word, MessageId::Number(id), 0, self.now);
    }

    fn bolt_works(&mut self, tape: &mut Tape<'_>, may_grow: bool) {
        let count = 1 + tape.next(3.min(self.live.len()));
        let inputs: Vec<Lineage> = (0..count)
            .map(|_| {
                let at = tape.next(self.live.len());
                self.live.swap_remove(at)
            })
            .collect();
        let children = if may_grow { tape.next(4) } else { 0 };
        for _ in 0..children {
            // As an emit with anchors does it: one edge per anchor, XORed per root.
            let mut roots: Vec<(u64, u64)> = Vec::new();
            for input in &inputs {
                let edge = self.edges.next();
                input.add_child(edge);
                for (root, _) in input.roots() {
                    match roots.iter_mut().find(|(r, _)| *r == root) {
                        Some((_, word)) => *word ^= edge,
                        None => roots.push((root, edge)),
                    }
                }
            }
            let mut child = Lineage::new(None, 0);
            for (root, edge) in roots {
                child.add_root(root, edge);
                self.trees.get_mut(&root).unwrap().live += 1;
            }
            self.live.push(child);
        }
        let thread = tape.next(self.threads.len());
        for input in inputs {
            let fails = tape.chance(3);
            let resets = tape.chance(10);
            for (root, edge) in input.roots() {
                let tree = self.trees.get_mut(&root).unwrap();
                tree.live -= 1;
                tree.failed |= fails;
                tree.travelling += 1;
                *self.pending_in[thread].entry(root).or_default() += 1;
                let flags = if fails {
                    FLAG_FAIL
                } else if resets {
                    FLAG_RESET
                } else {
                    0
                };
                let word = if fails { 0 } else { edge ^ input.children() };
                self.threads[thread].add(Contribution { root, word, flags });
            }
        }
    }

    /// A thread's activation ends: what has met on it goes on the wire.
    fn flush(&mut self, thread: usize) {
        self.threads[thread].drain(|c| self.wire.push(c));
        for (root, count) in std::mem::take(&mut self.pending_in[thread]) {
            let tree = self.trees.get_mut(&root).unwrap();
            // Contributions that cancelled are delivered by never travelling.
            tree.travelling -= count;
        }
    }

    fn deliver(&mut self, at: usize) {
        let c = self.wire.swap_remove(at);
        let tree = self.trees.get_mut(&c.root).unwrap();
        if c.flags & FLAG_FAIL != 0 {
            tree.failure_delivered = true;
        } else if c.flags & FLAG_RESET != 0 {
            tree.touched = self.now;
        }
        self.ledger.apply(c, self.now);
        self.check();
    }

    /// A tree may end as acked only when nothing of it is alive or under way.
    fn check(&mut self) {
        while let Some(settled) = self.ledger.settled.pop_front() {
            let root = self.names[settled.id.number().unwrap() as usize];
            let on_wire = self.wire.iter().any(|c| c.root == root);
            let tree = self.trees.get_mut(&root).unwrap();
            assert!(tree.ended.is_none(), "a tree ended twice");
            match settled.outcome {
                Outcome::Acked => {
                    assert_eq!((tree.live, tree.travelling, on_wire), (0, 0, false), "a tree ended too early");
                    assert!(!tree.failed, "a tree with a failure was acked");
                    assert!(!tree.lost, "a tree of which something was lost was acked");
                }
                Outcome::Failed => assert!(tree.failure_delivered, "a tree failed without a failure"),
                Outcome::TimedOut => assert!(tree.touched + TIMEOUT <= self.now, "a tree was ended before its time"),
            }
            tree.ended = Some(settled.outcome);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_tree_ends_early_and_every_tree_ends(tape in vec(any::<u16>(), 1..300)) {
        let mut tape = Tape { tape: &tape, at: 0 };
        let mut world = World::new();
        world.spout_emits(&mut tape);
        world.check();
        while !tape.over() {
            match tape.next(10) {
                0 => world.spout_emits(&mut tape),
                1..=5 if !world.live.is_empty() => world.bolt_works(&mut tape, true),
                6 | 7 => {
                    let thread = tape.next(3);
                    world.flush(thread);
                }
                _ if !world.wire.is_empty() => {
                    let at = tape.next(world.wire.len());
                    world.deliver(at);
                }
                _ => {}
            }
            world.check();
        }
        // Everything is worked off, in any order.
        while !world.live.is_empty() {
            world.bolt_works(&mut tape, false);
            let thread = tape.next(3);
            world.flush(thread);
            if !world.wire.is_empty() && tape.chance(50) {
                let at = tape.next(world.wire.len());
                world.deliver(at);
            }
        }
        (0..3).for_each(|t| world.flush(t));
        while !world.wire.is_empty() {
            let at = tape.next(world.wire.len());
            world.deliver(at);
        }
        for tree in world.trees.values() {
            let expected = if tree.failed { Outcome::Failed } else { Outcome::Acked };
            prop_assert_eq!(tree.ended, Some(expected));
        }
        prop_assert_eq!(world.ledger.open(), 0);
    }
}

mod lossy;

fn open(ledger: &mut Ledger, id: u64, word: u64, now: u64) -> u64 {
    let root = ledger.reserve();
    ledger.open_tree(root, word, MessageId::Number(id), 0, now);
    root
}

fn outcomes(ledger: &mut Ledger) -> Vec<(u64, Outcome)> {
    ledger.settled.drain(..).map(|s| (s.id.number().unwrap(), s.outcome)).collect()
}

#[test]
fn the_sweep_ends_what_is_old_and_a_reset_gives_more_time() {
    let mut ledger = Ledger::new(0, 1);
    let first = open(&mut ledger, 1, 11, 0);
    let second = open(&mut ledger, 2, 22, 0);
    open(&mut ledger, 3, 33, 60);
    ledger.apply(Contribution { root: second, word: 0, flags: FLAG_RESET }, 80);
    ledger.sweep(99, 100);
    assert_eq!(outcomes(&mut ledger), []);
    ledger.sweep(100, 100);
    assert_eq!(outcomes(&mut ledger), [(1, Outcome::TimedOut)]);
    // Late contributions to it mean nothing, even when its slot is in use again.
    let again = open(&mut ledger, 4, 44, 100);
    assert_eq!(root::slot(again), root::slot(first));
    ledger.apply(Contribution { root: first, word: 44, flags: FLAG_FAIL }, 100);
    assert_eq!(outcomes(&mut ledger), []);
    ledger.sweep(160, 100);
    assert_eq!(outcomes(&mut ledger), [(3, Outcome::TimedOut)]);
    ledger.sweep(180, 100);
    assert_eq!(outcomes(&mut ledger), [(2, Outcome::TimedOut)]);
    assert_eq!(ledger.open(), 1);
}

#[test]
fn it_grows_as_far_as_slots_can_be_named_and_no_further() {
    let mut ledger = Ledger::new(1, 99);
    let mut roots = Vec::with_capacity(MAX_SLOTS);
    while !ledger.is_full() {
        roots.push(open(&mut ledger, 0, 5, 0));
    }
    assert_eq!(roots.len(), MAX_SLOTS);
    let mut unique = roots.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), MAX_SLOTS);
    ledger.apply(Contribution { root: roots[77], word: 5, flags: 0 }, 0);
    assert!(!ledger.is_full());
    assert_eq!(root::slot(ledger.reserve()), root::slot(roots[77]));
}
