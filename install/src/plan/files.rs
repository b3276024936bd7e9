//! The texts of the files.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Map, Value, json};

use crate::agents;
use crate::spec::{Cluster, Host, Role};
use crate::step::{Crew, places};

const BY: &str = "# Written by stormctl install: what is changed here, stormctl plan will not overwrite.\n";

/// The storm.yaml of a host.
pub fn storm_yaml(cluster: &Cluster, host: &Host, crew: &Crew) -> String {
    let names = |role| cluster.with(role).iter().map(|h| h.name.clone()).collect::<Vec<String>>();
    let roles: Vec<&str> = crew.daemons.iter().filter(|d| !d.apache).map(|d| d.role.as_str()).collect();
    let dir = |path: std::path::PathBuf| Value::from(path.to_string_lossy().into_owned());
    let mut map = Map::new();
    let mut set = |key: &str, value: Value| drop(map.insert(key.to_owned(), value));
    set("storm.zookeeper.servers", json!(names(Role::Zookeeper)));
    set("nimbus.seeds", json!(names(Role::Nimbus)));
    set("storm.local.hostname", json!(host.name));
    set("storm.home", dir(crew.dir.clone()));
    set("storm.local.dir", dir(places::data(&crew.dir).join("local")));
    set("storm.log.dir", dir(places::logs(&crew.dir)));
    if host.roles.contains(&Role::Zookeeper) {
        match cluster.zookeeper.archive {
            Some(_) => set("stormctl.zookeeper.home", dir(places::zookeeper_home(&crew.dir))),
            None => set("dev.zookeeper.path", dir(places::zookeeper_data(&crew.dir))),
        }
    }
    if let Some(storm) = &cluster.storm {
        let home = places::storm_home(&crew.dir, &storm.archive.release());
        // Relative places are below the release, for its daemons and for us.
        set("storm.home", dir(home.clone()));
        set("stormctl.storm.home", dir(home));
        // By default it is a folder in the release.
        set("storm.metricstore.rocksdb.location", dir(places::data(&crew.dir).join("metrics")));
        for (key, path) in [("stormctl.java.home", &storm.java_home), ("stormctl.python", &storm.python)] {
            if let Some(path) = path {
                set(key, dir(path.clone()));
            }
        }
    }
    set("stormctl.roles", json!(roles));
    if cluster.agents {
        set("stormctl.agent.hosts", json!(agents::addresses(cluster)));
        // As the other daemons do it: known by a loopback address, it listens there only.
        if host.name == "localhost" || loopback(&host.name).is_some() {
            set("stormctl.agent.listen", json!(host.name.trim_matches(['[', ']'])));
        }
    }
    map.extend(cluster.conf_of(host));
    let mut text = BY.to_owned();
    for (key, value) in &map {
        text.push_str(&format!("{}: {value}\n", yaml_key(key)));
    }
    text
}

/// As it is where YAML takes it so, else as JSON, which YAML takes too.
fn yaml_key(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let named = key.chars().all(plain) && key.starts_with(|c: char| c.is_ascii_alphabetic());
    if named { key.to_owned() } else { Value::from(key).to_string() }
}

/// The numbers of the servers by host. One that has a number keeps it, whoever comes and goes; the others get what is free.
pub fn server_ids(cluster: &Cluster, has: impl Fn(&Host) -> Option<usize>) -> BTreeMap<String, usize> {
    let servers = cluster.with(Role::Zookeeper);
    let mut ids: BTreeMap<String, usize> = BTreeMap::new();
    for server in &servers {
        if let Some(id) = has(server).filter(|id| !ids.values().any(|taken| taken == id)) {
            ids.insert(server.name.clone(), id);
        }
    }
    for server in servers {
        if !ids.contains_key(&server.name) {
            let free = (1..).find(|id| !ids.values().any(|taken| taken == id)).unwrap_or_default();
            ids.insert(server.name.clone(), free);
        }
    }
    ids
}

