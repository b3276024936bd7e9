//! Whole documents: a file that Apache Storm reads must be read alike by us. The other way round we may be more
//! tolerant; `stormctl config lint` tells of it.

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;
use storm_conf::{Level, YamlKind, YamlNode, read_yaml};
use storm_tests::peers;
use storm_tests::random::Random;

pub const DOCUMENTS: &[&str] = &[
    include_str!("../../../conf/storm.yaml.example"),
    "storm.zookeeper.servers:\n  - \"zk1\"\n  - 'zk2'\n  - zk3 # third\n\nnimbus.seeds: [\"n1\", 'n2', n3]\nui.port: 8080\n",
    "# c\nstorm.local.dir: \"/var/lib/storm\"\nsupervisor.slots.ports:\n- 6700\n- 6701\n\n# tail\nworker.childopts: -Xmx1g\n   -Dx=y\n",
    "a: &x {p: 1, q: [yes, no]}\nb: *x\nc:\n  <<: *x\n  p: 2\nd: [ *x, {r: s}, t: u ]\n",
    "topology.environment:\n  PATH: /bin\n  A: 'it''s'\n  B: \"q\\\"\\t\\u00e9\"\n\nt: |\n  one\n   two\n\nf: >-\n  three\n  four\nend: ~\n",
    "---\nstorm.log.dir: ${sys:x}/logs\nui.title: a # b\nurl: http://h:80/x#y\nempty:\nlist: []\nmap: {}\n...\n",
    "isolation.scheduler.machines: {\"wc\": 2, other: 1}\ntopology.metrics.consumer.register:\n  - class: a.B\n    parallelism.hint: 1\n    argument:\n      - x: y\n  - class: c.D\n",
    " ui.port: 8080\n nimbus.seeds:\n   - n1\n   - n2\n",
    "k: [a,\n  b,\n  c]\nm: {x: 1,\n    y: 2}\nn: \"two\n  lines\"\no: 'and\n\n  more'\n",
    "? complex\n: value\n? [a, b]\n: c\n1: one\n~: none\ntrue: yes\n2001-12-14: date\n",
    "worker.childopts: \"-Xmx%HEAP-MEM%m -Dx='y z'\"\nx: -Xmx1g -XX:+UseG1GC\ny: %d\nz: a:b\nw: -1\nv: - \n",
    "a:\r\n  - b\r\n  - c\r\nd: e\r\n",
    "\u{feff}a: ü\n“b”: ‘c’\nd:\u{a0}e\nf: \u{2028}g\n",
    "a: 010\nb: 1_000\nc: 12:30\nd: .inf\ne: .nan\nf: 1e3\ng: 0x1F\nh: 2001-12-14\ni: 9223372036854775808\nj: +1\nk: 1.\n",
    "a: !!str 1\nb: !!int '2'\nc: !!float 3\nd: !!bool yes\ne: !!null x\nf: !!binary aGk=\ng: !!set {x, y}\nh: !!omap [x: y]\ni: ! z\n",
];

/// What a slip of the hand or of an editor puts into a file.
const SLIPS: &[&str] = &[
    " ", "  ", "\t", "\n", "\n\n", "\"", "'", ":", ": ", " #", "#", "[", "]", "{", "}", ",", "-", "- ", "&a ", "*a",
    "|", ">", "%", "@", "`", "!", "? ", "\r", "x", "0", "~", "\\", "\u{a0}", "---\n", "...\n", "k: ", "k: v\n",
];

/// What Java takes by accident of its implementation, and nobody writes.
const ODDITIES: &[&str] = &[
    // A colon at the end of a tagged number.
    "!!int '2:'",
    // An unknown tag in a value that a later one replaces.
    "- x: !y\ntopology",
    // A key of brackets whose colon is missing.
    "? [a, b]\n c\n",
];

pub fn slip(text: &str, random: &mut Random) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=random.below(2) {
        let at = random.below(chars.len() as u64 + 1) as usize;
        match random.below(5) {
            0 | 1 => {
                let slip = SLIPS[random.below(SLIPS.len() as u64) as usize];
                chars.splice(at..at, slip.chars());
            }
            2 => {
                if at < chars.len() {
                    chars.remove(at);
                }
            }
            3 => {
                let mut lines: Vec<String> =
                    chars.iter().collect::<String>().split_inclusive('\n').map(str::to_owned).collect();
                let (from, to) = (random.below(lines.len() as u64) as usize, random.below(lines.len() as u64) as usize);
                let line = lines[from].clone();
                if random.below(2) == 0 {
                    lines.insert(to, line)
                } else {
                    drop(lines.remove(from))
                }
                chars = lines.concat().chars().collect();
            }
            _ => {
                let mut lines: Vec<String> =
                    chars.iter().collect::<String>().split_inclusive('\n').map(str::to_owned).collect();
                let which = random.below(lines.len() as u64) as usize;
                let line = lines[which].clone();
                lines[which] = if random.below(2) == 0 { format!(" {line}") } else { line.trim_start().to_owned() };
                chars = lines.concat().chars().collect();
            }
        }
        if chars.is_empty() {
            break;
        }
    }
    chars.into_iter().filter(|c| *c != '\0').collect()
}

