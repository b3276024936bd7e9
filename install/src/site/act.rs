//! The steps themselves. Each either has its whole effect or none, and may be done again.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::manifest::{Made, Manifest};
use super::nimbus::Moving;
use super::services::{self, command, run, stormctl};
use super::{Reply, rolling, sha256, sha256_file};
use crate::facts::Seen;
use crate::step::{Action, Body, Crew, places};
use crate::{Kind, Trouble};

/// The end of the name of what is not complete.
pub(super) const PART: &str = ".stormctl-part";

/// What lies at a path.
pub(super) fn seen(path: &Path) -> Result<Seen, Trouble> {
    let kind = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Seen::Nothing);
        }
        Err(e) => return Err(Trouble::io("look at", path, &e)),
    };
    // What a link leads to is what counts: /opt/storm may be one.
    let kind = if kind.is_symlink() {
        match fs::metadata(path) {
            Ok(target) => target,
            Err(_) => return Ok(Seen::Other("a link to nothing".to_owned())),
        }
    } else {
        kind
    };
    if kind.is_dir() {
        Ok(Seen::Folder)
    } else if kind.is_file() {
        Ok(Seen::File { sha256: sha256_file(path).map_err(|e| Trouble::io("read", path, &e))? })
    } else {
        Ok(Seen::Other("no file and no folder".to_owned()))
    }
}

/// Does a step, unless it is done; refuses when something else lies there than was planned for.
pub(super) async fn act(moving: &mut Moving, dir: &Path, action: &Action, planned: &Seen) -> Result<Reply, Trouble> {
    if let Some(path) = action.path() {
        let now = seen(path)?;
        if action.is_done_in(&now) {
            return Ok(Reply::Done { changed: false, note: String::new() });
        }
        if now != *planned {
            return Err(Trouble::new(
                Kind::Conflict,
                "install/moved",
                format!("{} is not any more what it was when this was planned", path.display()),
            )
            .at(format!("then: {}", planned.words()))
            .at(format!("now:  {}", now.words()))
            .hint("plan anew"));
        }
    }
    let done = match action {
        Action::Account { user } => account(dir, user).await,
        Action::Home { path } => home(path).map(|()| (true, String::new())),
        Action::Folder { path, mode, owner, data } => {
            Manifest::add(dir, &[Made::Folder { path: path.clone(), data: *data }])?;
            folder(path, *mode, owner.as_deref()).await?;
            Ok((true, String::new()))
        }
        Action::File { path, sha256, body: Body::Former, .. } => {
            put_back(dir, path, sha256)?;
            Ok((true, String::new()))
        }
        Action::File { path, mode, owner, sha256, body } => {
            if *body == Body::Program {
                keep_former(dir, path)?;
            }
            Manifest::add(dir, &[Made::File { path: path.clone(), sha256: sha256.clone() }])?;
            file(path, *mode, owner.as_deref(), sha256, body).await?;
            Ok((true, String::new()))
        }
        Action::Unpack { path, archive, sha256, owner } => {
            let files = unpack(dir, path, archive, sha256, owner.as_deref()).await?;
            Ok((true, format!("{files} files")))
        }
        Action::Start { crew } => {
            Manifest::add(dir, &[Made::Daemons { crew: crew.clone() }])?;
            services::start(crew).await?;
            Ok((true, String::new()))
        }
        Action::Check { dir, supervisors, count } => {
            let crew = Crew { dir: dir.clone(), ..Crew::default() };
            let number = supervisors.to_string();
            let mut words = vec!["smoke", "--supervisors", &number];
            if !count {
                words.push("--only-wait");
            }
            let output = run(stormctl(&crew, &words)).await?;
            let output = output.must("install/check", "the cluster does not do what it should")?;
            Ok((true, output.stdout.lines().last().unwrap_or_default().to_owned()))
        }
        Action::Restart { crew, was } => return rolling::restart(crew, was).await,
        Action::Gate { dir, health } => return rolling::gate(dir, health).await,
        Action::Withdraw { crew, yaml, owner, mode } => {
            return rolling::withdraw(crew, yaml, owner.as_deref(), *mode).await;
        }
        Action::Drain { dir, hosts, wait_secs } => return rolling::drain(moving, dir, hosts, *wait_secs).await,
        Action::Moved { dir, hosts } => return rolling::moved(dir, hosts).await,
        Action::Leave { crew } => return rolling::leave(crew).await,
        Action::Serve { crew } => return rolling::serve(crew).await,
        Action::Dismiss { crew, paths } => return rolling::dismiss(crew, paths).await,
    };
    done.map(|(changed, note)| Reply::Done { changed, note })
}

