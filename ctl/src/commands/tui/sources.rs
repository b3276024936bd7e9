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
use crate::agents::Ways;
use crate::context::Context;

/// The longest wait between two attempts.
const BACK_OFF: Duration = Duration::from_secs(10);
/// The longest that one question may take.
const DEADLINE: Duration = Duration::from_secs(8);

pub struct Sources {
    starter: Starter,
    running: BTreeMap<Source, Task>,
    refresh: watch::Sender<Duration>,
}

/// Ends its task when it goes, and with it what that task has started.
struct Task {
    handle: JoinHandle<()>,
    now: Arc<Notify>,
}

impl Drop for Task {
    fn drop(&mut self) {
        self.handle.abort();
    }
}

impl Sources {
    pub fn new(ctx: Context, ways: Option<Ways>, patience: Duration, answers: Sender<Answer>) -> Sources {
        let (ctx, ways) = (Arc::new(ctx), ways.map(Arc::new));
        let refresh = watch::Sender::new(Duration::from_secs(1));
        let starter =
            Starter { tree: Tree::new(ctx.clone()), ctx, ways, patience, answers, refresh: refresh.subscribe() };
        Sources { starter, running: BTreeMap::new(), refresh }
    }

    pub fn refresh(&self, every: Duration) {
        self.refresh.send_if_modified(|now| std::mem::replace(now, every) != every);
    }

    /// Starts and ends tasks, so that exactly these are asked.
    pub fn want(&mut self, wanted: &BTreeSet<Source>) {
        self.running.retain(|source, _| wanted.contains(source));
        for source in wanted {
            if !self.running.contains_key(source) {
                let now = Arc::new(Notify::new());
                let (starter, again, about) = (self.starter.clone(), now.clone(), source.clone());
                let start = move || starter.start(about.clone(), again.clone());
                let handle = tokio::spawn(watched(source.clone(), self.starter.answers.clone(), now.clone(), start));
                self.running.insert(source.clone(), Task { handle, now });
            }
        }
    }

    /// Everything at once.
    pub fn ask(&self) {
        self.running.values().for_each(|task| task.now.notify_one());
    }
}

/// Runs the task of a source, and begins it anew when it breaks; until then the source is lost, for the reason that broke it.
async fn watched(source: Source, answers: Sender<Answer>, now: Arc<Notify>, start: impl Fn() -> JoinHandle<()>) {
    for failures in 0u32.. {
        let mut task = Task { handle: start(), now: now.clone() };
        let Err(broken) = (&mut task.handle).await else { return };
        let Ok(payload) = broken.try_into_panic() else { return };
        let text = payload.downcast_ref::<&str>().map(|t| (*t).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
        let wait = (Duration::from_secs(1) * 2u32.pow(failures.min(6))).min(BACK_OFF);
        let cause = format!("a mistake in the dashboard itself, please report it: {text}");
        let trouble = Trouble { cause, retry_in_ms: wait.as_millis() as u64 };
        if answers.send(Answer { source: source.clone(), at_ms: now_ms(), result: Err(trouble) }).await.is_err() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = now.notified() => {}
        }
    }
}

/// What the task of any source needs.
#[derive(Clone)]
struct Starter {
    ctx: Arc<Context>,
    /// To other hosts, for all who ask them.
    ways: Option<Arc<Ways>>,
    /// How long an answer may wait for them.
    patience: Duration,
    tree: Tree,
    answers: Sender<Answer>,
    refresh: watch::Receiver<Duration>,
}

impl Starter {
    fn start(&self, source: Source, now: Arc<Notify>) -> JoinHandle<()> {
        let asker = Asker {
            source: source.clone(),
            answers: self.answers.clone(),
            now,
            refresh: self.refresh.clone(),
            pace: pace(&source),
        };
        let ctx = self.ctx.clone();
        let nimbus = |ask| Nimbus::new(&ctx, ask);
        let tree = |what| TreeAsk { tree: self.tree.clone(), what };
        let host = |what| HostAsk { ctx: self.ctx.clone(), what, fleet: None };
        match source {
            Source::Logs { topology } => {
                tokio::spawn(logs::follow(asker.answers, self.ctx.clone(), self.ways.clone(), topology))
            }
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
            Source::Processes => {
                let fleet = Fleet::watch(self.ctx.clone(), self.ways.clone());
                tokio::spawn(asker.poll(HostAsk { fleet: Some((fleet, self.patience)), ..host(About::Processes) }))
            }
            Source::Config => tokio::spawn(asker.poll(host(About::Config))),
            Source::Findings => tokio::spawn(asker.poll(host(About::Findings))),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use storm_tui::data::Ensemble;

    /// Breaks the first time.
    struct Odd(Arc<AtomicU32>);

    impl Ask for Odd {
        async fn ask(&mut self) -> Result<Data, String> {
            let times = self.0.fetch_add(1, Ordering::SeqCst);
            assert!(times > 0, "an answer that nobody thought of");
            Ok(Data::Ensemble(Ensemble::default()))
        }
    }

    #[tokio::test]
    async fn a_task_that_breaks_is_told_with_its_reason_and_begun_anew() {
        let (answers, mut told) = tokio::sync::mpsc::channel(4);
        let (_every, refresh) = watch::channel(Duration::from_secs(1));
        let now = Arc::new(Notify::new());
        let (times, sender, again) = (Arc::new(AtomicU32::new(0)), answers.clone(), now.clone());
        let start = move || {
            let (source, answers, now) = (Source::Ensemble, sender.clone(), again.clone());
            let asker = Asker { source, answers, now, refresh: refresh.clone(), pace: 1 };
            tokio::spawn(asker.poll(Odd(times.clone())))
        };
        let handle = tokio::spawn(watched(Source::Ensemble, answers, now.clone(), start));
        let watching = Task { handle, now };
        let first = told.recv().await.expect("it is told");
        let trouble = first.result.expect_err("it broke");
        assert!(trouble.cause.contains("an answer that nobody thought of"), "{}", trouble.cause);
        assert!(trouble.retry_in_ms > 0);
        watching.now.notify_one();
        let second = told.recv().await.expect("it is asked again");
        assert_eq!(second.result, Ok(Data::Ensemble(Ensemble::default())));
        drop(watching);
        // Nobody asks any more, so nobody holds the other end.
        while told.recv().await.is_some() {}
    }
}
