//! From flags, or answers, to the description of a cluster of one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, json};
use storm_install::archive::Archive;
use storm_install::spec::{Cluster, Host, Role, Service, Ssh, Storm, ZooKeeper};

use crate::cli::install::{self, Single};
use crate::exit::Exit;
use crate::failure::Failure;

/// Storm's first slot.
const FIRST_SLOT: u16 = 6700;

/// Where it goes when nobody says.
pub(super) fn default_dir() -> Result<PathBuf, Failure> {
    if rustix::process::geteuid().is_root() {
        return Ok(PathBuf::from("/opt/storm"));
    }
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let data = set("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(".local/share")));
    data.map(|d| d.join("storm"))
        .ok_or_else(|| Failure::new(Exit::Usage, "usage/dir", "there is no home to install into").hint("say --dir DIR"))
}

/// What a flag names, seen from this folder.
fn archive(text: &str) -> Result<Archive, Failure> {
    match Archive::from(text.to_owned()) {
        Archive::File(file) => {
            let file = std::path::absolute(&file).map_err(|e| Failure::io(file.display().to_string(), &e))?;
            Ok(Archive::File(file))
        }
        url => Ok(url),
    }
}

/// The cluster that the flags describe.
pub(super) fn cluster(args: &Single, settings: &[String]) -> Result<Cluster, Failure> {
    if let Some(file) = &args.file {
        let mut cluster = Cluster::read(file)?;
        let hosts = cluster.hosts.len();
        let [host] = cluster.hosts.as_mut_slice() else {
            return Err(Failure::new(
                Exit::Usage,
                "install/single-host",
                format!("{} describes {hosts} hosts, and single is for one", file.display()),
            )
            .hint(format!("stormctl install distributed --file {}", file.display())));
        };
        host.local = true;
        cluster.conf.extend(crate::submission::settings(settings));
        return Ok(cluster);
    }
    let dir = match &args.dir {
        Some(dir) => std::path::absolute(dir).map_err(|e| Failure::io(dir.display().to_string(), &e))?,
        None => default_dir()?,
    };
    let storm = match &args.storm_archive {
        Some(text) => {
            let (java_home, python) = (args.java_home.clone(), args.python.clone());
            Some(Storm { archive: archive(text)?, sha512: None, java_home, python })
        }
        None => None,
    };
    let zookeeper = args.zookeeper_archive.as_deref().map(archive).transpose()?;
    let mut conf = Map::new();
    if let Some(slots) = args.slots {
        let ports: Vec<u16> = (FIRST_SLOT..FIRST_SLOT.saturating_add(slots)).collect();
        conf.insert("supervisor.slots.ports".to_owned(), json!(ports));
    }
    conf.extend(crate::submission::settings(settings));
    let mut roles = vec![Role::Zookeeper, Role::Nimbus, Role::Supervisor];
    if !args.no_ui {
        roles.extend([Role::Ui, Role::Logviewer]);
    }
    let cluster = Cluster {
        name: args.name.clone().unwrap_or_else(|| "single".to_owned()),
        dir,
        user: args.user.clone(),
        service: match args.service {
            None | Some(install::Service::Auto) => Service::Auto,
            Some(install::Service::Systemd) => Service::Systemd,
            Some(install::Service::SystemdUser) => Service::SystemdUser,
            Some(install::Service::Background) => Service::Background,
        },
        storm,
        zookeeper: ZooKeeper { archive: zookeeper, java_home: args.java_home.clone(), ..ZooKeeper::default() },
        ssh: Ssh::default(),
        agents: args.agent,
        conf,
        role_conf: BTreeMap::new(),
        hosts: vec![Host {
            name: args.host.clone().unwrap_or_else(|| "localhost".to_owned()),
            roles,
            local: true,
            dir: None,
            ssh: Ssh::default(),
            conf: Map::new(),
            zoo_cfg: Map::new(),
        }],
    };
    cluster.check()?;
    Ok(cluster)
}
