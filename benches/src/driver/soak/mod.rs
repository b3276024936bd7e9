//! `soak`: our cluster under load for a long time. Nothing may be lost, and nothing may grow.

mod sample;
mod verdict;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Map, Value, json};
use storm_tests::position::Position;
use storm_tests::process::{self, Nest};
use storm_tests::random::Random;

use super::case::Side;
use super::clusters::{ClusterStage, topology_program};
use super::error::BenchError;
use super::printer::{line, note};
use super::record::Machine;
use super::report;
use super::stage::{Stage, tail};
use crate::clock;
use crate::load::{Kind, Load};
use crate::meter::STOP;
use sample::{Entry, Journal, Sample};
use verdict::{Bounds, Ending};

const NAME: &str = "soak";
const WORKERS: usize = 2;
const SAMPLE_EVERY: Duration = Duration::from_secs(10);
const START: Duration = Duration::from_secs(120);
/// After the spout was told to stop: more than `topology.message.timeout.secs` of the replays of what was lost last.
const SETTLE: Duration = Duration::from_secs(150);

#[derive(Debug, Clone)]
pub struct Soak {
    pub length: Duration,
    /// Sentences a second; as fast as possible without.
    pub rate: Option<u64>,
    pub pending: u64,
    /// How often a worker is killed.
    pub kill_every: Option<Duration>,
    /// Says which.
    pub seed: u64,
    /// What each process may grow by, MiB.
    pub max_growth: f64,
    pub settings: Map<String, Value>,
    pub out: PathBuf,
}

/// Runs it and prints the report; whether nothing was lost and nothing grew.
pub fn soak(how: &Soak) -> Result<bool, BenchError> {
    let mut journal = Journal::create(&how.out)?;
    let machine = Machine::this(clock::epoch_secs());
    note(&report::machine(&machine));
    note(&format!("samples go to {}", how.out.display()));
    journal.write(&Entry::Machine(machine))?;
    // Its watchdog ends everything and removes the folder, however this process ends.
    let nest = Nest::new();
    let dir = nest.dir().join(NAME);
    fs::create_dir_all(&dir).map_err(BenchError::at(&dir))?;
    // Patient, so that a machine which has other work too does not look like a broken one.
    let patience = [
        ("storm.zookeeper.session.timeout", 40_000),
        ("supervisor.worker.timeout.secs", 60),
        ("nimbus.task.timeout.secs", 60),
        ("nimbus.supervisor.timeout.secs", 120),
    ];
    let mut stage = ClusterStage::start_with(Side::Ours, topology_program(), &patience);
    stage.start(NAME, &document(how, &dir))?;
    let mut run = Run { stage, how, dir, journal, samples: Vec::new(), kills: 0, random: Random::new(how.seed) };
    run.wait_for_start()?;
    run.watch()?;
    let position = run.settle()?;
    let ending = Ending { position, totals: sample::totals(&run.dir)?, kills: run.kills };
    run.stage.stop(NAME)?;
    let verdict = verdict::judge(&run.samples, &ending, Bounds { length: how.length, growth: how.max_growth });
    verdict.lines.iter().for_each(|text| line(text));
    let whole = verdict.faults.is_empty();
    run.journal.write(&Entry::Verdict { acked_below: position.base, kills: run.kills, faults: verdict.faults })?;
    Ok(whole)
}

fn document(how: &Soak, dir: &Path) -> Map<String, Value> {
    let load = Load {
        kind: Kind::WordCount,
        ack: true,
        keep: true,
        local: false,
        counters: WORKERS as u32,
        rate: how.rate,
        script: None,
        resources: None,
        dir: dir.to_owned(),
    };
    let mut document = match serde_json::to_value(load) {
        Ok(Value::Object(own)) => own,
        other => unreachable!("a load is an object of JSON, not {other:?}"),
    };
    document.insert("topology.workers".to_owned(), json!(WORKERS));
    document.insert("topology.acker.executors".to_owned(), json!(WORKERS));
    document.insert("topology.max.spout.pending".to_owned(), json!(how.pending));
    document.extend(how.settings.clone());
    document
}

struct Run<'a> {
    stage: ClusterStage,
    how: &'a Soak,
    /// Where the meters and the spout write.
    dir: PathBuf,
    journal: Journal,
    samples: Vec<Sample>,
    kills: u64,
    random: Random,
}

impl Run<'_> {
    fn wait_for_start(&mut self) -> Result<(), BenchError> {
        let deadline = Instant::now() + START;
        while sample::totals(&self.dir)?.get("count").is_none_or(|count| count.executed == 0)
            || self.stage.cluster().all_workers().len() < WORKERS
        {
            self.patience(deadline, START, "the first word at `count`")?;
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Takes samples, and kills, until the time is over.
    fn watch(&mut self) -> Result<(), BenchError> {
        let start = Instant::now();
        let end = start + self.how.length;
        let mut sample_at = start;
        let mut kill_at = self.how.kill_every.map(|every| start + every);
        loop {
            let now = Instant::now();
            if now >= sample_at {
                let sample = sample::take(&mut self.stage, &self.dir, start.elapsed())?;
                self.journal.write(&Entry::Sample(sample.clone()))?;
                self.samples.push(sample);
                sample_at += SAMPLE_EVERY;
            }
            if now >= end {
                return Ok(());
            }
            if let (Some(at), Some(every)) = (kill_at, self.how.kill_every)
                && now >= at
            {
                self.kill_one()?;
                kill_at = Some(at + every);
            }
            let next = [Some(sample_at), kill_at, Some(end)].into_iter().flatten().min().unwrap_or(end);
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }

    fn kill_one(&mut self) -> Result<(), BenchError> {
        let workers = self.stage.cluster().all_workers();
        // Between two lives there may be none to kill.
        if workers.is_empty() {
            return Ok(());
        }
        let chosen = &workers[self.random.below(workers.len() as u64) as usize];
        process::kill(chosen.pid, Signal::KILL);
        self.kills += 1;
        self.journal.write(&Entry::Kill { port: chosen.port, pid: chosen.pid })
    }

    /// Stops the spout and waits until all it has sent was acked, or cannot be any more.
    fn settle(&mut self) -> Result<Position, BenchError> {
        let stop = self.dir.join(STOP);
        fs::write(&stop, "").map_err(BenchError::at(&stop))?;
        let file = Position::file(&self.dir);
        let deadline = Instant::now() + SETTLE;
        loop {
            let position = Position::read(&file).map_err(BenchError::at(&file))?;
            if position.settled {
                // The meters write once a second.
                std::thread::sleep(Duration::from_secs(2));
                return Ok(position);
            }
            if Instant::now() > deadline {
                note(&format!("not everything was acked in time; the workers' logs end so:\n{}", self.stage.logged()));
                return Ok(position);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn patience(&mut self, deadline: Instant, limit: Duration, what: &str) -> Result<(), BenchError> {
        if Instant::now() > deadline {
            let output = tail(&self.stage.logged(), 6000).to_owned();
            return Err(BenchError::Patience { secs: limit.as_secs(), what: what.to_owned(), output });
        }
        Ok(())
    }
}
