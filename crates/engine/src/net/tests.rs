//! Batches as bytes: there and back, and bytes that are anything.

use std::sync::Arc;
use std::time::Duration;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::json;
use storm_topology::builder::{TopologyBuilder, component_factory};
use storm_topology::prelude::*;
use storm_topology::system::SystemTopology;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::frame::{FrameReader, MAX_FRAME, WireError, greeting, read_greeting};
use super::parcel::Parcel;
use super::peer::Peer;
use super::{codec, frame};
use crate::build::build;
use crate::ledger::Contribution;
use crate::outbound::Outbound;
use crate::plan::Plan;
use crate::spec::EngineSpec;

struct Quiet;
impl Spout for Quiet {
    fn next_tuple(&mut self, _: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError> {
        Ok(Progress::Exhausted)
    }
}
struct Deaf;
impl Bolt for Deaf {
    fn execute(&mut self, _: &Tuple<'_>, _: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        Ok(())
    }
}

const WIDTH: usize = 3;

/// The plan of a small topology, and something to make batches with.
fn small() -> (Arc<Plan>, Outbound) {
    let mut b = TopologyBuilder::new();
    b.set_spout("spout", || Quiet).outputs(["a", "b", "c"]);
    b.set_bolt("bolt", || Deaf).shuffle("spout");
    let topology = b.build().unwrap();
    let conf = json!({"topology.eventlogger.executors": 0}).as_object().unwrap().clone();
    let system = SystemTopology::derive(topology.thrift(), &conf).unwrap();
    let factory = Arc::new(component_factory(&system, topology.natives().clone()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _inside = runtime.enter();
    let spec = EngineSpec::in_process("small-1-0", system, conf, factory);
    let built = build(&spec, mpsc::channel(1).0, mpsc::channel(1).0).unwrap();
    let (_, thread) = built.threads.into_iter().next().unwrap();
    (thread.plan, thread.out)
}

fn ids(plan: &Plan) -> (u32, i32, i32) {
    let tasks = |name: &str| plan.components.iter().find(|c| &*c.name == name).unwrap().tasks[0];
    let stream = plan.streams.iter().position(|s| s.fields.len() == WIDTH && !s.subscriptions.is_empty()).unwrap();
    (stream as u32, tasks("spout"), tasks("bolt"))
}

fn value() -> impl Strategy<Value = Value> {
    let plain = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e300..1e300_f64).prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        vec(any::<u8>(), 0..20).prop_map(|b| Value::Bytes(b.into())),
    ];
    plain.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::List),
            btree_map(".{0,5}", inner, 0..4).prop_map(Value::Map),
        ]
    })
}

proptest! {
    #[test]
    fn batches_come_back_as_they_were(
        rows in vec((vec(value(), WIDTH), vec((1..u64::MAX, any::<u64>()), 0..4)), 1..10),
        cut in any::<prop::sample::Index>(),
        flips in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let (plan, mut out) = small();
        let (stream, from, to) = ids(&plan);
        let mut batch = out.fresh(stream, from, to, WIDTH);
        for (values, roots) in &rows {
            let values: Vec<ValueRef<'_>> = values.iter().map(Value::as_ref).collect();
            let (root, edge) = roots.first().copied().unwrap_or_default();
            batch.push(&values, root, edge);
            batch.add_roots(roots.get(1..).unwrap_or_default());
        }
        let mut bytes = Vec::new();
        codec::encode_batch(&mut bytes, &batch);
        let body = &bytes[5..];
        let back = codec::decode_batch(body, &plan, &mut out).unwrap();
        prop_assert_eq!((back.stream, back.from, back.to, back.rows.len()), (stream, from, to, rows.len()));
        prop_assert_eq!(back.cost, batch.weigh());
        let mut extra = 0;
        for (i, (values, roots)) in rows.iter().enumerate() {
            for (column, v) in values.iter().enumerate() {
                prop_assert_eq!(&back.rows.value(i, column).to_value(), v);
            }
            let lineage = back.lineage_of(i, &mut extra, 0);
            prop_assert_eq!(&lineage.roots().collect::<Vec<_>>(), roots);
        }
        // A part of it is refused; a changed one is refused, or is some other batch.
        let cut = cut.index(body.len());
        prop_assert!(codec::decode_batch(&body[..cut], &plan, &mut out).is_err());
        let mut changed = body.to_vec();
        for (at, with) in flips {
            let at = at.index(changed.len());
            changed[at] ^= with;
        }
        if let Ok(other) = codec::decode_batch(&changed, &plan, &mut out) {
            prop_assert!(other.rows.len() <= changed.len());
        }
    }

    #[test]
    fn any_bytes_are_refused_or_understood(bytes in vec(any::<u8>(), 0..200)) {
        let (plan, mut out) = small();
        let (stream, from, to) = ids(&plan);
        let _ = codec::decode_batch(&bytes, &plan, &mut out).map(|b| b.rows.len());
        let head = [&to.to_le_bytes()[..], &stream.to_le_bytes(), &from.to_le_bytes(), &[1, 0, 0, 0, 1]].concat();
        let _ = codec::decode_batch(&[&head[..], &bytes].concat(), &plan, &mut out).map(|b| b.rows.len());
        let _ = codec::decode_contributions(&bytes).map(|c| c.count());
        let _ = codec::decode_credit(&bytes).map(|c| c.len());
    }
}

