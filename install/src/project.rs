//! Topology projects: files that build, test themselves in local mode and submit.

use std::path::{Path, PathBuf};

use crate::{Kind, Trouble};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Rust,
    Python,
    Flux,
}

/// A file of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub path: &'static str,
    pub text: String,
    pub executable: bool,
}

const RUST: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../templates/rust/Cargo.toml.in")),
    ("README.md", include_str!("../templates/rust/README.md")),
    ("src/lib.rs", include_str!("../templates/rust/lib.rs.in")),
    ("src/main.rs", include_str!("../templates/rust/main.rs.in")),
    ("tests/local.rs", include_str!("../templates/rust/local.rs.in")),
    (".gitignore", "/target\n"),
];

const PYTHON: &[(&str, &str)] = &[
    ("topology.yaml", include_str!("../templates/python/topology.yaml")),
    ("README.md", include_str!("../templates/python/README.md")),
    ("resources/split.py", include_str!("../templates/python/split.py")),
    ("test.py", include_str!("../templates/python/test.py")),
    ("words.txt", include_str!("../templates/words.txt")),
];

const FLUX: &[(&str, &str)] = &[
    ("topology.yaml", include_str!("../templates/flux/topology.yaml")),
    ("README.md", include_str!("../templates/flux/README.md")),
    ("test.sh", include_str!("../templates/flux/test.sh")),
    ("words.txt", include_str!("../templates/words.txt")),
];

/// Whether it can name a crate, a folder and a topology.
fn check_name(name: &str) -> Result<(), Trouble> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    if name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(good) {
        return Ok(());
    }
    Err(Trouble::new(Kind::Wanted, "new/name", format!("{name:?} cannot name a project"))
        .hint("begin with a letter; go on with small letters, digits, - and _"))
}

/// The files of a project. `storm` is the folder of the crate of that name, which Rust needs.
pub fn files(name: &str, language: Language, storm: Option<&Path>) -> Result<Vec<File>, Trouble> {
    check_name(name)?;
    let templates = match language {
        Language::Rust => RUST,
        Language::Python => PYTHON,
        Language::Flux => FLUX,
    };
    let storm = storm.map(|p| p.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"")).unwrap_or_default();
    let fill = |text: &str| {
        text.replace("@NAME@", name).replace("@CRATE@", &name.replace('-', "_")).replace("@STORM@", &storm)
    };
    let file = |(path, text): &(&'static str, &str)| File {
        path,
        text: fill(text),
        executable: path.ends_with(".sh") || path.ends_with(".py"),
    };
    Ok(templates.iter().map(file).collect())
}

/// The crate `storm`: in the sources that were named, those that the program was built in, or those that a package brought.
pub fn storm_crate(named: Option<&Path>, program: &Path) -> Result<PathBuf, Trouble> {
    let below = |root: &Path| root.join("crates/storm");
    let is_crate = |dir: &PathBuf| dir.join("Cargo.toml").is_file();
    if let Some(root) = named {
        let root = std::path::absolute(root).map_err(|e| Trouble::io("find", root, &e))?;
        return Some(below(&root)).filter(is_crate).ok_or_else(|| {
            Trouble::new(Kind::Missing, "new/source", format!("there is no crate storm in {}", root.display()))
                .at(format!("{} is not there", below(&root).join("Cargo.toml").display()))
                .hint("name the folder that holds crates/storm")
        });
    }
    let installed = Path::new("/usr/share/stormctl/sdk");
    let places = program.ancestors().skip(1).chain([installed]);
    places.map(below).find(is_crate).ok_or_else(|| {
        Trouble::new(Kind::Missing, "new/source", "the sources of the crate storm are not found")
            .at(format!("looked above {} and in {}", program.display(), installed.display()))
            .hint("name a checkout of stormctl's sources with --storm-source DIR, or use --lang python or flux")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_to_fill_in() {
        for language in [Language::Rust, Language::Python, Language::Flux] {
            for file in files("my-count", language, Some(Path::new("/s"))).unwrap() {
                assert!(!file.text.contains("@NAME@") && !file.text.contains("@CRATE@"), "{}", file.path);
            }
        }
        for name in ["", "9x", "a b", "../x", "A"] {
            assert_eq!(files(name, Language::Flux, None).unwrap_err().code, "new/name");
        }
        let nowhere = tempfile::tempdir().unwrap();
        assert_eq!(storm_crate(Some(nowhere.path()), Path::new("/x")).unwrap_err().code, "new/source");
    }
}
