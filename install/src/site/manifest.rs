//! The list of what an installation has made on a host, in the folder of the cluster. Each entry is on the disk before
//! the thing is made, so that nothing is ever made and forgotten.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::act::part_of;
use crate::step::{Crew, places};
use crate::{Kind, Trouble};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "made")]
pub enum Made {
    Account { user: String },
    Folder { path: PathBuf, data: bool },
    File { path: PathBuf, sha256: String },
    Daemons { crew: Crew },
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    pub made: Vec<Made>,
}

impl Manifest {
    /// Empty where there is none. A last line that was cut off was never acted upon.
    pub fn read(dir: &Path) -> Result<Manifest, Trouble> {
        let path = places::manifest(dir);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Manifest::default()),
            Err(e) => return Err(Trouble::io("read", &path, &e)),
        };
        let mut made = Vec::new();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        for (index, line) in whole.lines().enumerate() {
            made.push(serde_json::from_str(line).map_err(|e| {
                Trouble::new(Kind::Conflict, "install/manifest", "the list of what was made cannot be read")
                    .at(format!("{}:{}: {e}", path.display(), index + 1))
            })?);
        }
        Ok(Manifest { made })
    }

    /// Adds entries, for good.
    pub fn add(dir: &Path, made: &[Made]) -> Result<(), Trouble> {
        let path = places::manifest(dir);
        let mut text = String::new();
        // What was cut off is ended, not continued.
        if fs::read(&path).is_ok_and(|bytes| bytes.last().is_some_and(|b| *b != b'\n')) {
            Manifest::cut(&path)?;
        }
        for one in made {
            text.push_str(&serde_json::to_string(one).unwrap_or_default());
            text.push('\n');
        }
        let write = || {
            let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write().map_err(|e| Trouble::io("write", &path, &e))
    }

    /// Says anew what was made, when something of it is there no more.
    pub fn write(&self, dir: &Path) -> Result<(), Trouble> {
        let path = places::manifest(dir);
        let part = part_of(&path);
        let write = || {
            let mut file = fs::File::create(&part)?;
            for one in &self.made {
                writeln!(file, "{}", serde_json::to_string(one)?)?;
            }
            file.sync_all()?;
            fs::rename(&part, &path)
        };
        write().map_err(|e| Trouble::io("write", &path, &e))
    }

    fn cut(path: &Path) -> Result<(), Trouble> {
        let cut = || {
            let bytes = fs::read(path)?;
            let end = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            OpenOptions::new().write(true).open(path)?.set_len(end as u64)
        };
        cut().map_err(|e| Trouble::io("mend", path, &e))
    }

    /// The daemons that were started, each as the last start had it.
    pub fn daemons(&self) -> Vec<Crew> {
        let mut found: BTreeMap<&str, Crew> = BTreeMap::new();
        for made in &self.made {
            let Made::Daemons { crew } = made else { continue };
            for daemon in &crew.daemons {
                found.insert(&daemon.role, crew.only(vec![daemon.clone()]));
            }
        }
        found.into_values().collect()
    }

    /// The last hash that a file was left with.
    pub fn left(&self, path: &Path) -> Option<&str> {
        self.made.iter().rev().find_map(|m| match m {
            Made::File { path: p, sha256 } if p == path => Some(sha256.as_str()),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_cut_off_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let file = |n: &str| Made::File { path: n.into(), sha256: n.into() };
        assert_eq!(Manifest::read(dir.path()).unwrap(), Manifest::default());
        Manifest::add(dir.path(), &[file("a"), file("b")]).unwrap();
        let path = places::manifest(dir.path());
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}{{\"made\":\"fi")).unwrap();
        assert_eq!(Manifest::read(dir.path()).unwrap().made, [file("a"), file("b")]);
        Manifest::add(dir.path(), &[file("c")]).unwrap();
        assert_eq!(Manifest::read(dir.path()).unwrap().made, [file("a"), file("b"), file("c")]);
        let listed = Manifest::read(dir.path()).unwrap();
        Manifest { made: listed.made[1..].to_vec() }.write(dir.path()).unwrap();
        assert_eq!(Manifest::read(dir.path()).unwrap().made, [file("b"), file("c")]);
        fs::write(&path, "rubbish\n").unwrap();
        assert!(Manifest::read(dir.path()).unwrap_err().evidence[0].contains(":1: "));
    }
}
