//! Defaults, then one file, then `-c` options: Storm's precedence, with every mistake reported at once.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::keys;
use crate::mistake::{ConfErrors, Mistake, Place};
use crate::places::{self, Environment, Reader};
use crate::yaml::{self, Entry, Kind};
use crate::{Conf, hostname};

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

/// What was read, and from where.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub conf: Conf,
    /// `None` when there is no file: then the defaults (and `-c`) are all.
    pub file: Option<PathBuf>,
}

/// Loads a configuration by Storm's precedence.
pub fn load(options: &LoadOptions) -> Result<Conf, ConfErrors> {
    load_from(options).map(|l| l.conf)
}

/// [`load`], telling the file too.
pub fn load_from(options: &LoadOptions) -> Result<Loaded, ConfErrors> {
    let env = options.environment.clone().unwrap_or_else(Environment::of_process);
    let reader = if options.daemon { Reader::Daemon } else { options.reader };
    let file = match &options.file {
        Some(path) if path.is_dir() => Some(path.join("storm.yaml")),
        Some(path) => Some(path.clone()),
        None => places::find(reader, &env),
    };
    let mut conf = Conf::defaults();
    let mut mistakes = Vec::new();
    if let Some(path) = &file {
        lay_file(&mut conf, path, &mut mistakes);
    }
    for text in &options.overrides {
        lay_option(&mut conf, text, &mut mistakes);
    }
    if !mistakes.is_empty() {
        return Err(ConfErrors { mistakes });
    }
    if conf.str("storm.home").is_none() {
        let home = env.home();
        let home = std::path::absolute(&home).unwrap_or(home);
        conf.set("storm.home", home.to_string_lossy().into_owned());
    }
    Ok(Loaded { conf, file })
}

fn lay_file(conf: &mut Conf, path: &Path, mistakes: &mut Vec<Mistake>) {
    let at = |line, column| Place::File { path: path.to_owned(), line, column };
    let text = match std::fs::read(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(e) => {
                let good = &e.as_bytes()[..e.utf8_error().valid_up_to()];
                let line = 1 + good.iter().filter(|&&b| b == b'\n').count();
                let column = 1 + good.iter().rev().take_while(|&&b| b != b'\n').count();
                mistakes.push(Mistake {
                    code: "config/encoding",
                    place: at(line, column),
                    message: "the file is not UTF-8".into(),
                    found: None,
                    fix: Some("save it as UTF-8".into()),
                });
                return;
            }
        },
        Err(e) => {
            mistakes.push(Mistake {
                code: "config/unreadable",
                place: at(0, 0),
                message: format!("cannot read the configuration: {e}"),
                found: None,
                fix: Some("name another file with --config, or make this one readable".into()),
            });
            return;
        }
    };
    let (root, faults) = yaml::read(&text);
    let broken = faults.iter().any(|f| f.code == "config/syntax");
    let mut found: Vec<Mistake> = faults
        .into_iter()
        .map(|f| Mistake {
            code: f.code,
            place: at(f.mark.line, f.mark.column),
            message: f.message,
            found: None,
            fix: f.fix,
        })
        .collect();
    match root.map(|n| (n.mark, n.kind)) {
        None | Some((_, Kind::Scalar(Value::Null))) => {}
        Some((_, Kind::Map(entries))) => {
            for entry in entries {
                lay_entry(conf, entry, &at, &mut found);
            }
        }
        Some((mark, _)) if !broken => found.push(Mistake {
            code: "config/map-expected",
            place: at(mark.line, mark.column),
            message: "the file must be a list of KEY: VALUE lines".into(),
            found: None,
            fix: Some("begin with a line such as nimbus.seeds: [\"host1\"]".into()),
        }),
        Some(_) => {}
    }
    found.sort_by_key(|m| match m.place {
        Place::File { line, column, .. } => (line, column),
        Place::Option(_) => (0, 0),
    });
    mistakes.append(&mut found);
}

fn lay_entry(conf: &mut Conf, entry: Entry, at: &dyn Fn(usize, usize) -> Place, mistakes: &mut Vec<Mistake>) {
    let value = entry.value.to_value();
    let mark = entry.value.mark;
    if let Some(m) = misfit(&entry.key, &value, at(mark.line, mark.column)) {
        mistakes.push(m);
    }
    conf.set(&entry.key, value);
}

fn lay_option(conf: &mut Conf, text: &str, mistakes: &mut Vec<Mistake>) {
    let place = Place::Option(text.to_owned());
    let Some((key, value)) = text.split_once('=').filter(|(k, _)| !k.trim().is_empty()) else {
        mistakes.push(Mistake {
            code: "config/option",
            place,
            message: "an option must read KEY=VALUE".into(),
            found: None,
            fix: Some("for example -c nimbus.thrift.port=6627".into()),
        });
        return;
    };
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    mistakes.extend(misfit(key.trim(), &value, place));
    conf.set(key.trim(), value);
}

fn misfit(key: &str, value: &Value, place: Place) -> Option<Mistake> {
    let misfit = keys::kind(key)?.check(value)?;
    Some(Mistake {
        code: misfit.code,
        place,
        message: format!("{key} must be {}", misfit.expected),
        found: (!value.is_null()).then(|| describe(value)),
        fix: misfit.fix,
    })
}

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
        let text = "storm.zookeeper.servers: zk1\nui.port: \"80\"\nui.port: 81\n nimbus.seeds: [\n";
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
        assert!(errors.mistakes.iter().any(|m| m.code == "config/duplicate-key"), "{errors}");
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
        assert_eq!(code(b"a: \xff\n"), "config/encoding");
        assert_eq!(code(b"a: 1\n---\nb: 2\n"), "config/documents");
        let missing = LoadOptions { file: Some(dir.path().join("none.yaml")), ..LoadOptions::default() };
        assert_eq!(load(&missing).unwrap_err().mistakes[0].code, "config/unreadable");
    }
}
