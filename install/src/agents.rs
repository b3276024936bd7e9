//! The agents of a cluster: the authority of their certificates is made once, on the machine of who installs, and what it issues
//! is brought to the hosts as files. Also the little folder from which agents are asked here.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Map, Value, json};
use storm_agent::authority::{Authority, AuthorityError, CA_CERT, CRL, DAYS, Entry, Wanted};
use storm_agent::{Certificate, Purpose};
use tempfile::TempDir;

use crate::spec::{Cluster, Host, Role};
use crate::{Kind, Trouble};

const PORT_KEY: &str = "stormctl.agent.port";
/// Of agents, when nobody says another.
pub const PORT: u16 = 6629;

/// The port of a host's agent.
pub fn port(cluster: &Cluster, host: &Host) -> u16 {
    let set = cluster.conf_of(host).get(PORT_KEY).and_then(Value::as_u64);
    set.and_then(|p| u16::try_from(p).ok()).unwrap_or(PORT)
}

/// `HOST` or `HOST:PORT` of every agent, as `--hosts` takes them.
pub fn addresses(cluster: &Cluster) -> Vec<String> {
    let usual = cluster.conf.get(PORT_KEY).and_then(Value::as_u64).unwrap_or(u64::from(PORT));
    let one = |host: &Host| {
        let (port, bare) = (port(cluster, host), host.name.trim_matches(['[', ']']));
        match (u64::from(port) == usual, bare.contains(':')) {
            (true, _) => bare.to_owned(),
            (false, true) => format!("[{bare}]:{port}"),
            (false, false) => format!("{bare}:{port}"),
        }
    };
    cluster.hosts.iter().map(one).collect()
}

/// What a host gets, as PEM.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HostFiles {
    /// Names of files in `agent-tls`, with what they hold; a key before its certificate.
    pub files: Vec<(&'static str, String)>,
}

/// Keys are shown to nobody.
impl std::fmt::Debug for HostFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.files.iter().map(|(name, _)| name)).finish()
    }
}

/// The names of the files of a host; who asks from it is on the very machine.
pub fn names(host: &Host) -> Vec<&'static str> {
    let (cert, key) = Purpose::Agent.files();
    let mut names = vec![CA_CERT, CRL, key, cert];
    if host.local {
        let (cert, key) = Purpose::Operator.files();
        names.extend([key, cert]);
    }
    names
}

/// Which certificates are made anew though they are good.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Anew {
    pub all: bool,
    pub names: Vec<String>,
}

/// What the machine of who installs keeps for the agents of a cluster.
pub struct Agents {
    dir: PathBuf,
    /// Where it is a copy: goes with it.
    _scratch: Option<TempDir>,
}

/// Its folders, below that of the cluster.
pub(crate) const FOLDERS: [&str; 3] = ["agent-ca", "agent-certs", "operator"];

impl Agents {
    pub fn of(dir: &Path) -> Agents {
        Agents { dir: dir.to_owned(), _scratch: None }
    }

    /// A copy, for who only wants to know what would be.
    pub fn copy(&self) -> Result<Agents, Trouble> {
        let scratch = tempfile::Builder::new().prefix("storm-agents-").tempdir();
        let scratch = scratch.map_err(|e| Trouble::io("make", &std::env::temp_dir(), &e))?;
        for name in FOLDERS {
            let from = self.dir.join(name);
            copy(&from, &scratch.path().join(name)).map_err(|e| Trouble::io("copy", &from, &e))?;
        }
        Ok(Agents { dir: scratch.path().to_owned(), _scratch: Some(scratch) })
    }

    pub fn authority(&self) -> PathBuf {
        self.dir.join(FOLDERS[0])
    }

    fn of_host(&self, name: &str) -> PathBuf {
        self.dir.join(FOLDERS[1]).join(name.trim_matches(['[', ']']))
    }

    /// A storm.yaml with which this machine asks the cluster and its agents.
    pub fn storm_yaml(&self) -> PathBuf {
        self.dir.join(FOLDERS[2]).join("storm.yaml")
    }

    fn of_operator(&self) -> PathBuf {
        self.dir.join(FOLDERS[2]).join("agent-tls")
    }

