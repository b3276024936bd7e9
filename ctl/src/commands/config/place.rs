//! Which file a command is about, and its text.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use storm_conf::{Environment, LoadOptions, Reader};
use storm_lint::store::{Change, File, StoreError, Written};
use storm_lint::{Format, Subject, diff};

use crate::cli::Global;
use crate::cli::config::Which;
use crate::exit::Exit;
use crate::failure::Failure;

pub fn reader(daemon: bool) -> Reader {
    if daemon { Reader::Daemon } else { Reader::Client }
}

/// What a load of the configuration in force is told.
pub fn load_options(global: &Global, daemon: bool) -> LoadOptions {
    LoadOptions {
        file: global.config.clone(),
        overrides: global.overrides(),
        reader: reader(daemon),
        ..LoadOptions::default()
    }
}

/// The storm.yaml that is read, if there is one.
pub fn storm_yaml(global: &Global, daemon: bool) -> Option<PathBuf> {
    LoadOptions { overrides: Vec::new(), ..load_options(global, daemon) }.locate()
}

/// The zoo.cfg of this machine, whether it exists or not.
pub fn zoo_cfg(global: &Global) -> PathBuf {
    if let Some(named) = &global.config {
        return match Format::of(named) {
            _ if named.is_dir() => named.join("zoo.cfg"),
            Format::Zoo => named.clone(),
            _ => named.with_file_name("zoo.cfg"),
        };
    }
    // As zkServer.sh has it.
    let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty());
    if let Some(dir) = variable("ZOOCFGDIR") {
        return Path::new(&dir).join(variable("ZOOCFG").unwrap_or_else(|| "zoo.cfg".into()));
    }
    match storm_yaml(global, false) {
        Some(storm) => storm.with_file_name("zoo.cfg"),
        None => Environment::of_process().home().join("conf/zoo.cfg"),
    }
}

/// The file that a command looks at or changes.
pub fn target(global: &Global, which: &Which) -> Result<PathBuf, Failure> {
    if which.zk {
        return Ok(zoo_cfg(global));
    }
    storm_yaml(global, which.daemon).ok_or_else(|| {
        let own = Environment::of_process().home().join("conf/storm.yaml");
        Failure::new(Exit::NotFound, "config/no-file", "there is no storm.yaml, so Storm's defaults count")
            .evidence("stormctl config sources      shows where one is looked for")
            .hint(format!("name one: --config {}", own.display()))
    })
}

/// A file with what the rules want to know of it.
pub fn subject(path: &Path, text: &str, mode: Option<u32>) -> Subject {
    let mut subject = Subject::new(path, text);
    subject.mode = mode;
    subject
}

/// Whether a flag names the file of a format.
pub fn is_zoo(path: &Path) -> bool {
    Format::of(path) == Format::Zoo
}

pub fn store_failure(e: &StoreError) -> Failure {
    let exit = match e {
        StoreError::Changed { .. } => Exit::Conflict,
        StoreError::Owner { .. } => Exit::Refused,
        StoreError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => Exit::NotFound,
        StoreError::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => Exit::Refused,
        StoreError::Encoding { .. } => Exit::ConfigInvalid,
        _ => Exit::Failed,
    };
    let failure = Failure::new(exit, e.code(), e.to_string());
    match e {
        StoreError::Encoding { .. } => failure.hint("save it as UTF-8"),
        StoreError::Changed { .. } => failure.hint("look at it, and try again"),
        StoreError::Owner { uid, .. } => failure.hint(format!("run this as user {uid} or as root")),
        StoreError::Io { .. } => failure.hint("name another file with --config, or see that its folder can be written"),
        StoreError::NoFile { .. } => failure,
    }
}

/// Puts a text in the place of a file.
pub fn write(file: &File, text: &str, what: &str) -> Result<Written, Failure> {
    let who = who();
    let change = Change { now: SystemTime::now(), who: &who, what };
    file.replace(text, &change).map_err(|e| store_failure(&e))
}

/// Who is at the keyboard, behind sudo too.
fn who() -> String {
    let named = ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|v| std::env::var(v).ok().filter(|n| !n.is_empty()));
    named.unwrap_or_else(|| format!("uid={}", rustix::process::getuid().as_raw()))
}

/// The files as they are.
pub fn read(path: &Path) -> Result<File, Failure> {
    File::read(path).map_err(|e| store_failure(&e))
}

/// Reads a file to look at it: what is not UTF-8 is replaced, and its place kept.
pub fn look(path: &Path) -> Result<Subject, Failure> {
    let (text, encoding) =
        storm_conf::read_file(path).map_err(|m| Failure::from(storm_conf::ConfErrors { mistakes: vec![m] }))?;
    let mode = std::fs::metadata(path).ok().map(|m| std::os::unix::fs::MetadataExt::mode(&m) & 0o7777);
    let mut subject = subject(path, &text, mode);
    subject.garbled = encoding.and_then(|m| match m.place {
        storm_conf::Place::File { line, column, .. } => Some(storm_lint::Mark { line, column }),
        storm_conf::Place::Option(_) => None,
    });
    Ok(subject)
}

/// The lines that differ, without the passwords in them.
pub fn difference(old: &str, new: &str, name: &str) -> String {
    let guarded = |line: &str| {
        let body = line.strip_prefix([' ', '+', '-']).unwrap_or_default();
        let key = body.split([':', '=']).next().unwrap_or_default().trim().trim_matches(['"', '\'']);
        if storm_conf::schema::is_secret(key) && key.len() < body.len() {
            format!("{}{key}: ********\n", &line[..1])
        } else {
            line.to_owned()
        }
    };
    diff::lines(old, new, name, name).split_inclusive('\n').map(guarded).collect()
}

/// A path as people want to see it: from here where that is shorter.
pub fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let from_here = here.as_deref().and_then(|here| path.strip_prefix(here).ok()).filter(|p| !p.as_os_str().is_empty());
    from_here.unwrap_or(path).display().to_string()
}
