//! One machine whose daemons a real systemd keeps: it starts them, starts them again, and brings them back after a power cut.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use storm_tests::built::stormctl;
use storm_tests::process::{Finished, Nest};
use storm_tests::systemd::Systemd;
use storm_tests::wait::{wait_for, wait_until};

use super::LIMIT;

const ROLES: [&str; 5] = ["zookeeper", "nimbus", "supervisor", "ui", "logviewer"];
/// A daemon is started again after two seconds.
const AGAIN: Duration = Duration::from_secs(30);

/// Where the systemd of an account listens.
const RUNTIME: &str = "/run/user/65534";

fn unit(role: &str) -> String {
    format!("storm-kept-{role}.service")
}

struct Machine<'a> {
    nest: &'a Nest,
    systemd: Systemd<'a>,
    dir: PathBuf,
}

impl<'a> Machine<'a> {
    /// Daemons of another account than ours go in and out.
    fn boot(nest: &'a Nest, dir: &str) -> Machine<'a> {
        let home = nest.dir().join("home");
        fs::create_dir(&home).expect("made");
        for (path, mode) in [(nest.dir(), 0o755), (&home, 0o777)] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("changed");
        }
        Machine { nest, systemd: Systemd::boot(nest), dir: nest.dir().join(dir) }
    }

    fn finish(&self, mut command: Command) -> Finished {
        command.env("HOME", self.nest.dir().join("home")).current_dir("/");
        for variable in ["STORM_CONF_DIR", "STORM_CONF_FILE", "STORM_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"] {
            command.env_remove(variable);
        }
        self.nest.run(command)
    }

    fn run(&self, args: &[&str]) -> Finished {
        self.finish(self.systemd.command(stormctl(), args))
    }

    /// As the account whose daemons they are.
    fn as_nobody(&self, words: &[&str]) -> Finished {
        let mut command = self.systemd.command("setpriv", &["--reuid=nobody", "--regid=nogroup", "--clear-groups"]);
        command.args(words).env("XDG_RUNTIME_DIR", RUNTIME);
        self.finish(command)
    }

    fn stormctl_as_nobody(&self, args: &[&str]) -> Finished {
        let program = self.dir.join("bin/stormctl").display().to_string();
        let config = self.dir.join("conf/storm.yaml").display().to_string();
        self.as_nobody(&[&[&program, "--config", &config], args].concat())
    }

    /// The process that systemd knows as a daemon.
    fn pid(&self, role: &str) -> u32 {
        self.systemd.property(&unit(role), "MainPID").parse().expect("a pid")
    }

    fn state(&self, role: &str) -> String {
        self.systemd.property(&unit(role), "ActiveState")
    }

    fn status(&self) -> Vec<Value> {
        let printed = self.run(&["status", "-o", "jsonl"]).stdout;
        printed.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect()
    }

    /// Another process than this one is the daemon, and serves.
    fn comes_again(&self, role: &str, before: u32) {
        wait_until(AGAIN, &format!("{role} to come again"), || {
            let pid = self.pid(role);
            let serves = |line: &Value| line["role"] == role && line["pid"] == pid && line["address"].is_string();
            pid != 0 && pid != before && self.status().iter().any(serves)
        });
    }

    fn worker(&self) -> Option<u64> {
        let seen: Value = serde_json::from_str(&self.run(&["jps", "-o", "json"]).ok()).expect("JSON");
        let workers = seen["items"].as_array()?.iter().filter(|p| p["role"] == "worker" && p["topology"].is_string());
        workers.filter_map(|p| p["pid"].as_u64()).next()
    }
}

