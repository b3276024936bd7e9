//! Random problems, decided here and by Apache Storm's own `DefaultScheduler` and `EvenScheduler`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::Stdio;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use storm_scheduler::{
    Executor, Node, Placement, Policy, Problem, SharedMemory, Slot, Solution, TopologyDetails, component_request,
    schedule,
};
use storm_tests::peers;
use storm_tests::random::Random;
use storm_thrift::types::{
    Bolt, ComponentCommon, ComponentObject, SharedMemory as WireSharedMemory, ShellComponent, SpoutSpec, StormTopology,
};

const NEEDY: &str = "needy-1-100";
const OTHER: &str = "other-2-100";
const SPOUT: &str = "spout";

/// A problem, and what of it only Storm needs.
struct Case {
    problem: Problem,
    conf: Map<String, Value>,
    wire: BTreeMap<String, StormTopology>,
}

fn common(conf: Value) -> ComponentCommon {
    ComponentCommon { json_conf: Some(conf.to_string()), ..ComponentCommon::default() }
}

fn object() -> ComponentObject {
    ComponentObject::Shell(ShellComponent::default())
}

fn own_conf(random: &mut Random) -> Value {
    let mut own = Map::new();
    if random.below(2) == 0 {
        own.insert("topology.component.resources.onheap.memory.mb".into(), json!(random.below(300) as f64 + 0.5));
    }
    if random.below(3) == 0 {
        own.insert("topology.component.resources.offheap.memory.mb".into(), json!(random.below(100)));
    }
    if random.below(3) == 0 {
        own.insert("topology.component.cpu.pcore.percent".into(), json!(random.below(100) as f64));
    }
    if random.below(4) == 0 {
        own.insert("topology.component.resources.map".into(), json!({"gpu.count": random.below(4) as f64}));
    }
    Value::Object(own)
}

fn cluster_conf(random: &mut Random) -> Map<String, Value> {
    let mut conf = Map::new();
    conf.insert("topology.component.resources.onheap.memory.mb".into(), json!(128.0));
    conf.insert("topology.component.resources.offheap.memory.mb".into(), json!(0.0));
    conf.insert("topology.component.cpu.pcore.percent".into(), json!(10.0));
    conf.insert("storm.worker.min.cpu.pcore.percent".into(), json!([0.0, 55.0][random.below(2) as usize]));
    if random.below(2) == 0 {
        conf.insert("topology.acker.cpu.pcore.percent".into(), json!(3.0));
        conf.insert("topology.acker.resources.onheap.memory.mb".into(), json!(64));
    }
    conf
}

/// A topology of a spout, two bolts and ackers; `shared` gives the bolts a region of memory.
fn topology(
    random: &mut Random,
    id: &str,
    workers: usize,
    executors: usize,
    conf: &Map<String, Value>,
) -> (TopologyDetails, StormTopology) {
    let mut wire = StormTopology::default();
    wire.spouts.insert(SPOUT.into(), SpoutSpec { spout_object: object(), common: common(own_conf(random)) });
    for bolt in ["a", "b"] {
        wire.bolts.insert(bolt.into(), Bolt { bolt_object: object(), common: common(own_conf(random)) });
    }
    let mut shared = Vec::new();
    if random.below(2) == 0 {
        let on_heap = [0.0, 100.0][random.below(2) as usize];
        let region = WireSharedMemory {
            name: "region".into(),
            on_heap: Some(on_heap),
            off_heap_worker: Some(20.0),
            off_heap_node: Some(30.0),
        };
        wire.shared_memory = Some([("region".to_owned(), region)].into());
        let users: BTreeMap<String, BTreeSet<String>> =
            ["a", "b"].map(|c| (c.to_owned(), BTreeSet::from(["region".to_owned()]))).into();
        wire.component_to_shared_memory = Some(users);
        shared.push(SharedMemory {
            components: ["a".into(), "b".into()].into(),
            on_heap_mb: on_heap,
            off_heap_worker_mb: 20.0,
            off_heap_node_mb: 30.0,
        });
    }
    let components: [Arc<str>; 4] = ["__acker".into(), "a".into(), "b".into(), SPOUT.into()];
    let mut details = TopologyDetails {
        id: id.into(),
        num_workers: workers,
        shared_memory: shared,
        min_worker_cpu: conf["storm.worker.min.cpu.pcore.percent"].as_f64().unwrap(),
        ..TopologyDetails::default()
    };
    let mut task = 1;
    for _ in 0..executors {
        let last = task + random.below(3) as i32;
        let component = components[random.below(4) as usize].clone();
        details.executors.insert(Executor { start: task, end: last }, component);
        task = last + 1;
    }
    for component in components {
        let own = wire.spouts.get(&*component).map(|s| &s.common).or(wire.bolts.get(&*component).map(|b| &b.common));
        let own = own.and_then(|c| c.json_conf.as_deref()).unwrap_or("{}");
        let own: Map<String, Value> = serde_json::from_str(own).unwrap();
        details.requests.insert(component.clone(), component_request(&component, conf, &own));
    }
    (details, wire)
}

