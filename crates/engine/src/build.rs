//! From a spec to threads that are ready to start.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use storm_thrift::types::ExecutorInfo;
use storm_topology::ComponentInstance;
use storm_topology::system::ComponentKind;
use tokio::sync::mpsc;

use crate::bolt::BoltState;
use crate::call::Identity;
use crate::contexts::Contexts;
use crate::counters::TaskCounts;
use crate::error::EngineError;
use crate::hold::{self, Holds};
use crate::ledger::Ledger;
use crate::net::PeerTable;
use crate::outbound::{Outbound, Owner};
use crate::placement::place;
use crate::plan::Plan;
use crate::ring::ring;
use crate::root::MAX_SLOTS;
use crate::routes::{Place, Routes};
use crate::shared::{Shared, SharedRef};
use crate::spec::{ComponentReport, EngineSpec, Settings, number};
use crate::spout::SpoutState;
use crate::stats::Statistics;
use crate::task::{LocalTask, Program, Surroundings, Throttle};
use crate::thread::DataThread;
use crate::timer::{self, Event};

/// Batches in a ring between two threads.
const BATCH_RING: usize = 256;
/// Contributions in a ring between two threads.
const CONTRIBUTION_RING: usize = 8192;

pub(crate) struct Built {
    pub(crate) shared: SharedRef,
    pub(crate) threads: Vec<(String, DataThread)>,
    pub(crate) statistics: Statistics,
    pub(crate) events: Vec<(Duration, Event)>,
}

