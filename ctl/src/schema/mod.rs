//! The shapes of what is printed with `-o json`, as JSON Schema (draft 2020-12), from one table.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::printer::API_VERSION;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// One line of the table of shapes.
#[derive(Debug, PartialEq, Eq)]
struct Shape {
    name: &'static str,
    fields: Vec<Field>,
    /// Whether there may be more fields than these.
    open: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct Field {
    name: &'static str,
    of: &'static str,
    may_miss: bool,
}

/// One line of the table of verbs.
#[derive(Debug, PartialEq, Eq)]
pub struct Verb {
    /// Its words: `zk ls`; `error` stands for what goes to stderr.
    pub path: String,
    pub kinds: Vec<&'static str>,
    pub reads: bool,
}

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|l| !l.is_empty() && !l.starts_with('#'))
}

static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| lines(include_str!("kinds.txt")).map(shape).collect());

static VERBS: LazyLock<Vec<Verb>> = LazyLock::new(|| lines(include_str!("verbs.txt")).map(verb).collect());

fn shape(line: &'static str) -> Shape {
    let mut words = line.split(' ');
    let name = words.next().unwrap_or_default();
    let open = line.ends_with(" +");
    let field = |word: &'static str| {
        let (name, of) = word.split_once(':')?;
        Some(Field { name: name.trim_end_matches('*'), of, may_miss: name.ends_with('*') })
    };
    Shape { name, fields: words.filter_map(field).collect(), open }
}

fn verb(line: &'static str) -> Verb {
    let is_word = |w: &&str| w.starts_with(|c: char| c.is_ascii_lowercase());
    let words: Vec<&'static str> = line.split(' ').collect();
    let path = words.iter().copied().take_while(is_word).collect::<Vec<_>>().join(" ");
    let kinds = words.iter().copied().filter(|w| w.starts_with(|c: char| c.is_ascii_uppercase())).collect();
    Verb { path, kinds, reads: words.contains(&"?") }
}

pub fn verbs() -> &'static [Verb] {
    &VERBS
}

pub fn find(path: &str) -> Option<&'static Verb> {
    VERBS.iter().find(|v| v.path == path)
}

/// The schema of what a verb prints; `None` when it prints no document.
pub fn of(verb: &Verb) -> Option<Value> {
    let mut needed: Vec<&'static str> = Vec::new();
    verb.kinds.iter().for_each(|kind| need(kind, &mut needed));
    let definitions: Map<String, Value> =
        SHAPES.iter().filter(|s| needed.contains(&s.name)).map(|s| (s.name.to_owned(), definition(s))).collect();
    let mut schema = Map::new();
    schema.insert("$schema".into(), DIALECT.into());
    schema.insert("$id".into(), format!("urn:{API_VERSION}:{}", verb.path.replace(' ', ":")).replace('/', ":").into());
    schema.insert("title".into(), format!("{API_VERSION} {}", verb.path).into());
    match &verb.kinds[..] {
        [] => return None,
        [one] => schema.insert("$ref".into(), reference(one)),
        many => schema.insert("oneOf".into(), many.iter().map(|kind| json!({"$ref": reference(kind)})).collect()),
    };
    schema.insert("$defs".into(), definitions.into());
    Some(schema.into())
}

fn reference(name: &str) -> Value {
    format!("#/$defs/{name}").into()
}

/// A shape with those that it is made of.
fn need(name: &'static str, needed: &mut Vec<&'static str>) {
    let Some(shape) = SHAPES.iter().find(|s| s.name == name) else { return };
    if needed.contains(&name) {
        return;
    }
    needed.push(name);
    for field in &shape.fields {
        need(field.of.trim_matches(['[', ']', '{', '}', '?']), needed);
    }
}

fn definition(shape: &Shape) -> Value {
    let mut properties = Map::new();
    let mut required: Vec<&str> = Vec::new();
    if is_document(shape.name) {
        properties.insert("apiVersion".into(), json!({"const": API_VERSION}));
        properties.insert("kind".into(), json!({"const": shape.name}));
        required.extend(["apiVersion", "kind"]);
        properties
            .insert("time".into(), json!({"type": "string", "format": "date-time", "description": "with --watch"}));
    }
    for field in &shape.fields {
        properties.insert(field.name.into(), of_type(field.of));
        if !field.may_miss {
            required.push(field.name);
        }
    }
    let mut object = json!({"type": "object", "properties": properties, "required": required});
    if shape.open {
        object["description"] = "more fields than these, by what was done".into();
    }
    object
}