/// One needy topology, and one that has all its workers and is in the way. With more than one in need Storm's order
/// is that of a hash map.
fn case(random: &mut Random, policy: Policy) -> Case {
    let conf = cluster_conf(random);
    let mut nodes: BTreeMap<Arc<str>, Node> = BTreeMap::new();
    for i in 0..1 + random.below(5) {
        let ports = (0..random.below(5)).map(|p| 6700 + p as i64).collect();
        nodes.insert(format!("node{i}").into(), Node { ports });
    }
    let all: Vec<Slot> =
        nodes.iter().flat_map(|(id, n)| n.ports.iter().map(|p| Slot { node: id.clone(), port: *p })).collect();
    let mut existing: BTreeMap<String, BTreeMap<Executor, Slot>> = BTreeMap::new();
    let taken = (random.below(3) as usize).min(all.len());
    let (workers, executors) = (1 + random.below(5) as usize, 1 + random.below(16) as usize);
    let (needy, needy_wire) = topology(random, NEEDY, workers, executors, &conf);
    let (other, other_wire) = topology(random, OTHER, taken, taken * 2, &conf);
    let mut slots = all.clone();
    let mut pick = |random: &mut Random, count: usize| -> Vec<Slot> {
        (0..count.min(slots.len())).map(|_| slots.remove(random.below(slots.len() as u64) as usize)).collect()
    };
    let others = pick(random, taken);
    let place = other.executors.keys().enumerate().map(|(i, e)| (*e, others[i % taken].clone())).collect();
    existing.insert(OTHER.into(), place);
    let count = random.below(4) as usize;
    let held = pick(random, count);
    if !held.is_empty() {
        let placed = needy.executors.keys().enumerate().filter(|_| random.below(6) > 0);
        let placed = placed.map(|(i, e)| (*e, held[(i + i / 5) % held.len()].clone())).collect();
        existing.insert(NEEDY.into(), placed);
    }
    let wire = BTreeMap::from([(NEEDY.to_owned(), needy_wire), (OTHER.to_owned(), other_wire)]);
    Case { problem: Problem { policy, topologies: vec![needy, other], nodes, existing }, conf, wire }
}

fn executor_text(e: &Executor) -> String {
    format!("{}-{}", e.start, e.end)
}

fn slot_text(s: &Slot) -> String {
    format!("{}:{}", s.node, s.port)
}

fn request(case: &Case) -> String {
    let p = &case.problem;
    let placed = |id: &str| -> Map<String, Value> {
        let placed = p.existing.get(id).into_iter().flatten();
        placed.map(|(e, s)| (executor_text(e), json!(slot_text(s)))).collect()
    };
    let topology = |t: &TopologyDetails| {
        let hex: String = storm_thrift::to_bytes(&case.wire[&t.id]).iter().map(|b| format!("{b:02x}")).collect();
        let executors: Map<String, Value> = t.executors.iter().map(|(e, c)| (executor_text(e), json!(**c))).collect();
        json!({"workers": t.num_workers, "executors": executors, "existing": placed(&t.id), "thrift": hex})
    };
    let topologies: Map<String, Value> = p.topologies.iter().map(|t| (t.id.clone(), topology(t))).collect();
    let nodes: Map<String, Value> = p.nodes.iter().map(|(id, n)| (id.to_string(), json!(n.ports))).collect();
    let policy = if p.policy == Policy::Even { "even" } else { "default" };
    json!({"policy": policy, "conf": case.conf, "nodes": nodes, "topologies": topologies}).to_string()
}

