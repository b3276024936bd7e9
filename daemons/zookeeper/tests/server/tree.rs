//! What requests do to the tree.

use bytes::Bytes;
use proptest::prelude::*;
use storm_zookeeper::jute::{Reader, Writer};
use storm_zookeeper::proto::{Acl, Code, CreateKind, Id, Operation, Perms, Stat};
use storm_zookeeper::state::{Refused, Session, State};
use storm_zookeeper::tree::{Requester, Rules, acl::digest_id};
use storm_zookeeper::txn::Txn;

pub const SESSION: i64 = 7;

pub fn create(path: &str, flags: i32) -> Operation {
    Operation::Create {
        kind: CreateKind::WithStat,
        path: path.to_owned(),
        data: Some(Bytes::from_static(b"data")),
        acl: vec![Acl::anyone(Perms::ALL)],
        flags,
    }
}

pub fn delete(path: &str) -> Operation {
    Operation::Delete { path: path.to_owned(), version: -1 }
}

pub fn set(path: &str, version: i32) -> Operation {
    Operation::SetData { path: path.to_owned(), data: Some(Bytes::from_static(b"longer data")), version }
}

fn check(path: &str, version: i32) -> Operation {
    Operation::Check { path: path.to_owned(), version }
}

pub fn anybody() -> Requester<'static> {
    Requester { session: SESSION, ids: &[] }
}

/// Executes and returns the created paths.
pub fn run(state: &mut State, operations: &[Operation]) -> Result<Vec<String>, Code> {
    let time = state.zxid * 1000;
    let done = state.execute(anybody(), Rules::default(), operations, time).map_err(|refused| refused.code)?.1;
    Ok(done
        .into_iter()
        .filter_map(|one| match one.op {
            Some(storm_zookeeper::txn::Op::Create { path, .. }) => Some(path),
            _ => None,
        })
        .collect())
}

fn stat(state: &State, path: &str) -> Stat {
    state.tree.get(path).unwrap_or_else(|| panic!("{path} exists")).stat()
}

#[test]
fn a_stat_tells_the_life_of_a_node() {
    let mut state = State::default();
    run(&mut state, &[create("/a", 0)]).unwrap();
    run(&mut state, &[create("/a/b", 0)]).unwrap();
    run(&mut state, &[create("/a/c", 1)]).unwrap();
    run(&mut state, &[set("/a", 0)]).unwrap();
    run(&mut state, &[delete("/a/b")]).unwrap();
    let a = stat(&state, "/a");
    assert_eq!((a.czxid, a.mzxid, a.pzxid), (1, 4, 5));
    assert_eq!((a.ctime, a.mtime), (0, 3000));
    // Two creations and a deletion.
    assert_eq!((a.version, a.cversion, a.aversion), (1, 3, 0));
    assert_eq!((a.data_length, a.num_children, a.ephemeral_owner), (11, 1, 0));
    assert_eq!(stat(&state, "/a/c").ephemeral_owner, SESSION);
    // As a fresh Apache ZooKeeper shows it, with one more child.
    assert_eq!((stat(&state, "/").cversion, stat(&state, "/").num_children), (0, 2));
    assert_eq!((stat(&State::default(), "/").cversion, stat(&State::default(), "/zookeeper").cversion), (-1, -2));
}

#[test]
fn each_fault_has_its_code() {
    let mut state = State::default();
    run(&mut state, &[create("/a", 0)]).unwrap();
    run(&mut state, &[create("/e", 1)]).unwrap();
    run(&mut state, &[create("/a/b", 0)]).unwrap();
    let before = state.clone();
    for (operation, code) in [
        (create("/a", 0), Code::NodeExists),
        (create("/", 0), Code::NodeExists),
        (create("/none/b", 0), Code::NoNode),
        (create("/e/b", 0), Code::NoChildrenForEphemerals),
        (create("a", 0), Code::BadArguments),
        (create("/a/", 0), Code::BadArguments),
        (create("/b\0", 0), Code::BadArguments),
        (create("/b", 9), Code::BadArguments),
        (create("/b", 5), Code::Unimplemented),
        (delete("/a"), Code::NotEmpty),
        (delete("/none"), Code::NoNode),
        (delete("/"), Code::BadArguments),
        (delete("/zookeeper/quota"), Code::BadArguments),
        (Operation::Delete { path: "/a/b".to_owned(), version: 1 }, Code::BadVersion),
        (set("/none", -1), Code::NoNode),
        (set("/a", 1), Code::BadVersion),
        (set("/a//b", -1), Code::BadArguments),
        (check("/a", 1), Code::BadVersion),
        (check("/none", -1), Code::NoNode),
        (Operation::SetAcl { path: "/a".to_owned(), acl: vec![], version: -1 }, Code::InvalidAcl),
        (Operation::SetAcl { path: "/a".to_owned(), acl: vec![Acl::anyone(1)], version: 3 }, Code::BadVersion),
    ] {
        assert_eq!(run(&mut state, std::slice::from_ref(&operation)), Err(code), "{operation:?}");
    }
    assert_eq!(state, before, "refused requests change nothing");
}

