//! What the configuration says about Nimbus, checked as a whole before anything is bound or written.

use std::path::PathBuf;
use std::time::Duration;

use storm_conf::Conf;
use storm_scheduler::Policy;

use crate::blobs;
use crate::error::NimbusError;

#[derive(Debug, Clone)]
pub struct Settings {
    pub port: u16,
    pub max_frame: usize,
    pub max_connections: usize,
    pub local_dir: PathBuf,
    /// Where blobs lie.
    pub blobs: PathBuf,
    pub policy: Policy,
    pub monitor: Duration,
    pub task_timeout_secs: i64,
    pub task_launch_secs: i64,
    pub recovery_secs: i64,
    pub file_expiration: Duration,
    pub blob_expiration: Duration,
    pub inbox_check: Duration,
    pub inbox_age: Duration,
    pub blob_deletion_delay: Duration,
    pub blob_chunk: usize,
    pub blob_cleanup: bool,
    pub code_sync: Duration,
    pub max_slots: Option<i64>,
    pub max_executors: Option<i64>,
    pub message_timeout_secs: i32,
    pub history_age: Duration,
}

/// Keys of an older or larger Storm that would change what Nimbus does, and that this Nimbus does not have.
const UNSUPPORTED: [(&str, &str); 7] = [
    ("storm.thrift.transport", "name org.apache.storm.security.auth.SimpleTransportPlugin"),
    ("nimbus.authorizer", "remove the key: this Nimbus lets everybody do everything"),
    ("nimbus.thrift.tls.port", "remove the key, or set it to 0"),
    ("nimbus.topology.validator", "remove the key, or name org.apache.storm.nimbus.DefaultTopologyValidator"),
    ("nimbus.blobstore.class", "remove the key, or name org.apache.storm.blobstore.LocalFsBlobStore"),
    ("pacemaker.servers", "remove the key: workers report to their supervisor and to Nimbus"),
    ("nimbus.thrift.transport", "remove the key, or name org.apache.storm.security.auth.SimpleTransportPlugin"),
];

const SUPPORTED_VALUES: [&str; 4] = [
    "org.apache.storm.nimbus.DefaultTopologyValidator",
    "org.apache.storm.blobstore.LocalFsBlobStore",
    "org.apache.storm.security.auth.SimpleTransportPlugin",
    "",
];

