//! The system topology, the tasks and the executors, against `StormCommon` and Nimbus.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use storm_tests::random::Random;
use storm_thrift::types::*;
use storm_topology::system::{SystemTopology, executors_of, normalise};

use super::run_java;

fn java(input: &[String], args: &[&str]) -> Vec<Value> {
    run_java("topology.SystemTopology", input, args)
}

fn request(conf: &Map<String, Value>, topology: &StormTopology) -> String {
    let bytes = storm_thrift::to_bytes(topology);
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    json!({"conf": conf, "thrift": hex}).to_string()
}

fn grouping(g: &Grouping) -> (&'static str, Vec<String>) {
    match g {
        Grouping::Fields(fields) => ("fields", fields.clone()),
        Grouping::Shuffle(_) => ("shuffle", vec![]),
        Grouping::All(_) => ("all", vec![]),
        Grouping::None(_) => ("none", vec![]),
        Grouping::Direct(_) => ("direct", vec![]),
        Grouping::CustomObject(_) => ("custom_object", vec![]),
        Grouping::CustomSerialized(_) => ("custom_serialized", vec![]),
        Grouping::LocalOrShuffle(_) => ("local_or_shuffle", vec![]),
    }
}

/// The same shape that the Java program prints.
fn ours(conf: &Map<String, Value>, topology: &StormTopology) -> Result<BTreeMap<String, Value>, String> {
    let normal = normalise(topology, conf).map_err(|e| e.to_string())?;
    let system = SystemTopology::derive(&normal, conf).map_err(|e| e.to_string())?;
    let mut out = BTreeMap::new();
    for c in system.components() {
        let streams: BTreeMap<_, _> =
            c.streams.iter().map(|(id, s)| (id.clone(), json!([s.direct, s.fields]))).collect();
        let input = |(i, g): (&GlobalStreamId, &Grouping)| {
            let (kind, fields) = grouping(g);
            json!([i.component_id, i.stream_id, kind, fields])
        };
        let executors: Map<String, Value> = [0, 1, 2, 3, 7]
            .iter()
            .map(|n| {
                let runs = executors_of(&c.tasks, *n);
                (n.to_string(), runs.iter().map(|e| json!([e.task_start, e.task_end])).collect())
            })
            .collect();
        out.insert(
            c.id.clone(),
            json!({"streams": streams, "inputs": c.inputs.iter().map(input).collect::<Vec<_>>(), "conf": c.own_conf,
                   "start": c.start_executors, "tasks": c.tasks, "executors": executors}),
        );
        for task in &c.tasks {
            assert_eq!(system.component_of(*task).map(|c| c.id.as_str()), Some(c.id.as_str()));
        }
        assert_eq!(system.component(&c.id).map(|c| &c.tasks), Some(&c.tasks));
    }
    Ok(out)
}

/// Java's hash maps have an order of their own; lists of inputs are compared as sets.
fn sorted(mut component: Value) -> Value {
    if let Some(list) = component["inputs"].as_array_mut() {
        list.sort_by_key(Value::to_string);
    }
    component
}

fn object(v: Value) -> Map<String, Value> {
    v.as_object().cloned().expect("an object")
}

