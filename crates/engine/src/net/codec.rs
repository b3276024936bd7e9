//! Batches and contributions as bytes.

use std::collections::BTreeMap;

use storm_topology::{Value, ValueRef};

use super::frame::{BATCH, CONTRIBUTIONS, CREDIT, WireError};
use crate::batch::{Batch, ExtraRoot};
use crate::ledger::Contribution;
use crate::outbound::Outbound;
use crate::plan::Plan;

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INT: u8 = 3;
const FLOAT: u8 = 4;
const STR: u8 = 5;
const BYTES: u8 = 6;
const LIST: u8 = 7;
const MAP: u8 = 8;

const MAX_DEPTH: usize = 200;
const MAX_ROWS: usize = 1 << 16;
const CONTRIBUTION: usize = 17;
const ROOT: usize = 16;

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

/// Appends a frame with a batch.
pub(crate) fn encode_batch(out: &mut Vec<u8>, batch: &Batch) {
    let at = begin(out, BATCH);
    out.extend(batch.to.to_le_bytes());
    out.extend(batch.stream.to_le_bytes());
    out.extend(batch.from.to_le_bytes());
    out.extend((batch.rows.len() as u32).to_le_bytes());
    out.push(u8::from(!batch.lineage.is_empty()));
    for row in 0..batch.rows.len() {
        for column in 0..batch.rows.width() {
            encode_value(out, batch.rows.value(row, column));
        }
    }
    for (root, edge) in &batch.lineage {
        out.extend(root.to_le_bytes());
        out.extend(edge.to_le_bytes());
    }
    if !batch.lineage.is_empty() {
        out.extend((batch.extra.len() as u32).to_le_bytes());
    }
    for extra in &batch.extra {
        out.extend(extra.row.to_le_bytes());
        out.extend(extra.root.to_le_bytes());
        out.extend(extra.edge.to_le_bytes());
    }
    end(out, at);
}

fn encode_value(out: &mut Vec<u8>, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => out.push(NULL),
        ValueRef::Bool(v) => out.push(if v { TRUE } else { FALSE }),
        ValueRef::Int(v) => {
            out.push(INT);
            out.extend(v.to_le_bytes());
        }
        ValueRef::Float(v) => {
            out.push(FLOAT);
            out.extend(v.to_le_bytes());
        }
        ValueRef::Str(v) => encode_bytes(out, STR, v.as_bytes()),
        ValueRef::Bytes(v) => encode_bytes(out, BYTES, v),
        ValueRef::Other(Value::List(items)) => {
            out.push(LIST);
            out.extend((items.len() as u32).to_le_bytes());
            items.iter().for_each(|v| encode_value(out, v.as_ref()));
        }
        ValueRef::Other(Value::Map(map)) => {
            out.push(MAP);
            out.extend((map.len() as u32).to_le_bytes());
            for (key, v) in map {
                encode_bytes(out, STR, key.as_bytes());
                encode_value(out, v.as_ref());
            }
        }
        ValueRef::Other(plain) => encode_value(out, plain.as_ref()),
    }
}

fn encode_bytes(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    out.extend((bytes.len() as u32).to_le_bytes());
    out.extend(bytes);
}

/// Appends a frame with contributions to the ledger of a task.
pub(crate) fn encode_contributions(out: &mut Vec<u8>, task: i32, list: &[Contribution]) {
    let at = begin(out, CONTRIBUTIONS);
    out.extend(task.to_le_bytes());
    for c in list {
        out.extend(c.root.to_le_bytes());
        out.extend(c.word.to_le_bytes());
        out.push(c.flags);
    }
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

pub(crate) fn decode_contributions(body: &[u8]) -> Result<Vec<Contribution>, WireError> {
    let mut from = Reader { bytes: body };
    from.i32()?;
    let mut out = Vec::with_capacity(from.bytes.len() / CONTRIBUTION);
    while !from.bytes.is_empty() {
        out.push(Contribution { root: from.u64()?, word: from.u64()?, flags: from.u8()? });
    }
    Ok(out)
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
    let mut read = || -> Result<(), WireError> {
        let mut nested: Vec<Value> = Vec::new();
        for _ in 0..rows {
            nested.clear();
            let mut cells = Vec::with_capacity(width.min(64));
            let mut kinds = Vec::with_capacity(width.min(64));
            for _ in 0..width {
                match from.plain()? {
                    Some(v) => kinds.push(Ok(v)),
                    None => {
                        nested.push(from.nested(0)?);
                        kinds.push(Err(nested.len() - 1));
                    }
                }
            }
            cells.extend(kinds.into_iter().map(|k| k.unwrap_or_else(|at| nested[at].as_ref())));
            batch.rows.push(&cells);
        }
        if tracked {
            if from.bytes.len() < rows * ROOT {
                return Err(WireError::Malformed("it ends too early"));
            }
            for _ in 0..rows {
                batch.lineage.push((from.u64()?, from.u64()?));
            }
            for _ in 0..from.u32()? {
                batch.extra.push(ExtraRoot { row: from.u32()?, root: from.u64()?, edge: from.u64()? });
            }
        }
        if from.bytes.is_empty() { Ok(()) } else { Err(WireError::Malformed("it has bytes left over")) }
    };
    match read() {
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

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], WireError> {
        let (head, rest) = self.bytes.split_at_checked(n).ok_or(WireError::Malformed("it ends too early"))?;
        self.bytes = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (head, rest) = self.bytes.split_first_chunk().ok_or(WireError::Malformed("it ends too early"))?;
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

    fn text(&mut self) -> Result<&'a str, WireError> {
        let len = self.u32()? as usize;
        std::str::from_utf8(self.take(len)?).map_err(|_| WireError::Malformed("text is not UTF-8"))
    }

    /// A value without others inside; `None` when it is a list or a map, and nothing has been read.
    fn plain(&mut self) -> Result<Option<ValueRef<'a>>, WireError> {
        let tag = *self.bytes.first().ok_or(WireError::Malformed("it ends too early"))?;
        if matches!(tag, LIST | MAP) {
            return Ok(None);
        }
        self.bytes = &self.bytes[1..];
        Ok(Some(match tag {
            NULL => ValueRef::Null,
            FALSE => ValueRef::Bool(false),
            TRUE => ValueRef::Bool(true),
            INT => ValueRef::Int(i64::from_le_bytes(self.array()?)),
            FLOAT => ValueRef::Float(f64::from_le_bytes(self.array()?)),
            STR => ValueRef::Str(self.text()?),
            BYTES => {
                let len = self.u32()? as usize;
                ValueRef::Bytes(self.take(len)?)
            }
            _ => return Err(WireError::Malformed("a value has an unknown tag")),
        }))
    }

    fn nested(&mut self, depth: usize) -> Result<Value, WireError> {
        if depth > MAX_DEPTH {
            return Err(WireError::Malformed("values are nested too deeply"));
        }
        if let Some(v) = self.plain()? {
            return Ok(v.to_value());
        }
        let tag = self.u8()?;
        let count = self.u32()?;
        if tag == LIST {
            // Not sized ahead: the count is only believed as far as the bytes go.
            return (0..count).map(|_| self.nested(depth + 1)).collect::<Result<Vec<_>, _>>().map(Value::List);
        }
        let mut map = BTreeMap::new();
        for _ in 0..count {
            if self.u8()? != STR {
                return Err(WireError::Malformed("a key is not text"));
            }
            map.insert(self.text()?.to_owned(), self.nested(depth + 1)?);
        }
        Ok(Value::Map(map))
    }
}
