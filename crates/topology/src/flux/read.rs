//! From the file's text to its definition, includes merged.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};
use storm_conf::{Level, Mark, YamlEntry, YamlKind, YamlNode, read_yaml};

use super::error::{FluxProblem, Spot};
use super::model::{Component, Definition, Located, Method, Stream, located};
use super::substitute::{FluxOptions, substitute};

const LONGEST: u64 = 16 << 20;
const WHOLE: Mark = Mark { line: 0, column: 0 };

/// Reads a file with its includes. What is wrong goes to `problems`; the rest is still read.
pub(super) fn read(path: &Path, options: &FluxOptions, problems: &mut Vec<FluxProblem>) -> Definition {
    read_file(path, options, problems, true)
}

fn read_file(path: &Path, options: &FluxOptions, problems: &mut Vec<FluxProblem>, includes: bool) -> Definition {
    let file = Arc::new(path.to_owned());
    let mut reader = Reader { file: file.clone(), problems };
    let Some(text) = reader.text() else { return Definition::default() };
    let text = substitute(&text, &file, options, reader.problems);
    let (node, faults) = read_yaml(&text);
    // A number as a key is a key; the rest of what a reader may overlook is refused in a topology.
    for fault in faults.into_iter().filter(|f| f.level == Level::Error || f.code != "config/key") {
        let fix = fault.fix.map_or_else(String::new, |fix| format!("; {fix}"));
        reader.problem(fault.mark, format!("{}{fix}", fault.message));
    }
    let Some(node) = node else {
        reader.problem(WHOLE, "the file is empty".to_owned());
        return Definition::default();
    };
    let mut definition = Definition::default();
    let mut included = Vec::new();
    for entry in reader.entries(&node, "a topology") {
        reader.top_level(entry, &mut definition, &mut included);
    }
    if !includes {
        return definition;
    }
    let dir = path.parent().unwrap_or(Path::new(""));
    for include in included {
        let path = dir.join(&include.file.value);
        if !path.is_file() {
            problems
                .push(FluxProblem { spot: include.file.spot, message: format!("there is no file {}", path.display()) });
            continue;
        }
        let other = read_file(&path, options, problems, false);
        merge(&mut definition, other, include.overrides);
    }
    definition
}

struct Include {
    file: Located<String>,
    overrides: bool,
}

fn merge(into: &mut Definition, other: Definition, overrides: bool) {
    if other.name.is_some() && (overrides || into.name.is_none()) {
        into.name = other.name;
    }
    for (key, value) in other.config {
        if overrides || !into.config.contains_key(&key) {
            into.config.insert(key, value);
        }
    }
    let components = |into: &mut Vec<Component>, other: Vec<Component>| {
        for component in other {
            match into.iter_mut().find(|c| c.id == component.id) {
                None => into.push(component),
                Some(own) if overrides => *own = component,
                Some(_) => tracing::warn!(id = %component.id, "an included component is already there and left out"),
            }
        }
    };
    components(&mut into.spouts, other.spouts);
    components(&mut into.bolts, other.bolts);
    into.streams.extend(other.streams);
    into.javas.extend(other.javas);
}

struct Reader<'p> {
    file: Arc<PathBuf>,
    problems: &'p mut Vec<FluxProblem>,
}

