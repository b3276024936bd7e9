//! Whether what was counted adds up, once nothing moves any more. Pure.

use std::collections::BTreeMap;

use super::samples::Counters;
use crate::load::{Kind, Load, words_of};

/// What does not add up.
pub fn faults(load: &Load, totals: &BTreeMap<String, Counters<u64>>) -> Vec<String> {
    let of = |component: &str| totals.get(component).copied().unwrap_or_default();
    let spout = of("spout");
    let mut faults = Vec::new();
    let mut same = |what: &str, is: u64, expected: u64| {
        if is != expected {
            faults.push(format!("{what}: {is}, but {expected} is right"));
        }
    };
    if load.ack {
        same("trees acked or failed", spout.acked + spout.failed, spout.emitted);
        same("trees failed", spout.failed, 0);
    }
    match load.kind {
        Kind::Chain => {
            same("tuples at `id`", of("id").executed, spout.emitted);
            same("tuples at `null`", of("null").executed, spout.emitted);
        }
        Kind::WordCount => {
            same("sentences at `split`", of("split").executed, spout.emitted);
            same("words at `count`", of("count").executed, words_of(spout.emitted));
        }
        Kind::Multilang => same("words at `count`", of("count").executed, words_of(spout.emitted)),
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(kind: Kind, ack: bool) -> Load {
        Load {
            kind,
            ack,
            keep: false,
            local: true,
            counters: 1,
            rate: None,
            script: None,
            resources: None,
            dir: "/d".into(),
        }
    }

    fn totals(spout: Counters<u64>, bolts: &[(&str, u64)]) -> BTreeMap<String, Counters<u64>> {
        let bolts = bolts.iter().map(|(id, n)| ((*id).to_owned(), Counters { executed: *n, ..Counters::default() }));
        bolts.chain([("spout".to_owned(), spout)]).collect()
    }

    #[test]
    fn what_was_emitted_must_have_arrived() {
        let spout = Counters { emitted: 7, ..Counters::default() };
        assert!(faults(&load(Kind::Chain, false), &totals(spout, &[("id", 7), ("null", 7)])).is_empty());
        assert_eq!(faults(&load(Kind::Chain, false), &totals(spout, &[("id", 7), ("null", 6)])).len(), 1);
        let words = [("split", 7), ("count", 32 + 14)];
        assert!(faults(&load(Kind::WordCount, false), &totals(spout, &words)).is_empty());
        assert_eq!(faults(&load(Kind::WordCount, false), &totals(spout, &[("split", 7), ("count", 45)])).len(), 1);
    }

    #[test]
    fn every_tree_must_have_been_acked() {
        let bolts = [("id", 7), ("null", 7)];
        let spout = Counters { emitted: 7, acked: 7, ..Counters::default() };
        assert!(faults(&load(Kind::Chain, true), &totals(spout, &bolts)).is_empty());
        let open = Counters { acked: 6, ..spout };
        assert_eq!(faults(&load(Kind::Chain, true), &totals(open, &bolts)).len(), 1);
        let failed = Counters { acked: 6, failed: 1, ..spout };
        assert_eq!(faults(&load(Kind::Chain, true), &totals(failed, &bolts)), ["trees failed: 1, but 0 is right"]);
    }
}
