//! Values as JSON for the pipes.
//!
//! What is written is ASCII only, so that a child reads it rightly under every locale. Bytes that are not UTF-8 travel as Python's
//! `surrogateescape` has it: each such byte `b` as the lone surrogate U+DC00 + `b`. Such a string becomes bytes again when
//! it comes back, so that text of an unknown encoding passes through a child unharmed.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;

use bytes::Bytes;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::value::{Value, ValueRef};

pub(crate) fn write_value(out: &mut Vec<u8>, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => out.extend_from_slice(b"null"),
        ValueRef::Bool(v) => out.extend_from_slice(if v { b"true" } else { b"false" }),
        ValueRef::Int(v) => display(out, v),
        ValueRef::Float(v) => match serde_json::Number::from_f64(v) {
            Some(n) => display(out, n),
            None => out.extend_from_slice(b"null"),
        },
        ValueRef::Str(v) => {
            out.push(b'"');
            write_text(out, v);
            out.push(b'"');
        }
        ValueRef::Bytes(v) => write_bytes(out, v),
        ValueRef::Other(Value::List(items)) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                comma(out, i);
                write_value(out, item.as_ref());
            }
            out.push(b']');
        }
        ValueRef::Other(Value::Map(map)) => {
            out.push(b'{');
            for (i, (key, item)) in map.iter().enumerate() {
                comma(out, i);
                write_value(out, ValueRef::Str(key));
                out.push(b':');
                write_value(out, item.as_ref());
            }
            out.push(b'}');
        }
        ValueRef::Other(plain) => write_value(out, plain.as_ref()),
    }
}

/// A JSON value of the configuration.
pub(crate) fn write_json(out: &mut Vec<u8>, json: &serde_json::Value) {
    use serde_json::Value as Json;
    match json {
        Json::String(s) => write_value(out, ValueRef::Str(s)),
        Json::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                comma(out, i);
                write_json(out, item);
            }
            out.push(b']');
        }
        Json::Object(map) => {
            out.push(b'{');
            for (i, (key, item)) in map.iter().enumerate() {
                comma(out, i);
                write_value(out, ValueRef::Str(key));
                out.push(b':');
                write_json(out, item);
            }
            out.push(b'}');
        }
        plain => display(out, plain),
    }
}

fn comma(out: &mut Vec<u8>, index: usize) {
    if index > 0 {
        out.push(b',');
    }
}

fn display(out: &mut Vec<u8>, value: impl fmt::Display) {
    // Writing to memory does not fail.
    let _infallible = write!(out, "{value}");
}

fn unit(out: &mut Vec<u8>, unit: u16) {
    display(out, format_args!("\\u{unit:04x}"));
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    for c in text.chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\t' => out.extend_from_slice(b"\\t"),
            ' '..='~' => out.push(c as u8),
            _ => c.encode_utf16(&mut [0; 2]).iter().for_each(|u| unit(out, *u)),
        }
    }
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for chunk in bytes.utf8_chunks() {
        write_text(out, chunk.valid());
        for b in chunk.invalid() {
            unit(out, 0xdc00 + u16::from(*b));
        }
    }
    out.push(b'"');
}

