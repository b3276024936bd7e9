//! Whether a document has the members that Storm's has, and no others.

use serde_json::Value;

const TABLE: &str = include_str!("members.txt");

/// Name and type of each member.
fn members(name: &str) -> Vec<(&'static str, &'static str)> {
    let line = TABLE.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let line = line.unwrap_or_else(|| panic!("no line {name} in the table"));
    let one = |word: &'static str| match word.strip_prefix('@') {
        Some(other) => members(other),
        None => vec![word.rsplit_once(':').expect("member:type")],
    };
    line.split(' ').flat_map(one).collect()
}

fn fits(value: &Value, kind: &str) -> bool {
    match kind.trim_end_matches(['?', '~']) {
        _ if kind.ends_with('?') && value.is_null() => true,
        "s" => value.is_string(),
        "i" => value.is_i64() || value.is_u64(),
        "f" => value.is_f64(),
        "b" => value.is_boolean(),
        "l" => value.is_array(),
        "o" => value.is_object(),
        "*" => true,
        other => panic!("{other} is no type"),
    }
}

#[track_caller]
pub fn check(value: &Value, name: &str) {
    let object = value.as_object().unwrap_or_else(|| panic!("{name} is {value}"));
    let wanted = members(name);
    for (member, kind) in &wanted {
        match object.get(*member) {
            Some(value) => assert!(fits(value, kind), "{name}: {member} is {value}, not {kind}"),
            None => assert!(kind.ends_with('~'), "{name} has no {member}: {value}"),
        }
    }
    for member in object.keys() {
        assert!(wanted.iter().any(|(name, _)| name == member), "{name} has a member {member} more: {value}");
    }
}

/// Each element of a list, of which there must be one at least.
#[track_caller]
pub fn check_each(list: &Value, name: &str) {
    let list = list.as_array().unwrap_or_else(|| panic!("{name}: {list} is no list"));
    assert!(!list.is_empty(), "there is no {name}");
    list.iter().for_each(|value| check(value, name));
}
