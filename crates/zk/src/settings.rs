//! What the configuration says about ZooKeeper.

use std::time::Duration;

use storm_conf::Conf;

use crate::ZkError;
use crate::delegate::Delegate;
use crate::retry::RetryPolicy;

/// Everything that the session needs to know, checked.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// `host:port`, one per server; IPv6 hosts in brackets.
    pub servers: Vec<String>,
    /// `storm.zookeeper.root`, absolute, without a slash at its end; empty for the root itself.
    pub root: String,
    pub session_timeout: Duration,
    pub connection_timeout: Duration,
    pub retry: RetryPolicy,
    pub delegate: Delegate,
}

const SERVERS: &str = "storm.zookeeper.servers";
const PORT: &str = "storm.zookeeper.port";
const ROOT: &str = "storm.zookeeper.root";

impl Settings {
    pub fn from_conf(conf: &Conf) -> Result<Settings, ZkError> {
        for (key, set) in [
            ("storm.zookeeper.ssl.enable", conf.bool("storm.zookeeper.ssl.enable").unwrap_or(false)),
            ("storm.zookeeper.auth.scheme", conf.str("storm.zookeeper.auth.scheme").is_some_and(|s| !s.is_empty())),
            (
                "storm.zookeeper.topology.auth.scheme",
                conf.str("storm.zookeeper.topology.auth.scheme").is_some_and(|s| !s.is_empty()),
            ),
        ] {
            if set {
                // Going on without it would write open nodes where the operator asked for closed ones.
                return Err(ZkError::Config {
                    key: key.to_owned(),
                    problem: "TLS and authentication towards ZooKeeper are not supported".to_owned(),
                    next: "unset it and keep ZooKeeper on a network of its own",
                });
            }
        }
        let hosts = conf.strings(SERVERS);
        if hosts.is_empty() {
            return Err(ZkError::Config {
                key: SERVERS.to_owned(),
                problem: "no server is named".to_owned(),
                next: "list the hosts of the ZooKeeper ensemble",
            });
        }
        let port = conf.int(PORT).unwrap_or(2181);
        if !(1..=65535).contains(&port) {
            return Err(ZkError::Config {
                key: PORT.to_owned(),
                problem: format!("{port} is not a port"),
                next: "use a number from 1 to 65535",
            });
        }
        let servers = hosts.iter().map(|host| address(host, port)).collect::<Result<_, _>>()?;
        let root = root(conf.str(ROOT).unwrap_or("/storm"))?;
        let millis = |key, default| Duration::from_millis(conf.int(key).filter(|ms| *ms > 0).unwrap_or(default) as u64);
        Ok(Settings {
            servers,
            root,
            session_timeout: millis("storm.zookeeper.session.timeout", 20_000),
            connection_timeout: millis("storm.zookeeper.connection.timeout", 15_000),
            retry: RetryPolicy {
                times: conf.int("storm.zookeeper.retry.times").unwrap_or(5).clamp(0, 29) as u32,
                interval: millis("storm.zookeeper.retry.interval", 1_000),
                ceiling: millis("storm.zookeeper.retry.intervalceiling.millis", 30_000),
            },
            delegate: Delegate::from_conf(conf)?,
        })
    }

    /// For messages.
    pub fn ensemble(&self) -> String {
        self.servers.join(",")
    }
}

fn address(host: &str, port: i64) -> Result<String, ZkError> {
    let bare = host.trim().trim_start_matches('[').trim_end_matches(']');
    if bare.is_empty() || bare.contains(['/', ',', ' ']) {
        return Err(ZkError::Config {
            key: SERVERS.to_owned(),
            problem: format!("{host:?} is not a host name"),
            next: "name hosts only; the port is storm.zookeeper.port",
        });
    }
    match bare.matches(':').count() {
        0 => Ok(format!("{bare}:{port}")),
        // `host:port` is not in Storm's book, but Curator's connect string takes it.
        1 => Ok(bare.to_owned()),
        _ => Ok(format!("[{bare}]:{port}")),
    }
}

fn root(root: &str) -> Result<String, ZkError> {
    let trimmed = root.trim_end_matches('/');
    let good = trimmed.is_empty()
        || trimmed.starts_with('/') && trimmed[1..].split('/').all(|name| !matches!(name, "" | "." | ".."));
    if good {
        return Ok(trimmed.to_owned());
    }
    Err(ZkError::Config {
        key: ROOT.to_owned(),
        problem: format!("{root:?} is not an absolute path"),
        next: "use a path such as /storm",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf(pairs: &[(&str, serde_json::Value)]) -> Conf {
        let mut conf = Conf::default();
        conf.set(SERVERS, serde_json::json!(["zk1", "zk2"]));
        for (key, value) in pairs {
            conf.set(key, value.clone());
        }
        conf
    }

    #[test]
    fn storms_defaults() {
        let settings = Settings::from_conf(&conf(&[])).unwrap();
        assert_eq!(settings.ensemble(), "zk1:2181,zk2:2181");
        assert_eq!(settings.root, "/storm");
        assert_eq!(settings.session_timeout, Duration::from_secs(20));
        assert_eq!(settings.retry.budget(), Duration::from_secs(31));
    }

    #[test]
    fn hosts_may_be_ipv6_and_roots_may_be_deep() {
        let settings = Settings::from_conf(&conf(&[
            (SERVERS, serde_json::json!(["::1", "[fe80::1]", "zk3:2182"])),
            (ROOT, "/a/b/".into()),
        ]))
        .unwrap();
        assert_eq!(settings.servers, ["[::1]:2181", "[fe80::1]:2181", "zk3:2182"]);
        assert_eq!(settings.root, "/a/b");
        assert_eq!(Settings::from_conf(&conf(&[(ROOT, "/".into())])).unwrap().root, "");
    }

    #[test]
    fn mistakes_name_their_key() {
        for (key, value) in [
            (SERVERS, serde_json::json!([])),
            (SERVERS, serde_json::json!(["zk 1"])),
            (PORT, serde_json::json!(70000)),
            (ROOT, serde_json::json!("storm")),
            (ROOT, serde_json::json!("/storm//x")),
            ("storm.zookeeper.ssl.enable", serde_json::json!(true)),
            ("storm.zookeeper.auth.scheme", serde_json::json!("digest")),
        ] {
            let error = Settings::from_conf(&conf(&[(key, value)])).unwrap_err();
            assert_eq!(error.code(), "zk/config");
            assert!(error.to_string().starts_with(key), "{error}");
        }
    }
}
