//! Rows as bytes: the arenas as they are, then the cells column by column.
//!
//! What is alike is written once: a column of whole numbers is its tag and the numbers, one of short texts its tag and a byte of length
//! each. Nothing is believed on the way back, and memory grows with the bytes that are there.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{Cell, Kind, Rows};
use crate::value::{Value, ValueRef};

/// Why bytes are no rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

const ENDS_EARLY: Malformed = Malformed("it ends too early");

// Tags of values, and of columns of nothing but such values. Text and bytes are lengths of pieces of the arenas.
const NULL: u8 = 0;
const BOOL: u8 = 1;
const INT: u8 = 2;
const FLOAT: u8 = 3;
const STR: u8 = 4;
const BYTES: u8 = 5;
// Of values in which everything is in its place.
const WHOLE_STR: u8 = 6;
const WHOLE_BYTES: u8 = 7;
const LIST: u8 = 8;
const MAP: u8 = 9;
// Of columns: lengths of one byte each, and values with a tag each.
const SHORT_STR: u8 = 10;
const SHORT_BYTES: u8 = 11;
const MIXED: u8 = 12;

/// Lists and maps within each other.
const MAX_DEPTH: usize = 200;

impl Rows {
    /// Appends the tuples as bytes, from which [`Rows::decode`] makes them again.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.text.as_bytes());
        put_bytes(out, &self.bytes);
        for at in 0..self.width {
            let column = self.cells.chunks_exact(self.width).map(|row| &row[at]);
            let tag = column_tag(column.clone());
            out.push(tag);
            match tag {
                SHORT_STR | SHORT_BYTES => put_each(out, column.map(|cell| [cell.len as u8])),
                STR | BYTES => put_each(out, column.map(|cell| cell.len.to_le_bytes())),
                INT | FLOAT => put_each(out, column.map(|cell| cell.data.to_le_bytes())),
                BOOL => put_each(out, column.map(|cell| [cell.data as u8])),
                _ => {
                    let length = out.len();
                    out.extend([0; 4]);
                    column.for_each(|cell| self.encode_mixed(*cell, out));
                    let written = (out.len() - length - 4) as u32;
                    out[length..length + 4].copy_from_slice(&written.to_le_bytes());
                }
            }
        }
    }

    fn encode_mixed(&self, cell: Cell, out: &mut Vec<u8>) {
        match cell.kind {
            Kind::Null => out.push(NULL),
            Kind::Bool => out.extend([BOOL, cell.data as u8]),
            Kind::Int => put(out, INT, cell.data.to_le_bytes()),
            Kind::Float => put(out, FLOAT, cell.data.to_le_bytes()),
            Kind::Str => put(out, STR, cell.len.to_le_bytes()),
            Kind::Bytes => put(out, BYTES, cell.len.to_le_bytes()),
            Kind::Other => put_whole(out, self.others[cell.data as usize].as_ref()),
        }
    }

    /// Appends `len` tuples that [`Rows::encode`] wrote at the start of `from`, and moves `from` behind them.
    ///
    /// The rows must be empty before. After an error they hold anything, and want a [`Rows::reset`].
    pub fn decode(&mut self, len: usize, from: &mut &[u8]) -> Result<(), Malformed> {
        let mut reader = Reader { bytes: from };
        let text = reader.bytes()?;
        self.text.push_str(std::str::from_utf8(text).map_err(|_| Malformed("text is not UTF-8"))?);
        self.bytes.extend_from_slice(reader.bytes()?);
        let mut columns = (0..self.width).map(|_| reader.column(len)).collect::<Result<Vec<_>, _>>()?;
        let mut spans = Spans::default();
        if let [Column { tag: SHORT_STR, bytes }] = &columns[..] {
            // As most streams are.
            self.cells.extend(bytes.iter().map(|len| spans.text(u32::from(*len))));
        } else {
            for row in 0..len {
                for column in &mut columns {
                    let cell = match column.tag {
                        MIXED => self.decode_mixed(column, &mut spans)?,
                        _ => column.cell(row, &mut spans),
                    };
                    self.cells.push(cell);
                }
            }
            if columns.iter().any(|column| column.tag == MIXED && !column.bytes.is_empty()) {
                return Err(Malformed("a column has bytes left over"));
            }
        }
        self.len = len;
        if (spans.text, spans.bytes) != (self.text.len() as u64, self.bytes.len() as u64) {
            return Err(Malformed("its texts are not as long as it says"));
        }
        if !text.is_ascii() && !self.texts_begin_between_characters() {
            return Err(Malformed("a text begins within a character"));
        }
        *from = reader.bytes;
        Ok(())
    }

    fn decode_mixed(&mut self, column: &mut Column<'_>, spans: &mut Spans) -> Result<Cell, Malformed> {
        let mut from = Reader { bytes: column.bytes };
        let cell = match from.u8()? {
            NULL => plain(Kind::Null, 0),
            BOOL => plain(Kind::Bool, u64::from(from.u8()? != 0)),
            INT => plain(Kind::Int, u64::from_le_bytes(from.array()?)),
            FLOAT => plain(Kind::Float, u64::from_le_bytes(from.array()?)),
            STR => spans.text(from.u32()?),
            BYTES => spans.bytes(from.u32()?),
            tag => {
                self.others.push(from.nested(tag, 0)?);
                plain(Kind::Other, self.others.len() as u64 - 1)
            }
        };
        column.bytes = from.bytes;
        Ok(cell)
    }

    fn texts_begin_between_characters(&self) -> bool {
        self.cells.iter().all(|cell| cell.kind != Kind::Str || self.text.is_char_boundary(cell.data as usize))
    }
}

