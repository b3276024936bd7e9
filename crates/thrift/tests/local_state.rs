//! The version store: what is written is read again, and no damage to a file does more than lose the newest version.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use storm_thrift::local_state::{KEEP, LocalState, LocalStateError, keys, peek};
use storm_thrift::types::{
    ExecutorInfo, LSApprovedWorkers, LSSupervisorAssignments, LSSupervisorId, LSWorkerHeartbeat, LocalAssignment,
    WorkerResources,
};

fn workers(id: &str) -> LSApprovedWorkers {
    LSApprovedWorkers { approved_workers: BTreeMap::from([(id.to_owned(), 6700)]) }
}

fn assignments() -> LSSupervisorAssignments {
    let assignment = LocalAssignment {
        topology_id: "wc-1-1700000000".to_owned(),
        executors: vec![ExecutorInfo { task_start: 1, task_end: 2 }, ExecutorInfo { task_start: 3, task_end: 3 }],
        resources: Some(WorkerResources { mem_on_heap: Some(256.0), ..WorkerResources::default() }),
        total_node_shared: Some(0.0),
        owner: Some("storm".to_owned()),
    };
    LSSupervisorAssignments { assignments: BTreeMap::from([(6700, assignment)]) }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The data file of the newest version.
fn newest(dir: &Path) -> std::path::PathBuf {
    let name = names(dir).into_iter().rfind(|n| n.parse::<u64>().is_ok()).unwrap();
    dir.join(name)
}

#[test]
fn records_are_read_again_by_the_next_process() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = LocalState::open(dir.path(), KEEP).unwrap();
    assert_eq!(state.get::<LSSupervisorId>(keys::SUPERVISOR_ID).unwrap(), None);
    state.stage(keys::APPROVED_WORKERS, &workers("a"));
    state.stage(keys::LOCAL_ASSIGNMENTS, &assignments());
    state.commit().unwrap();
    drop(state);

    let state = LocalState::open(dir.path(), KEEP).unwrap();
    assert_eq!(state.get(keys::APPROVED_WORKERS).unwrap(), Some(workers("a")));
    assert_eq!(state.get(keys::LOCAL_ASSIGNMENTS).unwrap(), Some(assignments()));
    assert_eq!(state.lost(), []);
    assert_eq!(peek(dir.path(), keys::APPROVED_WORKERS).unwrap(), Some(workers("a")));
}

#[test]
fn a_record_of_another_class_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = LocalState::open(dir.path(), KEEP).unwrap();
    state.put(keys::SUPERVISOR_ID, &workers("a")).unwrap();
    let error = state.get::<LSSupervisorId>(keys::SUPERVISOR_ID).unwrap_err();
    assert!(matches!(error, LocalStateError::Class { .. }), "{error}");
}

#[test]
fn only_the_newest_versions_stay() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = LocalState::open(dir.path(), KEEP).unwrap();
    fs::write(dir.path().join("note.txt"), "of somebody else").unwrap();
    for n in 0..20 {
        state.put(keys::APPROVED_WORKERS, &workers(&n.to_string())).unwrap();
    }
    let names = names(dir.path());
    assert_eq!(names.iter().filter(|n| n.ends_with(".version")).count(), KEEP);
    assert_eq!(names.len(), 2 * KEEP + 1, "{names:?}");
    assert_eq!(peek(dir.path(), keys::APPROVED_WORKERS).unwrap(), Some(workers("19")));
}

#[test]
fn a_version_without_its_marker_does_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = LocalState::open(dir.path(), KEEP).unwrap();
    state.put(keys::APPROVED_WORKERS, &workers("old")).unwrap();
    state.put(keys::APPROVED_WORKERS, &workers("new")).unwrap();
    let file = newest(dir.path());
    fs::remove_file(format!("{}.version", file.display())).unwrap();
    let state = LocalState::open(dir.path(), KEEP).unwrap();
    assert_eq!(state.get(keys::APPROVED_WORKERS).unwrap(), Some(workers("old")));
    assert_eq!(state.lost(), [], "a write that did not end is no loss: nobody was told that it had");
}