pub(crate) fn build(
    spec: &EngineSpec,
    errors: mpsc::Sender<ComponentReport>,
    fatal: mpsc::Sender<ComponentReport>,
) -> Result<Built, EngineError> {
    let plan = Arc::new(Plan::new(&spec.topology)?);
    let settings = Settings::read(&spec.conf, &spec.topology);
    let executors = check_executors(&plan, &spec.executors)?;
    let mut instances = create(spec, &plan, &executors)?;
    let blocking = |e: &ExecutorInfo| {
        (e.task_start..=e.task_end).any(|t| instances[t as usize - 1].as_ref().is_some_and(ComponentInstance::blocking))
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let shared_threads = if spec.data_threads == 0 { cores } else { spec.data_threads };
    let running: Vec<ExecutorInfo> =
        executors.iter().filter(|e| plan.component(e.task_start).is_user()).cloned().collect();
    let placement = place(&plan, &running, blocking, shared_threads);

    let tasks_of: Vec<Vec<i32>> =
        placement.iter().map(|t| t.iter().flat_map(|e| e.task_start..=e.task_end).collect()).collect();
    // Task to (thread, position there).
    let mut location: Vec<Option<(usize, usize)>> = vec![None; plan.component_of.len()];
    for (thread, tasks) in tasks_of.iter().enumerate() {
        for (at, task) in tasks.iter().enumerate() {
            location[*task as usize - 1] = Some((thread, at));
        }
    }
    let upstream = upstream_threads(&plan, &location);
    let shared_tasks = location.iter().map(|l| l.map(|(thread, _)| thread)).zip(upstream).collect();
    let peers = PeerTable::new(plan.component_of.len());
    let shared = Arc::new(Shared::new(settings, placement.len(), shared_tasks, peers, errors, fatal));

    let contexts = Contexts::new(spec);
    let mut counts = Vec::new();
    let mut events = vec![timer::rotation(), (hold::LOOK, Event::Watch(plan.clone()))];
    let mut threads = Vec::new();
    let mut spout_threads = Vec::new();
    for (thread, tasks) in tasks_of.iter().enumerate() {
        let (owners, ledgers) = ledgers_of(&plan, &location, thread);
        if !ledgers.is_empty() {
            spout_threads.push(thread);
        }
        let mut local = Vec::new();
        for task in tasks {
            let instance = instances[*task as usize - 1].take();
            let Some(instance) = instance else { continue };
            let task = local_task(spec, &plan, &shared, &contexts, &location, &owners, thread, *task, instance);
            if let Some(event) = tick_event(&task) {
                events.push(event);
            }
            counts.push(task.around.counts.clone());
            local.push(task);
        }
        let name = thread_name(thread, &placement[thread], &plan, local.iter().any(LocalTask::is_blocking));
        let out = Outbound::new(thread, shared.clone(), rand::random(), owners, ledgers);
        threads.push((name, DataThread::new(shared.clone(), plan.clone(), local, out, Vec::new(), Vec::new())));
    }
    connect(&mut threads, &spout_threads);
    if let Some(timeout) =
        shared.settings.message_timeout.filter(|_| shared.settings.acking && !spout_threads.is_empty())
    {
        events.push((timer::sweep_period(timeout), Event::Sweep { threads: spout_threads }));
    }
    let statistics = Statistics::new(&plan, &spec.executors, &counts, shared.now_millis());
    Ok(Built { shared, threads, statistics, events })
}

/// The executors with tasks of the topology, checked.
fn check_executors(plan: &Plan, executors: &[ExecutorInfo]) -> Result<Vec<ExecutorInfo>, EngineError> {
    let tasks = plan.component_of.len();
    let numbered: Vec<ExecutorInfo> = executors.iter().filter(|e| e.task_start != -1).cloned().collect();
    for e in &numbered {
        for task in [e.task_start, e.task_end] {
            if task < 1 || task as usize > tasks {
                return Err(EngineError::UnknownTask { task, tasks });
            }
        }
    }
    Ok(numbered)
}

/// The programs of all tasks here, at task - 1.
fn create(
    spec: &EngineSpec,
    plan: &Plan,
    executors: &[ExecutorInfo],
) -> Result<Vec<Option<ComponentInstance>>, EngineError> {
    let mut instances: Vec<Option<ComponentInstance>> = plan.component_of.iter().map(|_| None).collect();
    for task in executors.iter().flat_map(|e| e.task_start..=e.task_end) {
        let component = plan.component(task);
        if !component.is_user() {
            continue;
        }
        let name = component.name.to_string();
        let instance = spec.factory.create(&name, task);
        let instance =
            instance.map_err(|e| EngineError::Component { component: name.clone(), task, cause: e.to_string() })?;
        let declared = if component.kind == ComponentKind::Spout { "spout" } else { "bolt" };
        let found = if matches!(instance, ComponentInstance::Spout(_)) { "spout" } else { "bolt" };
        if declared != found {
            return Err(EngineError::WrongKind { component: name, task, declared, found });
        }
        instances[task as usize - 1] = Some(instance);
    }
    Ok(instances)
}

/// For each task, the threads of this worker that send to it.
fn upstream_threads(plan: &Plan, location: &[Option<(usize, usize)>]) -> Vec<Vec<usize>> {
    let mut upstream = vec![BTreeSet::new(); location.len()];
    for stream in &plan.streams {
        let Some(emitter) = plan.components.get(stream.component) else { continue };
        let threads: BTreeSet<usize> =
            emitter.tasks.iter().filter_map(|t| location[*t as usize - 1]).map(|(thread, _)| thread).collect();
        for task in stream.subscriptions.iter().flat_map(|s| &plan.components[s.component].tasks) {
            upstream[*task as usize - 1].extend(&threads);
        }
    }
    upstream.into_iter().map(|set| set.into_iter().collect()).collect()
}

/// Where each spout task's ledger is, seen from a thread, and the ledgers of that thread.
fn ledgers_of(plan: &Plan, location: &[Option<(usize, usize)>], thread: usize) -> (Vec<Owner>, Vec<Ledger>) {
    let mut ledgers = Vec::new();
    let owners = plan
        .spout_tasks
        .iter()
        .enumerate()
        .map(|(owner, task)| match location[*task as usize - 1] {
            Some((t, _)) if t == thread => {
                ledgers.push(Ledger::new(owner, rand::random()));
                Owner::Here(ledgers.len() - 1)
            }
            Some((t, _)) => Owner::Thread(t),
            None => Owner::Remote(*task),
        })
        .collect();
    (owners, ledgers)
}

#[expect(clippy::too_many_arguments, reason = "one call, and each is another part of the picture")]
fn local_task(
    spec: &EngineSpec,
    plan: &Plan,
    shared: &SharedRef,
    contexts: &Contexts,
    location: &[Option<(usize, usize)>],
    owners: &[Owner],
    thread: usize,
    task: i32,
    instance: ComponentInstance,
) -> LocalTask {
    let index = plan.component_of[task as usize - 1];
    let component = &plan.components[index];
    let place = |t: i32| match location[t as usize - 1] {
        Some((there, at)) if there == thread => Place::Here(at),
        Some((there, _)) => Place::Thread(there),
        None => Place::Remote,
    };
    let context = contexts.of(spec, shared, task);
    let conf = |key: &str| context.conf(key).and_then(number);
    let throttle = Throttle::new(
        conf("topology.error.throttle.interval.secs").unwrap_or(10),
        conf("topology.max.error.report.per.interval").unwrap_or(5),
    );
    let blocking = instance.blocking();
    let program = match instance {
        ComponentInstance::Bolt(bolt) => Program::Bolt(BoltState::new(bolt, blocking)),
        ComponentInstance::Spout(spout) => {
            let owner = plan.spout_tasks.iter().position(|t| *t == task).and_then(|o| owners.get(o));
            let ledger = match owner {
                Some(Owner::Here(ledger)) => *ledger,
                // Each spout task here has its ledger here.
                _ => unreachable!("spout task {task} has no ledger on its own thread"),
            };
            let max_pending = conf("topology.max.spout.pending").filter(|n| *n > 0).unwrap_or(MAX_SLOTS as i64);
            Program::Spout(SpoutState::new(spout, ledger, max_pending as usize, blocking))
        }
    };
    let is_spout = component.kind == ComponentKind::Spout;
    LocalTask {
        around: Surroundings {
            identity: Identity { task, component: component.name.clone(), inputs: component.inputs.clone() },
            counts: Arc::new(TaskCounts::new(task, is_spout, component.streams.len(), component.inputs.len())),
            routes: Routes::new(plan, index, shared.settings.load_aware, place),
            untracked: Vec::new(),
            fault: None,
            halt: Default::default(),
            throttle,
            holds: Holds::default(),
        },
        context,
        program,
        queue: Default::default(),
    }
}

fn tick_event(task: &LocalTask) -> Option<(Duration, Event)> {
    let seconds = task.context.conf("topology.tick.tuple.freq.secs").and_then(number).filter(|s| *s > 0)?;
    matches!(task.program, Program::Bolt(_))
        .then(|| (Duration::from_secs(seconds as u64), Event::Tick { task: task.around.identity.task, seconds }))
}

fn thread_name(thread: usize, executors: &[ExecutorInfo], plan: &Plan, blocking: bool) -> String {
    match executors.first().filter(|_| blocking) {
        Some(e) => format!("{}-{}", plan.component(e.task_start).name, e.task_start),
        None => format!("data-{thread}"),
    }
}

/// Lays the rings between threads that talk.
fn connect(threads: &mut [(String, DataThread)], spout_threads: &[usize]) {
    for from in 0..threads.len() {
        let tasks = &threads[from].1.tasks;
        let mut to = BTreeSet::new();
        for lane in tasks.iter().flat_map(|t| &t.around.routes.lanes) {
            if let Place::Thread(thread) = lane.place {
                to.insert(thread);
            }
        }
        let has_bolts = tasks.iter().any(|t| matches!(t.program, Program::Bolt(_)));
        for to in to {
            let (outlet, inlet) = ring(from, BATCH_RING);
            let (home, back) = rtrb::RingBuffer::new(BATCH_RING);
            threads[from].1.out.data[to] = Some(outlet);
            threads[from].1.out.returns.push(back);
            threads[to].1.batches_in.push(inlet);
            threads[to].1.out.homes[from] = Some(home);
        }
        for &to in spout_threads.iter().filter(|to| has_bolts && **to != from) {
            let (outlet, inlet) = ring(from, CONTRIBUTION_RING);
            threads[from].1.out.contributions[to] = Some(outlet);
            threads[to].1.contributions_in.push(inlet);
        }
    }
}