/// A value that is in its cell, or the number of another one.
fn plain(kind: Kind, data: u64) -> Cell {
    Cell { kind, len: 0, data }
}

/// What all values of a column are.
fn column_tag<'a>(mut cells: impl Iterator<Item = &'a Cell>) -> u8 {
    let Some(first) = cells.next() else { return MIXED };
    let mut longest = first.len;
    for cell in cells {
        if cell.kind != first.kind {
            return MIXED;
        }
        longest = longest.max(cell.len);
    }
    let short = longest <= u32::from(u8::MAX);
    match first.kind {
        Kind::Null | Kind::Other => MIXED,
        Kind::Bool => BOOL,
        Kind::Int => INT,
        Kind::Float => FLOAT,
        Kind::Str if short => SHORT_STR,
        Kind::Str => STR,
        Kind::Bytes if short => SHORT_BYTES,
        Kind::Bytes => BYTES,
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn put<const N: usize>(out: &mut Vec<u8>, tag: u8, bytes: [u8; N]) {
    out.push(tag);
    out.extend(bytes);
}

fn put_each<const N: usize>(out: &mut Vec<u8>, values: impl ExactSizeIterator<Item = [u8; N]>) {
    let at = out.len();
    out.resize(at + values.len() * N, 0);
    for (place, value) in out[at..].chunks_exact_mut(N).zip(values) {
        place.copy_from_slice(&value);
    }
}

/// A value with all that is in it.
fn put_whole(out: &mut Vec<u8>, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => out.push(NULL),
        ValueRef::Bool(v) => out.extend([BOOL, u8::from(v)]),
        ValueRef::Int(v) => put(out, INT, v.to_le_bytes()),
        ValueRef::Float(v) => put(out, FLOAT, v.to_le_bytes()),
        ValueRef::Str(v) => {
            out.push(WHOLE_STR);
            put_bytes(out, v.as_bytes());
        }
        ValueRef::Bytes(v) => {
            out.push(WHOLE_BYTES);
            put_bytes(out, v);
        }
        ValueRef::Other(Value::List(items)) => {
            put(out, LIST, (items.len() as u32).to_le_bytes());
            items.iter().for_each(|v| put_whole(out, v.as_ref()));
        }
        ValueRef::Other(Value::Map(map)) => {
            put(out, MAP, (map.len() as u32).to_le_bytes());
            for (key, v) in map {
                put_bytes(out, key.as_bytes());
                put_whole(out, v.as_ref());
            }
        }
        ValueRef::Other(plain) => put_whole(out, plain.as_ref()),
    }
}

/// How far into the arenas the cells reach.
#[derive(Default)]
struct Spans {
    text: u64,
    bytes: u64,
}

impl Spans {
    fn text(&mut self, len: u32) -> Cell {
        let start = self.text;
        self.text += u64::from(len);
        Cell { kind: Kind::Str, len, data: start }
    }

    fn bytes(&mut self, len: u32) -> Cell {
        let start = self.bytes;
        self.bytes += u64::from(len);
        Cell { kind: Kind::Bytes, len, data: start }
    }
}

/// A column as it lies there: as long as its rows say, unless it is mixed.
struct Column<'a> {
    tag: u8,
    bytes: &'a [u8],
}

