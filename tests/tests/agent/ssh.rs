//! Hosts without an agent, asked through a real `sshd`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use serde_json::{Value, json};
use storm_agent::Purpose;
use storm_agent::authority::{Authority, Wanted};
use storm_tests::built::stormctl;
use storm_tests::ports::free_port;
use storm_tests::process::{Finished, Nest};
use storm_tests::sshd::SshHosts;
use storm_tests::terminal::Terminal;
use storm_tests::wait::wait_until;

use super::{LIMIT, wait_for_line};

/// Hosts with a root of their own that ssh gets to, and the machine from which they are asked.
struct Away {
    nest: Nest,
    hosts: SshHosts,
    agent_port: u16,
    own: PathBuf,
}

impl Away {
    fn new(count: u8) -> Away {
        let nest = Nest::new();
        let hosts = SshHosts::start(&nest, count);
        let agent_port = free_port();
        let own = nest.dir().join("own");
        fs::create_dir_all(&own).expect("made");
        let away = Away { nest, hosts, agent_port, own };
        for host in &away.hosts.hosts {
            let root = host.home.join("storm");
            for folder in ["bin", "conf", "logs"] {
                fs::create_dir_all(root.join(folder)).expect("made");
            }
            symlink(stormctl(), root.join("bin/stormctl")).expect("a link");
            let conf = format!(
                "storm.home: {}\nstorm.local.hostname: {}\nstorm.local.dir: local\nstormctl.roles: [zookeeper]\n\
                 storm.zookeeper.servers: [{}]\nstorm.zookeeper.port: {}\ndev.zookeeper.path: zk\nstormctl.agent.port: {agent_port}\n\
                 stormctl.agent.listen: {}\n",
                root.display(),
                host.address,
                host.address,
                free_port(),
                host.address,
            );
            fs::write(root.join("conf/storm.yaml"), conf).expect("written");
        }
        let ways: Vec<String> = away
            .hosts
            .hosts
            .iter()
            .map(|h| {
                let config = away.hosts.config.display();
                format!("\"{}\": {{config: {config}, port: {}, dir: ~/storm}}", h.address, h.port)
            })
            .collect();
        let names: Vec<String> = (0..count).map(|at| away.name(at.into())).collect();
        let conf = format!(
            "stormctl.agent.hosts: {names:?}\nnimbus.thrift.port: {}\nstormctl.ssh.hosts: {{{}}}\n",
            free_port(),
            ways.join(", ")
        );
        fs::write(away.own.join("storm.yaml"), conf).expect("written");
        away
    }

    fn command(&self, args: &[&str]) -> Command {
        self.with(&self.own.join("storm.yaml"), args)
    }

    fn with(&self, config: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(stormctl());
        command.arg("--config").arg(config).args(args).current_dir(self.nest.dir());
        for variable in ["STORM_CONF_DIR", "STORM_CONF_FILE", "STORM_HOME", "XDG_STATE_HOME", "NO_COLOR"] {
            command.env_remove(variable);
        }
        command.env("HOME", self.nest.dir());
        command
    }

    fn ask(&self, args: &[&str]) -> Finished {
        self.nest.run(self.command(args))
    }

    /// A command on a host.
    fn on(&self, host: usize, args: &[&str]) -> String {
        self.nest.run(self.with(&self.config(host), args)).ok()
    }

    fn config(&self, host: usize) -> PathBuf {
        self.root(host).join("conf/storm.yaml")
    }

    fn json(&self, args: &[&str]) -> Value {
        let done = self.ask(&[args, &["-o", "json"]].concat());
        serde_json::from_str(&done.stdout).unwrap_or_else(|e| panic!("{e}: {done:?}"))
    }

    fn root(&self, host: usize) -> PathBuf {
        self.hosts.hosts[host].home.join("storm")
    }

    /// As the one who asks calls it: with the port that its agent would have.
    fn name(&self, host: usize) -> String {
        format!("{}:{}", self.hosts.hosts[host].address, self.agent_port)
    }

