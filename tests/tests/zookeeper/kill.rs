//! Writers under load while their server is killed again and again: what was acknowledged is never lost.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use storm_tests::process::Nest;
use storm_tests::random::Random;
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};
use zookeeper_client::{Acls, Client, CreateMode, Error};

use crate::server::{LIMIT, Server, zxid};

const WRITERS: usize = 8;
const KILLS: usize = 30;

/// What the server has acknowledged.
#[derive(Default)]
struct Acknowledged {
    nodes: Mutex<BTreeSet<String>>,
    /// The last value of each writer's counter.
    counters: [AtomicI64; WRITERS],
    zxid: AtomicI64,
    writes: AtomicU64,
}

impl Acknowledged {
    fn saw(&self, zxid: i64) {
        self.zxid.fetch_max(zxid, Ordering::SeqCst);
        self.writes.fetch_add(1, Ordering::SeqCst);
    }
}

async fn client(server: &str) -> Client {
    let connector = Client::connector().with_session_timeout(Duration::from_secs(30));
    timeout(LIMIT, connector.connect(server)).await.expect("in time").expect("a session")
}

/// Creates nodes and counts up, until told to stop; errors of a lost connection are the point of it.
async fn write(client: Client, number: usize, acknowledged: Arc<Acknowledged>, stop: Arc<AtomicBool>) {
    let persistent = CreateMode::Persistent.with_acls(Acls::anyone_all());
    let counter = format!("/counter-{number}");
    let mut n = 0;
    while !stop.load(Ordering::SeqCst) {
        n += 1;
        let path = format!("/log/{number}-{n:06}");
        let made = client.create(&path, &[7; 100], &persistent).await;
        let counted = match made {
            Ok((stat, _)) => {
                acknowledged.nodes.lock().expect("no panic").insert(path);
                acknowledged.saw(stat.czxid);
                client.set_data(&counter, n.to_string().as_bytes(), None).await
            }
            Err(error) => Err(error),
        };
        match counted {
            Ok(stat) => {
                acknowledged.counters[number].store(n, Ordering::SeqCst);
                acknowledged.saw(stat.mzxid);
            }
            Err(error @ (Error::SessionExpired | Error::ClientClosed | Error::NoNode | Error::NodeExists)) => {
                panic!("writer {number}: {error}")
            }
            // The connection is lost. Whether the write was done nobody can say, so it is not counted.
            Err(_) => sleep(Duration::from_millis(5)).await,
        }
    }
}

async fn verify(server: &str, acknowledged: &Acknowledged, owner: i64) {
    // What was acknowledged before we ask must be in the answer.
    let nodes = acknowledged.nodes.lock().expect("no panic").clone();
    let counters: Vec<i64> = acknowledged.counters.iter().map(|counter| counter.load(Ordering::SeqCst)).collect();
    let observer = client(server).await;
    let there: BTreeSet<String> = timeout(LIMIT, observer.list_children("/log"))
        .await
        .expect("in time")
        .expect("the list")
        .into_iter()
        .map(|name| format!("/log/{name}"))
        .collect();
    let lost: Vec<_> = nodes.difference(&there).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    for (number, counter) in counters.iter().enumerate() {
        let (data, _) = observer.get_data(&format!("/counter-{number}")).await.expect("the counter");
        let value: i64 = String::from_utf8(data).expect("text").parse().expect("a number");
        assert!(value >= *counter, "counter {number} is {value}, but {counter} was acknowledged");
    }
    let alive = observer.check_stat("/alive").await.expect("an answer").expect("the ephemeral node of a live session");
    assert_eq!(alive.ephemeral_owner, owner);
}

#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let nest = Nest::new();
    // Snapshots and new log files all the time.
    let mut server = Server::ours(&nest, "snapCount=300\n");
    let runtime = Runtime::new().expect("a runtime");
    let address = server.connect();
    let acknowledged = Arc::new(Acknowledged::default());
    let stop = Arc::new(AtomicBool::new(false));
    let mut random = Random::new(20);
    let (owner, writers) = runtime.block_on(async {
        let client = client(&address).await;
        let persistent = CreateMode::Persistent.with_acls(Acls::anyone_all());
        client.create("/log", b"", &persistent).await.expect("created");
        for number in 0..WRITERS {
            client.create(&format!("/counter-{number}"), b"0", &persistent).await.expect("created");
        }
        let ephemeral = CreateMode::Ephemeral.with_acls(Acls::anyone_all());
        client.create("/alive", b"", &ephemeral).await.expect("created");
        let writers: Vec<_> = (0..WRITERS)
            .map(|n| tokio::spawn(write(client.clone(), n, Arc::clone(&acknowledged), Arc::clone(&stop))))
            .collect();
        (client, writers)
    });
    let session = owner.session_id().0;
    let mut last_zxid = 0;
    for round in 0..KILLS {
        // Each round sees some work done, and is cut off at a random moment of it.
        let before = acknowledged.writes.load(Ordering::SeqCst);
        let start = Instant::now();
        while acknowledged.writes.load(Ordering::SeqCst) < before + 20 {
            assert!(start.elapsed() < LIMIT, "round {round}: no writes\n{}", server.output());
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(random.below(60_000)));
        server.kill();
        let seen = acknowledged.zxid.load(Ordering::SeqCst);
        server.restart(&nest);
        let now = zxid(server.address);
        assert!(now >= seen && now >= last_zxid, "round {round}: {now:#x} after {seen:#x} and {last_zxid:#x}");
        last_zxid = now;
        runtime.block_on(verify(&address, &acknowledged, session));
    }
    stop.store(true, Ordering::SeqCst);
    runtime.block_on(async {
        for writer in writers {
            timeout(LIMIT, writer).await.expect("in time").expect("a writer");
        }
        verify(&address, &acknowledged, session).await;
    });
    assert!(acknowledged.writes.load(Ordering::SeqCst) > 20 * KILLS as u64);
    let snapshots = std::fs::read_dir(nest.dir().join("ours/native-1")).expect("the data");
    let names: Vec<String> =
        snapshots.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
    assert!(names.iter().any(|name| name.starts_with("snapshot.")), "{names:?}");
}