/// Whether it is printed, and not only a part of something.
fn is_document(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
}

fn of_type(of: &str) -> Value {
    if let Some(inner) = of.strip_suffix('?') {
        return json!({"anyOf": [of_type(inner), {"type": "null"}]});
    }
    if let Some(inner) = of.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        return json!({"type": "array", "items": of_type(inner)});
    }
    if let Some(inner) = of.strip_prefix('{').and_then(|t| t.strip_suffix('}')) {
        return json!({"type": "object", "additionalProperties": of_type(inner)});
    }
    match of {
        "string" | "integer" | "number" | "boolean" => json!({"type": of}),
        "any" => json!(true),
        "time" => json!({"type": "string", "format": "date-time"}),
        words if words.contains('|') => json!({"enum": words.split('|').collect::<Vec<_>>()}),
        shape => json!({"$ref": reference(shape)}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_line_becomes_a_schema() {
        let of_field = |text| of_type(text);
        assert_eq!(
            of_field("[string]?"),
            json!({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]})
        );
        assert_eq!(of_field("{integer}"), json!({"type": "object", "additionalProperties": {"type": "integer"}}));
        assert_eq!(of_field("a|b"), json!({"enum": ["a", "b"]}));
        let schema = of(find("list").unwrap()).unwrap();
        assert_eq!(schema["$ref"], "#/$defs/TopologyList");
        assert_eq!(schema["$defs"]["TopologyList"]["properties"]["apiVersion"]["const"], API_VERSION);
        assert_eq!(schema["$defs"].as_object().unwrap().len(), 2, "only what is needed");
        assert_eq!(of(find("agent events").unwrap()), None);
        assert_eq!(of(find("submit").unwrap()).unwrap()["oneOf"][1]["$ref"], "#/$defs/Plan");
    }

    #[test]
    fn every_verb_says_what_it_prints_and_whether_it_only_looks() {
        let command = crate::cli::command();
        let mut paths = BTreeSet::new();
        crate::cli::walk(&command, &mut |path, verb| {
            if !verb.get_subcommands().any(|s| !s.is_hide_set()) {
                paths.insert(path.to_owned());
            }
        });
        let table: BTreeSet<String> = verbs().iter().map(|v| v.path.clone()).filter(|p| p != "error").collect();
        assert_eq!(table, paths);
    }

    /// Every type of the table is one, and every report of the sources is in the table.
    #[test]
    fn the_table_is_whole() {
        let names: BTreeSet<&str> = SHAPES.iter().map(|s| s.name).collect();
        assert_eq!(names.len(), SHAPES.len(), "a name stands for two shapes");
        for field in SHAPES.iter().flat_map(|s| &s.fields) {
            let inner = field.of.trim_matches(['[', ']', '{', '}', '?']);
            let plain =
                ["string", "integer", "number", "boolean", "any", "time"].contains(&inner) || inner.contains('|');
            assert!(plain || names.contains(inner), "{} is of no known type {inner}", field.name);
        }
        let printed: BTreeSet<&str> = verbs().iter().flat_map(|v| v.kinds.iter().copied()).collect();
        let documents: BTreeSet<&str> = names.iter().copied().filter(|n| is_document(n)).collect();
        assert_eq!(printed, documents, "what verbs print, and what there is");
        for shape in SHAPES.iter().filter(|s| is_document(s.name)) {
            assert!(!shape.fields.iter().any(|f| f.name == "kind"), "{} has a kind already", shape.name);
        }
        let mut kinds = BTreeSet::new();
        kinds_of(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut kinds);
        kinds.extend(["Error".to_owned(), "Warning".to_owned()]);
        assert_eq!(kinds, documents.iter().map(|d| (*d).to_owned()).collect());
    }

    fn kinds_of(dir: &std::path::Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            if entry.path().is_dir() {
                kinds_of(&entry.path(), found);
                continue;
            }
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            let mark = format!("const KIND: &'static str = {}", '"');
            found.extend(text.split(&mark).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned));
        }
    }
}
