//! The same where tuples and contributions get lost, time passes, and old trees are swept: what was lost is never acked, what is old
//! ends, and names of ended trees mean nothing to those that have their slots now.

use super::*;

impl World {
    fn lose_a_tuple(&mut self, at: usize) {
        self.live.swap_remove(at);
    }

    fn lose_a_contribution(&mut self, at: usize) {
        let c = self.wire.swap_remove(at);
        self.trees.get_mut(&c.root).unwrap().lost = true;
    }

    /// A worker dies, with what has met on one of its threads.
    fn lose_a_thread(&mut self, thread: usize) {
        self.threads[thread] = Combiner::new();
        for (root, count) in std::mem::take(&mut self.pending_in[thread]) {
            let tree = self.trees.get_mut(&root).unwrap();
            tree.travelling -= count;
            tree.lost = true;
        }
    }

    fn sweep(&mut self) {
        self.ledger.sweep(self.now, TIMEOUT);
        self.check();
        for tree in self.trees.values() {
            assert!(tree.ended.is_some() || tree.touched + TIMEOUT > self.now, "a tree was left beyond its time");
        }
    }

    fn open(&self) -> usize {
        self.trees.values().filter(|tree| tree.ended.is_none()).count()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_lost_is_never_acked_and_ends_in_time(tape in vec(any::<u16>(), 1..300)) {
        let mut tape = Tape { tape: &tape, at: 0 };
        let mut world = World::new();
        world.spout_emits(&mut tape);
        world.check();
        while !tape.over() {
            match tape.next(20) {
                0 | 1 => world.spout_emits(&mut tape),
                2..=9 if !world.live.is_empty() => world.bolt_works(&mut tape, true),
                10..=12 => {
                    let thread = tape.next(3);
                    world.flush(thread);
                }
                13 if !world.live.is_empty() => {
                    let at = tape.next(world.live.len());
                    world.lose_a_tuple(at);
                }
                14 if !world.wire.is_empty() => {
                    let at = tape.next(world.wire.len());
                    world.lose_a_contribution(at);
                }
                15 if tape.chance(10) => {
                    let thread = tape.next(3);
                    world.lose_a_thread(thread);
                }
                16 => world.now += tape.next(40) as u64,
                17 => world.sweep(),
                _ if !world.wire.is_empty() => {
                    let at = tape.next(world.wire.len());
                    world.deliver(at);
                }
                _ => {}
            }
            world.check();
            prop_assert_eq!(world.ledger.open(), world.open());
        }
        // Whatever is left comes late, in any order, to trees that may have ended.
        while !world.live.is_empty() {
            world.bolt_works(&mut tape, false);
        }
        (0..3).for_each(|t| world.flush(t));
        world.now += tape.next(2 * TIMEOUT as usize) as u64;
        if tape.chance(50) {
            world.sweep();
            // Their slots are taken again before the rest arrives.
            (0..5).for_each(|_| world.spout_emits(&mut tape));
        }
        while !world.wire.is_empty() {
            let at = tape.next(world.wire.len());
            world.deliver(at);
        }
        world.now += TIMEOUT;
        world.sweep();
        prop_assert_eq!(world.ledger.open(), 0);
        for tree in world.trees.values() {
            prop_assert!(tree.ended.is_some());
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Loss of a worker: all that was open by then ends, and nothing that was opened later.
    #[test]
    fn failing_what_was_open_before_a_moment_spares_what_came_after(
        times in vec(0..50_u64, 1..40),
        moment in 0..60_u64,
        resets in vec((0..40_usize, 0..60_u64), 0..10),
    ) {
        let mut ledger = Ledger::new(1, 2);
        let mut touched = times.clone();
        let roots: Vec<u64> = times.iter().enumerate().map(|(id, at)| open(&mut ledger, id as u64, 9, *at)).collect();
        for (at, when) in resets {
            if let Some(root) = roots.get(at) {
                ledger.apply(Contribution { root: *root, word: 0, flags: FLAG_RESET }, when);
                touched[at] = when;
            }
        }
        ledger.fail_before(moment);
        let mut ended: Vec<u64> = outcomes(&mut ledger).into_iter().map(|(id, outcome)| {
            assert_eq!(outcome, Outcome::TimedOut);
            id
        }).collect();
        ended.sort_unstable();
        let expected: Vec<u64> = (0..times.len() as u64).filter(|id| touched[*id as usize] < moment).collect();
        prop_assert_eq!(ended, expected);
    }

    /// Contributions that meet on the way are worth what they were alone, however many trees share the table.
    #[test]
    fn what_meets_on_the_way_adds_up(
        list in vec((1..2000_u64, 1..u64::MAX, prop_oneof![8 => Just(0), 1 => Just(FLAG_RESET), 1 => Just(FLAG_FAIL)]), 0..3000),
        every in 1..4000_usize,
    ) {
        let mut combiner = Combiner::new();
        let (mut sums, mut flags) = (BTreeMap::<u64, u64>::new(), BTreeMap::<u64, u8>::new());
        let (mut got, mut got_flags) = (BTreeMap::<u64, u64>::new(), BTreeMap::<u64, u8>::new());
        let mut take = |c: Contribution| {
            *got.entry(c.root).or_default() ^= c.word;
            *got_flags.entry(c.root).or_default() |= c.flags;
        };
        for (i, (slot, word, flag)) in list.into_iter().enumerate() {
            let root = root::root(3, slot as u32, 17);
            *sums.entry(root).or_default() ^= word;
            *flags.entry(root).or_default() |= flag;
            combiner.add(Contribution { root, word, flags: flag });
            if i % every == 0 {
                combiner.drain(&mut take);
                assert!(combiner.is_empty());
            }
        }
        combiner.drain(&mut take);
        // A word of 0 without a flag need not travel.
        sums.retain(|_, word| *word != 0);
        got.retain(|_, word| *word != 0);
        flags.retain(|_, flags| *flags != 0);
        got_flags.retain(|_, flags| *flags != 0);
        prop_assert_eq!((got, got_flags), (sums, flags));
    }
}
