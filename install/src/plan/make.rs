//! The steps of each host, in order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::former::{Dismissals, dismissals};
use super::leave::THEN;
use super::rolling::{Stale, turns};
use super::{Known, Packed, Plan, Sources, crew, files, is_ours, units};
use crate::agents;
use crate::facts::{Hello, PathFacts, Seen};
use crate::site::sha256;
use crate::spec::{Cluster, Host, Role};
use crate::step::{Action, Body, Crew, Daemon, Step, places};
use crate::{Kind, Trouble};

/// Phases, in the order in which the daemons need each other. What starts may start everywhere at once; what restarts does
/// so in turns (`rolling`), behind the phase of the starts.
const FILES: u32 = 0;
pub(super) const ZOOKEEPER: u32 = 10_000;
pub(super) const NIMBUS: u32 = 20_000;
pub(super) const REST: u32 = 30_000;
const CHECK: u32 = 40_000;
const SERVE: u32 = 40_001;

/// Every path that a plan for the host may touch.
pub(super) fn paths(
    cluster: &Cluster,
    host: &Host,
    crew: &Crew,
    hello: &Hello,
    pointer: Option<&PathBuf>,
) -> Vec<PathBuf> {
    let mut walk = Walk::new(cluster, host, crew, hello, None);
    walk.files(&Sources { pointer: pointer.cloned(), ..Sources::default() }, &files::server_ids(cluster, |_| None));
    let mut paths: Vec<PathBuf> =
        walk.steps.iter().filter_map(|s| s.action.path()).flat_map(|p| p.ancestors().map(Path::to_owned)).collect();
    paths.push(places::manifest(&crew.dir));
    paths.push(places::former(&crew.dir));
    paths.sort();
    paths.dedup();
    paths
}

/// What leads from what the hosts say to what is wanted; or all that stands in the way.
pub fn plan(cluster: &Cluster, hosts: &BTreeMap<String, Known>, sources: &Sources) -> Result<Plan, Vec<Trouble>> {
    let mut steps = Vec::new();
    let mut notes: Vec<String> = cluster.quorum_note().into_iter().collect();
    let mut troubles = Vec::new();
    let mut stale = Vec::new();
    let ids = files::server_ids(cluster, |host| server_id(cluster, host, hosts.get(&host.name)?));
    for host in &cluster.hosts {
        let Some(known) = hosts.get(&host.name) else {
            troubles
                .push(Trouble::new(Kind::Unreachable, "install/unknown-host", "nothing is known of it").on(&host.name));
            continue;
        };
        let crew = crew(cluster, host, &known.hello);
        troubles.extend(mistakes(cluster, host, &crew));
        troubles.extend(another_keeper(host, &crew, known));
        let mut walk = Walk::new(cluster, host, &crew, &known.hello, Some(known));
        walk.files(sources, &ids);
        stale.extend(walk.daemons());
        notes.append(&mut walk.notes);
        troubles.append(&mut walk.troubles);
        steps.append(&mut walk.steps);
    }
    let dismissals = match dismissals(cluster, hosts) {
        Ok(dismissals) => dismissals,
        Err(mut more) => {
            troubles.append(&mut more);
            Dismissals::default()
        }
    };
    if !troubles.is_empty() {
        return Err(troubles);
    }
    dismissals.expect(&mut steps);
    steps.extend(dismissals.after);
    steps.extend(turns(cluster, hosts, stale, sources.batch));
    if let Some(nimbus) = cluster
        .with(Role::Nimbus)
        .first()
        .filter(|_| !steps.is_empty() || !dismissals.before.is_empty() || sources.unfinished)
        && let Some(known) = hosts.get(&nimbus.name)
    {
        let dir = cluster.dir_on(nimbus, &known.hello.home);
        let supervisors = cluster.with(Role::Supervisor).len();
        steps.push(Step {
            host: nimbus.name.clone(),
            dir: dir.clone(),
            phase: CHECK,
            action: Action::Check { dir, supervisors, count: sources.check },
            seen: Seen::Nothing,
            diff: None,
        });
        steps.extend(
            cluster
                .hosts
                .iter()
                .filter_map(|host| Some(serve(crew(cluster, host, &hosts.get(&host.name)?.hello), host))),
        );
    }
    if !dismissals.before.is_empty() {
        steps.iter_mut().for_each(|step| step.phase += THEN);
        steps.extend(dismissals.before);
    }
    steps.sort_by_key(|s| s.phase);
    Ok(Plan::new(cluster, steps, notes))
}

