//! `stormctl zk status`.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use serde_json::{Map, Value, json};
use storm_zookeeper::{WordError, four_letter};

use crate::cli;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Report;
use crate::process;

const LIMIT: Duration = Duration::from_secs(3);

pub async fn status(ctx: &Context, args: &cli::ZkStatus) -> Result<(), Failure> {
    let limit = ctx.global.timeout.unwrap_or(LIMIT);
    let mut servers = Vec::new();
    let mut failures = Vec::new();
    if let Some(file) = &ctx.file {
        // Where zkServer.sh says it, too.
        ctx.printer.note(&format!("Using config: {}", file.display()));
    }
    for (host, port) in wanted(ctx, args)? {
        match ask(&host, port, limit).await {
            Ok(server) => servers.push(server),
            Err(failure) => failures.push(failure),
        }
    }
    let alive = servers.len();
    if alive > 0 {
        ctx.printer.show(&Servers(servers))?;
    }
    if failures.is_empty() {
        return Ok(());
    }
    let exit = if alive > 0 { Exit::Partly } else { failures[0].exit };
    Err(Failure { exit, faults: failures.into_iter().flat_map(|f| f.faults).collect() })
}

fn wanted(ctx: &Context, args: &cli::ZkStatus) -> Result<Vec<(String, u16)>, Failure> {
    let usage = |what: &str| Failure::new(Exit::Usage, "usage/server", format!("{what} is not HOST:PORT"));
    let port = ctx.conf.int("storm.zookeeper.port").and_then(|p| u16::try_from(p).ok()).unwrap_or(2181);
    match &args.server {
        None => Ok(ctx.conf.strings("storm.zookeeper.servers").into_iter().map(|h| (h, port)).collect()),
        Some(server) => match server.rsplit_once(':') {
            None => Ok(vec![(server.clone(), port)]),
            Some((host, port)) => Ok(vec![(host.to_owned(), port.parse().map_err(|_| usage(server))?)]),
        },
    }
}

async fn ask(host: &str, port: u16, limit: Duration) -> Result<Server, Failure> {
    let down = |exit, code: &str, cause: String| {
        // The sentence that scripts around zkServer.sh look for.
        Failure::new(exit, code, "Error contacting service. It is probably not running.")
            .evidence(format!("{host}:{port}: {cause}"))
            .hint("stormctl start zookeeper")
    };
    let bare = host.trim_matches(['[', ']']);
    let addresses: Vec<SocketAddr> = (bare, port)
        .to_socket_addrs()
        .map_err(|e| down(Exit::Unreachable, "zookeeper/unknown-host", e.to_string()))?
        .collect();
    let mut last = down(Exit::Unreachable, "zookeeper/unknown-host", "the name has no address".into());
    for address in addresses {
        match four_letter(address, "srvr", limit).await {
            Ok(srvr) => {
                // More evidence, where the server tells it.
                let mntr = four_letter(address, "mntr", limit).await.unwrap_or_default();
                return Ok(Server::parse(host, address, &srvr, &mntr));
            }
            Err(e) => {
                let exit = match &e {
                    WordError::Connect { .. } => Exit::NotFound,
                    _ => Exit::Unreachable,
                };
                last = down(exit, e.code(), e.to_string());
            }
        }
    }
    Err(last)
}

struct Servers(Vec<Server>);

#[derive(Debug, Clone, Default, PartialEq)]
struct Server {
    host: String,
    port: u16,
    pid: Option<i32>,
    /// The lines of `srvr`, but for its mode.
    facts: Vec<(String, String)>,
    mode: String,
    mntr: Vec<(String, String)>,
}

impl Server {
    fn parse(host: &str, address: SocketAddr, srvr: &str, mntr: &str) -> Server {
        let mut server = Server { host: host.to_owned(), port: address.port(), ..Server::default() };
        for (key, value) in srvr.lines().filter_map(|l| l.split_once(": ")) {
            match key {
                "Mode" => server.mode = value.to_owned(),
                _ => server.facts.push((key.to_owned(), value.to_owned())),
            }
        }
        server.mntr =
            mntr.lines().filter_map(|l| l.split_once('\t')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        if address.ip().is_loopback() {
            server.pid = process::listener(address.port());
        }
        server
    }

    fn monitored(&self, key: &str) -> Option<&str> {
        self.mntr.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    fn text(&self) -> String {
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
            ("zk_synced_followers", "Followers in sync"),
            ("zk_approximate_data_size", "Data bytes"),
        ];
        for (key, name) in more {
            if let Some(value) = self.monitored(key) {
                text.push_str(&format!("{name}: {value}\n"));
            }
        }
        text
    }
}

impl Report for Servers {
    const KIND: &'static str = "ZooKeeperServerList";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), Value::Array(self.items()))])
    }

    fn items(&self) -> Vec<Value> {
        let map = |pairs: &[(String, String)]| -> Map<String, Value> {
            pairs.iter().map(|(k, v)| (k.clone(), v.parse::<i64>().map_or_else(|_| json!(v), |n| json!(n)))).collect()
        };
        let item = |s: &Server| {
            json!({
                "host": s.host,
                "port": s.port,
                "mode": s.mode,
                "pid": s.pid,
                "srvr": map(&s.facts),
                "mntr": map(&s.mntr),
            })
        };
        self.0.iter().map(item).collect()
    }

    fn text(&self, _wide: bool) -> String {
        self.0.iter().map(Server::text).collect::<Vec<_>>().join("\n")
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|s| format!("{}:{}", s.host, s.port)).collect()
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
        let server = Server::parse("zk1", address, srvr, "zk_watch_count\t3\nzk_uptime\t1000\n");
        assert_eq!(
            server.text(),
            "Client port found: 2181. Client address: zk1. Client SSL: false.\nMode: standalone\n\
             Zookeeper version: 3.9.5\nLatency min/avg/max: 0/0.5/7\nReceived: 10\nNode count: 5\n\
             Watches: 3\nUptime ms: 1000\n"
        );
        let item = &Servers(vec![server]).items()[0];
        assert_eq!((&item["srvr"]["Received"], &item["mntr"]["zk_watch_count"]), (&json!(10), &json!(3)));
    }
}
