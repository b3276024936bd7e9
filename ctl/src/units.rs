//! The units with which systemd keeps daemons of ours: those of the installation and of the package, and others of such names. What
//! systemd keeps is started and stopped through it, or it would not look after it any more.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::geteuid;

use crate::cli::Role;
use crate::exit::Exit;
use crate::failure::Failure;

/// There when systemd runs the machine.
const BOOTED: &str = "/run/systemd/system";
/// Where units of the system are, first those that count more.
const SYSTEM: [&str; 4] =
    ["/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    pub name: String,
    /// Of the systemd that runs services of this user.
    of_user: bool,
}

impl Unit {
    /// The one that starts this role with this storm.yaml.
    pub fn of(role: Role, storm_yaml: Option<&Path>) -> Option<Unit> {
        if !Path::new(BOOTED).is_dir() {
            return None;
        }
        let storm_yaml = storm_yaml?.canonicalize().ok()?;
        let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
        let config = config.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")));
        let of_user = config.map(|c| (c.join("systemd/user"), true));
        let folders = SYSTEM.map(|folder| (PathBuf::from(folder), false));
        folders.into_iter().chain(of_user).find_map(|(folder, of_user)| {
            let name = find(&folder, role, &storm_yaml)?;
            Some(Unit { name, of_user })
        })
    }

    /// Whether this process belongs to it.
    pub fn keeps(&self, pid: i32) -> bool {
        let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        groups.lines().any(|line| line.split('/').any(|part| part == self.name))
    }

    /// Whether who runs this may tell systemd what to do with it.
    pub fn is_ours(&self) -> bool {
        self.of_user || geteuid().is_root()
    }

    pub fn start(&self) -> Result<(), Failure> {
        self.told("start")
    }

    pub fn stop(&self) -> Result<(), Failure> {
        self.told("stop")
    }

    /// Whether it ended instead of serving: systemd may be about to start it once more.
    pub fn has_failed(&self) -> bool {
        let output = self.systemctl(&["show", "--property=ActiveState,SubState", "--value"]).output();
        let text = output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
        text.lines().any(|state| matches!(state, "failed" | "auto-restart"))
    }

    fn systemctl(&self, words: &[&str]) -> Command {
        let mut command = Command::new("systemctl");
        if self.of_user {
            command.arg("--user");
        }
        command.arg("--no-ask-password").args(words).arg(&self.name);
        command
    }

    fn told(&self, what: &str) -> Result<(), Failure> {
        let failed = |exit, why: &str| {
            let failure = Failure::new(exit, "start/systemd", format!("systemd does not {what} {}", self.name));
            why.lines().filter(|l| !l.trim().is_empty()).fold(failure, Failure::evidence)
        };
        if !self.is_ours() {
            return Err(failed(Exit::Refused, "it is the system's, and only root may")
                .hint(format!("sudo systemctl {what} {}", self.name)));
        }
        let output = self.systemctl(&[what]).output();
        let output = output.map_err(|e| failed(Exit::Failed, &format!("systemctl: {e}")))?;
        if output.status.success() {
            return Ok(());
        }
        let mut hint = String::from("systemctl ");
        if self.of_user {
            hint.push_str("--user ");
        }
        Err(failed(Exit::Failed, &String::from_utf8_lossy(&output.stderr)).hint(format!("{hint}status {}", self.name)))
    }
}

/// The name of the unit in a folder that starts this role with this file.
fn find(folder: &Path, role: Role, storm_yaml: &Path) -> Option<String> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let mut names: Vec<String> = entries.filter_map(|e| e.file_name().into_string().ok()).collect();
    names.retain(|name| name.contains("storm") && name.ends_with(".service"));
    names.sort();
    names.into_iter().find(|name| {
        let text = fs::read_to_string(folder.join(name)).unwrap_or_default();
        text.lines().filter_map(|line| line.strip_prefix("ExecStart=")).any(|line| starts(line, role, storm_yaml))
    })
}

/// Whether a command line is `stormctl --config FILE ROLE ...`.
fn starts(line: &str, role: Role, storm_yaml: &Path) -> bool {
    let words = words(line.trim_start_matches(['-', '@', ':', '+', '!']));
    let Some(config) = words.iter().position(|w| w == "--config").and_then(|at| words.get(at + 1)) else {
        return false;
    };
    let is_stormctl = words.first().is_some_and(|w| Path::new(w).file_name().is_some_and(|n| n == "stormctl"));
    is_stormctl
        && words.iter().any(|w| w == role.verb())
        && Path::new(config).canonicalize().is_ok_and(|path| path == storm_yaml)
}

/// The words of a command line in a unit, where quotes hold them together and `%` and `$` are written twice.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut there) = (Vec::new(), String::new(), None, false);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => word.extend(chars.next()),
            '%' | '$' => {
                word.push(c);
                if chars.as_str().starts_with(c) {
                    chars.next();
                }
            }
            c if quote == Some(c) => quote = None,
            '"' | '\'' if quote.is_none() => {
                quote = Some(c);
                there = true;
            }
            c if c.is_whitespace() && quote.is_none() => {
                if there || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                there = false;
            }
            c => word.push(c),
        }
    }
    if there || !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_of_a_role_is_the_one_that_starts_it_with_this_file() {
        let dir = tempfile::tempdir().unwrap();
        let yaml = dir.path().join("a $b% \"c.yaml");
        fs::write(&yaml, "").unwrap();
        let quoted = yaml.display().to_string().replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
        let unit =
            |verb: &str| format!("[Service]\nExecStart=/x/bin/stormctl --config \"{quoted}\" {verb} --log-file /l\n");
        fs::write(dir.path().join("storm-a-nimbus.service"), unit("nimbus")).unwrap();
        fs::write(dir.path().join("storm-a-zookeeper.service"), unit("dev-zookeeper")).unwrap();
        fs::write(dir.path().join("storm-b-nimbus.service"), unit("nimbus").replace("$$b", "$$x")).unwrap();
        let found = |role| find(dir.path(), role, &yaml);
        assert_eq!(found(Role::Nimbus).as_deref(), Some("storm-a-nimbus.service"));
        assert_eq!(found(Role::Zookeeper).as_deref(), Some("storm-a-zookeeper.service"));
        assert_eq!(found(Role::Supervisor), None);
    }

    #[test]
    fn a_process_belongs_to_the_unit_in_its_control_group() {
        let own = fs::read_to_string("/proc/self/cgroup").unwrap();
        let unit = |name: &str| Unit { name: name.to_owned(), of_user: false };
        let pid = std::process::id() as i32;
        assert!(!unit("storm-no-such.service").keeps(pid));
        for part in own.lines().flat_map(|l| l.split('/').skip(1)).filter(|p| !p.is_empty()) {
            assert!(unit(part).keeps(pid), "{part} in {own}");
        }
    }
}
