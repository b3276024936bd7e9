//! An installation of Apache ZooKeeper on this machine: a folder with `lib/*.jar` and `conf/zoo.cfg`.

use std::fs;
use std::path::{Path, PathBuf};

use storm_conf::Conf;
use storm_machine::process::{self, Entry as Process, Identity};
use storm_zookeeper::{Entry, properties};

use crate::cli::zk::ZkService;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::zk::launch;

/// The key that names the installation in storm.yaml.
pub const HOME_KEY: &str = "stormctl.zookeeper.home";
/// What zkServer.sh starts, and what ZooKeeper's own standalone class is.
const CLASSES: [&str; 2] =
    ["org.apache.zookeeper.server.quorum.QuorumPeerMain", "org.apache.zookeeper.server.ZooKeeperServerMain"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    pub home: PathBuf,
    pub zoo_cfg: PathBuf,
    pub data_dir: PathBuf,
    pub client: Option<ClientPort>,
    /// Hosts of `server.N`, with their numbers.
    pub members: Vec<(String, String)>,
}

/// Where clients connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientPort {
    pub host: String,
    pub port: u16,
    pub tls: bool,
}

/// Who the pid file means.
#[derive(Debug, Clone, PartialEq)]
pub enum Owner {
    /// Nobody is recorded; the other is a process of this very zoo.cfg, if there is one.
    Unrecorded(Option<i32>),
    /// The recorded process is gone.
    Gone(i32),
    /// The recorded number is another process now, which runs this.
    Stranger(i32, String),
    Running(Identity),
}

impl Installation {
    /// The installation that the command line, storm.yaml or the environment names; `None` for our own server.
    pub fn named(conf: &Conf, args: &ZkService, environment: Option<PathBuf>) -> Result<Option<Installation>, Failure> {
        if args.dev {
            return Ok(None);
        }
        let key = conf.str(HOME_KEY).filter(|s| !s.is_empty()).map(PathBuf::from);
        match args.home.clone().or(key).or(environment.filter(|e| !e.as_os_str().is_empty())) {
            Some(home) => Installation::at(&home, args.zoo_cfg.as_deref()).map(Some),
            None if args.zoo_cfg.is_some() => {
                Err(Failure::new(Exit::Usage, "usage/home", "--zoo-cfg is for an Apache ZooKeeper, and none is named")
                    .hint(format!("say --home DIR, or set {HOME_KEY} in storm.yaml")))
            }
            None => Ok(None),
        }
    }

    pub fn at(home: &Path, zoo_cfg: Option<&Path>) -> Result<Installation, Failure> {
        let home = std::path::absolute(home).map_err(|e| Failure::io(home.display().to_string(), &e))?;
        let missing = |what: String| {
            Failure::new(Exit::NotInstalled, "zookeeper/not-installed", "this is no installation of Apache ZooKeeper")
                .evidence(what)
                .hint("name the folder of a release, which has lib/zookeeper-*.jar and conf/zoo.cfg")
        };
        let lib = home.join("lib");
        let jar = |f: &fs::DirEntry| {
            let name = f.file_name();
            let name = name.to_string_lossy();
            name.starts_with("zookeeper-") && name.ends_with(".jar")
        };
        let jars = fs::read_dir(&lib).map_err(|e| missing(format!("{}: {e}", lib.display())))?;
        if !jars.flatten().any(|f| jar(&f)) {
            return Err(missing(format!("{} holds no zookeeper-*.jar", lib.display())));
        }
        let zoo_cfg = match zoo_cfg {
            Some(file) => std::path::absolute(file).map_err(|e| Failure::io(file.display().to_string(), &e))?,
            None => home.join("conf/zoo.cfg"),
        };
        let bytes = fs::read(&zoo_cfg).map_err(|e| {
            Failure::new(Exit::ConfigInvalid, "zookeeper/zoo-cfg", format!("cannot read {}", zoo_cfg.display()))
                .evidence(e.to_string())
                .hint("copy conf/zoo_sample.cfg to conf/zoo.cfg and set dataDir")
        })?;
        Installation::read(home, zoo_cfg, &String::from_utf8_lossy(&bytes))
    }

