//! Programs, as the environment of whoever asks finds them.

use std::env;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::facts::{Programs, StormProgram};

/// Scripts are short, and say early what they start.
const BEGINNING: u64 = 64 << 10;

pub(super) fn programs() -> Programs {
    let folders: Vec<PathBuf> = env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    let java_home = env::var_os("JAVA_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    let mut storms: Vec<StormProgram> = Vec::new();
    for path in on_path(&folders, "storm") {
        if storms.iter().all(|known| known.path != path) {
            storms.push(StormProgram { apache: is_apaches(&path), path });
        }
    }
    Programs {
        java_home_is_one: java_home.as_ref().is_some_and(|home| is_program(&home.join("bin/java"))),
        java_home,
        java_on_path: on_path(&folders, "java").next(),
        storms,
    }
}

fn on_path<'a>(folders: &'a [PathBuf], name: &'a str) -> impl Iterator<Item = PathBuf> + 'a {
    folders.iter().map(move |folder| folder.join(name)).filter(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

/// The script of a release starts its `storm.py`, or a class of its own.
fn is_apaches(path: &Path) -> bool {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(BEGINNING).read_to_end(&mut text));
    let text = String::from_utf8_lossy(&text);
    read.is_ok() && ["storm.py", "org.apache.storm", "backtype.storm"].iter().any(|word| text.contains(word))
}
