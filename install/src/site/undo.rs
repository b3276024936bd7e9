//! Taking away exactly what was made. What somebody has changed is kept, and named.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::act::PART;
use super::manifest::{Made, Manifest};
use super::services::{self, command, run};
use super::sha256_file;
use crate::spec::Service;
use crate::step::{Crew, Daemon, places};
use crate::{Kind, Trouble};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undone {
    pub removed: usize,
    /// What stays, and why.
    pub kept: Vec<(PathBuf, String)>,
}

impl Undone {
    pub(super) fn words(&self) -> String {
        let kept = self.kept.iter().map(|(path, why)| format!("; kept: {} ({why})", path.display()));
        format!("{} files and folders removed{}", self.removed, kept.collect::<String>())
    }
}

/// Stops these daemons and takes away what was made at or below these paths. The list says it last, so that a try that breaks
/// off can be made again.
pub(super) async fn dismiss(crew: &Crew, paths: &[PathBuf]) -> Result<Undone, Trouble> {
    services::stop(crew).await?;
    let manifest = Manifest::read(&crew.dir)?;
    let within = |path: &Path| paths.iter().any(|p| path.starts_with(p));
    let mut undone = Undone::default();
    let mut seen: HashSet<&Path> = HashSet::new();
    for made in manifest.made.iter().rev() {
        match made {
            Made::File { path, sha256 } if within(path) && seen.insert(path) => {
                file(&mut undone, &manifest, path, sha256)?;
            }
            Made::Folder { path, data: false } if within(path) => folder(&mut undone, path)?,
            _ => {}
        }
    }
    reload(crew.service).await?;
    let left = |made: &Made| match made {
        Made::File { path, .. } | Made::Folder { path, .. } if within(path) => path.exists().then(|| made.clone()),
        Made::Daemons { crew: listed } => {
            let others: Vec<Daemon> = listed.daemons.iter().filter(|d| !crew.has(&d.role)).cloned().collect();
            (!others.is_empty()).then(|| Made::Daemons { crew: listed.only(others) })
        }
        other => Some(other.clone()),
    };
    Manifest { made: manifest.made.iter().filter_map(left).collect() }.write(&crew.dir)?;
    Ok(undone)
}

/// Lets systemd see that units are gone.
async fn reload(service: Service) -> Result<(), Trouble> {
    let words: &[&str] = match service {
        Service::Systemd => &["systemctl", "daemon-reload"],
        Service::SystemdUser => &["systemctl", "--user", "daemon-reload"],
        Service::Auto | Service::Background => return Ok(()),
    };
    let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
    run(command(&words)).await.map(drop)
}

pub(super) async fn undo(dir: &Path, keep_data: bool) -> Result<Undone, Trouble> {
    let manifest = Manifest::read(dir)?;
    if manifest.made.is_empty() {
        return Err(Trouble::new(
            Kind::Missing,
            "uninstall/nothing",
            format!("nothing of an installation is in {}", dir.display()),
        )
        .hint("name its folder with --dir"));
    }
    let mut undone = Undone::default();
    let mut services = HashSet::new();
    for made in manifest.made.iter().rev() {
        if let Made::Daemons { crew } = made {
            services::stop(crew).await?;
            services.insert(crew.service);
        }
    }
    let mut seen: HashSet<&Path> = HashSet::new();
    for made in manifest.made.iter().rev() {
        match made {
            Made::File { path, .. } if !seen.insert(path) => {}
            Made::File { path, sha256 } => {
                file(&mut undone, &manifest, path, sha256)?;
            }
            Made::Folder { path, data: true } if keep_data => {
                if path.exists() {
                    undone.kept.push((path.clone(), "data".to_owned()));
                }
            }
            Made::Folder { path, data: true } => {
                undone.removed += usize::from(remove(path, fs::remove_dir_all(path))?);
            }
            Made::Folder { path, data: false } => {
                // The list goes last, so that a try that breaks off can be made again.
                if path == dir && !keep_data {
                    forget(dir)?;
                }
                folder(&mut undone, path)?;
            }
            Made::Account { .. } | Made::Daemons { .. } => {}
        }
    }
    if !keep_data {
        forget(dir)?;
    }
    for made in &manifest.made {
        if let Made::Account { user } = made {
            let output = run(command(&["userdel", user].map(str::to_owned))).await?;
            if !output.ok() {
                undone.kept.push((PathBuf::from(user), format!("the account: {}", output.stderr.trim())));
            }
        }
    }
    for service in services {
        reload(service).await?;
    }
    undone.kept.sort();
    undone.kept.dedup();
    Ok(undone)
}

/// Removes the list of what was made.
fn forget(dir: &Path) -> Result<(), Trouble> {
    let list = places::manifest(dir);
    remove(&list, fs::remove_file(&list)).map(drop)
}

/// What is gone already needs no removing.
fn remove(path: &Path, result: io::Result<()>) -> Result<bool, Trouble> {
    match result {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(Trouble::io("remove", path, &e)),
    }
}

fn file(undone: &mut Undone, manifest: &Manifest, path: &Path, sha256: &str) -> Result<(), Trouble> {
    let now = match sha256_file(path) {
        Ok(now) => now,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Trouble::io("read", path, &e)),
    };
    // A replacement that was announced and did not come about left the one before.
    let earlier = |m: &Made| matches!(m, Made::File { path: p, sha256: s } if p == path && *s == now);
    if now == sha256 || manifest.made.iter().any(earlier) {
        undone.removed += usize::from(remove(path, fs::remove_file(path))?);
    } else {
        undone.kept.push((path.to_owned(), "was changed since".to_owned()));
    }
    Ok(())
}

/// Removes what was never completed in a folder; false when there was none of it.
fn parts(path: &Path) -> Result<bool, Trouble> {
    let mut any = false;
    for entry in fs::read_dir(path).map_err(|e| Trouble::io("list", path, &e))?.flatten() {
        let part = entry.path();
        if entry.file_name().to_string_lossy().ends_with(PART) {
            let gone = if part.is_dir() { fs::remove_dir_all(&part) } else { fs::remove_file(&part) };
            any |= remove(&part, gone)?;
        }
    }
    Ok(any)
}

fn folder(undone: &mut Undone, path: &Path) -> Result<(), Trouble> {
    match fs::remove_dir(path) {
        Ok(()) => undone.removed += 1,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        // What a step that was cut off has left is of nobody's use.
        Err(e) if e.kind() == io::ErrorKind::DirectoryNotEmpty && parts(path)? => return folder(undone, path),
        Err(e) if e.kind() == io::ErrorKind::DirectoryNotEmpty => {
            let listed = fs::read_dir(path).map_err(|e| Trouble::io("list", path, &e))?;
            let names: Vec<String> =
                listed.flatten().take(5).map(|f| f.file_name().to_string_lossy().into_owned()).collect();
            undone.kept.push((path.to_owned(), format!("holds {}", names.join(", "))));
        }
        Err(e) => return Err(Trouble::io("remove", path, &e)),
    }
    Ok(())
}
