//! A worker small enough to look into: runs one task and notes what it emits, acks and fails.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::{Value as Json, json};
use storm_tests::peers;
use storm_thrift::types::{GlobalStreamId, Grouping, NullStruct};
use storm_topology::multilang::{STORM_PY, ShellCommand};
use storm_topology::{
    Bolt, BoltOutput, Collector, ComponentError, Emission, Fields, InputStream, Lineage, Link, MessageId, OutputStream,
    Progress, Rows, Spout, SpoutOutput, TaskContext, Tuple, TupleSource, Value, ValueRef, Waker,
};

/// Which `storm.py` a test's children import.
#[derive(Clone, Copy, Debug)]
pub enum StormPy {
    Apaches,
    Ours,
}

pub struct Place {
    pub dir: tempfile::TempDir,
}

impl Place {
    /// Resources with the scripts of the tests.
    pub fn new(storm_py: StormPy) -> Place {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let resources = dir.path().join("resources");
        fs::create_dir(&resources).expect("a folder");
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/multilang/resources");
        for script in fs::read_dir(scripts).expect("scripts") {
            let script = script.expect("a script").path();
            fs::copy(&script, resources.join(script.file_name().expect("a name"))).expect("a copy");
        }
        let text = match storm_py {
            StormPy::Ours => STORM_PY.to_owned(),
            StormPy::Apaches => apaches_storm_py().to_owned(),
        };
        fs::write(resources.join("storm.py"), text).expect("a file");
        Place { dir }
    }

    pub fn resources(&self) -> PathBuf {
        self.dir.path().join("resources")
    }

    pub fn pids(&self) -> PathBuf {
        self.dir.path().join("pids")
    }

    /// A task's context, with the waker's other end.
    pub fn context(&self, conf: Json) -> (TaskContext, Receiver<()>) {
        let (wake, woken) = channel();
        let output = |fields: &[&str], direct| OutputStream {
            fields: Fields::new(fields.iter().copied()),
            direct,
            targets: BTreeMap::from([("count".to_owned(), Grouping::Fields(vec!["word".to_owned()]))]),
        };
        let input = GlobalStreamId { component_id: "lines".to_owned(), stream_id: "default".to_owned() };
        let taken = InputStream { fields: Fields::from(["line"]), grouping: Grouping::Shuffle(NullStruct {}) };
        let context = TaskContext {
            task_id: 4,
            conf: Arc::new(conf.as_object().cloned().expect("a map")),
            task_to_component: Arc::new([(4, "split".to_owned()), (7, "count".to_owned())].into()),
            component_tasks: Arc::new([4]),
            outputs: Arc::new(
                [("default".to_owned(), output(&["word"], false)), ("direct".to_owned(), output(&["word"], true))]
                    .into(),
            ),
            inputs: Arc::new([(input, taken)].into()),
            resources_dir: self.resources(),
            pid_dir: self.pids(),
            waker: Waker::new(move || {
                // Nobody listens any more once a test is over.
                let _over = wake.send(());
            }),
            ..TaskContext::detached("split")
        };
        (context, woken)
    }
}

fn apaches_storm_py() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let jar = fs::File::open(peers::multilang_python_jar()).expect("the jar");
        let mut jar = zip::ZipArchive::new(jar).expect("a zip");
        let mut text = String::new();
        jar.by_name("resources/storm.py").expect("storm.py").read_to_string(&mut text).expect("UTF-8");
        text
    })
}

pub fn python(script: &str) -> ShellCommand {
    ShellCommand::new(["python3", script])
}

/// Something a component did.
#[derive(Debug, Clone, PartialEq)]
pub enum Did {
    /// Values, stream, ids of the anchors, message id, task.
    Emit {
        values: Vec<Value>,
        stream: String,
        anchors: Vec<u64>,
        id: Option<Value>,
        task: Option<i32>,
    },
    Ack(u64),
    Fail(u64),
    Error(String),
}

pub fn emit(values: &[Value], anchors: &[u64]) -> Did {
    Did::Emit { values: values.to_vec(), stream: "default".to_owned(), anchors: anchors.to_vec(), id: None, task: None }
}

#[derive(Default)]
pub struct Notes {
    pub did: Vec<Did>,
}

impl Notes {
    /// For the message of a failed test.
    fn last(&self) -> String {
        let last = &self.did[self.did.len().saturating_sub(5)..];
        format!("{} things, the last of them {last:?}", self.did.len())
    }
}

fn root(lineage: &Lineage) -> u64 {
    lineage.roots().next().expect("every tuple here has a root").0
}

impl Collector for Notes {
    fn emit(&mut self, emission: Emission<'_>) {
        let (mut anchors, mut id) = (Vec::new(), None);
        match emission.link {
            Link::Anchors(given) => anchors = given.iter().map(|a| root(a.lineage())).collect(),
            Link::Message(MessageId::Value(v)) => id = Some(*v),
            Link::Message(MessageId::Number(n)) => id = Some(Value::Int(n as i64)),
            Link::Default | Link::Unanchored => {}
        }
        if let Some(targets) = emission.targets {
            targets.extend([7, 9]);
        }
        self.did.push(Did::Emit {
            values: emission.values.iter().map(ValueRef::to_value).collect(),
            stream: emission.stream.unwrap_or("default").to_owned(),
            anchors,
            id,
            task: emission.task,
        });
    }
    fn ack(&mut self, lineage: &Lineage, _: &TupleSource) {
        self.did.push(Did::Ack(root(lineage)));
    }
    fn fail(&mut self, lineage: &Lineage, _: &TupleSource) {
        self.did.push(Did::Fail(root(lineage)));
    }
    fn reset_timeout(&mut self, _: &Lineage) {}
    fn report_error(&mut self, message: &str) {
        self.did.push(Did::Error(message.to_owned()));
    }
    fn pending(&self) -> usize {
        0
    }
}

