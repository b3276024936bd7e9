//! The cases, with the settings that were found to be Apache Storm's best for each on a machine of two cores.

use serde_json::{Value, json};

use super::case::{Case, Extent, Standing, Variant};
use crate::load::Kind;

type Setting = (&'static str, Value);

/// What storm-perf sets for throughput: large batches, no choice by load, few samples.
fn tuned() -> Vec<Setting> {
    let mut settings = thin();
    settings.extend([
        ("topology.producer.batch.size", json!(500)),
        ("topology.executor.receive.buffer.size", json!(50_000)),
        ("topology.spout.recvq.skips", json!(8)),
    ]);
    settings
}

/// Without batches, which cost the word count more than they give.
fn thin() -> Vec<Setting> {
    vec![("topology.disable.loadaware.messaging", json!(true)), ("topology.stats.sample.rate", json!(0.0005))]
}

/// The spout rests for microseconds at its limit of pending tuples, instead of a millisecond.
fn parked(mut settings: Vec<Setting>) -> Vec<Setting> {
    settings.push(("topology.spout.wait.strategy", json!("org.apache.storm.policy.WaitStrategyPark")));
    settings.push(("topology.spout.wait.park.microsec", json!(20)));
    settings
}

/// Large batches between workers.
fn networked(mut settings: Vec<Setting>) -> Vec<Setting> {
    settings.push(("topology.transfer.batch.size", json!(500)));
    settings.push(("topology.transfer.buffer.size", json!(50_000)));
    settings
}

fn best(name: &'static str, settings: &[Setting]) -> Variant {
    Variant::apache(name, Standing::Best, settings)
}

fn also(name: &'static str, settings: &[Setting]) -> Variant {
    Variant::apache(name, Standing::Also, settings)
}

fn defaults() -> Variant {
    Variant::apache("defaults", Standing::Defaults, &[])
}

fn parallel_gc(mut settings: Vec<Setting>) -> Vec<Setting> {
    settings.push(("topology.worker.gc.childopts", json!("-XX:+UseParallelGC")));
    settings
}

fn case(name: &str, kind: Kind, ack: bool, workers: u32, variants: Vec<Variant>) -> Case {
    let counters = if kind == Kind::WordCount { workers } else { 1 };
    let name = name.to_owned();
    Case { name, kind, ack, workers, counters, rate: None, script: None, extent: Extent::Window, variants }
}

/// All but those with a rate in their name.
pub fn cases() -> Vec<Case> {
    let pending = Some(2000);
    let two_pending = Some(20_000);
    vec![
        case(
            "chain",
            Kind::Chain,
            false,
            1,
            vec![
                Variant::ours(None),
                best("tuned", &tuned()),
                defaults(),
                also("tuned-parallel-gc", &parallel_gc(tuned())),
            ],
        ),
        case(
            "chain-acked",
            Kind::Chain,
            true,
            1,
            vec![
                Variant::ours(pending),
                best("tuned-park-2000", &parked(tuned())).pending(pending),
                defaults(),
                also("tuned-20000", &tuned()).pending(two_pending),
                also("batch-1-500", &thin()).pending(Some(500)),
            ],
        ),
        case(
            "word-count",
            Kind::WordCount,
            false,
            1,
            vec![Variant::ours(None), best("batch-1", &thin()), defaults(), also("tuned", &tuned())],
        ),
        case(
            "word-count-acked",
            Kind::WordCount,
            true,
            1,
            vec![Variant::ours(pending), best("tuned-park-2000", &parked(tuned())).pending(pending), defaults()],
        ),
        case(
            "chain-two",
            Kind::Chain,
            false,
            2,
            vec![Variant::ours(None), best("tuned", &networked(tuned())), defaults()],
        ),
        case(
            "chain-two-acked",
            Kind::Chain,
            true,
            2,
            vec![
                Variant::ours(two_pending),
                best("tuned-20000", &networked(tuned())).pending(two_pending),
                defaults(),
                also("tuned-park-2000", &parked(networked(tuned()))).pending(pending),
            ],
        ),
        case(
            "word-count-two",
            Kind::WordCount,
            false,
            2,
            vec![Variant::ours(None), best("tuned", &networked(tuned())), defaults()],
        ),
        case(
            "word-count-two-acked",
            Kind::WordCount,
            true,
            2,
            vec![
                Variant::ours(pending),
                best("tuned-park-2000", &parked(networked(tuned()))).pending(pending),
                defaults(),
                also("tuned-20000", &networked(tuned())).pending(two_pending),
            ],
        ),
        Case {
            rate: Some(1000),
            extent: Extent::FirstTuple,
            ..case("first-tuple", Kind::Chain, false, 1, vec![Variant::ours(None), defaults()])
        },
        Case { rate: Some(0), ..case("idle", Kind::Chain, false, 1, vec![Variant::ours(None), defaults()]) },
        multilang("multilang", "split.py"),
        multilang("multilang-without-task-ids", "split_without_task_ids.py"),
    ]
}

/// Without a limit the release's `storm.py` takes in sentences until memory is full, so there is one on both sides.
fn multilang(name: &str, script: &'static str) -> Case {
    let pending = Some(20);
    let variants = vec![Variant::ours(pending), defaults().pending(pending)];
    Case { script: Some(script), ..case(name, Kind::Multilang, true, 1, variants) }
}

/// Open loop: so many tuples a second, each at its time, all acked.
fn at_rate(name: &str) -> Option<Case> {
    let (base, rate) = name.rsplit_once("-at-")?;
    let (kind, workers) = match base {
        "chain" => (Kind::Chain, 1),
        "word-count" => (Kind::WordCount, 1),
        "chain-two" => (Kind::Chain, 2),
        "word-count-two" => (Kind::WordCount, 2),
        _ => return None,
    };
    let rate = rate.parse().ok().filter(|rate| *rate > 0)?;
    let network = |settings| if workers == 2 { networked(settings) } else { settings };
    let variants = vec![
        Variant::ours(None),
        // Batches of 500 wait for the flush at low load; the shorter rest of the spout is what helps.
        best("batch-1-park", &parked(thin())),
        defaults(),
        also("tuned-park", &network(parked(tuned()))),
    ];
    Some(Case { rate: Some(rate), ..case(name, kind, true, workers, variants) })
}

/// The case of a name.
pub fn find(name: &str) -> Option<Case> {
    cases().into_iter().find(|case| case.name == name).or_else(|| at_rate(name))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::Map;

    use super::*;
    use crate::driver::case::Side;

    #[test]
    fn every_case_has_ours_and_one_best_or_default_of_apaches() {
        for case in cases().into_iter().chain(find("chain-at-10000")) {
            let of = |side| case.variants.iter().filter(|v| v.side == side).collect::<Vec<_>>();
            assert_eq!(of(Side::Ours).len(), 1, "{}", case.name);
            let standings: Vec<_> = of(Side::Apache).iter().map(|v| v.standing).collect();
            assert!(standings.contains(&Standing::Defaults), "{}", case.name);
            assert!(standings.iter().filter(|s| **s == Standing::Best).count() <= 1, "{}", case.name);
        }
    }

    #[test]
    fn both_sides_are_given_the_same_topology() {
        for case in cases() {
            let load = case.load(Path::new("/d"), Path::new("/r"));
            let documents = case.variants.iter().map(|v| case.document(&load, v, &Map::new()));
            let mut of_bench: Vec<Map<String, Value>> = documents
                .map(|mut document| {
                    document.retain(|key, _| key.starts_with("bench.") || key == "topology.workers");
                    document
                })
                .collect();
            of_bench.dedup();
            assert_eq!(of_bench.len(), 1, "{}", case.name);
        }
    }

    #[test]
    fn names_with_a_rate_are_cases() {
        let case = find("word-count-two-at-5000").unwrap();
        assert_eq!((case.rate, case.workers, case.ack), (Some(5000), 2, true));
        assert!(find("chain-at-0").is_none() && find("chain-at-x").is_none() && find("idle-at-5").is_none());
    }
}