impl Reader<'_> {
    fn text(&mut self) -> Option<String> {
        let path = self.file.clone();
        let read = || -> std::io::Result<String> {
            if path.metadata()?.len() > LONGEST {
                return Err(std::io::Error::other(format!("it is larger than {} MiB", LONGEST >> 20)));
            }
            std::fs::read_to_string(path.as_ref())
        };
        read().map_err(|e| self.problem(WHOLE, format!("cannot be read: {e}"))).ok()
    }

    fn spot(&self, mark: Mark) -> Spot {
        Spot { file: self.file.clone(), mark }
    }

    fn problem(&mut self, mark: Mark, message: String) {
        let spot = self.spot(mark);
        self.problems.push(FluxProblem { spot, message });
    }

    fn wrong(&mut self, node: &YamlNode, what: &str, wanted: &str) {
        let found = match &node.kind {
            YamlKind::Scalar(v) => v.to_string(),
            YamlKind::Seq(_) => "a list".to_owned(),
            YamlKind::Map(_) => "a map".to_owned(),
        };
        self.problem(node.mark, format!("{what} must be {wanted}, not {found}"));
    }

    fn entries<'n>(&mut self, node: &'n YamlNode, what: &str) -> &'n [YamlEntry] {
        match &node.kind {
            YamlKind::Map(entries) => entries,
            YamlKind::Scalar(Value::Null) => &[],
            _ => {
                self.wrong(node, what, "a map");
                &[]
            }
        }
    }

    fn items<'n>(&mut self, node: &'n YamlNode, what: &str) -> &'n [YamlNode] {
        match &node.kind {
            YamlKind::Seq(items) => items,
            YamlKind::Scalar(Value::Null) => &[],
            _ => {
                self.wrong(node, what, "a list");
                &[]
            }
        }
    }

    fn string(&mut self, node: &YamlNode, what: &str) -> Option<Located<String>> {
        let spot = self.spot(node.mark);
        match &node.kind {
            YamlKind::Scalar(Value::String(s)) => Some(located(spot, s.clone())),
            // A number or a truth value is text where text is wanted, as in Java's bean mapping.
            YamlKind::Scalar(v @ (Value::Number(_) | Value::Bool(_))) => Some(located(spot, v.to_string())),
            _ => {
                self.wrong(node, what, "a text");
                None
            }
        }
    }

    fn int(&mut self, node: &YamlNode, what: &str) -> Option<i32> {
        let n = match &node.kind {
            YamlKind::Scalar(v) => v.as_i64().and_then(|n| i32::try_from(n).ok()),
            _ => None,
        };
        if n.is_none() {
            self.wrong(node, what, "a whole number");
        }
        n
    }

    fn float(&mut self, node: &YamlNode, what: &str) -> Option<f64> {
        let n = match &node.kind {
            YamlKind::Scalar(v) => v.as_f64(),
            _ => None,
        };
        if n.is_none() {
            self.wrong(node, what, "a number");
        }
        n
    }

    fn bool(&mut self, node: &YamlNode, what: &str) -> Option<bool> {
        let b = match &node.kind {
            YamlKind::Scalar(v) => v.as_bool(),
            _ => None,
        };
        if b.is_none() {
            self.wrong(node, what, "true or false");
        }
        b
    }

    fn unknown(&mut self, entry: &YamlEntry, of: &str, known: &[&str]) {
        self.problem(entry.key_mark, format!("{of} has no key {:?}; known are {}", entry.key, known.join(", ")));
    }

    fn top_level(&mut self, entry: &YamlEntry, definition: &mut Definition, includes: &mut Vec<Include>) {
        let node = &entry.value;
        match entry.key.as_str() {
            "name" => definition.name = self.string(node, "name").map(|l| l.value),
            "config" => {
                let mut config = Map::new();
                for e in self.entries(node, "config") {
                    config.insert(e.key.clone(), e.value.to_value());
                }
                definition.config = config;
            }
            "spouts" => definition.spouts = self.components(node, "spouts"),
            "bolts" => definition.bolts = self.components(node, "bolts"),
            "streams" => {
                for item in self.items(node, "streams") {
                    let stream = self.stream(item);
                    definition.streams.extend(stream);
                }
            }
            "includes" => {
                for item in self.items(node, "includes") {
                    let include = self.include(item);
                    includes.extend(include);
                }
            }
            "components" | "workerHooks" => {
                for item in self.items(node, &entry.key) {
                    let class = self.entries(item, "an object").iter().find(|e| e.key == "className");
                    if let Some(class) = class.and_then(|e| self.string(&e.value, "className")) {
                        definition.javas.push((class.value, class.spot));
                    }
                }
            }
            "topologySource" => definition.javas.push(("topologySource".to_owned(), self.spot(entry.key_mark))),
            _ => self.unknown(
                entry,
                "a topology",
                &[
                    "name",
                    "config",
                    "components",
                    "includes",
                    "spouts",
                    "bolts",
                    "streams",
                    "workerHooks",
                    "topologySource",
                ],
            ),
        }
    }

    fn include(&mut self, node: &YamlNode) -> Option<Include> {
        let mut file = None;
        let mut overrides = false;
        for e in self.entries(node, "an include") {
            match e.key.as_str() {
                "file" => file = self.string(&e.value, "file"),
                "override" => overrides = self.bool(&e.value, "override").unwrap_or(false),
                // A file on Java's class path or not: here it is one beside this file either way.
                "resource" => drop(self.bool(&e.value, "resource")),
                _ => self.unknown(e, "an include", &["file", "override", "resource"]),
            }
        }
        if file.is_none() {
            self.problem(node.mark, "an include needs a file".to_owned());
        }
        Some(Include { file: file?, overrides })
    }

    fn components(&mut self, node: &YamlNode, what: &str) -> Vec<Component> {
        let items = self.items(node, what);
        items.iter().filter_map(|item| self.component(item)).collect()
    }

    fn component(&mut self, node: &YamlNode) -> Option<Component> {
        const KNOWN: &[&str] = &[
            "id",
            "className",
            "constructorArgs",
            "properties",
            "configMethods",
            "parallelism",
            "numTasks",
            "onHeapMemoryLoad",
            "offHeapMemoryLoad",
            "cpuLoad",
            "factory",
            "factoryArgs",
        ];
        let (mut id, mut class) = (None, None);
        let (mut arguments, mut properties, mut methods) = (Vec::new(), Vec::new(), Vec::new());
        let (mut parallelism, mut tasks, mut loads) = (1, None, Vec::new());
        let load_keys = [
            ("onHeapMemoryLoad", "topology.component.resources.onheap.memory.mb"),
            ("offHeapMemoryLoad", "topology.component.resources.offheap.memory.mb"),
            ("cpuLoad", "topology.component.cpu.pcore.percent"),
        ];
        for e in self.entries(node, "a component") {
            match e.key.as_str() {
                "id" => id = self.string(&e.value, "id"),
                "className" => class = self.string(&e.value, "className"),
                "constructorArgs" => arguments = self.arguments(&e.value, "constructorArgs"),
                "properties" => properties = self.properties(&e.value),
                "configMethods" => methods = self.methods(&e.value),
                "parallelism" => parallelism = self.int(&e.value, "parallelism").unwrap_or(1),
                "numTasks" => tasks = self.int(&e.value, "numTasks").filter(|n| *n >= 0),
                "factory" | "factoryArgs" => self.problem(e.key_mark, format!("{} is for Java classes only", e.key)),
                key => match load_keys.iter().find(|(name, _)| *name == key) {
                    Some((_, conf)) => {
                        loads.extend(self.float(&e.value, key).filter(|n| *n >= 0.0).map(|n| (*conf, n)));
                    }
                    None => self.unknown(e, "a component", KNOWN),
                },
            }
        }
        for (there, what) in [(id.is_some(), "an id"), (class.is_some(), "a className")] {
            if !there {
                self.problem(node.mark, format!("a component needs {what}"));
            }
        }
        let (id, class) = (id?, class?);
        if parallelism < 1 {
            self.problem(node.mark, format!("the parallelism of {} is {parallelism}; it must be at least 1", id.value));
            parallelism = 1;
        }
        Some(Component {
            spot: id.spot,
            id: id.value,
            class,
            arguments,
            properties,
            methods,
            parallelism,
            tasks,
            loads,
        })
    }

    fn arguments(&mut self, node: &YamlNode, what: &str) -> Vec<Located<YamlNode>> {
        let items = self.items(node, what);
        items.iter().map(|item| located(self.spot(item.mark), item.clone())).collect()
    }

    fn properties(&mut self, node: &YamlNode) -> Vec<(String, Located<Value>)> {
        let mut found = Vec::new();
        for item in self.items(node, "properties") {
            let (mut name, mut value) = (None, None);
            for e in self.entries(item, "a property") {
                match e.key.as_str() {
                    "name" => name = self.string(&e.value, "name"),
                    "value" => value = Some(located(self.spot(e.value.mark), e.value.to_value())),
                    "ref" => self.problem(e.key_mark, "ref is for Java objects only".to_owned()),
                    _ => self.unknown(e, "a property", &["name", "value", "ref"]),
                }
            }
            match (name, value) {
                (Some(name), Some(value)) => found.push((name.value, value)),
                _ => self.problem(item.mark, "a property needs a name and a value".to_owned()),
            }
        }
        found
    }

    fn methods(&mut self, node: &YamlNode) -> Vec<Method> {
        let mut found = Vec::new();
        for item in self.items(node, "configMethods") {
            let (mut name, mut arguments) = (None, Vec::new());
            for e in self.entries(item, "a method") {
                match e.key.as_str() {
                    "name" => name = self.string(&e.value, "name"),
                    "args" => arguments = self.arguments(&e.value, "args"),
                    _ => self.unknown(e, "a method", &["name", "args"]),
                }
            }
            match name {
                Some(name) => found.push(Method { name, arguments }),
                None => self.problem(item.mark, "a method needs a name".to_owned()),
            }
        }
        found
    }

    fn stream(&mut self, node: &YamlNode) -> Option<Stream> {
        let (mut from, mut to, mut grouping) = (None, None, None);
        for e in self.entries(node, "a stream") {
            match e.key.as_str() {
                // A comment, in Flux.
                "name" | "id" => {}
                "from" => from = self.string(&e.value, "from"),
                "to" => to = self.string(&e.value, "to"),
                "grouping" => grouping = Some(&e.value),
                _ => self.unknown(e, "a stream", &["name", "from", "to", "grouping"]),
            }
        }
        for (there, what) in [(from.is_some(), "from"), (to.is_some(), "to"), (grouping.is_some(), "grouping")] {
            if !there {
                self.problem(node.mark, format!("a stream needs {what}"));
            }
        }
        let mut stream = Stream {
            from: from?,
            to: to?,
            grouping: located(self.spot(grouping?.mark), String::new()),
            stream_id: "default".to_owned(),
            fields: Vec::new(),
            custom: None,
        };
        for e in self.entries(grouping?, "grouping") {
            match e.key.as_str() {
                "type" => stream.grouping = self.string(&e.value, "type")?,
                "streamId" => stream.stream_id = self.string(&e.value, "streamId")?.value,
                "args" => {
                    for item in self.items(&e.value, "args") {
                        let field = self.string(item, "a field");
                        stream.fields.extend(field);
                    }
                }
                "customClass" => {
                    let class = self.entries(&e.value, "customClass").iter().find(|c| c.key == "className");
                    stream.custom = class.and_then(|c| self.string(&c.value, "className"));
                }
                _ => self.unknown(e, "a grouping", &["type", "streamId", "args", "customClass"]),
            }
        }
        Some(stream)
    }
}