/// The head of a batch of one row that is in no tree, and empty arenas.
fn head(plan: &Plan) -> Vec<u8> {
    let (stream, from, to) = ids(plan);
    [&to.to_le_bytes()[..], &stream.to_le_bytes(), &from.to_le_bytes(), &[1, 0, 0, 0, 0], &[0; 8]].concat()
}

/// A column of values with a tag each.
fn mixed(values: &[u8]) -> Vec<u8> {
    [&[12][..], &(values.len() as u32).to_le_bytes(), values].concat()
}

#[test]
fn nesting_is_bounded() {
    let (plan, mut out) = small();
    let lists = [8, 1, 0, 0, 0].repeat(1_000_000);
    let bytes = [head(&plan), mixed(&lists), mixed(&[0]), mixed(&[0])].concat();
    let refused = codec::decode_batch(&bytes, &plan, &mut out).map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("nested too deeply"), "{refused}");
    let bytes = [head(&plan), mixed(&[0]), mixed(&[0]), mixed(&[0])].concat();
    assert_eq!(codec::decode_batch(&bytes, &plan, &mut out).unwrap().rows.len(), 1);
}

/// Lengths that lie about the arenas, and counts that are not borne out.
#[test]
fn lengths_are_not_believed() {
    let (plan, mut out) = small();
    let (stream, from, to) = ids(&plan);
    let batch = |rows: u32, rest: &[&[u8]]| {
        let ids =
            [&to.to_le_bytes()[..], &stream.to_le_bytes(), &from.to_le_bytes(), &rows.to_le_bytes(), &[0]].concat();
        [ids, rest.concat()].concat()
    };
    let text = |text: &str| [&(text.len() as u32).to_le_bytes()[..], text.as_bytes(), &[0; 4]].concat();
    let nulls = [mixed(&[0]), mixed(&[0])].concat();
    let cases = [
        ("it ends too early", batch(1, &[&u32::MAX.to_le_bytes(), b"text"])),
        ("it has too many tuples", batch(u32::MAX, &[&text("")])),
        ("it ends too early", batch(1 << 16, &[&text(""), &[2], &[0; 8], &[3]])),
        ("not as long as it says", batch(1, &[&text("abc"), &[10, 4], &nulls])),
        ("not as long as it says", batch(1, &[&text("abc"), &[10, 2], &nulls])),
        ("not as long as it says", batch(1, &[&text("abc"), &[4], &u32::MAX.to_le_bytes(), &nulls])),
        ("not as long as it says", batch(1, &[&text(""), &[5], &7_u32.to_le_bytes(), &nulls])),
        ("not UTF-8", batch(1, &[&2_u32.to_le_bytes(), &[0xff; 2], &[0; 4], &[10, 2], &nulls])),
        ("begins within a character", batch(1, &[&text("é"), &[10, 1, 10, 1], &mixed(&[0])])),
        ("a column has an unknown tag", batch(1, &[&text(""), &[99], &nulls])),
        ("a value has an unknown tag", batch(1, &[&text(""), &mixed(&[99]), &nulls])),
        ("a column has bytes left over", batch(1, &[&text(""), &mixed(&[0, 0]), &nulls])),
        ("it has bytes left over", batch(1, &[&text(""), &mixed(&[0]), &nulls, &[0]])),
    ];
    for (why, bytes) in cases {
        let refused = codec::decode_batch(&bytes, &plan, &mut out).map(|_| ()).unwrap_err();
        assert!(refused.to_string().contains(why), "{refused}, and not: {why}");
    }
}

