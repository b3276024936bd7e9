//! Clusters by name: the file that keeps them, and which of them a command is about.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use storm_conf::Reader;

use crate::cli::Global;
use crate::exit::Exit;
use crate::failure::Failure;

/// The variable that names a cluster.
pub const VARIABLE: &str = "STORMCTL_CLUSTER";

const HEAD: &str = "# The clusters that stormctl knows by name; `stormctl context` writes it.\n";

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Contexts {
    pub current: Option<String>,
    pub clusters: BTreeMap<String, Cluster>,
}

/// What a name stands for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cluster {
    /// The storm.yaml of the cluster; without it, the one that would be read anyway.
    pub config: Option<PathBuf>,
    /// Keys that are laid over the file.
    pub set: Map<String, Value>,
}

/// The cluster that a command is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    pub name: String,
    /// What named it: `--cluster`, the variable, or the current one.
    pub by: &'static str,
    pub cluster: Cluster,
}

impl Named {
    /// As `-c` would say them.
    pub fn settings(&self) -> Vec<String> {
        self.cluster.set.iter().map(|(key, value)| format!("{key}={value}")).collect()
    }

    /// How a file or a value that comes from here is told.
    pub fn told(&self) -> String {
        format!("cluster {} ({})", self.name, self.by)
    }
}

/// `stormctl/config.yaml` below `$XDG_CONFIG_HOME`, or below `~/.config`.
pub fn file() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    // A relative folder there is to be ignored, says the rule of XDG.
    let config = variable("XDG_CONFIG_HOME").filter(|p| p.is_absolute());
    Some(config.or_else(|| Some(variable("HOME")?.join(".config")))?.join("stormctl/config.yaml"))
}

/// Finds the cluster that a command is about, and lets the command read its file. `--config` names a file and no cluster;
/// what is about the daemons of this machine goes by a name only when `--cluster` says so.
pub fn settle(global: &mut Global, reader: Reader) -> Result<(), Failure> {
    global.named = chosen(global, reader)?;
    if let Some(named) = &global.named {
        global.config = named.cluster.config.clone();
    }
    Ok(())
}

fn chosen(global: &Global, reader: Reader) -> Result<Option<Named>, Failure> {
    let variable = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let (name, by) = match &global.cluster {
        Some(name) => (name.clone(), "--cluster"),
        None if global.config.is_some() || reader != Reader::Client => return Ok(None),
        None => match variable(VARIABLE) {
            Some(name) => (name, VARIABLE),
            None if variable("STORM_CONF_FILE").is_some() => return Ok(None),
            None => match Contexts::load()?.current {
                Some(name) => (name, "the current one"),
                None => return Ok(None),
            },
        },
    };
    let contexts = Contexts::load()?;
    let cluster = contexts.get(&name).map_err(|f| f.evidence(format!("named by {by}")))?.clone();
    Ok(Some(Named { name, by, cluster }))
}

impl Contexts {
    /// No file is no clusters.
    pub fn load() -> Result<Contexts, Failure> {
        let Some(path) = file() else { return Ok(Contexts::default()) };
        match std::fs::read_to_string(&path) {
            Ok(text) => Contexts::parse(&text).map_err(|cause| broken(&path, &cause)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Contexts::default()),
            Err(e) => Err(Failure::io(format!("cannot read {}", path.display()), &e)),
        }
    }

    fn parse(text: &str) -> Result<Contexts, String> {
        let value: Value = serde_yaml::from_str(text).map_err(|e| e.to_string())?;
        let mut contexts = Contexts::default();
        for (key, value) in fields(&value, "the file")? {
            match key.as_str() {
                "current" if value.is_null() => {}
                "current" => contexts.current = Some(text_of(value, "current")?),
                "clusters" => {
                    for (name, value) in fields(value, "clusters")? {
                        contexts.clusters.insert(name.clone(), Cluster::parse(name, value)?);
                    }
                }
                other => return Err(format!("it knows current and clusters, and no {other}")),
            }
        }
        Ok(contexts)
    }

    pub fn get(&self, name: &str) -> Result<&Cluster, Failure> {
        self.clusters.get(name).ok_or_else(|| {
            let failure = Failure::new(
                Exit::NotFound,
                "context/not-found",
                format!("there is no cluster by the name \"{name}\""),
            );
            match storm_conf::nearest(name, self.clusters.keys().map(String::as_str)) {
                Some(near) => failure.hint(format!("did you mean {near}?")),
                None => failure.hint(format!("stormctl context set {name} --config STORM_YAML")),
            }
        })
    }

