//! Defaults, then one file, then `-c` options: Storm's precedence, with every mistake reported at once.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::mistake::{ConfErrors, Mistake, Place};
use crate::places::{self, Environment, Reader};
use crate::yaml::{self, Entry, Kind, Level};
use crate::{Conf, hostname, schema};

/// `defaults.yaml`, as it ships.
pub const DEFAULTS: &str = include_str!("../defaults.yaml");

/// What to read.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// `--config`: a file, or a folder that holds `storm.yaml`.
    pub file: Option<PathBuf>,
    /// `-c KEY=VALUE`; the value is JSON when it parses as such, else a text.
    pub overrides: Vec<String>,
    /// Short for `reader: Reader::Daemon`.
    pub daemon: bool,
    pub reader: Reader,
    /// Instead of the environment of this process.
    pub environment: Option<Environment>,
}

impl LoadOptions {
    /// The environment that decides.
    pub fn environment(&self) -> Environment {
        self.environment.clone().unwrap_or_else(Environment::of_process)
    }

    /// The file that is read; it need not exist when it was named.
    pub fn locate(&self) -> Option<PathBuf> {
        let reader = if self.daemon { Reader::Daemon } else { self.reader };
        match &self.file {
            Some(path) if path.is_dir() => Some(path.join("storm.yaml")),
            Some(path) => Some(path.clone()),
            None => places::find(reader, &self.environment()),
        }
    }
}

/// What was read, and from where.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub conf: Conf,
    /// `None` when there is no file: then the defaults (and `-c`) are all.
    pub file: Option<PathBuf>,
    /// What Apache Storm would take without a word, and is hardly meant.
    pub warnings: Vec<Mistake>,
    /// Where each value comes from; what is not here is a default.
    pub origins: BTreeMap<String, Place>,
}

/// Loads a configuration by Storm's precedence; warnings go to the log.
pub fn load(options: &LoadOptions) -> Result<Conf, ConfErrors> {
    let loaded = load_from(options)?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    Ok(loaded.conf)
}

/// [`load`], telling the file, the warnings and all origins too.
pub fn load_from(options: &LoadOptions) -> Result<Loaded, ConfErrors> {
    let file = options.locate();
    let mut laying = Laying { conf: Conf::defaults(), origins: BTreeMap::new(), found: Vec::new() };
    if let Some(path) = &file {
        laying.file(path);
    }
    for text in &options.overrides {
        laying.option(text);
    }
    let Laying { mut conf, origins, found } = laying;
    let (errors, warnings): (Vec<_>, Vec<_>) = found.into_iter().partition(|(level, _)| *level == Level::Error);
    if !errors.is_empty() {
        return Err(ConfErrors { mistakes: errors.into_iter().map(|(_, m)| m).collect() });
    }
    if conf.str("storm.home").is_none() {
        let home = options.environment().home();
        let home = std::path::absolute(&home).unwrap_or(home);
        conf.set("storm.home", home.to_string_lossy().into_owned());
    }
    Ok(Loaded { conf, file, warnings: warnings.into_iter().map(|(_, m)| m).collect(), origins })
}

/// Reads a configuration file as text; bytes that are not UTF-8 are replaced, as Java replaces them, and the first of
/// them is told.
#[allow(clippy::result_large_err, reason = "a mistake is made once in a command, and told")]
pub fn read_file(path: &Path) -> Result<(String, Option<Mistake>), Mistake> {
    let at = |path: PathBuf, line, column| Place::File { path, line, column };
    let bytes = std::fs::read(path).map_err(|e| Mistake {
        code: "config/unreadable",
        place: at(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()), 0, 0),
        message: format!("cannot read the configuration: {e}"),
        found: None,
        fix: Some("name another file with --config, or make this one readable".into()),
    })?;
    Ok(match String::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(e) => {
            let good = &e.as_bytes()[..e.utf8_error().valid_up_to()];
            let line = 1 + good.iter().filter(|&&b| b == b'\n').count();
            let column = 1 + String::from_utf8_lossy(good).chars().rev().take_while(|&c| c != '\n').count();
            let mistake = Mistake {
                code: "config/encoding",
                place: at(path.to_owned(), line, column),
                message: "the file is not UTF-8; what cannot be read is replaced".into(),
                found: None,
                fix: Some("save it as UTF-8".into()),
            };
            (String::from_utf8_lossy(e.as_bytes()).into_owned(), Some(mistake))
        }
    })
}

