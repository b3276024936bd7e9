//! Results: one line of JSON each, so that a run that was broken off is not lost and several can be reported together.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::case::{Side, Standing};
use super::error::BenchError;
use super::processes::{Part, Size};
use super::samples::Counters;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "kebab-case")]
#[allow(clippy::large_enum_variant, reason = "one is held at a time")]
pub enum Line {
    Machine(Machine),
    Run(Run),
    /// A run that gave no figures.
    Failed {
        case: String,
        side: Side,
        variant: String,
        round: u32,
        error: String,
    },
}

/// Where the runs that follow were made.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Machine {
    pub processor: String,
    pub cores: usize,
    pub memory_mib: u64,
    pub kernel: String,
    pub java: String,
    pub commit: String,
    pub optimised: bool,
    pub epoch_secs: u64,
}

/// What one run of a case gave.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Run {
    pub case: String,
    pub side: Side,
    pub variant: String,
    pub standing: Standing,
    pub round: u32,
    /// The window that was measured.
    pub seconds: f64,
    /// The number of the case, per second.
    pub rate: Option<f64>,
    pub unit: String,
    /// Every counter of every component, per second.
    pub rates: BTreeMap<String, Counters<f64>>,
    pub latency_us: Option<Percentiles>,
    /// Processor time in the window.
    pub cpu_seconds: BTreeMap<Part, f64>,
    /// Workers and their children together.
    pub cores: Option<f64>,
    pub cpu_seconds_per_million: Option<f64>,
    pub sizes: BTreeMap<Part, Vec<Size>>,
    /// How much of the machine all other processes used.
    pub cores_of_others: Option<f64>,
    /// From the start of the command that submits until it returned.
    pub submit_secs: f64,
    /// From the start of that command until a tuple had come to the last component.
    pub first_tuple_secs: Option<f64>,
    /// All that was counted from the start until nothing moved any more.
    pub totals: BTreeMap<String, Counters<u64>>,
    /// What of it does not add up.
    pub faults: Vec<String>,
    /// The topology's configuration.
    pub document: Map<String, Value>,
}

impl Run {
    /// Resident memory of all processes of a part.
    pub fn resident_mib(&self, part: Part) -> Option<f64> {
        Some(self.sizes.get(&part)?.iter().map(|size| size.resident_mib).sum())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    pub count: u64,
    pub mean: f64,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

impl Percentiles {
    /// Of a histogram of nanoseconds, in microseconds.
    pub fn of(nanos: &Histogram<u64>) -> Option<Percentiles> {
        let at = |quantile| nanos.value_at_quantile(quantile) as f64 / 1e3;
        (!nanos.is_empty()).then(|| Percentiles {
            count: nanos.len(),
            mean: nanos.mean() / 1e3,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: nanos.max() as f64 / 1e3,
        })
    }
}

impl Machine {
    pub fn this(epoch_secs: u64) -> Machine {
        let first = |file: &str, key: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
            line.trim_start_matches([' ', '\t', ':']).trim().to_owned()
        };
        let said = |program: &str, arguments: &[&str]| {
            let output = Command::new(program).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
            output.ok().filter(|o| o.status.success()).map(|o| [o.stdout, o.stderr].concat()).unwrap_or_default()
        };
        let line = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).lines().next().unwrap_or_default().to_owned();
        let memory = first("/proc/meminfo", "MemTotal");
        Machine {
            processor: first("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_mib: memory.split(' ').next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024,
            kernel: first("/proc/sys/kernel/osrelease", ""),
            java: line(said("java", &["-version"])),
            commit: line(said("git", &["rev-parse", "HEAD"])),
            optimised: !cfg!(debug_assertions),
            epoch_secs,
        }
    }
}

/// The file of results, written line by line.
pub struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    pub fn create(path: &Path) -> Result<Log, BenchError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(BenchError::at(folder))?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(BenchError::at(path))?;
        Ok(Log { path: path.to_owned(), file })
    }

    pub fn write(&mut self, line: &Line) -> Result<(), BenchError> {
        let text = serde_json::to_string(line).map_err(|e| BenchError::at(&self.path)(e.into()))? + "\n";
        self.file.write_all(text.as_bytes()).map_err(BenchError::at(&self.path))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Every line of these files.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Line>, BenchError> {
    let mut lines = Vec::new();
    for path in paths {
        let text = fs::read_to_string(path).map_err(BenchError::at(path))?;
        for (number, line) in text.lines().enumerate() {
            let place = path.clone();
            lines.push(serde_json::from_str(line).map_err(|cause| BenchError::Result {
                place,
                line: number + 1,
                cause,
            })?);
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_from_several_files() {
        let dir = tempfile::tempdir().unwrap();
        let paths = ["a.jsonl", "sub/b.jsonl"].map(|name| dir.path().join(name));
        for path in &paths {
            let mut log = Log::create(path).unwrap();
            log.write(&Line::Machine(Machine::this(5))).unwrap();
        }
        let lines = read(&paths).unwrap();
        assert_eq!(lines.len(), 2);
        let Line::Machine(machine) = &lines[1] else { panic!("{lines:?}") };
        assert!(machine.cores > 0 && machine.memory_mib > 0 && !machine.kernel.is_empty(), "{machine:?}");
        fs::write(&paths[0], "{}\n").unwrap();
        let error = read(&paths).unwrap_err();
        assert!(error.to_string().contains("a.jsonl:1: "), "{error}");
    }
}
