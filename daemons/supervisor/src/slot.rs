//! The state machine of one slot: what a port does when something happens. It decides; [`crate::driver`] acts.
//!
//! The states are those of Storm's `Slot`, and one more: [`State::WaitingForRelaunch`] holds back a worker that keeps dying.

use std::sync::Arc;

use storm_thrift::types::LocalAssignment;

use crate::assignments::equivalent;

/// Milliseconds on a clock that never goes back.
pub type Millis = u64;

/// How long the slot waits for what. The keys are those of `storm-facts`' table of time-outs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// `supervisor.worker.timeout.secs`; a topology may ask for more.
    pub worker: Millis,
    /// `supervisor.worker.start.timeout.secs`.
    pub first_heartbeat: Millis,
    /// `supervisor.worker.shutdown.sleep.secs`.
    pub kill: Millis,
}

/// A failed download is tried again after this time.
const RETRY_LOCALIZATION: Millis = 3_000;
/// Processes that are still there after this time are reported: not even SIGKILL ends them.
const STUCK: Millis = 120_000;
/// A worker that dies sooner than this counts as one that cannot work.
const SHORT_LIFE: Millis = 10_000;
/// So many short lives in a row are forgiven before relaunching slows down.
const FORGIVEN: u32 = 2;
const FIRST_BACKOFF: Millis = 500;
const LAST_BACKOFF: Millis = 30_000;
/// A worker that could not even be started is tried again after this time at the earliest.
const RETRY_LAUNCH: Millis = 1_000;

