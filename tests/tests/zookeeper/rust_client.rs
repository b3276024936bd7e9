//! The client that the other crates use.

use std::time::Duration;

use storm_tests::process::Nest;
use zookeeper_client::{
    Acls, AddWatchMode, Client, CreateMode, Error, EventType, LockOptions, LockPrefix, MultiWriteError, SessionState,
};

use crate::server::{LIMIT, Server};

#[test]
fn the_rust_client_works_and_keeps_its_session_over_a_restart() {
    let nest = Nest::new();
    let mut server = Server::ours(&nest, "");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let connect = async |server: &Server| {
        let connector = Client::connector().with_session_timeout(Duration::from_secs(20));
        tokio::time::timeout(LIMIT, connector.connect(&server.connect())).await.expect("in time").expect("a session")
    };
    let (one, two) = runtime.block_on(async { (connect(&server).await, connect(&server).await) });
    runtime.block_on(async {
        nodes(&one, &two).await;
        multis(&one).await;
        locks(&one, &two).await;
    });
    let watcher = runtime.block_on(async {
        one.create("/alive", b"", &CreateMode::Ephemeral.with_acls(Acls::anyone_all())).await.unwrap();
        let (_, _, watcher) = two.get_and_watch_data("/alive").await.unwrap();
        watcher
    });
    let session = one.session_id();
    let mut states = [one.state_watcher(), two.state_watcher()];
    server.kill();
    runtime.block_on(async {
        for states in &mut states {
            while tokio::time::timeout(LIMIT, states.changed()).await.expect("it notices") != SessionState::Disconnected
            {
            }
        }
    });
    server.restart(&nest);
    runtime.block_on(async {
        for states in &mut states {
            while tokio::time::timeout(LIMIT, states.changed()).await.expect("it returns")
                != SessionState::SyncConnected
            {}
        }
        let stat = one.check_stat("/alive").await.unwrap().expect("the ephemeral node is kept");
        assert_eq!(stat.ephemeral_owner, session.0);
        // The client sets its watch again.
        wait_answered(&two).await;
        one.set_data("/alive", b"changed", None).await.unwrap();
        let event = tokio::time::timeout(LIMIT, watcher.changed()).await.expect("an event");
        assert_eq!((event.event_type, event.path.as_str()), (EventType::NodeDataChanged, "/alive"));
    });
}

/// Waits until the client has noticed the restart and is through with what it does then, such as setting its watches.
async fn wait_answered(client: &Client) {
    let answered = async { while client.check_stat("/").await.is_err() {} };
    tokio::time::timeout(LIMIT, answered).await.expect("it returns");
}

async fn nodes(one: &Client, two: &Client) {
    let persistent = CreateMode::Persistent.with_acls(Acls::anyone_all());
    let (stat, sequence) = one.create("/r", b"data", &persistent).await.unwrap();
    assert!(stat.czxid > 0 && stat.version == 0);
    assert_eq!(sequence.into_i64(), -1);
    one.mkdir("/r/deep/er", &persistent).await.unwrap();
    assert_eq!(one.create("/r", b"", &persistent).await.unwrap_err(), Error::NodeExists);
    let sequential = CreateMode::PersistentSequential.with_acls(Acls::anyone_all());
    let (_, sequence) = one.create("/r/s-", b"", &sequential).await.unwrap();
    assert_eq!(sequence.to_string(), "0000000001");
    let (data, stat, watch) = two.get_and_watch_data("/r").await.unwrap();
    assert_eq!((data.as_slice(), stat.version), (&b"data"[..], 0));
    let (children, stat, children_watch) = two.get_and_watch_children("/r").await.unwrap();
    assert_eq!((children.len(), stat.num_children), (2, 2));
    assert_eq!(one.set_data("/r", b"new", Some(0)).await.unwrap().version, 1);
    assert_eq!(one.set_data("/r", b"new", Some(0)).await.unwrap_err(), Error::BadVersion);
    assert_eq!(watch.changed().await.event_type, EventType::NodeDataChanged);
    one.delete("/r/s-0000000001", None).await.unwrap();
    assert_eq!(children_watch.changed().await.event_type, EventType::NodeChildrenChanged);
    let mut all = two.watch("/r", AddWatchMode::PersistentRecursive).await.unwrap();
    one.create("/r/deep/er/est", b"", &persistent).await.unwrap();
    let event = all.changed().await;
    assert_eq!((event.event_type, event.path.as_str()), (EventType::NodeCreated, "/r/deep/er/est"));
    one.delete("/r/deep/er/est", None).await.unwrap();
    assert_eq!(one.delete("/r", None).await.unwrap_err(), Error::NotEmpty);
    assert_eq!(one.count_descendants_number("/r").await.unwrap(), 2);
    assert_eq!(one.check_stat("/none").await.unwrap(), None);
    one.sync("/").await.unwrap();
    one.auth("digest", b"bob:secret").await.unwrap();
    assert!(one.list_auth_users().await.unwrap().iter().any(|user| user.user() == "bob"));
    one.create("/r/private", b"", &CreateMode::Ephemeral.with_acls(Acls::creator_all())).await.unwrap();
    assert_eq!(two.get_data("/r/private").await.unwrap_err(), Error::NoAuth);
    assert_eq!(one.list_ephemerals("/r").await.unwrap(), ["/r/private"]);
}

async fn multis(client: &Client) {
    let persistent = CreateMode::Persistent.with_acls(Acls::anyone_all());
    let mut writer = client.new_multi_writer();
    writer.add_create("/m", b"1", &persistent).unwrap();
    writer.add_set_data("/m", b"2", Some(0)).unwrap();
    writer.add_check_version("/m", 1).unwrap();
    assert_eq!(writer.commit().await.unwrap().len(), 3);
    let mut writer = client.new_multi_writer();
    writer.add_set_data("/m", b"3", Some(1)).unwrap();
    writer.add_delete("/none", None).unwrap();
    let error = writer.commit().await.unwrap_err();
    assert!(matches!(error, MultiWriteError::OperationFailed { index: 1, source: Error::NoNode }), "{error}");
    let mut reader = client.new_multi_reader();
    reader.add_get_data("/m").unwrap();
    reader.add_get_children("/none").unwrap();
    assert_eq!(reader.commit().await.unwrap().len(), 2);
    assert_eq!(client.get_data("/m").await.unwrap().0, b"2");
}

async fn locks(one: &Client, two: &Client) {
    let prefix = || LockPrefix::new_curator("/locks", "latch-").unwrap();
    let options = LockOptions::new(Acls::anyone_all())
        .with_ancestor_options(CreateMode::Persistent.with_acls(Acls::anyone_all()))
        .unwrap();
    let held = one.lock(prefix(), b"one", options.clone()).await.unwrap();
    let waiting = two.lock(prefix(), b"two", options);
    tokio::pin!(waiting);
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut waiting).await.is_err());
    drop(held);
    tokio::time::timeout(LIMIT, waiting).await.expect("in time").unwrap();
}
