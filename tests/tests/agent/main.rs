//! Agents of several hosts, each with a root of its own on a loopback port, judged by programs of other makers: openssl for
//! certificates, gRPC's own Python for the protocol.

mod changes;
mod dashboard;
mod hostile;
mod logs;
mod protocol;
mod ssh;
mod trust;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use storm_agent::Purpose;
use storm_agent::authority::{Authority, Wanted};
use storm_tests::built::stormctl;
use storm_tests::peers;
use storm_tests::ports::free_port;
use storm_tests::process::{Finished, Nest, Process};
use storm_tests::wait::wait_for;

const LIMIT: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A host: a root of its own, and its agent.
struct Host {
    home: PathBuf,
    port: u16,
    agent: Option<Process>,
}

impl Host {
    fn config(&self) -> PathBuf {
        self.home.join("conf/storm.yaml")
    }

    fn tls(&self) -> PathBuf {
        self.home.join("conf/agent-tls")
    }

    fn logs(&self) -> PathBuf {
        self.home.join("logs")
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn agent(&mut self) -> &mut Process {
        self.agent.as_mut().expect("its agent runs")
    }

    /// A log of a daemon or, with a slash, of a worker: `wc-1-100/6700`.
    fn log(&self, name: &str, text: &str) {
        let path = match name.contains('/') {
            true => self.logs().join("workers-artifacts").join(name).join("worker.log"),
            false => self.logs().join(format!("{name}.log")),
        };
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }
}

/// Hosts under one authority, and a host of an operator who asks them.
struct Fleet {
    nest: Nest,
    authority: Authority,
    hosts: Vec<Host>,
}

impl Fleet {
    fn new(hosts: usize) -> Fleet {
        let nest = Nest::new();
        let authority = Authority::create(&nest.dir().join("ca"), SystemTime::now()).expect("an authority");
        let mut fleet = Fleet { nest, authority, hosts: Vec::new() };
        for at in 0..hosts {
            fleet.add(&format!("host{at}"));
        }
        fs::create_dir_all(fleet.operator()).expect("made");
        let all: Vec<String> = fleet.hosts.iter().map(|h| format!("\"{}\"", h.address())).collect();
        let conf = format!("stormctl.agent.hosts: [{}]\nnimbus.thrift.port: {}\n", all.join(", "), free_port());
        fs::write(fleet.operator().join("storm.yaml"), conf).expect("written");
        fleet.issue("ann", Purpose::Operator, SystemTime::now(), &fleet.operator().join("agent-tls"));
        fleet
    }

    /// The folder of the operator's configuration.
    fn operator(&self) -> PathBuf {
        self.nest.dir().join("operator")
    }

    fn issue(&self, name: &str, purpose: Purpose, now: SystemTime, dir: &Path) {
        let sans = if purpose == Purpose::Agent { vec!["localhost".to_owned()] } else { Vec::new() };
        let wanted = Wanted { name, purpose, sans: &sans, days: 365 };
        self.authority.issue_for(&wanted, now).expect("issued").write(dir, &self.authority).expect("written");
    }

    fn add(&mut self, name: &str) {
        let home = self.nest.dir().join(name);
        let host = Host { home, port: free_port(), agent: None };
        fs::create_dir_all(host.home.join("conf")).expect("made");
        fs::create_dir_all(host.logs()).expect("made");
        let conf = format!(
            "# The configuration of {name}.\nstorm.home: \"{}\"\nstorm.local.hostname: {name}\n\
             stormctl.agent.listen: 127.0.0.1\nstormctl.agent.port: {}\nstormctl.roles: [zookeeper]\n\
             storm.zookeeper.port: {}\nstorm.local.dir: local\ndev.zookeeper.path: zk\n",
            host.home.display(),
            host.port,
            free_port(),
        );
        fs::write(host.config(), conf).expect("written");
        self.issue("127.0.0.1", Purpose::Agent, SystemTime::now(), &host.tls());
        let agent = self.start(&host);
        self.hosts.push(Host { agent: Some(agent), ..host });
    }

    fn start(&self, host: &Host) -> Process {
        let mut command = self.command(&host.config(), &["agent"]);
        command.env("STORM_LOG", "info,storm_agent=debug");
        let mut agent = self.nest.spawn("agent", command);
        agent.wait_for_output(LIMIT, "serves at");
        agent
    }

    fn command(&self, config: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(stormctl());
        command.arg("--config").arg(config).args(args).current_dir(self.nest.dir()).env("HOME", self.nest.dir());
        for variable in ["STORM_CONF_DIR", "STORM_CONF_FILE", "STORM_HOME", "XDG_STATE_HOME", "NO_COLOR"] {
            command.env_remove(variable);
        }
        command
    }

    /// A command of the operator.
    fn ask(&self, args: &[&str]) -> Finished {
        self.nest.run(self.command(&self.operator().join("storm.yaml"), args))
    }

    fn ask_json(&self, args: &[&str]) -> Value {
        let done = self.ask(&[args, &["-o", "json"]].concat());
        serde_json::from_str(&done.stdout).unwrap_or_else(|e| panic!("{e}: {done:?}"))
    }

    /// What gRPC's own Python hears from an agent, by what it has asked.
    fn python(&self, address: &str, folder: &Path, calls: &[(&str, Value)]) -> Vec<Value> {
        let mut python = Command::new("python3");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/agent_ask.py");
        python.arg(script).arg(address).arg(folder).env("PYTHONPATH", peers::python_grpc_path());
        // Beside the script lie programs with names of Python's own modules.
        python.env("PYTHONSAFEPATH", "1");
        let mut file = tempfile::NamedTempFile::new_in(self.nest.dir()).expect("a file");
        serde_json::to_writer(&mut file, calls).expect("written");
        python.arg(file.path());
        let printed = self.nest.run(python).ok();
        printed.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect()
    }

    fn openssl(&self, args: &[&str]) -> Finished {
        let mut openssl = Command::new("openssl");
        openssl.args(args);
        self.nest.run(openssl)
    }
}

/// The JSON objects that a process has printed so far, one a line.
fn lines(process: &Process) -> Vec<Value> {
    process.output().lines().filter_map(|l| serde_json::from_str(l).ok()).collect()
}

/// Waits for an object that a process prints.
#[track_caller]
fn wait_for_line(process: &Process, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
    wait_for(LIMIT, what, || lines(process).into_iter().find(|l| fits(l)))
}