#[derive(Debug, Clone, PartialEq)]
pub struct Worker {
    pub id: String,
    pub assignment: Arc<LocalAssignment>,
    /// Or adopted at.
    pub launched_at: Millis,
    /// Launched by an earlier supervisor.
    pub adopted: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum State {
    Empty,
    /// `retry_at` is set after a failure.
    WaitingForBlobLocalization {
        assignment: Arc<LocalAssignment>,
        retry_at: Option<Millis>,
    },
    WaitingForWorkerStart {
        worker: Worker,
    },
    Running {
        worker: Worker,
        last_beat: Millis,
    },
    /// The worker has to go because the assignment changed.
    Kill(Killing),
    KillAndRelaunch(Killing),
    KillBlobUpdate(Killing),
    WaitingForBlobUpdate {
        assignment: Arc<LocalAssignment>,
        retry_at: Option<Millis>,
    },
    WaitingForRelaunch {
        assignment: Arc<LocalAssignment>,
        until: Millis,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct Killing {
    pub worker: Worker,
    pub since: Millis,
    /// When SIGKILL follows, and follows again.
    pub force_at: Millis,
    reported: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// What the port is to run from now on.
    Assign(Option<Arc<LocalAssignment>>),
    /// All files are there; `worker_timeout` is what the topology's own configuration asks for.
    Localized {
        topology_id: String,
        worker_timeout: Millis,
    },
    LocalizationFailed {
        topology_id: String,
        reason: String,
    },
    LaunchFailed {
        worker: String,
        reason: String,
    },
    /// The heartbeat file says that the worker was alive `age` ago.
    Beat {
        worker: String,
        age: Millis,
    },
    /// The main process has ended.
    Exited {
        worker: String,
        how: String,
    },
    /// No process of the worker is left.
    AllDead {
        worker: String,
    },
    /// A blob that the topology wants to be restarted for has a new version.
    BlobsChanged {
        topology_id: String,
    },
    BlobsUpdated {
        topology_id: String,
    },
    BlobUpdateFailed {
        topology_id: String,
        reason: String,
    },
    /// Time has passed.
    Tick,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Answered by `Localized` or `LocalizationFailed`.
    Localize(Arc<LocalAssignment>),
    /// The port needs the files of this topology no longer.
    Release {
        topology_id: String,
    },
    /// Remember worker and assignment on disk and start the process. Answered by `LaunchFailed` or, later, `Exited`.
    Launch {
        worker: String,
        assignment: Arc<LocalAssignment>,
    },
    /// SIGTERM to every process of the worker. Answered by `AllDead`, in time.
    Terminate {
        worker: String,
    },
    /// SIGKILL to every process of the worker. Answered by `AllDead`.
    ForceKill {
        worker: String,
    },
    /// Remove the worker's folder and its entry on disk.
    Clean {
        worker: String,
    },
    /// The assignment of the port is to be forgotten on disk.
    Forget,
    /// Answered by `BlobsUpdated` or `BlobUpdateFailed`.
    UpdateBlobs(Arc<LocalAssignment>),
    Info(String),
    Warn(String),
    Error(String),
}

/// What a step may look at besides state and event.
#[derive(Debug)]
pub struct Surroundings<'a> {
    pub now: Millis,
    pub timeouts: &'a Timeouts,
    /// For a worker to be launched: unused so far.
    pub fresh_id: &'a str,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Slot {
    port: u16,
    desired: Option<Arc<LocalAssignment>>,
    state: State,
    /// `topology.worker.timeout.secs` of what runs here.
    topology_timeout: Millis,
    blobs_changed: bool,
    short_lives: u32,
    last_error: Option<String>,
}

impl Slot {
    pub fn new(port: u16) -> Slot {
        Slot {
            port,
            desired: None,
            state: State::Empty,
            topology_timeout: 0,
            blobs_changed: false,
            short_lives: 0,
            last_error: None,
        }
    }

    /// A slot whose worker was found alive, or at least on record, when the supervisor started.
    pub fn adopted(port: u16, worker: Worker, topology_timeout: Millis, now: Millis) -> Slot {
        let desired = Some(worker.assignment.clone());
        Slot { desired, topology_timeout, state: State::Running { worker, last_beat: now }, ..Slot::new(port) }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    pub fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    /// The worker that has processes, or may have.
    pub fn worker(&self) -> Option<&Worker> {
        match &self.state {
            State::WaitingForWorkerStart { worker } | State::Running { worker, .. } => Some(worker),
            State::Kill(k) | State::KillAndRelaunch(k) | State::KillBlobUpdate(k) => Some(&k.worker),
            _ => None,
        }
    }

    /// The topology whose files the slot needs.
    pub fn topology_id(&self) -> Option<&str> {
        self.assignment().map(|a| a.topology_id.as_str())
    }

    fn assignment(&self) -> Option<&Arc<LocalAssignment>> {
        match &self.state {
            State::Empty => None,
            State::WaitingForBlobLocalization { assignment, .. }
            | State::WaitingForBlobUpdate { assignment, .. }
            | State::WaitingForRelaunch { assignment, .. } => Some(assignment),
            _ => self.worker().map(|w| &w.assignment),
        }
    }

    /// When a [`Event::Tick`] is due, if nothing happens before.
    pub fn deadline(&self, timeouts: &Timeouts) -> Option<Millis> {
        match &self.state {
            State::Empty => None,
            State::WaitingForBlobLocalization { retry_at, .. } | State::WaitingForBlobUpdate { retry_at, .. } => {
                *retry_at
            }
            State::WaitingForWorkerStart { worker } => Some(worker.launched_at + self.first_timeout(timeouts)),
            State::Running { last_beat, .. } => Some(last_beat + self.worker_timeout(timeouts)),
            State::Kill(k) | State::KillAndRelaunch(k) | State::KillBlobUpdate(k) => Some(k.force_at),
            State::WaitingForRelaunch { until, .. } => Some(*until),
        }
    }

    fn worker_timeout(&self, timeouts: &Timeouts) -> Millis {
        timeouts.worker.max(self.topology_timeout)
    }

    fn first_timeout(&self, timeouts: &Timeouts) -> Millis {
        self.worker_timeout(timeouts).max(timeouts.first_heartbeat)
    }

    /// What the slot does about `event`.
    pub fn step(mut self, event: Event, around: &Surroundings<'_>) -> (Slot, Vec<Effect>) {
        let mut effects = Vec::new();
        match event {
            Event::Assign(desired) => self.assign(desired, around, &mut effects),
            Event::Localized { topology_id, worker_timeout } => {
                if let State::WaitingForBlobLocalization { assignment, .. } = &self.state
                    && assignment.topology_id == topology_id
                {
                    self.topology_timeout = worker_timeout;
                    let assignment = assignment.clone();
                    self.launch_or_update(assignment, around, &mut effects);
                }
            }
            Event::LocalizationFailed { topology_id, reason } => {
                if let State::WaitingForBlobLocalization { assignment, retry_at } = &mut self.state
                    && assignment.topology_id == topology_id
                {
                    *retry_at = Some(around.now + RETRY_LOCALIZATION);
                    let text = format!(
                        "cannot get the files of {topology_id}: {reason}; trying again in {} s",
                        RETRY_LOCALIZATION / 1000
                    );
                    self.fail(text, &mut effects);
                }
            }
            Event::BlobsUpdated { topology_id } => {
                if let State::WaitingForBlobUpdate { assignment, .. } = &self.state
                    && assignment.topology_id == topology_id
                {
                    self.blobs_changed = false;
                    let assignment = assignment.clone();
                    self.launch(assignment, around, &mut effects);
                }
            }
            Event::BlobUpdateFailed { topology_id, reason } => {
                if let State::WaitingForBlobUpdate { assignment, retry_at } = &mut self.state
                    && assignment.topology_id == topology_id
                {
                    *retry_at = Some(around.now + RETRY_LOCALIZATION);
                    let text = format!("cannot update the files of {topology_id}: {reason}; trying again");
                    self.fail(text, &mut effects);
                }
            }
            Event::BlobsChanged { topology_id } => self.blobs_changed(&topology_id, around, &mut effects),
            Event::Beat { worker, age } => self.beat(&worker, age, around, &mut effects),
            Event::Exited { worker, how } => self.exited(&worker, &how, around, &mut effects),
            Event::LaunchFailed { worker, reason } => self.launch_failed(&worker, &reason, around, &mut effects),
            Event::AllDead { worker } => self.all_dead(&worker, around, &mut effects),
            Event::Tick => self.tick(around, &mut effects),
        }
        (self, effects)
    }

    fn assign(&mut self, desired: Option<Arc<LocalAssignment>>, around: &Surroundings<'_>, effects: &mut Vec<Effect>) {
        let unchanged = match (self.assignment(), &desired) {
            (None, None) => true,
            (Some(a), Some(b)) => equivalent(a, b),
            _ => false,
        };
        self.desired = desired;
        if unchanged {
            return;
        }
        match &self.state {
            State::Empty => self.start_over(effects),
            State::WaitingForBlobLocalization { assignment, .. }
            | State::WaitingForBlobUpdate { assignment, .. }
            | State::WaitingForRelaunch { assignment, .. } => {
                effects.push(Effect::Release { topology_id: assignment.topology_id.clone() });
                // A slot that waits for a relaunch is still on record with its assignment.
                effects.push(Effect::Forget);
                self.start_over(effects);
            }
            State::WaitingForWorkerStart { worker } | State::Running { worker, .. } => {
                let worker = worker.clone();
                let why =
                    if self.desired.is_some() { "its assignment changed" } else { "it is no longer assigned here" };
                self.terminate(worker, State::Kill, why, around, effects);
            }
            // Decided when the worker is dead.
            State::Kill(_) | State::KillAndRelaunch(_) | State::KillBlobUpdate(_) => {}
        }
    }

    /// Empty, or at the start of the way to a worker.
    fn start_over(&mut self, effects: &mut Vec<Effect>) {
        self.blobs_changed = false;
        self.short_lives = 0;
        self.topology_timeout = 0;
        self.last_error = None;
        self.state = match &self.desired {
            None => State::Empty,
            Some(assignment) => {
                effects.push(Effect::Localize(assignment.clone()));
                State::WaitingForBlobLocalization { assignment: assignment.clone(), retry_at: None }
            }
        };
    }

    fn launch_or_update(
        &mut self,
        assignment: Arc<LocalAssignment>,
        around: &Surroundings<'_>,
        effects: &mut Vec<Effect>,
    ) {
        if self.blobs_changed {
            self.update(assignment, effects);
        } else {
            self.launch(assignment, around, effects);
        }
    }

    fn update(&mut self, assignment: Arc<LocalAssignment>, effects: &mut Vec<Effect>) {
        effects.push(Effect::UpdateBlobs(assignment.clone()));
        self.state = State::WaitingForBlobUpdate { assignment, retry_at: None };
    }

    fn launch(&mut self, assignment: Arc<LocalAssignment>, around: &Surroundings<'_>, effects: &mut Vec<Effect>) {
        let id = around.fresh_id.to_owned();
        effects.push(Effect::Launch { worker: id.clone(), assignment: assignment.clone() });
        self.state =
            State::WaitingForWorkerStart { worker: Worker { id, assignment, launched_at: around.now, adopted: false } };
    }

    fn terminate(
        &mut self,
        worker: Worker,
        state: fn(Killing) -> State,
        why: &str,
        around: &Surroundings<'_>,
        effects: &mut Vec<Effect>,
    ) {
        effects
            .push(Effect::Info(format!("stopping worker {} of {}: {why}", worker.id, worker.assignment.topology_id)));
        effects.push(Effect::Terminate { worker: worker.id.clone() });
        let force_at = around.now + around.timeouts.kill;
        self.state = state(Killing { worker, since: around.now, force_at, reported: false });
    }

    fn beat(&mut self, id: &str, age: Millis, around: &Surroundings<'_>, effects: &mut Vec<Effect>) {
        let beaten_at = around.now.saturating_sub(age);
        let timeout = self.worker_timeout(around.timeouts);
        match &mut self.state {
            State::WaitingForWorkerStart { worker } if worker.id == id && age <= timeout => {
                let took = around.now - worker.launched_at.min(around.now);
                effects.push(Effect::Info(format!("worker {id} runs, {took} ms after its launch")));
                self.last_error = None;
                self.state = State::Running { worker: worker.clone(), last_beat: beaten_at };
            }
            State::Running { worker, last_beat } if worker.id == id => *last_beat = (*last_beat).max(beaten_at),
            _ => {}
        }
    }

    fn exited(&mut self, id: &str, how: &str, around: &Surroundings<'_>, effects: &mut Vec<Effect>) {
        let worker = match &self.state {
            State::WaitingForWorkerStart { worker } | State::Running { worker, .. } if worker.id == id => {
                worker.clone()
            }
            // A worker that is being stopped is expected to end.
            _ => return,
        };
        let life = around.now.saturating_sub(worker.launched_at);
        // Nobody knows how long an adopted worker has lived.
        self.short_lives = if life < SHORT_LIFE && !worker.adopted { self.short_lives + 1 } else { 0 };
        let after = if worker.adopted { String::new() } else { format!(" after {life} ms") };
        let text = format!("worker {id} of {} ended{after}: {how}", worker.assignment.topology_id);
        self.fail(text, effects);
        // What is left are children without their worker: nobody is there who could end them in good order.
        effects.push(Effect::ForceKill { worker: worker.id.clone() });
        let force_at = around.now + around.timeouts.kill;
        self.state = State::KillAndRelaunch(Killing { worker, since: around.now, force_at, reported: false });
    }

    fn launch_failed(&mut self, id: &str, reason: &str, around: &Surroundings<'_>, effects: &mut Vec<Effect>) {
        let State::WaitingForWorkerStart { worker } = &self.state else { return };
        if worker.id != id {
            return;
        }
        let assignment = worker.assignment.clone();
        self.short_lives += 1;
        let pause = backoff(self.short_lives).max(RETRY_LAUNCH);
        let text =
            format!("cannot launch a worker of {}: {reason}; trying again in {} ms", assignment.topology_id, pause);
        self.fail(text, effects);
        effects.push(Effect::Clean { worker: id.to_owned() });
        self.state = State::WaitingForRelaunch { assignment, until: around.now + pause };
    }

    fn all_dead(&mut self, id: &str, around: &Surroundings<'_>, effects: &mut Vec<Effect>) {
        let (killing, relaunch, update) = match &self.state {
            State::Kill(k) => (k, false, false),
            State::KillAndRelaunch(k) => (k, true, self.blobs_changed),
            State::KillBlobUpdate(k) => (k, true, true),
            _ => return,
        };
        if killing.worker.id != id {
            return;
        }
        let assignment = killing.worker.assignment.clone();
        effects.push(Effect::Clean { worker: id.to_owned() });
        let still_wanted = self.desired.as_ref().is_some_and(|d| equivalent(d, &assignment));
        if !(relaunch && still_wanted) {
            effects.push(Effect::Release { topology_id: assignment.topology_id.clone() });
            effects.push(Effect::Forget);
            self.start_over(effects);
        } else if update {
            self.update(assignment, effects);
        } else {
            match backoff(self.short_lives) {
                0 => self.launch(assignment, around, effects),
                pause => {
                    effects.push(Effect::Warn(format!(
                        "{} workers of {} in a row did not live for {} s: the next is launched in {pause} ms",
                        self.short_lives,
                        assignment.topology_id,
                        SHORT_LIFE / 1000
                    )));
                    self.state = State::WaitingForRelaunch { assignment, until: around.now + pause };
                }
            }
        }
    }

    fn blobs_changed(&mut self, topology_id: &str, around: &Surroundings<'_>, effects: &mut Vec<Effect>) {
        if self.topology_id() != Some(topology_id) {
            return;
        }
        self.blobs_changed = true;
        if let State::WaitingForWorkerStart { worker } | State::Running { worker, .. } = &self.state {
            let worker = worker.clone();
            self.terminate(worker, State::KillBlobUpdate, "a blob of its topology has a new version", around, effects);
        }
    }

    fn tick(&mut self, around: &Surroundings<'_>, effects: &mut Vec<Effect>) {
        if self.deadline(around.timeouts).is_none_or(|due| around.now < due) {
            return;
        }
        let (first, beat) = (self.first_timeout(around.timeouts), self.worker_timeout(around.timeouts));
        match &mut self.state {
            State::Empty => {}
            State::WaitingForBlobLocalization { assignment, retry_at } => {
                *retry_at = None;
                effects.push(Effect::Localize(assignment.clone()));
            }
            State::WaitingForBlobUpdate { assignment, retry_at } => {
                *retry_at = None;
                effects.push(Effect::UpdateBlobs(assignment.clone()));
            }
            State::WaitingForRelaunch { assignment, .. } => {
                let assignment = assignment.clone();
                // By way of the files: they may be what is missing.
                effects.push(Effect::Localize(assignment.clone()));
                self.state = State::WaitingForBlobLocalization { assignment, retry_at: None };
            }
            State::WaitingForWorkerStart { worker } => {
                let worker = worker.clone();
                let why = format!("no heartbeat within {} s of its launch", first / 1000);
                self.fail(format!("worker {}: {why}", worker.id), effects);
                self.terminate(worker, State::KillAndRelaunch, &why, around, effects);
            }
            State::Running { worker, .. } => {
                let worker = worker.clone();
                let why = format!("its last heartbeat is more than {} s old", beat / 1000);
                self.fail(format!("worker {}: {why}", worker.id), effects);
                self.terminate(worker, State::KillAndRelaunch, &why, around, effects);
            }
            State::Kill(k) | State::KillAndRelaunch(k) | State::KillBlobUpdate(k) => {
                k.force_at = around.now + around.timeouts.kill.max(1_000);
                effects.push(Effect::ForceKill { worker: k.worker.id.clone() });
                if around.now - k.since >= STUCK && !k.reported {
                    k.reported = true;
                    let text = format!(
                        "worker {} has processes that {} s of SIGKILL did not end: the slot stays blocked; look at them with ps",
                        k.worker.id,
                        STUCK / 1000
                    );
                    self.fail(text, effects);
                }
            }
        }
    }

    fn fail(&mut self, text: String, effects: &mut Vec<Effect>) {
        self.last_error = Some(text.clone());
        effects.push(Effect::Error(text));
    }
}

/// Pause before the launch that follows so many short lives in a row.
fn backoff(short_lives: u32) -> Millis {
    match short_lives.checked_sub(FORGIVEN + 1) {
        None => 0,
        Some(n) => FIRST_BACKOFF.saturating_mul(1 << n.min(10)).min(LAST_BACKOFF),
    }
}

#[cfg(test)]
#[path = "slot_tests.rs"]
mod tests;
