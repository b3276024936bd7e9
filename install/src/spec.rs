//! What is wanted: a cluster of hosts with roles, as `cluster.yaml` or flags say it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::archive::Archive;
use crate::{Kind, Trouble};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    Zookeeper,
    Nimbus,
    Supervisor,
    Ui,
    Logviewer,
}

impl Role {
    pub fn word(self) -> &'static str {
        match self {
            Role::Zookeeper => "zookeeper",
            Role::Nimbus => "nimbus",
            Role::Supervisor => "supervisor",
            Role::Ui => "ui",
            Role::Logviewer => "logviewer",
        }
    }
}

/// Who keeps the daemons running.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// systemd where it runs the machine, else background processes.
    #[default]
    Auto,
    Systemd,
    SystemdUser,
    Background,
}

impl Service {
    pub fn word(self) -> &'static str {
        match self {
            Service::Auto => "auto",
            Service::Systemd => "systemd",
            Service::SystemdUser => "systemd-user",
            Service::Background => "background",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    pub name: String,
    /// Where everything of the cluster lies on a host.
    #[serde(default = "default_dir")]
    pub dir: PathBuf,
    /// Who the daemons run as; without one, who installs.
    #[serde(default)]
    pub user: Option<String>,
    #[serde(default)]
    pub service: Service,
    /// Without it, the daemons are those of this program.
    #[serde(default)]
    pub storm: Option<Storm>,
    #[serde(default)]
    pub zookeeper: ZooKeeper,
    #[serde(default)]
    pub ssh: Ssh,
    /// Whether an agent answers for each host.
    #[serde(default)]
    pub agents: bool,
    /// For the storm.yaml of every host.
    #[serde(default)]
    pub conf: Map<String, Value>,
    /// Over [`Cluster::conf`] on hosts with that role.
    #[serde(default)]
    pub role_conf: BTreeMap<Role, Map<String, Value>>,
    pub hosts: Vec<Host>,
}

/// A release of Apache Storm, whose daemons run in place of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storm {
    pub archive: Archive,
    /// Of the archive, if it is fetched.
    #[serde(default)]
    pub sha512: Option<String>,
    /// On every host; found there when not named.
    #[serde(default)]
    pub java_home: Option<PathBuf>,
    /// The python3 of every host, if it is not the one on PATH.
    #[serde(default)]
    pub python: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZooKeeper {
    /// A release of Apache ZooKeeper; without one, the server that is part of this program.
    #[serde(default)]
    pub archive: Option<Archive>,
    /// Of the archive, if it is fetched.
    #[serde(default)]
    pub sha512: Option<String>,
    /// Lines of zoo.cfg on every server.
    #[serde(default)]
    pub zoo_cfg: Map<String, Value>,
    /// The ports on which servers speak with each other: following and electing.
    #[serde(default = "default_peer_ports")]
    pub peer_ports: [u16; 2],
    /// On hosts that run Java; found there when not named.
    #[serde(default)]
    pub java_home: Option<PathBuf>,
}

/// How hosts are reached: what is not said here is said by the user's own ssh configuration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ssh {
    #[serde(default)]
    pub user: Option<String>,
    #[serde(default)]
    pub port: Option<u16>,
    /// Instead of the host's name.
    #[serde(default)]
    pub address: Option<String>,
    /// Instead of `~/.ssh/config`.
    #[serde(default)]
    pub config: Option<PathBuf>,
    /// Whether what is done on the host is done by root, through `sudo -n`.
    #[serde(default)]
    pub sudo: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// The name or address by which the other hosts know it.
    pub name: String,
    pub roles: Vec<Role>,
    /// This very machine: nothing goes over ssh.
    #[serde(default)]
    pub local: bool,
    #[serde(default)]
    pub dir: Option<PathBuf>,
    #[serde(default)]
    pub ssh: Ssh,
    #[serde(default)]
    pub conf: Map<String, Value>,
    #[serde(default)]
    pub zoo_cfg: Map<String, Value>,
}

/// `~/` is the home of this user, as a shell has it.
pub fn at_home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::var_os("HOME")) {
        (Ok(rest), Some(home)) => Path::new(&home).join(rest),
        _ => path.to_owned(),
    }
}

fn default_peer_ports() -> [u16; 2] {
    [2888, 3888]
}

impl Default for ZooKeeper {
    fn default() -> ZooKeeper {
        ZooKeeper {
            archive: None,
            sha512: None,
            zoo_cfg: Map::new(),
            peer_ports: default_peer_ports(),
            java_home: None,
        }
    }
}

fn default_dir() -> PathBuf {
    PathBuf::from("/opt/storm")
}

