//! The transitions of a slot, state by state, without a clock.

use storm_thrift::types::{ExecutorInfo, LocalAssignment};

use super::*;

const TIMEOUTS: Timeouts = Timeouts { worker: 30_000, first_heartbeat: 120_000, kill: 3_000 };

/// A slot with a time and a supply of worker ids (w1, w2, ...).
struct Machine {
    slot: Slot,
    now: Millis,
    ids: u32,
}

impl Machine {
    fn new() -> Machine {
        Machine { slot: Slot::new(6700), now: 1_000, ids: 0 }
    }

    /// The effects, without the words for the log.
    fn step(&mut self, event: Event) -> Vec<Effect> {
        self.all(event)
            .into_iter()
            .filter(|e| !matches!(e, Effect::Info(_) | Effect::Warn(_) | Effect::Error(_)))
            .collect()
    }

    fn all(&mut self, event: Event) -> Vec<Effect> {
        let id = format!("w{}", self.ids + 1);
        let around = Surroundings { now: self.now, timeouts: &TIMEOUTS, fresh_id: &id };
        let (slot, effects) = self.slot.clone().step(event, &around);
        if effects.iter().any(|e| matches!(e, Effect::Launch { .. })) {
            self.ids += 1;
        }
        self.slot = slot;
        effects
    }

    fn at(&mut self, now: Millis) -> &mut Machine {
        self.now = now;
        self
    }

    fn state(&self) -> &'static str {
        match self.slot.state() {
            State::Empty => "EMPTY",
            State::WaitingForBlobLocalization { .. } => "WAITING_FOR_BLOB_LOCALIZATION",
            State::WaitingForWorkerStart { .. } => "WAITING_FOR_WORKER_START",
            State::Running { .. } => "RUNNING",
            State::Kill(_) => "KILL",
            State::KillAndRelaunch(_) => "KILL_AND_RELAUNCH",
            State::KillBlobUpdate(_) => "KILL_BLOB_UPDATE",
            State::WaitingForBlobUpdate { .. } => "WAITING_FOR_BLOB_UPDATE",
            State::WaitingForRelaunch { .. } => "WAITING_FOR_RELAUNCH",
        }
    }

    fn deadline(&self) -> Option<Millis> {
        self.slot.deadline(&TIMEOUTS)
    }

    fn localizing() -> Machine {
        let mut m = Machine::new();
        m.step(assign("a"));
        m
    }

    fn starting() -> Machine {
        let mut m = Machine::localizing();
        m.step(localized("a"));
        m
    }

    fn running() -> Machine {
        let mut m = Machine::starting();
        m.step(beat("w1", 0));
        m
    }
}

fn assignment(topology: &str) -> Arc<LocalAssignment> {
    let executors = vec![ExecutorInfo { task_start: 1, task_end: 1 }];
    Arc::new(LocalAssignment { topology_id: topology.to_owned(), executors, ..LocalAssignment::default() })
}

fn assign(topology: &str) -> Event {
    Event::Assign(Some(assignment(topology)))
}

fn localized(topology: &str) -> Event {
    Event::Localized { topology_id: topology.to_owned(), worker_timeout: 0 }
}

fn beat(worker: &str, age: Millis) -> Event {
    Event::Beat { worker: worker.to_owned(), age }
}

fn exited(worker: &str) -> Event {
    Event::Exited { worker: worker.to_owned(), how: "exit code 1".to_owned() }
}

fn all_dead(worker: &str) -> Event {
    Event::AllDead { worker: worker.to_owned() }
}

fn blobs_changed(topology: &str) -> Event {
    Event::BlobsChanged { topology_id: topology.to_owned() }
}

fn localize(topology: &str) -> Effect {
    Effect::Localize(assignment(topology))
}

fn launch(worker: &str, topology: &str) -> Effect {
    Effect::Launch { worker: worker.to_owned(), assignment: assignment(topology) }
}

fn terminate(worker: &str) -> Effect {
    Effect::Terminate { worker: worker.to_owned() }
}

fn force(worker: &str) -> Effect {
    Effect::ForceKill { worker: worker.to_owned() }
}

fn clean(worker: &str) -> Effect {
    Effect::Clean { worker: worker.to_owned() }
}

fn release(topology: &str) -> Effect {
    Effect::Release { topology_id: topology.to_owned() }
}