    /// What ssh has begun on the hosts, and what was brought there.
    fn left(&self) -> Vec<String> {
        let mut left: Vec<String> = Vec::new();
        for pid in self.nest.processes() {
            let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default().replace('\0', " ");
            if line.contains("agent stdio") {
                left.push(line);
            }
        }
        for host in &self.hosts.hosts {
            let names = fs::read_dir(&host.home).expect("a home").map(|e| e.expect("an entry").file_name());
            left.extend(names.map(|n| n.to_string_lossy().into_owned()).filter(|n| n.starts_with("stormctl-")));
        }
        left
    }
}

#[test]
fn where_no_agent_answers_ssh_tells_processes_logs_and_configuration() {
    let away = Away::new(2);
    let (a, b) = (away.name(0), away.name(1));
    let log = |host: usize, second: u32, text: &str| {
        let line = format!("2026-08-02T10:00:{second:02}.000Z t main [INFO] {text}\n");
        fs::write(away.root(host).join("logs/nimbus.log"), line).expect("written");
    };
    log(0, 2, "second");
    log(1, 1, "first");
    let config = away.config(0);
    away.on(0, &["start"]);

    let shown = away.json(&["jps", "--hosts", "all"]);
    let server = |i: &Value| i["host"] == *a && i["role"] == "zookeeper" && i["config"] == *config.to_string_lossy();
    assert!(shown["items"].as_array().expect("items").iter().any(server), "{shown}");
    let hosts = json!([{"host": a, "ok": true, "via": "ssh"}, {"host": b, "ok": true, "via": "ssh"}]);
    assert_eq!(shown["hosts"], hosts);

    let texts = away.ask(&["logs", "nimbus", "--hosts", "all"]).ok();
    let order: Vec<bool> = texts.lines().filter(|l| l.contains("[INFO]")).map(|l| l.contains("first")).collect();
    assert_eq!(order, [true, false], "{texts}");

    let differs = away.json(&["config", "diff", &a, &b]);
    let keys: Vec<&Value> = differs["items"].as_array().expect("items").iter().map(|i| &i["key"]).collect();
    assert!(keys.contains(&&json!("storm.zookeeper.port")) && !keys.contains(&&json!("ui.port")), "{differs}");

    // Everything else that agents are asked goes the same way.
    let new = away.nest.dir().join("new.yaml");
    fs::write(&new, fs::read_to_string(&config).expect("read") + "ui.port: 8111\n").expect("written");
    away.ask(&["config", "push", &new.display().to_string(), "--hosts", &a, "--yes"]).ok();
    assert!(fs::read_to_string(&config).expect("read").contains("ui.port: 8111"));

    let mut command = away.command(&["tui", "processes"]);
    let mut dashboard = Terminal::spawn(&away.nest, command.env("TERM", "xterm-256color"), 160, 50);
    dashboard.wait_until(LIMIT, "the server of another host", |screen| {
        screen.contents().lines().any(|l| l.contains(&a) && l.contains("QuorumPeerMain"))
    });
    dashboard.type_in(":logs\r");
    dashboard.wait_for_text(LIMIT, "second");
    dashboard.type_in("q");
    assert!(dashboard.wait(LIMIT).success());

    // However who asks ends, nothing of it stays over there.
    let mut following =
        away.nest.spawn("following", away.command(&["logs", "nimbus", "--hosts", &a, "-f", "-o", "jsonl"]));
    wait_for_line(&following, "the log", |l| l["text"].as_str().is_some_and(|t| t.contains("second")));
    assert!(away.left().iter().any(|l| l.contains("agent stdio")));
    following.kill_nine();
    wait_until(LIMIT, "nothing to be left on the hosts", || away.left().is_empty());
    away.on(0, &["stop"]);
}