fn loopback(name: &str) -> Option<IpAddr> {
    name.trim_matches(['[', ']']).parse::<IpAddr>().ok().filter(IpAddr::is_loopback)
}

/// The zoo.cfg of a host, in the order in which people read it.
pub fn zoo_cfg(cluster: &Cluster, host: &Host, crew: &Crew, ids: &BTreeMap<String, usize>) -> String {
    let port = cluster.conf_of(host).get("storm.zookeeper.port").and_then(Value::as_u64).unwrap_or(2181);
    let mut map = Map::new();
    let mut set = |key: &str, value: String| drop(map.insert(key.to_owned(), value.into()));
    set("tickTime", "2000".into());
    set("initLimit", "10".into());
    set("syncLimit", "5".into());
    set("dataDir", places::zookeeper_data(&crew.dir).to_string_lossy().into_owned());
    set("clientPort", port.to_string());
    // As our own daemons do it: known by a loopback address, it listens there only.
    if let Some(ip) = loopback(&host.name) {
        set("clientPortAddress", ip.to_string());
    }
    // Off by default, and then the disk fills up.
    set("autopurge.snapRetainCount", "3".into());
    set("autopurge.purgeInterval", "24".into());
    set("4lw.commands.whitelist", "srvr,mntr,ruok,stat,conf,isro,wchs".into());
    set("admin.enableServer", "false".into());
    let servers = cluster.with(Role::Zookeeper);
    let [following, electing] = cluster.zookeeper.peer_ports;
    if servers.len() > 1 {
        for server in &servers {
            let bare = server.name.trim_matches(['[', ']']);
            let name = if bare.contains(':') { format!("[{bare}]") } else { bare.to_owned() };
            let id = ids.get(&server.name).copied().unwrap_or_default();
            set(&format!("server.{id}"), format!("{name}:{following}:{electing}"));
        }
    }
    map.extend(cluster.zookeeper.zoo_cfg.clone());
    map.extend(host.zoo_cfg.clone());
    let mut text = BY.to_owned();
    for (key, value) in &map {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text.push_str(&format!("{key}={value}\n"));
    }
    text
}

/// The lines that change, without what must not be shown.
pub fn diff(old: &str, new: &str, path: &str) -> String {
    let secret = |line: &str| {
        let key = line.trim_start_matches(['+', '-', ' ']).split([':', '=']).next().unwrap_or_default().to_lowercase();
        ["password", "payload", "secret", "keytab"].iter().any(|word| key.contains(word))
    };
    let hide = |line: &str| match line.split_once([':', '=']) {
        Some((key, _)) if secret(line) => format!("{key}: ********\n"),
        _ => format!("{line}\n"),
    };
    storm_lint::diff::lines(old, new, path, path).lines().map(hide).collect()
}

/// Who may read a storm.yaml with this text.
pub fn mode(text: &str) -> u32 {
    if holds_secrets(text) { 0o640 } else { 0o644 }
}

/// Whether only its owner and its group may read it.
pub fn holds_secrets(text: &str) -> bool {
    let words = ["password", "payload", "secret"];
    text.lines().any(|l| l.split(':').next().is_some_and(|key| words.iter().any(|w| key.to_lowercase().contains(w))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_no_password() {
        let text = diff(
            "a: 1\nstorm.zookeeper.auth.payload: \"u:one\"\n",
            "a: 2\nstorm.zookeeper.auth.payload: \"u:two\"\n",
            "f",
        );
        assert!(text.contains("-a: 1") && text.contains("+a: 2"), "{text}");
        assert!(!text.contains("one") && !text.contains("two") && text.contains("+storm.zookeeper.auth.payload: ****"));
        assert!(holds_secrets("x.password: 1\n") && !holds_secrets("x: password\n"));
    }

    #[test]
    fn odd_keys_stay_yaml() {
        assert_eq!(yaml_key("nimbus.seeds"), "nimbus.seeds");
        assert_eq!(yaml_key("a: b"), "\"a: b\"");
    }
}
