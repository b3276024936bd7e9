//! Keys that do nothing, or do harm, without another key.

use serde_json::Value;
use storm_conf::Conf;

use super::document::Document;
use crate::finding::{Finding, Level};

struct Need {
    key: &'static str,
    /// Whether the value of `key` has the need at all.
    when: When,
    needs: &'static str,
    is: Is,
    why: &'static str,
}

enum When {
    Set,
    True,
    /// A number above 0.
    Positive,
    NotEmpty,
    Contains(&'static str),
}

enum Is {
    Set,
    True,
    Contains(&'static str),
}

const RAS: &str = "ResourceAwareScheduler";

const fn need(key: &'static str, when: When, needs: &'static str, is: Is, why: &'static str) -> Need {
    Need { key, when, needs, is, why }
}

const NEEDS: &[Need] = &[
    need(
        "scheduler.display.resource",
        When::True,
        "storm.scheduler",
        Is::Contains(RAS),
        "resources are known to the resource aware scheduler only",
    ),
    need(
        "resource.aware.scheduler.user.pools",
        When::NotEmpty,
        "storm.scheduler",
        Is::Contains(RAS),
        "only the resource aware scheduler reads it",
    ),
    need(
        "resource.aware.scheduler.priority.strategy",
        When::Set,
        "storm.scheduler",
        Is::Contains(RAS),
        "only the resource aware scheduler reads it",
    ),
    need(
        "isolation.scheduler.machines",
        When::NotEmpty,
        "storm.scheduler",
        Is::Contains("IsolationScheduler"),
        "only the isolation scheduler reads it",
    ),
    need(
        "multitenant.scheduler.user.pools",
        When::NotEmpty,
        "storm.scheduler",
        Is::Contains("MultitenantScheduler"),
        "only the multitenant scheduler reads it",
    ),
    need(
        "storm.cgroup.memory.enforcement.enable",
        When::True,
        "storm.resource.isolation.plugin.enable",
        Is::True,
        "without isolation no cgroup is made",
    ),
    need(
        "storm.worker.cgroup.memory.mb.limit",
        When::Set,
        "storm.resource.isolation.plugin.enable",
        Is::True,
        "without isolation no cgroup is made",
    ),
    need(
        "storm.worker.cgroup.cpu.limit",
        When::Set,
        "storm.resource.isolation.plugin.enable",
        Is::True,
        "without isolation no cgroup is made",
    ),
    need("ui.https.port", When::Positive, "ui.https.keystore.path", Is::Set, "HTTPS needs a key"),
    need("ui.https.keystore.path", When::Set, "ui.https.port", Is::Set, "without the port there is no HTTPS"),
    need("logviewer.https.port", When::Positive, "logviewer.https.keystore.path", Is::Set, "HTTPS needs a key"),
    need(
        "logviewer.https.keystore.path",
        When::Set,
        "logviewer.https.port",
        Is::Set,
        "without the port there is no HTTPS",
    ),
    need("drpc.https.port", When::Positive, "drpc.https.keystore.path", Is::Set, "HTTPS needs a key"),
    need(
        "nimbus.thrift.tls.port",
        When::Positive,
        "nimbus.thrift.tls.server.keystore.path",
        Is::Set,
        "TLS needs a key",
    ),
    need(
        "storm.messaging.netty.tls.enable",
        When::True,
        "storm.messaging.netty.tls.keystore.path",
        Is::Set,
        "TLS needs a key",
    ),
    need(
        "storm.zookeeper.ssl.enable",
        When::True,
        "storm.zookeeper.ssl.truststore.path",
        Is::Set,
        "TLS needs to know whom to trust",
    ),
    need(
        "pacemaker.servers",
        When::NotEmpty,
        "storm.cluster.state.store",
        Is::Contains("PaceMaker"),
        "heartbeats go to ZooKeeper, not to Pacemaker",
    ),
    need(
        "storm.cluster.state.store",
        When::Contains("PaceMaker"),
        "pacemaker.servers",
        Is::Set,
        "heartbeats have nowhere to go",
    ),
    need(
        "nimbus.impersonation.acl",
        When::NotEmpty,
        "nimbus.impersonation.authorizer",
        Is::Set,
        "nobody reads the list",
    ),
    need("drpc.authorizer.acl", When::NotEmpty, "drpc.authorizer", Is::Set, "nobody reads the list"),
    need(
        "nimbus.users",
        When::NotEmpty,
        "nimbus.authorizer",
        Is::Set,
        "without an authorizer everybody may do everything",
    ),
    need(
        "nimbus.admins",
        When::NotEmpty,
        "nimbus.authorizer",
        Is::Set,
        "without an authorizer everybody may do everything",
    ),
    need(
        "storm.zookeeper.auth.payload",
        When::Set,
        "storm.zookeeper.auth.scheme",
        Is::Set,
        "ZooKeeper must know what it is",
    ),
    need(
        "storm.zookeeper.auth.scheme",
        When::Set,
        "storm.zookeeper.auth.payload",
        Is::Set,
        "there is nothing to show to ZooKeeper",
    ),
    need("worker.profiler.command", When::Set, "worker.profiler.enabled", Is::True, "profiling is off"),
    need(
        "topology.classpath.beginning",
        When::Set,
        "storm.topology.classpath.beginning.enabled",
        Is::True,
        "the cluster does not allow it",
    ),
    need("blobstore.hdfs.keytab", When::Set, "blobstore.hdfs.principal", Is::Set, "a keytab is for a principal"),
];

pub(super) fn check(document: &Document<'_>) -> Vec<Finding> {
    NEEDS.iter().filter_map(|need| one(document, need)).collect()
}

fn one(document: &Document<'_>, need: &Need) -> Option<Finding> {
    // Only what is written here has a need; a default that lacks something is Storm's own matter.
    let entry = document.entry(need.key)?;
    let value = entry.value.to_value();
    if Conf::shared_defaults().get(need.key) == Some(&value) {
        return None;
    }
    let wanted = match need.when {
        When::Set => !value.is_null() && value != "",
        When::True => value == Value::Bool(true),
        When::Positive => value.as_f64().is_some_and(|n| n > 0.0),
        When::NotEmpty => match &value {
            Value::Array(all) => !all.is_empty(),
            Value::Object(map) => !map.is_empty(),
            _ => false,
        },
        When::Contains(word) => value.as_str().is_some_and(|t| t.contains(word)),
    };
    let other = document.value(need.needs);
    let (met, how) = match need.is {
        Is::Set => {
            let empty = other.as_ref().is_none_or(|v| *v == "" || v.as_array().is_some_and(Vec::is_empty));
            (!empty, "to be set".to_owned())
        }
        Is::True => (other == Some(Value::Bool(true)), "to be true".to_owned()),
        Is::Contains(word) => {
            let text = other.as_ref().and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
            (text.contains(&word.to_ascii_lowercase()), format!("to name {word}"))
        }
    };
    if !wanted || met {
        return None;
    }
    let message = format!("{} needs {} {how}: {}", need.key, need.needs, need.why);
    let finding = document.finding(Level::Warning, "config/needs", entry.key_mark, message);
    let finding = match document.entry(need.needs) {
        Some(other) => finding.with(document.subject, other.key_mark, need.needs),
        None => finding,
    };
    Some(finding.hint(format!("stormctl config explain {}", need.needs)))
}
