//! A topology from its submission to its end.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use storm_thrift::types::{
    ClusterWorkerHeartbeat, ErrorInfo, ExecutorInfo, ExecutorSpecificStats, ExecutorStats, GetInfoOptions, KillOptions,
    NumErrorsChoice, RebalanceOptions, SpoutStats, TopologyActionOptions, TopologyStatus,
};

use crate::fixture::{HOST, Keeper, Nimbus, Place, Supervisor, eventually, submit_to, summary};

/// From the answer of the submission to the assignment at the supervisor. Milliseconds as a rule; this machine is busy.
const SOON: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn it_is_assigned_at_once_shown_and_killed() {
    let place = Place::new(Keeper::shared());
    let nimbus = Nimbus::start(&place.conf).await;
    let supervisor = Supervisor::start(&place, "sup-a", &[6700, 6701]).await;
    let mut client = nimbus.client().await;
    submit_to(&mut client, "wc", &place.jar(), json!({"topology.workers": 2, "mine": "yes"})).await.unwrap();
    let submitted = Instant::now();
    let pushed = supervisor.pushed("wc", |a| a.len() == 1).await;
    assert!(submitted.elapsed() < SOON, "the push took {:?}", submitted.elapsed());

    let (id, assignment) = pushed.assignments.iter().next().unwrap();
    assert!(id.starts_with("wc-1-"), "{id}");
    // two ackers (as many as workers), a spout, two bolts
    assert_eq!(assignment.executor_node_port.len(), 5);
    let ports: BTreeSet<i64> = assignment.executor_node_port.values().flat_map(|n| n.port.clone()).collect();
    assert_eq!(ports, BTreeSet::from([6700, 6701]));
    assert_eq!(assignment.node_host["sup-a"], HOST);
    assert_eq!(assignment.worker_resources.len(), 2);
    assert_eq!(place.zk().await.assignment(id).await.unwrap().as_ref(), Some(assignment), "as in ZooKeeper");
    assert_eq!(client.get_supervisor_assignments("sup-a".into()).await.unwrap().storm_assignment, pushed.assignments);

    let cluster = client.get_cluster_info().await.unwrap();
    assert_eq!((cluster.supervisors.len(), cluster.topologies.len(), cluster.nimbuses.len()), (1, 1, 1));
    assert!(cluster.nimbuses[0].is_leader);
    let s = &cluster.supervisors[0];
    assert_eq!((s.num_workers, s.num_used_workers, s.host.as_str()), (2, 2, HOST));
    let t = &cluster.topologies[0];
    assert_eq!((t.num_tasks, t.num_executors, t.num_workers, t.status.as_str()), (5, 5, 2, "ACTIVE"));
    assert_eq!((t.sched_status.as_ref(), t.replication_count), (None, Some(1)));

    let conf: Value = serde_json::from_str(&client.get_topology_conf(id.clone()).await.unwrap()).unwrap();
    assert_eq!((&conf["mine"], &conf["storm.id"], &conf["topology.workers"]), (&json!("yes"), &json!(id), &json!(2)));
    let user = client.get_user_topology(id.clone()).await.unwrap();
    assert_eq!(user.bolts.keys().collect::<Vec<_>>(), ["split"]);
    let system = client.get_topology(id.clone()).await.unwrap();
    assert_eq!(system.bolts.keys().collect::<Vec<_>>(), ["__acker", "__system", "split"]);
    assert!(!client.is_topology_name_allowed("wc".into()).await.unwrap());
    assert!(client.is_topology_name_allowed("wc2".into()).await.unwrap());
    let nimbus_conf: Value = serde_json::from_str(&client.get_nimbus_conf().await.unwrap()).unwrap();
    assert_eq!(nimbus_conf["storm.local.hostname"], json!(HOST));

    client.kill_topology_with_opts("wc".into(), KillOptions { wait_secs: Some(0) }).await.unwrap();
    supervisor.pushed("nothing", |a| a.is_empty()).await;
    assert!(summary(&mut client, "wc").await.is_none());
    assert_eq!(place.zk().await.storms().await.unwrap(), Vec::<String>::new());
    assert_eq!(client.get_topology_history(None).await.unwrap().topo_ids, Some(vec![id.clone()]));
    submit_to(&mut client, "wc", &place.jar(), json!({})).await.unwrap();
    nimbus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clean_up_takes_what_a_killed_topology_leaves() {
    let place = Place::new(Keeper::shared())
        .with("nimbus.topology.blobstore.deletion.delay.ms", json!(100))
        .with("nimbus.monitor.freq.secs", json!(1));
    let nimbus = Nimbus::start(&place.conf).await;
    let mut client = nimbus.client().await;
    submit_to(&mut client, "stays", &place.jar(), json!({})).await.unwrap();
    submit_to(&mut client, "goes", &place.jar(), json!({})).await.unwrap();
    assert_eq!(client.list_blobs(None).await.unwrap().keys.len(), 6);
    client.kill_topology_with_opts("goes".into(), KillOptions { wait_secs: Some(0) }).await.unwrap();
    eventually("three blobs", async || {
        let keys = client.list_blobs(None).await.unwrap().keys;
        (keys.len() == 3 && keys.iter().all(|k| k.starts_with("stays-"))).then_some(())
    })
    .await;
    let zk = place.zk().await;
    eventually("no nodes", async || {
        let left = [
            zk.heartbeat_topologies().await.unwrap(),
            zk.error_topologies().await.unwrap(),
            zk.blob_keys().await.unwrap(),
        ];
        (left.iter().flatten().all(|id| id.starts_with("stays-")) && left.iter().all(|l| !l.is_empty())).then_some(())
    })
    .await;
    nimbus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_deactivated_activated_and_rebalanced() {
    let place = Place::new(Keeper::shared());
    let nimbus = Nimbus::start(&place.conf).await;
    let supervisor = Supervisor::start(&place, "sup-a", &[1, 2, 3]).await;
    let mut client = nimbus.client().await;
    submit_to(&mut client, "wc", &place.jar(), json!({})).await.unwrap();
    supervisor.pushed("wc", |a| a.len() == 1).await;
    client.deactivate("wc".into()).await.unwrap();
    assert_eq!(summary(&mut client, "wc").await.unwrap().status, "INACTIVE");
    let options = RebalanceOptions {
        wait_secs: Some(0),
        num_workers: Some(3),
        num_executors: Some([("split".to_owned(), 1)].into()),
        topology_conf_overrides: Some(json!({"mine": 5, "topology.submitter.user": "mallory"}).to_string()),
        topology_resources_overrides: Some(
            [("split".to_owned(), [("topology.component.cpu.pcore.percent".to_owned(), 33.0)].into())].into(),
        ),
        ..RebalanceOptions::default()
    };
    client.rebalance("wc".into(), options).await.unwrap();
    // acker, spout, one bolt
    let three = |a: &storm_thrift::types::Assignment| a.executor_node_port.len() == 3 && a.worker_resources.len() == 3;
    let pushed = supervisor.pushed("three workers", |a| a.values().all(three)).await;
    let (id, assignment) = pushed.assignments.iter().next().unwrap();
    assert!(assignment.worker_resources.values().any(|r| r.cpu == Some(33.0)), "{:?}", assignment.worker_resources);
    let t = summary(&mut client, "wc").await.unwrap();
    assert_eq!((t.status.as_str(), t.num_workers, t.num_executors, t.num_tasks), ("INACTIVE", 3, 3, 4));
    let conf: Value = serde_json::from_str(&client.get_topology_conf(id.clone()).await.unwrap()).unwrap();
    assert_eq!(conf["mine"], json!(5));
    assert_ne!(conf["topology.submitter.user"], json!("mallory"));
    client.activate("wc".into()).await.unwrap();
    client.activate("wc".into()).await.unwrap();
    assert_eq!(summary(&mut client, "wc").await.unwrap().status, "ACTIVE");

    let bad =
        RebalanceOptions { num_executors: Some([("nobody".to_owned(), 1)].into()), ..RebalanceOptions::default() };
    let refusal = client.rebalance("wc".into(), bad).await.unwrap_err().to_string();
    assert!(refusal.contains("Invalid component nobody"), "{refusal}");
    client.kill_topology_with_opts("wc".into(), KillOptions { wait_secs: Some(60) }).await.unwrap();
    assert_eq!(summary(&mut client, "wc").await.unwrap().status, "KILLED");
    let refusal = client.activate("wc".into()).await.unwrap_err().to_string();
    assert!(refusal.contains("No transition for event: ACTIVATE, status: KILLED storm-id: wc-1-"), "{refusal}");
    nimbus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_and_errors_are_shown() {
    let place = Place::new(Keeper::shared());
    let nimbus = Nimbus::start(&place.conf).await;
    let supervisor = Supervisor::start(&place, "sup-a", &[6700]).await;
    let mut client = nimbus.client().await;
    submit_to(&mut client, "wc", &place.jar(), json!({})).await.unwrap();
    let pushed = supervisor.pushed("wc", |a| a.len() == 1).await;
    let id = pushed.assignments.keys().next().unwrap().clone();
    let zk = place.zk().await;
    // tasks: 1 acker, 2 lines, 3 and 4 split
    let counts = |n: i64| ["600", ":all-time"].map(|w| (w.to_owned(), [("default".to_owned(), n)].into())).into();
    let spout = ExecutorStats {
        emitted: counts(100),
        transferred: counts(100),
        specific: ExecutorSpecificStats::Spout(SpoutStats {
            acked: counts(80),
            failed: counts(1),
            complete_ms_avg: [("600".to_owned(), [("default".to_owned(), 2.5)].into())].into(),
        }),
        rate: 20.0,
    };
    let executor = |t: i32| ExecutorInfo { task_start: t, task_end: t };
    let beat = ClusterWorkerHeartbeat {
        storm_id: id.clone(),
        executor_stats: [(executor(2), spout)].into(),
        time_secs: 1,
        uptime_secs: 42,
    };
    zk.set_worker_heartbeat(&id, "sup-a", 6700, &beat).await.unwrap();
    let error = ErrorInfo { error: "boom".into(), error_time_secs: 5, host: Some(HOST.into()), port: Some(6700) };
    zk.report_error(&id, "split", &error).await.unwrap();

    let info = client.get_topology_info(id.clone()).await.unwrap();
    assert_eq!(info.executors.len(), 4);
    let lines = info.executors.iter().find(|e| e.component_id == "lines").unwrap();
    assert_eq!((lines.uptime_secs, lines.port, lines.stats.is_some()), (42, 6700, true));
    assert_eq!(info.errors["split"], std::slice::from_ref(&error));
    let none = GetInfoOptions { num_err_choice: Some(NumErrorsChoice::None) };
    assert!(client.get_topology_info_with_opts(id.clone(), none).await.unwrap().errors.is_empty());

    let page = client.get_topology_page_info(id.clone(), "600".into(), false).await.unwrap();
    assert_eq!(page.id_to_bolt_agg_stats.as_ref().unwrap().keys().collect::<Vec<_>>(), ["split"]);
    assert_eq!(page.topology_stats.as_ref().unwrap().window_to_acked.as_ref().unwrap()["600"], 80);
    assert_eq!(page.id_to_bolt_agg_stats.unwrap()["split"].last_error, Some(error.clone()));
    let workers = page.workers.unwrap();
    assert_eq!((workers.len(), workers[0].num_executors, workers[0].uptime_secs), (1, Some(4), Some(42)));
    let page = client.get_component_page_info(id.clone(), "lines".into(), "600".into(), false).await.unwrap();
    assert_eq!((page.num_executors, page.num_tasks, page.exec_stats.unwrap().len()), (Some(1), Some(1), 1));
    assert_eq!(page.window_to_stats.unwrap()["600"].common_stats.as_ref().unwrap().emitted, Some(100));
    let page = client.get_component_page_info(id.clone(), "split".into(), "600".into(), false).await.unwrap();
    assert_eq!(page.errors, Some(vec![error]));
    assert!(client.get_component_page_info(id, "nobody".into(), "600".into(), false).await.is_err());
    let page = client.get_supervisor_page_info(None, Some(HOST.into()), true).await.unwrap();
    let workers = page.worker_summaries.unwrap();
    let tasks = workers[0].component_to_num_tasks.clone().unwrap();
    assert_eq!((tasks["__acker"], tasks["split"]), (1, 2));
    nimbus.stop().await;
}

/// As after a restore: what was going to happen to it goes on, though this Nimbus has never been told.
#[tokio::test(flavor = "multi_thread")]
async fn a_topology_that_is_put_back_while_it_is_being_killed_comes_to_its_end() {
    let place = Place::new(Keeper::shared()).with("nimbus.monitor.freq.secs", json!(1));
    let nimbus = Nimbus::start(&place.conf).await;
    let mut client = nimbus.client().await;
    submit_to(&mut client, "wc", &place.jar(), json!({})).await.unwrap();
    let zk = place.zk().await;
    let id = zk.storms().await.unwrap().remove(0);
    let mut base = zk.storm_base(&id).await.unwrap().unwrap();
    zk.remove_storm(&id).await.unwrap();
    eventually("it to be forgotten", async || summary(&mut client, "wc").await.is_none().then_some(())).await;
    base.status = TopologyStatus::Killed;
    base.topology_action_options = Some(TopologyActionOptions::KillOptions(KillOptions { wait_secs: Some(0) }));
    zk.set_storm_base(&id, &base).await.unwrap();
    eventually("it to end", async || zk.storms().await.unwrap().is_empty().then_some(())).await;
    nimbus.stop().await;
}
