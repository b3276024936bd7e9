//! The resources of a jar laid out on disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use super::RESOURCES;
use super::error::JarError;
use super::open::{Jar, JarLimits};

/// Writes `resources/x` of the jar as `dest/x`, all or nothing, and says how many files there are.
///
/// `dest` is the resources folder itself (`stormdist/<id>/resources`); it must not exist or be empty, and exists afterwards
/// even when the jar has no resources. Symbolic links in the jar are refused.
pub fn extract_resources(jar: &Path, dest: &Path) -> Result<usize, JarError> {
    extract_resources_with(jar, dest, JarLimits::default())
}

/// As [`extract_resources`], with limits of one's own.
pub fn extract_resources_with(jar: &Path, dest: &Path, limits: JarLimits) -> Result<usize, JarError> {
    let mut jar = Jar::open_with(jar, limits)?;
    let taken = |path: &Path| JarError::Occupied { path: path.to_owned() };
    match fs::read_dir(dest) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(taken(dest));
            }
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(_) => return Err(taken(dest)),
    }
    let Some(name) = dest.file_name() else { return Err(taken(dest)) };
    // Beside the target, so that the last step is one rename; what an earlier try left there is of no use.
    let mut partial_name = name.to_owned();
    partial_name.push(".extracting");
    let partial = dest.with_file_name(partial_name);
    match fs::remove_dir_all(&partial) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(JarError::write(&partial)(e)),
        _ => {}
    }
    fs::create_dir_all(&partial).map_err(JarError::write(&partial))?;
    let files = match write_all(&mut jar, &partial) {
        Ok(files) => files,
        Err(e) => {
            if let Err(cause) = fs::remove_dir_all(&partial) {
                tracing::warn!(path = %partial.display(), %cause, "cannot remove a half extracted jar");
            }
            return Err(e);
        }
    };
    fs::rename(&partial, dest).map_err(JarError::write(dest))?;
    Ok(files)
}

fn write_all(jar: &mut Jar, dest: &Path) -> Result<usize, JarError> {
    let mut budget = jar.limits.unpacked_bytes;
    let mut files = 0;
    for index in 0..jar.archive.len() {
        let path = jar.path.clone();
        let damaged =
            |entry: &str, cause: String| JarError::Entry { path: path.clone(), entry: entry.to_owned(), cause };
        let mut entry = jar.archive.by_index(index).map_err(|e| damaged(&format!("#{index}"), e.to_string()))?;
        let name = entry.name().map_err(|e| damaged(&format!("#{index}"), e.to_string()))?.into_owned();
        let Some(inside) = name.strip_prefix(RESOURCES) else { continue };
        let escapes = || JarError::Escapes { path: path.clone(), entry: name.clone() };
        let relative = safe_relative(inside).ok_or_else(escapes)?;
        if entry.is_symlink() {
            return Err(escapes());
        }
        let target = dest.join(relative);
        if entry.is_dir() {
            fs::create_dir_all(&target).map_err(JarError::write(&target))?;
            continue;
        }
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(JarError::write(parent))?;
        }
        let mode = entry.unix_mode().map_or(0o644, |m| (m & 0o777) | 0o600);
        let mut out = create(&target, mode)?;
        // The size that the entry states is not believed: what comes out is counted.
        budget = copy(&mut entry, &mut out, budget)
            .map_err(|e| match e {
                Copied::In(e) => damaged(&name, e.to_string()),
                Copied::Out(e) => JarError::write(&target)(e),
            })?
            .ok_or_else(|| {
                let what = "the size of its unpacked resources".to_owned();
                JarError::TooLarge { path: path.clone(), what, limit: jar.limits.unpacked_bytes }
            })?;
        files += 1;
    }
    Ok(files)
}

fn create(target: &Path, mode: u32) -> Result<File, JarError> {
    let file =
        OpenOptions::new().write(true).create_new(true).mode(mode).open(target).map_err(JarError::write(target))?;
    // Again, past the umask: a program must stay executable.
    file.set_permissions(fs::Permissions::from_mode(mode)).map_err(JarError::write(target))?;
    Ok(file)
}

enum Copied {
    In(io::Error),
    Out(io::Error),
}

/// What is left of the budget; `None` when it did not suffice.
fn copy(from: &mut impl Read, to: &mut File, mut budget: u64) -> Result<Option<u64>, Copied> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n = from.read(&mut buffer).map_err(Copied::In)?;
        if n == 0 {
            return Ok(Some(budget));
        }
        let Some(left) = budget.checked_sub(n as u64) else { return Ok(None) };
        budget = left;
        to.write_all(&buffer[..n]).map_err(Copied::Out)?;
    }
}

/// The path below the target, when it stays there on every system: no `..`, no root, no drive, no backslash.
fn safe_relative(inside: &str) -> Option<PathBuf> {
    if inside.contains(['\\', '\0']) || inside.starts_with('/') {
        return None;
    }
    let path = Path::new(inside);
    let plain = path.components().all(|c| matches!(c, Component::Normal(_)));
    plain.then(|| path.to_owned())
}
