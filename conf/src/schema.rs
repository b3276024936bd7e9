//! The one table of keys: what each is, who reads it, what it must be.

use std::fmt;
use std::sync::LazyLock;

use serde_json::Value;

use crate::kind::Kind;
use crate::{Conf, nearest};

const KEYS: &str = include_str!("../keys.txt");
const ZOO_KEYS: &str = include_str!("../zoo-keys.txt");

static STORM: LazyLock<Vec<Key>> = LazyLock::new(|| rows(KEYS).map(|row| storm_key(&row)).collect());
static ZOO: LazyLock<Vec<ZooKey>> = LazyLock::new(|| rows(ZOO_KEYS).map(|row| zoo_key_row(&row)).collect());

/// A key of `storm.yaml`.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    /// Whether Storm itself refuses values of another kind.
    pub checked: bool,
    pub role: Role,
    pub readers: Vec<&'static str>,
    pub meaning: &'static str,
}

/// What a value stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Plain,
    Dir,
    File,
    Host,
    Hosts,
    Port,
    Class,
    /// Options of a JVM.
    Jvm,
    Secret,
}

/// A key of `zoo.cfg`; a name that ends with `*` stands for all that begin so.
#[derive(Debug, Clone, PartialEq)]
pub struct ZooKey {
    pub name: &'static str,
    pub kind: &'static str,
    /// `-` when there is none.
    pub default: &'static str,
    pub meaning: &'static str,
}

/// Every key of `storm.yaml`, sorted.
pub fn keys() -> &'static [Key] {
    &STORM
}

/// Every key of `zoo.cfg`, sorted.
pub fn zoo_keys() -> &'static [ZooKey] {
    &ZOO
}

pub fn key(name: &str) -> Option<&'static Key> {
    let at = STORM.binary_search_by(|k| k.name.cmp(name)).ok()?;
    STORM.get(at)
}

pub fn zoo_key(name: &str) -> Option<&'static ZooKey> {
    let exact = ZOO.iter().find(|k| k.name == name);
    exact.or_else(|| ZOO.iter().find(|k| k.name.strip_suffix('*').is_some_and(|stem| name.starts_with(stem))))
}

/// The known key that was probably meant.
pub fn alike(name: &str) -> Option<&'static Key> {
    let found = nearest::alike(name, STORM.iter().map(|k| k.name))?;
    key(found)
}

pub fn alike_zoo(name: &str) -> Option<&'static ZooKey> {
    let found = nearest::alike(name, ZOO.iter().map(|k| k.name).filter(|n| !n.ends_with('*')))?;
    zoo_key(found)
}

/// Whether the value of a key, known or not, is a password or the like, and is shown to nobody who does not ask for it.
pub fn is_secret(name: &str) -> bool {
    key(name).is_some_and(|k| k.role == Role::Secret) || name.contains("password") || name.ends_with("superDigest")
}

/// Every key that Storm checks, sorted, as `(key, kind word)`; a trailing `!` means that null is not allowed.
pub fn checked() -> impl Iterator<Item = (&'static str, String)> {
    STORM.iter().filter(|k| k.checked).map(|k| (k.name, k.kind.to_string()))
}

impl Key {
    pub fn default(&self) -> Option<&'static Value> {
        Conf::shared_defaults().get(self.name)
    }

    /// What must happen before a change is seen.
    pub fn restart(&self) -> String {
        let daemons: Vec<&str> =
            self.readers.iter().copied().filter(|r| !matches!(*r, "worker" | "client" | "none")).collect();
        let mut words = Vec::new();
        if !daemons.is_empty() {
            words.push(format!("restart {}", daemons.join(", ")));
        }
        if self.readers.contains(&"worker") {
            words.push("workers started afterwards see it".to_owned());
        }
        if self.readers.contains(&"client") {
            words.push("the next command sees it".to_owned());
        }
        if words.is_empty() { "nothing: nobody reads it".to_owned() } else { words.join("; ") }
    }
}

impl Role {
    fn of(word: &str) -> Role {
        match word {
            "dir" => Role::Dir,
            "file" => Role::File,
            "host" => Role::Host,
            "hosts" => Role::Hosts,
            "port" => Role::Port,
            "class" => Role::Class,
            "jvm" => Role::Jvm,
            "secret" => Role::Secret,
            _ => Role::Plain,
        }
    }

    pub fn is_path(self) -> bool {
        matches!(self, Role::Dir | Role::File)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.word(), if self.is_required() { "!" } else { "" })
    }
}

fn rows(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    text.lines().filter(|l| !l.is_empty() && !l.starts_with('#')).map(|l| l.split(" | ").collect())
}

fn storm_key(row: &[&'static str]) -> Key {
    let cell = |i: usize| row.get(i).copied().unwrap_or_default();
    Key {
        name: cell(0),
        kind: Kind::of(cell(1)),
        checked: !cell(1).starts_with('('),
        role: Role::of(cell(2)),
        readers: cell(3).split(',').collect(),
        meaning: cell(4),
    }
}

fn zoo_key_row(row: &[&'static str]) -> ZooKey {
    let cell = |i: usize| row.get(i).copied().unwrap_or_default();
    ZooKey { name: cell(0), kind: cell(1), default: cell(2), meaning: cell(3) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_whole_and_sorted() {
        for key in keys() {
            assert!(!key.meaning.is_empty() && !key.readers.contains(&""), "{key:?}");
            let words = [
                "nimbus",
                "supervisor",
                "worker",
                "ui",
                "logviewer",
                "drpc",
                "pacemaker",
                "zookeeper",
                "agent",
                "client",
                "none",
            ];
            assert!(key.readers.iter().all(|r| words.contains(r)), "{key:?}");
        }
        assert!(keys().windows(2).all(|w| w[0].name < w[1].name));
        assert!(zoo_keys().windows(2).all(|w| w[0].name < w[1].name));
        assert!(zoo_keys().iter().all(|k| !k.meaning.is_empty() && !k.default.is_empty()));
        for name in Conf::shared_defaults().map().keys() {
            assert!(key(name).is_some(), "{name} has no line in keys.txt");
        }
    }

    #[test]
    fn a_key_tells_what_it_is() {
        let seeds = key("nimbus.seeds").unwrap();
        assert_eq!((seeds.kind.word(), seeds.role), ("strings", Role::Hosts));
        assert_eq!(
            seeds.restart(),
            "restart supervisor, ui; workers started afterwards see it; the next command sees it"
        );
        assert_eq!(key("storm.zookeeper.auth.user").unwrap().restart(), "nothing: nobody reads it");
        assert!(key("nimbus.sedes").is_none());
        assert_eq!(zoo_key("server.12").unwrap().name, "server.*");
    }

    #[test]
    fn what_was_meant_is_found() {
        for (typed, meant) in [
            ("nimbus.sedes", "nimbus.seeds"),
            ("nimbus_seeds", "nimbus.seeds"),
            ("Nimbus.Seeds", "nimbus.seeds"),
            ("supervisor.slot.ports", "supervisor.slots.ports"),
            ("storm.zookeper.servers", "storm.zookeeper.servers"),
        ] {
            assert_eq!(alike(typed).map(|k| k.name), Some(meant), "{typed}");
        }
        assert_eq!(alike("my.company.key"), None);
        assert_eq!(alike_zoo("datadir").map(|k| k.name), Some("dataDir"));
    }
}
