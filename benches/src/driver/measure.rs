//! One run of one case: start it, let it warm up, measure, let it come to rest, check, end it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::case::{Case, Extent, Variant};
use super::check;
use super::error::BenchError;
use super::processes::{self, Part, Size};
use super::record::{Percentiles, Run};
use super::samples::{Samples, Window};
use super::stage::Stage;
use crate::clock;
use crate::load::Load;
use crate::meter::STOP;

/// Apache Storm needs up to 16 s until the first tuple on a machine that has nothing else to do.
const START: Duration = Duration::from_secs(120);
/// More than `topology.message.timeout.secs`, so that a tree that is lost is a failed one.
const REST: Duration = Duration::from_secs(45);
const LOOK: Duration = Duration::from_millis(50);

/// How long things take.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    pub warm_up: Duration,
    pub window: Duration,
}

/// The files of the runs.
#[derive(Debug, Clone)]
pub struct Site {
    pub folder: PathBuf,
    pub resources: PathBuf,
}

/// Measures one variant of a case once. The topology is gone afterwards, whatever comes of it.
pub fn measure(
    stage: &mut dyn Stage,
    site: &Site,
    timing: Timing,
    (case, variant, round): (&Case, &Variant, u32),
    overrides: &Map<String, Value>,
) -> Result<Run, BenchError> {
    let name = format!("{}-{}-{round}", case.name, variant.name);
    let dir = site.folder.join(format!("{:?}-{name}", stage.side()).to_lowercase());
    fs::create_dir_all(&dir).map_err(BenchError::at(&dir))?;
    let load = case.load(&dir, &site.resources);
    let document = case.document(&load, variant, overrides);
    let asked = clock::nanos();
    let run = match stage.start(&name, &document) {
        Ok(()) => Observer { stage, case, load: &load, dir: &dir }.observe(asked, timing),
        // It may be there all the same.
        Err(e) => Err(e),
    };
    let stopped = stage.stop(&name);
    let mut run = run?;
    stopped?;
    fs::remove_dir_all(&dir).map_err(BenchError::at(&dir))?;
    run.variant = variant.name.to_owned();
    run.standing = variant.standing;
    run.round = round;
    run.document = document;
    Ok(run)
}

struct Observer<'a> {
    stage: &'a mut dyn Stage,
    case: &'a Case,
    load: &'a Load,
    dir: &'a Path,
}

/// What is read at both ends of the window.
struct Reading {
    at: u64,
    cpu: BTreeMap<u32, f64>,
    machine: f64,
}

impl Reading {
    fn take(parts: &BTreeMap<u32, Part>) -> Result<Reading, BenchError> {
        let cpu = parts.keys().map(|pid| {
            let gone = || BenchError::Restarted(format!("process {pid}"));
            processes::cpu_seconds(*pid).map(|seconds| (*pid, seconds)).ok_or_else(gone)
        });
        Ok(Reading {
            at: clock::nanos(),
            cpu: cpu.collect::<Result<_, _>>()?,
            machine: processes::machine_seconds().unwrap_or(f64::NAN),
        })
    }
}

