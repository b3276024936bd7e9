//! Slots with real processes: small shell scripts as workers, a blobstore in memory, no ZooKeeper and no Nimbus.

mod home;
mod service;

use std::fs;
use std::time::{Duration, Instant};

use home::{Home, alive, eventually};

/// A worker that lives, with a child of its own.
const GOOD: &str = "cp $BEATS/* heartbeats/\nsleep 300 &\necho $! > child.pid\nwait\n";
/// A worker that takes no notice of SIGTERM, nor does its child.
const STUBBORN: &str = "trap '' TERM\ncp $BEATS/* heartbeats/\nwhile :; do sleep 300; done\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_assignment_becomes_a_worker_in_storms_folders() {
    let home = Home::new();
    home.topology("wc-1-1", GOOD);
    let s = home.supervisor().await;
    let began = Instant::now();
    s.assign(Some("wc-1-1")).await;
    let worker = s.running().await;
    assert!(began.elapsed() < Duration::from_secs(2), "took {:?}", began.elapsed());

    let dir = s.host().layout.worker(&worker);
    let dist = s.host().layout.stormdist("wc-1-1");
    let artifacts = s.host().layout.artifacts("wc-1-1", home.port);
    for link in ["artifacts", "resources"] {
        let to = fs::read_link(dir.root().join(link)).unwrap();
        assert_eq!(to, if link == "artifacts" { artifacts.clone() } else { dist.resources() });
    }
    for file in ["worker.yaml", "worker.log.out", "worker.log.err"] {
        assert!(artifacts.join(file).is_file(), "{file}");
    }
    let yaml = fs::read_to_string(artifacts.join("worker.yaml")).unwrap();
    assert!(yaml.contains(&format!("worker-id: \"{worker}\"")), "{yaml}");
    let args = fs::read_to_string(dir.root().join("args")).unwrap();
    assert_eq!(args.trim(), format!("worker wc-1-1 {} 6628 {} {worker}", home.supervisor_id, home.port));
    assert!(dist.root().join("stormjar.jar.version").is_file());
    assert_eq!(s.supervisor.heartbeats().worker_heartbeats.len(), 1);

    s.assign(None).await;
    s.state("EMPTY").await;
    assert!(!dir.root().exists(), "the folder of a worker goes with it");
    assert!(artifacts.is_dir(), "its logs stay");
    s.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_is_back_at_once_and_its_children_are_gone() {
    let home = Home::new();
    home.topology("wc-1-1", GOOD);
    let s = home.supervisor().await;
    s.assign(Some("wc-1-1")).await;
    let first = s.running().await;
    let (pid, child) = (s.pid(&first), s.child(&first).await);
    let began = Instant::now();
    home::kill(pid);
    eventually("another worker", || {
        s.view().is_some_and(|v| v.state == "RUNNING" && v.worker_id != Some(first.clone()))
    })
    .await;
    assert!(began.elapsed() < Duration::from_secs(5), "took {:?}", began.elapsed());
    assert!(!alive(child), "a child of the dead worker lives on");
    s.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_supervisor_adopts_its_worker_and_looks_after_it() {
    let home = Home::new();
    home.topology("wc-1-1", GOOD);
    let s = home.supervisor().await;
    s.assign(Some("wc-1-1")).await;
    let worker = s.running().await;
    let pid = s.pid(&worker);
    s.stop().await;
    assert!(alive(pid), "workers outlive their supervisor");

    // The pid files are lost, as after a cleaner of temporary files.
    fs::remove_dir_all(home.layout().worker(&worker).pids()).unwrap();
    let s = home.supervisor().await;
    assert_eq!(s.running().await, worker);
    assert!(alive(pid));
    // An equivalent assignment changes nothing.
    s.assign(Some("wc-1-1")).await;
    assert_eq!(s.running().await, worker);
    eventually("the worker's beat", || s.supervisor.heartbeats().worker_heartbeats.len() == 1).await;

    let began = Instant::now();
    home::kill(pid);
    eventually("another worker", || {
        s.view().is_some_and(|v| v.state == "RUNNING" && v.worker_id != Some(worker.clone()))
    })
    .await;
    assert!(began.elapsed() < Duration::from_secs(5), "took {:?}", began.elapsed());
    s.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_died_while_the_supervisor_was_away_is_launched_again_without_nimbus() {
    let home = Home::new();
    home.topology("wc-1-1", GOOD);
    let s = home.supervisor().await;
    s.assign(Some("wc-1-1")).await;
    let worker = s.running().await;
    let pid = s.pid(&worker);
    s.stop().await;
    home::kill(pid);
    home.lose_blobstore();
    let s = home.supervisor().await;
    eventually("another worker", || {
        s.view().is_some_and(|v| v.state == "RUNNING" && v.worker_id != Some(worker.clone()))
    })
    .await;
    s.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_of_no_slot_is_ended() {
    let home = Home::new();
    home.topology("wc-1-1", GOOD);
    let s = home.supervisor().await;
    s.assign(Some("wc-1-1")).await;
    let worker = s.running().await;
    let (pid, child) = (s.pid(&worker), s.child(&worker).await);
    s.stop().await;
    // Nothing is known of it any more.
    fs::remove_dir_all(home.layout().local_state()).unwrap();
    let s = home.supervisor().await;
    eventually("the end of the stray", || !alive(pid) && !alive(child)).await;
    eventually("a clean folder", || !home.layout().worker(&worker).root().exists()).await;
    s.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_ignores_sigterm_is_killed_after_the_grace_time() {
    let home = Home::new();
    home.topology("wc-1-1", STUBBORN);
    let s = home.supervisor().await;
    s.assign(Some("wc-1-1")).await;
    let pid = s.pid(&s.running().await);
    let began = Instant::now();
    s.assign(None).await;
    s.state("EMPTY").await;
    assert!(!alive(pid));
    assert!(began.elapsed() >= home::GRACE, "only {:?}", began.elapsed());
    s.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_the_grace_time_when_all_are_dead() {
    let home = Home::with("supervisor.worker.shutdown.sleep.secs", 60.into());
    home.topology("wc-1-1", GOOD);
    home.topology("other-2-1", GOOD);
    let s = home.supervisor().await;
    s.assign(Some("wc-1-1")).await;
    let pid = s.pid(&s.running().await);
    let began = Instant::now();
    s.assign(Some("other-2-1")).await;
    eventually("the other topology", || {
        s.view().is_some_and(|v| v.state == "RUNNING" && v.topology_id.as_deref() == Some("other-2-1"))
    })
    .await;
    assert!(began.elapsed() < Duration::from_secs(3), "took {:?}", began.elapsed());
    assert!(!alive(pid));
    s.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_left_the_group_is_found_by_its_mark() {
    let home = Home::new();
    home.topology("wc-1-1", "cp $BEATS/* heartbeats/\nsetsid sleep 300 &\necho $! > child.pid\nsleep 300 &\nwait\n");
    let s = home.supervisor().await;
    s.assign(Some("wc-1-1")).await;
    let worker = s.running().await;
    let child = s.child(&worker).await;
    s.assign(None).await;
    s.state("EMPTY").await;
    assert!(!alive(child));
    s.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_keeps_dying_is_slowed_down_and_its_last_words_are_shown() {
    let home = Home::new();
    home.topology("bad-1-1", "echo run >> $COUNT\necho 'cannot open the door' >&2\nexit 7\n");
    let s = home.supervisor().await;
    s.assign(Some("bad-1-1")).await;
    s.state("WAITING_FOR_RELAUNCH").await;
    let error = s.view().unwrap().last_error.unwrap();
    assert!(error.contains("exit code 7") && error.contains("cannot open the door"), "{error}");
    let told = s.host().troubles.next().await;
    assert_eq!(told.topology_id, "bad-1-1");
    assert!(told.error.error.contains("cannot open the door"), "{told:?}");
    assert_eq!(told.error.port, Some(i32::from(home.port)));
    assert_eq!(fs::read_to_string(home.count()).unwrap().lines().count(), 3, "two deaths are forgiven at once");
    eventually("the next try", || fs::read_to_string(home.count()).unwrap().lines().count() > 3).await;
    s.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_another_program_holds_is_not_offered_and_not_used() {
    let home = Home::new();
    home.topology("wc-1-1", GOOD);
    let s = home.supervisor().await;
    let ports = [home.port, 1];
    let taken = std::net::TcpListener::bind(("127.0.0.1", home.port)).unwrap();
    s.supervisor.probe_ports(&ports).await;
    assert_eq!(s.supervisor.info(&ports).await.meta, Some(vec![1]));
    s.assign(Some("wc-1-1")).await;
    s.state("WAITING_FOR_RELAUNCH").await;
    let error = s.view().unwrap().last_error.unwrap();
    assert!(error.contains(&format!("port {} is held by process {}", home.port, std::process::id())), "{error}");
    drop(taken);
    s.running().await;
    s.supervisor.probe_ports(&ports).await;
    let info = s.supervisor.info(&ports).await;
    assert_eq!(info.meta, Some(vec![i64::from(home.port), 1]));
    assert_eq!(info.used_ports, Some(vec![i64::from(home.port)]));
    s.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_files_of_a_topology_are_fetched_again() {
    let home = Home::new();
    home.topology("wc-1-1", GOOD);
    let s = home.supervisor().await;
    s.assign(Some("wc-1-1")).await;
    let worker = s.running().await;
    let dist = s.host().layout.stormdist("wc-1-1");
    fs::write(dist.code(), [0; 100]).unwrap();
    home::kill(s.pid(&worker));
    eventually("another worker", || {
        s.view().is_some_and(|v| v.state == "RUNNING" && v.worker_id != Some(worker.clone()))
    })
    .await;
    assert!(fs::read(dist.code()).unwrap().iter().any(|b| *b != 0));
    s.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_of_the_jar_restarts_the_worker_with_it() {
    let home = Home::new();
    home.topology("wc-1-1", GOOD);
    let s = home.supervisor().await;
    s.assign(Some("wc-1-1")).await;
    let worker = s.running().await;
    assert!(!s.host().localizer.poll("wc-1-1").await.unwrap());
    home.topology("wc-1-1", &format!("touch new-version\n{GOOD}"));
    assert!(s.host().localizer.poll("wc-1-1").await.unwrap());
    s.supervisor.blobs_changed("wc-1-1").await;
    eventually("another worker", || {
        s.view().is_some_and(|v| v.state == "RUNNING" && v.worker_id != Some(worker.clone()))
    })
    .await;
    let now = s.view().unwrap().worker_id.unwrap();
    assert!(s.host().layout.worker(&now).root().join("new-version").exists());
    assert!(!s.host().localizer.poll("wc-1-1").await.unwrap());
    s.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_workers_ends_them_all_and_they_come_back_with_the_supervisor() {
    let home = Home::new();
    home.topology("wc-1-1", GOOD);
    let s = home.supervisor().await;
    s.assign(Some("wc-1-1")).await;
    let worker = s.running().await;
    let (pid, child) = (s.pid(&worker), s.child(&worker).await);
    s.stop().await;
    assert_eq!(storm_supervisor::kill_workers(&home.conf()).await.unwrap(), 1);
    assert!(!alive(pid) && !alive(child));
    assert!(!home.layout().worker(&worker).root().exists());
    let s = home.supervisor().await;
    assert_ne!(s.running().await, worker);
    s.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_and_dependencies_are_linked_and_unpacked() {
    let home = Home::new();
    let blob_map = serde_json::json!({
        "dict.txt": { "localname": "words" },
        "pack.zip": { "localname": "pack", "uncompress": true, "workerRestart": true },
    });
    home.blob("dict.txt", b"one two");
    home.blob("pack.zip", &home::zip(&[("a/b.txt", "inside", 0o644)]));
    home.topology_with("wc-1-1", GOOD, &[("topology.blobstore.map", blob_map)]);
    let s = home.supervisor().await;
    s.assign(Some("wc-1-1")).await;
    let worker = s.running().await;
    let dir = s.host().layout.worker(&worker).root().to_owned();
    assert_eq!(fs::read_to_string(dir.join("words")).unwrap(), "one two");
    assert_eq!(fs::read_to_string(dir.join("pack/a/b.txt")).unwrap(), "inside");
    // A blob that asks for no restart is replaced under the running worker.
    home.blob("dict.txt", b"three");
    assert!(!s.host().localizer.poll("wc-1-1").await.unwrap());
    assert_eq!(fs::read_to_string(dir.join("words")).unwrap(), "three");
    home.blob("pack.zip", &home::zip(&[("a/b.txt", "changed", 0o644)]));
    assert!(s.host().localizer.poll("wc-1-1").await.unwrap());
    s.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_leads_out_of_its_folder_is_refused() {
    let home = Home::new();
    home.blob("pack.zip", &home::zip(&[("../../evil", "x", 0o644)]));
    let map = serde_json::json!({ "pack.zip": { "uncompress": true } });
    home.topology_with("wc-1-1", GOOD, &[("topology.blobstore.map", map)]);
    let s = home.supervisor().await;
    s.assign(Some("wc-1-1")).await;
    eventually("the refusal", || s.view().is_some_and(|v| v.last_error.is_some_and(|e| e.contains("../../evil"))))
        .await;
    s.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_stay_as_long_as_a_slot_or_an_assignment_needs_them() {
    let home = Home::with("supervisor.localizer.cache.target.size.mb", 0.into());
    home.blob("dict.txt", b"one two");
    let map = serde_json::json!({ "dict.txt": {} });
    home.topology_with("wc-1-1", GOOD, &[("topology.blobstore.map", map)]);
    let s = home.supervisor().await;
    s.assign(Some("wc-1-1")).await;
    s.running().await;
    let localizer = &s.host().localizer;
    let dist = s.host().layout.stormdist("wc-1-1");
    let cached = s.host().layout.file_cache("anonymous").join("files/dict.txt.1");
    localizer.clean(&[].into());
    assert!(dist.jar().exists() && cached.exists(), "a worker runs on them");
    s.assign(None).await;
    s.state("EMPTY").await;
    localizer.clean(&["wc-1-1".to_owned()].into());
    assert!(dist.jar().exists() && cached.exists(), "they are assigned, if not here");
    localizer.clean(&[].into());
    assert!(!dist.root().exists() && !cached.exists());
    s.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_that_cannot_be_written_takes_no_work() {
    let home = Home::new();
    let s = home.supervisor().await;
    let offered = async || {
        s.supervisor.probe_home();
        s.supervisor.info(&[6700, 6701]).await.meta.unwrap()
    };
    assert_eq!(offered().await, [6700, 6701]);
    // A folder that is no folder cannot be written even by root.
    let scratch = s.host().layout.scratch();
    fs::remove_dir_all(&scratch).unwrap();
    fs::write(&scratch, "").unwrap();
    assert_eq!(offered().await, [0; 0]);
    fs::remove_file(&scratch).unwrap();
    fs::create_dir(&scratch).unwrap();
    assert_eq!(offered().await, [6700, 6701]);
    s.stop().await;
}
