//! Storage of a batch's tuples: fixed-size cells, and one arena for their text and bytes.
//!
//! A batch holds tuples of one stream, so all rows are equally wide. Nothing is allocated per tuple: text is copied once
//! into the arena, and all of it is freed (or used again) together.

use crate::value::{Value, ValueRef};

/// A value, 16 bytes: small ones in place, others as a position in the rows' arenas.
#[derive(Debug, Clone, Copy)]
enum Cell {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str { start: u32, len: u32 },
    Bytes { start: u32, len: u32 },
    Other(u32),
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
            let cell = self.cell(*value);
            self.cells.push(cell);
        }
        self.len += 1;
    }

    #[inline]
    fn cell(&mut self, value: ValueRef<'_>) -> Cell {
        match value {
            ValueRef::Null => Cell::Null,
            ValueRef::Bool(v) => Cell::Bool(v),
            ValueRef::Int(v) => Cell::Int(v),
            ValueRef::Float(v) => Cell::Float(v),
            ValueRef::Str(v) => match span(self.text.len(), v.len()) {
                Some((start, len)) => {
                    self.text.push_str(v);
                    Cell::Str { start, len }
                }
                None => self.other(value),
            },
            ValueRef::Bytes(v) => match span(self.bytes.len(), v.len()) {
                Some((start, len)) => {
                    self.bytes.extend_from_slice(v);
                    Cell::Bytes { start, len }
                }
                None => self.other(value),
            },
            ValueRef::Other(_) => self.other(value),
        }
    }

    #[inline(never)]
    fn other(&mut self, value: ValueRef<'_>) -> Cell {
        self.others.push(value.to_value());
        Cell::Other(self.others.len() as u32 - 1)
    }

    /// The value at a row and a column.
    ///
    /// # Panics
    /// When there is no such row or column.
    #[inline]
    pub fn value(&self, row: usize, column: usize) -> ValueRef<'_> {
        assert!(column < self.width, "column {column} of rows that are {} wide", self.width);
        match self.cells[row * self.width + column] {
            Cell::Null => ValueRef::Null,
            Cell::Bool(v) => ValueRef::Bool(v),
            Cell::Int(v) => ValueRef::Int(v),
            Cell::Float(v) => ValueRef::Float(v),
            Cell::Str { start, len } => ValueRef::Str(&self.text[start as usize..(start + len) as usize]),
            Cell::Bytes { start, len } => ValueRef::Bytes(&self.bytes[start as usize..(start + len) as usize]),
            Cell::Other(i) => self.others[i as usize].as_ref(),
        }
    }
}

/// Where a piece goes in an arena that is addressed with 32 bits; `None` when it would not fit.
#[inline]
fn span(start: usize, len: usize) -> Option<(u32, u32)> {
    let end = start.checked_add(len)?;
    u32::try_from(end).ok()?;
    Some((start as u32, len as u32))
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
