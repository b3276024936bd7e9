//! The two clusters: ZooKeeper, Nimbus and a supervisor each, as processes on the loopback interface.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use storm_tests::built;
use storm_tests::cluster::{Cluster, ClusterOptions, Maker};
use storm_tests::jars;
use storm_tests::peers;
use storm_tests::process::Finished;
use storm_thrift::types::KillOptions;

use super::case::Side;
use super::error::BenchError;
use super::stage::{Stage, tail};
use crate::load::VARIABLE;

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/java/bench");
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python");
/// Apache Storm's takes some seconds.
const END: Duration = Duration::from_secs(60);

/// The topology program of our side, built as this program was.
pub fn topology_program() -> PathBuf {
    built::build(&["--bin", "bench-topology"], "bench-topology")
}

/// Lays out what goes into `resources/` on both sides: the splitters, and Apache Storm's own `storm.py` which they import.
pub fn lay_out_resources(scratch: &Path) -> Result<PathBuf, BenchError> {
    let jar = scratch.join("storm-py.jar");
    jars::python_jar(&jar, &[]);
    let mut unpack = Command::new("jar");
    unpack.arg("--extract").arg("--file").arg(&jar).arg("resources/storm.py");
    run(unpack.current_dir(scratch))?;
    let folder = scratch.join("resources");
    for entry in fs::read_dir(SCRIPTS).map_err(BenchError::at(Path::new(SCRIPTS)))? {
        let script = entry.map_err(BenchError::at(Path::new(SCRIPTS)))?.path();
        let Some(name) = script.file_name() else { continue };
        fs::copy(&script, folder.join(name)).map_err(BenchError::at(&script))?;
    }
    Ok(folder)
}

/// Compiles the Java program and packs it with the resources.
pub fn topology_jar(scratch: &Path, resources: &Path) -> Result<PathBuf, BenchError> {
    let (classes, jar) = (scratch.join("classes"), scratch.join("bench-topology.jar"));
    let list = fs::read_dir(SOURCES).map_err(BenchError::at(Path::new(SOURCES)))?;
    let sources: Vec<PathBuf> = list.filter_map(|entry| Some(entry.ok()?.path())).collect();
    let mut javac = Command::new("javac");
    javac.args(["-nowarn", "-encoding", "UTF-8", "-cp", &peers::storm_client_classpath(), "-d"]);
    run(javac.arg(&classes).args(sources))?;
    let mut pack = Command::new("jar");
    pack.args(["--create", "--file"]).arg(&jar).arg("-C").arg(&classes).arg(".");
    for entry in fs::read_dir(resources).map_err(BenchError::at(resources))? {
        let name = entry.map_err(BenchError::at(resources))?.file_name();
        pack.arg("-C").arg(resources.parent().unwrap_or(resources)).arg(Path::new("resources").join(name));
    }
    run(&mut pack)?;
    Ok(jar)
}

fn run(command: &mut Command) -> Result<(), BenchError> {
    let what = format!("{command:?}");
    let output = command.output().map_err(|e| BenchError::Command { what: what.clone(), output: e.to_string() })?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let said = [output.stdout, output.stderr].concat();
            Err(BenchError::Command { what, output: String::from_utf8_lossy(&said).into_owned() })
        }
    }
}

/// A cluster, and the program whose topologies it runs.
pub struct ClusterStage {
    side: Side,
    cluster: Cluster,
    program: PathBuf,
}

impl ClusterStage {
    /// Starts one side's cluster and waits until its supervisor is there.
    pub fn start(side: Side, program: PathBuf) -> ClusterStage {
        // The harness' own is short; a machine at full load must not lose sessions.
        ClusterStage::start_with(side, program, &[("storm.zookeeper.session.timeout", 20_000)])
    }

    /// The same with these settings of the cluster.
    pub fn start_with(side: Side, program: PathBuf, conf: &[(&str, u64)]) -> ClusterStage {
        let maker = match side {
            Side::Ours => Maker::Ours,
            Side::Apache => Maker::Apache,
        };
        let options = ClusterOptions {
            zookeeper: maker,
            nimbus: maker,
            supervisor: maker,
            supervisors: 1,
            slots: 4,
            conf: conf.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect(),
        };
        let cluster = Cluster::start(options);
        ClusterStage { side, cluster, program }
    }

    pub fn cluster(&mut self) -> &mut Cluster {
        &mut self.cluster
    }

    fn submit_ours(&self, name: &str, document: String) -> Finished {
        let mut submit = Command::new(built::stormctl());
        submit.arg("--config").arg(self.cluster.nimbus.config()).arg("submit").arg(&self.program).arg(name);
        submit.env(VARIABLE, document).env("HOME", self.cluster.nest().dir());
        self.cluster.nest().run(submit)
    }

    fn submit_apache(&self, name: &str, document: &str) -> Result<Finished, BenchError> {
        let home = &self.cluster.nimbus.home;
        let file = home.join(format!("{name}.json"));
        fs::write(&file, document).map_err(BenchError::at(&file))?;
        let (jar, home) = (self.program.display().to_string(), home.display().to_string());
        let mut java = peers::java(&[&jar, &peers::storm_client_classpath(), &home]);
        java.args(["-client", "-Dstorm.options=", "-Dstorm.conf.file=", "-Dlog4j2.disable.jmx=true"]);
        java.arg(format!("-Dstorm.home={home}")).arg(format!("-Dstorm.log.dir={home}/logs"));
        java.arg(format!("-Dstorm.jar={jar}")).arg("bench.Program").arg(name).arg(&file);
        Ok(self.cluster.nest().run(java))
    }
}

impl Stage for ClusterStage {
    fn side(&self) -> Side {
        self.side
    }

    fn start(&mut self, name: &str, document: &Map<String, Value>) -> Result<(), BenchError> {
        let document = Value::Object(document.clone()).to_string();
        let finished = match self.side {
            Side::Ours => self.submit_ours(name, document),
            Side::Apache => self.submit_apache(name, &document)?,
        };
        match finished.status.success() {
            true => Ok(()),
            false => Err(BenchError::Command {
                what: format!("{} ({})", finished.command, finished.status),
                output: finished.stdout + &finished.stderr,
            }),
        }
    }

    fn stop(&mut self, name: &str) -> Result<(), BenchError> {
        let options = KillOptions { wait_secs: Some(0) };
        let killed = name.to_owned();
        self.cluster.ask(async |nimbus| nimbus.kill_topology_with_opts(killed, options).await)?;
        let deadline = Instant::now() + END;
        while self.cluster.topology(name).is_some() || !self.cluster.all_workers().is_empty() {
            if Instant::now() > deadline {
                let (secs, what) = (END.as_secs(), format!("the killed {name} and its workers to go"));
                return Err(BenchError::Patience { secs, what, output: self.logged() });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn logged(&self) -> String {
        tail(&self.cluster.worker_logs(), 6000).to_owned()
    }
}