/// What a load of this text would say, as the file at `path`.
pub fn check(path: &Path, text: &str) -> Vec<(Level, Mistake)> {
    let mut laying = Laying { conf: Conf::defaults(), origins: BTreeMap::new(), found: Vec::new() };
    laying.text(path, text);
    laying.found
}

/// The key and the value that `KEY=VALUE` sets; the value is JSON when it parses as such, else a text.
pub fn option(text: &str) -> Option<(&str, Value)> {
    let (key, value) = text.split_once('=')?;
    let key = key.trim();
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    (!key.is_empty()).then_some((key, value))
}

/// Layer upon layer.
struct Laying {
    conf: Conf,
    origins: BTreeMap<String, Place>,
    found: Vec<(Level, Mistake)>,
}

impl Laying {
    fn file(&mut self, path: &Path) {
        match read_file(path) {
            Ok((text, encoding)) => {
                self.found.extend(encoding.map(|m| (Level::Warning, m)));
                self.text(path, &text);
            }
            Err(unreadable) => self.found.push((Level::Error, unreadable)),
        }
    }

    fn text(&mut self, path: &Path, text: &str) {
        let at = |mark: yaml::Mark| Place::File { path: path.to_owned(), line: mark.line, column: mark.column };
        let (root, faults) = yaml::read(text);
        let broken = faults.iter().any(|f| f.code == "config/syntax");
        self.found.extend(faults.into_iter().map(|f| {
            let mistake = Mistake { code: f.code, place: at(f.mark), message: f.message, found: None, fix: f.fix };
            (f.level, mistake)
        }));
        match root.map(|n| (n.mark, n.kind)) {
            None | Some((_, Kind::Scalar(Value::Null))) => {}
            Some((_, Kind::Map(entries))) => {
                // What a later line replaces does not count for Storm either.
                for entry in entries.into_iter().filter(|e| !e.shadowed) {
                    self.entry(entry, &at);
                }
            }
            Some((mark, _)) if !broken => self.found.push((
                Level::Error,
                Mistake {
                    code: "config/map-expected",
                    place: at(mark),
                    message: "the file must be a list of KEY: VALUE lines".into(),
                    found: None,
                    fix: Some("begin with a line such as nimbus.seeds: [\"host1\"]".into()),
                },
            )),
            Some(_) => {}
        }
        self.found.sort_by_key(|(_, m)| match m.place {
            Place::File { line, column, .. } => (line, column),
            Place::Option(_) => (0, 0),
        });
    }

    fn entry(&mut self, entry: Entry, at: &dyn Fn(yaml::Mark) -> Place) {
        let value = entry.value.to_value();
        self.check(&entry.key, &value, at(entry.value.mark));
        self.origins.insert(entry.key.clone(), at(entry.key_mark));
        self.conf.set(&entry.key, value);
    }

    fn option(&mut self, text: &str) {
        let place = Place::Option(text.to_owned());
        let Some((key, value)) = option(text) else {
            // `-c` and `--config` are easily taken for each other.
            let is_file = ["yaml", "yml"].iter().any(|end| text.ends_with(end));
            let fix = if is_file { format!("a file is named by --config {text}") } else { EXAMPLE.to_owned() };
            let mistake = Mistake {
                code: "config/option",
                place,
                message: "an option must read KEY=VALUE".into(),
                found: None,
                fix: Some(fix),
            };
            self.found.push((Level::Error, mistake));
            return;
        };
        self.check(key, &value, place.clone());
        self.origins.insert(key.to_owned(), place);
        self.conf.set(key, value);
    }

    fn check(&mut self, key: &str, value: &Value, place: Place) {
        let Some(known) = schema::key(key) else { return };
        if let Some(misfit) = known.kind.check(value) {
            let mistake = Mistake {
                code: misfit.code,
                place,
                message: format!("{key} must be {}", misfit.expected),
                found: (!value.is_null()).then(|| describe(value)),
                fix: misfit.fix,
            };
            self.found.push((Level::Error, mistake));
        } else if let Some(variable) = value.as_str().filter(|_| known.role.is_path()).and_then(unexpanded) {
            // Apache Storm would make a folder of that very name.
            let mistake = Mistake {
                code: "config/unexpanded",
                place,
                message: format!("{key} holds {variable}, and nothing here replaces variables"),
                found: Some(describe(value)),
                fix: Some("write the path itself".into()),
            };
            self.found.push((Level::Error, mistake));
        }
    }
}

