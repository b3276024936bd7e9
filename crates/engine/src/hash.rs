//! Java's hash codes, so that a fields grouping sends a key to the task that Storm would send it to.

use storm_topology::{Value, ValueRef};

/// `Arrays.deepHashCode` over the chosen values, as Storm's `TupleUtils.listHashCode` computes it.
pub fn java_list_hash<'a>(values: impl Iterator<Item = ValueRef<'a>>) -> i32 {
    values.fold(1_i32, |hash, v| hash.wrapping_mul(31).wrapping_add(java_hash(v)))
}

/// The target's index: `Math.floorMod(hash, targets)`.
pub fn java_target(hash: i32, targets: usize) -> usize {
    // A topology has far fewer tasks than 2^31.
    hash.rem_euclid(targets as i32) as usize
}

/// `Object.hashCode` of a value as the Java side would hold it: whole numbers are `Long`, floats `Double`.
pub fn java_hash(value: ValueRef<'_>) -> i32 {
    match value {
        ValueRef::Null => 0,
        ValueRef::Bool(v) => {
            if v {
                1231
            } else {
                1237
            }
        }
        ValueRef::Int(v) => fold_long(v as u64),
        ValueRef::Float(v) => fold_long(double_bits(v)),
        ValueRef::Str(v) => java_string_hash(v),
        ValueRef::Bytes(v) => v.iter().fold(1, |h: i32, b| h.wrapping_mul(31).wrapping_add(i32::from(*b as i8))),
        ValueRef::Other(Value::List(items)) => java_list_hash(items.iter().map(Value::as_ref)),
        ValueRef::Other(Value::Map(map)) => {
            map.iter().fold(0, |h: i32, (k, v)| h.wrapping_add(java_string_hash(k) ^ java_hash(v.as_ref())))
        }
        ValueRef::Other(plain) => java_hash(plain.as_ref()),
    }
}

fn fold_long(bits: u64) -> i32 {
    (bits ^ (bits >> 32)) as i32
}

/// `Double.doubleToLongBits`: all NaNs are one.
fn double_bits(v: f64) -> u64 {
    if v.is_nan() { 0x7ff8_0000_0000_0000 } else { v.to_bits() }
}

/// `String.hashCode`: over UTF-16 code units.
fn java_string_hash(s: &str) -> i32 {
    if s.is_ascii() {
        return s.bytes().fold(0, |h: i32, b| h.wrapping_mul(31).wrapping_add(i32::from(b)));
    }
    s.encode_utf16().fold(0, |h: i32, u| h.wrapping_mul(31).wrapping_add(i32::from(u)))
}

#[cfg(test)]
mod tests {
    use super::*;

    // The expected numbers were computed by Java 17 (`Objects.hashCode`, `Arrays.deepHashCode`).
    #[test]
    fn equals_java() {
        assert_eq!(java_hash("storm".into()), 109770985);
        assert_eq!(java_hash("".into()), 0);
        assert_eq!(java_hash("naïve \u{1F329}".into()), 1285307746);
        assert_eq!(java_hash((-1).into()), 0);
        assert_eq!(java_hash(42.into()), 42);
        assert_eq!(java_hash(ValueRef::Int(1 << 40)), 256);
        assert_eq!(java_hash(1.5.into()), 1073217536);
        assert_eq!(java_hash((-0.0).into()), i32::MIN);
        assert_eq!(java_hash(f64::NAN.into()), 2146959360);
        assert_eq!(java_hash(true.into()), 1231);
        assert_eq!(java_hash(ValueRef::Bytes(&[1, 255])), 991); // 1022 in a list of one
    }

    #[test]
    fn lists_and_maps_as_java_collections() {
        let list = Value::List(vec!["a".into(), 1.into(), Value::Null]);
        assert_eq!(java_hash(list.as_ref()), 123039);
        let map = Value::Map([("k".to_owned(), Value::from("v")), ("n".to_owned(), Value::Int(7))].into());
        assert_eq!(java_hash(map.as_ref()), 134);
        assert_eq!(java_list_hash([ValueRef::Str("a"), ValueRef::Int(1)].into_iter()), 3969);
    }

    #[test]
    fn a_negative_hash_still_finds_a_target() {
        assert_eq!(java_target(-7, 3), 2);
        assert_eq!(java_target(i32::MIN, 5), (i64::from(i32::MIN).rem_euclid(5)) as usize);
    }
}
