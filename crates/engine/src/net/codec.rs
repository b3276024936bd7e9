//! Batches and contributions as bytes.

use super::frame::{BATCH, CONTRIBUTIONS, CREDIT, WireError};
use crate::batch::{Batch, ExtraRoot};
use crate::ledger::Contribution;
use crate::outbound::Outbound;
use crate::plan::Plan;

const MAX_ROWS: usize = 1 << 16;
const CONTRIBUTION: usize = 17;
const ROOT: usize = 16;
const EXTRA: usize = 20;

/// Starts a frame; [`end`] puts its length in.
fn begin(out: &mut Vec<u8>, kind: u8) -> usize {
    let at = out.len();
    out.extend([0, 0, 0, 0, kind]);
    at
}

fn end(out: &mut [u8], at: usize) {
    let len = (out.len() - at - 4) as u32;
    out[at..at + 4].copy_from_slice(&len.to_le_bytes());
}

/// Appends records of one size.
fn put_each<const N: usize>(out: &mut Vec<u8>, records: impl ExactSizeIterator<Item = [u8; N]>) {
    let at = out.len();
    out.resize(at + records.len() * N, 0);
    for (place, record) in out[at..].chunks_exact_mut(N).zip(records) {
        place.copy_from_slice(&record);
    }
}

/// Numbers one after the other, as an array.
macro_rules! record {
    ($size:ident: $($number:expr),+) => {{
        let mut record = [0; $size];
        let mut at = 0;
        $(
            let bytes = $number.to_le_bytes();
            record[at..at + bytes.len()].copy_from_slice(&bytes);
            at += bytes.len();
        )+
        debug_assert_eq!(at, $size);
        record
    }};
}

/// Appends a frame with a batch.
pub(crate) fn encode_batch(out: &mut Vec<u8>, batch: &Batch) {
    let at = begin(out, BATCH);
    out.extend(batch.to.to_le_bytes());
    out.extend(batch.stream.to_le_bytes());
    out.extend(batch.from.to_le_bytes());
    out.extend((batch.rows.len() as u32).to_le_bytes());
    out.push(u8::from(!batch.lineage.is_empty()));
    batch.rows.encode(out);
    if !batch.lineage.is_empty() {
        put_each(out, batch.lineage.iter().map(|(root, edge)| record!(ROOT: root, edge)));
        out.extend((batch.extra.len() as u32).to_le_bytes());
        put_each(out, batch.extra.iter().map(|extra| record!(EXTRA: extra.row, extra.root, extra.edge)));
    }
    end(out, at);
}

/// Appends a frame with contributions to the ledger of a task.
pub(crate) fn encode_contributions(out: &mut Vec<u8>, task: i32, list: &[Contribution]) {
    let at = begin(out, CONTRIBUTIONS);
    out.extend(task.to_le_bytes());
    put_each(out, list.iter().map(|c| record!(CONTRIBUTION: c.root, c.word, c.flags)));
    end(out, at);
}

/// Appends a frame with credit.
pub(crate) fn encode_credit(out: &mut Vec<u8>, credit: impl Iterator<Item = (i32, i64)>) {
    let at = begin(out, CREDIT);
    for (task, cost) in credit {
        out.extend(task.to_le_bytes());
        out.extend(cost.to_le_bytes());
    }
    end(out, at);
}

pub(crate) fn decode_credit(bytes: &[u8]) -> Result<Vec<(i32, i64)>, WireError> {
    let mut from = Reader { bytes };
    let mut out = Vec::with_capacity(bytes.len() / 12);
    while !from.bytes.is_empty() {
        out.push((from.i32()?, from.u64()? as i64));
    }
    Ok(out)
}

/// The task that a frame of tuples or contributions is for.
pub(crate) fn addressee(body: &[u8]) -> Result<i32, WireError> {
    Reader { bytes: body }.i32()
}

/// Contributions, one by one as they are asked for.
pub(crate) fn decode_contributions(body: &[u8]) -> Result<impl ExactSizeIterator<Item = Contribution>, WireError> {
    let mut from = Reader { bytes: body };
    from.i32()?;
    let records = from.bytes.chunks_exact(CONTRIBUTION);
    if !records.remainder().is_empty() {
        return Err(ENDS_EARLY);
    }
    Ok(records.map(|record| Contribution { root: number(record, 0), word: number(record, 8), flags: record[16] }))
}

/// The number at a place in a record of known size.
fn number(record: &[u8], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&record[at..at + 8]);
    u64::from_le_bytes(bytes)
}

/// Reads a batch, believing nothing: the streams, tasks and widths are those of the plan, or the frame is refused.
pub(crate) fn decode_batch(body: &[u8], plan: &Plan, out: &mut Outbound) -> Result<Box<Batch>, WireError> {
    let mut from = Reader { bytes: body };
    let to = from.i32()?;
    let stream = from.u32()?;
    let task = from.i32()?;
    let rows = from.u32()? as usize;
    let tracked = from.u8()? != 0;
    let known = to > 0 && to as usize <= plan.component_of.len() && plan.component(to).inputs.contains(&stream);
    if !known || plan.source_number(stream, task).is_none() {
        return Err(WireError::Malformed("it names a task or a stream that the topology does not have"));
    }
    if rows > MAX_ROWS {
        return Err(WireError::Malformed("it has too many tuples"));
    }
    let width = plan.streams[stream as usize].fields.len();
    let mut batch = out.fresh(stream, task, to, width);
    match decode_rows(&mut batch, rows, tracked, from.bytes) {
        Ok(()) => {
            batch.cost = batch.weigh();
            Ok(batch)
        }
        Err(e) => {
            out.recycle(batch);
            Err(e)
        }
    }
}

fn decode_rows(batch: &mut Batch, rows: usize, tracked: bool, mut from: &[u8]) -> Result<(), WireError> {
    batch.rows.decode(rows, &mut from).map_err(|e| WireError::Malformed(e.0))?;
    if tracked {
        let (lineage, extra) = from.split_at_checked(rows * ROOT).ok_or(ENDS_EARLY)?;
        batch.lineage.extend(lineage.chunks_exact(ROOT).map(|record| (number(record, 0), number(record, 8))));
        let mut extra = Reader { bytes: extra };
        for _ in 0..extra.u32()? {
            batch.extra.push(ExtraRoot { row: extra.u32()?, root: extra.u64()?, edge: extra.u64()? });
        }
        from = extra.bytes;
    }
    if from.is_empty() { Ok(()) } else { Err(WireError::Malformed("it has bytes left over")) }
}

const ENDS_EARLY: WireError = WireError::Malformed("it ends too early");

struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (head, rest) = self.bytes.split_first_chunk().ok_or(ENDS_EARLY)?;
        self.bytes = rest;
        Ok(*head)
    }

    fn u8(&mut self) -> Result<u8, WireError> {
        Ok(self.array::<1>()?[0])
    }

    fn u32(&mut self) -> Result<u32, WireError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn i32(&mut self) -> Result<i32, WireError> {
        Ok(i32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, WireError> {
        Ok(u64::from_le_bytes(self.array()?))
    }
}
