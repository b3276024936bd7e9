//! Whether a ZooKeeper server serves, what it says of itself, and if it does not, why.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use serde_json::{Map, Value, json};
use storm_machine::process;
use storm_zookeeper::{WordError, four_letter};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::zk::session;

/// What a server answers that runs without a quorum.
const NOT_SERVING: &str = "not currently serving requests";
/// The sentence that scripts around zkServer.sh look for.
pub const NOT_RUNNING: &str = "Error contacting service. It is probably not running.";

/// What one server says of itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Server {
    pub host: String,
    pub port: u16,
    pub pid: Option<i32>,
    /// The lines of `srvr`, but for its mode.
    facts: Vec<(String, String)>,
    pub mode: String,
    mntr: Vec<(String, String)>,
    /// Why there is no `mntr`.
    without_mntr: Option<String>,
}

/// Asks the server at an address for all it tells; the error says what is wrong with it.
pub async fn ask(host: &str, port: u16, limit: Duration) -> Result<Server, Failure> {
    let (srvr, address) = word(host, port, "srvr", limit).await?;
    if srvr.contains(NOT_SERVING) {
        return Err(Failure::new(
            Exit::Failed,
            "zookeeper/not-serving",
            format!("{host}:{port} runs, but does not serve: it has no quorum"),
        )
        .evidence(srvr.trim()));
    }
    // More evidence, where the server tells it.
    let mntr = four_letter(address, "mntr", limit).await;
    Ok(Server::parse(host, address, &srvr, mntr.map_err(|e| e.to_string())))
}

/// One four-letter word, asked at every address of the host in turn.
pub async fn word(host: &str, port: u16, word: &str, limit: Duration) -> Result<(String, SocketAddr), Failure> {
    let down = |exit, code: &str, cause: String| {
        Failure::new(exit, code, NOT_RUNNING).evidence(format!("{host}:{port}: {cause}")).hint("stormctl zk start")
    };
    let bare = host.trim_matches(['[', ']']);
    let addresses: Vec<SocketAddr> = (bare, port)
        .to_socket_addrs()
        .map_err(|e| down(Exit::Unreachable, "zookeeper/unknown-host", e.to_string()))?
        .collect();
    let mut last = down(Exit::Unreachable, "zookeeper/unknown-host", "the name has no address".into());
    for address in addresses {
        match four_letter(address, word, limit).await {
            Ok(answer) => return Ok((answer, address)),
            Err(e) => {
                last = match &e {
                    WordError::Connect { .. } => down(Exit::NotFound, e.code(), e.to_string()),
                    WordError::NotAllowed { .. } => Failure::new(Exit::Refused, e.code(), e.to_string()),
                    WordError::Timeout { .. } | WordError::Silent { .. } | WordError::Broken { .. } => {
                        Failure::new(Exit::Unreachable, e.code(), NOT_RUNNING).evidence(e.to_string())
                    }
                    WordError::Unknown(_) => Failure::new(Exit::Usage, e.code(), e.to_string()),
                };
            }
        }
    }
    Err(last)
}

/// Who of an ensemble answers, each in one line, and whether they are a majority.
pub async fn quorum(members: &[(String, u16)], limit: Duration) -> Vec<String> {
    if members.len() < 2 {
        return Vec::new();
    }
    let mut answers = 0;
    let mut lines = Vec::new();
    for (host, port) in members {
        let name = session::address(host, *port);
        lines.push(match word(host, *port, "srvr", limit).await {
            Ok((srvr, _)) => {
                answers += 1;
                let mode = srvr.lines().find_map(|l| l.strip_prefix("Mode: "));
                format!("{name}: {}", mode.unwrap_or("runs, does not serve"))
            }
            Err(failure) => {
                let evidence = failure.faults.first().and_then(|f| f.evidence.first().cloned());
                evidence.unwrap_or_else(|| format!("{name}: no answer"))
            }
        });
    }
    lines.push(format!(
        "{answers} of {} servers answer; {} are needed for a quorum",
        members.len(),
        members.len() / 2 + 1
    ));
    lines
}

impl Server {
    pub fn parse(host: &str, address: SocketAddr, srvr: &str, mntr: Result<String, String>) -> Server {
        let mut server = Server { host: host.to_owned(), port: address.port(), ..Server::default() };
        for (key, value) in srvr.lines().filter_map(|l| l.split_once(": ")) {
            match key {
                "Mode" => server.mode = value.to_owned(),
                _ => server.facts.push((key.to_owned(), value.to_owned())),
            }
        }
        match mntr {
            Ok(text) => {
                let pairs = text.lines().filter_map(|l| l.split_once('\t'));
                server.mntr = pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
            }
            Err(why) => server.without_mntr = Some(why),
        }
        if address.ip().is_loopback() {
            server.pid = process::listener(address.port());
        }
        server
    }

    fn monitored(&self, key: &str) -> Option<&str> {
        self.mntr.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// zkServer.sh's two lines, then the evidence.
    pub fn text(&self) -> String {
        let mut text = format!(
            "Client port found: {}. Client address: {}. Client SSL: false.\nMode: {}\n",
            self.port, self.host, self.mode
        );
        if let Some(pid) = self.pid {
            text.push_str(&format!("Pid: {pid}\n"));
        }
        for (key, value) in &self.facts {
            text.push_str(&format!("{key}: {value}\n"));
        }
        let more = [
            ("zk_ephemerals_count", "Ephemerals"),
            ("zk_watch_count", "Watches"),
            ("zk_global_sessions", "Sessions"),
            ("zk_uptime", "Uptime ms"),
            ("zk_followers", "Followers"),
            ("zk_synced_followers", "Followers in sync"),
            ("zk_approximate_data_size", "Data bytes"),
        ];
        for (key, name) in more {
            if let Some(value) = self.monitored(key) {
                text.push_str(&format!("{name}: {value}\n"));
            }
        }
        if let Some(why) = &self.without_mntr {
            text.push_str(&format!("Sessions, watches, followers in sync: unknown ({why})\n"));
        }
        text
    }

    pub fn item(&self) -> Value {
        let map = |pairs: &[(String, String)]| -> Map<String, Value> {
            pairs.iter().map(|(k, v)| (k.clone(), v.parse::<i64>().map_or_else(|_| json!(v), |n| json!(n)))).collect()
        };
        json!({
            "host": self.host,
            "port": self.port,
            "mode": self.mode,
            "pid": self.pid,
            "srvr": map(&self.facts),
            "mntr": map(&self.mntr),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_that_people_grep_come_first() {
        let srvr =
            "Zookeeper version: 3.9.5\nLatency min/avg/max: 0/0.5/7\nReceived: 10\nMode: standalone\nNode count: 5\n";
        let address: SocketAddr = "192.0.2.1:2181".parse().unwrap();
        let first = "Client port found: 2181. Client address: zk1. Client SSL: false.\nMode: standalone\n\
                     Zookeeper version: 3.9.5\nLatency min/avg/max: 0/0.5/7\nReceived: 10\nNode count: 5\n";
        let server = Server::parse("zk1", address, srvr, Ok("zk_watch_count\t3\nzk_uptime\t1000\n".into()));
        assert_eq!(server.text(), format!("{first}Watches: 3\nUptime ms: 1000\n"));
        let item = server.item();
        assert_eq!((&item["srvr"]["Received"], &item["mntr"]["zk_watch_count"]), (&json!(10), &json!(3)));
        let server = Server::parse("zk1", address, srvr, Err("not whitelisted".into()));
        assert_eq!(server.text(), format!("{first}Sessions, watches, followers in sync: unknown (not whitelisted)\n"));
    }
}