async fn account(dir: &Path, user: &str) -> Result<(bool, String), Trouble> {
    if id(user).await?.is_some() {
        return Ok((false, String::new()));
    }
    Manifest::add(dir, &[Made::Account { user: user.to_owned() }])?;
    let words = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", user];
    run(command(&words.map(str::to_owned)))
        .await?
        .must("install/account", format!("cannot make the account {user}"))?;
    Ok((true, String::new()))
}

/// The ids of an account.
pub(super) async fn id(user: &str) -> Result<Option<(u32, u32)>, Trouble> {
    let output = run(command(&["getent", "passwd", user].map(str::to_owned))).await?;
    let mut fields = output.stdout.trim().split(':').skip(2).map(str::parse);
    Ok(match (fields.next(), fields.next()) {
        (Some(Ok(uid)), Some(Ok(gid))) => Some((uid, gid)),
        _ => None,
    })
}

async fn give(path: &Path, owner: Option<&str>) -> Result<(), Trouble> {
    let Some(user) = owner.filter(|_| rustix::process::geteuid().is_root()) else { return Ok(()) };
    let Some((uid, gid)) = id(user).await? else {
        return Err(Trouble::new(Kind::Missing, "install/account", format!("there is no account {user}")));
    };
    std::os::unix::fs::lchown(path, Some(uid), Some(gid)).map_err(|e| Trouble::io("give away", path, &e))
}

/// The folder, those above it and the list of them come into being at once.
fn home(path: &Path) -> Result<(), Trouble> {
    let missing: Vec<&Path> = path.ancestors().take_while(|p| !p.exists() && !p.as_os_str().is_empty()).collect();
    let Some(top) = missing.last() else { return Ok(()) };
    let part = part_of(top);
    if part.exists() {
        fs::remove_dir_all(&part).map_err(|e| Trouble::io("remove", &part, &e))?;
    }
    let below = path.strip_prefix(top).unwrap_or(Path::new(""));
    let inside = if below.as_os_str().is_empty() { part.clone() } else { part.join(below) };
    fs::create_dir_all(&inside).map_err(|e| Trouble::io("make", &inside, &e))?;
    let made: Vec<Made> = missing.iter().rev().map(|p| Made::Folder { path: (*p).to_owned(), data: false }).collect();
    Manifest::add(&inside, &made)?;
    fs::rename(&part, top).map_err(|e| Trouble::io("make", top, &e))
}

pub(super) fn part_of(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(PART);
    path.with_file_name(name)
}

async fn folder(path: &Path, mode: u32, owner: Option<&str>) -> Result<(), Trouble> {
    let part = part_of(path);
    if part.exists() {
        fs::remove_dir(&part).map_err(|e| Trouble::io("remove", &part, &e))?;
    }
    let make = || {
        fs::create_dir(&part)?;
        fs::set_permissions(&part, Permissions::from_mode(mode))
    };
    make().map_err(|e| Trouble::io("make", path, &e))?;
    give(&part, owner).await?;
    fs::rename(&part, path).map_err(|e| Trouble::io("make", path, &e))
}

/// What is to be replaced stays as the former program, for the way back.
fn keep_former(dir: &Path, path: &Path) -> Result<(), Trouble> {
    let former = places::former(dir);
    let Seen::File { sha256 } = seen(path)? else { return Ok(()) };
    if seen(&former)? == (Seen::File { sha256: sha256.clone() }) {
        return Ok(());
    }
    Manifest::add(dir, &[Made::File { path: former.clone(), sha256 }])?;
    let part = part_of(&former);
    let keep = || {
        if part.exists() {
            fs::remove_file(&part)?;
        }
        fs::hard_link(path, &part)?;
        fs::rename(&part, &former)
    };
    keep().map_err(|e| Trouble::io("keep", &former, &e))
}

/// The former program takes the place of the one that came after it.
fn put_back(dir: &Path, path: &Path, sha: &str) -> Result<(), Trouble> {
    let former = places::former(dir);
    if seen(&former)? != (Seen::File { sha256: sha.to_owned() }) {
        let what = format!("{} is not any more what it was when this was planned", former.display());
        return Err(Trouble::new(Kind::Conflict, "install/moved", what).hint("plan anew"));
    }
    Manifest::add(dir, &[Made::File { path: path.to_owned(), sha256: sha.to_owned() }])?;
    fs::rename(&former, path).map_err(|e| Trouble::io("put back", path, &e))
}