    fn read(home: PathBuf, zoo_cfg: PathBuf, text: &str) -> Result<Installation, Failure> {
        let mut entries = properties(text);
        let value = |entries: &[Entry], key: &str| entries.iter().find(|e| e.key == key).map(|e| e.value.clone());
        let Some(data_dir) = value(&entries, "dataDir").filter(|d| !d.is_empty()) else {
            return Err(Failure::new(Exit::ConfigInvalid, "zookeeper/zoo-cfg", "dataDir is not set")
                .evidence(zoo_cfg.display().to_string()));
        };
        let data_dir = home.join(data_dir);
        if let Some(file) = value(&entries, "dynamicConfigFile")
            && let Ok(dynamic) = fs::read_to_string(home.join(file))
        {
            entries.extend(properties(&dynamic));
        }
        let myid = fs::read_to_string(data_dir.join("myid")).map(|id| id.trim().to_owned()).ok();
        let client = client_port(&entries, myid.as_deref())
            .map_err(|what| Failure::new(Exit::ConfigInvalid, "zookeeper/zoo-cfg", what))
            .map_err(|f| f.evidence(zoo_cfg.display().to_string()))?;
        let member = |e: &Entry| {
            let id = e.key.strip_prefix("server.")?.to_owned();
            Some((id, host_of(&e.value).to_owned()))
        };
        let members = entries.iter().filter_map(member).collect();
        Ok(Installation { home, zoo_cfg, data_dir, client, members })
    }

    /// zkServer.sh's own file.
    pub fn pid_file(&self) -> PathBuf {
        self.data_dir.join("zookeeper_server.pid")
    }

    pub fn owner(&self) -> Owner {
        let recorded = fs::read_to_string(self.pid_file()).ok().and_then(|t| t.trim().parse::<i32>().ok());
        let Some(pid) = recorded.filter(|p| *p > 0) else {
            return Owner::Unrecorded(process::all().iter().find(|p| self.runs_in(p)).map(|p| p.pid));
        };
        // First who it is, then what it runs: of a number that changes hands in between nothing would be believed.
        let identity = Identity::of(pid);
        match identity.and_then(|i| i.entry().map(|e| (i, e))) {
            None => Owner::Gone(pid),
            Some((identity, entry)) if self.runs_in(&entry) => Owner::Running(identity),
            Some((_, entry)) => Owner::Stranger(pid, entry.args.join(" ")),
        }
    }

    /// Whether this process is a server with this very zoo.cfg.
    pub fn runs_in(&self, process: &Process) -> bool {
        let class = process.args.iter().position(|a| CLASSES.contains(&a.as_str()));
        // Until the shell has become the JVM, its words are those that `launch` gave it.
        let file = class.map(|at| at + 1).or_else(|| launch::is_starting(&process.args).then_some(launch::ZOO_CFG_AT));
        let Some(file) = file.and_then(|at| process.args.get(at)).filter(|_| process.alive()) else { return false };
        let cwd = fs::read_link(format!("/proc/{}/cwd", process.pid)).unwrap_or_default();
        let theirs = cwd.join(file);
        match (fs::canonicalize(&theirs), fs::canonicalize(&self.zoo_cfg)) {
            (Ok(theirs), Ok(ours)) => theirs == ours,
            _ => theirs == self.zoo_cfg,
        }
    }
}

/// In the order in which zkServer.sh looks.
fn client_port(entries: &[Entry], myid: Option<&str>) -> Result<Option<ClientPort>, String> {
    let entry = |key: &str| entries.iter().find(|e| e.key == key);
    let number = |e: &Entry| {
        let text = e.value.rsplit(':').next().unwrap_or_default();
        text.trim().parse::<u16>().map_err(|_| format!("line {}: {} is no port: {}", e.line, e.key, e.value))
    };
    let host = |key: &str| entry(key).map(|e| e.value.clone()).filter(|v| v != "0.0.0.0" && v != "::");
    let local = || "localhost".to_owned();
    if let Some(e) = entry("clientPort") {
        let host = host("clientPortAddress").unwrap_or_else(local);
        return Ok(Some(ClientPort { host, port: number(e)?, tls: false }));
    }
    if let Some(e) = myid.and_then(|id| entry(&format!("server.{id}")))
        && let Some((_, client)) = e.value.rsplit_once(';')
    {
        let port = number(&Entry { line: e.line, key: e.key.clone(), value: client.to_owned() })?;
        let host = client.rsplit_once(':').map(|(h, _)| h.to_owned()).filter(|h| h != "0.0.0.0" && h != "[::]");
        return Ok(Some(ClientPort { host: host.unwrap_or_else(local), port, tls: false }));
    }
    if let Some(e) = entry("secureClientPort") {
        let host = host("secureClientPortAddress").unwrap_or_else(local);
        return Ok(Some(ClientPort { host, port: number(e)?, tls: true }));
    }
    Ok(None)
}

