//! Where the configuration file and the home are.

use std::path::{Path, PathBuf};

/// The environment that decides, taken apart from the process so that tests can say what it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    pub user_home: Option<PathBuf>,
    /// `STORM_CONF_FILE`: one file, as `--config` (a daemon hands its own to its children this way).
    pub conf_file: Option<PathBuf>,
    /// `STORM_CONF_DIR`.
    pub conf_dir: Option<PathBuf>,
    /// `STORM_HOME`.
    pub storm_home: Option<PathBuf>,
    /// `XDG_STATE_HOME`, or `~/.local/state`.
    pub state_dir: Option<PathBuf>,
    /// `XDG_CACHE_HOME`, or `~/.cache`.
    pub cache_dir: Option<PathBuf>,
    /// The running program.
    pub program: Option<PathBuf>,
    /// The machine's own configuration file, which comes with the Debian package.
    pub machine_conf: Option<PathBuf>,
}

impl Environment {
    pub fn of_process() -> Environment {
        let path = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let user_home = path("HOME");
        Environment {
            state_dir: path("XDG_STATE_HOME").or_else(|| user_home.as_ref().map(|h| h.join(".local/state"))),
            cache_dir: path("XDG_CACHE_HOME").or_else(|| user_home.as_ref().map(|h| h.join(".cache"))),
            user_home,
            conf_file: path("STORM_CONF_FILE"),
            conf_dir: path("STORM_CONF_DIR"),
            storm_home: path("STORM_HOME"),
            program: std::env::current_exe().ok(),
            machine_conf: Some(PathBuf::from("/etc/stormctl/storm.yaml")),
        }
    }

    /// `STORM_HOME`, else the folder above the program's `bin`, else a folder of our own under the user's state.
    pub fn home(&self) -> PathBuf {
        if let Some(home) = &self.storm_home {
            return home.clone();
        }
        let bin = self.program.as_deref().and_then(Path::parent);
        if let Some(bin) = bin
            && bin.file_name().is_some_and(|n| n == "bin")
            && let Some(home) = bin.parent()
        {
            return home.to_owned();
        }
        self.own_state().unwrap_or_else(|| PathBuf::from("."))
    }

    /// Where this program keeps what it must remember between runs.
    pub fn own_state(&self) -> Option<PathBuf> {
        Some(self.state_dir.as_ref()?.join("storm"))
    }

    /// Where it keeps what it can have again, such as archives that it has fetched.
    pub fn own_cache(&self) -> Option<PathBuf> {
        Some(self.cache_dir.as_ref()?.join("storm"))
    }

    /// The file that names the configuration of the cluster that `quickstart --keep` left running.
    pub fn current_cluster(&self) -> Option<PathBuf> {
        Some(self.own_state()?.join("current-cluster"))
    }
}

/// Who asks: each looks in other places, as in Storm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reader {
    /// A client command: `~/.storm/storm.yaml` comes first.
    #[default]
    Client,
    /// A daemon never reads the user's own file.
    Daemon,
    /// Start, stop and status of this machine's daemons: not the user's own file, but the kept quickstart cluster.
    Operator,
}

/// A file that is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub path: PathBuf,
    /// Why it is looked for, such as `STORM_CONF_DIR`.
    pub why: &'static str,
    pub exists: bool,
}

/// The files that are looked for when none was named, in order; the first that exists is read, and no other.
pub fn candidates(reader: Reader, env: &Environment) -> Vec<Candidate> {
    if let Some(path) = &env.conf_file {
        // It was named, so it is read or the command fails.
        return vec![Candidate { path: path.clone(), why: "STORM_CONF_FILE", exists: true }];
    }
    let mut places = Vec::new();
    if reader == Reader::Client {
        places.extend(env.user_home.as_ref().map(|h| (h.join(".storm/storm.yaml"), "the user's own")));
    }
    places.extend(env.conf_dir.as_ref().map(|d| (d.join("storm.yaml"), "STORM_CONF_DIR")));
    if reader != Reader::Daemon {
        let kept = env.current_cluster().and_then(|p| pointed_at(&p));
        places.extend(kept.map(|p| (p, "the cluster that quickstart has kept")));
    }
    places.push((env.home().join("conf/storm.yaml"), "the installation's"));
    places.extend(env.machine_conf.iter().map(|p| (p.clone(), "the machine's")));
    places.into_iter().map(|(path, why)| Candidate { exists: path.is_file(), path, why }).collect()
}

/// The file to read when none was named, and `None` when there is none: the defaults are a configuration too.
pub fn find(reader: Reader, env: &Environment) -> Option<PathBuf> {
    candidates(reader, env).into_iter().find(|c| c.exists).map(|c| c.path)
}

fn pointed_at(pointer: &Path) -> Option<PathBuf> {
    let text = std::fs::read_to_string(pointer).ok()?;
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| PathBuf::from(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }

    #[test]
    fn the_order_is_storms_and_a_daemon_skips_the_users_file() {
        let dir = tempfile::tempdir().unwrap();
        let d = dir.path();
        let env = Environment {
            user_home: Some(d.join("user")),
            conf_dir: Some(d.join("etc")),
            state_dir: Some(d.join("state")),
            program: Some(d.join("storm/bin/stormctl")),
            ..Environment::default()
        };
        assert_eq!(find(Reader::Client, &env), None);
        let env = Environment { machine_conf: Some(d.join("etc/stormctl.yaml")), ..env };
        touch(&d.join("etc/stormctl.yaml"));
        for reader in [Reader::Client, Reader::Operator, Reader::Daemon] {
            assert_eq!(find(reader, &env), Some(d.join("etc/stormctl.yaml")));
        }
        touch(&d.join("storm/conf/storm.yaml"));
        assert_eq!(find(Reader::Client, &env), Some(d.join("storm/conf/storm.yaml")));
        touch(&d.join("kept/storm.yaml"));
        touch(&d.join("state/storm/current-cluster"));
        std::fs::write(d.join("state/storm/current-cluster"), d.join("kept/storm.yaml").to_str().unwrap()).unwrap();
        assert_eq!(find(Reader::Client, &env), Some(d.join("kept/storm.yaml")));
        assert_eq!(find(Reader::Operator, &env), Some(d.join("kept/storm.yaml")));
        assert_eq!(find(Reader::Daemon, &env), Some(d.join("storm/conf/storm.yaml")));
        touch(&d.join("etc/storm.yaml"));
        assert_eq!(find(Reader::Client, &env), Some(d.join("etc/storm.yaml")));
        touch(&d.join("user/.storm/storm.yaml"));
        assert_eq!(find(Reader::Client, &env), Some(d.join("user/.storm/storm.yaml")));
        assert_eq!(find(Reader::Daemon, &env), Some(d.join("etc/storm.yaml")));
        let env = Environment { conf_file: Some(d.join("one.yaml")), ..env };
        assert_eq!(find(Reader::Client, &env), Some(d.join("one.yaml")));
    }
}
