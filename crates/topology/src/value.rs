//! Values of tuples: owned ones, and the borrowed form that emits take and tuples show.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;

/// One value of a tuple, owned.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Value {
    /// Java's `null`.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number; Java sees a `Long`.
    Int(i64),
    /// A floating point number; Java sees a `Double`.
    Float(f64),
    /// Text.
    Str(Box<str>),
    /// Raw bytes.
    Bytes(Bytes),
    /// A list of values.
    List(Vec<Value>),
    /// A map with text keys.
    Map(BTreeMap<String, Value>),
}

/// One value of a tuple, borrowed: what [`Tuple`](crate::Tuple)s show and what emits take.
///
/// Text and bytes are copied once, into the batch that carries the tuple.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum ValueRef<'a> {
    /// Java's `null`.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A floating point number.
    Float(f64),
    /// Text.
    Str(&'a str),
    /// Raw bytes.
    Bytes(&'a [u8]),
    /// A list or a map.
    Other(&'a Value),
}

impl Value {
    /// The borrowed form.
    #[inline]
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Null => ValueRef::Null,
            Value::Bool(v) => ValueRef::Bool(*v),
            Value::Int(v) => ValueRef::Int(*v),
            Value::Float(v) => ValueRef::Float(*v),
            Value::Str(v) => ValueRef::Str(v),
            Value::Bytes(v) => ValueRef::Bytes(v),
            Value::List(_) | Value::Map(_) => ValueRef::Other(self),
        }
    }

    /// The value as JSON. Bytes become a list of numbers, and a number that JSON cannot hold (NaN, infinity) becomes null.
    pub fn to_json(&self) -> serde_json::Value {
        self.as_ref().to_json()
    }
}

impl From<serde_json::Value> for Value {
    /// Whole numbers beyond 64 signed bits become floating point.
    fn from(json: serde_json::Value) -> Value {
        use serde_json::Value as Json;
        match json {
            Json::Null => Value::Null,
            Json::Bool(v) => Value::Bool(v),
            Json::Number(n) => match n.as_i64() {
                Some(v) => Value::Int(v),
                None => Value::Float(n.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(s) => Value::Str(s.into_boxed_str()),
            Json::Array(items) => Value::List(items.into_iter().map(Value::from).collect()),
            Json::Object(map) => Value::Map(map.into_iter().map(|(k, v)| (k, Value::from(v))).collect()),
        }
    }
}

impl<'a> ValueRef<'a> {
    /// Copies the value out of whatever it borrows from.
    pub fn to_value(&self) -> Value {
        match *self {
            ValueRef::Null => Value::Null,
            ValueRef::Bool(v) => Value::Bool(v),
            ValueRef::Int(v) => Value::Int(v),
            ValueRef::Float(v) => Value::Float(v),
            ValueRef::Str(v) => Value::Str(v.into()),
            ValueRef::Bytes(v) => Value::Bytes(Bytes::copy_from_slice(v)),
            ValueRef::Other(v) => v.clone(),
        }
    }

    /// The value as JSON; see [`Value::to_json`].
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match *self {
            ValueRef::Null => Json::Null,
            ValueRef::Bool(v) => Json::Bool(v),
            ValueRef::Int(v) => Json::from(v),
            ValueRef::Float(v) => Json::from(v),
            ValueRef::Str(v) => Json::from(v),
            ValueRef::Bytes(v) => Json::Array(v.iter().map(|b| Json::from(*b)).collect()),
            ValueRef::Other(Value::List(items)) => Json::Array(items.iter().map(Value::to_json).collect()),
            ValueRef::Other(Value::Map(map)) => {
                Json::Object(map.iter().map(|(k, v)| (k.clone(), v.to_json())).collect())
            }
            ValueRef::Other(plain) => plain.to_json(),
        }
    }

    /// The text, if it is text.
    #[inline]
    pub fn as_str(&self) -> Option<&'a str> {
        match *self {
            ValueRef::Str(v) => Some(v),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    #[inline]
    pub fn as_int(&self) -> Option<i64> {
        match *self {
            ValueRef::Int(v) => Some(v),
            _ => None,
        }
    }

    /// The number, whole or not.
    #[inline]
    pub fn as_float(&self) -> Option<f64> {
        match *self {
            ValueRef::Float(v) => Some(v),
            ValueRef::Int(v) => Some(v as f64),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    #[inline]
    pub fn as_bool(&self) -> Option<bool> {
        match *self {
            ValueRef::Bool(v) => Some(v),
            _ => None,
        }
    }

    /// The raw bytes, if it is bytes.
    #[inline]
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        match *self {
            ValueRef::Bytes(v) => Some(v),
            _ => None,
        }
    }

    /// What kind of value it is, in words, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            ValueRef::Null => "null",
            ValueRef::Bool(_) => "a truth value",
            ValueRef::Int(_) => "a whole number",
            ValueRef::Float(_) => "a floating point number",
            ValueRef::Str(_) => "text",
            ValueRef::Bytes(_) => "bytes",
            ValueRef::Other(Value::Map(_)) => "a map",
            ValueRef::Other(_) => "a list",
        }
    }
}

impl fmt::Display for ValueRef<'_> {
    /// Text and numbers as they are; everything else as JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValueRef::Str(v) => f.write_str(v),
            ValueRef::Int(v) => write!(f, "{v}"),
            other => write!(f, "{}", other.to_json()),
        }
    }
}

