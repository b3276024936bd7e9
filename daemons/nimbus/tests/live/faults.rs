//! Dead workers, vanished supervisors, lost blobs, a lost ZooKeeper.

use std::time::{Duration, Instant};

use serde_json::json;
use storm_thrift::types::KillOptions;

use crate::fixture::{Keeper, LIMIT, Nimbus, Place, Supervisor, eventually, submit_to, summary};

#[tokio::test(flavor = "multi_thread")]
async fn executors_of_a_silent_worker_go_elsewhere() {
    let place = Place::new(Keeper::shared())
        .with("nimbus.task.timeout.secs", json!(2))
        .with("nimbus.task.launch.secs", json!(2));
    let nimbus = Nimbus::start(&place.conf).await;
    let a = Supervisor::start(&place, "sup-a", &[1]).await;
    let b = Supervisor::start(&place, "sup-b", &[1, 2]).await;
    let mut client = nimbus.client().await;
    eventually("both supervisors", async || {
        (client.get_cluster_info().await.unwrap().supervisors.len() == 2).then_some(())
    })
    .await;
    submit_to(&mut client, "wc", &place.jar(), json!({"topology.workers": 2})).await.unwrap();
    let first = a.pushed("wc", |a| a.values().any(|a| a.node_host.len() == 2)).await.assignments;
    let (id, before) = first.iter().next().unwrap();
    let started = Instant::now();
    // The workers of b beat, those of a do not.
    let mut stop = false;
    while !stop {
        b.beat(&mut client, &[(id, before)]).await;
        a.beat(&mut client, &[]).await;
        let now = client.get_supervisor_assignments("sup-b".into()).await.unwrap();
        stop = now.storm_assignment[id].node_host.len() == 1;
        assert!(started.elapsed() < LIMIT, "{now:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(started.elapsed() > Duration::from_millis(1500), "the timeout was waited for");
    let after = b.pushed("all on b", |a| a[id].node_host.len() == 1).await.assignments;
    a.pushed("nothing on a", |a| a.is_empty()).await;
    for (key, at) in &before.executor_node_port {
        let (now, then) = (&after[id].executor_node_port[key], &before.executor_start_time_secs[key]);
        if at.node == "sup-b" {
            assert_eq!((now, &after[id].executor_start_time_secs[key]), (at, then), "it lives, so it stays");
        } else {
            assert_eq!(now.node, "sup-b");
        }
    }
    nimbus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_that_comes_is_used_at_once_and_one_that_goes_keeps_its_workers() {
    let place = Place::new(Keeper::shared());
    let nimbus = Nimbus::start(&place.conf).await;
    let mut client = nimbus.client().await;
    submit_to(&mut client, "wc", &place.jar(), json!({"topology.workers": 2})).await.unwrap();
    let status = eventually("the first round", async || summary(&mut client, "wc").await.unwrap().sched_status).await;
    let wanted = "Waiting for slots: 5 of 5 executors run nowhere; no supervisor is registered; start one";
    assert_eq!((status.as_str(), summary(&mut client, "wc").await.unwrap().num_workers), (wanted, 0));
    let a = Supervisor::start(&place, "sup-a", &[1]).await;
    a.pushed("wc", |a| a.len() == 1).await;
    assert_eq!(summary(&mut client, "wc").await.unwrap().sched_status, None);
    let b = Supervisor::start(&place, "sup-b", &[1]).await;
    let both = b.pushed("a share of wc", |a| a.values().any(|a| a.node_host.len() == 2)).await.assignments;
    a.vanish().await;
    eventually("one supervisor", async || {
        (client.get_cluster_info().await.unwrap().supervisors.len() == 1).then_some(())
    })
    .await;
    let now = client.get_supervisor_assignments("sup-b".into()).await.unwrap().storm_assignment;
    assert_eq!(now, both, "workers outlive their supervisor until they stop to beat");
    nimbus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topologies_whose_blobs_are_lost_are_marked_and_the_rest_is_served() {
    let place = Place::new(Keeper::shared());
    let nimbus = Nimbus::start(&place.conf).await;
    let mut client = nimbus.client().await;
    submit_to(&mut client, "lost", &place.jar(), json!({})).await.unwrap();
    nimbus.stop().await;
    std::fs::remove_dir_all(place.local_dir()).unwrap();

    let nimbus = Nimbus::start(&place.conf).await;
    let mut client = nimbus.client().await;
    let supervisor = Supervisor::start(&place, "sup-a", &[1]).await;
    submit_to(&mut client, "fine", &place.jar(), json!({})).await.unwrap();
    supervisor.pushed("fine", |a| a.keys().any(|id| id.starts_with("fine-"))).await;
    let lost = summary(&mut client, "lost").await.unwrap();
    let status = lost.sched_status.unwrap();
    assert!(status.starts_with("Broken: ") && status.contains("is missing from the blob store"), "{status}");
    assert_eq!(summary(&mut client, "fine").await.unwrap().sched_status, None);
    assert!(client.get_cluster_info().await.is_ok());
    let info = client.get_topology_info(lost.id.clone()).await.unwrap();
    assert_eq!((info.sched_status.as_ref(), info.executors.len()), (Some(&status), 0));
    let page = client.get_topology_page_info(lost.id.clone(), ":all-time".into(), false).await.unwrap();
    assert_eq!(page.sched_status, Some(status));
    let refusal = client.get_topology_conf(lost.id).await.unwrap_err().to_string();
    assert!(refusal.contains("is broken"), "{refusal}");
    client.kill_topology_with_opts("lost".into(), KillOptions { wait_secs: Some(0) }).await.unwrap();
    eventually("the broken one to go", async || summary(&mut client, "lost").await.is_none().then_some(())).await;
    nimbus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_zookeeper_reads_go_on_and_leadership_comes_back() {
    let mut keeper = Keeper::start();
    let place = Place::new(&keeper).with("storm.zookeeper.retry.times", json!(0));
    let nimbus = Nimbus::start(&place.conf).await;
    let mut client = nimbus.client().await;
    submit_to(&mut client, "wc", &place.jar(), json!({})).await.unwrap();
    keeper.kill();
    eventually("leadership to go", async || client.get_leader().await.ok().filter(|l| !l.is_leader).map(drop)).await;
    assert_eq!(summary(&mut client, "wc").await.unwrap().status, "ACTIVE");
    assert_eq!(client.get_cluster_info().await.unwrap().topologies.len(), 1);
    let refusal = client.deactivate("wc".into()).await.unwrap_err().to_string();
    assert!(refusal.contains("not a leader") && refusal.contains("no connection to ZooKeeper"), "{refusal}");
    keeper.restart();
    eventually("leadership to come back", async || client.get_leader().await.ok().filter(|l| l.is_leader).map(drop))
        .await;
    client.deactivate("wc".into()).await.unwrap();
    assert_eq!(summary(&mut client, "wc").await.unwrap().status, "INACTIVE");
    nimbus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_without_zookeeper_and_leads_when_it_comes() {
    let mut keeper = Keeper::start();
    keeper.kill();
    let place = Place::new(&keeper).with("storm.zookeeper.retry.times", json!(0));
    let nimbus = Nimbus::start(&place.conf).await;
    let mut client = nimbus.client().await;
    assert!(client.get_cluster_info().await.unwrap().topologies.is_empty());
    keeper.restart();
    eventually("leadership", async || client.get_leader().await.ok().filter(|l| l.is_leader).map(drop)).await;
    submit_to(&mut client, "wc", &place.jar(), json!({})).await.unwrap();
    nimbus.kill();
}

/// What an operator does who cleans up by hand.
#[tokio::test(flavor = "multi_thread")]
async fn a_topology_removed_from_zookeeper_by_hand_is_gone() {
    let place = Place::new(Keeper::shared()).with("nimbus.monitor.freq.secs", json!(1));
    let nimbus = Nimbus::start(&place.conf).await;
    let mut client = nimbus.client().await;
    let supervisor = Supervisor::start(&place, "sup-a", &[1, 2]).await;
    for name in ["goes", "stays"] {
        submit_to(&mut client, name, &place.jar(), json!({})).await.unwrap();
    }
    let both = supervisor.pushed("both", |a| a.len() == 2).await.assignments;
    let zk = place.zk().await;
    zk.remove_storm(both.keys().next().unwrap()).await.unwrap();
    supervisor.pushed("the other one", |a| a.len() == 1 && a.keys().all(|id| id.starts_with("stays-"))).await;
    assert!(summary(&mut client, "goes").await.is_none());

    // A base that cannot be read stops nobody.
    let node = format!("/storms/{}", both.keys().next_back().unwrap());
    zk.client().await.unwrap().set_data(&node, b"nonsense", None).await.unwrap();
    submit_to(&mut client, "goes", &place.jar(), json!({})).await.unwrap();
    let again = supervisor.pushed("both again", |a| a.len() == 2).await.assignments;
    // Once this one is missed, the other has been looked at as well.
    zk.remove_storm(again.keys().next().unwrap()).await.unwrap();
    supervisor.pushed("the other one again", |a| a.len() == 1).await;
    assert_eq!(summary(&mut client, "stays").await.unwrap().num_workers, 1);
    nimbus.stop().await;
}
