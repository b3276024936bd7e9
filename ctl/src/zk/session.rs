//! A session with ZooKeeper for one command. Unlike a daemon's it makes nothing by itself: who only looks, leaves no trace.

use std::time::Duration;

use storm_conf::Conf;
use tokio::net::TcpStream;
use zookeeper_client::{Client, Error};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Long enough for a question at the shell, short enough to be forgotten soon when we are killed.
const SESSION_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const KNOCK: Duration = Duration::from_millis(500);

pub struct Session {
    pub client: Client,
    /// `host:port,host:port`.
    pub servers: String,
    /// `storm.zookeeper.root`; empty for the root itself.
    pub root: String,
}

impl Session {
    /// Connects to the servers of the configuration, or to those named.
    pub async fn connect(ctx: &Context, servers: Option<&str>) -> Result<Session, Failure> {
        let conf = &ctx.conf;
        if conf.bool("storm.zookeeper.ssl.enable") == Some(true) {
            return Err(Failure::new(
                Exit::ConfigInvalid,
                "zk/tls",
                "storm.zookeeper.ssl.enable is set, and TLS towards ZooKeeper is not supported",
            )
            .hint("name a port without TLS: stormctl zk ... --server HOST:PORT -c storm.zookeeper.ssl.enable=false"));
        }
        let servers = match servers {
            Some(named) => named.to_owned(),
            None => {
                let all = configured_servers(conf);
                all.iter().map(|(host, port)| address(host, *port)).collect::<Vec<_>>().join(",")
            }
        };
        if servers.is_empty() {
            return Err(Failure::new(Exit::ConfigInvalid, "config/servers", "storm.zookeeper.servers names no server"));
        }
        let mut connector = Client::connector()
            .with_session_timeout(SESSION_TIMEOUT)
            .with_connection_timeout(CONNECT_TIMEOUT)
            .with_fail_eagerly();
        let text = |key| conf.str(key).filter(|s| !s.is_empty());
        if let Some(scheme) = text("storm.zookeeper.auth.scheme") {
            connector =
                connector.with_auth(scheme, text("storm.zookeeper.auth.payload").unwrap_or_default().as_bytes());
        }
        let client = match connector.connect(&servers).await {
            Ok(client) => client,
            Err(e) => return Err(unreachable(&servers, &e).await),
        };
        Ok(Session { client, servers, root: root(conf) })
    }

    /// What an answer of ZooKeeper about a path means for the command.
    pub fn failure(&self, path: &str, e: &Error) -> Failure {
        let say = |exit, code, what: &str| Failure::new(exit, code, format!("{path}: {what}"));
        match e {
            Error::NoNode => say(Exit::NotFound, "zk/no-node", "there is no such node"),
            Error::NoAuth => say(Exit::Refused, "zk/no-auth", "its access list does not let this session in")
                .hint("set storm.zookeeper.auth.scheme and storm.zookeeper.auth.payload as the daemons have them"),
            Error::BadVersion => say(Exit::Conflict, "zk/changed", "it has another version than the one you named"),
            Error::NotEmpty => {
                say(Exit::Conflict, "zk/not-empty", "it has children").hint(format!("stormctl zk rm -r {path}"))
            }
            Error::NodeExists => say(Exit::Conflict, "zk/exists", "it exists already"),
            Error::NoChildrenForEphemerals => {
                say(Exit::Conflict, "zk/ephemeral-parent", "its parent is ephemeral, and such a node has no children")
            }
            Error::BadArguments(why) => say(Exit::Usage, "usage/path", why),
            Error::Timeout | Error::ConnectionLoss | Error::SessionExpired | Error::NoHosts | Error::SessionMoved => {
                Failure::new(Exit::Unreachable, "zk/unreachable", format!("ZooKeeper did not answer about {path}"))
                    .evidence(format!("{}: {e}", self.servers))
                    .hint("stormctl zk status")
            }
            other => say(Exit::Failed, "zk/refused", &format!("ZooKeeper refused: {other}")),
        }
    }

    /// Waits until the server knows that the session is over, or a moment.
    pub async fn close(self) {
        let mut states = self.client.state_watcher();
        drop(self.client);
        let closed = async { while !states.changed().await.is_terminated() {} };
        // Without its answer the session ends by itself soon; it owns nothing.
        let _ = tokio::time::timeout(Duration::from_millis(200), closed).await;
    }
}

