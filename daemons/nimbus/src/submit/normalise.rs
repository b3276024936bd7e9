//! The configuration that is stored with a topology: Nimbus' own, overlaid by the topology's, with what Storm adds.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use storm_thrift::types::StormTopology;
use storm_topology::system::component_conf;

/// Keys that a client may not change by a rebalance.
pub(crate) const DROPPED_OVERRIDES: [&str; 8] = [
    "topology.submitter.principal",
    "topology.submitter.user",
    "storm.zookeeper.superACL",
    "storm.zookeeper.topology.auth.scheme",
    "storm.zookeeper.topology.auth.payload",
    "storm.local.hostname",
    "storm.id",
    "topology.name",
];

pub(super) struct Context<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub cluster: &'a Map<String, Value>,
    pub submitter: &'a str,
}

/// The topology to store, and the configuration to store with it.
pub(super) fn conf(
    cx: &Context<'_>,
    topology_conf: Map<String, Value>,
    topology: &StormTopology,
) -> Result<(StormTopology, Map<String, Value>), String> {
    let mut conf = topology_conf;
    conf.insert("storm.id".to_owned(), cx.id.into());
    conf.insert("topology.name".to_owned(), cx.name.into());
    conf.remove("storm.workers.artifacts.dir");
    gather_kryo(&mut conf, topology)?;
    for key in ["topology.acker.executors", "topology.eventlogger.executors", "topology.max.task.parallelism"] {
        let effective = conf.get(key).or_else(|| cx.cluster.get(key)).cloned().unwrap_or(Value::Null);
        conf.insert(key.to_owned(), effective);
    }
    let either = "storm.messaging.netty.authentication";
    let on = |map: &Map<String, Value>| map.get(either).and_then(Value::as_bool).unwrap_or(false);
    let authenticated = on(&conf) || on(cx.cluster);
    conf.insert(either.to_owned(), authenticated.into());
    metrics_reporters(&mut conf, cx.cluster);
    for key in ["storm.cgroup.hierarchy.dir", "worker.metrics"] {
        if let Some(forced) = cx.cluster.get(key) {
            conf.insert(key.to_owned(), forced.clone());
        }
    }
    let most = cx.cluster.get("worker.max.timeout.secs").and_then(Value::as_i64);
    if let (Some(asked), Some(most)) = (conf.get("topology.worker.timeout.secs").and_then(Value::as_i64), most)
        && asked > most
    {
        conf.insert("topology.worker.timeout.secs".to_owned(), most.into());
    }
    submitter(&mut conf, cx);

    let mut stored = cx.cluster.clone();
    stored.extend(conf);
    stored.remove("storm.local.hostname");
    Ok((topology.clone(), stored))
}

fn submitter(conf: &mut Map<String, Value>, cx: &Context<'_>) {
    conf.insert("topology.submitter.principal".to_owned(), "".into());
    conf.insert("topology.submitter.user".to_owned(), cx.submitter.into());
    let mut users: Vec<Value> = conf.get("topology.users").and_then(Value::as_array).cloned().unwrap_or_default();
    if !users.iter().any(|u| u.as_str() == Some(cx.submitter)) {
        users.push(cx.submitter.into());
    }
    conf.insert("topology.users".to_owned(), users.into());
    let acl = cx.cluster.get("storm.zookeeper.superACL").cloned().unwrap_or(Value::Null);
    conf.insert("storm.zookeeper.superACL".to_owned(), acl);
    // ZooKeeper is used without authentication; keys for it would only make Java workers fail.
    conf.remove("storm.zookeeper.topology.auth.scheme");
    conf.remove("storm.zookeeper.topology.auth.payload");
    let allowed = cx.cluster.get("storm.topology.classpath.beginning.enabled").and_then(Value::as_bool);
    if allowed != Some(true) {
        conf.remove("topology.classpath.beginning");
    }
}

fn metrics_reporters(conf: &mut Map<String, Value>, cluster: &Map<String, Value>) {
    let list = |v: Option<&Value>| v.and_then(Value::as_array).cloned();
    let key = "topology.metrics.reporters";
    let own =
        list(conf.get(key)).or_else(|| list(cluster.get(key))).or_else(|| list(cluster.get("storm.metrics.reporters")));
    let system = list(cluster.get("storm.topology.metrics.system.reporters")).unwrap_or_default();
    if own.is_none() && system.is_empty() {
        return;
    }
    let mut reporters = own.unwrap_or_default();
    for reporter in system {
        if !reporters.contains(&reporter) {
            reporters.push(reporter);
        }
    }
    conf.insert(key.to_owned(), reporters.into());
}

