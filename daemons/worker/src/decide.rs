//! What a worker makes of what it hears: a pure function of its state and an event.

use std::collections::{BTreeMap, BTreeSet};

use storm_thrift::types::{Assignment, ExecutorInfo, StormBase, TopologyStatus};

use crate::error::Exit;

/// The slot that this worker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot {
    pub node: String,
    pub port: i64,
}

/// What an assignment means to one slot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Share {
    /// What this slot runs, without the system executor.
    pub executors: BTreeSet<ExecutorInfo>,
    /// Where all other tasks are: task to `host:port`.
    pub peers: BTreeMap<i32, String>,
}

impl Share {
    pub fn of(assignment: &Assignment, slot: &Slot) -> Share {
        let mut share = Share::default();
        for (executor, place) in &assignment.executor_node_port {
            let [first, last] = executor.as_slice() else { continue };
            let (Ok(task_start), Ok(task_end)) = (i32::try_from(*first), i32::try_from(*last)) else { continue };
            let Some(port) = place.port.first() else { continue };
            if place.node == slot.node && *port == slot.port {
                share.executors.insert(ExecutorInfo { task_start, task_end });
                continue;
            }
            // A node without a host cannot be reached by anybody.
            let Some(host) = assignment.node_host.get(&place.node) else { continue };
            let address = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
            // An executor's tasks are as many as the engine has rows for; a hostile range must not fill the memory.
            for task in (task_start..=task_end).take(1 << 16) {
                share.peers.insert(task, address.clone());
            }
        }
        share
    }
}

/// Who said what the assignment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The supervisor, or ZooKeeper in its place: what this slot runs follows from it.
    Supervisor,
    /// A watch in ZooKeeper, which is ahead of the supervisor: to end on it would make the supervisor start the old
    /// assignment once more.
    Watch,
}

#[derive(Debug)]
pub(crate) enum Event {
    Assigned(Source, Option<Assignment>),
    Base(Option<StormBase>),
    /// ZooKeeper has not said in time whether the topology is active.
    BaseUnknown,
    /// A component cannot go on.
    Died {
        multilang: bool,
    },
    /// The process is asked to end.
    Stop,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Peers(BTreeMap<i32, String>),
    Activate,
    Deactivate,
    End(Exit, &'static str),
}

#[derive(Debug)]
pub(crate) struct State {
    slot: Slot,
    share: Share,
    /// Unknown until ZooKeeper has answered for the first time; the executors wait for it.
    active: Option<bool>,
}

impl State {
    pub fn new(slot: Slot, share: Share) -> State {
        State { slot, share, active: None }
    }

    pub fn on(&mut self, event: Event) -> Option<Effect> {
        match event {
            Event::Assigned(Source::Supervisor, None) => {
                Some(Effect::End(Exit::Died, "the topology has no assignment any more"))
            }
            Event::Assigned(Source::Watch, None) => None,
            Event::Assigned(source, Some(assignment)) => self.assigned(source, &assignment),
            // As Storm: a topology that is not there is not active.
            Event::Base(base) => self.status(base.is_some_and(|base| base.status == TopologyStatus::Active)),
            Event::BaseUnknown if self.active.is_none() => self.status(true),
            Event::BaseUnknown => None,
            Event::Died { multilang: true } => Some(Effect::End(Exit::ChildDied, "a multilang component died")),
            Event::Died { multilang: false } => Some(Effect::End(Exit::Died, "a component died")),
            Event::Stop => Some(Effect::End(Exit::Stopped, "asked to stop")),
        }
    }

    fn assigned(&mut self, source: Source, assignment: &Assignment) -> Option<Effect> {
        let share = Share::of(assignment, &self.slot);
        if share.executors != self.share.executors {
            return match source {
                Source::Supervisor => Some(Effect::End(Exit::Died, "the executors of this slot have changed")),
                Source::Watch => None,
            };
        }
        if share.peers == self.share.peers {
            return None;
        }
        self.share.peers = share.peers.clone();
        Some(Effect::Peers(share.peers))
    }

    fn status(&mut self, active: bool) -> Option<Effect> {
        if self.active == Some(active) {
            return None;
        }
        self.active = Some(active);
        Some(if active { Effect::Activate } else { Effect::Deactivate })
    }
}

#[cfg(test)]
mod tests {
    use storm_thrift::types::NodeInfo;

