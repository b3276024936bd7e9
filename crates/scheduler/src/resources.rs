//! What executors ask for, and the sums that go with each worker of an assignment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};
use storm_thrift::types::WorkerResources;

use crate::problem::{Executor, Slot, TopologyDetails};

const CPU: &str = "cpu.pcore.percent";
const ON_HEAP: &str = "onheap.memory.mb";
const OFF_HEAP: &str = "offheap.memory.mb";

/// The keys of one kind of component: (on heap, off heap, cpu).
const COMPONENT_KEYS: [&str; 3] = [
    "topology.component.resources.onheap.memory.mb",
    "topology.component.resources.offheap.memory.mb",
    "topology.component.cpu.pcore.percent",
];
const ACKER_KEYS: [&str; 3] = [
    "topology.acker.resources.onheap.memory.mb",
    "topology.acker.resources.offheap.memory.mb",
    "topology.acker.cpu.pcore.percent",
];
const METRICS_CONSUMER_KEYS: [&str; 3] = [
    "topology.metrics.consumer.resources.onheap.memory.mb",
    "topology.metrics.consumer.resources.offheap.memory.mb",
    "topology.metrics.consumer.cpu.pcore.percent",
];

/// What one executor asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    pub on_heap_mb: f64,
    pub off_heap_mb: f64,
    pub cpu: f64,
    /// Resources beyond memory and cpu, by name.
    pub generic: BTreeMap<String, f64>,
}

/// A memory region that its components share within a worker, or within a node.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SharedMemory {
    pub components: BTreeSet<Arc<str>>,
    pub on_heap_mb: f64,
    pub off_heap_worker_mb: f64,
    pub off_heap_node_mb: f64,
}

/// What one executor of `component` asks for: its own `json_conf` over the topology's configuration.
pub fn component_request(component: &str, topology_conf: &Map<String, Value>, own: &Map<String, Value>) -> Request {
    let special = if component == "__acker" {
        Some(ACKER_KEYS)
    } else if component.starts_with("__metrics") {
        Some(METRICS_CONSUMER_KEYS)
    } else {
        None
    };
    let number = |i: usize, default: f64| {
        let special = special.and_then(|keys| number_at(topology_conf, keys[i]));
        special
            .or_else(|| number_at(own, COMPONENT_KEYS[i]))
            .or_else(|| number_at(topology_conf, COMPONENT_KEYS[i]))
            .unwrap_or(default)
    };
    let mut request = Request {
        on_heap_mb: number(0, 128.0),
        off_heap_mb: number(1, 0.0),
        cpu: number(2, 10.0),
        generic: BTreeMap::new(),
    };
    for conf in [topology_conf, own] {
        let Some(Value::Object(map)) = conf.get("topology.component.resources.map") else { continue };
        for (name, amount) in map {
            let Some(amount) = amount.as_f64() else { continue };
            match name.as_str() {
                CPU | "topology.component.cpu.pcore.percent" => request.cpu = amount,
                ON_HEAP | "topology.component.resources.onheap.memory.mb" => request.on_heap_mb = amount,
                OFF_HEAP | "topology.component.resources.offheap.memory.mb" => request.off_heap_mb = amount,
                other => {
                    request.generic.insert(other.to_owned(), amount);
                }
            }
        }
    }
    request
}

fn number_at(conf: &Map<String, Value>, key: &str) -> Option<f64> {
    conf.get(key).and_then(Value::as_f64)
}

pub(crate) fn of_workers(t: &TopologyDetails, placed: &BTreeMap<Executor, Slot>) -> BTreeMap<Slot, WorkerResources> {
    let mut by_slot: BTreeMap<Slot, Vec<&Arc<str>>> = BTreeMap::new();
    for (executor, slot) in placed {
        if let Some(component) = t.executors.get(executor) {
            by_slot.entry(slot.clone()).or_default().push(component);
        }
    }
    by_slot.into_iter().map(|(slot, components)| (slot, of_worker(t, &components))).collect()
}

