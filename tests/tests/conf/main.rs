//! Our configuration against Apache Storm's own: its defaults, its checks of each key, and its YAML reader.

mod edits;
mod snakeyaml;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Stdio;

use serde_json::Value;
use storm_conf::{Conf, YamlKind, read_yaml, schema};
use storm_tests::peers;

/// Scalars that YAML 1.1 and 1.2, or a careless reader, take differently.
const SCALARS: &str = "yes no On OFF y n Y TRUE tRUE true False 010 08 0o10 1_000 0x1F 0xfg 0b101 12:30 1:2:3 -1:30 12:30.5 \
    190:20:30 1e3 1.e3 1.0e3 1.0e+3 1.0E-3 .5 -.5 +1 +.inf .inf -.INF .nan .NaN /root ~ null Null nULL 2001-12-14 = \
    2001-12-14t21:59:43.10-05:00 9223372036854775807 -9223372036854775808 9223372036854775808 1,000 +0x1f -010 0_1 _1 1_ \
    1__0 0. 0.0 1. . 1._5 1_0.5 0x 0b 0b2 00 0 -0 60:00 1:60 08.5 1e+3 685.230_15e+03 685_230.15 0x_1 1:30_0 .1_5 + 1.5e \
    0777_7 12:3 0:0 01:30 0_ 0x_ 0b_1 09_1 1:2:3.5 +1:30 1_0:30 1_:30 12:60 12:5_9 123456:07 .e3 1e_3 1_e3 +.5e3 1.5_e3 \
    1.5e1_0 2001-1-1 2001-01-1 1:59:59 9:99 -1:30.25 -00 0o 6700 127.0.0.1 -Xmx1024m 1.2.3 1-2 --1 +-1 0x1.8 1e3.5 \
    2001-12-14T21:59:43Z 2001-1-4t1:59:43 20011-12-14 2001-12-145 12e 1:2: :1 1:-2 'yes' \"010\" '' \"\"";
/// Those with a blank or a tag.
const LINES: &[&str] = &[
    "",
    "0 1",
    "yes # a comment",
    "2001-12-14 21:59:43",
    "!!str 010",
    "!!int '010'",
    "!!int 12:30",
    "!!int abc",
    "!!float 1",
    "!!float 010",
    "!!float abc",
    "!!bool yes",
    "!!bool abc",
    "!!null x",
    "!foo x",
    "\"a\\tb\"",
    "'it''s'",
    "a b:c",
    "a#b",
];

fn lines() -> Vec<&'static str> {
    SCALARS.split_whitespace().chain(LINES.iter().copied()).collect()
}

fn storms_view() -> Value {
    let classes = peers::java_classes().display().to_string();
    let mut java = peers::java(&[&classes, &peers::storm_server_classpath()]);
    java.arg("conf.Judge").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = java.spawn().expect("java starts");
    child.stdin.take().expect("piped").write_all(lines().join("\n").as_bytes()).expect("java reads");
    let output = child.wait_with_output().expect("java ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let json = text.lines().find(|l| l.starts_with('{')).expect("a line of JSON");
    serde_json::from_str(json).expect("JSON")
}

#[test]
fn defaults_kinds_and_scalars_are_storms() {
    let storm = storms_view();
    compare_defaults(&storm["defaults"]);
    compare_kinds(&storm["kinds"]);
    compare_scalars(storm["scalars"].as_array().expect("a list"));
}

fn compare_defaults(storm: &Value) {
    let storm: BTreeMap<_, _> = storm.as_object().expect("a map").iter().collect();
    let ours = Conf::defaults();
    let ours: BTreeMap<_, _> = ours.map().iter().collect();
    assert!(storm.len() > 250, "{} defaults", storm.len());
    assert_eq!(ours, storm);
}

fn compare_kinds(storm: &Value) {
    let storm: BTreeMap<&str, &str> =
        storm.as_object().expect("a map").iter().map(|(k, v)| (k.as_str(), v.as_str().expect("a word"))).collect();
    let ours: BTreeMap<&str, String> = schema::checked().collect();
    assert!(storm.len() > 450, "{} kinds", storm.len());
    assert_eq!(ours, storm.into_iter().map(|(k, v)| (k, v.to_owned())).collect());
}

/// What we make of a value, in the words of the Java program.
fn ours(text: &str) -> (String, Value) {
    let (node, faults) = read_yaml(&format!("k: {text}"));
    if let Some(fault) = faults.first() {
        let kind = if fault.code == "config/date" { "date" } else { "error" };
        return (kind.into(), Value::Null);
    }
    let Some(YamlKind::Map(entries)) = node.map(|n| n.kind) else { panic!("{text:?} is no map") };
    let value = entries[0].value.to_value();
    let kind = match &value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(n) if n.is_f64() => "float",
        Value::Number(_) => "int",
        _ => "text",
    };
    (kind.into(), value)
}

fn compare_scalars(storm: &[Value]) {
    let lines = lines();
    assert_eq!(storm.len(), lines.len());
    let mut differing = Vec::new();
    for (line, theirs) in lines.iter().zip(storm) {
        let (class, text) = (theirs[0].as_str().expect("a class"), theirs[1].as_str().expect("a text"));
        let (kind, value) = ours(line);
        let same = match class {
            "null" => kind == "null",
            "Boolean" => value == Value::Bool(text == "true"),
            "Integer" | "Long" | "BigInteger" => {
                let printed = value.to_string();
                kind == "int" && printed == text
            }
            // Our values are JSON's, which has no infinity: a configuration that says so is refused.
            "Double" if text.ends_with("Infinity") || text == "NaN" => kind == "error",
            "Double" => kind == "float" && value.as_f64() == text.parse().ok(),
            "String" => value.as_str() == Some(text),
            // No key of Storm takes a date: its own check refuses one.
            "Date" => kind == "date",
            "error" => kind == "error",
            other => panic!("{line:?} is a {other} to SnakeYAML"),
        };
        if !same {
            differing.push(format!("{line:?}: Storm {class} {text}, ours {kind} {value}"));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
