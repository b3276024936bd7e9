//! A data thread's work: many tasks, one after another. Which thread of the system does it is a matter of `crew.rs`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use storm_topology::{ComponentError, ValueRef, Watch};

use crate::batch::Batch;
use crate::bell::Bell;
use crate::bolt::Waits;
use crate::call::Role;
use crate::hold;
use crate::ledger::Contribution;
use crate::net::{self, Arrival, InFrame};
use crate::outbound::Outbound;
use crate::plan::Plan;
use crate::ring::Inlet;
use crate::shared::{Mail, SharedRef};
use crate::task::{Death, LocalTask, Program, Sources, panic_text};

/// How long a thread in full work looks out for more before it sleeps. Waking costs the sender microseconds, and the sleeper more.
const LOOKOUT: Duration = Duration::from_micros(25);
/// Rows or contributions in one turn that count as full work. Below, tuples travel alone, and a lookout would cost more than it
/// gives.
const FULL_WORK: usize = 32;

pub(crate) struct DataThread {
    pub(crate) shared: SharedRef,
    pub(crate) plan: Arc<Plan>,
    pub(crate) tasks: Vec<LocalTask>,
    pub(crate) out: Outbound,
    pub(crate) batches_in: Vec<Inlet<Box<Batch>>>,
    pub(crate) contributions_in: Vec<Inlet<Contribution>>,
    /// Position of task n in `tasks`, at n - 1.
    pub(crate) position: Vec<Option<usize>>,
    pub(crate) sources: Sources,
    /// Whether it belongs to a component that may block.
    pub(crate) blocking: bool,
    run_queue: VecDeque<usize>,
    /// Bolts that wait for credit.
    blocked: Vec<usize>,
    spouts: Vec<usize>,
    mail: Vec<Mail>,
    /// Rows and contributions in the last turn that had any.
    moved: usize,
    course: Course,
}

/// Whether it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    Running,
    /// It was told to stop.
    Stopping,
    /// A component has died.
    Dead,
}

impl DataThread {
    pub(crate) fn new(
        shared: SharedRef,
        plan: Arc<Plan>,
        tasks: Vec<LocalTask>,
        out: Outbound,
        batches_in: Vec<Inlet<Box<Batch>>>,
        contributions_in: Vec<Inlet<Contribution>>,
    ) -> DataThread {
        let mut position = vec![None; shared.tasks.len()];
        let mut spouts = Vec::new();
        for (at, task) in tasks.iter().enumerate() {
            position[task.around.identity.task as usize - 1] = Some(at);
            if matches!(task.program, Program::Spout(_)) {
                spouts.push(at);
            }
        }
        DataThread {
            sources: Sources::new(plan.clone()),
            blocking: tasks.iter().any(LocalTask::is_blocking),
            shared,
            plan,
            tasks,
            out,
            batches_in,
            contributions_in,
            position,
            run_queue: VecDeque::new(),
            blocked: Vec::new(),
            spouts,
            mail: Vec::new(),
            moved: 0,
            course: Course::Running,
        }
    }

    /// Opens the components.
    pub(crate) fn start(&mut self) {
        for at in 0..self.tasks.len() {
            if let Err(death) = self.open(at) {
                return self.die(at, &death);
            }
        }
        match Bell::own(self.blocking) {
            Ok(bell) => self.shared.threads[self.out.id].sleeper.occupy(bell),
            Err(e) => self.die(0, &Death(format!("its thread cannot have an eventfd: {e}"))),
        }
    }