    /// Sees to it that there is an authority, a good certificate for every host and for who installs; tells what each host gets.
    pub fn prepare(
        &self,
        cluster: &Cluster,
        user: &str,
        anew: &Anew,
        now: SystemTime,
    ) -> Result<BTreeMap<String, HostFiles>, Trouble> {
        let authority = match Authority::open(&self.authority()) {
            Err(AuthorityError::Missing { .. }) => Authority::create(&self.authority(), now),
            opened => opened,
        }
        .map_err(trouble)?;
        let valid = authority.valid(now).map_err(trouble)?;
        let operator = operator(user);
        let wanted = Wanted { name: &operator, purpose: Purpose::Operator, sans: &[], days: DAYS };
        renew(&authority, &valid, &wanted, &self.of_operator(), anew, now)?;
        let mut files = BTreeMap::new();
        for host in &cluster.hosts {
            let (name, sans) = subject(cluster, host);
            let wanted = Wanted { name: &name, purpose: Purpose::Agent, sans: &sans, days: DAYS };
            let folder = self.of_host(&host.name);
            renew(&authority, &valid, &wanted, &folder, anew, now)?;
            let read = |file: &'static str| {
                let own = [Purpose::Agent.files().0, Purpose::Agent.files().1].contains(&file);
                let path = if own { folder.join(file) } else { self.of_operator().join(file) };
                fs::read_to_string(&path).map(|text| (file, text)).map_err(|e| Trouble::io("read", &path, &e))
            };
            let all = names(host).into_iter().map(read).collect::<Result<_, _>>()?;
            files.insert(host.name.clone(), HostFiles { files: all });
        }
        Ok(files)
    }

    /// Takes back what was issued to hosts whose keys are out of our hands; what was taken back before stays so.
    pub fn revoke(&self, hosts: &[String], now: SystemTime) -> Result<(), Trouble> {
        let authority = Authority::open(&self.authority()).map_err(trouble)?;
        for host in hosts {
            match authority.revoke(host.trim_matches(['[', ']']), now) {
                Ok(_) | Err(AuthorityError::Unknown { .. }) => {}
                Err(e) => return Err(trouble(e)),
            }
        }
        Ok(())
    }

    /// Writes the storm.yaml with which this machine asks the cluster, where the cluster is on others: whole or not at all, and nobody
    /// else may read it, as conf may hold passwords.
    pub fn write_storm_yaml(&self, cluster: &Cluster) -> Result<(), Trouble> {
        if !cluster.agents && cluster.hosts.iter().all(|h| h.local) {
            return Ok(());
        }
        let path = self.storm_yaml();
        let part = path.with_extension("part");
        let write = || {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(self.dir.join(FOLDERS[2]))?;
            if part.exists() {
                fs::remove_file(&part)?;
            }
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
            io::Write::write_all(&mut file, storm_yaml(cluster).as_bytes())?;
            fs::rename(&part, &path)
        };
        write().map_err(|e| Trouble::io("write", &path, &e))
    }
}

fn storm_yaml(cluster: &Cluster) -> String {
    let names = |role| cluster.with(role).iter().map(|h| h.name.clone()).collect::<Vec<String>>();
    let mut map = Map::new();
    map.insert("storm.zookeeper.servers".into(), json!(names(Role::Zookeeper)));
    map.insert("nimbus.seeds".into(), json!(names(Role::Nimbus)));
    map.insert("stormctl.agent.hosts".into(), json!(addresses(cluster)));
    let remote = cluster.hosts.iter().filter(|h| !h.local);
    let ways: Map<String, Value> =
        remote.map(|h| (h.name.trim_matches(['[', ']']).to_owned(), way(cluster, h))).collect();
    map.insert("stormctl.ssh.hosts".into(), json!(ways));
    map.extend(cluster.conf.clone());
    let head = format!("# Written by stormctl install: how this machine asks the cluster {}.\n", cluster.name);
    map.iter().fold(head, |text, (key, value)| text + &format!("{}: {value}\n", json!(key)))
}

/// How ssh gets to a host, and where the cluster lies there.
fn way(cluster: &Cluster, host: &Host) -> Value {
    let ssh = cluster.ssh_of(host);
    let mut way = json!({"user": ssh.user, "port": ssh.port, "address": ssh.address, "config": ssh.config,
        "sudo": ssh.sudo, "dir": host.dir.as_ref().unwrap_or(&cluster.dir)});
    if let Value::Object(way) = &mut way {
        way.retain(|_, said| !said.is_null());
    }
    way
}

/// The name of a host in its certificate, and the others under which it is reached.
fn subject(cluster: &Cluster, host: &Host) -> (String, Vec<String>) {
    let bare = |name: &str| name.trim_matches(['[', ']']).to_owned();
    let name = bare(&host.name);
    let mut sans: Vec<String> = cluster.ssh_of(host).address.iter().map(|a| bare(a)).collect();
    if name == "localhost" {
        sans.push("127.0.0.1".to_owned());
    }
    sans.retain(|san| *san != name);
    (name, sans)
}

/// A user's name, as it can stand in a certificate.
fn operator(user: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.@+".contains(c);
    let name: String = user.chars().map(|c| if fits(c) { c } else { '-' }).take(64).collect();
    if name.is_empty() || name.starts_with('.') { "operator".to_owned() } else { name }
}

