//! Batches as bytes: there and back, and bytes that are anything.

use std::sync::Arc;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::json;
use storm_topology::builder::{TopologyBuilder, component_factory};
use storm_topology::prelude::*;
use storm_topology::system::SystemTopology;
use tokio::sync::mpsc;

use super::codec;
use super::frame::{FrameReader, MAX_FRAME, WireError, greeting, read_greeting};
use crate::build::build;
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
        let _ = codec::decode_contributions(&bytes).map(|c| c.len());
        let _ = codec::decode_credit(&bytes).map(|c| c.len());
    }
}

#[test]
fn nesting_is_bounded() {
    let (plan, mut out) = small();
    let (stream, from, to) = ids(&plan);
    let mut bytes = [&to.to_le_bytes()[..], &stream.to_le_bytes(), &from.to_le_bytes(), &[1, 0, 0, 0, 0]].concat();
    for _ in 0..1_000_000 {
        bytes.extend([7, 1, 0, 0, 0]);
    }
    assert!(matches!(codec::decode_batch(&bytes, &plan, &mut out), Err(WireError::Malformed(_))));
}

#[tokio::test]
async fn greetings_and_frames_are_bounded() {
    let good = greeting("t-1-0");
    assert!(read_greeting(&mut &good[..], "t-1-0").await.is_ok());
    assert!(matches!(read_greeting(&mut &good[..], "t-2-0").await, Err(WireError::OtherTopology(t)) if t == "t-1-0"));
    assert!(matches!(read_greeting(&mut &b"GET / HTTP/1.1\r\n"[..], "t-1-0").await, Err(WireError::Stranger)));
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
