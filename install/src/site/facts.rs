//! What a host says of itself.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use storm_conf::LoadOptions;
use storm_doctor::gather::{Request as Doctor, gather as doctor};
use storm_machine::programs;
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::act::{id, seen};
use super::manifest::Manifest;
use super::nimbus;
use super::services::{command, known, run};
use crate::facts::{Hello, HostFacts, Java, Look, Name, PathFacts, Reach, Seen};
use crate::{Kind, Trouble};

/// Larger files have no text in a plan.
const TEXT: u64 = 256 << 10;
const REACH: Duration = Duration::from_secs(5);
const DOCTOR: Duration = Duration::from_secs(2);
/// What of `doctor` can be told before a cluster is there.
const RULES: [&str; 4] = ["disk/", "ports/", "host/memory", "names/loopback"];

pub(super) fn hello() -> Hello {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
    let uid = rustix::process::geteuid().as_raw();
    let user = passwd(uid).map(|(name, _)| name);
    let home = std::env::var_os("HOME").map(PathBuf::from).or_else(|| passwd(uid).map(|(_, home)| home));
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let runtime = runtime.unwrap_or_else(|| PathBuf::from(format!("/run/user/{uid}")));
    let user = user.unwrap_or_else(|| uid.to_string());
    Hello {
        hostname: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        // As loginctl enable-linger leaves it.
        lingers: Path::new("/var/lib/systemd/linger").join(&user).exists(),
        user,
        uid,
        home: home.unwrap_or_else(|| PathBuf::from("/")),
        clock_ms: clock,
        // As sd_booted(3) finds out.
        systemd: Path::new("/run/systemd/system").is_dir(),
        systemd_user: Path::new("/run/systemd/system").is_dir() && runtime.join("systemd/private").exists(),
    }
}

fn passwd(uid: u32) -> Option<(String, PathBuf)> {
    let text = fs::read_to_string("/etc/passwd").ok()?;
    text.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.len() > 5 && fields[2] == uid.to_string()).then(|| (fields[0].to_owned(), PathBuf::from(fields[5])))
    })
}

pub(super) async fn gather(look: &Look) -> Result<HostFacts, Trouble> {
    let manifest = Manifest::read(&look.crew.dir)?;
    let mut facts = HostFacts { nofile: nofile(), ..HostFacts::default() };
    for path in &look.paths {
        let now = seen(path)?;
        let mut found = PathFacts::default();
        if let Seen::File { sha256 } = &now {
            let left = manifest.left(path);
            found.ours = left == Some(sha256.as_str());
            found.changed = left.is_some() && !found.ours;
            // What only its owner may read is not sent about: the hash tells enough.
            if fs::metadata(path).is_ok_and(|m| m.len() <= TEXT && m.mode() & 0o077 != 0) {
                found.text = fs::read_to_string(path).ok();
            }
        }
        found.seen = now;
        facts.paths.insert(path.clone(), found);
    }
    facts.names = names(&look.names).await;
    let base = look.crew.dir.ancestors().find(|p| p.exists()).unwrap_or(Path::new("/"));
    facts.free_bytes = rustix::fs::statvfs(base).ok().map(|r| r.f_bavail.saturating_mul(r.f_frsize));
    facts.memory_bytes = memory();
    facts.user_exists = true;
    if let Some(user) = &look.crew.user {
        let ids = id(user).await?;
        facts.user_exists = ids.is_some();
        facts.shut = shut(&look.crew.dir, user, ids);
    }
    if look.java {
        facts.java = java(look.java_home.as_deref()).await;
    }
    if let Some(tools) = &look.storm {
        facts.storm_java = java(tools.java_home.as_deref()).await;
        facts.python = python(tools.python.as_deref()).await;
    }
    facts.installed = manifest.daemons();
    facts.processes = known(&look.crew).await;
    for former in facts.installed.iter().filter(|crew| !crew.daemons.iter().all(|d| look.crew.has(&d.role))) {
        facts.processes.extend(known(former).await);
    }
    facts.running = facts.processes.keys().cloned().collect();
    if facts.running.iter().any(|role| role == "nimbus") {
        // Without a leader nothing is known.
        facts.load = nimbus::load(&look.crew.dir).await.ok();
    }
    if !look.storm_yaml.is_empty() {
        facts.findings = findings(look).await?;
    }
    Ok(facts)
}

/// The first folder above this one that the account cannot enter; one that is yet to be made is a stranger everywhere.
fn shut(dir: &Path, user: &str, ids: Option<(u32, u32)>) -> Option<PathBuf> {
    if ids.is_some_and(|(uid, _)| uid == 0) {
        return None;
    }
    let groups = fs::read_to_string("/etc/group").unwrap_or_default();
    let is_in = |gid: u32| {
        let mut lines = groups.lines().map(|line| line.split(':').collect::<Vec<_>>());
        lines.any(|f| f.len() > 3 && f[2] == gid.to_string() && f[3].split(',').any(|name| name == user))
    };
    let enters = |folder: &&Path| {
        let Ok(about) = fs::metadata(folder) else { return true };
        let bit = match ids {
            Some((uid, _)) if about.uid() == uid => 0o100,
            Some((_, gid)) if about.gid() == gid || is_in(about.gid()) => 0o010,
            _ => 0o001,
        };
        about.mode() & bit != 0
    };
    let above: Vec<&Path> = dir.ancestors().skip(1).collect();
    above.into_iter().rev().find(|folder| !enters(folder)).map(Path::to_owned)
}

