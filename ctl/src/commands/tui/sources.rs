//! One task for each source that is wanted: it asks, tells, waits, and asks again; longer after each failure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use storm_tui::{Answer, Data, Source, Trouble};
use tokio::sync::mpsc::Sender;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::fleet::Fleet;
use super::host::{About, HostAsk};
use super::logs;
use super::nimbus::{Nimbus, Question};
use super::zookeeper::{Look, Tree, TreeAsk};
use crate::context::Context;

/// The longest wait between two attempts.
const BACK_OFF: Duration = Duration::from_secs(10);
/// The longest that one question may take.
const DEADLINE: Duration = Duration::from_secs(8);

pub struct Sources {
    ctx: Arc<Context>,
    tree: Tree,
    answers: Sender<Answer>,
    running: BTreeMap<Source, Task>,
    refresh: watch::Sender<Duration>,
}

struct Task {
    handle: JoinHandle<()>,
    now: Arc<Notify>,
}

impl Sources {
    pub fn new(ctx: Context, answers: Sender<Answer>) -> Sources {
        let ctx = Arc::new(ctx);
        let refresh = watch::Sender::new(Duration::from_secs(1));
        Sources { tree: Tree::new(ctx.clone()), ctx, answers, running: BTreeMap::new(), refresh }
    }

    pub fn refresh(&self, every: Duration) {
        self.refresh.send_if_modified(|now| std::mem::replace(now, every) != every);
    }

    /// Starts and ends tasks, so that exactly these are asked. A task that broke is begun anew.
    pub fn want(&mut self, wanted: &BTreeSet<Source>) {
        self.running.retain(|source, task| {
            let keep = wanted.contains(source) && !task.handle.is_finished();
            if !keep {
                task.handle.abort();
            }
            keep
        });
        for source in wanted {
            if !self.running.contains_key(source) {
                let task = self.start(source.clone());
                self.running.insert(source.clone(), task);
            }
        }
    }

    /// Everything at once.
    pub fn ask(&self) {
        self.running.values().for_each(|task| task.now.notify_one());
    }

    fn start(&self, source: Source) -> Task {
        let now = Arc::new(Notify::new());
        let asker = Asker {
            source: source.clone(),
            answers: self.answers.clone(),
            now: now.clone(),
            refresh: self.refresh.subscribe(),
            pace: pace(&source),
        };
        let ctx = self.ctx.clone();
        let nimbus = |ask| Nimbus::new(&ctx, ask);
        let tree = |what| TreeAsk { tree: self.tree.clone(), what };
        let host = |what| HostAsk { ctx: self.ctx.clone(), what, fleet: Fleet::default() };
        let handle = match source {
            Source::Logs { topology } => tokio::spawn(logs::follow(asker.answers, self.ctx.clone(), topology)),
            Source::Cluster => tokio::spawn(asker.poll(nimbus(Question::Cluster))),
            Source::Samples => tokio::spawn(asker.poll(nimbus(Question::Samples { next: 0 }))),
            Source::Topology { id, window } => {
                tokio::spawn(asker.poll(nimbus(Question::Topology { id, window, structure: None })))
            }
            Source::Component { topology, component, window } => {
                tokio::spawn(asker.poll(nimbus(Question::Component { topology, component, window })))
            }
            Source::Workers => tokio::spawn(asker.poll(nimbus(Question::Workers))),
            Source::Registry => tokio::spawn(asker.poll(tree(Look::Registry))),
            Source::Node { path } => tokio::spawn(asker.poll(tree(Look::Node(path)))),
            Source::Ensemble => tokio::spawn(asker.poll(tree(Look::Ensemble))),
            Source::Processes => tokio::spawn(asker.poll(host(About::Processes))),
            Source::Config => tokio::spawn(asker.poll(host(About::Config))),
            Source::Findings => tokio::spawn(asker.poll(host(About::Findings))),
        };
        Task { handle, now }
    }
}

/// How many refreshes apart a source is asked: what changes seldom, or costs much, less often.
fn pace(source: &Source) -> u32 {
    match source {
        Source::Workers | Source::Registry | Source::Ensemble | Source::Processes => 2,
        Source::Config => 10,
        Source::Findings => 15,
        _ => 1,
    }
}

struct Asker {
    source: Source,
    answers: Sender<Answer>,
    now: Arc<Notify>,
    refresh: watch::Receiver<Duration>,
    pace: u32,
}

impl Asker {
    async fn poll(self, mut asked: impl Ask) {
        let mut failures = 0u32;
        loop {
            let result = match tokio::time::timeout(DEADLINE, asked.ask()).await {
                Ok(result) => result,
                Err(_) => Err(format!("no answer within {} s", DEADLINE.as_secs())),
            };
            let every = *self.refresh.borrow();
            let wait = match &result {
                Ok(_) => {
                    failures = 0;
                    every * self.pace
                }
                Err(_) => {
                    failures += 1;
                    (every * 2u32.pow(failures.min(6) - 1)).min(BACK_OFF).max(every)
                }
            };
            let trouble = |cause| Trouble { cause, retry_in_ms: wait.as_millis() as u64 };
            let answer = Answer { source: self.source.clone(), at_ms: now_ms(), result: result.map_err(trouble) };
            if self.answers.send(answer).await.is_err() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.now.notified() => {}
            }
        }
    }
}

/// What can be asked again and again.
pub trait Ask: Send {
    fn ask(&mut self) -> impl Future<Output = Result<Data, String>> + Send;
}

pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}