fn storm(requests: &[String]) -> Vec<Value> {
    let mut java = peers::java(&[&peers::java_classes().display().to_string(), &peers::storm_server_classpath()]);
    java.arg("scheduler.Schedule").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = java.spawn().expect("java starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let text = requests.join("\n") + "\n";
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().expect("java ends");
    writer.join().expect("the writer ends").expect("java reads all of its input");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("UTF-8");
    lines.lines().filter_map(|l| l.strip_prefix("answer\t")).map(|l| serde_json::from_str(l).unwrap()).collect()
}

fn executors_of(answer: &Value) -> BTreeMap<String, String> {
    let executors = answer["executors"].as_object().unwrap();
    executors.iter().map(|(e, s)| (e.clone(), s.as_str().unwrap().to_owned())).collect()
}

fn ours(placement: &Placement) -> BTreeMap<String, String> {
    placement.executors.iter().map(|(e, s)| (executor_text(e), slot_text(s))).collect()
}

/// How many executors the slots have, and on how many nodes.
fn shape(executors: &BTreeMap<String, String>) -> Vec<usize> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for slot in executors.values() {
        *counts.entry(slot).or_default() += 1;
    }
    let mut shape: Vec<usize> = counts.into_values().collect();
    shape.sort_unstable();
    shape
}

fn resources(placement: &Placement) -> Value {
    let one = |(slot, r): (&Slot, &storm_thrift::types::WorkerResources)| {
        let values = json!([
            r.mem_on_heap,
            r.mem_off_heap,
            r.cpu,
            r.shared_mem_on_heap,
            r.shared_mem_off_heap,
            r.resources,
            r.shared_resources
        ]);
        (slot_text(slot), values)
    };
    Value::Object(placement.resources.iter().map(one).collect())
}

/// 3 and 3.0 are the same amount; and whether Storm tells 0 of a resource nobody asked for depends on what the same JVM has
/// scheduled before.
fn floats(v: &Value) -> Value {
    match v {
        Value::Number(n) => json!((n.as_f64().unwrap() * 1e6).round() / 1e6),
        Value::Array(a) => a.iter().map(floats).collect(),
        Value::Object(o) => {
            let sorted: BTreeMap<&String, Value> =
                o.iter().map(|(k, v)| (k, floats(v))).filter(|(k, v)| *k != "gpu.count" || *v != json!(0.0)).collect();
            json!(sorted)
        }
        other => other.clone(),
    }
}

/// Whether Storm's choice of the slots it frees depends on the order of a hash map: several slots have a number of
/// executors that only some of them may keep.
fn ambiguous(case: &Case) -> bool {
    case.problem.existing.get(NEEDY).is_some_and(|placed| placed.values().collect::<BTreeSet<_>>().len() > 1)
}

fn holds_too_many(case: &Case) -> bool {
    let held = case.problem.existing.get(NEEDY).map(|placed| placed.values().collect::<BTreeSet<_>>().len());
    held > Some(case.problem.topologies[0].num_workers)
}

fn check(case: &Case, storm: &Value, solution: &Solution) {
    for t in &case.problem.topologies {
        let (theirs, placement) = (&storm[&t.id], &solution.placements[&t.id]);
        let (their, our) = (executors_of(theirs), ours(placement));
        let context = || format!("{}\nStorm: {their:?}\nours: {our:?}", request(case));
        if t.id == OTHER || !ambiguous(case) {
            assert_eq!(their, our, "{}", context());
        } else {
            assert_eq!(shape(&their), shape(&our), "{}", context());
        }
        // Storm computes resources where it assigns; a slot that just stayed has those of its old assignment.
        if t.id == NEEDY && !case.problem.existing.contains_key(NEEDY) {
            assert_eq!(floats(&theirs["resources"]), floats(&resources(placement)), "{}", context());
        }
    }
}

fn judged(policy: Policy) {
    let mut random = Random::new(20_260_802);
    let cases: Vec<Case> = (0..400).map(|_| case(&mut random, policy)).collect();
    let answers = storm(&cases.iter().map(request).collect::<Vec<_>>());
    assert_eq!(answers.len(), cases.len());
    for (case, answer) in cases.iter().zip(&answers) {
        // Storm's even scheduler fails the whole round when a topology holds more slots than it wants; ours waits.
        if let Some(error) = answer["error"].as_str() {
            assert!(policy == Policy::Even && holds_too_many(case), "{error} {}", request(case));
            continue;
        }
        check(case, answer, &schedule(&case.problem));
    }
}

#[test]
fn the_default_scheduler_decides_as_storms() {
    judged(Policy::Default);
}

#[test]
fn the_even_scheduler_decides_as_storms() {
    judged(Policy::Even);
}