impl Column<'_> {
    fn cell(&self, row: usize, spans: &mut Spans) -> Cell {
        match self.tag {
            SHORT_STR => spans.text(u32::from(self.bytes[row])),
            SHORT_BYTES => spans.bytes(u32::from(self.bytes[row])),
            STR => spans.text(u32::from_le_bytes(self.array(row))),
            BYTES => spans.bytes(u32::from_le_bytes(self.array(row))),
            INT => plain(Kind::Int, u64::from_le_bytes(self.array(row))),
            FLOAT => plain(Kind::Float, u64::from_le_bytes(self.array(row))),
            _ => plain(Kind::Bool, u64::from(self.bytes[row] != 0)),
        }
    }

    fn array<const N: usize>(&self, row: usize) -> [u8; N] {
        let mut array = [0; N];
        array.copy_from_slice(&self.bytes[row * N..(row + 1) * N]);
        array
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        let (head, rest) = self.bytes.split_at_checked(n).ok_or(ENDS_EARLY)?;
        self.bytes = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.bytes.split_first_chunk().ok_or(ENDS_EARLY)?;
        self.bytes = rest;
        Ok(*head)
    }

    fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>()?[0])
    }

    fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.u32()? as usize;
        self.take(len)
    }

    fn column(&mut self, rows: usize) -> Result<Column<'a>, Malformed> {
        let tag = self.u8()?;
        let width = match tag {
            MIXED => return Ok(Column { tag, bytes: self.bytes()? }),
            SHORT_STR | SHORT_BYTES | BOOL => 1,
            STR | BYTES => 4,
            INT | FLOAT => 8,
            _ => return Err(Malformed("a column has an unknown tag")),
        };
        let bytes = self.take(rows.checked_mul(width).ok_or(ENDS_EARLY)?)?;
        Ok(Column { tag, bytes })
    }

    /// What [`put_whole`] wrote.
    fn whole(&mut self, depth: usize) -> Result<Value, Malformed> {
        Ok(match self.u8()? {
            NULL => Value::Null,
            BOOL => Value::Bool(self.u8()? != 0),
            INT => Value::Int(i64::from_le_bytes(self.array()?)),
            FLOAT => Value::Float(f64::from_le_bytes(self.array()?)),
            tag => self.nested(tag, depth)?,
        })
    }

    fn nested(&mut self, tag: u8, depth: usize) -> Result<Value, Malformed> {
        if depth > MAX_DEPTH {
            return Err(Malformed("values are nested too deeply"));
        }
        match tag {
            WHOLE_STR => Ok(Value::Str(self.text()?.into())),
            WHOLE_BYTES => Ok(Value::Bytes(Bytes::copy_from_slice(self.bytes()?))),
            LIST => {
                let count = self.u32()?;
                // Not sized ahead: the count is only believed as far as the bytes go.
                let items = (0..count).map(|_| self.whole(depth + 1));
                items.collect::<Result<Vec<_>, _>>().map(Value::List)
            }
            MAP => {
                let mut map = BTreeMap::new();
                for _ in 0..self.u32()? {
                    map.insert(self.text()?.to_owned(), self.whole(depth + 1)?);
                }
                Ok(Value::Map(map))
            }
            _ => Err(Malformed("a value has an unknown tag")),
        }
    }

    fn text(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed("text is not UTF-8"))
    }
}
