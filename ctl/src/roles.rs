//! The daemons that a machine can have, where each keeps its files, and which of them this machine should run.

use std::net::{IpAddr, ToSocketAddrs, UdpSocket};
use std::path::PathBuf;

use storm_conf::Conf;

use crate::cli::Role;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::zk::install::HOME_KEY;

/// The key by which a storm.yaml says what its machine runs; without it the roles follow from the addresses.
pub const ROLES_KEY: &str = "stormctl.roles";

impl Role {
    pub const ALL: [Role; 6] =
        [Role::Zookeeper, Role::Nimbus, Role::Supervisor, Role::Ui, Role::Logviewer, Role::Agent];

    pub fn name(self) -> &'static str {
        match self {
            Role::Zookeeper => "zookeeper",
            Role::Nimbus => "nimbus",
            Role::Supervisor => "supervisor",
            Role::Ui => "ui",
            Role::Logviewer => "logviewer",
            Role::Agent => "agent",
        }
    }

    /// What starts it in the foreground.
    pub fn verb(self) -> &'static str {
        match self {
            Role::Zookeeper => "dev-zookeeper",
            _ => self.name(),
        }
    }

    pub fn of_name(name: &str) -> Option<Role> {
        match name {
            "zookeeper" | "dev-zookeeper" | "dev_zookeeper" | "zk" => Some(Role::Zookeeper),
            "nimbus" => Some(Role::Nimbus),
            "supervisor" => Some(Role::Supervisor),
            "ui" => Some(Role::Ui),
            "logviewer" => Some(Role::Logviewer),
            "agent" => Some(Role::Agent),
            _ => None,
        }
    }

    /// The key of the port on which it serves, if Storm has one for it.
    pub fn port_key(self) -> Option<&'static str> {
        match self {
            Role::Zookeeper => Some("storm.zookeeper.port"),
            Role::Nimbus => Some("nimbus.thrift.port"),
            Role::Supervisor => Some("supervisor.thrift.port"),
            Role::Ui => Some("ui.port"),
            Role::Logviewer => Some("logviewer.port"),
            Role::Agent => None,
        }
    }

    pub fn log_file(self, conf: &Conf) -> PathBuf {
        conf.log_dir().join(format!("{}.log", self.name()))
    }

    /// Where what a daemon says before it has its log, or when it breaks, is kept.
    pub fn out_file(self, conf: &Conf) -> PathBuf {
        conf.log_dir().join(format!("{}.out", self.name()))
    }

    pub fn pid_file(self, conf: &Conf) -> PathBuf {
        conf.local_dir().join("run").join(format!("{}.pid", self.name()))
    }
}

/// The roles of this machine, in the order in which they start.
pub fn configured(conf: &Conf, mine: &dyn Fn(&str) -> bool) -> Result<Vec<Role>, Failure> {
    if conf.get(ROLES_KEY).is_some() {
        let role = |name: &String| {
            Role::of_name(name).ok_or_else(|| {
                Failure::new(Exit::ConfigInvalid, "config/role", format!("{ROLES_KEY} names {name}, which is no role"))
                    .hint("write a list of zookeeper, nimbus, supervisor, ui, logviewer, agent")
            })
        };
        let mut roles = conf.strings(ROLES_KEY).iter().map(role).collect::<Result<Vec<Role>, Failure>>()?;
        roles.sort_unstable();
        roles.dedup();
        return Ok(roles);
    }
    let mut roles = Vec::new();
    let zookeepers = conf.strings("storm.zookeeper.servers");
    // Ours is a server for one machine: where an ensemble is named, or an installation, Apache ZooKeeper runs.
    let apache = conf.str(HOME_KEY).is_some_and(|home| !home.is_empty());
    if zookeepers.len() == 1 && mine(&zookeepers[0]) && !apache {
        roles.push(Role::Zookeeper);
    }
    if conf.strings("nimbus.seeds").iter().any(|seed| mine(seed)) {
        roles.push(Role::Nimbus);
    }
    if conf.bool("supervisor.enable") != Some(false) && !conf.ints("supervisor.slots.ports").is_empty() {
        roles.push(Role::Supervisor);
    }
    Ok(roles)
}

/// Whether a host name means this machine: only a local address can be bound.
pub fn is_this_machine(conf: &Conf, host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    if host == "localhost" || host == conf.hostname() {
        return true;
    }
    let local = |ip: IpAddr| ip.is_loopback() || UdpSocket::bind((ip, 0)).is_ok();
    match host.parse::<IpAddr>() {
        Ok(ip) => local(ip),
        Err(_) => (host, 0).to_socket_addrs().is_ok_and(|mut all| all.any(|a| local(a.ip()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn roles(set: &[(&str, serde_json::Value)]) -> Vec<Role> {
        let mut conf = Conf::defaults();
        for (key, value) in set {
            conf.set(key, value.clone());
        }
        configured(&conf, &|host| host == "localhost" || host == "me").unwrap()
    }

    #[test]
    fn addresses_decide_unless_roles_are_named() {
        assert_eq!(roles(&[]), [Role::Zookeeper, Role::Nimbus, Role::Supervisor]);
        assert_eq!(
            roles(&[("storm.zookeeper.servers", json!(["z1", "z2"])), ("nimbus.seeds", json!(["n1", "n2"]))]),
            [Role::Supervisor]
        );
        assert_eq!(
            roles(&[("nimbus.seeds", json!(["n1", "me"])), ("supervisor.enable", json!(false))]),
            [Role::Zookeeper, Role::Nimbus]
        );
        assert_eq!(roles(&[(ROLES_KEY, json!(["supervisor", "dev-zookeeper"]))]), [Role::Zookeeper, Role::Supervisor]);
        assert_eq!(roles(&[(HOME_KEY, json!("/opt/zookeeper"))]), [Role::Nimbus, Role::Supervisor]);
        assert_eq!(roles(&[(ROLES_KEY, json!(["agent", "ui"]))]), [Role::Ui, Role::Agent]);
        assert_eq!(roles(&[(ROLES_KEY, json!([]))]), []);
        let mut conf = Conf::defaults();
        conf.set(ROLES_KEY, json!(["nimbo"]));
        assert_eq!(configured(&conf, &|_| true).unwrap_err().exit, Exit::ConfigInvalid);
    }

    #[test]
    fn local_addresses_are_this_machine() {
        let conf = Conf::defaults();
        for host in ["localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]", &conf.hostname()] {
            assert!(is_this_machine(&conf, host), "{host}");
        }
        // An address of the block that is kept for documentation is nobody's.
        assert!(!is_this_machine(&conf, "192.0.2.1"));
    }
}