/// `host:2888:3888:participant;2181`, where the host may be an IPv6 address in brackets.
fn host_of(member: &str) -> &str {
    match member.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, _)) => v6,
        None => member.split([':', ';']).next().unwrap_or(member),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(dir: &Path, text: &str) -> Installation {
        Installation::read(dir.to_owned(), dir.join("conf/zoo.cfg"), text).unwrap()
    }

    #[test]
    fn the_port_is_where_zkserver_finds_it() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path();
        fs::create_dir(home.join("data")).unwrap();
        fs::write(home.join("data/myid"), "2\n").unwrap();
        let port = |text: &str| {
            let client = read(home, &format!("dataDir=data\n{text}")).client?;
            Some((client.host, client.port, client.tls))
        };
        let at = |host: &str, port, tls| Some((host.to_owned(), port, tls));
        assert_eq!(port("clientPort=2181\n"), at("localhost", 2181, false));
        assert_eq!(port("clientPort=2181\nclientPortAddress=10.0.0.1\n"), at("10.0.0.1", 2181, false));
        assert_eq!(port("server.2=zk2:2888:3888;2182\nsecureClientPort=2281\n"), at("localhost", 2182, false));
        assert_eq!(port("server.2=zk2:2888:3888:participant;10.0.0.2:2182\n"), at("10.0.0.2", 2182, false));
        assert_eq!(port("secureClientPort=2281\n"), at("localhost", 2281, true));
        assert_eq!(port(""), None);
        fs::write(home.join("dynamic"), "server.2=zk2:2888:3888;2183\nserver.3=[fe80::1]:2888:3888;2183\n").unwrap();
        let dynamic = read(home, "dataDir=data\ndynamicConfigFile=dynamic\n");
        assert_eq!(dynamic.client.unwrap().port, 2183);
        assert_eq!(dynamic.members, [("2".into(), "zk2".into()), ("3".into(), "fe80::1".to_owned())]);
        let wrong = Installation::read(home.to_owned(), home.join("zoo.cfg"), "dataDir=/d\nclientPort=many\n");
        assert_eq!(wrong.unwrap_err().exit, Exit::ConfigInvalid);
    }

    #[test]
    fn a_number_in_the_pid_file_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path();
        fs::create_dir(home.join("data")).unwrap();
        let install = read(home, "dataDir=data\nclientPort=1\n");
        assert_eq!(install.owner(), Owner::Unrecorded(None));
        fs::write(install.pid_file(), std::process::id().to_string()).unwrap();
        assert!(matches!(install.owner(), Owner::Stranger(pid, _) if pid == std::process::id() as i32));
        for rubbish in ["", "-1", "x", "99999999999"] {
            fs::write(install.pid_file(), rubbish).unwrap();
            assert_eq!(install.owner(), Owner::Unrecorded(None), "{rubbish}");
        }
        let cfg = install.zoo_cfg.display().to_string();
        let process = |args: &[&str]| Process {
            args: args.iter().map(|a| (*a).to_owned()).collect(),
            state: 'S',
            ..Default::default()
        };
        assert!(install.runs_in(&process(&["java", CLASSES[0], &cfg])));
        assert!(!install.runs_in(&process(&["java", CLASSES[0], "/other/zoo.cfg"])));
        assert!(!install.runs_in(&process(&["vim", &cfg])));
    }

    #[test]
    fn what_is_no_installation_is_said() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Installation::at(dir.path(), None).unwrap_err().exit, Exit::NotInstalled);
        fs::create_dir(dir.path().join("lib")).unwrap();
        assert!(Installation::at(dir.path(), None).unwrap_err().faults[0].evidence[0].contains("no zookeeper-*.jar"));
        fs::write(dir.path().join("lib/zookeeper-3.9.5.jar"), "").unwrap();
        assert_eq!(Installation::at(dir.path(), None).unwrap_err().exit, Exit::ConfigInvalid);
    }
}
