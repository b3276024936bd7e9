//! Runs the state machine of one slot: waits for what happens, does what it decides.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;

use rustix::process::Signal;
use storm_thrift::types::{ErrorInfo, LocalAssignment};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::blobs::BlobSource;
use crate::host::{Host, Launched, lock};
use crate::launch::last_lines;
use crate::processes::{self, Quarry};
use crate::slot::{Effect, Event, Millis, Slot, State, Surroundings};
use crate::troubles::Trouble;

/// How often the heartbeat of a worker is looked at: at first, while its start takes long, and when it runs.
const BEAT_AT_START: Millis = 20;
const BEAT_LATER: Millis = 250;
const BEAT_RUNNING: Millis = 1_000;
const START_IS_LONG: Millis = 10_000;
const EVENTS: usize = 64;

/// What others may know of a slot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SlotView {
    pub state: &'static str,
    pub topology_id: Option<String>,
    pub worker_id: Option<String>,
    /// Why nothing runs here that should.
    pub last_error: Option<String>,
}

/// The handle of a running slot.
#[derive(Debug)]
pub struct SlotHandle {
    events: mpsc::Sender<Event>,
    view: watch::Receiver<SlotView>,
    task: JoinHandle<()>,
}

impl SlotHandle {
    pub async fn send(&self, event: Event) {
        if self.events.send(event).await.is_err() {
            tracing::error!("a slot has stopped working");
        }
    }

    pub fn view(&self) -> watch::Receiver<SlotView> {
        self.view.clone()
    }

    /// Stops looking after the worker, which goes on.
    pub async fn stop(self) {
        drop(self.events);
        if let Err(e) = self.task.await {
            tracing::error!("a slot ended badly: {e}");
        }
    }
}

/// The process of the slot's worker.
#[derive(Debug)]
pub struct WorkerProcess {
    pub worker_id: String,
    pub pid: Option<i32>,
}

pub struct Driver<S> {
    host: Arc<Host<S>>,
    slot: Slot,
    process: Option<WorkerProcess>,
    /// For the tasks that wait for something on the slot's behalf. Weak: they do not keep it alive.
    events: mpsc::WeakSender<Event>,
    view: watch::Sender<SlotView>,
    next_beat: Millis,
    /// The worker whose death is being waited for.
    awaited: Option<String>,
}

/// Starts a slot; `process` is the worker that `slot` has been adopted with.
pub fn spawn<S: BlobSource>(host: Arc<Host<S>>, slot: Slot, process: Option<WorkerProcess>) -> SlotHandle {
    let (events, inbox) = mpsc::channel(EVENTS);
    let (view, seen) = watch::channel(SlotView::default());
    let driver = Driver { host, slot, process, events: events.downgrade(), view, next_beat: 0, awaited: None };
    SlotHandle { events, view: seen, task: tokio::spawn(driver.run(inbox)) }
}

