//! An Apache Storm that is there already: what it is, what it is configured for, what an operator should know. Read only.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use storm_conf::LoadOptions;

use crate::{Kind, Trouble};

/// What differs between releases for those who run them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Era {
    /// Before 0.9: ZeroMQ, and jars of the name `storm-VERSION.jar`.
    Zeromq,
    /// 0.9 and 0.10: Netty, packages `backtype.storm`, one Nimbus.
    Backtype,
    /// 1.x: packages `org.apache.storm`, several Nimbuses.
    One,
    /// From 2.0.
    Two,
}

impl Era {
    pub fn words(self) -> &'static str {
        match self {
            Era::Zeromq => "before 0.9: workers speak ZeroMQ, which must be installed on every host",
            Era::Backtype => "0.9 or 0.10: workers speak Netty, classes are in backtype.storm, there is one Nimbus",
            Era::One => "1.x: classes are in org.apache.storm, there may be several Nimbuses",
            Era::Two => "2.x: the wire and the disk of this stormctl",
        }
    }

    /// Whether this stormctl can talk to its daemons.
    pub fn is_ours(self) -> bool {
        self == Era::Two
    }
}

/// Something that an operator should know, with its place and the way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    pub code: &'static str,
    pub place: String,
    pub message: String,
    pub hint: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Adopted {
    /// Without links.
    pub home: PathBuf,
    pub version: String,
    pub era: Era,
    /// The configuration that its daemons read.
    pub storm_yaml: PathBuf,
    /// Where `storm` clients of its user look first.
    pub user_yaml: Option<PathBuf>,
    pub nimbus: Vec<String>,
    pub nimbus_port: i64,
    pub zookeeper: Vec<String>,
    pub local_dir: PathBuf,
    pub log_dir: PathBuf,
    pub slots: Vec<i64>,
    pub notes: Vec<Note>,
}

/// The version that a release says of itself, or that its jars carry.
fn version(home: &Path) -> Option<(String, Era)> {
    let said = fs::read_to_string(home.join("RELEASE")).ok().map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
    let mut jars = Vec::new();
    for folder in [home.to_owned(), home.join("lib"), home.join("lib-worker")] {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        jars.extend(entries.map(|e| e.file_name().to_string_lossy().into_owned()));
    }
    let of = |prefix: &str| {
        let jar = jars.iter().find_map(|j| j.strip_prefix(prefix)?.strip_suffix(".jar"));
        jar.filter(|v| v.starts_with(|c: char| c.is_ascii_digit())).map(str::to_owned)
    };
    let version = of("storm-client-").or_else(|| of("storm-core-")).or_else(|| of("storm-")).or(said)?;
    let mut numbers = version.split(['.', '-']).map(|n| n.parse::<u32>().unwrap_or_default());
    let era = match (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default()) {
        (0, ..9) => Era::Zeromq,
        (0, _) => Era::Backtype,
        (1, _) => Era::One,
        _ => Era::Two,
    };
    Some((version, era))
}