#[test]
fn a_file_cut_off_anywhere_is_set_aside_and_the_older_version_counts() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = LocalState::open(dir.path(), KEEP).unwrap();
    state.put(keys::LOCAL_ASSIGNMENTS, &LSSupervisorAssignments::default()).unwrap();
    state.put(keys::LOCAL_ASSIGNMENTS, &assignments()).unwrap();
    let file = newest(dir.path());
    let whole = fs::read(&file).unwrap();
    let marker = format!("{}.version", file.display());
    let sum = fs::read(&marker).unwrap();
    for len in 0..whole.len() {
        for filler in [None, Some(0_u8)] {
            let mut bytes = whole[..len].to_vec();
            if let Some(b) = filler {
                // A file system may keep the length and lose the data: zeros from here on.
                bytes.resize(whole.len(), b);
                if bytes == whole {
                    continue;
                }
            }
            fs::write(&file, &bytes).unwrap();
            fs::write(&marker, &sum).unwrap();
            let before: Option<LSSupervisorAssignments> = peek(dir.path(), keys::LOCAL_ASSIGNMENTS).unwrap();
            assert_eq!(before, Some(LSSupervisorAssignments::default()), "read at {len} {filler:?}");

            let state = LocalState::open(dir.path(), KEEP).unwrap();
            let read: Option<LSSupervisorAssignments> = state.get(keys::LOCAL_ASSIGNMENTS).unwrap();
            assert_eq!(read, Some(LSSupervisorAssignments::default()), "opened at {len} {filler:?}");
            let [lost] = state.lost() else { panic!("{len} {filler:?}: {:?}", state.lost()) };
            assert_eq!(fs::read(&lost.set_aside).unwrap(), bytes);
            assert!(lost.fallback.is_some());
            assert!(lost.to_string().contains("changes after it are lost"), "{lost}");
            fs::remove_file(&lost.set_aside).unwrap();
        }
    }
}

#[test]
fn with_nothing_readable_left_the_store_starts_empty_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = LocalState::open(dir.path(), KEEP).unwrap();
    state.put(keys::SUPERVISOR_ID, &LSSupervisorId { supervisor_id: "s".to_owned() }).unwrap();
    let file = newest(dir.path());
    fs::write(&file, [0; 50]).unwrap();
    let mut state = LocalState::open(dir.path(), KEEP).unwrap();
    assert_eq!(state.get::<LSSupervisorId>(keys::SUPERVISOR_ID).unwrap(), None);
    let [lost] = state.lost() else { panic!("{:?}", state.lost()) };
    assert_eq!(lost.fallback, None);
    assert!(lost.to_string().contains("all 50 bytes are zero"), "{lost}");
    // The next version is newer than the broken one, and reading goes on with it.
    state.put(keys::SUPERVISOR_ID, &LSSupervisorId { supervisor_id: "t".to_owned() }).unwrap();
    assert!(newest(dir.path()) > file);
    assert_eq!(LocalState::open(dir.path(), KEEP).unwrap().lost(), []);
}

#[test]
fn a_version_by_java_has_an_empty_marker_and_is_judged_by_its_content() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = LocalState::open(dir.path(), KEEP).unwrap();
    state.put(keys::APPROVED_WORKERS, &workers("old")).unwrap();
    state.put(keys::APPROVED_WORKERS, &workers("new")).unwrap();
    let file = newest(dir.path());
    let whole = fs::read(&file).unwrap();
    let marker = format!("{}.version", file.display());
    for len in 0..=whole.len() {
        fs::write(&file, &whole[..len]).unwrap();
        fs::write(&marker, "").unwrap();
        let expected = if len == whole.len() { "new" } else { "old" };
        let state = LocalState::open(dir.path(), KEEP).unwrap();
        assert_eq!(state.get(keys::APPROVED_WORKERS).unwrap(), Some(workers(expected)), "{len}");
        for lost in state.lost() {
            fs::remove_file(&lost.set_aside).unwrap();
        }
    }
}

proptest! {
    /// Whatever byte changes, opening neither panics nor fails, and the store can be written again.
    #[test]
    fn any_garbage_is_survived(at in 0_usize..400, value in any::<u8>(), extra in prop::collection::vec(any::<u8>(), 0..8)) {
        let dir = tempfile::tempdir().unwrap();
        let mut state = LocalState::open(dir.path(), KEEP).unwrap();
        state.put(keys::LOCAL_ASSIGNMENTS, &LSSupervisorAssignments::default()).unwrap();
        state.put(keys::LOCAL_ASSIGNMENTS, &assignments()).unwrap();
        let file = newest(dir.path());
        let mut bytes = fs::read(&file).unwrap();
        let at = at % bytes.len();
        bytes[at] = value;
        bytes.extend(&extra);
        fs::write(&file, &bytes).unwrap();
        let mut state = LocalState::open(dir.path(), KEEP).unwrap();
        // A changed key or class name is no damage that a reader could see; a record that is there must be readable.
        if state.lost().is_empty() {
            let read = state.get::<LSSupervisorAssignments>(keys::LOCAL_ASSIGNMENTS);
            prop_assert!(matches!(read, Ok(_) | Err(LocalStateError::Class { .. })), "{read:?}");
            prop_assert!(extra.is_empty());
        }
        let beat = LSWorkerHeartbeat { time_secs: 1, topology_id: "t".to_owned(), executors: Vec::new(), port: 6700 };
        state.put(keys::WORKER_HEARTBEAT, &beat).unwrap();
        prop_assert_eq!(peek(dir.path(), keys::WORKER_HEARTBEAT).unwrap(), Some(beat));
    }
}