#[test]
fn an_empty_slot_waits_for_nothing_but_an_assignment() {
    let mut m = Machine::new();
    for event in
        [Event::Assign(None), Event::Tick, beat("w", 0), exited("w"), all_dead("w"), blobs_changed("a"), localized("a")]
    {
        assert_eq!(m.step(event), []);
        assert_eq!((m.state(), m.deadline()), ("EMPTY", None));
    }
    assert_eq!(m.step(assign("a")), [localize("a")]);
    assert_eq!((m.state(), m.deadline()), ("WAITING_FOR_BLOB_LOCALIZATION", None));
}

#[test]
fn localized_files_start_a_worker_whose_first_heartbeat_makes_it_run() {
    let mut m = Machine::localizing();
    assert_eq!(m.step(localized("other")), [], "files of an earlier assignment");
    assert_eq!(m.step(localized("a")), [launch("w1", "a")]);
    assert_eq!((m.state(), m.deadline()), ("WAITING_FOR_WORKER_START", Some(1_000 + 120_000)));
    assert_eq!(m.at(2_000).step(beat("w0", 0)), [], "of another worker");
    assert_eq!(m.state(), "WAITING_FOR_WORKER_START");
    m.step(beat("w1", 30_001));
    assert_eq!(m.state(), "WAITING_FOR_WORKER_START", "a stale beat is no sign of life");
    m.step(beat("w1", 0));
    assert_eq!((m.state(), m.deadline()), ("RUNNING", Some(2_000 + 30_000)));
}

#[test]
fn a_failed_download_is_tried_again_after_three_seconds() {
    let mut m = Machine::localizing();
    let failed = || Event::LocalizationFailed { topology_id: "a".to_owned(), reason: "Nimbus is away".to_owned() };
    m.step(failed());
    assert_eq!(m.deadline(), Some(4_000));
    assert!(m.slot.last_error().unwrap().contains("Nimbus is away"));
    assert_eq!(m.at(3_999).step(Event::Tick), []);
    assert_eq!(m.at(4_000).step(Event::Tick), [localize("a")]);
    assert_eq!(m.deadline(), None);
    assert_eq!(m.step(localized("a")), [launch("w1", "a")]);
    m.step(beat("w1", 0));
    assert_eq!(m.slot.last_error(), None, "what runs has no error");
}

#[test]
fn a_changed_assignment_starts_over_where_there_is_no_worker() {
    let mut m = Machine::localizing();
    assert_eq!(m.step(assign("a")), [], "the same again changes nothing");
    assert_eq!(m.step(assign("b")), [release("a"), Effect::Forget, localize("b")]);
    assert_eq!(m.step(localized("a")), []);
    assert_eq!(m.step(Event::Assign(None)), [release("b"), Effect::Forget]);
    assert_eq!(m.state(), "EMPTY");
}

#[test]
fn a_changed_assignment_kills_the_worker_and_waits_until_it_is_gone() {
    for mut m in [Machine::starting(), Machine::running()] {
        assert_eq!(m.at(5_000).step(assign("b")), [terminate("w1")]);
        assert_eq!((m.state(), m.deadline()), ("KILL", Some(8_000)));
        assert_eq!(m.step(exited("w1")), [], "its end is expected");
        assert_eq!(m.at(7_999).step(Event::Tick), []);
        assert_eq!(m.at(8_000).step(Event::Tick), [force("w1")]);
        assert_eq!(m.deadline(), Some(11_000));
        assert_eq!(m.at(11_000).step(Event::Tick), [force("w1")]);
        assert_eq!(m.step(all_dead("w0")), []);
        assert_eq!(m.step(all_dead("w1")), [clean("w1"), release("a"), Effect::Forget, localize("b")]);
        assert_eq!(m.state(), "WAITING_FOR_BLOB_LOCALIZATION");
    }
}

#[test]
fn the_last_word_counts_while_a_worker_is_being_killed() {
    let mut m = Machine::running();
    m.step(assign("b"));
    m.step(Event::Assign(None));
    assert_eq!(m.step(all_dead("w1")), [clean("w1"), release("a"), Effect::Forget]);
    assert_eq!(m.state(), "EMPTY");

    // Back to what ran before: a new worker all the same, the old one has been told to go.
    let mut m = Machine::running();
    m.step(Event::Assign(None));
    m.step(assign("a"));
    assert_eq!(m.step(all_dead("w1")), [clean("w1"), release("a"), Effect::Forget, localize("a")]);
}