/// Kryo registrations and decorators of all components go up to the topology; Java workers read them there.
fn gather_kryo(conf: &mut Map<String, Value>, topology: &StormTopology) -> Result<(), String> {
    let mut registrations = Map::new();
    let mut decorators = BTreeSet::new();
    let mut gather = |conf: &Map<String, Value>| -> Result<(), String> {
        for entry in conf.get("topology.kryo.register").and_then(Value::as_array).into_iter().flatten() {
            match entry {
                Value::String(class) => {
                    registrations.entry(class.clone()).or_insert(Value::Null);
                }
                Value::Object(map) => registrations.extend(map.clone()),
                other => {
                    return Err(format!(
                        "topology.kryo.register holds {other}; classes and maps of classes may be in it"
                    ));
                }
            }
        }
        if let Some(Value::Object(map)) = conf.get("topology.kryo.register") {
            registrations.extend(map.clone());
        }
        let listed = conf.get("topology.kryo.decorators").and_then(Value::as_array).into_iter().flatten();
        decorators.extend(listed.filter_map(Value::as_str).map(str::to_owned));
        Ok(())
    };
    let spouts = topology.spouts.iter().map(|(id, s)| (id, &s.common));
    for (id, common) in spouts.chain(topology.bolts.iter().map(|(id, b)| (id, &b.common))) {
        gather(&component_conf(id, common).map_err(|e| e.to_string())?)?;
    }
    gather(conf)?;
    conf.insert("topology.kryo.register".to_owned(), registrations.into());
    conf.insert("topology.kryo.decorators".to_owned(), decorators.into_iter().collect::<Vec<_>>().into());
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(cluster: Value, own: Value) -> Map<String, Value> {
        let cluster = cluster.as_object().unwrap();
        let cx = Context { id: "wc-1-5", name: "wc", cluster, submitter: "ann" };
        conf(&cx, own.as_object().cloned().unwrap(), &StormTopology::default()).unwrap().1
    }

    #[test]
    fn the_stored_configuration_is_nimbus_own_overlaid() {
        let stored = run(
            json!({
                "storm.local.dir": "/n", "storm.local.hostname": "h", "topology.workers": 1, "worker.max.timeout.secs": 600,
                "topology.acker.executors": null, "topology.eventlogger.executors": 0, "topology.debug": false,
                "storm.topology.classpath.beginning.enabled": false
            }),
            json!({
                "topology.workers": 3, "topology.worker.timeout.secs": 9999, "mine": [1], "topology.users": ["bob"],
                "topology.classpath.beginning": "/x", "topology.submitter.user": "root", "storm.id": "forged"
            }),
        );
        for (key, value) in [
            ("storm.local.dir", json!("/n")),
            ("topology.workers", json!(3)),
            ("topology.worker.timeout.secs", json!(600)),
            ("topology.eventlogger.executors", json!(0)),
            ("topology.acker.executors", Value::Null),
            ("topology.users", json!(["bob", "ann"])),
            ("topology.submitter.user", json!("ann")),
            ("topology.submitter.principal", json!("")),
            ("storm.id", json!("wc-1-5")),
            ("topology.name", json!("wc")),
            ("mine", json!([1])),
            ("topology.kryo.register", json!({})),
            ("topology.kryo.decorators", json!([])),
        ] {
            assert_eq!(stored.get(key), Some(&value), "{key}");
        }
        for absent in ["storm.local.hostname", "topology.classpath.beginning"] {
            assert_eq!(stored.get(absent), None, "{absent}");
        }
    }

    #[test]
    fn kryo_registrations_become_a_map() {
        let stored = run(
            json!({}),
            json!({"topology.kryo.register": ["a.B", {"c.D": "c.S"}], "topology.kryo.decorators": ["d", "d"]}),
        );
        assert_eq!(stored["topology.kryo.register"], json!({"a.B": null, "c.D": "c.S"}));
        assert_eq!(stored["topology.kryo.decorators"], json!(["d"]));
        let bad = json!({"topology.kryo.register": [1]});
        let cluster = Map::new();
        let cx = Context { id: "i", name: "n", cluster: &cluster, submitter: "u" };
        assert!(conf(&cx, bad.as_object().cloned().unwrap(), &StormTopology::default()).is_err());
    }

    #[test]
    fn system_reporters_join_the_topologys() {
        let cluster = json!({
            "storm.topology.metrics.system.reporters": [{"class": "S"}], "storm.metrics.reporters": [{"class": "C"}]
        });
        assert_eq!(
            run(cluster.clone(), json!({}))["topology.metrics.reporters"],
            json!([{"class": "C"}, {"class": "S"}])
        );
        let own = json!({"topology.metrics.reporters": [{"class": "T"}]});
        assert_eq!(run(cluster, own)["topology.metrics.reporters"], json!([{"class": "T"}, {"class": "S"}]));
    }
}