#[tokio::test]
async fn greetings_and_frames_are_bounded() {
    let good = greeting("t-1-0");
    assert!(read_greeting(&mut &good[..], "t-1-0").await.is_ok());
    assert!(matches!(read_greeting(&mut &good[..], "t-2-0").await, Err(WireError::OtherTopology(t)) if t == "t-1-0"));
    assert!(matches!(read_greeting(&mut &b"GET / HTTP/1.1\r\n"[..], "t-1-0").await, Err(WireError::Stranger)));
    let older = [b"STORMRS\x01", &good[8..]].concat();
    assert!(matches!(read_greeting(&mut &older[..], "t-1-0").await, Err(WireError::OtherVersion(1))));
    let long = ((MAX_FRAME + 1) as u32).to_le_bytes();
    assert!(matches!(FrameReader::new(&long[..]).next().await, Err(WireError::TooLong(_))));
    // A great length alone costs no memory: the reader waits for bytes, and here there are none.
    let mut announced = (MAX_FRAME as u32).to_le_bytes().to_vec();
    announced.extend([1, 2, 3]);
    assert!(matches!(FrameReader::new(&announced[..]).next().await, Err(WireError::CutOff)));
    let two = [&[2, 0, 0, 0, 1, 9][..], &[1, 0, 0, 0, 3]].concat();
    let mut reader = FrameReader::new(&two[..]);
    assert_eq!(reader.next().await.unwrap().map(|(kind, body)| (kind, body.to_vec())), Some((1, vec![9])));
    assert_eq!(reader.next().await.unwrap().map(|(kind, body)| (kind, body.to_vec())), Some((3, vec![])));
    assert!(reader.next().await.unwrap().is_none());
}

/// Three threads send parcels of all sizes to a reader that is slower than they are: what they cannot write themselves is left to the
/// driver, and back.
#[test]
fn parcels_of_many_threads_arrive_whole_and_in_order() {
    const PARCELS: u64 = 3000;
    let shared = small().1.shared.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let id: Arc<str> = "small-1-0".into();
    let peer = Peer::start(listener.local_addr().unwrap().to_string(), &shared, runtime.handle(), &id);
    let sender = |thread: u64| {
        let (peer, shared) = (peer.clone(), shared.clone());
        std::thread::spawn(move || {
            let mut parcel = Parcel::default();
            for n in 0..PARCELS {
                let contribution = Contribution { root: thread, word: n, flags: 0 };
                parcel.add_contributions(1, &vec![contribution; 1 + (n % 300) as usize]);
                assert!(peer.send(&shared, shared.peers.version(), &mut parcel));
                assert!(parcel.is_empty());
            }
        })
    };
    let senders: Vec<_> = (0..3).map(sender).collect();
    runtime.block_on(async {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_greeting(&mut stream, &id).await.unwrap();
        stream.write_all(&frame::MAGIC).await.unwrap();
        let mut frames = FrameReader::new(stream);
        let mut next = [0; 3];
        while next != [PARCELS; 3] {
            let (kind, body) = frames.next().await.unwrap().unwrap();
            assert_eq!(kind, frame::CONTRIBUTIONS);
            let list: Vec<_> = codec::decode_contributions(&body).unwrap().collect();
            let thread = list[0].root as usize;
            let expected = Contribution { root: thread as u64, word: next[thread], flags: 0 };
            assert_eq!(list, vec![expected; 1 + (next[thread] % 300) as usize]);
            next[thread] += 1;
            if next[thread].is_multiple_of(500) {
                // Time for the connection to fill up.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    });
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    peer.close(&shared);
}
