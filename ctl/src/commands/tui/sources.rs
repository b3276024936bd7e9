//! One task for each source that is wanted: it asks, tells, waits, and asks again; longer after each failure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use storm_tui::{Answer, Data, Source, Trouble};
use tokio::sync::mpsc::Sender;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::zookeeper::Tree;
use super::{host, logs, nimbus};
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
        let (ctx, tree) = (self.ctx.clone(), self.tree.clone());
        let handle = match source {
            Source::Logs { topology } => tokio::spawn(logs::follow(asker.answers, ctx, topology)),
            Source::Cluster => tokio::spawn(asker.poll(nimbus::Ask::Cluster, nimbus::Link::new(&ctx), nimbus::fetch)),
            Source::Samples => {
                let ask = nimbus::Ask::Samples { next: 0 };
                tokio::spawn(asker.poll(ask, nimbus::Link::new(&ctx), nimbus::fetch))
            }
            Source::Topology { id, window } => {
                let ask = nimbus::Ask::Topology { id, window, structure: None };
                tokio::spawn(asker.poll(ask, nimbus::Link::new(&ctx), nimbus::fetch))
            }
            Source::Component { topology, component, window } => {
                let ask = nimbus::Ask::Component { topology, component, window };
                tokio::spawn(asker.poll(ask, nimbus::Link::new(&ctx), nimbus::fetch))
            }
            Source::Workers => tokio::spawn(asker.poll(nimbus::Ask::Workers, nimbus::Link::new(&ctx), nimbus::fetch)),
            Source::Registry => tokio::spawn(asker.poll((), tree, async |(), tree| tree.registry().await)),
            Source::Node { path } => {
                tokio::spawn(asker.poll(path, tree, async |path: &mut String, tree| tree.node(path).await))
            }
            Source::Ensemble => tokio::spawn(asker.poll((), tree, async |(), tree| tree.ensemble().await)),
            Source::Processes => tokio::spawn(asker.poll((), ctx, async |(), _| host::processes().await)),
            Source::Config => tokio::spawn(asker.poll((), ctx, async |(), ctx| host::config(ctx).await)),
            Source::Findings => tokio::spawn(asker.poll((), ctx, async |(), ctx| host::findings(ctx).await)),
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
    async fn poll<Q, L, F>(self, mut question: Q, mut link: L, mut fetch: F)
    where
        Q: Send,
        L: Send,
        F: for<'a> Fetch<'a, Q, L>,
    {
        let mut failures = 0u32;
        loop {
            let result = match tokio::time::timeout(DEADLINE, fetch.fetch(&mut question, &mut link)).await {
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

/// An asynchronous function of a question and a link, whose future can be moved between threads.
pub trait Fetch<'a, Q, L>: Send {
    fn fetch(&mut self, question: &'a mut Q, link: &'a mut L) -> impl Future<Output = Result<Data, String>> + Send;
}

impl<'a, Q: 'a, L: 'a, F, Fut> Fetch<'a, Q, L> for F
where
    F: FnMut(&'a mut Q, &'a mut L) -> Fut + Send,
    Fut: Future<Output = Result<Data, String>> + Send,
{
    fn fetch(&mut self, question: &'a mut Q, link: &'a mut L) -> impl Future<Output = Result<Data, String>> + Send {
        self(question, link)
    }
}

pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}