    /// Whole or not at all, and nobody else may read it: `-c` can hold a password.
    pub fn store(&self) -> Result<PathBuf, Failure> {
        let path = file().ok_or_else(|| {
            Failure::new(Exit::Failed, "context/no-home", "there is no folder for the clusters' names")
                .hint("set HOME or XDG_CONFIG_HOME")
        })?;
        let failed = |e: &std::io::Error| Failure::io(format!("cannot write {}", path.display()), e);
        let folder = path.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(folder).map_err(|e| failed(&e))?;
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|e| failed(&e))?;
        file.write_all(self.text().as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(|e| failed(&e))?;
        file.persist(&path).map_err(|e| failed(&e.error))?;
        Ok(path)
    }

    fn text(&self) -> String {
        let clusters: Map<String, Value> = self.clusters.iter().map(|(n, c)| (n.clone(), c.json())).collect();
        let value = json!({"current": self.current, "clusters": clusters});
        // Texts, numbers and maps with names as keys are YAML always.
        HEAD.to_owned() + &serde_yaml::to_string(&value).unwrap_or_else(|_| format!("{value:#}\n"))
    }
}

impl Cluster {
    fn parse(name: &str, value: &Value) -> Result<Cluster, String> {
        let mut cluster = Cluster::default();
        for (key, value) in fields(value, name)? {
            match key.as_str() {
                "config" if value.is_null() => {}
                "config" => cluster.config = Some(text_of(value, "config")?.into()),
                "set" => cluster.set = fields(value, "set")?.clone(),
                other => return Err(format!("{name} has config and set, and no {other}")),
            }
        }
        Ok(cluster)
    }

    pub fn json(&self) -> Value {
        json!({"config": self.config, "set": self.set})
    }
}

fn fields<'v>(value: &'v Value, what: &str) -> Result<&'v Map<String, Value>, String> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    match value {
        Value::Object(map) => Ok(map),
        Value::Null => Ok(&NONE),
        _ => Err(format!("{what} must hold KEY: VALUE lines")),
    }
}

fn text_of(value: &Value, what: &str) -> Result<String, String> {
    value.as_str().map(str::to_owned).ok_or_else(|| format!("{what} must be a text, and is {value}"))
}

fn broken(path: &Path, cause: &str) -> Failure {
    Failure::new(Exit::ConfigInvalid, "context/file", "the clusters' names cannot be read")
        .evidence(format!("{}: {cause}", path.display()))
        .hint("mend the file, or remove it and name the clusters anew with `stormctl context set`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let cluster = Cluster {
            config: Some("/etc/storm.yaml".into()),
            set: Map::from_iter([("nimbus.seeds".to_owned(), json!(["n1"])), ("a".to_owned(), json!("b: c"))]),
        };
        let contexts = Contexts { current: Some("p".into()), clusters: BTreeMap::from([("p".to_owned(), cluster)]) };
        assert_eq!(Contexts::parse(&contexts.text()), Ok(contexts.clone()));
        assert_eq!(Contexts::parse(""), Ok(Contexts::default()));
        let named = Named { name: "p".into(), by: VARIABLE, cluster: contexts.clusters["p"].clone() };
        assert_eq!(named.settings(), ["nimbus.seeds=[\"n1\"]", "a=\"b: c\""]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, cause) in [
            ("currant: x\n", "no currant"),
            ("current: [x]\n", "must be a text"),
            ("clusters:\n  p:\n    file: x\n", "no file"),
            ("clusters: [p]\n", "clusters must hold"),
            ("clusters: {\n", "line"),
        ] {
            let error = Contexts::parse(text).unwrap_err();
            assert!(error.contains(cause), "{text:?}: {error}");
        }
        let contexts = Contexts::parse("clusters: {prod: {}}\n").unwrap();
        let failure = contexts.get("prdo").unwrap_err();
        assert_eq!((failure.exit, failure.code()), (Exit::NotFound, "context/not-found"));
        assert_eq!(failure.faults[0].hint.as_deref(), Some("did you mean prod?"));
    }
}