pub(super) async fn file(path: &Path, mode: u32, owner: Option<&str>, sha: &str, body: &Body) -> Result<(), Trouble> {
    let part = part_of(path);
    let write = || -> io::Result<String> {
        if part.exists() {
            fs::remove_file(&part)?;
        }
        // Nobody reads a secret in it before it has its owner.
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
        let hash = match body {
            Body::Text(text) | Body::Sealed(text) => {
                file.write_all(text.as_bytes())?;
                sha256(text.as_bytes())
            }
            Body::Program => {
                let mut program = fs::File::open("/proc/self/exe")?;
                io::copy(&mut program, &mut file)?;
                sha256_file(&part)?
            }
            Body::Former => return Err(io::Error::other("the former program is moved, not written")),
        };
        file.sync_all()?;
        Ok(hash)
    };
    let hash = write().map_err(|e| Trouble::io("write", path, &e))?;
    if hash != sha {
        let what = format!("{} would not become what was planned", path.display());
        return Err(Trouble::new(Kind::Conflict, "install/moved", what).hint("plan anew, with the same stormctl"));
    }
    give(&part, owner).await?;
    let place = || {
        fs::set_permissions(&part, Permissions::from_mode(mode))?;
        fs::rename(&part, path)
    };
    place().map_err(|e| Trouble::io("write", path, &e))
}

/// Unpacks beside the place, lists every file, then puts the whole in its place.
async fn unpack(dir: &Path, path: &Path, archive: &Path, sha: &str, owner: Option<&str>) -> Result<usize, Trouble> {
    let bad = |what: String| Trouble::new(Kind::Wanted, "install/archive", what).at(archive.display().to_string());
    let hash = sha256_file(archive).map_err(|e| Trouble::io("read", archive, &e))?;
    if hash != sha {
        return Err(bad("the archive is not the one that was planned".to_owned()).hint("plan anew"));
    }
    let part = part_of(path);
    if part.exists() {
        fs::remove_dir_all(&part).map_err(|e| Trouble::io("remove", &part, &e))?;
    }
    fs::create_dir(&part).map_err(|e| Trouble::io("make", &part, &e))?;
    let file = fs::File::open(archive).map_err(|e| Trouble::io("read", archive, &e))?;
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(io::BufReader::new(file)));
    let entries = tar.entries().map_err(|e| bad(format!("this is no .tar.gz: {e}")))?;
    let mut made = vec![Made::Folder { path: path.to_owned(), data: false }];
    let mut given = vec![part.clone()];
    for entry in entries {
        let mut entry = entry.map_err(|e| bad(format!("this is no .tar.gz: {e}")))?;
        let name = entry.path().map_err(|e| bad(e.to_string()))?.into_owned();
        let inner: PathBuf = name.components().filter(|c| *c != std::path::Component::CurDir).skip(1).collect();
        if inner.as_os_str().is_empty() {
            continue;
        }
        if !inner.components().all(|c| matches!(c, std::path::Component::Normal(_))) {
            return Err(bad(format!("{} leads out of the archive", name.display())));
        }
        let (to, place) = (part.join(&inner), path.join(&inner));
        let kind = entry.header().entry_type();
        if kind.is_dir() {
            fs::create_dir_all(&to).map_err(|e| Trouble::io("make", &to, &e))?;
            made.push(Made::Folder { path: place, data: false });
        } else if kind.is_file() {
            if let Some(folder) = to.parent().filter(|f| !f.exists()) {
                fs::create_dir_all(folder).map_err(|e| Trouble::io("make", folder, &e))?;
                let folder = folder.strip_prefix(&part).map(|f| path.join(f)).unwrap_or_default();
                made.push(Made::Folder { path: folder, data: false });
            }
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(|e| bad(format!("the archive is cut off: {e}")))?;
            let mode = entry.header().mode().unwrap_or(0o644) & 0o755;
            let write = || {
                let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&to)?;
                file.write_all(&bytes)
            };
            write().map_err(|e| Trouble::io("write", &to, &e))?;
            made.push(Made::File { path: place, sha256: sha256(&bytes) });
        } else {
            return Err(bad(format!("{} is no file and no folder", name.display())));
        }
        given.push(to);
    }
    let jar = |m: &Made| matches!(m, Made::File { path, .. } if path.extension().is_some_and(|e| e == "jar"));
    if !made.iter().any(jar) {
        return Err(bad("there is no jar in the archive".to_owned())
            .hint("name the release for running: of Apache ZooKeeper it ends with -bin.tar.gz"));
    }
    for path in &given {
        give(path, owner).await?;
    }
    Manifest::add(dir, &made)?;
    fs::rename(&part, path).map_err(|e| Trouble::io("make", path, &e))?;
    Ok(made.len())
}
