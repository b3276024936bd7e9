//! Counting inside the components. One thread of the worker writes what all of its tasks have counted once a second, one
//! line a task, into `<pid>.jsonl` in the folder of the load. The Java program does the same.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::clock;
use crate::latency::Recorder;

/// When this file appears in the folder, spouts stop emitting, so that what is under way can be counted to the end.
pub const STOP: &str = "stop";

const PERIOD: Duration = Duration::from_secs(1);

/// One line: what a task has counted since it started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// When, on the machine's monotonic clock in nanoseconds.
    pub at: u64,
    pub component: String,
    pub task: i32,
    /// When the first tuple was executed or emitted; 0 before.
    pub first: u64,
    pub emitted: u64,
    pub acked: u64,
    pub failed: u64,
    pub executed: u64,
    /// Buckets of latency with their counts.
    pub latency: Vec<(usize, u64)>,
}

/// The counters of one task. Only the task writes them, so a load and a store are enough.
#[repr(align(128))]
pub struct TaskMeter {
    component: String,
    task: i32,
    first: AtomicU64,
    emitted: AtomicU64,
    acked: AtomicU64,
    failed: AtomicU64,
    executed: AtomicU64,
    latency: Recorder,
    stopped: Arc<AtomicBool>,
}

impl TaskMeter {
    #[inline]
    pub fn emitted(&self) {
        self.one_more_of(&self.emitted);
    }

    #[inline]
    pub fn executed(&self) {
        self.one_more_of(&self.executed);
    }

    #[inline]
    pub fn acked(&self) {
        self.one_more_of(&self.acked);
    }

    #[inline]
    pub fn failed(&self) {
        self.one_more_of(&self.failed);
    }

    #[inline]
    pub fn latency(&self, nanos: u64) {
        self.latency.record(nanos);
    }

    /// Whether spouts shall emit no more.
    #[inline]
    pub fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    #[inline]
    fn one_more_of(&self, counter: &AtomicU64) {
        let before = counter.load(Ordering::Relaxed);
        if before == 0 && self.first.load(Ordering::Relaxed) == 0 {
            self.first.store(clock::nanos(), Ordering::Relaxed);
        }
        counter.store(before + 1, Ordering::Relaxed);
    }

    fn sample(&self) -> Sample {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Sample {
            at: clock::nanos(),
            component: self.component.clone(),
            task: self.task,
            first: read(&self.first),
            emitted: read(&self.emitted),
            acked: read(&self.acked),
            failed: read(&self.failed),
            executed: read(&self.executed),
            latency: self.latency.counts().collect(),
        }
    }
}

/// The tasks of this process.
pub struct Meter {
    tasks: Mutex<Vec<Arc<TaskMeter>>>,
    stopped: Arc<AtomicBool>,
    dir: PathBuf,
}

impl Meter {
    /// The meter of this process, which writes into this folder. (A process runs one topology.)
    pub fn of_process(dir: &Path) -> Result<&'static Meter, String> {
        static METER: OnceLock<Result<Arc<Meter>, String>> = OnceLock::new();
        let made = METER.get_or_init(|| {
            let meter = Arc::new(Meter::new(dir));
            let file = dir.join(format!("{}.jsonl", std::process::id()));
            let out = File::create(&file).map_err(|e| format!("cannot create {}: {e}", file.display()))?;
            let for_thread = meter.clone();
            let thread = std::thread::Builder::new().name("meter".to_owned());
            thread.spawn(move || for_thread.run(out)).map_err(|e| format!("no thread for the meter: {e}"))?;
            Ok(meter)
        });
        made.as_deref().map_err(Clone::clone)
    }

    fn new(dir: &Path) -> Meter {
        Meter { tasks: Mutex::default(), stopped: Arc::default(), dir: dir.to_owned() }
    }

    /// Counters for one more task.
    pub fn task(&self, component: &str, task: i32) -> Arc<TaskMeter> {
        let meter = Arc::new(TaskMeter {
            component: component.to_owned(),
            task,
            first: AtomicU64::new(0),
            emitted: AtomicU64::new(0),
            acked: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            executed: AtomicU64::new(0),
            latency: Recorder::default(),
            stopped: self.stopped.clone(),
        });
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(meter.clone());
        meter
    }

    fn run(&self, out: File) {
        let mut out = BufWriter::new(out);
        let mut next = Instant::now();
        loop {
            next += PERIOD;
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            if let Err(error) = self.write(&mut out) {
                // The driver misses the lines and says so.
                tracing::error!(%error, "what was counted cannot be written");
                return;
            }
            if self.dir.join(STOP).exists() {
                self.stopped.store(true, Ordering::Relaxed);
            }
        }
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        for task in tasks.iter() {
            serde_json::to_writer(&mut *out, &task.sample())?;
            out.write_all(b"\n")?;
        }
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_a_task_has_counted() {
        let meter = Meter::new(Path::new("/nowhere"));
        let task = meter.task("split", 3);
        let started = clock::nanos();
        task.executed();
        task.executed();
        task.latency(7);
        let mut out = Vec::new();
        meter.write(&mut out).unwrap();
        let sample: Sample = serde_json::from_slice(&out).unwrap();
        assert_eq!((sample.component.as_str(), sample.task, sample.executed), ("split", 3, 2));
        assert_eq!((sample.emitted, sample.latency), (0, vec![(7, 1)]));
        assert!(sample.first >= started && sample.at >= sample.first);
    }
}
