//! Two Nimbuses, and one that comes back.

use std::time::Duration;

use serde_json::json;
use storm_thrift::types::{Assignment, KillOptions};

use crate::fixture::{Keeper, Nimbus, Place, Supervisor, eventually, submit_to, summary};

#[tokio::test(flavor = "multi_thread")]
async fn the_second_waits_refuses_and_takes_over() {
    let keeper = Keeper::shared();
    let place = Place::new(keeper);
    let first = Nimbus::start(&place.conf).await;
    let mut one = first.client().await;
    submit_to(&mut one, "wc", &place.jar(), json!({})).await.unwrap();
    let mut conf = place.conf.clone();
    conf.set("storm.local.dir", json!(place.local_dir().with_file_name("second")));
    conf.set("storm.local.hostname", json!("localhost"));
    let second = Nimbus::start(&conf).await;
    let mut two = second.client().await;
    let leader = eventually("the second to know the leader", async || two.get_leader().await.ok()).await;
    assert_eq!((leader.port, leader.is_leader), (i32::from(first.address.port()), true));
    let refusal = two.kill_topology("wc".into()).await.unwrap_err().to_string();
    assert!(
        refusal.contains(&format!("not a leader, current leader is 127.0.0.1:{}:0", first.address.port())),
        "{refusal}"
    );
    assert!(two.get_supervisor_assignments("x".into()).await.is_err(), "no answer rather than an empty one");
    eventually("the second to have copied the code", async || {
        summary(&mut two, "wc").await.filter(|t| t.replication_count == Some(2) && t.sched_status.is_none())
    })
    .await;
    // Each of them counts from the tree as it has it, so not both at the same moment.
    eventually("the first to know of the copy", async || {
        summary(&mut one, "wc").await.filter(|t| t.replication_count == Some(2))
    })
    .await;
    assert_eq!(two.get_cluster_info().await.unwrap().nimbuses.len(), 2);

    one.kill_topology_with_opts("wc".into(), KillOptions { wait_secs: Some(1) }).await.unwrap();
    first.stop().await;
    eventually("the second to lead", async || {
        two.get_leader().await.ok().filter(|l| l.port == i32::from(second.address.port()))
    })
    .await;
    eventually("the kill to go on under the new leader", async || {
        summary(&mut two, "wc").await.is_none().then_some(())
    })
    .await;
    submit_to(&mut two, "wc", &place.jar(), json!({})).await.unwrap();
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_nimbus_moves_nobody_and_takes_new_topologies_at_once() {
    let place = Place::new(Keeper::shared())
        .with("nimbus.task.timeout.secs", json!(1))
        .with("nimbus.task.launch.secs", json!(1))
        .with("nimbus.monitor.freq.secs", json!(1));
    let nimbus = Nimbus::start(&place.conf).await;
    let supervisor = Supervisor::start(&place, "sup-a", &[1, 2, 3]).await;
    let mut client = nimbus.client().await;
    submit_to(&mut client, "old", &place.jar(), json!({})).await.unwrap();
    let before = supervisor.pushed("old", |a| a.len() == 1).await.assignments;
    nimbus.stop().await;

    // Longer than all timeouts but the one for supervisors that have not reported since.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let nimbus = Nimbus::start(&place.conf).await;
    let mut client = nimbus.client().await;
    submit_to(&mut client, "new", &place.jar(), json!({})).await.unwrap();
    let both = supervisor.pushed("both", |a| a.len() == 2).await.assignments;
    let (id, assignment) = before.iter().next().unwrap();
    assert_eq!(&both[id], assignment, "nobody has reported yet, so nobody is dead");

    // The supervisor reports that none of its workers lives: now they are.
    supervisor.beat(&mut client, &[]).await;
    let starts = |a: &Assignment| *a.executor_start_time_secs.values().max().unwrap();
    supervisor.pushed("old started anew", |a| a.get(id).is_some_and(|a| starts(a) > starts(assignment))).await;
    nimbus.stop().await;
}

/// As after a SIGKILL: the session of the dead one is still there, and with it its place in the queue.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_nimbus_that_comes_back_leads_at_once() {
    let place = Place::new(Keeper::shared())
        .with("storm.zookeeper.session.timeout", json!(10_000))
        .with("nimbus.thrift.port", json!(storm_tests::ports::free_port()));
    // What the dead one has left: a session that nobody closes, with a node as it makes it.
    let ghost = place.zk().await;
    let id = format!("127.0.0.1:{}:0", place.conf.int("nimbus.thrift.port").unwrap());
    let latch = storm_zk::LeaderLatch::join(&ghost, id.as_str()).await.unwrap();
    assert!(latch.is_leader());
    let started = std::time::Instant::now();
    let nimbus = Nimbus::start(&place.conf).await;
    let mut client = nimbus.client().await;
    submit_to(&mut client, "wc", &place.jar(), json!({})).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    nimbus.stop().await;
}
