//! What the operator's machine remembers of a cluster: the plan, each step of each run, and who did what when.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::agents::{self, Agents};
use crate::plan::Plan;
use crate::spec::Cluster;
use crate::step::Step;
use crate::{Kind, Trouble};

/// The memory of one cluster.
#[derive(Debug, Clone)]
pub struct Store {
    dir: PathBuf,
}

/// A line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    pub run: String,
    pub at_ms: i64,
    pub user: String,
    pub command: String,
    pub plan: String,
    /// `begun`, `done`, `failed`.
    pub result: String,
    #[serde(default)]
    pub trouble: Vec<String>,
}

/// A line of a run's journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub at_ms: i64,
    pub step: usize,
    pub host: String,
    /// What it is, without what it writes.
    pub what: String,
    pub result: String,
    #[serde(default)]
    pub trouble: Option<Trouble>,
}

impl Entry {
    fn new(number: usize, step: &Step, result: &str) -> Entry {
        Entry {
            at_ms: now_ms(),
            step: number,
            host: step.host.clone(),
            what: step.action.words(),
            result: result.to_owned(),
            trouble: None,
        }
    }

    pub fn begun(number: usize, step: &Step) -> Entry {
        Entry::new(number, step, "begun")
    }

    pub fn done(number: usize, step: &Step, changed: bool) -> Entry {
        Entry::new(number, step, if changed { "done" } else { "was done" })
    }

    pub fn failed(number: usize, step: &Step, trouble: &Trouble) -> Entry {
        Entry { trouble: Some(trouble.clone()), ..Entry::new(number, step, "failed") }
    }
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
}

fn append(path: &Path) -> Result<File, Trouble> {
    let open = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    open.map_err(|e| Trouble::io("write", path, &e))
}

fn line<T: Serialize>(file: &mut File, path: &Path, entry: &T) -> Result<(), Trouble> {
    let mut text = serde_json::to_string(entry).map_err(|e| Trouble::io("write", path, &e.into()))?;
    text.push('\n');
    file.write_all(text.as_bytes()).map_err(|e| Trouble::io("write", path, &e))
}

impl Store {
    /// Below the state folder of the user.
    pub fn open(state: &Path, cluster: &str) -> Result<Store, Trouble> {
        let dir = state.join("clusters").join(cluster);
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir.join("runs"));
        made.map_err(|e| Trouble::io("make", &dir, &e))?;
        Ok(Store { dir })
    }

    /// The clusters that there is a plan of.
    pub fn clusters(state: &Path) -> Vec<String> {
        Store::with(state, "plan.json")
    }

    /// Those that something was done to, also when they are no more.
    pub fn remembered(state: &Path) -> Vec<String> {
        Store::with(state, "audit.jsonl")
    }

    fn with(state: &Path, file: &str) -> Vec<String> {
        let folders = fs::read_dir(state.join("clusters")).into_iter().flatten().flatten();
        let mut names: Vec<String> = folders
            .filter(|f| f.path().join(file).is_file())
            .map(|f| f.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// What is kept here for the cluster's agents.
    pub fn agents(&self) -> Agents {
        Agents::of(&self.dir)
    }

    fn plan_file(&self) -> PathBuf {
        self.dir.join("plan.json")
    }

    fn cluster_file(&self) -> PathBuf {
        self.dir.join("cluster.json")
    }

    /// Keeps what is planned, for `apply`. What is in force stays so until that has begun.
    pub fn save(&self, plan: &Plan) -> Result<(), Trouble> {
        if !self.cluster_file().exists() {
            self.write(&self.cluster_file(), &self.in_force()?)?;
        }
        self.write(&self.plan_file(), plan)
    }

    /// What the hosts are from now on, or are about to become.
    pub fn enforce(&self, cluster: &Cluster) -> Result<(), Trouble> {
        self.write(&self.cluster_file(), &Some(cluster))
    }

    /// The cluster that is on the hosts; nothing when it was only planned.
    pub fn in_force(&self) -> Result<Option<Cluster>, Trouble> {
        match self.read(&self.cluster_file())? {
            Some(cluster) => Ok(cluster),
            None => self.applied(),
        }
    }

    /// The same from before it had a file of its own: the plan, if any was ever carried out.
    fn applied(&self) -> Result<Option<Cluster>, Trouble> {
        let any = self.audit()?.iter().any(|run| run.command != "uninstall");
        Ok(self.load()?.filter(|_| any).map(|plan| plan.cluster))
    }

    /// A file whole or not at all. It may hold secrets: nobody else may read it.
    fn write<T: Serialize>(&self, path: &Path, what: &T) -> Result<(), Trouble> {
        let part = path.with_extension("json.part");
        let text = serde_json::to_string_pretty(what).map_err(|e| Trouble::io("write", path, &e.into()))?;
        let write = || {
            if part.exists() {
                fs::remove_file(&part)?;
            }
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&part, path)
        };
        write().map_err(|e| Trouble::io("write", path, &e))
    }

    pub fn load(&self) -> Result<Option<Plan>, Trouble> {
        self.read(&self.plan_file())
    }

    fn read<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>, Trouble> {
        let mut text = String::new();
        match File::open(path).and_then(|mut f| f.read_to_string(&mut text)) {
            Ok(_) => {}
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Trouble::io("read", path, &e)),
        }
        let found = serde_json::from_str(&text).map_err(|e| {
            Trouble::new(Kind::Conflict, "install/plan", "what is remembered of the cluster cannot be read")
                .at(format!("{}: {e}", path.display()))
                .hint("remove that file, then plan anew")
        })?;
        Ok(Some(found))
    }

    /// Removes the plan of a cluster that is no more, and the keys of its agents; the audit log stays.
    pub fn forget(&self) -> Result<(), Trouble> {
        for folder in agents::FOLDERS.map(|name| self.dir.join(name)) {
            match fs::remove_dir_all(&folder) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Trouble::io("remove", &folder, &e));
                }
                _ => {}
            }
        }
        // Without a plan there is no cluster, so that comes last.
        for file in [self.cluster_file(), self.plan_file()] {
            match fs::remove_file(&file) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(Trouble::io("remove", &file, &e)),
                _ => {}
            }
        }
        Ok(())
    }

    pub fn audit(&self) -> Result<Vec<Audit>, Trouble> {
        let path = self.dir.join("audit.jsonl");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(Trouble::io("read", &path, &e)),
        };
        // A line that was cut off by a crash says nothing.
        Ok(text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect())
    }

    /// Begins a run; only one at a time may change a cluster.
    pub fn begin(&self, user: &str, command: &str, plan: &str) -> Result<Run, Trouble> {
        let lock_path = self.dir.join("lock");
        let lock = append(&lock_path)?;
        if lock.try_lock().is_err() {
            return Err(Trouble::new(Kind::Conflict, "install/running", "another run changes this cluster")
                .at(lock_path.display().to_string())
                .hint("wait for its end"));
        }
        let at_ms = now_ms();
        let run = format!("{at_ms}-{plan}");
        let path = self.dir.join("runs").join(format!("{run}.jsonl"));
        let audit = Audit {
            run,
            at_ms,
            user: user.to_owned(),
            command: command.to_owned(),
            plan: plan.to_owned(),
            result: "begun".to_owned(),
            trouble: Vec::new(),
        };
        let audit_path = self.dir.join("audit.jsonl");
        line(&mut append(&audit_path)?, &audit_path, &audit)?;
        Ok(Run { journal: Mutex::new(append(&path)?), path, audit, audit_path, _lock: lock })
    }
}