impl fmt::Display for Value {
    /// As [`ValueRef`] shows itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

macro_rules! whole_numbers {
    ($($t:ty)*) => {$(
        impl From<$t> for Value {
            fn from(v: $t) -> Value { Value::Int(i64::from(v)) }
        }
        impl From<$t> for ValueRef<'_> {
            #[inline]
            fn from(v: $t) -> Self { ValueRef::Int(i64::from(v)) }
        }
    )*};
}
whole_numbers!(i8 i16 i32 i64 u8 u16 u32);

macro_rules! borrowed {
    ($($t:ty, $v:ident => $e:expr;)*) => {$(
        impl<'a> From<$t> for ValueRef<'a> {
            #[inline]
            fn from($v: $t) -> ValueRef<'a> { $e }
        }
    )*};
}
borrowed! {
    bool, v => ValueRef::Bool(v);
    f64, v => ValueRef::Float(v);
    f32, v => ValueRef::Float(f64::from(v));
    &'a str, v => ValueRef::Str(v);
    &'a String, v => ValueRef::Str(v);
    &'a Box<str>, v => ValueRef::Str(v);
    &'a [u8], v => ValueRef::Bytes(v);
    &'a Vec<u8>, v => ValueRef::Bytes(v);
    &'a Bytes, v => ValueRef::Bytes(v);
    &'a Value, v => v.as_ref();
}

macro_rules! owned {
    ($($t:ty, $v:ident => $e:expr;)*) => {$(
        impl From<$t> for Value {
            fn from($v: $t) -> Value { $e }
        }
    )*};
}
owned! {
    bool, v => Value::Bool(v);
    f64, v => Value::Float(v);
    f32, v => Value::Float(f64::from(v));
    &str, v => Value::Str(v.into());
    String, v => Value::Str(v.into_boxed_str());
    Box<str>, v => Value::Str(v);
    Bytes, v => Value::Bytes(v);
    Vec<Value>, v => Value::List(v);
    BTreeMap<String, Value>, v => Value::Map(v);
    ValueRef<'_>, v => v.to_value();
}

/// The values of one tuple, for an emit: `out.emit(values![word, 1])`.
///
/// Each item is anything that [`ValueRef`] can be made from: whole numbers, floats, truth values, `&str`, `&String`,
/// `&[u8]`, `&Value`.
///
/// ```
/// use storm_topology::{ValueRef, values};
/// let word = String::from("storm");
/// assert_eq!(values![&word, 1], &[ValueRef::Str("storm"), ValueRef::Int(1)]);
/// ```
#[macro_export]
macro_rules! values {
    ($($v:expr),* $(,)?) => {
        &[$($crate::ValueRef::from($v)),*]
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_there_and_back() {
        let text = r#"[null,true,-3,2.5,"x",[1],{"a":{"b":[]}}]"#;
        let json: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(Value::from(json.clone()).to_json(), json);
    }

    #[test]
    fn numbers_beyond_long_become_floating_point() {
        assert_eq!(Value::from(serde_json::json!(u64::MAX)), Value::Float(u64::MAX as f64));
    }

    #[test]
    fn shows_text_plainly_and_the_rest_as_json() {
        assert_eq!(Value::from("a b").to_string(), "a b");
        assert_eq!(Value::List(vec![1.into(), "x".into()]).to_string(), r#"[1,"x"]"#);
    }
}