fn random_topology(random: &mut Random) -> (Map<String, Value>, StormTopology) {
    // Names whose order differs between bytes, code points and UTF-16 units.
    const NAMES: &[&str] =
        &["words", "Words", "a", "Z", "9", "é", "ﬀ-bolt", "𐐷-bolt", "split", "count", "count2", "-x", "word_count"];
    let mut pick = |n: usize| usize::try_from(random.below(n as u64)).expect("small");
    let mut conf = object(json!({"topology.workers": 1 + pick(4), "topology.message.timeout.secs": 30,
        "topology.acker.executors": null, "topology.eventlogger.executors": 0}));
    if pick(3) == 0 {
        conf.insert("topology.acker.executors".into(), json!(pick(3)));
    }
    if pick(3) == 0 {
        conf.insert("topology.eventlogger.executors".into(), json!([Value::Null, json!(2), json!(0)][pick(3)]));
    }
    if pick(3) == 0 {
        conf.insert("topology.max.task.parallelism".into(), json!(1 + pick(4)));
    }
    if pick(3) == 0 {
        let consumer =
            json!({"class": "org.apache.storm.metric.LoggingMetricsConsumer", "parallelism.hint": 1 + pick(2)});
        let other = json!({"class": "a.B"});
        conf.insert("topology.metrics.consumer.register".into(), json!([consumer, other, consumer]));
    }
    let mut names: Vec<&str> = NAMES.to_vec();
    let mut take = |pick: &mut dyn FnMut(usize) -> usize| names.swap_remove(pick(names.len())).to_owned();
    let object = ComponentObject::Shell(ShellComponent {
        execution_command: Some("python3".to_owned()),
        script: Some("x.py".to_owned()),
    });
    let common = |pick: &mut dyn FnMut(usize) -> usize| {
        let mut streams = BTreeMap::new();
        for (stream, fields) in [("default", &["word", "n"][..]), ("errors", &["text"]), ("direct", &[])] {
            if stream == "default" || pick(2) == 0 {
                let output_fields = fields.iter().map(|f| (*f).to_owned()).collect();
                streams.insert(stream.to_owned(), StreamInfo { output_fields, direct: stream == "direct" });
            }
        }
        let hint = [None, Some(1), Some(3), Some(5)][pick(4)];
        let json_conf =
            [None, Some(r#"{"topology.tasks": 6}"#), Some(r#"{"topology.tasks": "4", "k": [1, null]}"#), Some("{}")]
                [pick(4)];
        ComponentCommon {
            inputs: BTreeMap::new(),
            streams,
            parallelism_hint: hint,
            json_conf: json_conf.map(str::to_owned),
        }
    };
    let mut topology = StormTopology::default();
    let mut outputs: Vec<(String, String)> = Vec::new();
    for _ in 0..1 + pick(2) {
        let id = take(&mut pick);
        let common = common(&mut pick);
        outputs.extend(common.streams.keys().map(|s| (id.clone(), s.clone())));
        topology.spouts.insert(id, SpoutSpec { spout_object: object.clone(), common });
    }
    let of_spouts = outputs.len();
    for _ in 0..pick(5) {
        let id = take(&mut pick);
        let mut common = common(&mut pick);
        outputs.extend(common.streams.keys().map(|s| (id.clone(), s.clone())));
        for nth in 0..1 + pick(3) {
            // Every bolt is fed; that is where we ask for more than Apache Storm does.
            let choice = if nth == 0 { of_spouts } else { outputs.len() };
            let (component_id, stream_id) = outputs[pick(choice)].clone();
            let grouping = match pick(6) {
                0 if stream_id == "default" => Grouping::Fields(vec!["word".to_owned()]),
                1 => Grouping::Fields(vec![]),
                2 => Grouping::All(NullStruct {}),
                3 => Grouping::LocalOrShuffle(NullStruct {}),
                4 => Grouping::Direct(NullStruct {}),
                _ => Grouping::Shuffle(NullStruct {}),
            };
            common.inputs.insert(GlobalStreamId { component_id, stream_id }, grouping);
        }
        topology.bolts.insert(id, Bolt { bolt_object: object.clone(), common });
    }
    (conf, topology)
}

#[test]
fn components_streams_tasks_and_executors_are_those_of_apache_storm() {
    let mut random = Random::new(20);
    let cases: Vec<_> = (0..200).map(|_| random_topology(&mut random)).collect();
    let requests: Vec<String> = cases.iter().map(|(conf, topology)| request(conf, topology)).collect();
    let answers = java(&requests, &[]);
    assert_eq!(answers.len(), cases.len());
    for ((conf, topology), answer) in cases.iter().zip(answers) {
        let ours = ours(conf, topology).unwrap_or_else(|e| panic!("{e}\n{conf:?}\n{topology:#?}"));
        let theirs = answer["components"].as_object().unwrap_or_else(|| panic!("{answer}\n{conf:?}\n{topology:#?}"));
        let names: BTreeSet<&String> = theirs.keys().collect();
        assert_eq!(ours.keys().collect::<BTreeSet<_>>(), names);
        for (id, component) in ours {
            assert_eq!(sorted(component), sorted(theirs[&id].clone()), "{id} of {conf:?}");
        }
    }
}

#[test]
fn what_apache_storm_refuses_is_refused() {
    let shell =
        ComponentObject::Shell(ShellComponent { execution_command: Some("sh".into()), script: Some("x".into()) });
    let stream = |f: &[&str]| StreamInfo { output_fields: f.iter().map(|f| (*f).to_owned()).collect(), direct: false };
    let base = || {
        let mut t = StormTopology::default();
        let common =
            ComponentCommon { streams: [("default".to_owned(), stream(&["word"]))].into(), ..Default::default() };
        t.spouts.insert("spout".into(), SpoutSpec { spout_object: shell.clone(), common: common.clone() });
        t.bolts.insert("bolt".into(), Bolt { bolt_object: shell.clone(), common });
        t
    };
    let input = |c: &str, s: &str| GlobalStreamId { component_id: c.to_owned(), stream_id: s.to_owned() };
    let shuffle = || Grouping::Shuffle(NullStruct {});
    type Change<'a> = Box<dyn Fn(&mut StormTopology) + 'a>;
    let bolt = |f: Box<dyn Fn(&mut ComponentCommon)>| -> Change<'_> {
        Box::new(move |t| f(&mut t.bolts.get_mut("bolt").unwrap().common))
    };
    let gsid = input;
    let cases: Vec<(&str, Change<'_>)> = vec![
        ("nope", bolt(Box::new(move |c| drop(c.inputs.insert(gsid("nope", "default"), shuffle()))))),
        ("other", bolt(Box::new(move |c| drop(c.inputs.insert(gsid("spout", "other"), shuffle()))))),
        (
            "missing",
            bolt(Box::new(move |c| {
                c.inputs.insert(gsid("spout", "default"), Grouping::Fields(vec!["word".into(), "missing".into()]));
            })),
        ),
        ("__mine", bolt(Box::new(move |c| drop(c.streams.insert("__mine".into(), stream(&[])))))),
        (
            "executors",
            bolt(Box::new(|c| {
                c.parallelism_hint = Some(0);
                c.json_conf = Some(r#"{"topology.tasks": 2}"#.into());
            })),
        ),
        ("topology.tasks", bolt(Box::new(|c| c.json_conf = Some(r#"{"topology.tasks": "two"}"#.into())))),
        (
            "__own",
            Box::new(|t| {
                let bolt = t.bolts["bolt"].clone();
                t.bolts.insert("__own".into(), bolt);
            }),
        ),
        (
            "spout",
            Box::new(|t| {
                let bolt = t.bolts["bolt"].clone();
                t.bolts.insert("spout".into(), bolt);
            }),
        ),
        (
            "spout",
            Box::new(|t| {
                t.spouts.get_mut("spout").unwrap().common.inputs.insert(gsid("bolt", "default"), shuffle());
            }),
        ),
    ];
    let conf = object(json!({"topology.workers": 1, "topology.message.timeout.secs": 30}));
    let broken: Vec<StormTopology> = cases
        .iter()
        .map(|(_, change)| {
            let mut t = base();
            change(&mut t);
            t
        })
        .collect();
    let answers = java(&broken.iter().map(|t| request(&conf, t)).collect::<Vec<_>>(), &[]);
    for (((name, _), topology), answer) in cases.iter().zip(&broken).zip(answers) {
        assert!(answer["error"].is_string(), "Apache Storm takes {name}: {answer}");
        let ours = ours(&conf, topology).expect_err(name);
        assert!(ours.contains(name), "{name}: {ours}");
    }

    // A loop is legal when something feeds it; Apache Storm takes the other kind, too, and it is silent for ever.
    let with_inputs = |sources: &[(&str, &str)]| {
        let mut t = base();
        let other = t.bolts["bolt"].clone();
        t.bolts.insert("other".to_owned(), other);
        for (bolt, source) in sources {
            let common = &mut t.bolts.get_mut(*bolt).expect("a bolt").common;
            common.inputs.insert(input(source, "default"), Grouping::Shuffle(NullStruct {}));
        }
        t
    };
    let fed = with_inputs(&[("bolt", "spout"), ("bolt", "other"), ("other", "bolt"), ("other", "other")]);
    let unfed = with_inputs(&[("bolt", "other"), ("other", "bolt")]);
    let alone = with_inputs(&[("bolt", "bolt"), ("other", "spout")]);
    let answers = java(&[&fed, &unfed, &alone].map(|t| request(&conf, t)), &[]);
    assert!(answers.iter().all(|a| a["error"].is_null()), "{answers:?}");
    ours(&conf, &fed).expect("a loop is legal");
    let error = ours(&conf, &unfed).expect_err("nothing feeds it");
    assert!(error.contains("bolt") && error.contains("other") && error.contains("circle"), "{error}");
    let error = ours(&conf, &alone).expect_err("nothing feeds it");
    assert!(error.contains("[bolt]") && !error.contains("bolt, other"), "{error}");
}

#[test]
fn a_component_may_not_override_exactly_storms_own_keys() {
    let keys: BTreeSet<String> =
        java(&[], &["keys"])[0].as_array().unwrap().iter().map(|k| k.as_str().unwrap().to_owned()).collect();
    assert!(keys.len() > 250);
    let mut own = Map::new();
    for key in keys.iter().map(String::as_str).chain(["mine", "topology.component.builtin"]) {
        own.insert(key.to_owned(), json!(1));
    }
    let merged = storm_topology::system::merged_component_conf(&Map::new(), &own);
    let passed: BTreeSet<&str> = merged.keys().map(String::as_str).collect();
    // From the byte code of `Executor.normalizedComponentConf`.
    let allowed = [
        "mine",
        "topology.bolts.late.tuple.stream",
        "topology.bolts.message.id.field.name",
        "topology.bolts.tuple.timestamp.max.lag.ms",
        "topology.bolts.window.length.count",
        "topology.bolts.window.length.duration.ms",
        "topology.bolts.window.sliding.interval.count",
        "topology.bolts.window.sliding.interval.duration.ms",
        "topology.component.builtin",
        "topology.debug",
        "topology.max.spout.pending",
        "topology.max.task.parallelism",
        "topology.sleep.spout.wait.strategy.time.ms",
        "topology.spout.wait.strategy",
        "topology.state.provider",
        "topology.state.provider.config",
        "topology.tick.tuple.freq.secs",
        "topology.transactional.id",
    ];
    assert_eq!(passed, BTreeSet::from(allowed));
}