/// What SnakeYAML makes of each document.
pub fn load(documents: &[String]) -> Vec<Value> {
    let classes = peers::java_classes().display().to_string();
    let mut java = peers::java(&[&classes, &peers::storm_server_classpath()]);
    java.arg("conf.Load").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = java.spawn().expect("java starts");
    let input: String = documents.iter().map(|d| format!("{d}\0")).collect();
    let mut stdin = child.stdin.take().expect("piped");
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()).expect("java reads"));
    let output = child.wait_with_output().expect("java ends");
    writer.join().expect("all is written");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect()
}

/// Whether our value is the one that Java has.
pub fn same(ours: &Value, java: &Value) -> bool {
    let (kind, what) = (java[0].as_str().unwrap_or_default(), &java[1]);
    let text = what.as_str().unwrap_or_default();
    match kind {
        "null" => ours.is_null(),
        "text" => ours.as_str() == Some(text),
        "bool" => ours.as_bool() == Some(text == "true"),
        // More digits than 64 bits hold are a float for us.
        "int" => {
            let printed = ours.to_string();
            ours.is_number() && (printed == text || ours.is_f64() && ours.as_f64() == text.parse().ok())
        }
        "float" if text == "NaN" => ours.is_null(),
        "float" if text == "Infinity" => ours.as_f64() == Some(f64::MAX),
        "float" if text == "-Infinity" => ours.as_f64() == Some(f64::MIN),
        "float" => ours.is_f64() && ours.as_f64() == text.parse().ok(),
        // Dates, bytes, sets: what JSON does not have. We warn and keep what is written.
        "java" => !ours.is_null(),
        "list" => {
            let (Some(ours), Some(java)) = (ours.as_array(), what.as_array()) else { return false };
            ours.len() == java.len() && ours.iter().zip(java).all(|(o, j)| same(o, j))
        }
        "map" => {
            let (Some(ours), Some(java)) = (ours.as_object(), what.as_array()) else { return false };
            let textual = java.iter().all(|e| e[0][0] == "text");
            // Keys that are no texts may become the same text.
            let alike = if textual { ours.len() == java.len() } else { ours.len() <= java.len() };
            alike
                && java
                    .iter()
                    .filter(|e| e[0][0] == "text")
                    .all(|e| ours.get(e[0][1].as_str().unwrap_or_default()).is_some_and(|o| same(o, &e[1])))
        }
        other => panic!("Java says {other}"),
    }
}

/// What the two make of one document differently.
fn difference(document: &str, java: &Value) -> Option<String> {
    let (node, faults) = read_yaml(document);
    if java[0] == "error" {
        return None;
    }
    if let Some(fault) = faults.iter().find(|f| f.level == Level::Error) {
        return Some(format!("{}:{} {}", fault.mark.line, fault.mark.column, fault.message));
    }
    let node = node.unwrap_or(YamlNode { kind: YamlKind::Scalar(Value::Null), ..nothing() });
    (!same(&node.to_value(), &java[1])).then(|| format!("ours {}, Java {}", node.to_value(), java[1]))
}

fn nothing() -> YamlNode {
    let mark = storm_conf::Mark { line: 1, column: 1 };
    YamlNode { mark, span: 0..0, style: storm_conf::YamlStyle::Plain, kind: YamlKind::Scalar(Value::Null) }
}

#[test]
fn what_apache_storm_reads_we_read_alike() {
    let mut random = Random::new(28);
    let mut documents: Vec<String> = DOCUMENTS.iter().map(|d| (*d).to_owned()).collect();
    let uncommented = DOCUMENTS[0].replace("\n#", "\n");
    documents.push(uncommented.clone());
    for round in 0..6000 {
        let base = if round % 7 == 0 { &uncommented } else { DOCUMENTS[round % DOCUMENTS.len()] };
        documents.push(slip(base, &mut random));
    }
    let java = load(&documents);
    assert_eq!(java.len(), documents.len());
    let read = java.iter().filter(|j| j[0] == "value").count();
    assert!(read > 2000, "Java reads {read}");
    let differing: Vec<String> = documents
        .iter()
        .zip(&java)
        .filter_map(|(d, j)| difference(d, j).map(|why| format!("--- {why}\n{d}")))
        .collect();
    let differing: Vec<String> = differing.into_iter().filter(|d| !ODDITIES.iter().any(|o| d.contains(o))).collect();
    let shown = differing.iter().take(12).cloned().collect::<Vec<_>>().join("\n");
    assert!(differing.is_empty(), "{} of {read} differ\n{shown}", differing.len());
}