#[test]
fn sequential_names_count_the_children_ever_created() {
    let mut state = State::default();
    run(&mut state, &[create("/q", 0)]).unwrap();
    assert_eq!(run(&mut state, &[create("/q/n-", 2)]).unwrap(), ["/q/n-0000000000"]);
    run(&mut state, &[create("/q/other", 0)]).unwrap();
    run(&mut state, &[delete("/q/n-0000000000")]).unwrap();
    assert_eq!(run(&mut state, &[create("/q/n-", 3)]).unwrap(), ["/q/n-0000000002"]);
    assert_eq!(run(&mut state, &[create("/q/", 2)]).unwrap(), ["/q/0000000003"]);
}

#[test]
fn a_multi_is_all_or_nothing() {
    let mut state = State::default();
    run(&mut state, &[create("/a", 0)]).unwrap();
    let before = state.clone();
    let refused = state.execute(
        anybody(),
        Rules::default(),
        &[
            create("/b", 1),
            create("/b2", 0),
            create("/b2/c", 0),
            set("/a", -1),
            delete("/a"),
            check("/a", -1),
            create("/a", 0),
            delete("/a"),
            set("/a", -1),
        ],
        1,
    );
    assert_eq!(refused.unwrap_err(), Refused { index: 5, code: Code::NoNode });
    assert_eq!(state, before);
    assert_eq!(state.tree.ephemerals(SESSION).count(), 0);

    // Later operations see what earlier ones did, and all have one number.
    let all = [check("/a", 0), create("/a/b", 0), create("/a/b/c", 2), set("/a/b", 0), set("/a/b", 1)];
    assert_eq!(run(&mut state, &all).unwrap(), ["/a/b", "/a/b/c0000000000"]);
    assert_eq!(state.zxid, before.zxid + 1);
    assert_eq!(stat(&state, "/a/b").version, 2);
    assert_eq!(stat(&state, "/a/b").pzxid, stat(&state, "/a/b/c0000000000").czxid);

    // Checks alone change nothing.
    let zxid = state.zxid;
    assert!(state.execute(anybody(), Rules::default(), &[check("/a", 0)], 1).unwrap().0.is_none());
    assert_eq!(state.zxid, zxid);
}

#[test]
fn permissions_are_those_of_the_node_and_for_its_children_of_the_parent() {
    let bob = digest_id(b"bob:secret");
    let ids = [bob.clone()];
    let mut state = State::default();
    let mut make = create("/p", 0);
    if let Operation::Create { acl, .. } = &mut make {
        *acl = vec![Acl { perms: Perms::ALL, id: Id::new("auth", "") }, Acl::anyone(Perms::READ)];
    }
    assert_eq!(run(&mut state, std::slice::from_ref(&make)), Err(Code::InvalidAcl), "nobody is authenticated");
    let as_bob = |state: &mut State, operation: Operation| {
        state
            .execute(Requester { session: 1, ids: &ids }, Rules::default(), &[operation], 0)
            .map(|_| ())
            .map_err(|r| r.code)
    };
    as_bob(&mut state, make).unwrap();
    let stored = state.tree.get("/p").unwrap().acl.to_vec();
    assert_eq!(stored, [Acl { perms: Perms::ALL, id: bob }, Acl::anyone(Perms::READ)]);
    as_bob(&mut state, create("/p/open", 0)).unwrap();
    for operation in [set("/p", -1), create("/p/c", 0), delete("/p/open")] {
        assert_eq!(run(&mut state, std::slice::from_ref(&operation)), Err(Code::NoAuth), "{operation:?}");
    }
    run(&mut state, &[set("/p/open", -1)]).expect("an ACL is not inherited");
    run(&mut state, &[check("/p", 0)]).expect("reading is allowed");
    as_bob(&mut state, delete("/p/open")).unwrap();
}