#[test]
fn an_equivalent_assignment_leaves_the_worker_alone() {
    let mut m = Machine::running();
    let mut same = LocalAssignment::clone(&assignment("a"));
    same.owner = Some("joe".to_owned());
    same.total_node_shared = Some(3.0);
    assert_eq!(m.step(Event::Assign(Some(Arc::new(same)))), []);
    assert_eq!(m.state(), "RUNNING");
    let mut other = LocalAssignment::clone(&assignment("a"));
    other.executors.push(ExecutorInfo { task_start: 2, task_end: 2 });
    assert_eq!(m.step(Event::Assign(Some(Arc::new(other)))), [terminate("w1")]);
}

#[test]
fn without_a_first_heartbeat_the_worker_is_replaced() {
    let mut m = Machine::starting();
    assert_eq!(m.at(120_999).step(Event::Tick), []);
    assert_eq!(m.at(121_000).step(Event::Tick), [terminate("w1")]);
    assert_eq!((m.state(), m.deadline()), ("KILL_AND_RELAUNCH", Some(124_000)));
    assert_eq!(m.step(all_dead("w1")), [clean("w1"), launch("w2", "a")]);
    assert_eq!(m.state(), "WAITING_FOR_WORKER_START");
}

#[test]
fn without_heartbeats_the_worker_is_replaced() {
    let mut m = Machine::running();
    m.at(11_000).step(beat("w1", 1_000));
    assert_eq!(m.deadline(), Some(40_000), "the beat counts from when it was made");
    m.at(12_000).step(beat("w1", 9_000));
    assert_eq!(m.deadline(), Some(40_000), "and never backwards");
    assert_eq!(m.at(39_999).step(Event::Tick), []);
    assert_eq!(m.at(40_000).step(Event::Tick), [terminate("w1")]);
    assert_eq!(m.state(), "KILL_AND_RELAUNCH");
}

#[test]
fn a_topology_may_ask_for_longer_timeouts_only() {
    for (own, running, starting) in [(600_000, 600_000, 600_000), (60_000, 60_000, 120_000), (1_000, 30_000, 120_000)] {
        let mut m = Machine::localizing();
        m.step(Event::Localized { topology_id: "a".to_owned(), worker_timeout: own });
        assert_eq!(m.deadline(), Some(1_000 + starting));
        m.step(beat("w1", 0));
        assert_eq!(m.deadline(), Some(1_000 + running));
    }
}

#[test]
fn a_dead_worker_is_replaced_as_soon_as_its_children_are_gone() {
    for mut m in [Machine::starting(), Machine::running()] {
        assert_eq!(m.at(60_000).step(exited("w0")), []);
        assert_eq!(m.step(exited("w1")), [force("w1")], "nobody is left who could end the children in good order");
        assert_eq!(m.state(), "KILL_AND_RELAUNCH");
        assert!(m.slot.last_error().unwrap().contains("exit code 1"));
        assert_eq!(m.step(all_dead("w1")), [clean("w1"), launch("w2", "a")]);
    }
}

#[test]
fn an_assignment_that_changed_meanwhile_wins_over_the_relaunch() {
    let mut m = Machine::running();
    m.step(exited("w1"));
    assert_eq!(m.step(assign("b")), []);
    assert_eq!(m.step(all_dead("w1")), [clean("w1"), release("a"), Effect::Forget, localize("b")]);
}

#[test]
fn short_lives_in_a_row_slow_the_relaunch_down() {
    let mut m = Machine::starting();
    let mut pauses = Vec::new();
    for n in 1..=12 {
        let id = format!("w{n}");
        m.now += 100;
        m.step(exited(&id));
        m.step(all_dead(&id));
        if m.state() == "WAITING_FOR_RELAUNCH" {
            let due = m.deadline().unwrap();
            pauses.push(due - m.now);
            assert_eq!(m.at(due - 1).step(Event::Tick), []);
            assert_eq!(m.at(due).step(Event::Tick), [localize("a")], "the files may be what is wrong");
            m.step(localized("a"));
        }
        assert_eq!(m.state(), "WAITING_FOR_WORKER_START");
    }
    assert_eq!(pauses, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 30_000]);
    // One that lived long enough is forgiven everything.
    m.now += 10_000;
    m.step(exited("w13"));
    assert_eq!(m.step(all_dead("w13")), [clean("w13"), launch("w14", "a")]);
}

