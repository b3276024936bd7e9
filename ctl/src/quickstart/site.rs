//! Where the cluster of a quickstart lives: its folder, its ports, its configuration.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use storm_conf::{Conf, Environment, LoadOptions};
use tempfile::TempDir;

use crate::cli::Role;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::service::{self, State};

const HOST: &str = "127.0.0.1";
const SLOTS: usize = 4;

/// The folder goes with it, unless it is kept.
pub struct Site {
    pub home: PathBuf,
    pub file: PathBuf,
    pub conf: Conf,
    temporary: Option<TempDir>,
}

impl Site {
    /// A folder below the temporary one that goes away.
    pub fn temporary(settings: &[String]) -> Result<Site, Failure> {
        let dir = tempfile::Builder::new()
            .prefix("storm-quickstart-")
            .tempdir()
            .map_err(|e| Failure::io("cannot make a temporary folder", &e))?;
        let ports = ports(&[0; 3 + SLOTS])?;
        Site::make(dir.path().to_owned(), Some(dir), &ports, settings)
    }

    /// A folder that stays, with Storm's ports where they are free.
    pub fn kept(settings: &[String]) -> Result<Site, Failure> {
        let home = Environment::of_process()
            .own_state()
            .ok_or_else(|| {
                Failure::new(Exit::Failed, "quickstart/no-home", "there is no place to keep a cluster")
                    .hint("set HOME or XDG_STATE_HOME")
            })?
            .join("quickstart");
        let file = home.join("conf/storm.yaml");
        if file.is_file() {
            let old = storm_conf::load(&LoadOptions { file: Some(file), ..LoadOptions::default() })?;
            let running = |role: &Role| matches!(service::state(*role, &old), State::Running { .. });
            if Role::ALL.iter().any(running) {
                return Err(Failure::new(Exit::Conflict, "quickstart/kept", "a kept cluster runs already")
                    .evidence(home.display().to_string())
                    .hint("stormctl stop"));
            }
            fs::remove_dir_all(&home)
                .map_err(|e| Failure::io(format!("cannot remove the last kept cluster {}", home.display()), &e))?;
        }
        let ports = ports(&[2181, 6627, 6628, 6700, 6701, 6702, 6703])?;
        Site::make(home, None, &ports, settings)
    }

    fn make(home: PathBuf, temporary: Option<TempDir>, ports: &[u16], settings: &[String]) -> Result<Site, Failure> {
        let file = home.join("conf/storm.yaml");
        let cannot = |e: std::io::Error| Failure::io(format!("cannot write {}", file.display()), &e);
        for dir in ["conf", "logs", "local"] {
            fs::create_dir_all(home.join(dir)).map_err(cannot)?;
        }
        fs::write(&file, yaml(&settings_of(&home, ports))).map_err(cannot)?;
        let options = LoadOptions { file: Some(file.clone()), overrides: settings.to_vec(), ..LoadOptions::default() };
        let conf = storm_conf::load(&options)?;
        Ok(Site { home, file, conf, temporary })
    }

    pub fn is_kept(&self) -> bool {
        self.temporary.is_none()
    }

    pub fn sink(&self) -> PathBuf {
        self.home.join("counts.tsv")
    }

    /// How `stormctl` is called so that it means this cluster: a configuration of the user's own comes before it.
    pub fn command(&self) -> String {
        let plain = storm_conf::load_from(&LoadOptions::default()).is_ok_and(|l| l.file.as_ref() == Some(&self.file));
        if plain { "stormctl".to_owned() } else { format!("stormctl --config {}", self.file.display()) }
    }

    /// From now on every `stormctl` of this user means this cluster.
    pub fn make_current(&self) -> Result<(), Failure> {
        let Some(pointer) = Environment::of_process().current_cluster() else { return Ok(()) };
        fs::write(&pointer, format!("{}\n", self.file.display()))
            .map_err(|e| Failure::io(format!("cannot write {}", pointer.display()), &e))
    }
}

/// The wanted ports, each replaced by any free one if it is taken. All are held until all are found.
fn ports(wanted: &[u16]) -> Result<Vec<u16>, Failure> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let mut held = Vec::new();
    for &port in wanted {
        held.push(bind(port).or_else(|_| bind(0)).map_err(|e| Failure::io("no port is free on 127.0.0.1", &e))?);
    }
    held.iter().map(|l| l.local_addr().map(|a| a.port()).map_err(|e| Failure::io("a socket has no port", &e))).collect()
}

fn settings_of(home: &Path, ports: &[u16]) -> Map<String, Value> {
    let settings = json!({
        "storm.zookeeper.servers": [HOST],
        "storm.zookeeper.port": ports[0],
        "nimbus.seeds": [HOST],
        "nimbus.thrift.port": ports[1],
        "supervisor.thrift.port": ports[2],
        "supervisor.slots.ports": ports[3..],
        "storm.local.hostname": HOST,
        "storm.home": home,
        "storm.local.dir": home.join("local"),
        "storm.log.dir": home.join("logs"),
        "dev.zookeeper.path": home.join("zookeeper"),
        "stormctl.roles": ["zookeeper", "nimbus", "supervisor"],
        // Whoever tries a cluster does not want to wait for its figures.
        "nimbus.monitor.freq.secs": 1,
        "supervisor.monitor.frequency.secs": 1,
        "supervisor.heartbeat.frequency.secs": 1,
        "worker.heartbeat.frequency.secs": 1,
        "task.heartbeat.frequency.secs": 1,
        "executor.metrics.frequency.secs": 1,
    });
    match settings {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// One key a line; JSON is YAML.
fn yaml(settings: &Map<String, Value>) -> String {
    let mut text = String::from("# Made by stormctl quickstart.\n");
    for (key, value) in settings {
        text.push_str(&format!("{key}: {value}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_has_its_own_ports_and_folders_and_goes_away() {
        let site = Site::temporary(&["topology.workers=7".into()]).unwrap();
        let home = site.home.clone();
        assert_eq!(site.conf.local_dir(), home.join("local"));
        assert_eq!(site.conf.int("topology.workers"), Some(7));
        assert_eq!(site.conf.ints("supervisor.slots.ports").len(), SLOTS);
        assert!(!site.is_kept());
        drop(site);
        assert!(!home.exists());
    }

    #[test]
    fn a_port_that_is_taken_is_replaced() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let found = ports(&[port, 0]).unwrap();
        assert!(found[0] != port && found[0] != found[1]);
    }
}