#[test]
fn a_session_takes_its_nodes_with_it() {
    let mut state = State::default();
    state.create_session(SESSION, Session { timeout_ms: 1000, password: [1; 16] }, 0);
    run(&mut state, &[create("/a", 0)]).unwrap();
    run(&mut state, &[create("/a/e1", 1)]).unwrap();
    run(&mut state, &[create("/a/e2", 1)]).unwrap();
    let (txn, outcome) = state.close_session(SESSION, 9).unwrap();
    assert_eq!(outcome.len(), 2);
    assert!(state.tree.get("/a/e1").is_none() && state.sessions.is_empty());
    assert_eq!(stat(&state, "/a").pzxid, txn.zxid);
    assert_eq!(stat(&state, "/a").cversion, 4);
}

#[test]
fn containers_and_timed_nodes_become_candidates_when_they_are_empty() {
    let mut state = State::default();
    let rules = Rules { ttl_nodes: true };
    let kind = |operation: Operation, new_kind: CreateKind| match operation {
        Operation::Create { path, data, acl, flags, .. } => {
            Operation::Create { kind: new_kind, path, data, acl, flags }
        }
        other => other,
    };
    state.execute(anybody(), rules, &[kind(create("/c", 4), CreateKind::Container)], 0).unwrap();
    state.execute(anybody(), rules, &[kind(create("/t", 5), CreateKind::Ttl(100))], 0).unwrap();
    assert_eq!(
        state.execute(anybody(), rules, &[kind(create("/x", 5), CreateKind::Ttl(0))], 0).unwrap_err().code,
        Code::BadArguments
    );
    assert_eq!((stat(&state, "/c").ephemeral_owner, stat(&state, "/t").ephemeral_owner), (0, 0));
    assert!(state.tree.candidates(100).is_empty(), "a container waits for its first child");
    assert_eq!(state.tree.candidates(101), ["/t".into()]);
    run(&mut state, &[create("/c/x", 0)]).unwrap();
    assert!(state.tree.candidates(0).is_empty());
    assert!(state.delete_candidate("/c", 0).unwrap().is_none());
    run(&mut state, &[delete("/c/x")]).unwrap();
    assert_eq!(state.tree.candidates(0), ["/c".into()]);
    assert!(state.delete_candidate("/c", 0).unwrap().is_some());
    assert!(state.tree.get("/c").is_none() && state.tree.candidates(0).is_empty());
}

/// Operations on few paths, so that they meet.
pub fn operation() -> impl Strategy<Value = Operation> {
    let path = prop::sample::select(vec!["/a", "/a/b", "/a/b/c", "/d", "/d/e", "/"]);
    (path, 0..6, -1..3, any::<bool>()).prop_map(|(path, what, version, flag)| match what {
        0 => create(path, i32::from(flag)),
        1 => create(path, 2 + i32::from(flag)),
        2 => Operation::Delete { path: path.to_owned(), version },
        3 => set(path, version),
        4 => Operation::SetAcl {
            path: path.to_owned(),
            acl: vec![Acl::anyone(if flag { Perms::ALL } else { Perms::ALL - Perms::WRITE })],
            version,
        },
        _ => check(path, version),
    })
}

proptest! {
    #[test]
    fn the_log_gives_the_same_state(steps in prop::collection::vec(prop::collection::vec(operation(), 1..5), 0..40)) {
        let mut state = State::default();
        let mut replayed = State::default();
        for (step, operations) in steps.iter().enumerate() {
            let before = state.clone();
            match state.execute(anybody(), Rules::default(), operations, step as i64) {
                Ok((Some(txn), _)) => drop(replayed.replay(&through_bytes(&txn)).unwrap()),
                Ok((None, _)) | Err(_) => prop_assert_eq!(&state, &before),
            }
            if step % 7 == 6 {
                let (txn, _) = state.close_session(SESSION, step as i64).unwrap();
                replayed.replay(&through_bytes(&txn)).unwrap();
            }
        }
        prop_assert_eq!(&state, &replayed);
        // The indices are what the nodes say.
        let owned = state.tree.iter().filter(|(_, node)| node.stat().ephemeral_owner == SESSION).count();
        prop_assert_eq!(owned, state.tree.ephemerals(SESSION).count());
        let size: usize = state.tree.iter().map(|(path, node)| path.len() + node.data_length()).sum();
        prop_assert_eq!(size as u64, state.tree.data_size());
        let children: usize = state.tree.iter().map(|(_, node)| node.children.len()).sum();
        prop_assert_eq!(children + 1, state.tree.len());
        prop_assert_eq!(state.tree.count_below("/"), state.tree.len() - 1);
    }
}

fn through_bytes(txn: &Txn) -> Txn {
    let mut writer = Writer::new();
    txn.write(&mut writer);
    let mut reader = Reader::new(writer.into_vec().into());
    let read = Txn::read(&mut reader).unwrap();
    reader.finish().unwrap();
    assert_eq!(&read, txn);
    read
}
