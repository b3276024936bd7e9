//! The files that go into a topology jar: scripts, and what starts components on Apache Storm.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Resource, ResourceData};
use crate::builtins::Builtin;
use crate::multilang::STORM_PY;

const LOOKED_IN: &str = "resources";
const MOST_FILES: usize = 10_000;

/// All files of the folder `resources` beside the YAML file.
pub(crate) fn beside(dir: &Path) -> io::Result<Vec<Resource>> {
    let root = dir.join(LOOKED_IN);
    if root.is_dir() { files_of(&root) } else { Ok(Vec::new()) }
}

/// All files of a folder and its subfolders, but hidden ones and Python's caches.
pub(crate) fn files_of(root: &Path) -> io::Result<Vec<Resource>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let hidden = path.file_name().is_none_or(|n| n.to_string_lossy().starts_with('.') || n == "__pycache__");
            if hidden {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
                found.push(file(name, path));
            }
            if found.len() > MOST_FILES {
                let why = format!("{} holds more than {MOST_FILES} files", root.display());
                return Err(io::Error::other(why));
            }
        }
    }
    Ok(found)
}

fn file(name: String, path: PathBuf) -> Resource {
    use std::os::unix::fs::PermissionsExt;
    let executable = path.metadata().is_ok_and(|m| m.permissions().mode() & 0o111 != 0);
    Resource { name, data: ResourceData::File(path), executable }
}

/// The script that a command names: where it is, if it is not among the resources yet.
///
/// It is the first word after an interpreter. An absolute path is a matter of the machines where the topology runs.
pub(crate) fn script(argv: &[String], dir: &Path, known: &[Resource]) -> Result<Option<Resource>, String> {
    const INTERPRETERS: &[&str] = &["python", "node", "ruby", "sh", "bash", "perl", "php", "lua", "deno", "bun"];
    let program = argv.first().map(|p| p.rsplit('/').next().unwrap_or(p)).unwrap_or_default();
    let bare = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let word = match argv {
        [_, script, ..] if INTERPRETERS.contains(&bare) => script,
        [program, ..] if program.starts_with("./") => program,
        _ => return Ok(None),
    };
    if word.starts_with(['-', '/']) {
        return Ok(None);
    }
    let name = word.strip_prefix("./").unwrap_or(word);
    if known.iter().any(|r| r.name == name) {
        return Ok(None);
    }
    let beside = dir.join(name);
    if beside.is_file() {
        return Ok(Some(file(name.to_owned(), beside)));
    }
    let folder = dir.join(LOOKED_IN);
    Err(format!("there is no script {name}, neither in {} nor in {}", folder.display(), dir.display()))
}

/// Our `storm.py`, if a Python script wants to import it and none is there.
pub(crate) fn storm_py(resources: &[Resource]) -> io::Result<Option<Resource>> {
    if resources.iter().any(|r| r.name == "storm.py") {
        return Ok(None);
    }
    for r in resources.iter().filter(|r| r.name.ends_with(".py")) {
        let text = match &r.data {
            ResourceData::Bytes(bytes) => bytes.clone(),
            ResourceData::File(path) => fs::read(path)?,
        };
        let text = String::from_utf8_lossy(&text);
        let imports = |line: &str| {
            let line = line.trim_start();
            let module = line.strip_prefix("import ").or_else(|| line.strip_prefix("from "));
            module.is_some_and(|m| m.split([',', ' ', '.']).any(|word| word == "storm"))
        };
        if text.lines().any(imports) {
            let data = ResourceData::Bytes(STORM_PY.as_bytes().to_vec());
            return Ok(Some(Resource { name: "storm.py".to_owned(), data, executable: false }));
        }
    }
    Ok(None)
}

/// `<id>.sh` for a command of other than two words, since a thrift component has a program and one argument.
pub(crate) fn wrapper(id: &str, argv: &[String]) -> Resource {
    let words: Vec<String> = argv.iter().map(|w| quoted(w)).collect();
    shell_script(id, &format!("exec {}", words.join(" ")))
}

/// `<id>.sh` of a built-in component, which Apache Storm's worker runs. It needs `stormctl` on that machine.
pub fn shell_script_of_builtin(id: &str, builtin: &Builtin) -> Resource {
    let spec = quoted(&builtin.to_json().to_string());
    shell_script(id, &format!("exec \"${{STORMCTL:-stormctl}}\" component {spec}"))
}

/// `<id>.sh` of a component that the program in the resources serves: one of its own by its id, or a built-in one by its
/// description. Apache Storm unpacks jars without the permission to execute.
pub(crate) fn script_of_program(id: &str, program: &str, component: &str) -> Resource {
    let (program, component) = (quoted(program), quoted(component));
    shell_script(id, &format!("[ -x ./{program} ] || chmod +x ./{program}\nexec ./{program} component {component}"))
}

fn shell_script(id: &str, body: &str) -> Resource {
    let text = format!("#!/bin/sh\n{body}\n");
    Resource { name: format!("{id}.sh"), data: ResourceData::Bytes(text.into_bytes()), executable: true }
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