/// Hosts and ports of `storm.zookeeper.servers`.
pub fn configured_servers(conf: &Conf) -> Vec<(String, u16)> {
    let port = conf.int("storm.zookeeper.port").and_then(|p| u16::try_from(p).ok()).unwrap_or(2181);
    conf.strings("storm.zookeeper.servers").iter().map(|host| host_and_port(host, port)).collect()
}

/// `host`, `host:port`, `[v6]:port` or a bare IPv6 address.
pub fn host_and_port(text: &str, port: u16) -> (String, u16) {
    let text = text.trim();
    let alone = (text.trim_matches(['[', ']']).to_owned(), port);
    match text.rsplit_once(':') {
        Some((host, own)) if !host.contains(':') || host.ends_with(']') => match own.parse() {
            Ok(own) => (host.trim_matches(['[', ']']).to_owned(), own),
            Err(_) => alone,
        },
        _ => alone,
    }
}

pub fn address(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// `storm.zookeeper.root` without a slash at its end.
pub fn root(conf: &Conf) -> String {
    conf.str("storm.zookeeper.root").unwrap_or("/storm").trim_end_matches('/').to_owned()
}

/// The client only says that no host will do; who asks wants to know which, and why.
async fn unreachable(servers: &str, e: &Error) -> Failure {
    if *e == Error::AuthFailed {
        return Failure::new(Exit::Refused, "zk/auth-failed", "ZooKeeper does not accept storm.zookeeper.auth.payload")
            .evidence(servers);
    }
    let mut failure = Failure::new(Exit::Unreachable, "zk/unreachable", "no ZooKeeper server takes a session");
    for server in servers.split(',') {
        failure = failure.evidence(match tokio::time::timeout(KNOCK, TcpStream::connect(server)).await {
            Ok(Ok(_)) => format!("{server}: the port is open, but: {e}"),
            Ok(Err(io)) => format!("{server}: {io}"),
            Err(_) => format!("{server}: no answer"),
        });
    }
    failure.hint("stormctl zk status      says why; stormctl zk start starts this machine's")
}

/// A path as typed: absolute ones are ZooKeeper's own, others are below `base`.
pub fn resolve(base: &str, typed: &str) -> Result<String, Failure> {
    let mut names: Vec<&str> = Vec::new();
    let base = if typed.starts_with('/') { "" } else { base };
    for name in base.split('/').chain(typed.split('/')) {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name if name.chars().any(char::is_control) => {
                return Err(Failure::new(
                    Exit::Usage,
                    "usage/path",
                    format!("{typed:?} is no path of ZooKeeper: it holds control characters"),
                ));
            }
            name => names.push(name),
        }
    }
    Ok(format!("/{}", names.join("/")))
}

/// The path of a child.
pub fn child(dir: &str, name: &str) -> String {
    if dir == "/" { format!("/{name}") } else { format!("{dir}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_storms_root() {
        for (base, typed, path) in [
            ("/storm", "assignments", "/storm/assignments"),
            ("/storm", "/zookeeper/quota/", "/zookeeper/quota"),
            ("/storm", "", "/storm"),
            ("/storm", ".", "/storm"),
            ("/storm", "..", "/"),
            ("/storm", "../../..//x", "/x"),
            ("", "storms", "/storms"),
            ("", "", "/"),
        ] {
            assert_eq!(resolve(base, typed).unwrap(), path, "{base} {typed}");
        }
        assert_eq!(resolve("/storm", "a\0b").unwrap_err().exit, Exit::Usage);
        assert_eq!((child("/", "a"), child("/a", "b")), ("/a".to_owned(), "/a/b".to_owned()));
    }

    #[test]
    fn hosts_may_have_ports_of_their_own() {
        for (text, host, port) in [
            ("zk1", "zk1", 2181),
            ("zk1:2182", "zk1", 2182),
            ("::1", "::1", 2181),
            ("[::1]", "::1", 2181),
            ("[::1]:2183", "::1", 2183),
        ] {
            assert_eq!(host_and_port(text, 2181), (host.to_owned(), port), "{text}");
        }
        assert_eq!(address("::1", 1), "[::1]:1");
    }
}
