//! Who hears of what.

use storm_zookeeper::proto::{EventType, WatcherType};
use storm_zookeeper::state::State;
use storm_zookeeper::tree::Rules;
use storm_zookeeper::watch::Watches;

use crate::tree::{anybody, create, delete, set};

/// Runs operations and lists the events as (kind, path, watchers), without those nobody hears.
fn fire(
    state: &mut State,
    watches: &mut Watches,
    operation: storm_zookeeper::proto::Operation,
) -> Vec<(EventType, String, Vec<u64>)> {
    let (_, done) = state.execute(anybody(), Rules::default(), &[operation], 0).unwrap();
    let events = &done[0].applied.as_ref().unwrap().events;
    watches
        .fire(events)
        .into_iter()
        .filter(|(_, watchers)| !watchers.is_empty())
        .map(|(event, watchers)| (event.kind, event.path.to_string(), watchers))
        .collect()
}

#[test]
fn one_shot_watches_fire_once() {
    let (mut state, mut watches) = (State::default(), Watches::default());
    watches.watch_data("/a", 1);
    watches.watch_children("/", 2);
    assert_eq!(
        fire(&mut state, &mut watches, create("/a", 0)),
        [(EventType::NodeCreated, "/a".to_owned(), vec![1]), (EventType::NodeChildrenChanged, "/".to_owned(), vec![2])]
    );
    assert!(fire(&mut state, &mut watches, set("/a", -1)).is_empty());
    watches.watch_data("/a", 1);
    assert_eq!(fire(&mut state, &mut watches, set("/a", -1)), [(EventType::NodeDataChanged, "/a".to_owned(), vec![1])]);
    assert_eq!(watches.summary(), (0, 0, 0));
}

#[test]
fn a_deletion_is_told_once_to_each() {
    let (mut state, mut watches) = (State::default(), Watches::default());
    fire(&mut state, &mut watches, create("/a", 0));
    watches.watch_data("/a", 1);
    watches.watch_children("/a", 1);
    watches.watch_children("/a", 2);
    watches.watch_children("/", 3);
    assert_eq!(
        fire(&mut state, &mut watches, delete("/a")),
        [
            (EventType::NodeDeleted, "/a".to_owned(), vec![1, 2]),
            (EventType::NodeChildrenChanged, "/".to_owned(), vec![3])
        ]
    );
}

#[test]
fn persistent_watches_stay_and_recursive_ones_see_below() {
    let (mut state, mut watches) = (State::default(), Watches::default());
    watches.watch_always("/a", 1, false);
    watches.watch_always("/a", 2, true);
    watches.watch_data("/a", 3);
    let kinds = |fired: Vec<(EventType, String, Vec<u64>)>| {
        fired.into_iter().map(|(kind, path, who)| (kind as i32, path, who)).collect::<Vec<_>>()
    };
    assert_eq!(kinds(fire(&mut state, &mut watches, create("/a", 0))), [(1, "/a".to_owned(), vec![1, 2, 3])]);
    assert_eq!(
        kinds(fire(&mut state, &mut watches, create("/a/b", 0))),
        [(1, "/a/b".to_owned(), vec![2]), (4, "/a".to_owned(), vec![1])]
    );
    assert_eq!(kinds(fire(&mut state, &mut watches, set("/a/b", -1))), [(3, "/a/b".to_owned(), vec![2])]);
    assert!(watches.contains("/a", 2, WatcherType::PersistentRecursive));
    assert!(!watches.contains("/a", 2, WatcherType::Persistent));
    assert!(watches.remove("/a", 2, WatcherType::Any));
    assert!(!watches.remove("/a", 2, WatcherType::Any));
    assert!(fire(&mut state, &mut watches, set("/a/b", -1)).is_empty());
    assert_eq!(kinds(fire(&mut state, &mut watches, set("/a", -1))), [(3, "/a".to_owned(), vec![1])]);
    watches.forget(1);
    assert!(fire(&mut state, &mut watches, set("/a", -1)).is_empty());
    assert_eq!(watches.summary(), (0, 0, 0));
}

#[test]
fn one_kind_can_be_removed_without_the_other() {
    let mut watches = Watches::default();
    watches.watch_data("/a", 1);
    watches.watch_always("/a", 1, true);
    assert!(watches.contains("/a", 1, WatcherType::Data));
    assert!(watches.remove("/a", 1, WatcherType::Data));
    assert!(!watches.contains("/a", 1, WatcherType::Data));
    assert!(watches.contains("/a", 1, WatcherType::Any));
    assert!(!watches.remove("/a", 1, WatcherType::Children));
    assert!(watches.remove("/a", 1, WatcherType::PersistentRecursive));
    assert_eq!(watches.summary(), (0, 0, 0));
}