/// A run that goes on.
#[derive(Debug)]
pub struct Run {
    journal: Mutex<File>,
    pub path: PathBuf,
    audit: Audit,
    audit_path: PathBuf,
    _lock: File,
}

impl Run {
    pub fn write(&self, entry: &Entry) -> Result<(), Trouble> {
        let mut file = self.journal.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        line(&mut file, &self.path, entry)
    }

    /// The end of it, in the audit log.
    pub fn end(&self, troubles: &[Trouble]) -> Result<(), Trouble> {
        let result = if troubles.is_empty() { "done" } else { "failed" };
        let trouble = troubles.iter().map(|t| t.message.clone()).collect();
        let audit = Audit { at_ms: now_ms(), result: result.to_owned(), trouble, ..self.audit.clone() };
        line(&mut append(&self.audit_path)?, &self.audit_path, &audit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(name: &str) -> Plan {
        let text = format!("{{name: x, hosts: [{{name: {name}, roles: [zookeeper, nimbus, supervisor]}}]}}");
        let cluster = serde_yaml::from_str(&text).unwrap();
        let (steps, notes, leaving, lost) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Plan { id: name.to_owned(), cluster, steps, notes, leaving, lost }
    }

    fn in_force(store: &Store) -> Option<String> {
        store.in_force().unwrap().map(|cluster| cluster.hosts[0].name.clone())
    }

    #[test]
    fn what_is_planned_is_not_in_force_before_it_has_begun() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), "x").unwrap();
        store.save(&planned("a")).unwrap();
        assert_eq!(in_force(&store), None);
        store.enforce(&planned("a").cluster).unwrap();
        store.begin("me", "apply", "a").unwrap().end(&[]).unwrap();
        store.save(&planned("b")).unwrap();
        assert_eq!(in_force(&store).as_deref(), Some("a"));
        assert_eq!(store.load().unwrap().unwrap().id, "b");
        store.forget().unwrap();
        assert_eq!(in_force(&store), None);
        store.save(&planned("c")).unwrap();
        assert_eq!(in_force(&store), None, "what was there before is gone");
    }

    #[test]
    fn what_was_remembered_before_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), "x").unwrap();
        // As it used to be: a plan, and nothing beside it.
        let save = |name: &str| {
            store.write(&store.plan_file(), &planned(name)).unwrap();
        };
        save("a");
        assert_eq!(in_force(&store), None, "nobody has applied it");
        store.begin("me", "apply", "a").unwrap();
        assert_eq!(in_force(&store).as_deref(), Some("a"), "begun is enough");
        store.save(&planned("b")).unwrap();
        assert_eq!(in_force(&store).as_deref(), Some("a"));
    }

    #[test]
    fn one_run_at_a_time_and_each_in_the_audit_log() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), "prod").unwrap();
        assert_eq!(store.load().unwrap(), None);
        let run = store.begin("me", "apply", "abc").unwrap();
        assert_eq!(store.begin("me", "apply", "abc").unwrap_err().code, "install/running");
        run.end(&[Trouble::new(Kind::Failed, "x", "it broke")]).unwrap();
        drop(run);
        let run = store.begin("me", "apply", "abc").unwrap();
        run.end(&[]).unwrap();
        let results: Vec<String> = store.audit().unwrap().into_iter().map(|a| a.result).collect();
        assert_eq!(results, ["begun", "failed", "begun", "done"]);
    }
}