impl<S: BlobSource> Driver<S> {
    async fn run(mut self, mut inbox: mpsc::Receiver<Event>) {
        if let Some(process) = &self.process {
            self.watch_adopted(process.worker_id.clone(), process.pid);
        }
        self.show();
        loop {
            let wake = self.wake_at().map(|at| self.host.clock.instant(at));
            let timer = async {
                match wake {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // What happened goes before what did not: a beat that is in the queue must win over its time-out.
                biased;
                event = inbox.recv() => match event {
                    Some(event) => self.handle(event).await,
                    None => return,
                },
                () = timer => {
                    self.look_at_heartbeat().await;
                    self.handle(Event::Tick).await;
                }
            }
        }
    }

    fn wake_at(&self) -> Option<Millis> {
        let beat = self.is_beat_expected().then_some(self.next_beat);
        let deadline = self.slot.deadline(&self.host.timeouts);
        beat.into_iter().chain(deadline).min()
    }

    fn is_beat_expected(&self) -> bool {
        matches!(self.slot.state(), State::WaitingForWorkerStart { .. } | State::Running { .. })
    }

    async fn look_at_heartbeat(&mut self) {
        let now = self.host.clock.now();
        if !self.is_beat_expected() || now < self.next_beat {
            return;
        }
        let Some(worker) = self.slot.worker().cloned() else { return };
        let starting = matches!(self.slot.state(), State::WaitingForWorkerStart { .. });
        let pause = match starting {
            true if now.saturating_sub(worker.launched_at) < START_IS_LONG => BEAT_AT_START,
            true => BEAT_LATER,
            false => BEAT_RUNNING,
        };
        self.next_beat = now + pause;
        let Some((beat, age)) = self.host.read_beat(&worker.id) else { return };
        lock(&self.host.beats).insert(self.slot.port(), beat);
        self.handle(Event::Beat { worker: worker.id, age }).await;
        if starting && matches!(self.slot.state(), State::Running { .. }) {
            self.next_beat = now + BEAT_RUNNING;
            self.host.first_beat.notify_one();
        }
    }

    async fn handle(&mut self, event: Event) {
        let mut queue = vec![event];
        while let Some(event) = queue.pop() {
            let fresh_id = uuid::Uuid::new_v4().to_string();
            let around =
                Surroundings { now: self.host.clock.now(), timeouts: &self.host.timeouts, fresh_id: &fresh_id };
            let port = self.slot.port();
            let slot = std::mem::replace(&mut self.slot, Slot::new(port));
            let (slot, effects) = slot.step(event, &around);
            self.slot = slot;
            for effect in effects {
                queue.extend(self.perform(effect).await);
            }
        }
        self.show();
    }

    /// Does it, and says what came of it if that is known at once.
    async fn perform(&mut self, effect: Effect) -> Option<Event> {
        let port = self.slot.port();
        match effect {
            Effect::Info(text) => tracing::info!("port {port}: {text}"),
            Effect::Warn(text) => tracing::warn!("port {port}: {text}"),
            Effect::Error(text) => self.complain(text),
            Effect::Localize(assignment) => self.localize(&assignment),
            Effect::UpdateBlobs(assignment) => self.update_blobs(&assignment),
            Effect::Release { topology_id } => self.host.localizer.release(port, &topology_id),
            Effect::Launch { worker, assignment } => return self.launch(worker, &assignment).await,
            Effect::Terminate { worker } => return self.signal(worker, Signal::TERM),
            Effect::ForceKill { worker } => return self.signal(worker, Signal::KILL),
            Effect::Clean { worker } => {
                self.process = None;
                self.awaited = None;
                lock(&self.host.beats).remove(&port);
                if let Err(e) = self.host.clean(&worker).await {
                    tracing::error!("port {port}: worker {worker} is not cleaned up completely: {e}");
                }
            }
            Effect::Forget => {
                if let Err(e) = self.host.forget(port) {
                    tracing::error!("port {port}: {e}");
                }
            }
        }
        None
    }

    /// For the log here, and for the owner of the topology.
    fn complain(&self, text: String) {
        let port = self.slot.port();
        tracing::error!("port {port}: {text}");
        let Some(topology_id) = self.slot.topology_id().map(str::to_owned) else { return };
        let error = ErrorInfo {
            error: text,
            error_time_secs: self.host.clock.unix_secs() as i32,
            host: Some(self.host.conf.hostname()),
            port: Some(i32::from(port)),
        };
        self.host.troubles.report(Trouble { topology_id, error });
    }

    fn localize(&self, assignment: &Arc<LocalAssignment>) {
        let (host, port, id) = (self.host.clone(), self.slot.port(), assignment.topology_id.clone());
        host.localizer.hold(port, &id);
        self.report(async move {
            match host.localize(port, &id).await {
                Ok(worker_timeout) => Event::Localized { topology_id: id, worker_timeout },
                Err(e) => Event::LocalizationFailed { topology_id: id, reason: e.to_string() },
            }
        });
    }

    fn update_blobs(&self, assignment: &Arc<LocalAssignment>) {
        let (host, id) = (self.host.clone(), assignment.topology_id.clone());
        self.report(async move {
            match host.update_blobs(&id).await {
                Ok(()) => Event::BlobsUpdated { topology_id: id },
                Err(e) => Event::BlobUpdateFailed { topology_id: id, reason: e.to_string() },
            }
        });
    }

    async fn launch(&mut self, worker: String, assignment: &Arc<LocalAssignment>) -> Option<Event> {
        self.next_beat = self.host.clock.now() + BEAT_AT_START;
        match self.host.launch(self.slot.port(), &worker, assignment).await {
            Ok(launched) => {
                self.process = Some(WorkerProcess { worker_id: worker.clone(), pid: Some(launched.pid) });
                self.watch_child(worker, launched, &assignment.topology_id);
                None
            }
            Err(e) => Some(Event::LaunchFailed { worker, reason: e.to_string() }),
        }
    }

    fn watch_child(&self, worker: String, launched: Launched, topology_id: &str) {
        let errors = self.host.error_log(topology_id, self.slot.port());
        self.report(async move {
            let Launched { mut child, pid, errors_from } = launched;
            let mut how = match child.wait().await {
                Ok(status) => describe(status),
                Err(e) => format!("its exit status is unknown ({e})"),
            };
            match last_lines(&errors, errors_from) {
                Some(lines) => how = format!("{how}; the end of {}:\n{lines}", errors.display()),
                None => how = format!("{how}; its log is {}", errors.with_file_name("worker.log").display()),
            }
            Event::Exited { worker, how: format!("process {pid}: {how}") }
        });
    }

    fn watch_adopted(&self, worker: String, pid: Option<i32>) {
        self.report(async move {
            let how = match pid {
                Some(pid) => {
                    processes::ended(pid).await;
                    format!("process {pid} is gone (how is unknown: this supervisor did not start it)")
                }
                None => "it was gone when the supervisor started".to_owned(),
            };
            Event::Exited { worker, how }
        });
    }

    fn signal(&mut self, worker_id: String, signal: Signal) -> Option<Event> {
        let leader = self.process.as_ref().filter(|p| p.worker_id == worker_id).and_then(|p| p.pid);
        let quarry = Quarry { worker_id: worker_id.clone(), leader };
        match quarry.signal(signal) {
            Ok(true) => {}
            Ok(false) => return Some(Event::AllDead { worker: worker_id }),
            Err(e) => tracing::error!("port {}: cannot stop worker {worker_id}: {e}", self.slot.port()),
        }
        if self.awaited.as_deref() != Some(&worker_id) {
            self.awaited = Some(worker_id.clone());
            self.report(async move {
                quarry.all_dead().await;
                Event::AllDead { worker: worker_id }
            });
        }
        None
    }

    /// Waits in the background and sends what comes of it, as long as the slot is there.
    fn report(&self, answer: impl Future<Output = Event> + Send + 'static) {
        let events = self.events.clone();
        tokio::spawn(async move {
            let event = answer.await;
            if let Some(events) = events.upgrade()
                && events.send(event).await.is_err()
            {
                tracing::debug!("the slot is gone");
            }
        });
    }

    fn show(&self) {
        let state = match self.slot.state() {
            State::Empty => "EMPTY",
            State::WaitingForBlobLocalization { .. } => "WAITING_FOR_BLOB_LOCALIZATION",
            State::WaitingForWorkerStart { .. } => "WAITING_FOR_WORKER_START",
            State::Running { .. } => "RUNNING",
            State::Kill(_) => "KILL",
            State::KillAndRelaunch(_) => "KILL_AND_RELAUNCH",
            State::KillBlobUpdate(_) => "KILL_BLOB_UPDATE",
            State::WaitingForBlobUpdate { .. } => "WAITING_FOR_BLOB_UPDATE",
            State::WaitingForRelaunch { .. } => "WAITING_FOR_RELAUNCH",
        };
        let view = SlotView {
            state,
            topology_id: self.slot.topology_id().map(str::to_owned),
            worker_id: self.slot.worker().map(|w| w.id.clone()),
            last_error: self.slot.last_error().map(str::to_owned),
        };
        self.view.send_if_modified(|seen| {
            let changed = *seen != view;
            *seen = view;
            changed
        });
    }
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => status.to_string(),
    }
}