impl Settings {
    pub fn from_conf(conf: &Conf) -> Result<Settings, NimbusError> {
        let mut mistakes = Vec::new();
        let mut number = |key: &str, default: i64, least: i64, most: i64| match conf.int(key) {
            None if conf.get(key).is_some() => {
                mistakes
                    .push(format!("{key} must be a number, not {}", conf.get(key).unwrap_or(&serde_json::Value::Null)));
                default
            }
            None => default,
            Some(n) if (least..=most).contains(&n) => n,
            Some(n) => {
                mistakes.push(format!("{key} is {n}; it must be between {least} and {most}"));
                default
            }
        };
        const YEAR: i64 = 365 * 24 * 3600;
        let port = number("nimbus.thrift.port", 6627, 0, 65_535);
        let max_frame = number("nimbus.thrift.max_buffer_size", 1 << 20, 1024, i64::from(i32::MAX));
        let queue = number("nimbus.queue.size", 100_000, 1, i64::from(i32::MAX));
        let monitor = number("nimbus.monitor.freq.secs", 10, 1, YEAR);
        let task_timeout_secs = number("nimbus.task.timeout.secs", 30, 1, YEAR);
        let task_launch_secs = number("nimbus.task.launch.secs", 120, 1, YEAR);
        let recovery_secs = number("supervisor.worker.heartbeats.max.timeout.secs", 600, 0, YEAR);
        let file_expiration = number("nimbus.file.copy.expiration.secs", 600, 1, YEAR);
        let blob_expiration = number("nimbus.blobstore.expiration.secs", 600, 1, YEAR);
        let inbox_check = number("nimbus.cleanup.inbox.freq.secs", 600, 1, YEAR);
        let inbox_age = number("nimbus.inbox.jar.expiration.secs", 3600, 1, YEAR);
        let deletion_delay = number("nimbus.topology.blobstore.deletion.delay.ms", 300_000, 0, YEAR * 1000);
        let blob_chunk = number("storm.blobstore.inputstream.buffer.size.bytes", 65_536, 1, 64 << 20);
        let code_sync = number("nimbus.code.sync.freq.secs", 120, 1, YEAR);
        let message_timeout = number("topology.message.timeout.secs", 30, 1, i64::from(i32::MAX));
        let history_age = number("logviewer.cleanup.age.mins", 10_080, 1, YEAR);
        for (key, next) in UNSUPPORTED {
            let value = match conf.get(key) {
                None => continue,
                Some(v) => v.as_str().map_or_else(|| v.to_string(), str::to_owned),
            };
            if !SUPPORTED_VALUES.contains(&value.as_str()) && value != "0" && value != "[]" {
                mistakes.push(format!("{key} is {value}, which this Nimbus does not support; {next}"));
            }
        }
        let policy = Policy::from_conf(conf).map_err(|e| mistakes.push(e.to_string())).unwrap_or(Policy::Default);
        if !mistakes.is_empty() {
            return Err(NimbusError::Config { mistakes });
        }
        let secs = |n: i64| Duration::from_secs(n.unsigned_abs());
        let local_dir = conf.local_dir();
        Ok(Settings {
            port: u16::try_from(port).unwrap_or(0),
            max_frame: usize::try_from(max_frame).unwrap_or(1 << 20),
            max_connections: usize::try_from(queue).unwrap_or(4096).min(4096),
            blobs: blobs::folder(conf),
            local_dir,
            policy,
            monitor: secs(monitor),
            task_timeout_secs,
            task_launch_secs,
            recovery_secs,
            file_expiration: secs(file_expiration),
            blob_expiration: secs(blob_expiration),
            inbox_check: secs(inbox_check),
            inbox_age: secs(inbox_age),
            blob_deletion_delay: Duration::from_millis(deletion_delay.unsigned_abs()),
            blob_chunk: usize::try_from(blob_chunk).unwrap_or(65_536),
            blob_cleanup: conf.bool("blobstore.cleanup.enable").unwrap_or(true),
            code_sync: secs(code_sync),
            max_slots: conf.int("nimbus.slots.perTopology"),
            max_executors: conf.int("nimbus.executors.perTopology"),
            message_timeout_secs: i32::try_from(message_timeout).unwrap_or(30),
            history_age: secs(history_age * 60),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_mistakes_are_told_at_once_and_name_their_keys() {
        let mut conf = Conf::default();
        conf.set("nimbus.thrift.port", 70_000);
        conf.set("nimbus.monitor.freq.secs", "often");
        conf.set("storm.scheduler", "org.apache.storm.scheduler.resource.ResourceAwareScheduler");
        conf.set("nimbus.authorizer", "org.apache.storm.security.auth.authorizer.SimpleACLAuthorizer");
        let text = Settings::from_conf(&conf).unwrap_err().to_string();
        for key in ["nimbus.thrift.port", "nimbus.monitor.freq.secs", "storm.scheduler", "nimbus.authorizer"] {
            assert!(text.contains(key), "{key} is not in {text}");
        }
    }

    #[test]
    fn storms_defaults_pass() {
        let mut conf = Conf::default();
        conf.set("nimbus.blobstore.class", "org.apache.storm.blobstore.LocalFsBlobStore");
        conf.set("nimbus.thrift.tls.port", 0);
        conf.set("pacemaker.servers", serde_json::json!([]));
        let settings = Settings::from_conf(&conf).unwrap();
        assert_eq!((settings.port, settings.max_frame, settings.blob_chunk), (6627, 1 << 20, 65_536));
        assert_eq!(settings.blobs, settings.local_dir.join("blobs"));
    }
}
