//! A scheduling round: who is dead, who goes where, written to ZooKeeper and pushed to supervisors.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use storm_scheduler::{Problem, Slot, Solution, TopologyDetails, schedule};
use storm_thrift::types::{Assignment, StormBase, SupervisorAssignments};
use storm_zk::ZkError;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::assign::{Context, alive, assignment, details, nodes, nodes_of};
use crate::heartbeats::slot_of;
use crate::nimbus::Nimbus;
use crate::push::Push;
use crate::topologies::FactsOf;
use crate::topologies::transitions::Event;
use crate::view::{View, shared};

/// How often the dead are looked for; memory only.
const LOOK: Duration = Duration::from_secs(1);

/// What a round has left open.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Ports of dead workers were kept out of this round, and somebody could have used them.
    pub starved: bool,
}

impl Nimbus {
    /// Rounds when something has happened that they can act upon, and every `nimbus.monitor.freq.secs` in any case.
    pub(crate) async fn schedule_forever(self: Arc<Self>) {
        let mut supervisors = self.cluster.watch_supervisors();
        let mut periodic = interval(self.settings.monitor);
        let mut look = interval(LOOK);
        for timer in [&mut periodic, &mut look] {
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        // A round that failed or left something open is followed by another one soon.
        let again = AtomicBool::new(false);
        loop {
            let read = tokio::select! {
                () = self.wanted.notified() => Read::Nothing,
                open = supervisors.changed() => {
                    if !open {
                        return;
                    }
                    Read::Supervisors
                }
                _ = periodic.tick() => Read::All,
                _ = look.tick() => {
                    if !again.load(Ordering::Relaxed) && !self.somebody_died() {
                        continue;
                    }
                    Read::Nothing
                }
            };
            if !self.leads() {
                continue;
            }
            let _changing = self.changing.lock().await;
            let started = Instant::now();
            let outcome = match self.refresh(read).await {
                Ok(()) => self.round(None).await,
                Err(e) => Err(e),
            };
            match outcome {
                Ok(outcome) => again.store(outcome.starved, Ordering::Relaxed),
                Err(e) => {
                    again.store(true, Ordering::Relaxed);
                    tracing::warn!(code = e.code(), "no scheduling round: {e}");
                }
            }
            tracing::debug!(?read, took = ?started.elapsed(), "scheduling round");
        }
    }

    /// Takes over what others may have changed in ZooKeeper; the caller holds `changing`.
    async fn refresh(&self, read: Read) -> Result<(), ZkError> {
        if matches!(read, Read::Nothing) {
            return Ok(());
        }
        let supervisors = self.cluster.supervisors().await?;
        self.views.change(|view| view.supervisors = shared(supervisors));
        if matches!(read, Read::All) {
            self.reread_bases().await?;
            let view = self.view();
            self.stored.retain(|id| view.bases.contains_key(id));
            self.heartbeats().retain(|id| view.bases.contains_key(id));
            self.caches.drop_stale();
        }
        Ok(())
    }

    /// The bases as ZooKeeper has them, and no assignment without one: somebody may have removed a topology by hand. One
    /// that somebody has put there, as a restore does, goes on with what it was about to do.
    async fn reread_bases(&self) -> Result<(), ZkError> {
        let bases = shared(self.cluster.storm_bases().await?);
        let view = self.view();
        let new: Vec<String> = bases.keys().filter(|id| !view.bases.contains_key(*id)).cloned().collect();
        self.take_over(bases, &view).await?;
        for id in new {
            let facts = self.facts(&id).await;
            let wait = facts.known().map_or(self.settings.message_timeout_secs, |f| f.message_timeout_secs);
            self.run_transition(&id, Event::GainLeadership, wait).await?;
        }
        Ok(())
    }

    async fn take_over(&self, bases: BTreeMap<String, Arc<StormBase>>, view: &View) -> Result<(), ZkError> {
        let lost = |id: &String| !bases.contains_key(id);
        if !view.bases.keys().chain(view.assignments.keys()).any(lost) {
            self.views.change(|view| view.bases = bases);
            return Ok(());
        }
        // A base that cannot be read is not among the bases; that is no reason to stop its workers.
        let living: BTreeSet<String> = self.cluster.storms().await?.into_iter().collect();
        let mut changed_nodes = BTreeSet::new();
        for (id, assignment) in view.assignments.iter().filter(|(id, _)| !living.contains(*id)) {
            tracing::warn!(topology = %id, "its base is gone from ZooKeeper: so is its assignment now");
            self.cluster.remove_storm(id).await?;
            changed_nodes.extend(nodes_of([Some(assignment), None]));
        }
        self.views.change(|view| {
            view.assignments.retain(|id, _| living.contains(id));
            view.bases.retain(|id, _| living.contains(id));
            view.bases.extend(bases);
        });
        self.push_to(&changed_nodes);
        Ok(())
    }

    fn dead_slots(&self, view: &View, id: &str, assignment: &Assignment, facts: Option<&FactsOf>) -> BTreeSet<Slot> {
        let timeouts = self.timeouts(facts.and_then(|f| f.known()).map(|f| &**f));
        let registered = |node: &str| view.supervisors.contains_key(node);
        self.heartbeats().dead_slots(id, assignment, timeouts, &registered, self.clock.now_ms())
    }

    fn somebody_died(&self) -> bool {
        let view = self.view();
        view.assignments.iter().any(|(id, assignment)| {
            // Facts are in memory after the first round; before it nobody is counted as dead here.
            let facts = view.bases.get(id).and_then(|base| self.stored.remembered(id, base));
            facts.as_ref().is_some_and(|f| f.known().is_some())
                && !self.dead_slots(&view, id, assignment, facts.as_ref()).is_empty()
        })
    }

    /// One round; the caller holds `changing`. The topology `anew` is placed as if it ran nowhere.
    pub(crate) async fn round(&self, anew: Option<&str>) -> Result<Outcome, ZkError> {
        let mut view = self.view();
        let (mut topologies, mut existing, mut dead) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
        let mut taken = BTreeSet::new();
        for (id, base) in &view.bases {
            let facts = self.facts(id).await;
            let old = view.assignments.get(id);
            let Some(known) = facts.known() else {
                // Nothing can be decided about a broken topology: it keeps what it has.
                taken.extend(old.iter().flat_map(|a| a.executor_node_port.values()).filter_map(slot_of));
                continue;
            };
            if let Some(old) = old.filter(|_| anew != Some(id)) {
                let mine = self.dead_slots(&view, id, old, Some(&facts));
                if !mine.is_empty() {
                    tracing::warn!(topology = %id, slots = ?mine, "workers have stopped to report; their executors are placed anew");
                }
                existing.insert(id.clone(), alive(old, &mine));
                dead.extend(mine);
            }
            topologies.push(details(id, base, known));
        }
        dead.extend(taken);
        let nodes = nodes(&view.supervisors, &dead);
        let problem = Problem { policy: self.settings.policy, topologies, nodes, existing };
        let solution = schedule(&problem);
        *self.waiting() = waiting(&problem, &solution);
        let starved = !dead.is_empty() && solution.placements.values().any(|p| p.unplaced > 0);

        let (mut changed_nodes, mut failed) = (BTreeSet::new(), None);
        let now_secs = self.clock.now_secs();
        let code_dir = self.settings.local_dir.display().to_string();
        for (id, placement) in &solution.placements {
            let old = view.assignments.get(id).cloned();
            let owner = view.bases.get(id).and_then(|b| b.owner.clone());
            let context = Context {
                supervisors: &view.supervisors,
                master_code_dir: &code_dir,
                owner: owner.as_deref(),
                now_secs,
                anew: anew == Some(id),
            };
            let new = assignment(old.as_deref(), placement, &context);
            let Some(new) = new.filter(|new| old.as_deref() != Some(new)) else { continue };
            if let Err(e) = self.cluster.set_assignment(id, &new).await {
                failed = Some(e);
                break;
            }
            let workers = new.worker_resources.len();
            tracing::info!(topology = %id, workers, executors = new.executor_node_port.len(), unplaced = placement.unplaced, "assigned");
            changed_nodes.extend(nodes_of([old.as_deref(), Some(&new)]));
            self.views.change(|view| {
                view.assignments.insert(id.clone(), Arc::new(new));
            });
            view = self.view();
        }
        self.push_to(&changed_nodes);
        failed.map_or(Ok(Outcome { starved }), Err)
    }

    /// Pushes to these nodes all that they are to run.
    pub(crate) fn push_to(&self, nodes: &BTreeSet<String>) {
        let view = self.view();
        for node in nodes {
            let Some(info) = view.supervisors.get(node) else { continue };
            let Some(port) = info.server_port.and_then(|p| u16::try_from(p).ok()).filter(|p| *p > 0) else { continue };
            let assignments = assignments_of(&view, node);
            self.pusher.push(node, Push { host: info.hostname.clone(), port, assignments });
        }
    }
}

/// Every topology that has a part on the node.
pub(crate) fn assignments_of(view: &View, node: &str) -> SupervisorAssignments {
    // A supervisor that is split by memory zones has ids with a suffix; it takes them all as its own.
    let has_part = |a: &Assignment| a.node_host.keys().any(|id| id.starts_with(node));
    let parts = view.assignments.iter().filter(|(_, a)| has_part(a));
    SupervisorAssignments { storm_assignment: parts.map(|(id, a)| (id.clone(), (**a).clone())).collect() }
}

/// Why executors of a topology run nowhere, for those that have some.
fn waiting(problem: &Problem, solution: &Solution) -> BTreeMap<String, String> {
    let slots: usize = problem.nodes.values().map(|n| n.ports.len()).sum();
    let used: BTreeSet<&Slot> = solution.placements.values().flat_map(|p| p.executors.values()).collect();
    let offered = |slot: &&&Slot| problem.nodes.get(&slot.node).is_some_and(|n| n.ports.contains(&slot.port));
    let free = slots - used.iter().filter(offered).count();
    let text = |t: &TopologyDetails| {
        let unplaced = solution.placements.get(&t.id).map_or(0, |p| p.unplaced);
        let why = match problem.nodes.len() {
            0 => "no supervisor is registered; start one".to_owned(),
            n => format!("{free} of {slots} slots on {n} supervisors are free; add slots or kill another topology"),
        };
        let text = format!("Waiting for slots: {unplaced} of {} executors run nowhere; {why}", t.executors.len());
        (unplaced > 0).then(|| (t.id.clone(), text))
    };
    problem.topologies.iter().filter_map(text).collect()
}

/// What is read from ZooKeeper before a round.
#[derive(Debug, Clone, Copy)]
enum Read {
    Nothing,
    Supervisors,
    All,
}
