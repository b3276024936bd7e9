//! Two engines over loopback.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use storm_engine::{Engine, EngineHandle};
use storm_topology::builder::TopologyBuilder;
use storm_topology::prelude::*;

use crate::support::*;

pub fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

pub fn address(listener: &TcpListener) -> String {
    listener.local_addr().unwrap().to_string()
}

/// An engine with some of the components; all other tasks are at `peer`.
pub fn engine(p: &Prepared, components: &[&str], listener: &TcpListener, peer: &str) -> EngineHandle {
    let mut spec = p.spec();
    spec.executors = p.executors(components);
    let here = |task: &i32| spec.executors.iter().any(|e| (e.task_start..=e.task_end).contains(task));
    spec.peers = (1..=p.system.task_count() as i32).filter(|t| !here(t)).map(|t| (t, peer.to_owned())).collect();
    spec.listener = Some(listener.try_clone().unwrap());
    spec.data_threads = 1;
    let engine = Engine::start(spec).unwrap();
    engine.activate();
    engine
}

/// numbers -> double (elsewhere) -> sum (here).
fn there_and_back(until: u64, seen: &Arc<Seen>, sum: &Arc<AtomicU64>) -> TopologyBuilder {
    let mut b = TopologyBuilder::new();
    b.conf("topology.max.spout.pending", 500).conf("topology.message.timeout.secs", 2);
    let s = seen.clone();
    b.set_spout("numbers", move || Numbers::new(until, &s)).outputs(["n"]);
    b.set_bolt("double", || {
        Run(|t: &Tuple<'_>, out: &mut BoltOutput<'_>| {
            let n = t.int(0)?;
            out.emit(values![n, 2 * n, "text to carry", &Value::List(vec![n.into()])]);
            Ok(())
        })
    })
    .outputs(["n", "double", "text", "list"])
    .parallelism(2)
    .shuffle("numbers");
    let sum = sum.clone();
    b.set_bolt("sum", move || {
        let sum = sum.clone();
        Run(move |t: &Tuple<'_>, _: &mut BoltOutput<'_>| {
            assert_eq!(t.str(2)?, "text to carry");
            assert_eq!(t.value(3).to_value(), Value::List(vec![t.int(0)?.into()]));
            sum.fetch_add(t.int(1)? as u64, Ordering::SeqCst);
            Ok(())
        })
    })
    .parallelism(2)
    .fields("double", ["n"]);
    b
}

