//! Programs, as the environment of whoever asks finds them.

use std::env;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use storm_machine::programs::{is_program, on_path};

use crate::facts::{Programs, StormProgram};

/// Scripts are short, and say early what they start.
const BEGINNING: u64 = 64 << 10;

pub(super) fn programs() -> Programs {
    let path = env::var_os("PATH").unwrap_or_default();
    let java_home = env::var_os("JAVA_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    let storm = |path: PathBuf| StormProgram { apache: is_apaches(&path), path };
    Programs {
        java_home_is_one: java_home.as_ref().is_some_and(|home| is_program(&home.join("bin/java"))),
        java_home,
        java_on_path: on_path(&path, "java").into_iter().next(),
        storms: on_path(&path, "storm").into_iter().map(storm).collect(),
    }
}

/// The script of a release starts its `storm.py`, or a class of its own.
fn is_apaches(path: &Path) -> bool {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(BEGINNING).read_to_end(&mut text));
    let text = String::from_utf8_lossy(&text);
    read.is_ok() && ["storm.py", "org.apache.storm", "backtype.storm"].iter().any(|word| text.contains(word))
}
