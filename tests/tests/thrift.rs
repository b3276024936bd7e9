//! Our thrift tables against the classes that Apache Storm generated from its IDL: what they say of themselves by
//! reflection, and what they make of our bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;
use storm_tests::peers;
use storm_tests::random::Random;
use storm_thrift::describe::{self, FieldDesc, Kind, TypeDesc};

/// What one type looks like, in lines that read well when they differ.
type Lines = BTreeMap<String, BTreeSet<String>>;

fn line(id: i64, name: &str, type_name: &str, requiredness: &str) -> String {
    format!("{id}: {requiredness} {type_name} {name}")
}

/// The tables of the real classes: types, and the arguments and results of the services' methods.
fn javas_tables() -> Lines {
    let mut java = peers::java(&[&peers::java_classes().display().to_string(), &peers::storm_client_classpath()]);
    let output = java.arg("thrift.DescribeTypes").output().expect("java runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let types: Value = serde_json::from_slice(&output.stdout).expect("DescribeTypes prints JSON");
    let mut tables = Lines::new();
    for (name, described) in types.as_object().expect("an object") {
        let kind = described["kind"].as_str().expect("a kind");
        let mut lines = BTreeSet::from([format!("kind {kind}")]);
        for (value, number) in described["values"].as_object().into_iter().flatten() {
            lines.insert(format!("{value} = {number}"));
        }
        for field in described["fields"].as_array().into_iter().flatten() {
            let text = |key: &str| field[key].as_str().expect("a string").to_owned();
            let required = match kind {
                "union" => "union".to_owned(),
                // Arguments and results have no requiredness in the IDL.
                _ if name.contains('.') => "default".to_owned(),
                _ => text("required"),
            };
            lines.insert(line(field["id"].as_i64().expect("an id"), &text("name"), &text("type"), &required));
        }
        tables.insert(name.clone(), lines);
    }
    tables
}

fn our_tables() -> Lines {
    let mut tables = Lines::new();
    for described in describe::all_types() {
        let kind = match described.kind {
            Kind::Struct => "struct",
            Kind::Exception => "exception",
            Kind::Union => "union",
            Kind::Enum => "enum",
        };
        let mut lines = BTreeSet::from([format!("kind {kind}")]);
        lines.extend(described.values.iter().map(|(number, value)| format!("{value} = {number}")));
        lines.extend(described.fields.iter().map(|f| line(f.id.into(), f.name, &f.type_name, f.requiredness)));
        assert!(tables.insert(described.name.to_owned(), lines).is_none(), "{} is listed twice", described.name);
    }
    for service in describe::all_services() {
        for method in service.methods {
            let mut lines = BTreeSet::from(["kind struct".to_owned()]);
            lines.extend(method.args.iter().map(|f| line(f.id.into(), f.name, &f.type_name, "default")));
            tables.insert(format!("{}.{}_args", service.name, method.name), lines);
            let mut lines = BTreeSet::from(["kind struct".to_owned()]);
            if method.returns != "void" {
                lines.insert(line(0, "success", &method.returns, "default"));
            }
            lines.extend(method.throws.iter().map(|(id, name, thrown)| line((*id).into(), name, thrown, "default")));
            tables.insert(format!("{}.{}_result", service.name, method.name), lines);
        }
    }
    tables
}

#[test]
fn every_id_name_type_and_requiredness_is_apaches() {
    let (theirs, ours) = (javas_tables(), our_tables());
    assert!(theirs.len() > 200, "Apache Storm has more types than {}", theirs.len());
    let none = BTreeSet::new();
    let mut differences = Vec::new();
    for name in theirs.keys().chain(ours.keys()).collect::<BTreeSet<_>>() {
        let (theirs, ours) = (theirs.get(name).unwrap_or(&none), ours.get(name).unwrap_or(&none));
        differences.extend(theirs.difference(ours).map(|line| format!("{name}: missing  {line}")));
        differences.extend(ours.difference(theirs).map(|line| format!("{name}: too many {line}")));
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

/// Writes random values of the types of a table in thrift's binary form, knowing nothing of the codec under test.
struct Writer {
    types: BTreeMap<&'static str, TypeDesc>,
    random: Random,
}

impl Writer {
    fn value(&mut self, type_name: &str, depth: u32) -> Vec<u8> {
        let random = &mut self.random;
        match type_name {
            "bool" => vec![random.below(2) as u8],
            "i8" => vec![random.next() as u8],
            "i16" => (random.next() as i16).to_be_bytes().to_vec(),
            "i32" => (random.next() as i32).to_be_bytes().to_vec(),
            "i64" => (random.next() as i64).to_be_bytes().to_vec(),
            "double" => loop {
                // Java has one NaN, so that the bits of another do not come back.
                let double = f64::from_bits(random.next());
                if !double.is_nan() {
                    break double.to_be_bytes().to_vec();
                }
            },
            "string" => counted(random.text(12).as_bytes()),
            "binary" => counted(&random.bytes(24)),
            _ => match type_name.split_once('<') {
                Some(("list", rest)) => self.elements(inner(rest), depth, false),
                Some(("set", rest)) => self.elements(inner(rest), depth, true),
                Some(("map", rest)) => self.entries(inner(rest), depth),
                Some(_) => panic!("no such container: {type_name}"),
                None => self.named(type_name, depth),
            },
        }
    }

    fn size(&mut self, depth: u32) -> u64 {
        self.random.below(if depth > 3 { 2 } else { 4 })
    }

    fn elements(&mut self, element: &str, depth: u32, distinct: bool) -> Vec<u8> {
        let mut list: Vec<Vec<u8>> = Vec::new();
        for _ in 0..self.size(depth) {
            let value = self.value(element, depth + 1);
            if !(distinct && list.contains(&value)) {
                list.push(value);
            }
        }
        let mut out = vec![self.code(element)];
        out.extend((list.len() as u32).to_be_bytes());
        out.extend(list.concat());
        out
    }

    fn entries(&mut self, types: &str, depth: u32) -> Vec<u8> {
        let (key_type, value_type) = split_top(types);
        let mut keys: Vec<Vec<u8>> = Vec::new();
        let mut body = Vec::new();
        for _ in 0..self.size(depth) {
            let key = self.value(key_type, depth + 1);
            if !keys.contains(&key) {
                body.extend(&key);
                body.extend(self.value(value_type, depth + 1));
                keys.push(key);
            }
        }
        let mut out = vec![self.code(key_type), self.code(value_type)];
        out.extend((keys.len() as u32).to_be_bytes());
        out.extend(body);
        out
    }

    fn named(&mut self, type_name: &str, depth: u32) -> Vec<u8> {
        let described = self.types.get(type_name).unwrap_or_else(|| panic!("no table for {type_name}")).clone();
        let mut fields: Vec<&FieldDesc> = described.fields.iter().collect();
        match described.kind {
            Kind::Enum => {
                let chosen = self.random.below(described.values.len() as u64) as usize;
                return described.values[chosen].0.to_be_bytes().to_vec();
            }
            Kind::Union => fields = vec![fields[self.random.below(fields.len() as u64) as usize]],
            Kind::Struct | Kind::Exception => {}
        }
        let mut out = Vec::new();
        for field in fields {
            let primitive = matches!(field.type_name.as_str(), "bool" | "i8" | "i16" | "i32" | "i64" | "double");
            // Java writes a primitive without a word in the IDL always, set or not.
            let left_out = match field.requiredness {
                "optional" => self.random.below(4) == 0,
                "default" => !primitive && self.random.below(4) == 0,
                _ => false,
            };
            if !left_out {
                out.push(self.code(&field.type_name));
                out.extend(field.id.to_be_bytes());
                out.extend(self.value(&field.type_name, depth + 1));
            }
        }
        out.push(0);
        out
    }

    /// Thrift's number for a type.
    fn code(&self, type_name: &str) -> u8 {
        match type_name.split('<').next().unwrap_or_default() {
            "bool" => 2,
            "i8" => 3,
            "double" => 4,
            "i16" => 6,
            "i32" => 8,
            "i64" => 10,
            "string" | "binary" => 11,
            "map" => 13,
            "set" => 14,
            "list" => 15,
            named if self.types.get(named).is_some_and(|t| t.kind == Kind::Enum) => 8,
            _ => 12,
        }
    }
}

fn counted(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

fn inner(rest: &str) -> &str {
    rest.strip_suffix('>').unwrap_or_else(|| panic!("no end of the container in {rest}"))
}

/// Splits `list<i64>,map<a,b>` at the comma that is not inside a bracket.
fn split_top(types: &str) -> (&str, &str) {
    let mut open = 0;
    for (at, c) in types.char_indices() {
        match c {
            '<' => open += 1,
            '>' => open -= 1,
            ',' if open == 0 => return (&types[..at], &types[at + 1..]),
            _ => {}
        }
    }
    panic!("no comma in {types}")
}

#[test]
fn random_values_survive_apaches_classes() {
    const EACH: usize = 60;
    let types: BTreeMap<_, _> = describe::all_types().into_iter().map(|t| (t.name, t)).collect();
    let mut writer = Writer { types: types.clone(), random: Random::new(0x5701) };
    let mut sent: Vec<(&TypeDesc, Vec<u8>)> = Vec::new();
    let mut input = Vec::new();
    for described in types.values() {
        let Some(reencode) = described.reencode else { continue };
        for _ in 0..EACH {
            let random = writer.value(described.name, 0);
            let bytes = reencode(&random).unwrap_or_else(|e| panic!("{}: {e:?} in {random:02x?}", described.name));
            // Ours sorts maps and sets and writes what is preset in the IDL; it drops nothing.
            assert!(bytes.len() >= random.len(), "{} lost bytes: {random:02x?} to {bytes:02x?}", described.name);
            input.extend(counted(described.name.as_bytes()));
            input.extend(counted(&bytes));
            sent.push((described, bytes));
        }
    }
    assert!(sent.len() > 60 * EACH, "more types than {}", sent.len() / EACH);

    let dir = tempfile::tempdir().expect("a temporary folder");
    let (in_file, out_file) = (dir.path().join("in"), dir.path().join("out"));
    fs::write(&in_file, &input).expect("written");
    let mut java = peers::java(&[&peers::java_classes().display().to_string(), &peers::storm_client_classpath()]);
    let output = java.arg("thrift.RoundTrip").arg(&in_file).arg(&out_file).output().expect("java runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let output = fs::read(&out_file).expect("java's answers");
    let mut rest = output.as_slice();
    for (described, bytes) in &sent {
        let (status, tail) = rest.split_first().expect("an answer for each value");
        let (length, tail) = tail.split_at(4);
        let length = u32::from_be_bytes(length.try_into().expect("four bytes")) as usize;
        let (answer, tail) = tail.split_at(length);
        rest = tail;
        assert!(*status == 0, "{}: {} for {bytes:02x?}", described.name, String::from_utf8_lossy(answer));
        let reencode = described.reencode.expect("sent only with a codec");
        let back = reencode(answer).unwrap_or_else(|e| panic!("{}: {e:?} in {answer:02x?}", described.name));
        assert!(back == *bytes, "{} changed:\n{bytes:02x?}\n{back:02x?}", described.name);
    }
    assert!(rest.is_empty(), "{} bytes too many from java", rest.len());
}
