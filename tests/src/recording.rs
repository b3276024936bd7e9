//! A topology that writes down what it has seen, so that a test can tell whether anything was lost: numbered lines
//! (`numbers.py`) are split (`words.py`) and written into a file per task (`record.py`) before they are acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use storm_thrift::types::{Grouping, StormTopology};

use crate::cluster::Cluster;
use crate::jars::python_jar;
use crate::topologies::{bolt, spout, submit};
use crate::wait::{wait_for, wait_until};

/// A stream that rests longer does not flow.
const STALL: Duration = Duration::from_secs(10);

pub struct Recording {
    name: String,
    dir: PathBuf,
}

impl Recording {
    /// Submits the topology with this many workers, and as many recording tasks.
    pub fn submit(cluster: &Cluster, name: &str, workers: usize, conf: Value) -> Recording {
        Recording::submit_scripts(cluster, name, workers, conf, ["words.py", "record.py"])
    }

    /// The same with other scripts in the places of `words.py` and `record.py`.
    pub fn submit_scripts(
        cluster: &Cluster,
        name: &str,
        workers: usize,
        conf: Value,
        [splitter, recorder]: [&str; 2],
    ) -> Recording {
        let dir = cluster.nest().dir().join(name);
        fs::create_dir(&dir).unwrap_or_else(|e| panic!("cannot create {}: {e}", dir.display()));
        let jar = dir.join("recording.jar");
        python_jar(&jar, &["numbers.py", splitter, recorder]);
        let mut words = bolt(splitter, &["numbers"], &["number", "word"]);
        words.common.parallelism_hint = Some(workers as i32);
        let mut record = bolt(recorder, &["words"], &[]);
        record.common.parallelism_hint = Some(workers as i32);
        record.common.streams.clear();
        // By number, so that every task on every worker gets its share: shuffles keep to their own worker at low load.
        for bolt in [&mut words, &mut record] {
            bolt.common.inputs.values_mut().for_each(|by| *by = Grouping::Fields(vec!["number".to_owned()]));
        }
        let topology = StormTopology {
            spouts: BTreeMap::from([("numbers".to_owned(), spout("numbers.py", &["number", "line"]))]),
            bolts: BTreeMap::from([("words".to_owned(), words), ("record".to_owned(), record)]),
            ..StormTopology::default()
        };
        let mut settings = json!({
            "topology.workers": workers,
            "topology.max.spout.pending": 50,
            // What was in a killed worker is sent again after this time.
            "topology.message.timeout.secs": 5,
            "test.dir": dir,
        });
        for (key, value) in conf.as_object().expect("an object of settings") {
            settings[key] = value.clone();
        }
        cluster.ask(async |nimbus| submit(nimbus, name, &jar, &settings, topology.clone()).await).expect("accepted");
        Recording { name: name.to_owned(), dir }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes written by each recording task.
    pub fn progress(&self) -> BTreeMap<u32, u64> {
        let files = fs::read_dir(&self.dir).unwrap_or_else(|e| panic!("cannot list {}: {e}", self.dir.display()));
        files
            .filter_map(|file| {
                let file = file.ok()?;
                let task = file.file_name().to_str()?.strip_prefix("seen-")?.parse().ok()?;
                Some((task, file.metadata().ok()?.len()))
            })
            .collect()
    }

    /// Waits until each of these tasks has written more than it has now.
    #[track_caller]
    pub fn wait_for_flow(&self, limit: Duration, what: &str, tasks: &[u32]) {
        let before = self.progress();
        let of = |progress: &BTreeMap<u32, u64>, task: &u32| progress.get(task).copied().unwrap_or(0);
        wait_until(limit, &format!("tuples to flow through the tasks {tasks:?} {what}"), || {
            let now = self.progress();
            tasks.iter().all(|task| of(&now, task) > of(&before, task))
        });
    }

    /// Tuples go through each of these tasks again and again for this long.
    #[track_caller]
    pub fn keep_flowing(&self, span: Duration, what: &str, tasks: &[u32]) {
        let start = Instant::now();
        while start.elapsed() < span {
            self.wait_for_flow(STALL, what, tasks);
        }
    }

    /// The recording task on each worker port, as Nimbus tells it; waits until there are so many.
    #[track_caller]
    pub fn tasks_by_port(&self, cluster: &Cluster, count: usize) -> BTreeMap<u16, Vec<u32>> {
        wait_for(Duration::from_secs(60), "the executors in the topology's summary", || {
            let mut tasks: BTreeMap<u16, Vec<u32>> = BTreeMap::new();
            for executor in cluster.topology_info(&self.name)?.executors {
                if executor.component_id == "record" && executor.port > 0 {
                    tasks.entry(executor.port as u16).or_default().push(executor.executor_info.task_start as u32);
                }
            }
            (tasks.values().map(Vec::len).sum::<usize>() == count).then_some(tasks)
        })
    }

    /// Ends the stream and waits until every line of it has been acknowledged; then all must have been seen.
    #[track_caller]
    pub fn finish_and_check(&self, limit: Duration) -> u64 {
        fs::write(self.dir.join("stop"), "").expect("the sign to stop is written");
        let done = self.dir.join("done");
        let lines: u64 =
            wait_for(limit, "every line to be acknowledged", || fs::read_to_string(&done).ok()?.parse().ok());
        let seen = seen(&self.dir);
        let mut lost = Vec::new();
        for number in 1..=lines {
            for word in ["line", &number.to_string(), "of", "the", "spout"] {
                if !seen.contains(&(number, word.to_owned())) {
                    lost.push((number, word.to_owned()));
                }
            }
        }
        assert!(lost.is_empty(), "acknowledged but never seen, of {lines} lines: {lost:?}");
        lines
    }
}

/// Every whole record in the files of the tasks.
fn seen(dir: &Path) -> BTreeSet<(u64, String)> {
    let mut seen = BTreeSet::new();
    for file in fs::read_dir(dir).expect("the folder of the recording") {
        let path = file.expect("its files").path();
        if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("seen-")) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()));
        // A killed task may have left half a line, which the next one of its name has gone on with.
        for line in text.lines() {
            if let Some((number, word)) = line.split_once(' ')
                && let Ok(number) = number.parse()
            {
                seen.insert((number, word.to_owned()));
            }
        }
    }
    seen
}
