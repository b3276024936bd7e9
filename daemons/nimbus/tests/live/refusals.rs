//! What is refused, and that it harms nothing.

use serde_json::json;
use storm_tests::topologies::{bolt, lines_to_split, submit, upload};
use storm_thrift::{ClientError, Exception};

use crate::fixture::{Keeper, Nimbus, Place, submit_to};

fn invalid(outcome: Result<(), ClientError>) -> String {
    match outcome {
        Err(ClientError::Declared(Exception::InvalidTopologyException(e))) => e.msg,
        other => panic!("{other:?} instead of an InvalidTopologyException"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_submissions_are_refused_with_a_reason_and_leave_nothing() {
    let place = Place::new(Keeper::shared()).with("nimbus.executors.perTopology", json!(50));
    let nimbus = Nimbus::start(&place.conf).await;
    let mut client = nimbus.client().await;
    let jar = place.jar();

    for bad in ["/etc/passwd", "/etc/../etc/passwd", ""] {
        let outcome = client.submit_topology("a".into(), Some(bad.into()), "{}".into(), lines_to_split()).await;
        let msg = invalid(outcome);
        assert!(msg.contains("beginFileUpload"), "{msg}");
    }
    let location = upload(&mut client, &jar).await.unwrap();
    let beside = format!("{}/../inbox/{}", location.rsplit_once('/').unwrap().0, location.rsplit('/').next().unwrap());
    invalid(client.submit_topology("a".into(), Some(beside), "{}".into(), lines_to_split()).await);

    for name in ["", "a/b", "a.b", "a:b", "a\\b"] {
        let msg =
            invalid(client.submit_topology(name.into(), Some(location.clone()), "{}".into(), lines_to_split()).await);
        assert!(msg.contains("topology name"), "{msg}");
    }
    for (conf, word) in [("[", "JSON"), ("[]", "object"), (r#"{"topology.workers":"x"}"#, "topology.workers")] {
        let msg =
            invalid(client.submit_topology("a".into(), Some(location.clone()), conf.into(), lines_to_split()).await);
        assert!(msg.contains(word), "{msg}");
    }
    let mut missing = lines_to_split();
    missing.bolts.insert("count".into(), bolt("count.py", &["nobody"], &["n"]));
    let msg = invalid(submit(&mut client, "a", &jar, &json!({}), missing).await);
    assert!(msg.contains("subscribes from non-existent component [nobody]"), "{msg}");
    let msg = invalid(submit_to(&mut client, "a", &jar, json!({"topology.acker.executors": 60})).await);
    assert!(msg.contains("nimbus.executors.perTopology"), "{msg}");
    let msg = invalid(submit_to(&mut client, "a", &jar, json!({"topology.blobstore.map": {"absent": {}}})).await);
    assert!(msg.contains("absent"), "{msg}");
    let no_zip = place.local_dir().join("no.zip");
    std::fs::write(&no_zip, "this is no zip").unwrap();
    let msg = invalid(submit_to(&mut client, "a", &no_zip, json!({})).await);
    assert!(msg.contains("not a zip file"), "{msg}");

    assert_eq!(client.list_blobs(None).await.unwrap().keys, Vec::<String>::new());
    assert!(client.get_topology_summaries().await.unwrap().is_empty());
    assert!(matches!(
        client.kill_topology("a".into()).await,
        Err(ClientError::Declared(Exception::NotAliveException(_)))
    ));
    submit_to(&mut client, "a", &jar, json!({})).await.unwrap();
    nimbus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_ten_submits_of_one_name_one_wins() {
    let place = Place::new(Keeper::shared());
    let nimbus = Nimbus::start(&place.conf).await;
    let (jar, port) = (place.jar(), nimbus.address.port());
    let submit = |_| {
        let jar = jar.clone();
        tokio::spawn(async move { submit_to(&mut crate::fixture::client(port).await, "wc", &jar, json!({})).await })
    };
    let mut outcomes = Vec::new();
    for task in (0..10).map(submit).collect::<Vec<_>>() {
        outcomes.push(task.await.unwrap());
    }
    let won = outcomes.iter().filter(|o| o.is_ok()).count();
    assert_eq!(won, 1, "{outcomes:?}");
    let mut client = nimbus.client().await;
    let summaries = client.get_topology_summaries().await.unwrap();
    assert_eq!(summaries.len(), 1);
    for refused in outcomes.into_iter().filter_map(Result::err) {
        let ClientError::Declared(Exception::AlreadyAliveException(e)) = refused else { panic!("{refused:?}") };
        assert_eq!(e.msg, format!("wc is already alive (as {})", summaries[0].id));
    }
    assert_eq!(client.list_blobs(None).await.unwrap().keys.len(), 3, "the losers left nothing");
    nimbus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_on_the_port_harms_nobody() {
    let place = Place::new(Keeper::shared());
    let nimbus = Nimbus::start(&place.conf).await;
    let port = nimbus.address.port();
    let half_open = tokio::task::spawn_blocking(move || {
        storm_tests::hostile::assault(port, 7);
        storm_tests::hostile::half_open(port, 50)
    });
    let half_open = half_open.await.unwrap();
    let mut client = nimbus.client().await;
    submit_to(&mut client, "wc", &place.jar(), json!({})).await.unwrap();
    drop(half_open);
    nimbus.stop().await;
}