fn of_worker(t: &TopologyDetails, components: &[&Arc<str>]) -> WorkerResources {
    let mut sum = Request::default();
    for request in components.iter().filter_map(|c| t.requests.get(*c)) {
        sum.on_heap_mb += request.on_heap_mb;
        sum.off_heap_mb += request.off_heap_mb;
        sum.cpu += request.cpu;
        for (name, amount) in &request.generic {
            *sum.generic.entry(name.clone()).or_default() += amount;
        }
    }
    let (mut shared, mut shares) = (Request::default(), false);
    for region in &t.shared_memory {
        if components.iter().any(|c| region.components.contains(*c)) {
            shared.on_heap_mb += region.on_heap_mb;
            shared.off_heap_mb += region.off_heap_worker_mb;
            shares = true;
        }
    }
    let mut shared_resources = BTreeMap::new();
    if shares {
        shared_resources.insert(ON_HEAP.to_owned(), shared.on_heap_mb);
        shared_resources.insert(OFF_HEAP.to_owned(), shared.off_heap_mb);
    }
    sum.on_heap_mb += shared.on_heap_mb;
    sum.off_heap_mb += shared.off_heap_mb;
    sum.cpu = sum.cpu.max(t.min_worker_cpu);
    WorkerResources {
        mem_on_heap: Some(sum.on_heap_mb),
        mem_off_heap: Some(sum.off_heap_mb),
        cpu: Some(sum.cpu),
        shared_mem_on_heap: Some(shared.on_heap_mb),
        shared_mem_off_heap: Some(shared.off_heap_mb),
        resources: Some(named(&sum)),
        shared_resources: Some(shared_resources),
    }
}

fn named(request: &Request) -> BTreeMap<String, f64> {
    let mut map = request.generic.clone();
    map.insert(CPU.to_owned(), request.cpu);
    map.insert(ON_HEAP.to_owned(), request.on_heap_mb);
    map.insert(OFF_HEAP.to_owned(), request.off_heap_mb);
    map
}

pub(crate) fn shared_off_heap_of_nodes(
    t: &TopologyDetails,
    placed: &BTreeMap<Executor, Slot>,
) -> BTreeMap<Arc<str>, f64> {
    let mut nodes: BTreeMap<Arc<str>, f64> = BTreeMap::new();
    for region in t.shared_memory.iter().filter(|r| r.off_heap_node_mb > 0.0) {
        let users: BTreeSet<&Arc<str>> = placed
            .iter()
            .filter(|(executor, _)| t.executors.get(executor).is_some_and(|c| region.components.contains(c)))
            .map(|(_, slot)| &slot.node)
            .collect();
        for node in users {
            *nodes.entry(node.clone()).or_default() += region.off_heap_node_mb;
        }
    }
    nodes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(v: Value) -> Map<String, Value> {
        v.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn a_component_overrides_the_topology_and_the_topology_the_default() {
        let topology =
            map(json!({"topology.component.cpu.pcore.percent": 25.0, "topology.acker.cpu.pcore.percent": 1.0}));
        let own = map(
            json!({"topology.component.resources.onheap.memory.mb": 64, "topology.component.resources.map": {"gpu": 2}}),
        );
        let request = component_request("count", &topology, &own);
        assert_eq!((request.on_heap_mb, request.off_heap_mb, request.cpu), (64.0, 0.0, 25.0));
        assert_eq!(request.generic, BTreeMap::from([("gpu".to_owned(), 2.0)]));
        assert_eq!(component_request("__acker", &topology, &Map::new()).cpu, 1.0);
    }

    #[test]
    fn a_worker_counts_a_shared_region_once_and_asks_for_at_least_the_minimum_cpu() {
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let slot = Slot { node: "n".into(), port: 6700 };
        let t = TopologyDetails {
            id: "t".into(),
            num_workers: 1,
            executors: BTreeMap::from([
                (Executor { start: 1, end: 1 }, a.clone()),
                (Executor { start: 2, end: 3 }, a.clone()),
                (Executor { start: 4, end: 4 }, b.clone()),
            ]),
            requests: BTreeMap::from([
                (a.clone(), Request { on_heap_mb: 128.0, cpu: 10.0, ..Request::default() }),
                (b.clone(), Request { on_heap_mb: 64.0, off_heap_mb: 8.0, cpu: 5.0, ..Request::default() }),
            ]),
            shared_memory: vec![SharedMemory {
                components: BTreeSet::from([a]),
                on_heap_mb: 100.0,
                off_heap_worker_mb: 10.0,
                off_heap_node_mb: 30.0,
            }],
            min_worker_cpu: 50.0,
        };
        let placed = t.executors.keys().map(|e| (*e, slot.clone())).collect();
        let r = &of_workers(&t, &placed)[&slot];
        assert_eq!((r.mem_on_heap, r.mem_off_heap, r.cpu), (Some(420.0), Some(18.0), Some(50.0)));
        assert_eq!((r.shared_mem_on_heap, r.shared_mem_off_heap), (Some(100.0), Some(10.0)));
        assert_eq!(shared_off_heap_of_nodes(&t, &placed), BTreeMap::from([("n".into(), 30.0)]));
    }
}
