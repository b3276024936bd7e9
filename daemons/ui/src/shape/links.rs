//! Where the log viewer of a host shows a log.

use storm_conf::Conf;
use storm_http::{authority, form_encode};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    pub scheme: &'static str,
    pub port: i64,
}

impl Links {
    pub fn of(conf: &Conf) -> Links {
        match conf.int("logviewer.https.port").filter(|p| *p >= 0) {
            Some(port) => Links { scheme: "https", port },
            None => Links { scheme: "http", port: conf.int("logviewer.port").unwrap_or(8000) },
        }
    }

    fn at(&self, host: &str) -> String {
        format!("{}://{}/api/v1", self.scheme, authority(host, self.port))
    }

    pub fn file(&self, host: &str, topology: &str, port: i32, name: &str) -> String {
        format!("{}/log?file={}", self.at(host), form_encode(&format!("{topology}/{port}/{name}")))
    }

    pub fn worker(&self, host: &str, topology: &str, port: i32) -> String {
        self.file(host, topology, port, "worker.log")
    }

    pub fn daemon(&self, host: &str, log: &str) -> String {
        format!("{}/daemonlog?file={log}", self.at(host))
    }

    pub fn dumps(&self, host: &str, topology: &str, port: i64) -> String {
        format!("{}/dumps/{}/{}%3A{port}", self.at(host), form_encode(topology), form_encode(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_those_of_storm() {
        let mut conf = Conf::defaults();
        let links = Links::of(&conf);
        assert_eq!(links.worker("h", "wc-1-2", 6700), "http://h:8000/api/v1/log?file=wc-1-2%2F6700%2Fworker.log");
        assert_eq!(links.daemon("h", "nimbus.log"), "http://h:8000/api/v1/daemonlog?file=nimbus.log");
        conf.set("logviewer.https.port", 8443);
        assert!(Links::of(&conf).worker("fe80::1", "t", 1).starts_with("https://[fe80::1]:8443/"));
    }
}
