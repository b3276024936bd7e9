//! Servers as processes of their own, so that they can be killed.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use storm_tests::peers;
use storm_tests::ports::free_port;
use storm_tests::process::{Nest, Process};
use storm_tests::wait::wait_for;
use storm_zookeeper::{Options, four_letter};

pub const LIMIT: Duration = Duration::from_secs(60);

/// Names the configuration in the environment of a test that is to be a server instead.
const SERVE: &str = "STORM_TEST_SERVE_ZOOKEEPER";

/// A server, ours or Apache's, on a port that stays its own over restarts.
pub struct Server {
    name: &'static str,
    pub address: SocketAddr,
    config: PathBuf,
    process: Option<Process>,
    command: fn(&PathBuf) -> Command,
}

impl Server {
    pub fn ours(nest: &Nest, more: &str) -> Self {
        Self::start(nest, "ours", more, |config| {
            // This very test binary: the test that runs in it sees the variable and serves.
            let mut command = Command::new(std::env::current_exe().expect("the path of this test"));
            command.args(["--exact", "server::the_process_of_a_server", "--nocapture"]).env(SERVE, config);
            command
        })
    }

    pub fn apache(nest: &Nest) -> Self {
        Self::start(nest, "apache", "admin.enableServer=false\n", |config| {
            let mut java = peers::java(&[&peers::zookeeper_classpath()]);
            java.args(["-Xmx128m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]);
            java.arg("org.apache.zookeeper.server.quorum.QuorumPeerMain").arg(config);
            java
        })
    }

    fn start(nest: &Nest, name: &'static str, more: &str, command: fn(&PathBuf) -> Command) -> Self {
        let port = free_port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let config = nest.dir().join(format!("{name}.cfg"));
        let data = nest.dir().join(name);
        let text = format!(
            "tickTime=200\nminSessionTimeout=400\nmaxSessionTimeout=30000\ndataDir={}\nclientPort={port}\n\
             clientPortAddress=127.0.0.1\nmaxClientCnxns=0\n4lw.commands.whitelist=*\n{more}",
            data.display()
        );
        fs::write(&config, text).expect("the configuration can be written");
        let mut server = Self { name, address, config, process: None, command };
        server.restart(nest);
        server
    }

    /// Starts the process and waits until it serves.
    pub fn restart(&mut self, nest: &Nest) {
        self.process = Some(nest.spawn(self.name, (self.command)(&self.config)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        wait_for(LIMIT, "the server to serve", || {
            let status = self.process.as_mut().and_then(Process::ended);
            assert!(status.is_none(), "the server ended: {}", self.output());
            runtime.block_on(four_letter(self.address, "srvr", Duration::from_secs(1))).ok()
        });
    }

    pub fn kill(&mut self) {
        self.process.take().expect("a running server").kill_nine();
    }

    pub fn output(&self) -> String {
        self.process.as_ref().map(Process::output).unwrap_or_default()
    }

    pub fn connect(&self) -> String {
        self.address.to_string()
    }
}

/// The last transaction the server knows.
pub fn zxid(address: SocketAddr) -> i64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let report = runtime.block_on(four_letter(address, "srvr", Duration::from_secs(5))).expect("an answer");
    let zxid = report.lines().find_map(|line| line.strip_prefix("Zxid: 0x")).expect("the zxid");
    i64::from_str_radix(zxid, 16).expect("a number")
}

/// As a test: what happens to a configuration with a mistake. With the variable set: a server, until it is killed.
#[test]
fn the_process_of_a_server() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let Some(config) = std::env::var_os(SERVE) else {
        let nest = Nest::new();
        let config = nest.dir().join("zoo.cfg");
        fs::write(&config, "dataDir=/nowhere\nclientPort=2181\nserver.1=zk1:2888:3888\n").expect("written");
        let mut child = nest.spawn("ensemble", {
            let mut command = Command::new(std::env::current_exe().expect("the path of this test"));
            command.args(["--exact", "server::the_process_of_a_server", "--nocapture"]).env(SERVE, config);
            command
        });
        assert!(!child.wait(LIMIT).success());
        let said = child.output();
        assert!(said.contains("zoo.cfg:3: server.1") && said.contains("run Apache ZooKeeper"), "{said}");
        return;
    };
    let options = Options::from_zoo_cfg(config.as_ref()).unwrap_or_else(|error| panic!("{error}"));
    let served = runtime.block_on(storm_zookeeper::run(options, |_| (), std::future::pending()));
    panic!("the server ended: {served:?}");
}