/// Reads an installation; `user_home` is that of its user.
pub fn read(home: &Path, user_home: Option<&Path>) -> Result<Adopted, Trouble> {
    let no = |what: String| {
        Trouble::new(Kind::Missing, "adopt/no-storm", "this is no installation of Apache Storm")
            .at(what)
            .hint("name the folder of a release, which has bin/storm, conf/storm.yaml and lib/storm-*.jar")
    };
    // A link that names the current release is what people have in /opt.
    let home = fs::canonicalize(home).map_err(|e| no(format!("{}: {e}", home.display())))?;
    let Some((version, era)) = version(&home) else {
        return Err(no(format!("{} has neither RELEASE nor lib/storm-*.jar", home.display())));
    };
    let folder = std::env::var_os("STORM_CONF_DIR").filter(|v| !v.is_empty()).map(PathBuf::from);
    let storm_yaml = [folder.unwrap_or_else(|| home.join("conf")), home.join("conf")]
        .map(|d| d.join("storm.yaml"))
        .into_iter()
        .find(|f| f.is_file())
        .ok_or_else(|| no(format!("{} is not there", home.join("conf/storm.yaml").display())))?;
    let overrides = vec![format!("storm.home={}", home.display())];
    let options = LoadOptions { file: Some(storm_yaml.clone()), overrides, ..LoadOptions::default() };
    let loaded = storm_conf::load_from(&options).map_err(|errors| {
        let trouble = Trouble::new(Kind::Wanted, "adopt/config", "its configuration has mistakes");
        errors.mistakes.iter().fold(trouble, |t, m| t.at(m.to_string()))
    })?;
    let conf = &loaded.conf;
    let mut notes = Vec::new();
    let place =
        |key: &str| loaded.origins.get(key).map_or_else(|| storm_yaml.display().to_string(), ToString::to_string);
    let mut note = |code, key: &str, message: String, hint: Option<String>| {
        notes.push(Note { code, place: place(key), message, hint });
    };
    let mut nimbus = conf.strings("nimbus.seeds");
    if let Some(host) = conf.str("nimbus.host") {
        let seeds = loaded.origins.contains_key("nimbus.seeds");
        let message = match (era, seeds) {
            (Era::Zeromq | Era::Backtype, _) => format!("nimbus.host names the one Nimbus, {host}"),
            (_, true) => format!("nimbus.host ({host}) is from before 1.0; nimbus.seeds is in force"),
            (_, false) => format!("nimbus.host ({host}) is from before 1.0, and is all that names a Nimbus"),
        };
        let hint =
            matches!(era, Era::One | Era::Two).then(|| format!("set nimbus.seeds: [{host:?}] and remove nimbus.host"));
        note("adopt/nimbus-host", "nimbus.host", message, hint);
        if !seeds {
            nimbus = vec![host.to_owned()];
        }
    }
    for (key, value) in conf.map() {
        let old = value.to_string();
        if old.contains("backtype.storm.") && era.is_ours() {
            let hint = Some("write org.apache.storm. for backtype.storm.".to_owned());
            note("adopt/backtype", key, format!("{key} names a class of before 1.0"), hint);
        }
        if key.starts_with("zmq.") || key == "storm.messaging.transport" && old.contains("zmq") {
            note("adopt/zeromq", key, format!("{key} is for ZeroMQ, which came before Netty (0.9)"), None);
        }
    }
    let user_yaml = user_home.map(|h| h.join(".storm/storm.yaml")).filter(|f| f.is_file());
    if let Some(file) = &user_yaml {
        notes.push(Note {
            code: "adopt/user-file",
            place: file.display().to_string(),
            message: "client commands of this user read this file and not that of the installation".to_owned(),
            hint: Some(format!("stormctl config diff {} {}", file.display(), storm_yaml.display())),
        });
    }
    if !era.is_ours() {
        notes.push(Note {
            code: "adopt/era",
            place: home.display().to_string(),
            message: format!("{version} is {}", era.words()),
            hint: Some(
                "its configuration and processes can be looked at; its cluster speaks an older protocol".to_owned(),
            ),
        });
    }
    if conf.local_dir().starts_with("/tmp") {
        notes.push(Note {
            code: "adopt/tmp",
            place: place_of(&loaded, "storm.local.dir", &storm_yaml),
            message: format!("{} is cleaned by the system after some days", conf.local_dir().display()),
            hint: Some("move storm.local.dir to /var/lib".to_owned()),
        });
    }
    Ok(Adopted {
        version,
        era,
        nimbus,
        nimbus_port: conf.int("nimbus.thrift.port").unwrap_or(6627),
        zookeeper: conf.strings("storm.zookeeper.servers"),
        local_dir: conf.local_dir(),
        log_dir: conf.log_dir(),
        slots: conf.ints("supervisor.slots.ports"),
        user_yaml,
        storm_yaml,
        home,
        notes,
    })
}

fn place_of(loaded: &storm_conf::Loaded, key: &str, file: &Path) -> String {
    loaded.origins.get(key).map_or_else(|| file.display().to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(jar: &str, yaml: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["lib", "conf", "bin"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        fs::write(dir.path().join("lib").join(jar), "").unwrap();
        fs::write(dir.path().join("conf/storm.yaml"), yaml).unwrap();
        dir
    }

    #[test]
    fn releases_are_told_apart_by_their_jars() {
        for (jar, era) in [
            ("storm-0.8.2.jar", Era::Zeromq),
            ("storm-core-0.9.7.jar", Era::Backtype),
            ("storm-core-1.2.4.jar", Era::One),
            ("storm-client-2.8.3.jar", Era::Two),
        ] {
            let dir = home(jar, "nimbus.seeds: [n1]\n");
            let adopted = read(dir.path(), None).unwrap();
            assert_eq!((adopted.era, adopted.nimbus.as_slice()), (era, &["n1".to_owned()][..]), "{jar}");
        }
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(read(empty.path(), None).unwrap_err().code, "adopt/no-storm");
    }

    #[test]
    fn what_is_old_in_the_configuration_is_told_with_its_line() {
        let yaml = "nimbus.host: n1\nstorm.messaging.transport: backtype.storm.messaging.zmq\nzmq.threads: 1\n";
        let dir = home("storm-client-2.8.3.jar", yaml);
        let user = tempfile::tempdir().unwrap();
        fs::create_dir(user.path().join(".storm")).unwrap();
        fs::write(user.path().join(".storm/storm.yaml"), "").unwrap();
        let adopted = read(dir.path(), Some(user.path())).unwrap();
        let codes: Vec<&str> = adopted.notes.iter().map(|n| n.code).collect();
        let wanted = ["adopt/nimbus-host", "adopt/backtype", "adopt/zeromq", "adopt/zeromq", "adopt/user-file"];
        assert!(wanted.iter().all(|w| codes.contains(w)), "{codes:?}");
        let host = adopted.notes.iter().find(|n| n.code == "adopt/nimbus-host").unwrap();
        assert!(host.place.ends_with("conf/storm.yaml:1:1"), "{}", host.place);
        assert_eq!(adopted.nimbus, ["n1"]);
    }
}
