//! Storage of a batch's tuples: fixed-size cells, and one arena for their text and bytes.
//!
//! A batch holds tuples of one stream, so all rows are equally wide. Nothing is allocated per tuple: text is copied once
//! into the arena, and all of it is freed (or used again) together.

use crate::value::{Value, ValueRef};

mod wire;

pub use wire::Malformed;

/// A value, 16 bytes: small ones in place, others as a position in the rows' arenas.
///
/// Plain numbers rather than an enum: an enum is put together in memory piece by piece and then copied as a whole, for which the
/// processor has to wait.
#[derive(Debug, Clone, Copy)]
struct Cell {
    kind: Kind,
    /// Of text and bytes.
    len: u32,
    /// The number, its bits, or where in its arena the piece begins.
    data: u64,
}

#[derive(Debug, Clone, Copy)]
#[repr(u32)]
enum Kind {
    Null,
    Bool,
    Int,
    Float,
    Str,
    Bytes,
    Other,
}

const _: () = assert!(size_of::<Cell>() == 16);

/// The values of many tuples of one stream.
#[derive(Debug, Default)]
pub struct Rows {
    width: usize,
    len: usize,
    cells: Vec<Cell>,
    text: String,
    bytes: Vec<u8>,
    others: Vec<Value>,
}

impl Rows {
    /// Empty storage for tuples of `width` values.
    pub fn new(width: usize) -> Rows {
        Rows { width, ..Rows::default() }
    }

    /// Storage for exactly one tuple.
    pub fn one(values: &[ValueRef<'_>]) -> Rows {
        let mut rows = Rows::new(values.len());
        rows.push(values);
        rows
    }

    /// Forgets all tuples, keeps the memory, and takes a new width.
    pub fn reset(&mut self, width: usize) {
        self.width = width;
        self.len = 0;
        self.cells.clear();
        self.text.clear();
        self.bytes.clear();
        self.others.clear();
    }

    /// How many values each tuple has.
    #[inline]
    pub fn width(&self) -> usize {
        self.width
    }

    /// How many tuples there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no tuple.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of text and raw bytes held, a measure of memory (lists and maps count as a flat amount each).
    #[inline]
    pub fn weight(&self) -> usize {
        self.text.len() + self.bytes.len() + 64 * self.others.len()
    }

    /// Bytes reserved beyond the fixed cells, so that a pool can let go of storage that once held something huge.
    pub fn reserved(&self) -> usize {
        self.text.capacity() + self.bytes.capacity() + self.cells.capacity() * size_of::<Cell>()
    }

    /// Appends a tuple.
    ///
    /// # Panics
    /// When the number of values is not the width.
    #[inline]
    pub fn push(&mut self, values: &[ValueRef<'_>]) {
        assert_eq!(values.len(), self.width, "a row must be as wide as its stream declares");
        for value in values {
            // By its parts, so that they stay in registers.
            let (kind, len, data) = match value {
                ValueRef::Null => (Kind::Null, 0, 0),
                ValueRef::Bool(v) => (Kind::Bool, 0, u64::from(*v)),
                ValueRef::Int(v) => (Kind::Int, 0, *v as u64),
                ValueRef::Float(v) => (Kind::Float, 0, v.to_bits()),
                ValueRef::Str(v) => match u32::try_from(v.len()) {
                    Ok(len) => {
                        let start = self.text.len() as u64;
                        self.text.push_str(v);
                        (Kind::Str, len, start)
                    }
                    Err(_) => self.other(value),
                },
                ValueRef::Bytes(v) => match u32::try_from(v.len()) {
                    Ok(len) => {
                        let start = self.bytes.len() as u64;
                        self.bytes.extend_from_slice(v);
                        (Kind::Bytes, len, start)
                    }
                    Err(_) => self.other(value),
                },
                ValueRef::Other(_) => self.other(value),
            };
            self.cells.push(Cell { kind, len, data });
        }
        self.len += 1;
    }

    #[cold]
    fn other(&mut self, value: &ValueRef<'_>) -> (Kind, u32, u64) {
        self.others.push(value.to_value());
        (Kind::Other, 0, self.others.len() as u64 - 1)
    }

    /// The value at a row and a column.
    ///
    /// # Panics
    /// When there is no such row or column.
    #[inline]
    pub fn value(&self, row: usize, column: usize) -> ValueRef<'_> {
        assert!(column < self.width, "column {column} of rows that are {} wide", self.width);
        let Cell { kind, len, data } = self.cells[row * self.width + column];
        let (start, len) = (data as usize, len as usize);
        match kind {
            Kind::Null => ValueRef::Null,
            Kind::Bool => ValueRef::Bool(data != 0),
            Kind::Int => ValueRef::Int(data as i64),
            Kind::Float => ValueRef::Float(f64::from_bits(data)),
            Kind::Str => ValueRef::Str(&self.text[start..start + len]),
            Kind::Bytes => ValueRef::Bytes(&self.bytes[start..start + len]),
            Kind::Other => self.others[start].as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values;

    #[test]
    fn gives_back_what_was_pushed() {
        let list = Value::List(vec![1.into(), "x".into()]);
        let mut rows = Rows::new(7);
        for i in 0..3 {
            rows.push(values![i, true, 0.5, "naïve", &b"raw"[..], &list, &Value::Null]);
        }
        assert_eq!(rows.len(), 3);
        assert_eq!(rows.value(2, 0), ValueRef::Int(2));
        assert_eq!(rows.value(1, 3), ValueRef::Str("naïve"));
        assert_eq!(rows.value(1, 4), ValueRef::Bytes(b"raw"));
        assert_eq!(rows.value(0, 5), ValueRef::Other(&list));
        assert_eq!(rows.value(0, 6), ValueRef::Null);
        rows.reset(1);
        assert!(rows.is_empty());
        rows.push(values!["again"]);
        assert_eq!(rows.value(0, 0), ValueRef::Str("again"));
    }
}