#[test]
fn systemd_keeps_the_daemons() {
    let nest = Nest::new();
    let mut machine = Machine::boot(&nest, "opt/my storm");
    let place = machine.dir.display().to_string();
    // P074: daemons of an account that gets nowhere are not installed.
    fs::set_permissions(nest.dir(), fs::Permissions::from_mode(0o700)).expect("changed");
    let shut = machine.run(&["install", "single", "--name", "kept", "--user", "nobody", "--dir", &place]);
    assert_eq!(shut.status.code(), Some(10), "{shut:?}");
    let said = format!("nobody cannot enter {}", nest.dir().display());
    assert!(shut.stdout.contains("account/path") && shut.stdout.contains(&said), "{shut:?}");
    fs::set_permissions(nest.dir(), fs::Permissions::from_mode(0o755)).expect("changed");
    machine.run(&["install", "single", "--name", "kept", "--user", "nobody", "--dir", &place]).ok();
    for role in ROLES {
        let of = |name| machine.systemd.property(&unit(role), name);
        assert_eq!((of("ActiveState"), of("UnitFileState")), ("active".to_owned(), "enabled".to_owned()), "{role}");
    }
    let status = machine.status();
    for role in ROLES {
        let line = status.iter().find(|l| l["role"] == role).expect("listed");
        let told = (line["state"].as_str(), line["unit"].as_str(), line["pid"].as_u64());
        assert_eq!(told, (Some("running"), Some(unit(role).as_str()), Some(machine.pid(role).into())));
    }
    for (name, value) in [("OOMPolicy", "continue"), ("TasksMax", "infinity"), ("KillMode", "process")] {
        assert_eq!(machine.systemd.property(&unit("supervisor"), name), value);
    }

    // One that dies comes again.
    let nimbus = machine.pid("nimbus");
    machine.finish(machine.systemd.command("kill", &["-9", &nimbus.to_string()])).ok();
    machine.comes_again("nimbus", nimbus);

    // What is typed goes through systemd, so that it goes on looking after what was started.
    machine.run(&["stop", "nimbus"]).ok();
    assert_eq!(machine.state("nimbus"), "inactive");
    machine.run(&["start", "nimbus"]).ok();
    assert_eq!(machine.state("nimbus"), "active");
    let said = machine.run(&["-c", "ui.title=x", "restart", "ui"]);
    assert!(said.status.code() == Some(2) && said.stderr.contains("start/settings"), "{said:?}");
    assert_eq!(machine.state("ui"), "active", "nothing was stopped for it");

    // A worker goes on while its supervisor restarts.
    let topology = nest.dir().join("t.yaml");
    let text = nest.dir().join("text.txt");
    fs::write(&text, "to be or not to be\n").expect("written");
    let flux = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/wordcount.yaml");
    let flux = fs::read_to_string(flux).expect("there");
    let counts = nest.dir().join("home/counts.tsv");
    let flux = flux
        .replace("../README.md", &text.display().to_string())
        .replace("/tmp/wordcount.tsv", &counts.display().to_string());
    fs::write(&topology, flux).expect("written");
    machine.run(&["submit", &topology.display().to_string()]).ok();
    let worker = wait_for(LIMIT, "a worker", || machine.worker());
    let supervisor = machine.pid("supervisor");
    machine.run(&["restart", "supervisor"]).ok();
    assert_ne!(machine.pid("supervisor"), supervisor);
    assert_eq!(machine.worker(), Some(worker));

    // Whose daemons they are may have them started again, and not started from nothing.
    let nimbus = machine.pid("nimbus");
    machine.stormctl_as_nobody(&["restart", "nimbus"]).ok();
    machine.comes_again("nimbus", nimbus);
    machine.stormctl_as_nobody(&["stop", "nimbus"]).ok();
    wait_until(AGAIN, "systemd to see that it was stopped", || machine.state("nimbus") == "inactive");
    let refused = machine.stormctl_as_nobody(&["start", "nimbus"]);
    assert_eq!(refused.status.code(), Some(7), "{refused:?}");
    assert!(refused.stderr.contains("sudo systemctl start storm-kept-nimbus.service"), "{refused:?}");
    machine.run(&["start", "nimbus"]).ok();

    // After a power cut everything is as it was.
    machine.systemd.power_off();
    machine.systemd.power_on();
    wait_until(LIMIT, "the topology to work again", || {
        let listed = machine.run(&["list", "-o", "json"]);
        listed.stdout.contains("\"status\": \"ACTIVE\"") && machine.worker().is_some()
    });
    for role in ROLES {
        assert_eq!(machine.state(role), "active", "{role}");
    }

    machine.run(&["uninstall", "kept", "--confirm=kept"]).ok();
    let left = machine
        .finish(machine.systemd.command("systemctl", &["list-units", "--all", "--plain", "--no-legend", "storm-*"]));
    assert_eq!(left.stdout, "", "{left:?}");
    let units: Vec<_> = fs::read_dir(&machine.systemd.units).expect("a folder").flatten().map(|e| e.path()).collect();
    let files: Vec<_> = units.iter().filter(|p| p.is_file() || p.is_symlink()).collect();
    assert!(files.is_empty() && !machine.dir.exists(), "{units:?}");
}

#[test]
fn systemd_of_an_account_keeps_the_daemons() {
    let nest = Nest::new();
    let machine = Machine::boot(&nest, "home/storm");
    // What logind does at a login.
    let home = nest.dir().join("home");
    let service = format!(
        "[Service]\nType=notify\nNotifyAccess=all\nUser=nobody\nGroup=nogroup\nDelegate=yes\nExecStart=/lib/systemd/systemd --user\n\
         Environment=HOME={} XDG_RUNTIME_DIR={RUNTIME}\nExecStartPre=+/usr/bin/install -d -o nobody -m 700 {RUNTIME}\n",
        home.display()
    );
    fs::write(machine.systemd.units.join("user.service"), service).expect("written");
    machine.finish(machine.systemd.command("systemctl", &["start", "user.service"])).ok();
    let program = stormctl().display().to_string();
    let run = |args: &[&str]| machine.as_nobody(&[&[program.as_str()], args].concat());
    let active = |role: &str| {
        let unit = unit(role);
        machine.as_nobody(&["systemctl", "--user", "is-active", &unit]).stdout.trim() == "active"
    };

    let done = run(&["install", "single", "--name", "kept", "--dir", &machine.dir.display().to_string(), "--no-check"]);
    assert!(done.status.success(), "{done:?}");
    assert!(
        done.stderr.contains("service/linger") && done.stderr.contains("loginctl enable-linger nobody"),
        "{done:?}"
    );
    assert!(ROLES.into_iter().all(active));
    run(&["restart", "nimbus"]).ok();
    assert!(active("nimbus"));
    run(&["stop", "nimbus"]).ok();
    assert!(!active("nimbus"));
    run(&["start", "nimbus"]).ok();
    assert!(active("nimbus"));
    run(&["uninstall", "kept", "--confirm=kept"]).ok();
    assert!(!ROLES.into_iter().any(active) && !machine.dir.exists());
}
