//! What the configuration says about the UI, checked as a whole before anything is bound.

use serde_json::{Value, json};
use storm_conf::Conf;
use storm_http::{HttpError, Listen, Names};
use storm_thrift::{ClientError, NimbusClient};

use crate::shape::Links;

/// Names under which browsers know this UI, beside the host's own.
const HOSTS_KEY: &str = "stormctl.ui.hosts";
const HEADER_BYTES: i64 = 4096;
const PAGE_ROWS: i64 = 20;
/// The page of a component with 10,000 executors is longer than what Storm's clients take by default.
const LONGEST_ANSWER: i64 = 128 << 20;

#[derive(Debug)]
pub struct Settings {
    pub listen: Listen,
    pub names: Names,
    pub header_bytes: usize,
    /// Whether topologies may be changed.
    pub actions: bool,
    pub links: Links,
    conf: Conf,
}

impl Settings {
    pub fn of(mut conf: Conf) -> Result<Settings, HttpError> {
        let mut mistakes = Vec::new();
        let host = conf.str("ui.host").map(str::to_owned);
        let listen = Listen::of(&conf, "ui.port", 8080, host.as_deref(), &mut mistakes);
        if conf.str("ui.filter").is_some_and(|f| !f.is_empty()) {
            mistakes.push(
                "ui.filter names a servlet filter, which only a JVM runs: remove it, and let a proxy in front of this UI \
                 ask who comes"
                    .to_owned(),
            );
        }
        if conf.int("ui.https.port").is_some_and(|p| p > 0) {
            mistakes.push(
                "ui.https.port asks for TLS, which this UI leaves to a proxy in front of it: remove the key".to_owned(),
            );
        }
        let actions = match conf.get("ui.actions.enabled") {
            None | Some(Value::Null) => true,
            Some(value) => conf.bool("ui.actions.enabled").unwrap_or_else(|| {
                mistakes.push(format!("ui.actions.enabled is {value}; it must be true or false"));
                false
            }),
        };
        let header_bytes = conf.int("ui.header.buffer.bytes").unwrap_or(HEADER_BYTES);
        if !mistakes.is_empty() {
            return Err(HttpError::Config { mistakes });
        }
        let key = "nimbus.thrift.max_buffer_size";
        conf.set(key, conf.int(key).unwrap_or(0).max(LONGEST_ANSWER));
        Ok(Settings {
            listen,
            names: Names::of(&conf, HOSTS_KEY),
            header_bytes: usize::try_from(header_bytes).unwrap_or(HEADER_BYTES as usize),
            actions,
            links: Links::of(&conf),
            conf,
        })
    }

    pub async fn nimbus(&self) -> Result<NimbusClient, ClientError> {
        NimbusClient::leader(&self.conf).await
    }

    /// The value of a key as the API shows it.
    pub fn shown(&self, key: &str) -> Value {
        self.conf.get(key).cloned().unwrap_or(Value::Null)
    }

    pub fn display_resource(&self) -> Value {
        self.conf.bool("scheduler.display.resource").unwrap_or(false).into()
    }

    pub fn lag_is_off(&self) -> bool {
        self.conf.bool("ui.disable.spout.lag.monitoring").unwrap_or(true)
    }

    pub fn profiler(&self) -> bool {
        self.conf.bool("worker.profiler.enabled").unwrap_or(false)
    }

    /// `nimbus.seeds`, without those that mean a machine and not a host of the cluster.
    pub fn seeds(&self) -> Vec<String> {
        let local =
            |host: &String| host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        self.conf.strings("nimbus.seeds").into_iter().filter(|host| !local(host)).collect()
    }

    pub fn nimbus_port(&self) -> i64 {
        self.conf.int("nimbus.thrift.port").unwrap_or(6627)
    }

    /// What the pages must know beforehand.
    pub fn for_pages(&self) -> Value {
        json!({
            "title": self.conf.str("ui.title").unwrap_or("Storm UI"),
            "rows": self.conf.int("ui.pagination").unwrap_or(PAGE_ROWS),
            "actions": self.actions,
            "bugs": web_address(self.conf.str("ui.project.bugtracker.url")),
            "logs": web_address(self.conf.str("ui.central.logging.url")),
        })
    }
}

/// An address that is safe to click on.
fn web_address(text: Option<&str>) -> Option<&str> {
    text.filter(|t| t.starts_with("http://") || t.starts_with("https://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_ui_cannot_do_is_not_left_out_in_silence() {
        let settings = |key: &str, value: Value| {
            let mut conf = Conf::defaults();
            conf.set(key, value);
            Settings::of(conf)
        };
        for (key, value) in [
            ("ui.filter", json!("org.example.Filter")),
            ("ui.https.port", json!(8443)),
            ("ui.port", json!("x")),
            ("ui.actions.enabled", json!("perhaps")),
        ] {
            let refused = settings(key, value).unwrap_err();
            assert_eq!(refused.code(), "http/config");
            assert!(refused.to_string().contains(key), "{refused}");
        }
        assert!(settings("ui.https.port", json!(-1)).is_ok_and(|s| s.actions));
        let odd = settings("ui.project.bugtracker.url", json!("javascript:alert(1)")).unwrap();
        assert_eq!(odd.for_pages()["bugs"], Value::Null);
    }
}
