//! `split`: the words of a line.

use crate::component::{Bolt, ComponentError};
use crate::output::BoltOutput;
use crate::tuple::Tuple;
use crate::value::ValueRef;

/// Splits text (or bytes) at ASCII white space, as `tr -s '[:space:]' '\n'` does; empty words are left out.
///
/// A word of bytes that is UTF-8 is emitted as text, so that the same word is equal wherever it came from.
#[derive(Debug, Default)]
pub struct SplitBolt;

/// C's `isspace` in the "C" locale. (`u8::is_ascii_whitespace` has no vertical tab.)
fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

/// Start and end of each word.
fn words(bytes: &[u8]) -> impl Iterator<Item = (usize, usize)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + bytes[at..].iter().position(|b| !is_space(*b))?;
        let end = bytes[start..].iter().position(|b| is_space(*b)).map_or(bytes.len(), |n| start + n);
        at = end;
        Some((start, end))
    })
}

impl Bolt for SplitBolt {
    fn execute(&mut self, tuple: &Tuple<'_>, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
        if tuple.is_tick() {
            return Ok(());
        }
        match tuple.get(0) {
            Some(ValueRef::Str(line)) => {
                for (start, end) in words(line.as_bytes()) {
                    out.emit(&[ValueRef::Str(&line[start..end])]);
                }
            }
            Some(ValueRef::Bytes(line)) => {
                for (start, end) in words(line) {
                    let word = &line[start..end];
                    out.emit(&[std::str::from_utf8(word).map_or(ValueRef::Bytes(word), ValueRef::Str)]);
                }
            }
            _ => {
                // The error that names the field and what it is.
                tuple.str(0)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_where_tr_does() {
        let line = b" a\tb\x0bc\x0cd\r e\xa0f  g ";
        let found: Vec<&[u8]> = words(line).map(|(s, e)| &line[s..e]).collect();
        let wanted: [&[u8]; 6] = [b"a", b"b", b"c", b"d", b"e\xa0f", b"g"];
        assert_eq!(found, wanted);
        assert_eq!(words(b"").count() + words(b" \n").count(), 0);
    }
}