impl Observer<'_> {
    fn observe(&self, asked: u64, timing: Timing) -> Result<Run, BenchError> {
        let since = |moment: u64| moment.saturating_sub(asked) as f64 / 1e9;
        let submit_secs = since(clock::nanos());
        let started = self.wait(START, "the first tuple at the last component", |samples| {
            let all = self.load.counting_tasks().iter().all(|(id, tasks)| samples.tasks_of(id) == *tasks);
            all && (!self.load.emits() || samples.first(self.load.last()).is_some())
        })?;
        let mut run = Run {
            case: self.case.name.clone(),
            side: self.stage.side(),
            variant: String::new(),
            standing: super::case::Standing::Also,
            round: 0,
            seconds: 0.0,
            rate: None,
            unit: self.case.unit().to_owned(),
            rates: BTreeMap::new(),
            latency_us: None,
            cpu_seconds: BTreeMap::new(),
            cores: None,
            cpu_seconds_per_million: None,
            sizes: BTreeMap::new(),
            cores_of_others: None,
            submit_secs,
            first_tuple_secs: started.first(self.load.last()).map(since),
            totals: BTreeMap::new(),
            faults: Vec::new(),
            document: Map::new(),
        };
        if self.case.extent == Extent::Window {
            self.measure_window(&mut run, &started.pids, timing)?;
        }
        let stop = self.dir.join(STOP);
        fs::write(&stop, "").map_err(BenchError::at(&stop))?;
        let stopped = clock::nanos();
        // Not at rest, or not whole in time, is a fault and no error: what was measured stands beside it.
        let whole = |samples: &Samples| {
            samples.at_rest_since(stopped) && check::faults(self.load, &samples.totals()).is_empty()
        };
        let rest = match self.wait(REST, "the topology to come to rest", whole) {
            Ok(samples) => samples,
            Err(BenchError::Patience { .. }) => Samples::read(self.dir)?,
            Err(e) => return Err(e),
        };
        run.totals = rest.totals();
        run.faults = check::faults(self.load, &run.totals);
        if !rest.at_rest_since(stopped) {
            run.faults.push(format!("tuples still move {} s after the spout has stopped", REST.as_secs()));
        }
        Ok(run)
    }

    fn measure_window(&self, run: &mut Run, workers: &[u32], timing: Timing) -> Result<(), BenchError> {
        // Measuring takes its time; these are no waits for a condition.
        std::thread::sleep(timing.warm_up);
        let parts = processes::parts(workers);
        let before = Reading::take(&parts)?;
        std::thread::sleep(timing.window);
        let after = Reading::take(&parts)?;
        run.seconds = (after.at - before.at) as f64 / 1e9;
        for (pid, part) in &parts {
            *run.cpu_seconds.entry(*part).or_default() += after.cpu[pid] - before.cpu[pid];
            let size: Size = processes::size(*pid).ok_or_else(|| BenchError::Restarted(format!("process {pid}")))?;
            run.sizes.entry(*part).or_default().push(size);
        }
        let all: f64 = run.cpu_seconds.values().sum();
        // A log writer does nothing for the tuples.
        let own: f64 = run.cpu_seconds.iter().filter(|(part, _)| **part != Part::LogWriter).map(|(_, s)| s).sum();
        run.cores = Some(own / run.seconds);
        run.cores_of_others = Some(((after.machine - before.machine - all) / run.seconds).max(0.0));
        let window = self.window(before.at, after.at)?;
        if self.load.emits() {
            let counted = self.case.counted();
            let counters = window.rates.get(counted.component).copied().unwrap_or_default();
            let rate = if counted.acked { counters.acked } else { counters.executed };
            run.rate = Some(rate);
            run.cpu_seconds_per_million = (rate > 0.0).then(|| own / run.seconds / rate * 1e6);
        }
        run.latency_us = Percentiles::of(&window.latency);
        run.rates = window.rates;
        Ok(())
    }

    /// The line that ends the window may be a moment late.
    fn window(&self, from: u64, to: u64) -> Result<Window, BenchError> {
        let mut window = None;
        self.wait(Duration::from_secs(10), "two lines of every meter in the window", |samples| {
            window = samples.between(from, to);
            window.is_some()
        })?;
        window.ok_or_else(|| BenchError::Restarted("a meter".to_owned()))
    }

    fn wait(&self, limit: Duration, what: &str, mut done: impl FnMut(&Samples) -> bool) -> Result<Samples, BenchError> {
        let deadline = Instant::now() + limit;
        loop {
            let samples = Samples::read(self.dir)?;
            if done(&samples) {
                return Ok(samples);
            }
            if Instant::now() > deadline {
                let (secs, what) = (limit.as_secs(), format!("{what} of {}", self.case.name));
                return Err(BenchError::Patience { secs, what, output: self.stage.logged() });
            }
            std::thread::sleep(LOOK);
        }
    }
}