#[tokio::test(flavor = "multi_thread")]
async fn tuples_and_acks_cross_and_come_back() {
    let (seen, sum) = (Arc::new(Seen::default()), Arc::new(AtomicU64::new(0)));
    let until = 50_000;
    let p = prepare(there_and_back(until, &seen, &sum));
    let (a, b) = (listen(), listen());
    let one = engine(&p, &["numbers", "sum"], &a, &address(&b));
    let two = engine(&p, &["double"], &b, &address(&a));
    eventually("all acked", || seen.all_acked(until)).await;
    assert_eq!(sum.load(Ordering::SeqCst), until * (until - 1));
    assert_eq!(Seen::get(&seen.failed), 0);
    eventually("credit came back", || p.tasks("double").iter().all(|t| one.queued(*t) < 32768 / 8)).await;
    end(one).await;
    end(two).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_and_comes_back_costs_only_replays() {
    let (seen, sum) = (Arc::new(Seen::default()), Arc::new(AtomicU64::new(0)));
    let until = 3_000_000;
    let p = prepare(there_and_back(until, &seen, &sum));
    let (a, b) = (listen(), listen());
    let one = engine(&p, &["numbers", "sum"], &a, &address(&b));
    for _ in 0..3 {
        let two = engine(&p, &["double"], &b, &address(&a));
        let before = Seen::get(&seen.acked);
        eventually("it flows", || Seen::get(&seen.acked) > before + 5000).await;
        // The port stays bound, as the listener is held by the test; connections to the old engine end.
        end(two).await;
    }
    let two = engine(&p, &["double"], &b, &address(&a));
    let before = Seen::get(&seen.acked);
    eventually("it flows again", || Seen::get(&seen.acked) > before + 5000).await;
    one.deactivate();
    eventually("paused", || Seen::get(&seen.deactivated) == 1).await;
    // Whatever was lost has been failed, in time.
    eventually("every number is settled", || {
        Seen::get(&seen.acked) + Seen::get(&seen.failed) == Seen::get(&seen.emitted)
    })
    .await;
    end(one).await;
    end(two).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_moves_is_followed() {
    let (seen, sum) = (Arc::new(Seen::default()), Arc::new(AtomicU64::new(0)));
    let p = prepare(there_and_back(u64::MAX, &seen, &sum));
    let (a, b, c) = (listen(), listen(), listen());
    let one = engine(&p, &["numbers", "sum"], &a, &address(&b));
    let two = engine(&p, &["double"], &b, &address(&a));
    eventually("it flows", || Seen::get(&seen.acked) > 1000).await;
    drop(b);
    end(two).await;
    let three = engine(&p, &["double"], &c, &address(&a));
    let moved: BTreeMap<i32, String> = p.tasks("double").into_iter().map(|t| (t, address(&c))).collect();
    one.update_peers(moved);
    let before = Seen::get(&seen.acked);
    eventually("it flows to the new place", || Seen::get(&seen.acked) > before + 5000).await;
    end(one).await;
    end(three).await;
}

/// Acks nothing while it is told to hold.
struct Holds(Arc<AtomicBool>);
impl Bolt for Holds {
    fn execute(&mut self, t: &Tuple<'_>, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        if !self.0.load(Ordering::SeqCst) {
            out.ack(t);
        }
        Ok(())
    }
    fn ack_mode(&self) -> AckMode {
        AckMode::Manual
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_worker_held_is_replayed_long_before_its_time_is_over() {
    let seen = Arc::new(Seen::default());
    let hold = Arc::new(AtomicBool::new(true));
    let mut b = TopologyBuilder::new();
    b.conf("topology.max.spout.pending", 50).conf("topology.message.timeout.secs", 3600);
    let s = seen.clone();
    b.set_spout("numbers", move || Numbers::new(500, &s)).outputs(["n"]);
    let h = hold.clone();
    b.set_bolt("holds", move || Holds(h.clone())).shuffle("numbers");
    let p = prepare(b);
    let (a, b) = (listen(), listen());
    let one = engine(&p, &["numbers"], &a, &address(&b));
    let two = engine(&p, &["holds"], &b, &address(&a));
    eventually("all that may be pending is held", || executed(&two, "numbers", "default").0 == 50).await;
    end(two).await;
    hold.store(false, Ordering::SeqCst);
    let two = engine(&p, &["holds"], &b, &address(&a));
    eventually("all acked", || seen.all_acked(500)).await;
    assert_eq!(Seen::get(&seen.failed), 50);
    end(one).await;
    end(two).await;
}

struct Flood(Arc<AtomicU64>);
impl Spout for Flood {
    fn next_tuple(&mut self, out: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError> {
        out.emit(values!["some text that takes its place"]);
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(Progress::Emitted)
    }
}

struct Slow(Arc<AtomicU64>);
impl Bolt for Slow {
    fn execute(&mut self, _: &Tuple<'_>, _: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        std::thread::sleep(Duration::from_millis(1));
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
    fn blocking(&self) -> bool {
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_task_elsewhere_stops_the_sender() {
    let (sent, taken) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut b = TopologyBuilder::new();
    b.conf("topology.executor.receive.buffer.size", 512);
    let s = sent.clone();
    b.set_spout("flood", move || Flood(s.clone())).outputs(["text"]);
    let t = taken.clone();
    b.set_bolt("slow", move || Slow(t.clone())).shuffle("flood");
    let p = prepare(b);
    let (a, b) = (listen(), listen());
    let one = engine(&p, &["flood"], &a, &address(&b));
    let two = engine(&p, &["slow"], &b, &address(&a));
    for step in 1..=5 {
        eventually("it goes on", || taken.load(Ordering::SeqCst) >= step * 300).await;
        let ahead = sent.load(Ordering::SeqCst) - taken.load(Ordering::SeqCst);
        assert!(ahead < 512 + 512 / 8 + 2 * 256, "{ahead} tuples ahead of a slow task");
    }
    end(one).await;
    end(two).await;
}

/// Sends bytes to a port and waits until the other side hangs up.
fn provoke(address: &str, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    // The other side may hang up before it has read everything.
    let _ = stream.write_all(bytes);
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => {}
        Err(e) => assert_eq!(e.kind(), std::io::ErrorKind::ConnectionReset, "{e}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_broken_peers_are_dropped_and_harm_nothing() {
    let (seen, sum) = (Arc::new(Seen::default()), Arc::new(AtomicU64::new(0)));
    let p = prepare(there_and_back(u64::MAX, &seen, &sum));
    let (a, b) = (listen(), listen());
    let one = engine(&p, &["numbers", "sum"], &a, &address(&b));
    let two = engine(&p, &["double"], &b, &address(&a));
    let hello = [&b"STORMRS\x02\x08\x00"[..], b"test-1-0"].concat();
    let frame = |kind: u8, body: &[u8]| {
        let mut f = hello.clone();
        f.extend((body.len() as u32 + 1).to_le_bytes());
        f.push(kind);
        f.extend(body);
        f
    };
    let double = p.tasks("double")[0];
    let batch = |stream: u32, from: i32, rows: u32| {
        [&double.to_le_bytes()[..], &stream.to_le_bytes(), &from.to_le_bytes(), &rows.to_le_bytes(), &[0]].concat()
    };
    let mut provocations = vec![
        b"GET / HTTP/1.1\r\n\r\n and more".to_vec(),
        [&b"STORMRS\x01\x08\x00"[..], b"test-1-0"].concat(),
        [&b"STORMRS\x02\x07\x00"[..], b"other-1"].concat(),
        [&hello[..], &[0xff; 8]].concat(),
        [&hello[..], &[0; 8]].concat(),
        frame(9, b"what is this"),
        frame(1, &[]),
        frame(1, &(-3_i32).to_le_bytes()),
        frame(1, &batch(u32::MAX, 1, 1)),
        frame(2, &[&p.tasks("double")[0].to_le_bytes()[..], &[1, 2, 3]].concat()),
    ];
    for stream in 0..64 {
        for from in 0..=p.system.task_count() as i32 {
            provocations.push(frame(1, &batch(stream, from, u32::MAX)));
            // Text of four gigabytes; and a list of as many values.
            provocations.push(frame(1, &[&batch(stream, from, 1)[..], &[255, 255, 255, 255, 7]].concat()));
            let list = [&[0; 8][..], &[12, 6, 0, 0, 0, 8, 255, 255, 255, 255, 8]].concat();
            provocations.push(frame(1, &[&batch(stream, from, 1)[..], &list].concat()));
        }
    }
    let target = address(&b);
    tokio::task::spawn_blocking(move || provocations.iter().for_each(|bytes| provoke(&target, bytes))).await.unwrap();
    let before = Seen::get(&seen.acked);
    eventually("it flows", || Seen::get(&seen.acked) > before + 1000).await;
    assert_eq!(Seen::get(&seen.failed), 0);
    end(one).await;
    end(two).await;
}