/// A value straight from its JSON text.
struct Parsed(Value);

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Parsed, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Parsed;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }
            fn visit_unit<E: de::Error>(self) -> Result<Parsed, E> {
                Ok(Parsed(Value::Null))
            }
            fn visit_bool<E: de::Error>(self, v: bool) -> Result<Parsed, E> {
                Ok(Parsed(Value::Bool(v)))
            }
            fn visit_i64<E: de::Error>(self, v: i64) -> Result<Parsed, E> {
                Ok(Parsed(Value::Int(v)))
            }
            fn visit_u64<E: de::Error>(self, v: u64) -> Result<Parsed, E> {
                // Whole numbers beyond 64 signed bits become floating point.
                Ok(Parsed(i64::try_from(v).map_or(Value::Float(v as f64), Value::Int)))
            }
            fn visit_f64<E: de::Error>(self, v: f64) -> Result<Parsed, E> {
                Ok(Parsed(Value::Float(v)))
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<Parsed, E> {
                Ok(Parsed(Value::Str(v.into())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Parsed, A::Error> {
                let mut list = Vec::new();
                while let Some(Parsed(item)) = items.next_element()? {
                    list.push(item);
                }
                Ok(Parsed(Value::List(list)))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Parsed, A::Error> {
                let mut map = BTreeMap::new();
                while let Some((key, Parsed(value))) = entries.next_entry()? {
                    map.insert(key, value);
                }
                Ok(Parsed(Value::Map(map)))
            }
        }
        d.deserialize_any(Any)
    }
}

/// A JSON text as a value; lone surrogates as [`write_value`] writes them are taken.
pub(crate) fn parse(text: &[u8]) -> Result<Value, serde_json::Error> {
    match serde_json::from_slice::<Parsed>(text) {
        Ok(Parsed(value)) => Ok(value),
        // serde_json's strings cannot hold lone surrogates; the slower way is for texts that may have some.
        Err(e) if !text.windows(3).any(|w| w == b"\\ud" || w == b"\\uD") => Err(e),
        Err(_) => lossless(serde_json::from_slice::<&RawValue>(text)?),
    }
}

fn lossless(raw: &RawValue) -> Result<Value, serde_json::Error> {
    let text = raw.get().trim_start();
    match text.as_bytes().first() {
        Some(b'"') => Ok(unescaped(serde_json::from_str::<Wtf8>(text)?.0)),
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text)?;
            Ok(Value::List(items.into_iter().map(lossless).collect::<Result<_, _>>()?))
        }
        Some(b'{') => {
            let map: BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
            let entries = map.into_iter().map(|(k, v)| Ok::<_, serde_json::Error>((k, lossless(v)?)));
            Ok(Value::Map(entries.collect::<Result<_, _>>()?))
        }
        _ => Ok(serde_json::from_str::<serde_json::Value>(text)?.into()),
    }
}

/// A string's UTF-8 in which surrogates may stand, three bytes each.
struct Wtf8(Vec<u8>);

impl<'de> Deserialize<'de> for Wtf8 {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Wtf8, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Wtf8;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_bytes<E: de::Error>(self, v: &[u8]) -> Result<Wtf8, E> {
                Ok(Wtf8(v.to_vec()))
            }
        }
        d.deserialize_bytes(Text)
    }
}

/// U+DC80 to U+DCFF become the bytes they stand for; other lone surrogates U+FFFD.
fn unescaped(wtf8: Vec<u8>) -> Value {
    let mut out = Vec::with_capacity(wtf8.len());
    let mut rest = wtf8.as_slice();
    while let Some((&first, _)) = rest.split_first() {
        match *rest {
            [0xed, b @ (0xb2 | 0xb3), c, ..] => {
                out.push(((b & 0x03) << 6) | (c & 0x3f));
                rest = &rest[3..];
            }
            [0xed, 0xa0..=0xbf, _, ..] => {
                out.extend_from_slice("\u{fffd}".as_bytes());
                rest = &rest[3..];
            }
            _ => {
                out.push(first);
                rest = &rest[1..];
            }
        }
    }
    match String::from_utf8(out) {
        Ok(text) => Value::Str(text.into_boxed_str()),
        Err(e) => Value::Bytes(Bytes::from(e.into_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &Value) -> String {
        let mut out = Vec::new();
        write_value(&mut out, value.as_ref());
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn only_ascii_is_written_and_it_reads_back() {
        let text = Value::from("a\"\\\n\t\u{1}é語🌩\u{7f}");
        assert_eq!(written(&text), r#""a\"\\\n\t\u0001\u00e9\u8a9e\ud83c\udf29\u007f""#);
        for value in [
            text,
            Value::Null,
            Value::Int(i64::MIN),
            Value::Float(0.1),
            Value::List(vec![true.into(), Value::Map([("k é".to_owned(), Value::List(vec![]))].into())]),
        ] {
            assert_eq!(parse(written(&value).as_bytes()).unwrap(), value);
        }
        assert_eq!(written(&Value::Float(f64::NAN)), "null");
    }

    #[test]
    fn bytes_travel_as_lone_surrogates() {
        let bytes = Value::Bytes(Bytes::from_static(b"caf\xe9 \xff\xfe\xc3\xa9 \xed\xa0\x80"));
        assert_eq!(written(&bytes), r#""caf\udce9 \udcff\udcfe\u00e9 \udced\udca0\udc80""#);
        let mixed =
            Value::List(vec![bytes.clone(), "x🌩".into(), Value::Map([("a".to_owned(), bytes)].into()), 1.into()]);
        assert_eq!(parse(written(&mixed).as_bytes()).unwrap(), mixed);
        assert_eq!(parse(br#""\udc61\ud800""#).unwrap(), Value::from("\u{fffd}\u{fffd}"));
        assert!(parse(br#"["\ud800]"#).is_err());
    }
}