/// Issues a certificate into a folder, unless a good one is there; what was revoked is brought up to date in any case.
fn renew(
    authority: &Authority,
    valid: &[Entry],
    wanted: &Wanted<'_>,
    folder: &Path,
    anew: &Anew,
    now: SystemTime,
) -> Result<(), Trouble> {
    let (cert, key) = wanted.purpose.files();
    let there = Certificate::of_file(&folder.join(cert)).ok().filter(|_| folder.join(key).is_file());
    let known = valid.iter().find(|e| there.as_ref().is_some_and(|t| t.serial == e.serial));
    let good = known.is_some_and(|e| e.name == wanted.name && e.sans == wanted.sans && !e.is_due(now));
    if good && !anew.all && !anew.names.iter().any(|n| n == wanted.name) {
        return authority.write_crl(folder).map_err(trouble);
    }
    // Certificates and keys are in there: nobody else goes in.
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|e| Trouble::io("make", folder, &e))?;
    authority.issue_for(wanted, now).and_then(|issued| issued.write(folder, authority)).map_err(trouble)
}

fn trouble(e: AuthorityError) -> Trouble {
    let kind = match e {
        AuthorityError::Name { .. } => Kind::Wanted,
        AuthorityError::Exposed { .. } => Kind::Refused,
        _ => Kind::Failed,
    };
    let trouble = Trouble::new(kind, e.code(), e.to_string());
    match &e {
        AuthorityError::Exposed { path, .. } => trouble.hint(format!("chmod 600 {}", path.display())),
        _ => trouble,
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().mode(0o700).create(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &target)?,
            // With its permissions.
            false => drop(fs::copy(entry.path(), &target)?),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use super::*;

    fn cluster() -> Cluster {
        serde_yaml::from_str(
            "name: x\nagents: true\nconf: {stormctl.agent.port: 7000}\nhosts:\n- {name: n1, roles: [zookeeper, nimbus], ssh: {address: 10.0.0.1}}\n\
             - {name: 'fe80::2', roles: [supervisor], conf: {stormctl.agent.port: 7001}}\n",
        )
        .unwrap()
    }

    fn serials(files: &BTreeMap<String, HostFiles>) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let of = |f: &HostFiles| {
            let path = dir.path().join("c.pem");
            fs::write(&path, &f.files.iter().find(|(n, _)| *n == "agent.pem").unwrap().1).unwrap();
            Certificate::of_file(&path).unwrap().serial
        };
        files.values().map(of).collect()
    }

    #[test]
    fn good_certificates_stay_and_due_ones_are_renewed() {
        let dir = tempfile::tempdir().unwrap();
        let (agents, cluster, now) = (Agents::of(dir.path()), cluster(), SystemTime::now());
        let day = |n: u64| now + Duration::from_secs(n * 24 * 3600);
        let before = agents.copy().unwrap().prepare(&cluster, "ann", &Anew::default(), now).unwrap();
        assert_eq!((before.len(), fs::read_dir(dir.path()).unwrap().count()), (2, 0), "a look makes nothing");
        let prepare = |anew: &Anew, at| agents.prepare(&cluster, "DOM\\ann", anew, at).unwrap();
        let first = prepare(&Anew::default(), now);
        assert_eq!(prepare(&Anew::default(), day(300)), first, "65 days are left");
        let named = prepare(&Anew { names: vec!["n1".into()], ..Anew::default() }, now);
        let (old, new) = (serials(&first), serials(&named));
        assert!(old[0] == new[0] && old[1] != new[1], "{old:?} {new:?}");
        let later = serials(&prepare(&Anew::default(), day(310)));
        assert!(new.iter().zip(&later).all(|(a, b)| a != b), "all are due");
        let key = agents.of_host("n1").join("agent.key");
        assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let valid = Authority::open(&agents.authority()).unwrap().valid(now).unwrap();
        let n1 = valid.iter().find(|e| e.name == "n1").unwrap();
        assert_eq!(n1.sans, ["10.0.0.1"]);
        assert!(valid.iter().any(|e| e.name == "DOM-ann" && e.purpose == Purpose::Operator));
        // What was revoked is never taken for good.
        Authority::open(&agents.authority()).unwrap().revoke("n1", day(310)).unwrap();
        let again = serials(&prepare(&Anew::default(), day(310)));
        assert_ne!(again[1], later[1]);
        // A host that is lost is taken back for good, however often that is said.
        let two = ["fe80::2".to_owned()];
        agents.revoke(&two, day(311)).unwrap();
        agents.revoke(&two, day(311)).unwrap();
        let valid = Authority::open(&agents.authority()).unwrap().valid(day(311)).unwrap();
        assert!(valid.iter().any(|e| e.name == "n1") && !valid.iter().any(|e| e.name == "fe80::2"), "{valid:?}");
    }

    #[test]
    fn addresses_and_the_file_to_ask_with() {
        assert_eq!(addresses(&cluster()), ["n1", "[fe80::2]:7001"]);
        let text = storm_yaml(&cluster());
        let ways = "\"stormctl.ssh.hosts\": {\"n1\":{\"address\":\"10.0.0.1\",\"dir\":\"/opt/storm\"},\"fe80::2\":{\"dir\":\"/opt/storm\"}}";
        for line in ["\"nimbus.seeds\": [\"n1\"]", "\"stormctl.agent.port\": 7000", ways] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
        assert_eq!(format!("{:?}", HostFiles { files: vec![("agent.key", "secret".into())] }), "[\"agent.key\"]");
    }
}