    /// Sleeps until it is called, or a bolt's watch is ready, or the time is over.
    pub(crate) fn wait(&self, limit: Option<Duration>) {
        let Some(bell) = self.shared.threads[self.out.id].sleeper.bell() else { return };
        let bolts = self.tasks.iter().filter_map(|task| match &task.program {
            Program::Bolt(state) => Some((task.around.identity.task, state.bolt.watch())),
            Program::Spout(_) => None,
        });
        let (tasks, watches): (Vec<i32>, Vec<Watch<'_>>) = bolts.unzip();
        for (task, ready) in tasks.into_iter().zip(bell.wait(&watches, limit)) {
            if ready {
                self.shared.leave_wake(task);
            }
        }
    }

    /// Whether it was neither told to stop nor is a component dead.
    pub(crate) fn is_running(&self) -> bool {
        self.course == Course::Running
    }

    /// Once around; bolts get so long before the spouts have their turn. Whether there was anything to do.
    pub(crate) fn step(&mut self, bolts: Duration) -> bool {
        self.turn(bolts).unwrap_or_else(|(at, death)| {
            self.die(at, &death);
            false
        })
    }

    /// Closes the components, unless one of them has died.
    pub(crate) fn finish(&mut self) {
        if self.course != Course::Dead {
            self.tasks.iter_mut().for_each(close);
        }
    }

    fn die(&mut self, at: usize, death: &Death) {
        self.course = Course::Dead;
        self.shared.die(self.tasks[at].around.about(&death.0));
    }

    fn open(&mut self, at: usize) -> Result<(), Death> {
        let LocalTask { around, context, program, .. } = &mut self.tasks[at];
        match program {
            Program::Spout(state) => {
                let role = state.role();
                around.guard(&mut self.out, role, |_| state.spout.open(context))
            }
            Program::Bolt(state) => {
                around.guard(&mut self.out, Role::Bolt { input: None }, |_| state.bolt.prepare(context))?;
                state.mode = state.bolt.ack_mode();
                Ok(())
            }
        }
    }

    /// Once around: mail, rings, bolts, spouts. Whether there was anything to do.
    fn turn(&mut self, bolts: Duration) -> Result<bool, (usize, Death)> {
        self.out.tick_clock();
        hold::before_calls(self.out.now);
        let mut moved = 0;
        let mut worked = self.read_mail()?;
        let (arrived, contributions) = self.read_rings();
        worked |= arrived;
        moved += contributions;
        worked |= self.out.retry();
        self.unblock();
        let started = self.out.tick_clock();
        while let Some(at) = self.run_queue.pop_front() {
            worked = true;
            moved += self.run_bolt(at)?;
            let went_on = self.deliver();
            if !went_on && self.out.owes_much() {
                // Nothing of what was just run goes on here: what its trees are owed is as complete as it gets.
                self.out.flush_contributions();
            }
            if self.blocking || self.out.clock - started > bolts {
                break;
            }
        }
        for i in 0..self.spouts.len() {
            let at = self.spouts[i];
            if self.tasks[at].spout_has_work(&self.out, &self.shared, started) {
                worked |= self.tasks[at].run_spout(&mut self.out).map_err(|d| (at, d))?;
                self.deliver();
            }
        }
        self.out.flush_contributions();
        if worked {
            self.moved = moved;
        }
        let worked = worked || !self.run_queue.is_empty();
        self.out.flush_network(!worked || !self.is_running() || self.blocking);
        Ok(worked)
    }

    fn run_bolt(&mut self, at: usize) -> Result<usize, (usize, Death)> {
        let task = &mut self.tasks[at];
        let blocked = task.around.routes.is_blocked(&self.shared);
        let Program::Bolt(state) = &mut task.program else { return Ok(0) };
        if blocked {
            state.waits = Waits::ForCredit;
            self.blocked.push(at);
            return Ok(0);
        }
        let rows = task.run_bolt(&mut self.out, &mut self.sources).map_err(|d| (at, d))?;
        self.enqueue(at);
        Ok(rows)
    }

    /// Puts a bolt into the run queue if it has input and waits for nothing else.
    fn enqueue(&mut self, at: usize) {
        let task = &mut self.tasks[at];
        if let Program::Bolt(state) = &mut task.program
            && state.waits == Waits::ForInput
            && !task.queue.is_empty()
        {
            state.waits = Waits::InQueue;
            self.run_queue.push_back(at);
        }
    }

    fn accept(&mut self, at: usize, batch: Box<Batch>) {
        self.tasks[at].queue.push_back(batch);
        self.enqueue(at);
    }

    /// Hands out what was sent to tasks of this thread; whether there was anything.
    fn deliver(&mut self) -> bool {
        let mut here = std::mem::take(&mut self.out.here);
        let any = !here.is_empty();
        for (at, batch) in here.drain(..) {
            self.accept(at, batch);
        }
        self.out.here = here;
        any
    }

    fn unblock(&mut self) {
        let mut i = 0;
        while i < self.blocked.len() {
            let at = self.blocked[i];
            if self.tasks[at].around.routes.is_blocked(&self.shared) {
                i += 1;
                continue;
            }
            self.blocked.swap_remove(i);
            if let Program::Bolt(state) = &mut self.tasks[at].program {
                state.waits = Waits::ForInput;
            }
            self.enqueue(at);
        }
    }

    /// Whether there was anything, and how many contributions.
    fn read_rings(&mut self) -> (bool, usize) {
        let mut worked = false;
        let mut contributions = 0;
        let mut inlets = std::mem::take(&mut self.contributions_in);
        for inlet in &mut inlets {
            let (count, stalled) = inlet.drain(|c| self.out.contribute(c));
            worked |= count > 0;
            contributions += count;
            if stalled {
                self.shared.threads[inlet.from].sleeper.wake();
            }
        }
        self.contributions_in = inlets;
        let mut inlets = std::mem::take(&mut self.batches_in);
        for inlet in &mut inlets {
            let (count, stalled) = inlet.drain(|batch| {
                if let Some(at) = self.position[batch.to as usize - 1] {
                    self.accept(at, batch);
                }
            });
            worked |= count > 0;
            if stalled {
                self.shared.threads[inlet.from].sleeper.wake();
            }
        }
        self.batches_in = inlets;
        (worked, contributions)
    }

    fn read_mail(&mut self) -> Result<bool, (usize, Death)> {
        if !self.shared.threads[self.out.id].has_mail() {
            return Ok(false);
        }
        let mut mail = std::mem::take(&mut self.mail);
        self.shared.threads[self.out.id].take_mail(&mut mail);
        for letter in mail.drain(..) {
            match letter {
                Mail::Tick { task, seconds } => self.tick(task, seconds),
                Mail::Wake { task } => self.wake(task)?,
                Mail::Sweep => self.sweep(),
                Mail::FailBefore { micros } => {
                    self.out.tick_clock();
                    self.out.ledgers.iter_mut().for_each(|l| l.fail_before(micros));
                }
                Mail::Orphans(arrival) => self.drop_orphans(&arrival),
                Mail::Frame(frame) => self.take_frame(frame),
                Mail::Stop => self.course = Course::Stopping,
            }
        }
        self.mail = mail;
        Ok(true)
    }

    fn tick(&mut self, task: i32, seconds: i64) {
        self.shared.task(task).tick_due.store(false, Ordering::Release);
        let Some(at) = self.position[task as usize - 1] else { return };
        let mut batch = self.out.fresh(self.plan.tick_stream, -1, task, 1);
        batch.push(&[ValueRef::Int(seconds)], 0, 0);
        batch.cost = 1;
        self.shared.charge(task, 1);
        self.accept(at, batch);
    }

    fn wake(&mut self, task: i32) -> Result<(), (usize, Death)> {
        // Before the call: a wake that comes during it must lead to another one.
        self.shared.task(task).woken.store(false, Ordering::Release);
        let Some(at) = self.position[task as usize - 1] else { return Ok(()) };
        let local = &mut self.tasks[at];
        let woken = match local.program {
            Program::Spout(_) => local.wake_spout(&mut self.out),
            Program::Bolt(_) => local.wake_bolt(&mut self.out),
        };
        woken.map_err(|d| (at, d))?;
        if let Program::Bolt(state) = &mut local.program
            && state.waits == Waits::ForWake
        {
            state.waits = Waits::ForInput;
        }
        self.deliver();
        self.enqueue(at);
        Ok(())
    }

    fn sweep(&mut self) {
        let Some(timeout) = self.shared.settings.message_timeout else { return };
        self.out.tick_clock();
        let now = self.out.now;
        for ledger in &mut self.out.ledgers {
            ledger.sweep(now, timeout.as_micros() as u64);
        }
    }

    fn drop_orphans(&mut self, arrival: &Arc<Arrival>) {
        for task in &mut self.tasks {
            let mut dropped = 0;
            // The first batch may be half processed.
            let mut first = true;
            task.queue.retain(|batch| {
                let orphan = batch.arrival.as_ref().is_some_and(|(from, _)| Arc::ptr_eq(from, arrival));
                let keep = std::mem::replace(&mut first, false) || !orphan;
                dropped += if keep { 0 } else { batch.cost };
                keep
            });
            if dropped > 0 {
                self.shared.release(task.around.identity.task, dropped);
            }
        }
    }

    fn take_frame(&mut self, frame: InFrame) {
        let share = frame.share();
        let InFrame { kind, body, arrival } = frame;
        if kind == net::CONTRIBUTIONS {
            match net::decode_contributions(&body) {
                Ok(list) => {
                    self.out.tick_clock();
                    list.for_each(|c| self.out.contribute_here(c));
                }
                Err(error) => arrival.refuse(&error),
            }
            arrival.let_go(share);
            return;
        }
        match net::decode_batch(&body, &self.plan, &mut self.out) {
            Ok(mut batch) => {
                let (task, cost) = (batch.to, batch.cost);
                batch.arrival = Some((arrival, share));
                if let Some(at) = self.position[task as usize - 1] {
                    self.shared.charge(task, cost);
                    self.accept(at, batch);
                }
            }
            Err(error) => {
                arrival.refuse(&error);
                arrival.let_go(share);
            }
        }
    }

    /// In full work, waits a moment for more; whether some came.
    pub(crate) fn look_out(&mut self) -> bool {
        if self.moved < FULL_WORK {
            return false;
        }
        let until = Instant::now() + LOOKOUT;
        loop {
            let now = Instant::now();
            for _ in 0..16 {
                if self.has_work(now) {
                    return true;
                }
                std::hint::spin_loop();
            }
            if now >= until {
                return false;
            }
            // Others may need the core.
            std::thread::yield_now();
        }
    }

    /// When a spout wants to be asked next.
    pub(crate) fn deadline(&self, now: Instant) -> Option<Instant> {
        let of_spouts = self.spouts.iter().filter_map(|at| match &self.tasks[*at].program {
            Program::Spout(state) => state.deadline(),
            Program::Bolt(_) => None,
        });
        // One that is due already and yet has no work waits for something other than time.
        of_spouts.filter(|at| *at > now).min()
    }

    /// Whether [`DataThread::step`] would find anything to do.
    pub(crate) fn has_work(&self, now: Instant) -> bool {
        self.shared.threads[self.out.id].has_mail()
            || self.batches_in.iter().any(|i| !i.is_empty())
            || self.contributions_in.iter().any(|i| !i.is_empty())
            || !self.run_queue.is_empty()
            || self.out.could_retry()
            || self.blocked.iter().any(|at| !self.tasks[*at].around.routes.is_blocked(&self.shared))
            || self.spouts.iter().any(|at| self.tasks[*at].spout_has_work(&self.out, &self.shared, now))
    }
}

fn close(task: &mut LocalTask) {
    let program = &mut task.program;
    let closed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match program {
        Program::Spout(state) => state.spout.close(),
        Program::Bolt(state) => state.bolt.cleanup(),
    }));
    if let Err(panic) = closed {
        let error = ComponentError::fatal(panic_text(&*panic));
        tracing::warn!(component = %task.around.identity.component, task = task.around.identity.task, "while closing: {error}");
    }
}
