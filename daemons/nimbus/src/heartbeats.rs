//! Which executors live: beats in memory by this Nimbus' own clock, so that no clock of another machine matters.

use std::collections::{BTreeSet, HashMap, HashSet};

use storm_scheduler::{Executor, Slot};
use storm_thrift::types::Assignment;

/// How long without a beat is dead, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// A worker that has beaten before.
    pub task_ms: i64,
    /// A worker that is being started.
    pub launch_ms: i64,
    /// A node that has been silent since this Nimbus leads.
    pub recovery_ms: i64,
}

impl Timeouts {
    pub fn new(task_secs: i64, launch_secs: i64, recovery_secs: i64, worker_secs: Option<i64>) -> Timeouts {
        let task = task_secs.max(worker_secs.unwrap_or(0));
        Timeouts { task_ms: task * 1000, launch_ms: launch_secs.max(task) * 1000, recovery_ms: recovery_secs * 1000 }
    }
}

#[derive(Debug, Default)]
pub struct Heartbeats {
    beats: HashMap<String, HashMap<Executor, i64>>,
    /// Nodes that have reported since this Nimbus leads.
    reported: HashSet<String>,
    led_since_ms: i64,
}

impl Heartbeats {
    /// From now on this Nimbus leads, and nobody has told it yet who lives.
    pub fn gain_leadership(&mut self, now_ms: i64) {
        self.reported.clear();
        self.led_since_ms = now_ms;
    }

    /// Beats of one worker. Executors that the topology does not have assigned are not kept.
    pub fn beat(&mut self, topology: &str, assignment: &Assignment, executors: &[Executor], now_ms: i64) {
        let beats = self.beats.entry(topology.to_owned()).or_default();
        for executor in executors {
            if assignment.executor_node_port.contains_key(&executor_key(*executor)) {
                beats.insert(*executor, now_ms);
            }
        }
    }

    /// The supervisor has sent the beats of all its workers.
    pub fn node_reported(&mut self, node: &str) {
        if !self.reported.contains(node) {
            self.reported.insert(node.to_owned());
        }
    }

    pub fn retain(&mut self, lives: impl Fn(&str) -> bool) {
        self.beats.retain(|id, _| lives(id));
    }

    /// Slots of the assignment whose worker is dead. A worker is one process: one dead executor is enough.
    ///
    /// After a change of leaders nobody is dead before he had time to report: an executor counts as alive while its
    /// node has not reported, for the recovery time if its supervisor is registered, for the launch time if it is not
    /// (its workers then report by themselves), and in any case for one task timeout.
    pub fn dead_slots(
        &self,
        topology: &str,
        assignment: &Assignment,
        timeouts: Timeouts,
        is_registered: &dyn Fn(&str) -> bool,
        now_ms: i64,
    ) -> BTreeSet<Slot> {
        let none = HashMap::new();
        let beats = self.beats.get(topology).unwrap_or(&none);
        let led_for = now_ms - self.led_since_ms;
        let mut dead = BTreeSet::new();
        for (key, node_port) in &assignment.executor_node_port {
            let Some((executor, slot)) = executor_of(key).zip(slot_of(node_port)) else { continue };
            let start_ms = assignment.executor_start_time_secs.get(key).map(|s| s * 1000);
            let launching = start_ms.is_some_and(|start| now_ms - start < timeouts.launch_ms);
            let beating = beats.get(&executor).is_some_and(|beat| now_ms - beat < timeouts.task_ms);
            let silence = if self.reported.contains(&node_port.node) {
                timeouts.task_ms
            } else if is_registered(&node_port.node) {
                timeouts.recovery_ms.max(timeouts.task_ms)
            } else {
                timeouts.launch_ms
            };
            if !(launching || beating || led_for < silence) {
                dead.insert(slot);
            }
        }
        dead
    }
}

pub fn executor_key(executor: Executor) -> Vec<i64> {
    vec![i64::from(executor.start), i64::from(executor.end)]
}

pub fn executor_of(key: &[i64]) -> Option<Executor> {
    match key {
        [start, end] => Some(Executor { start: i32::try_from(*start).ok()?, end: i32::try_from(*end).ok()? }),
        _ => None,
    }
}

pub fn slot_of(node_port: &storm_thrift::types::NodeInfo) -> Option<Slot> {
    let port = *node_port.port.first()?;
    Some(Slot { node: node_port.node.as_str().into(), port })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use storm_thrift::types::NodeInfo;

    use super::*;

    const T: Timeouts = Timeouts { task_ms: 30_000, launch_ms: 120_000, recovery_ms: 600_000 };

    fn assignment(start_secs: i64) -> Assignment {
        let mut a = Assignment::default();
        for (task, node) in [(1, "n1"), (2, "n1"), (3, "n2")] {
            let key = vec![task, task];
            let port = BTreeSet::from([6700 + task]);
            a.executor_node_port.insert(key.clone(), NodeInfo { node: node.into(), port });
            a.executor_start_time_secs.insert(key, start_secs);
        }
        a
    }

    fn e(task: i32) -> Executor {
        Executor { start: task, end: task }
    }

    fn dead(h: &Heartbeats, a: &Assignment, now_ms: i64) -> Vec<i64> {
        h.dead_slots("t", a, T, &|n| n == "n1", now_ms).into_iter().map(|s| s.port).collect()
    }

    #[test]
    fn a_worker_has_the_launch_time_to_beat_first_and_the_task_timeout_after() {
        let mut h = Heartbeats::default();
        h.node_reported("n1");
        h.node_reported("n2");
        let a = assignment(1_000);
        assert_eq!(dead(&h, &a, 1_119_999), [0i64; 0]);
        assert_eq!(dead(&h, &a, 1_120_000), [6701, 6702, 6703]);
        h.beat("t", &a, &[e(1), e(3)], 1_119_000);
        assert_eq!(dead(&h, &a, 1_120_000), [6702]);
        assert_eq!(dead(&h, &a, 1_149_000), [6701, 6702, 6703]);
    }

    #[test]
    fn a_new_leader_waits_for_reports() {
        let mut h = Heartbeats::default();
        let (a, gained) = (assignment(1_000), 9_000_000);
        h.gain_leadership(gained);
        assert_eq!(dead(&h, &a, gained + 100_000), [0i64; 0], "nobody has reported");
        assert_eq!(dead(&h, &a, gained + 120_000), [6703], "n2 is not registered and its worker did not beat either");
        assert_eq!(dead(&h, &a, gained + 599_999), [6703]);
        assert_eq!(dead(&h, &a, gained + 600_000), [6701, 6702, 6703]);
        h.node_reported("n1");
        h.beat("t", &a, &[e(1)], gained + 90_000);
        assert_eq!(dead(&h, &a, gained + 100_000), [6702], "n1 has reported, and executor 2 was not among its beats");
        h.gain_leadership(gained + 100_000);
        assert_eq!(dead(&h, &a, gained + 100_000), [0i64; 0]);
    }

    #[test]
    fn beats_of_strangers_are_not_kept() {
        let mut h = Heartbeats::default();
        h.beat("t", &assignment(1), &[e(99), Executor { start: -1, end: -1 }], 5);
        assert!(h.beats["t"].is_empty());
    }

    #[test]
    fn a_topology_may_have_a_longer_timeout() {
        assert_eq!(
            Timeouts::new(30, 120, 600, Some(300)),
            Timeouts { task_ms: 300_000, launch_ms: 300_000, recovery_ms: 600_000 }
        );
        assert_eq!(Timeouts::new(30, 120, 600, Some(3)), T);
    }
}