/// One task with a bolt in it.
pub struct Task<B> {
    pub bolt: B,
    pub notes: Notes,
    woken: Receiver<()>,
    waiting: VecDeque<(u64, String, Vec<Value>)>,
}

const LIMIT: Duration = Duration::from_secs(60);

impl<B: Bolt> Task<B> {
    pub fn start(mut bolt: B, place: &Place, conf: Json) -> Result<Task<B>, ComponentError> {
        let (context, woken) = place.context(conf);
        bolt.prepare(&context)?;
        Ok(Task { bolt, notes: Notes::default(), woken, waiting: VecDeque::new() })
    }

    /// Gives a tuple whose only root is `id`.
    pub fn give(&mut self, id: u64, values: &[Value]) {
        self.give_on("default", id, values);
    }

    pub fn give_on(&mut self, stream: &str, id: u64, values: &[Value]) {
        self.waiting.push_back((id, stream.to_owned(), values.to_vec()));
    }

    fn step(&mut self, wait: Duration) -> Result<(), ComponentError> {
        while self.bolt.ready() {
            let Some((id, stream, values)) = self.waiting.pop_front() else { break };
            let refs: Vec<ValueRef<'_>> = values.iter().map(Value::as_ref).collect();
            let rows = Rows::one(&refs);
            let source = Arc::new(TupleSource {
                component: "lines".into(),
                stream: stream.as_str().into(),
                task: 2,
                fields: Fields::new((0..values.len()).map(|i| format!("f{i}"))),
                key: 1,
            });
            let lineage = Lineage::new(Some((id, 1)), 0);
            self.bolt.execute(&Tuple::new(&rows, 0, &source, &lineage), &mut BoltOutput::new(&mut self.notes))?;
        }
        let start = Instant::now();
        loop {
            // Short, since the waker is not among what is polled.
            let called = self.woken.try_iter().count() > 0;
            if called || self.is_ready(Duration::from_millis(2)) {
                return self.bolt.wake(&mut BoltOutput::new(&mut self.notes));
            }
            if start.elapsed() > wait {
                return Ok(());
            }
        }
    }

    /// Whether one of the bolt's pipes is ready.
    fn is_ready(&self, wait: Duration) -> bool {
        let watch = self.bolt.watch();
        let readable = watch.readable.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
        let writable = watch.writable.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::OUT));
        let mut fds: Vec<PollFd<'_>> = readable.into_iter().chain(writable).collect();
        let wait = Timespec { tv_sec: 0, tv_nsec: i64::from(wait.subsec_nanos()) };
        poll(&mut fds, Some(&wait)).expect("a poll") > 0
    }

    /// Runs until so many things have been done, and takes them.
    pub fn until(&mut self, count: usize) -> Vec<Did> {
        let start = Instant::now();
        while self.notes.did.len() < count {
            assert!(start.elapsed() < LIMIT, "waited for {count} things, got {}", self.notes.last());
            self.step(Duration::from_millis(100)).unwrap_or_else(|e| panic!("{e}; got {}", self.notes.last()));
        }
        std::mem::take(&mut self.notes.did)
    }

    /// Runs until the bolt dies, and says how.
    pub fn until_death(&mut self) -> String {
        let start = Instant::now();
        loop {
            assert!(start.elapsed() < LIMIT, "it lives, and did {}", self.notes.last());
            if let Err(e) = self.step(Duration::from_millis(100)) {
                assert!(e.is_fatal());
                return e.message().to_owned();
            }
        }
    }

    /// Runs for a time in which nothing must die.
    pub fn run_for(&mut self, time: Duration) {
        let start = Instant::now();
        while start.elapsed() < time {
            self.step(Duration::from_millis(20)).unwrap_or_else(|e| panic!("{e}; got {}", self.notes.last()));
        }
    }
}

/// Asks a spout for tuples until it has done so many things.
pub fn spout_until<S: Spout>(spout: &mut S, notes: &mut Notes, count: usize) -> Vec<Did> {
    let start = Instant::now();
    while notes.did.len() < count {
        assert!(start.elapsed() < LIMIT, "waited for {count} things, got {}", notes.last());
        let progress = spout.next_tuple(&mut SpoutOutput::new(notes)).expect("the spout lives");
        assert!(matches!(progress, Progress::Emitted | Progress::Idle | Progress::Exhausted));
    }
    std::mem::take(&mut notes.did)
}

pub fn quick() -> Json {
    json!({"topology.subprocess.timeout.secs": 3, "topology.shellbolt.max.pending": 10})
}

/// The pid that a child has left in the pid folder.
pub fn only_pid(place: &Place) -> i32 {
    let mut pids = fs::read_dir(place.pids()).expect("a folder of pids").map(|e| e.expect("an entry").file_name());
    let pid = pids.next().expect("a pid").to_string_lossy().parse().expect("a number");
    assert!(pids.next().is_none());
    pid
}

/// Whether a process exists and is no zombie.
pub fn is_alive(pid: i32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    !stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'))
}