fn nofile() -> u64 {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX)
}

fn memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let kb = text.lines().find_map(|l| l.strip_prefix("MemTotal:"))?;
    kb.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|kb| kb << 10)
}

async fn names(wanted: &[String]) -> BTreeMap<String, Name> {
    let mut asking = JoinSet::new();
    for name in wanted {
        let name = name.clone();
        asking.spawn(async move {
            let found = resolve(&name).await;
            (name, found)
        });
    }
    asking.join_all().await.into_iter().collect()
}

async fn resolve(name: &str) -> Name {
    let bare = name.trim_matches(['[', ']']);
    let mut found = Name::default();
    match timeout(REACH, lookup_host((bare, 0))).await {
        Err(_) => found.unknown = Some("the name service does not answer".to_owned()),
        Ok(Err(e)) => found.unknown = Some(e.to_string()),
        Ok(Ok(addresses)) => {
            for address in addresses {
                if !found.addresses.contains(&address.ip()) {
                    found.addresses.push(address.ip());
                }
            }
        }
    }
    let literal = bare.parse::<IpAddr>().is_ok();
    if let Some(first) = found.addresses.first().filter(|_| !literal) {
        let words = ["getent".to_owned(), "hosts".to_owned(), first.to_string()];
        // Without an answer the address has no name, which is what is told.
        let output = run(command(&words)).await.unwrap_or_default();
        found.reverse = output.stdout.split_whitespace().skip(1).map(str::to_owned).collect();
    }
    found
}

/// In the named home, in `JAVA_HOME`, on PATH.
async fn java(home: Option<&Path>) -> Option<Java> {
    let named = home.map(Path::to_owned).or_else(|| std::env::var_os("JAVA_HOME").map(PathBuf::from));
    let program = match named.map(|h| h.join("bin/java")).filter(|p| p.is_file() || home.is_some()) {
        Some(program) => program,
        None => {
            let path = std::env::var_os("PATH").unwrap_or_default();
            programs::on_path(&path, "java").into_iter().next()?
        }
    };
    let output = run(command(&[program.to_string_lossy().into_owned(), "-version".to_owned()])).await.ok()?;
    let version = output.stderr.lines().next().unwrap_or_default().to_owned();
    output.ok().then_some(Java { program, version })
}

/// The named one, or what bin/storm of a release takes when none is named.
async fn python(named: Option<&Path>) -> Option<String> {
    let program = named.map_or_else(|| "python3".to_owned(), |p| p.to_string_lossy().into_owned());
    let output = run(command(&[program, "--version".to_owned()])).await.ok()?;
    let version = output.stdout.lines().chain(output.stderr.lines()).next().unwrap_or_default().to_owned();
    (output.ok() && version.starts_with("Python 3")).then_some(version)
}

/// The rules of `doctor` on the configuration that is to come.
async fn findings(look: &Look) -> Result<Vec<serde_json::Value>, Trouble> {
    let file = tempfile::Builder::new().prefix("storm-").suffix(".yaml").tempfile();
    let file = file.map_err(|e| Trouble::io("make", Path::new("a temporary file"), &e))?;
    fs::write(file.path(), &look.storm_yaml).map_err(|e| Trouble::io("write", file.path(), &e))?;
    let options = LoadOptions { file: Some(file.path().to_owned()), ..LoadOptions::default() };
    let mut request = Doctor::of(&options);
    request.limit = DOCTOR;
    let facts = doctor(request).await;
    let found = storm_doctor::examine(&facts);
    let told = found.iter().filter(|f| RULES.iter().any(|rule| f.code.starts_with(rule)));
    let shown = file.path().to_string_lossy().into_owned();
    told.map(|f| serde_json::from_str(&f.json().to_string().replace(&shown, "storm.yaml")))
        .collect::<Result<_, _>>()
        .map_err(|e| Trouble::new(Kind::Failed, "install/findings", e.to_string()))
}

/// Tries ports of other hosts, all at once.
pub(super) async fn reach(targets: &[(String, u16)]) -> Vec<Reach> {
    let mut trying = JoinSet::new();
    for (index, (host, port)) in targets.iter().cloned().enumerate() {
        trying.spawn(async move {
            let bare = host.trim_matches(['[', ']']).to_owned();
            let failed = match timeout(REACH, TcpStream::connect((bare.as_str(), port))).await {
                Ok(Ok(_)) => None,
                Ok(Err(e)) => Some(e.to_string()),
                Err(_) => Some(format!("no answer within {} s", REACH.as_secs())),
            };
            (index, Reach { host, port, failed })
        });
    }
    let mut reached = trying.join_all().await;
    reached.sort_by_key(|(index, _)| *index);
    reached.into_iter().map(|(_, reach)| reach).collect()
}