    use super::*;

    fn slot() -> Slot {
        Slot { node: "s1".to_owned(), port: 6700 }
    }

    /// Executors 1 and 2-3 on the slot, 4 and 5-6 elsewhere.
    fn assignment(fourth: (&str, i64)) -> Assignment {
        let place = |node: &str, port| NodeInfo { node: node.to_owned(), port: BTreeSet::from([port]) };
        Assignment {
            node_host: BTreeMap::from([("s1".to_owned(), "h1".to_owned()), ("s2".to_owned(), "fe80::2".to_owned())]),
            executor_node_port: BTreeMap::from([
                (vec![1, 1], place("s1", 6700)),
                (vec![2, 3], place("s1", 6700)),
                (vec![4, 4], place(fourth.0, fourth.1)),
                (vec![5, 6], place("s2", 6700)),
                (vec![7, 7], place("nobody", 6700)),
            ]),
            ..Assignment::default()
        }
    }

    fn state() -> State {
        State::new(slot(), Share::of(&assignment(("s1", 6701)), &slot()))
    }

    fn base(status: TopologyStatus) -> Event {
        Event::Base(Some(StormBase { status, ..StormBase::default() }))
    }

    #[test]
    fn a_share_is_what_runs_here_and_where_the_rest_is() {
        let share = Share::of(&assignment(("s1", 6701)), &slot());
        let executors: Vec<_> = share.executors.iter().map(|e| (e.task_start, e.task_end)).collect();
        assert_eq!(executors, [(1, 1), (2, 3)]);
        let peers: Vec<_> = share.peers.iter().map(|(task, at)| (*task, at.as_str())).collect();
        assert_eq!(peers, [(4, "h1:6701"), (5, "[fe80::2]:6700"), (6, "[fe80::2]:6700")]);
    }

    #[test]
    fn peers_are_followed_and_an_unchanged_assignment_is_nothing() {
        let mut state = state();
        assert_eq!(state.on(Event::Assigned(Source::Supervisor, Some(assignment(("s1", 6701))))), None);
        let Some(Effect::Peers(peers)) = state.on(Event::Assigned(Source::Watch, Some(assignment(("s2", 6701)))))
        else {
            panic!("task 4 has moved");
        };
        assert_eq!(peers[&4], "[fe80::2]:6701");
        assert_eq!(state.on(Event::Assigned(Source::Supervisor, Some(assignment(("s2", 6701))))), None);
    }

    #[test]
    fn the_worker_ends_when_its_own_executors_change() {
        let ended = |effect| matches!(effect, Some(Effect::End(Exit::Died, _)));
        assert!(ended(state().on(Event::Assigned(Source::Supervisor, Some(assignment(("s1", 6700)))))), "one more");
        assert!(ended(state().on(Event::Assigned(Source::Supervisor, Some(Assignment::default())))), "none");
        assert!(ended(state().on(Event::Assigned(Source::Supervisor, None))));
        // The supervisor does not know yet.
        assert_eq!(state().on(Event::Assigned(Source::Watch, Some(assignment(("s1", 6700))))), None);
        assert_eq!(state().on(Event::Assigned(Source::Watch, None)), None);
    }

    #[test]
    fn only_an_active_topology_runs() {
        let mut state = state();
        assert_eq!(state.on(base(TopologyStatus::Inactive)), Some(Effect::Deactivate));
        assert_eq!(state.on(base(TopologyStatus::Active)), Some(Effect::Activate));
        assert_eq!(state.on(base(TopologyStatus::Active)), None);
        assert_eq!(state.on(base(TopologyStatus::Killed)), Some(Effect::Deactivate));
        assert_eq!(state.on(Event::BaseUnknown), None, "what was known stays");
        assert_eq!(state.on(Event::Base(None)), None);
    }

    #[test]
    fn without_zookeeper_a_worker_starts_all_the_same() {
        assert_eq!(state().on(Event::BaseUnknown), Some(Effect::Activate));
    }

    #[test]
    fn exit_statuses_are_storms() {
        for (event, code) in
            [(Event::Stop, 0), (Event::Died { multilang: false }, 1), (Event::Died { multilang: true }, 11)]
        {
            let Some(Effect::End(exit, _)) = state().on(event) else { panic!("it ends") };
            assert_eq!(exit.code(), code);
        }
    }
}