fn serve(crew: Crew, host: &Host) -> Step {
    let (name, dir) = (host.name.clone(), crew.dir.clone());
    Step { host: name, dir, phase: SERVE, action: Action::Serve { crew }, seen: Seen::Nothing, diff: None }
}

/// The number that a ZooKeeper server has on its host.
fn server_id(cluster: &Cluster, host: &Host, known: &Known) -> Option<usize> {
    let data = places::zookeeper_data(&cluster.dir_on(host, &known.hello.home));
    known.facts.path(&data.join("myid")).text?.trim().parse().ok()
}

/// Daemons stay with who keeps them: what one keeper runs, another one knows nothing of.
fn another_keeper(host: &Host, crew: &Crew, known: &Known) -> Option<Trouble> {
    let before = known.facts.installed.iter().find(|one| one.service != crew.service)?;
    let (was, is) = (before.service.word(), crew.service.word());
    let what = format!("the daemons are kept by service: {was}, and service: {is} is asked for");
    let again = format!("say service: {was}; or stormctl uninstall CLUSTER --keep-data, then plan and apply this one");
    Some(Trouble::new(Kind::Conflict, "install/service", what).on(&host.name).hint(again))
}

/// What Storm itself would say of the configuration.
fn mistakes(cluster: &Cluster, host: &Host, crew: &Crew) -> Vec<Trouble> {
    let text = files::storm_yaml(cluster, host, crew);
    let found = storm_conf::check(Path::new("storm.yaml"), &text);
    let wrong = found.into_iter().filter(|(level, _)| *level == storm_conf::yaml::Level::Error);
    wrong
        .map(|(_, m)| {
            let found = m.found.map(|f| format!(", found {f}")).unwrap_or_default();
            let trouble = Trouble::new(Kind::Wanted, m.code, format!("{}{found}", m.message)).on(&host.name);
            m.fix.into_iter().fold(trouble, |t, fix| t.hint(format!("{fix} in conf of the description")))
        })
        .collect()
}

struct Walk<'a> {
    cluster: &'a Cluster,
    host: &'a Host,
    crew: &'a Crew,
    hello: &'a Hello,
    /// Without it, every step is wanted.
    known: Option<&'a Known>,
    steps: Vec<Step>,
    notes: Vec<String>,
    troubles: Vec<Trouble>,
    /// Roles that must read something anew.
    stale: Vec<String>,
    /// The program that replaces another one, when its turn comes.
    program: Option<Step>,
    fresh: bool,
}