#[test]
fn a_worker_that_cannot_be_launched_is_tried_again_by_way_of_its_files() {
    let mut m = Machine::starting();
    let failed = |id: &str| Event::LaunchFailed { worker: id.to_owned(), reason: "no such program".to_owned() };
    assert_eq!(m.step(failed("w0")), []);
    assert_eq!(m.step(failed("w1")), [clean("w1")]);
    assert_eq!((m.state(), m.deadline()), ("WAITING_FOR_RELAUNCH", Some(2_000)));
    assert!(m.slot.last_error().unwrap().contains("no such program"));
    assert_eq!(m.at(2_000).step(Event::Tick), [localize("a")]);
    // An assignment that goes away meanwhile takes the port's memory with it.
    m.step(localized("a"));
    m.step(failed("w2"));
    assert_eq!(m.step(Event::Assign(None)), [release("a"), Effect::Forget]);
    assert_eq!(m.state(), "EMPTY");
}

#[test]
fn changed_blobs_stop_the_worker_and_start_it_with_the_new_ones() {
    for mut m in [Machine::starting(), Machine::running()] {
        assert_eq!(m.step(blobs_changed("b")), [], "of another topology");
        assert_eq!(m.step(blobs_changed("a")), [terminate("w1")]);
        assert_eq!((m.state(), m.deadline()), ("KILL_BLOB_UPDATE", Some(4_000)));
        assert_eq!(m.at(4_000).step(Event::Tick), [force("w1")]);
        assert_eq!(m.step(all_dead("w1")), [clean("w1"), Effect::UpdateBlobs(assignment("a"))]);
        assert_eq!((m.state(), m.deadline()), ("WAITING_FOR_BLOB_UPDATE", None));
        m.step(Event::BlobUpdateFailed { topology_id: "a".to_owned(), reason: "away".to_owned() });
        assert_eq!(m.deadline(), Some(7_000));
        assert_eq!(m.at(7_000).step(Event::Tick), [Effect::UpdateBlobs(assignment("a"))]);
        assert_eq!(m.step(Event::BlobsUpdated { topology_id: "b".to_owned() }), []);
        assert_eq!(m.step(Event::BlobsUpdated { topology_id: "a".to_owned() }), [launch("w2", "a")]);
        // Acknowledged: the next relaunch does not update again.
        m.step(exited("w2"));
        assert_eq!(m.step(all_dead("w2")), [clean("w2"), launch("w3", "a")]);
    }
}

#[test]
fn blobs_that_change_before_the_launch_are_updated_first() {
    let mut m = Machine::localizing();
    assert_eq!(m.step(blobs_changed("a")), []);
    assert_eq!(m.step(localized("a")), [Effect::UpdateBlobs(assignment("a"))]);
    assert_eq!(m.step(assign("b")), [release("a"), Effect::Forget, localize("b")], "and another assignment wins");

    let mut m = Machine::running();
    m.step(exited("w1"));
    m.step(blobs_changed("a"));
    assert_eq!(m.step(all_dead("w1")), [clean("w1"), Effect::UpdateBlobs(assignment("a"))]);

    let mut m = Machine::running();
    m.step(blobs_changed("a"));
    m.step(assign("b"));
    assert_eq!(m.step(all_dead("w1")), [clean("w1"), release("a"), Effect::Forget, localize("b")]);
}

#[test]
fn processes_that_nothing_ends_are_reported_once() {
    let mut m = Machine::running();
    m.step(Event::Assign(None));
    let since = m.now;
    let mut reports = 0;
    let mut kills = 0;
    for _ in 0..100 {
        let due = m.deadline().unwrap();
        let effects = m.at(due).all(Event::Tick);
        kills += effects.iter().filter(|e| **e == force("w1")).count();
        if effects.iter().any(|e| matches!(e, Effect::Error(_))) {
            reports += 1;
            assert_eq!(m.now - since, 120_000);
        }
    }
    assert_eq!((reports, kills), (1, 100));
    assert_eq!(m.state(), "KILL", "the port is not free before they are gone");
}

#[test]
fn an_adopted_worker_has_the_whole_timeout_to_show_a_heartbeat() {
    let worker = Worker { id: "old".to_owned(), assignment: assignment("a"), launched_at: 0, adopted: true };
    let mut m = Machine { slot: Slot::adopted(6700, worker, 0, 50), now: 50, ids: 0 };
    assert_eq!(m.step(assign("a")), []);
    assert_eq!((m.state(), m.deadline()), ("RUNNING", Some(30_050)));
    m.step(beat("old", 500_000));
    assert_eq!(m.deadline(), Some(30_050), "its old beats are no reason to kill it at once");
    assert_eq!(m.at(30_050).step(Event::Tick), [terminate("old")]);
}