#[test]
fn the_program_is_brought_along_where_there_is_none_and_a_shut_door_is_named() {
    let mut away = Away::new(1);
    let a = away.name(0);
    fs::remove_file(away.root(0).join("bin/stormctl")).expect("removed");
    let shown = away.json(&["jps", "--hosts", &a]);
    assert_eq!(shown["hosts"], json!([{"host": a, "ok": true, "via": "ssh"}]));
    wait_until(LIMIT, "nothing to be left on the host", || away.left().is_empty());

    // Who does not want it, gets what agents say.
    let only = away.ask(&["-c", "stormctl.ssh.enable=false", "jps", "--hosts", &a]);
    assert!(only.stderr.contains("agent/no-certificate"), "{only:?}");
    let status = away.ask(&["agent", "status", "--hosts", &a]);
    assert!(status.stderr.contains("agent/no-certificate"), "agents are asked about themselves: {status:?}");

    let odd = away.ask(&["-c", "stormctl.ssh.hosts={\"x\": {\"prot\": 1}}", "jps", "--hosts", &a]);
    assert_eq!(odd.status.code(), Some(6), "{odd:?}");
    assert!(odd.stderr.contains("config/ssh-hosts") && odd.stderr.contains("prot"), "{odd:?}");

    // A configuration over there that cannot be read.
    let config = away.config(0);
    let good = fs::read_to_string(&config).expect("read");
    fs::write(&config, "nimbus.seeds: [\n").expect("written");
    let broken = away.ask(&["config", "diff", &a, &away.own.join("storm.yaml").display().to_string()]);
    assert!(broken.stderr.contains("conf/storm.yaml:"), "{broken:?}");
    fs::write(&config, good).expect("written");

    // The key is not taken; then nobody listens.
    let keys = away.nest.dir().join("host1/authorized_keys");
    let known = fs::read_to_string(&keys).expect("read");
    fs::write(&keys, "").expect("written");
    let refused = away.ask(&["jps", "--hosts", &a]);
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    assert!(refused.stderr.contains("Permission denied") && refused.stderr.contains("ssh-add"), "{refused:?}");
    fs::write(&keys, known).expect("written");
    away.hosts.hosts[0].stop();
    let gone = away.ask(&["jps", "--hosts", &a]);
    assert_eq!(gone.status.code(), Some(4), "{gone:?}");
    assert!(gone.stderr.contains("Connection refused") && gone.stderr.contains("start agent"), "{gone:?}");
}

#[test]
fn an_agent_that_answers_is_asked_and_one_that_is_not_trusted_is_not_gone_around() {
    let away = Away::new(1);
    let (a, address) = (away.name(0), &away.hosts.hosts[0].address);
    let now = SystemTime::now();
    let authority = Authority::create(&away.nest.dir().join("ca"), now).expect("an authority");
    let issue = |authority: &Authority, name: &str, purpose, dir: PathBuf| {
        let wanted = Wanted { name, purpose, sans: &[], days: 365 };
        authority.issue_for(&wanted, now).expect("issued").write(&dir, authority).expect("written");
    };
    let there = away.root(0).join("conf/agent-tls");
    issue(&authority, address, Purpose::Agent, there.clone());
    issue(&authority, "ann", Purpose::Operator, away.own.join("agent-tls"));
    away.on(0, &["start", "agent"]);
    let via = |away: &Away| away.json(&["jps", "--hosts", &a])["hosts"][0]["via"].clone();
    assert_eq!(via(&away), "agent");
    // Somebody else's agent may be an attack: it is told, and not hidden behind ssh.
    let other = Authority::create(&away.nest.dir().join("other-ca"), now).expect("an authority");
    fs::remove_dir_all(away.own.join("agent-tls")).expect("removed");
    issue(&other, "ann", Purpose::Operator, away.own.join("agent-tls"));
    let strange = away.ask(&["jps", "--hosts", &a]);
    assert!(strange.stderr.contains("agent/untrusted"), "{strange:?}");
    away.on(0, &["stop", "agent"]);
    assert_eq!(via(&away), "ssh");
}
