//! The steps that take their time: each is looked at, helped on, and asked about again until it is done.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::act::file;
use super::manifest::{Made, Manifest};
use super::nimbus::{self, Moving};
use super::services::{self, Standing};
use super::{Reply, sha256, undo};
use crate::Trouble;
use crate::plan::Health;
use crate::step::{Body, Crew, Daemon, places};

/// Who has served so long goes on.
const STEADY_SECS: i64 = 4;

fn done(changed: bool, note: impl Into<String>) -> Result<Reply, Trouble> {
    Ok(Reply::Done { changed, note: note.into() })
}

fn going(note: impl Into<String>) -> Result<Reply, Trouble> {
    Ok(Reply::Going { note: note.into() })
}

/// Restarts those that are still the processes that were meant, and those that are gone; then waits until they serve.
pub(super) async fn restart(crew: &Crew, was: &BTreeMap<String, String>) -> Result<Reply, Trouble> {
    let now = services::processes(crew).await;
    let another = |daemon: &Daemon| {
        let identity = now.get(&daemon.role).and_then(|pid| services::identity(*pid));
        identity.is_some_and(|identity| was.get(&daemon.role).is_some_and(|was| *was != identity))
    };
    let (since, due): (Vec<Daemon>, Vec<Daemon>) = crew.daemons.iter().cloned().partition(another);
    if !due.is_empty() {
        let known = due.iter().all(|daemon| was.contains_key(&daemon.role));
        services::restart(&crew.only(due)).await?;
        // Without a process that was meant a second look would take the new one for it.
        return if known { going("restarted") } else { done(true, "") };
    }
    for daemon in &since {
        match services::standing(crew, daemon).await? {
            Standing::Serves(_) => {}
            Standing::Starts => return going(format!("{} does not serve yet", daemon.role)),
            Standing::Ended => return Err(services::ended(crew, daemon)),
        }
    }
    done(false, "")
}

/// All of them, and not only for a moment: what ends soon after its start has not come up.
pub(super) async fn serve(crew: &Crew) -> Result<Reply, Trouble> {
    for daemon in &crew.daemons {
        let role = &daemon.role;
        match services::standing(crew, daemon).await? {
            Standing::Serves(secs) if secs >= STEADY_SECS => {}
            Standing::Serves(_) => return going(format!("{role} has just come up")),
            Standing::Starts => return going(format!("{role} does not serve yet")),
            Standing::Ended => return Err(services::ended(crew, daemon)),
        }
    }
    done(true, "")
}

pub(super) async fn gate(dir: &Path, health: &Health) -> Result<Reply, Trouble> {
    let missing = nimbus::gate(dir, health).await?;
    if missing.is_empty() { done(true, "") } else { going(missing.join("; ")) }
}

pub(super) async fn withdraw(crew: &Crew, yaml: &str, owner: Option<&str>, mode: u32) -> Result<Reply, Trouble> {
    let dir = &crew.dir;
    if !Manifest::read(dir)?.daemons().iter().any(|one| one.has("supervisor")) {
        return done(false, "it is removed already");
    }
    let (path, hash) = (places::storm_yaml(dir), sha256(yaml.as_bytes()));
    Manifest::add(dir, &[Made::File { path: path.clone(), sha256: hash.clone() }])?;
    file(&path, mode, owner, &hash, &Body::Text(yaml.to_owned())).await?;
    services::restart(crew).await?;
    done(true, "")
}

pub(super) async fn drain(moving: &mut Moving, dir: &Path, hosts: &[String], wait_secs: i32) -> Result<Reply, Trouble> {
    match moving.drain(dir, hosts, wait_secs).await? {
        Some(left) => going(left),
        None => done(true, "nothing is left there"),
    }
}

pub(super) async fn moved(dir: &Path, hosts: &[String]) -> Result<Reply, Trouble> {
    match nimbus::left_on(dir, hosts).await? {
        Some(left) => going(left),
        None => done(true, "nothing is left there"),
    }
}

/// When its workers have ended, which are no longer wanted there, all of it is taken away.
pub(super) async fn leave(crew: &Crew) -> Result<Reply, Trouble> {
    let dir = &crew.dir;
    if Manifest::read(dir)?.made.is_empty() {
        return done(false, "it is removed already");
    }
    if let Some(left) = working(crew).await? {
        return going(left);
    }
    done(true, undo::undo(dir, false).await?.words())
}

/// The workers that its supervisor has still to end: without it nobody else would.
async fn working(crew: &Crew) -> Result<Option<String>, Trouble> {
    if !services::processes(crew).await.contains_key("supervisor") {
        return Ok(None);
    }
    let left = nimbus::workers(&crew.dir)?;
    Ok((left > 0).then(|| format!("{left} workers have not ended yet")))
}

/// The same for single roles. A role that is not listed was dismissed already.
pub(super) async fn dismiss(crew: &Crew, paths: &[PathBuf]) -> Result<Reply, Trouble> {
    let listed = Manifest::read(&crew.dir)?.daemons();
    if !listed.iter().any(|one| one.daemons.iter().any(|d| crew.has(&d.role))) {
        return done(false, "it is removed already");
    }
    if let Some(left) = working(crew).await? {
        return going(left);
    }
    done(true, undo::dismiss(crew, paths).await?.words())
}