impl<'a> Walk<'a> {
    fn new(
        cluster: &'a Cluster,
        host: &'a Host,
        crew: &'a Crew,
        hello: &'a Hello,
        known: Option<&'a Known>,
    ) -> Walk<'a> {
        let fresh = known.is_none_or(|k| k.facts.path(&places::manifest(&crew.dir)).seen == Seen::Nothing);
        Walk {
            cluster,
            host,
            crew,
            hello,
            known,
            steps: Vec::new(),
            notes: Vec::new(),
            troubles: Vec::new(),
            stale: Vec::new(),
            program: None,
            fresh,
        }
    }

    fn step(&mut self, phase: u32, action: Action, seen: Seen, diff: Option<String>) {
        let (host, dir) = (self.host.name.clone(), self.crew.dir.clone());
        self.steps.push(Step { host, dir, phase, action, seen, diff });
    }

    fn at(&self, path: &Path) -> PathFacts {
        self.known.map(|k| k.facts.path(path)).unwrap_or_default()
    }

    fn owner(&self) -> Option<String> {
        self.cluster.user.clone()
    }

    fn in_the_way(&mut self, path: &Path, what: &str, hint: &str) {
        let trouble = Trouble::new(Kind::Conflict, "install/in-the-way", format!("{} {what}", path.display()));
        self.troubles.push(trouble.on(&self.host.name).hint(hint));
    }

    fn folder(&mut self, path: &Path, mode: u32, owner: Option<String>, data: bool) {
        match self.at(path).seen {
            Seen::Folder => {}
            Seen::Nothing => {
                let action = Action::Folder { path: path.to_owned(), mode, owner, data };
                self.step(FILES, action, Seen::Nothing, None);
            }
            other => self.in_the_way(path, &format!("is {}, and a folder is needed", other.words()), "move it away"),
        }
    }

    /// The folders above a path that are not there.
    fn above(&mut self, path: &Path) {
        let mut missing: Vec<&Path> = path.ancestors().skip(1).collect();
        missing.reverse();
        for folder in missing {
            let planned = self.steps.iter().any(|s| s.action.path() == Some(folder));
            if !planned && folder != Path::new("/") && !folder.as_os_str().is_empty() {
                self.folder(folder, 0o755, None, false);
            }
        }
    }

    /// True when it is written over an older one.
    fn file(&mut self, path: &Path, mode: u32, owner: Option<String>, sha256: String, body: Body) -> bool {
        let now = self.at(path);
        let action = Action::File { path: path.to_owned(), mode, owner, sha256, body };
        if action.is_done_in(&now.seen) {
            return false;
        }
        let replaces = match &now.seen {
            Seen::Nothing => false,
            Seen::File { .. } if now.ours => true,
            Seen::File { .. } if now.changed => {
                self.in_the_way(
                    path,
                    "was changed since stormctl wrote it",
                    "take the change into the description of the cluster, then move the file away",
                );
                return false;
            }
            other => {
                let what = format!("is {} that stormctl has not made", other.words());
                self.in_the_way(path, &what, "move it away, or install into another folder");
                return false;
            }
        };
        let diff = match (&action, &now.text) {
            (Action::File { body: Body::Text(new), .. }, Some(old)) if replaces => {
                Some(files::diff(old, new, &path.to_string_lossy()))
            }
            _ => None,
        };
        self.step(FILES, action, now.seen, diff);
        replaces
    }

    fn text(&mut self, path: &Path, mode: u32, owner: Option<String>, text: String) -> bool {
        self.file(path, mode, owner, sha256(text.as_bytes()), Body::Text(text))
    }

    fn files(&mut self, sources: &Sources, ids: &BTreeMap<String, usize>) {
        let dir = self.crew.dir.clone();
        match self.at(&dir).seen {
            Seen::Folder => {}
            Seen::Nothing => self.step(FILES, Action::Home { path: dir.clone() }, Seen::Nothing, None),
            other => self.in_the_way(&dir, &format!("is {}", other.words()), "name another folder with dir"),
        }
        if let Some(user) = self.owner()
            && self.known.is_none_or(|k| !k.facts.user_exists)
        {
            self.step(FILES, Action::Account { user }, Seen::Nothing, None);
        }
        for sub in ["bin", "conf"] {
            self.folder(&dir.join(sub), 0o755, None, false);
        }
        self.folder(&places::data(&dir), 0o755, self.owner(), true);
        self.folder(&places::logs(&dir), 0o755, self.owner(), true);
        self.program(sources);
        if self.cluster.storm.is_some() && super::runs_storm(self.host) {
            self.apache_storm(sources);
        }
        let text = files::storm_yaml(self.cluster, self.host, self.crew);
        let mode = files::mode(&text);
        if self.text(&places::storm_yaml(&dir), mode, self.owner(), text) {
            let read = self.crew.daemons.iter().map(|d| d.role.clone()).filter(|role| role != "zookeeper");
            self.stale.extend(read);
        }
        if self.cluster.agents {
            self.agent(sources);
        }
        if self.crew.daemons.iter().any(|d| d.apache) {
            self.apache_zookeeper(sources, ids);
        }
        for daemon in self.crew.daemons.clone() {
            if let Some(path) = units::unit_path(self.crew.service, &daemon.unit, self.hello) {
                self.above(&path);
                if self.text(&path, 0o644, None, units::unit_text(self.cluster, self.crew, &daemon)) {
                    self.stale.push(daemon.role.clone());
                }
            }
        }
        if let Some(pointer) = sources.pointer.as_ref().filter(|_| self.host.local) {
            self.pointer(pointer, &places::storm_yaml(&dir));
        }
    }

    /// A running agent takes new certificates by itself.
    fn agent(&mut self, sources: &Sources) {
        let tls = places::agent_tls(&self.crew.dir);
        self.folder(&tls, 0o700, self.owner(), false);
        let files = sources.agents.get(&self.host.name).cloned().unwrap_or_default().files;
        for name in agents::names(self.host) {
            let text = files.iter().find(|(n, _)| *n == name).map(|(_, text)| text.clone()).unwrap_or_default();
            // Who asks from here is who installs.
            let owner = self.owner().filter(|_| !name.starts_with("client."));
            let mode = if name.ends_with(".key") { 0o600 } else { 0o644 };
            self.file(&tls.join(name), mode, owner, sha256(text.as_bytes()), Body::Sealed(text));
        }
    }

    /// A release, where there is nothing yet: of which it is said nothing, only its path matters.
    fn unpack(&mut self, home: &Path, packed: Option<&Packed>) {
        let Packed { file, sha256 } = packed.cloned().unwrap_or_default();
        if self.at(home).seen == Seen::Nothing {
            let action = Action::Unpack { path: home.to_owned(), archive: file, sha256, owner: self.owner() };
            self.step(FILES, action, Seen::Nothing, None);
        }
    }

    /// Another release comes beside the one before, and storm.yaml says which of them runs.
    fn apache_storm(&mut self, sources: &Sources) {
        let Some(storm) = &self.cluster.storm else { return };
        let home = places::storm_home(&self.crew.dir, &storm.archive.release());
        self.folder(&self.crew.dir.join("storm"), 0o755, None, false);
        self.unpack(&home, sources.storm.as_ref());
    }

    /// Daemons that are not Apache's are this program: those of another one have to restart, and so do those that an earlier
    /// run has left as they were.
    fn program(&mut self, sources: &Sources) {
        let path = places::program(&self.crew.dir);
        if sources.keep_program && self.at(&path).ours {
            return;
        }
        let replaces = self.file(&path, 0o755, None, sources.program_sha256.clone(), Body::Program);
        if replaces {
            self.program = self.steps.pop();
        }
        let outdated =
            |role: &str| self.known.and_then(|k| k.facts.processes.get(role)).is_some_and(|process| process.outdated);
        let ours = |d: &&Daemon| is_ours(self.cluster, d) && (replaces || outdated(&d.role));
        let own = self.crew.daemons.iter().filter(ours);
        let stale: Vec<String> = own.map(|d| d.role.clone()).collect();
        self.stale.extend(stale);
    }

    fn apache_zookeeper(&mut self, sources: &Sources, ids: &BTreeMap<String, usize>) {
        let dir = self.crew.dir.clone();
        let home = places::zookeeper_home(&dir);
        self.unpack(&home, sources.zookeeper.as_ref());
        let data = places::zookeeper_data(&dir);
        self.folder(&data, 0o750, self.owner(), true);
        if let Some(id) = ids.get(&self.host.name) {
            self.text(&data.join("myid"), 0o644, self.owner(), format!("{id}\n"));
        }
        let text = files::zoo_cfg(self.cluster, self.host, self.crew, ids);
        if self.text(&home.join("conf/zoo.cfg"), 0o644, self.owner(), text) {
            self.stale.push("zookeeper".to_owned());
        }
    }

    /// Another cluster that the user has chosen stays chosen.
    fn pointer(&mut self, pointer: &Path, config: &Path) {
        let now = self.at(pointer);
        let text = format!("{}\n", config.display());
        let free = now.seen == Seen::Nothing || now.ours || now.text.as_deref() == Some(text.as_str());
        if self.known.is_some() && !free {
            self.notes.push(format!(
                "{} names another cluster and stays so: say stormctl --config {}",
                pointer.display(),
                config.display()
            ));
            return;
        }
        self.above(pointer);
        self.text(pointer, 0o644, None, text);
    }

    /// Starts what does not run; what has to restart gets its turn later.
    fn daemons(&mut self) -> Option<Stale> {
        let running = self.known.map(|k| k.facts.running.clone()).unwrap_or_default();
        let (old, new): (Vec<Daemon>, Vec<Daemon>) =
            self.crew.daemons.iter().cloned().partition(|d| !self.fresh && running.contains(&d.role));
        for (phase, is_here) in [
            (ZOOKEEPER, &(|r: &str| r == "zookeeper") as &dyn Fn(&str) -> bool),
            (NIMBUS, &|r: &str| r == "nimbus"),
            (REST, &|r: &str| r != "zookeeper" && r != "nimbus"),
        ] {
            let these: Vec<Daemon> = new.iter().filter(|d| is_here(&d.role)).cloned().collect();
            if !these.is_empty() {
                self.step(phase, Action::Start { crew: self.crew.only(these) }, Seen::Nothing, None);
            }
        }
        let stale: Vec<Daemon> = old.into_iter().filter(|d| self.stale.contains(&d.role)).collect();
        // Where nothing of it runs, or more is to run at once, it is put there with the other files.
        if stale.is_empty() || !new.is_empty() {
            self.steps.extend(self.program.take());
        }
        let (host, program) = (self.host.name.clone(), self.program.take());
        (!stale.is_empty()).then(|| Stale { host, crew: self.crew.only(stale), program })
    }
}
