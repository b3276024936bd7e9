//! What is looked at every ten seconds, and the file it goes into: one line of JSON each.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::driver::clusters::ClusterStage;
use crate::driver::error::BenchError;
use crate::driver::processes;
use crate::driver::record::Machine;
use crate::driver::samples::Counters;
use crate::meter;

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "kebab-case")]
pub enum Entry {
    Machine(Machine),
    Sample(Sample),
    Kill { port: u16, pid: u32 },
    Verdict { acked_below: u64, kills: u64, faults: Vec<String> },
}

/// The state of things at one moment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sample {
    /// Since the start.
    pub secs: f64,
    /// Of the spout, in all its lives.
    pub emitted: u64,
    pub acked: u64,
    pub failed: u64,
    /// At `count`.
    pub words: u64,
    pub processes: Vec<Seen>,
}

/// One process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Seen {
    /// Its role; a worker's has its port, which the next life of the worker has too.
    pub name: String,
    pub pid: u32,
    pub resident_kib: u64,
    pub threads: u64,
    pub cpu_secs: f64,
}

pub fn take(stage: &mut ClusterStage, dir: &Path, since: Duration) -> Result<Sample, BenchError> {
    let cluster = stage.cluster();
    let mut pids = vec![
        ("zookeeper".to_owned(), cluster.zookeeper.process().pid()),
        ("nimbus".to_owned(), cluster.nimbus.process().pid()),
    ];
    for (index, supervisor) in cluster.supervisors.iter_mut().enumerate() {
        pids.push((format!("supervisor {index}"), supervisor.process().pid()));
    }
    let workers = cluster.all_workers();
    pids.extend(workers.iter().map(|worker| (format!("worker {}", worker.port), worker.pid)));
    // One that ends at this moment is not in the sample.
    let seen = pids.into_iter().filter_map(|(name, pid)| {
        let (size, cpu_secs) = (processes::size(pid)?, processes::cpu_seconds(pid)?);
        let resident_kib = (size.resident_mib * 1024.0) as u64;
        Some(Seen { name, pid, resident_kib, threads: size.threads, cpu_secs })
    });
    let processes = seen.collect();
    let totals = totals(dir)?;
    let of = |component: &str| totals.get(component).copied().unwrap_or_default();
    let spout = of("spout");
    Ok(Sample {
        secs: since.as_secs_f64(),
        emitted: spout.emitted,
        acked: spout.acked,
        failed: spout.failed,
        words: of("count").executed,
        processes,
    })
}

/// What was counted so far, also by lives that have ended.
pub fn totals(dir: &Path) -> Result<BTreeMap<String, Counters<u64>>, BenchError> {
    let mut totals: BTreeMap<String, Counters<u64>> = BTreeMap::new();
    for entry in fs::read_dir(dir).map_err(BenchError::at(dir))? {
        let path = entry.map_err(BenchError::at(dir))?.path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        let text = fs::read_to_string(&path).map_err(BenchError::at(&path))?;
        let mut last: BTreeMap<i32, meter::Sample> = BTreeMap::new();
        // The last line may still be in writing, or was when its process was killed.
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            let sample: meter::Sample =
                serde_json::from_str(line).map_err(|cause| BenchError::Line { place: path.clone(), cause })?;
            last.insert(sample.task, sample);
        }
        for own in last.into_values() {
            let sum = totals.entry(own.component).or_default();
            sum.emitted += own.emitted;
            sum.acked += own.acked;
            sum.failed += own.failed;
            sum.executed += own.executed;
        }
    }
    Ok(totals)
}

/// The file of the samples.
pub struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    pub fn create(path: &Path) -> Result<Journal, BenchError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(BenchError::at(folder))?;
        }
        let file = File::create(path).map_err(BenchError::at(path))?;
        Ok(Journal { path: path.to_owned(), file })
    }

    pub fn write(&mut self, entry: &Entry) -> Result<(), BenchError> {
        let text = serde_json::to_string(entry).map_err(|e| BenchError::at(&self.path)(e.into()))? + "\n";
        self.file.write_all(text.as_bytes()).map_err(BenchError::at(&self.path))
    }
}