impl Cluster {
    /// Reads a `cluster.yaml`; relative paths in it are below its folder.
    pub fn read(path: &Path) -> Result<Cluster, Trouble> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|e| {
            Trouble::new(Kind::Wanted, "install/file", format!("cannot read {shown}"))
                .at(e.to_string())
                .hint("name a cluster.yaml with --file; docs/install.md shows one")
        })?;
        Cluster::parse(&text, path)
    }

    /// What would be read from a file of this text.
    pub fn parse(text: &str, path: &Path) -> Result<Cluster, Trouble> {
        let shown = path.display();
        let mut cluster: Cluster = serde_yaml::from_str(text).map_err(|e| {
            let place = e.location().map_or(String::new(), |l| format!(":{}:{}", l.line(), l.column()));
            Trouble::new(Kind::Wanted, "install/file", "the description of the cluster is wrong")
                .at(format!("{shown}{place}  {e}"))
        })?;
        let folder = std::path::absolute(path).map_err(|e| Trouble::io("find", path, &e))?;
        let folder = folder.parent().unwrap_or(Path::new("/"));
        let below = |p: &mut Option<PathBuf>| *p = p.as_ref().map(|p| folder.join(at_home(p)));
        let archives = cluster.storm.iter_mut().map(|s| &mut s.archive).chain(cluster.zookeeper.archive.as_mut());
        archives.for_each(|archive| archive.below(folder));
        below(&mut cluster.ssh.config);
        cluster.hosts.iter_mut().for_each(|h| below(&mut h.ssh.config));
        cluster.check().map_err(|t| t.at(shown.to_string()))?;
        Ok(cluster)
    }

    /// Whether it can be a cluster at all.
    pub fn check(&self) -> Result<(), Trouble> {
        let wrong = |message: String| Trouble::new(Kind::Wanted, "install/cluster", message);
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if self.name.is_empty() || !self.name.chars().all(plain) || self.name.starts_with(['.', '-']) {
            return Err(wrong(format!("{:?} is no name of a cluster", self.name)).hint("use letters, digits and -"));
        }
        for (index, host) in self.hosts.iter().enumerate() {
            if self.hosts[..index].iter().any(|h| h.name == host.name) {
                return Err(wrong(format!("host {} is there twice", host.name)).hint("give one entry all of its roles"));
            }
            let odd = |c: char| c.is_whitespace() || c.is_control() || "'\"/\\".contains(c);
            if host.name.is_empty() || host.name.starts_with('-') || host.name.contains(odd) {
                return Err(wrong(format!("{:?} is no name of a host", host.name)));
            }
            if host.roles.is_empty() {
                return Err(wrong(format!("host {} has no role", host.name))
                    .hint("give it zookeeper, nimbus, supervisor, ui or logviewer, or leave it out"));
            }
        }
        for role in [Role::Nimbus, Role::Supervisor] {
            if self.with(role).is_empty() {
                return Err(wrong(format!("no host has the role {}", role.word())));
            }
        }
        if let Some(storm) = &self.storm {
            storm.archive.check()?;
        }
        if let Some(archive) = &self.zookeeper.archive {
            archive.check()?;
        }
        let servers = self.with(Role::Zookeeper);
        match (servers.len(), &self.zookeeper.archive) {
            (0, _) => Err(wrong("no host has the role zookeeper".to_owned())),
            (1, _) | (_, Some(_)) => Ok(()),
            (n, None) => Err(wrong(format!("{n} hosts are to run ZooKeeper, and the server in stormctl is for one"))
                .hint("name a release of Apache ZooKeeper: zookeeper: {archive: apache-zookeeper-X-bin.tar.gz}")),
        }
    }

    /// The hosts with a role, in the order of the file.
    pub fn with(&self, role: Role) -> Vec<&Host> {
        self.hosts.iter().filter(|h| h.roles.contains(&role)).collect()
    }

    pub fn host(&self, name: &str) -> Option<&Host> {
        self.hosts.iter().find(|h| h.name == name)
    }

    /// The folder of the cluster on a host whose user is at home in `home`.
    pub fn dir_on(&self, host: &Host, home: &Path) -> PathBuf {
        let dir = host.dir.as_ref().unwrap_or(&self.dir);
        match dir.strip_prefix("~") {
            Ok(rest) => home.join(rest),
            Err(_) => dir.clone(),
        }
    }

    /// The name by which Nimbus knows a host.
    pub fn known_as(&self, host: &Host) -> String {
        let conf = self.conf_of(host);
        conf.get("storm.local.hostname").and_then(Value::as_str).map_or_else(|| host.name.clone(), str::to_owned)
    }

    /// What storm.yaml of the host gets over what follows from the cluster.
    pub fn conf_of(&self, host: &Host) -> Map<String, Value> {
        let mut conf = self.conf.clone();
        for role in &host.roles {
            conf.extend(self.role_conf.get(role).cloned().unwrap_or_default());
        }
        conf.extend(host.conf.clone());
        conf
    }

    /// How a host is reached.
    pub fn ssh_of(&self, host: &Host) -> Ssh {
        let (own, all) = (&host.ssh, &self.ssh);
        Ssh {
            user: own.user.clone().or_else(|| all.user.clone()),
            port: own.port.or(all.port),
            address: own.address.clone().or_else(|| all.address.clone()),
            config: own.config.clone().or_else(|| all.config.clone()),
            sudo: own.sudo.or(all.sudo),
        }
    }

    /// What is said about the number of ZooKeeper servers.
    pub fn quorum_note(&self) -> Option<String> {
        let n = self.with(Role::Zookeeper).len();
        match n {
            0 => None,
            1 => Some("one ZooKeeper server: while it is down, nothing can be submitted or moved".to_owned()),
            n if n % 2 == 0 => Some(format!(
                "{n} ZooKeeper servers survive the failure of {}, as {} do: a majority is {}, so the last one adds \
                 no safety{}",
                (n - 1) / 2,
                n - 1,
                n / 2 + 1,
                if n == 2 { "; three survive one" } else { "" }
            )),
            n => Some(format!("{n} ZooKeeper servers survive the failure of {}", (n - 1) / 2)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Cluster, Trouble> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("cluster.yaml");
        std::fs::write(&file, text).unwrap();
        Cluster::read(&file)
    }

    const THREE: &str = "name: prod\nzookeeper: {archive: zk.tar.gz}\nconf: {ui.port: 1, a: 1}\nrole_conf: {nimbus: {a: 2}}\n\
                         ssh: {user: admin, port: 2222}\nhosts:\n- {name: n1, roles: [zookeeper, nimbus], conf: {b: 3}}\n\
                         - {name: n2, roles: [zookeeper, supervisor], ssh: {port: 22}}\n";

    #[test]
    fn what_is_nearer_to_the_host_wins() {
        let cluster = read(THREE).unwrap();
        let (n1, n2) = (&cluster.hosts[0], &cluster.hosts[1]);
        assert_eq!(Value::Object(cluster.conf_of(n1)), serde_json::json!({"ui.port": 1, "a": 2, "b": 3}));
        assert_eq!(cluster.conf_of(n2)["a"], 1);
        let ssh = cluster.ssh_of(n2);
        assert_eq!((ssh.user.as_deref(), ssh.port), (Some("admin"), Some(22)));
        let archive = cluster.zookeeper.archive.as_ref().unwrap();
        assert!(matches!(archive, Archive::File(path) if path.is_absolute()), "{archive:?}");
        let note = cluster.quorum_note().unwrap();
        assert!(note.starts_with("2 ZooKeeper servers survive the failure of 0") && note.contains("three survive one"));
    }

    #[test]
    fn the_cluster_that_the_documentation_shows_can_be_one() {
        let page = include_str!("../../docs/install.md");
        let cluster = read(page.split("```").find_map(|block| block.strip_prefix("yaml\n")).unwrap()).unwrap();
        assert_eq!((cluster.hosts.len(), cluster.with(Role::Zookeeper).len()), (4, 3));
        assert_eq!(cluster.ssh_of(&cluster.hosts[3]).port, Some(2222));
    }

    #[test]
    fn the_configuration_of_ssh_may_be_at_home() {
        let cluster = read(&THREE.replace("port: 2222", "config: ~/.ssh/storm")).unwrap();
        let home = std::env::var_os("HOME").unwrap();
        assert_eq!(cluster.ssh.config, Some(Path::new(&home).join(".ssh/storm")));
    }

    #[test]
    fn mistakes_have_a_place_or_a_name() {
        let message = |text: &str| {
            let t = read(text).unwrap_err();
            format!("{} {}", t.message, t.evidence.join(" "))
        };
        assert!(message("name: x\nhosts:\n- {name: a, rolls: []}\n").contains("cluster.yaml:3:"));
        assert!(message(&THREE.replace("n2", "n1")).contains("host n1 is there twice"));
        assert!(message(&THREE.replace("supervisor", "nimbus")).contains("no host has the role supervisor"));
        assert!(
            message(&THREE.replace("zookeeper: {archive: zk.tar.gz}\n", "")).contains("2 hosts are to run ZooKeeper")
        );
        let storm = "storm: {archive: 'https://x/my storm.tar.gz'}\n";
        assert!(message(&format!("{storm}{THREE}")).contains("is no name of an archive"));
        assert!(message(&THREE.replace("name: n2", "name: '-oProxyCommand=x'")).contains("is no name of a host"));
        assert!(message(&THREE.replace("name: prod", "name: ../x")).contains("is no name of a cluster"));
    }
}