const EXAMPLE: &str = "for example -c nimbus.thrift.port=6627";

/// The first `${...}` of a path.
fn unexpanded(path: &str) -> Option<&str> {
    let start = path.find("${")?;
    let end = path[start..].find('}').map_or(path.len(), |e| start + e + 1);
    Some(&path[start..end])
}

/// A value with its kind, as messages tell it.
fn describe(value: &Value) -> String {
    let (what, text) = match value {
        Value::Null => return "null".into(),
        Value::Bool(_) => ("", value.to_string()),
        Value::Number(_) => ("the number ", value.to_string()),
        Value::String(_) => ("the text ", value.to_string()),
        Value::Array(_) => ("the list ", value.to_string()),
        Value::Object(_) => ("the map ", value.to_string()),
    };
    let shown: String = text.chars().take(80).collect();
    let more = if shown.len() < text.len() { "..." } else { "" };
    format!("{what}{shown}{more}")
}

impl Conf {
    /// `storm.local.hostname`, else the machine's canonical name.
    pub fn hostname(&self) -> String {
        self.str("storm.local.hostname").map_or_else(hostname::canonical, str::to_owned)
    }

    /// Where a daemon of this host listens: on all addresses, of both families where there are two (try them in order). A host
    /// that announces a loopback address as its `storm.local.hostname` listens there only, since nobody else could find it.
    pub fn listen_addresses(&self) -> Vec<IpAddr> {
        let name = self.str("storm.local.hostname").unwrap_or_default();
        let named = name.trim_matches(['[', ']']).parse::<IpAddr>().ok();
        match named.or_else(|| (name == "localhost").then_some(Ipv4Addr::LOCALHOST.into())) {
            Some(ip) if ip.is_loopback() => vec![ip],
            _ => vec![Ipv6Addr::UNSPECIFIED.into(), Ipv4Addr::UNSPECIFIED.into()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn options(dir: &Path, text: &str, overrides: &[&str]) -> LoadOptions {
        let file = dir.join("storm.yaml");
        std::fs::write(&file, text).unwrap();
        LoadOptions {
            file: Some(file),
            overrides: overrides.iter().map(|s| (*s).to_owned()).collect(),
            environment: Some(Environment { storm_home: Some(dir.to_owned()), ..Environment::default() }),
            ..LoadOptions::default()
        }
    }

    #[test]
    fn a_host_known_by_a_loopback_name_listens_there_only() {
        let at = |name: &str| {
            let mut conf = Conf::default();
            conf.set("storm.local.hostname", name);
            conf.listen_addresses().iter().map(IpAddr::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(at("127.0.0.1"), "127.0.0.1");
        assert_eq!(at("localhost"), "127.0.0.1");
        assert_eq!(at("::1"), "::1");
        assert_eq!(at("node7.example.org"), ":: 0.0.0.0");
        assert_eq!(at("10.0.0.7"), ":: 0.0.0.0");
    }

    #[test]
    fn later_layers_win() {
        let dir = tempfile::tempdir().unwrap();
        let text = "nimbus.thrift.port: 7000\nui.port: 010\nsupervisor.slots.ports: [1, 2]\nmy.key: yes\n";
        let conf = load(&options(dir.path(), text, &["nimbus.thrift.port=7001", "a=[1]", "b=x=y", "c="])).unwrap();
        assert_eq!(conf.int("nimbus.thrift.port"), Some(7001));
        assert_eq!(conf.int("ui.port"), Some(8));
        assert_eq!(conf.ints("supervisor.slots.ports"), [1, 2]);
        assert_eq!(conf.bool("my.key"), Some(true));
        assert_eq!(conf.int("storm.zookeeper.port"), Some(2181));
        assert_eq!(conf.get("a"), Some(&json!([1])));
        assert_eq!(conf.str("b"), Some("x=y"));
        assert_eq!(conf.str("c"), Some(""));
        assert_eq!(conf.home(), dir.path());
        assert_eq!(conf.local_dir(), dir.path().join("storm-local"));
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        let dir = tempfile::tempdir().unwrap();
        for text in ["", "# only a comment\n", "---\n", "~"] {
            assert_eq!(load(&options(dir.path(), text, &[])).unwrap().int("ui.port"), Some(8080), "{text:?}");
        }
    }

    #[test]
    fn all_mistakes_come_at_once_with_place_cause_and_fix() {
        let dir = tempfile::tempdir().unwrap();
        let text = "storm.zookeeper.servers: zk1\nui.port: \"80\"\nstorm.local.dir: /a/${x}/b\n nimbus.seeds: [\n";
        let errors = load(&options(dir.path(), text, &["topology.debug=maybe", "nonsense"])).unwrap_err();
        let file = dir.path().join("storm.yaml");
        let file = file.display();
        let lines: Vec<String> = errors.to_string().lines().map(str::to_owned).collect();
        assert_eq!(
            lines[0],
            format!(
                "{file}:1:26: storm.zookeeper.servers must be a list of texts, found the text \"zk1\"; write [\"zk1\"]"
            )
        );
        assert!(lines[1].starts_with(&format!("{file}:2:10: ui.port must be ")), "{}", lines[1]);
        assert!(lines[2].contains(":3:18: storm.local.dir holds ${x}"), "{}", lines[2]);
        assert!(errors.mistakes.iter().any(|m| m.code == "config/syntax"), "{errors}");
        let last: Vec<&str> = lines[lines.len() - 2..].iter().map(String::as_str).collect();
        assert_eq!(last[0], "-c topology.debug=maybe: topology.debug must be true or false, found the text \"maybe\"");
        assert!(last[1].starts_with("-c nonsense: an option must read KEY=VALUE"));
    }

    #[test]
    fn files_that_are_no_configuration_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let code = |text: &[u8]| {
            let mut o = options(dir.path(), "", &[]);
            std::fs::write(o.file.as_ref().unwrap(), text).unwrap();
            o.daemon = true;
            load(&o).unwrap_err().mistakes[0].code
        };
        assert_eq!(code(b"- a\n- b\n"), "config/map-expected");
        assert_eq!(code(b"a: 1\n---\nb: 2\n"), "config/documents");
        let missing = LoadOptions { file: Some("no/such/../file.yaml".into()), ..LoadOptions::default() };
        let mistake = &load(&missing).unwrap_err().mistakes[0];
        assert_eq!(mistake.code, "config/unreadable");
        assert!(mistake.to_string().starts_with('/'), "{mistake}");
    }

    #[test]
    fn what_apache_storm_starts_with_starts_here_with_a_warning() {
        let dir = tempfile::tempdir().unwrap();
        let options = options(dir.path(), "", &["b=2"]);
        let text = b"ui.port: 80\nui.port: \"x\"\nui.port: 81\na: \xff\nb: 2001-12-14\nc: .inf\n1: 2\n";
        std::fs::write(options.file.as_ref().unwrap(), text).unwrap();
        let loaded = load_from(&options).unwrap();
        let codes: Vec<_> = loaded.warnings.iter().map(|m| m.code).collect();
        let twice = "config/duplicate-key";
        assert_eq!(codes, [twice, twice, "config/encoding", "config/date", "config/number", "config/key"]);
        assert_eq!(loaded.conf.int("ui.port"), Some(81));
        let origin = |key: &str| loaded.origins.get(key).map(Place::to_string).unwrap_or_default();
        assert_eq!(origin("ui.port"), format!("{}:3:1", loaded.file.as_ref().unwrap().display()));
        assert_eq!((origin("b"), origin("ui.title")), ("-c b=2".to_owned(), String::new()));
    }

    #[test]
    fn a_file_behind_c_is_told_apart_from_a_setting() {
        let options = LoadOptions { overrides: vec!["./storm.yaml".into()], ..LoadOptions::default() };
        let fix = load(&options).unwrap_err().mistakes[0].fix.clone();
        assert_eq!(fix.as_deref(), Some("a file is named by --config ./storm.yaml"));
    }
}
