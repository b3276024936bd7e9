//! From a definition to a topology and its resources.

use std::path::Path;

use storm_thrift::types::{ComponentObject, Grouping, ShellComponent};

use super::component::{Program, java, program};
use super::error::{FluxError, FluxProblem, Spot};
use super::model::{Component, Definition, Stream};
use super::read::read;
use super::substitute::FluxOptions;
use crate::builder::{BoltDeclarer, Declarer, Topology, TopologyBuilder, partial_key_grouping};
use crate::jar::Resource;
use crate::jar::resources::{beside, script, storm_py, wrapper};
use crate::system::DEFAULT_STREAM;

/// A topology from a Flux file, and the files that belong to it.
#[derive(Clone)]
pub struct FluxTopology {
    /// The topology.
    pub topology: Topology,
    /// What goes under `resources/` of its jar.
    pub resources: Vec<Resource>,
}

const PARTIAL_KEY_CLASS: &str = "org.apache.storm.grouping.PartialKeyGrouping";
const GROUPINGS: &str = "SHUFFLE, FIELDS, ALL, DIRECT, GLOBAL, LOCAL_OR_SHUFFLE, NONE, PARTIAL_KEY";

/// Reads a Flux file. Scripts are looked for in the folder `resources` beside it and beside it; relative paths of built-in
/// components are relative to its folder.
pub fn load(path: &Path, options: &FluxOptions) -> Result<FluxTopology, FluxError> {
    let mut problems = Vec::new();
    let definition = read(path, options, &mut problems);
    if !problems.is_empty() {
        return Err(FluxError { problems });
    }
    let dir = path.parent().unwrap_or(Path::new(""));
    let whole = Spot { file: std::sync::Arc::new(path.to_owned()), mark: storm_conf::Mark { line: 0, column: 0 } };
    let mut build =
        Build { dir, whole, builder: TopologyBuilder::new(), resources: Vec::new(), problems, shells: Vec::new() };
    build.definition(definition);
    build.finish()
}

struct Build<'a> {
    dir: &'a Path,
    whole: Spot,
    builder: TopologyBuilder,
    resources: Vec<Resource>,
    problems: Vec<FluxProblem>,
    shells: Vec<(Spot, Vec<String>)>,
}

/// The outputs of a component, for the check of groupings.
type Outputs = Vec<(String, Vec<String>)>;

impl Build<'_> {
    fn problem(&mut self, spot: &Spot, message: String) {
        self.problems.push(FluxProblem { spot: spot.clone(), message });
    }

    fn definition(&mut self, d: Definition) {
        for (what, spot) in &d.javas {
            let message = match what.as_str() {
                "topologySource" => "a topologySource is Java code, which needs the Java client".to_owned(),
                class => java(class),
            };
            self.problem(spot, message);
        }
        match &d.name {
            Some(name) => drop(self.builder.name(name)),
            None => self.problem(&self.whole.clone(), "the topology has no name".to_owned()),
        }
        for (key, value) in d.config.clone() {
            self.builder.conf(key, value);
        }
        let mut known: Vec<(String, Outputs)> = Vec::new();
        for c in &d.spouts {
            if let Some(program) = self.program(c, true, &known) {
                known.push((c.id.clone(), self.spout(c, program)));
            }
        }
        // Bolts first as data: a stream may come from a bolt that stands further down.
        let mut bolts = Vec::new();
        for c in &d.bolts {
            let streams: Vec<&Stream> = d.streams.iter().filter(|s| s.to.value == c.id).collect();
            if let Some(program) = self.program(c, false, &known) {
                known.push((c.id.clone(), outputs(&program)));
                if streams.is_empty() {
                    tracing::warn!(bolt = %c.id, "no stream leads to this bolt; it is left out");
                } else {
                    bolts.push((c, program, streams));
                }
            }
        }
        let ids: Vec<&str> = d.spouts.iter().chain(&d.bolts).map(|c| c.id.as_str()).collect();
        for s in &d.streams {
            self.check_stream(s, &d, &known, &ids);
        }
        for (c, program, streams) in bolts {
            self.bolt(c, program, &streams);
        }
    }

    fn program(&mut self, c: &Component, is_spout: bool, known: &[(String, Outputs)]) -> Option<Program> {
        if known.iter().any(|(id, _)| *id == c.id) {
            self.problem(&c.spot, format!("the id {} is used twice", c.id));
            return None;
        }
        match program(c, is_spout, self.dir) {
            Ok(program) => Some(program),
            Err(p) => {
                self.problems.push(p);
                None
            }
        }
    }

    fn check_stream(&mut self, s: &Stream, d: &Definition, known: &[(String, Outputs)], ids: &[&str]) {
        let names = || ids.join(", ");
        if !d.bolts.iter().any(|b| b.id == s.to.value) {
            let what = if d.spouts.iter().any(|c| c.id == s.to.value) { "is a spout" } else { "is no bolt" };
            self.problem(&s.to.spot, format!("to: {} {what}; there are {}", s.to.value, names()));
        }
        if !ids.contains(&s.from.value.as_str()) {
            self.problem(&s.from.spot, format!("from: there is no component {}; there are {}", s.from.value, names()));
        }
        // Of a component that could not be understood, nothing more is known.
        let Some((_, outputs)) = known.iter().find(|(id, _)| *id == s.from.value) else { return };
        match outputs.iter().find(|(id, _)| *id == s.stream_id) {
            None => {
                let streams: Vec<&str> = outputs.iter().map(|(id, _)| id.as_str()).collect();
                let has = if streams.is_empty() { "none".to_owned() } else { streams.join(", ") };
                let message = format!("{} has no stream {}; it has {has}", s.from.value, s.stream_id);
                self.problem(&s.from.spot, message);
            }
            Some((_, fields)) => {
                for f in s.fields.iter().filter(|f| !fields.contains(&f.value)) {
                    let message = format!(
                        "stream {} of {} has no field {}; it has {}",
                        s.stream_id,
                        s.from.value,
                        f.value,
                        fields.join(", ")
                    );
                    self.problem(&f.spot, message);
                }
            }
        }
    }

    fn spout(&mut self, c: &Component, program: Program) -> Outputs {
        let outputs = outputs(&program);
        match program {
            Program::Builtin(builtin) => {
                common(self.builder.builtin_spout(&c.id, &builtin), c);
            }
            Program::Shell(shell) => {
                let object = self.shell(c, &shell.argv);
                let declared = with_streams(self.builder.add_spout(c.id.clone(), object), &outputs);
                common(with_conf(declared, shell.conf), c);
            }
        }
        outputs
    }

    fn bolt(&mut self, c: &Component, program: Program, streams: &[&Stream]) {
        let outputs = outputs(&program);
        let mut groupings = Vec::new();
        for s in streams {
            match grouping(s) {
                Ok(g) => groupings.push((s.from.value.clone(), s.stream_id.clone(), g)),
                Err(message) => self.problem(&s.grouping.spot, message),
            }
        }
        let declared: BoltDeclarer<'_> = match program {
            Program::Builtin(builtin) => self.builder.builtin_bolt(&c.id, &builtin),
            Program::Shell(shell) => {
                let object = self.shell(c, &shell.argv);
                with_conf(with_streams(self.builder.add_bolt(c.id.clone(), object), &outputs), shell.conf)
            }
        };
        let mut declared = common(declared, c);
        for (from, stream, g) in groupings {
            declared = declared.grouping(from, stream, g);
        }
    }

    fn shell(&mut self, c: &Component, argv: &[String]) -> ComponentObject {
        let spot = c.arguments.first().map_or(&c.class.spot, |a| &a.spot);
        self.shells.push((spot.clone(), argv.to_vec()));
        let (execution_command, script) = match argv {
            [program, script] => (program.clone(), script.clone()),
            _ => {
                self.resources.push(wrapper(&c.id, argv));
                ("sh".to_owned(), format!("{}.sh", c.id))
            }
        };
        ComponentObject::Shell(ShellComponent { execution_command: Some(execution_command), script: Some(script) })
    }

    fn finish(mut self) -> Result<FluxTopology, FluxError> {
        let whole = self.whole.clone();
        match beside(self.dir) {
            Ok(found) => self.resources.extend(found),
            Err(e) => self.problem(&whole, format!("the resources cannot be read: {e}")),
        }
        for (spot, argv) in std::mem::take(&mut self.shells) {
            match script(&argv, self.dir, &self.resources) {
                Ok(found) => self.resources.extend(found),
                Err(message) => self.problem(&spot, message),
            }
        }
        match storm_py(&self.resources) {
            Ok(found) => self.resources.extend(found),
            Err(e) => self.problem(&whole, format!("a script cannot be read: {e}")),
        }
        let mut problems = self.problems;
        match self.builder.build() {
            Ok(topology) if problems.is_empty() => Ok(FluxTopology { topology, resources: self.resources }),
            Ok(_) => Err(FluxError { problems }),
            Err(e) => {
                // With mistakes that have a place, the rest may only follow from them.
                if problems.is_empty() {
                    let rest = e.problems.iter().map(|p| FluxProblem { spot: whole.clone(), message: p.to_string() });
                    problems.extend(rest);
                }
                Err(FluxError { problems })
            }
        }
    }
}

fn outputs(program: &Program) -> Outputs {
    match program {
        Program::Builtin(b) if b.outputs().is_empty() => Vec::new(),
        Program::Builtin(b) => vec![(DEFAULT_STREAM.to_owned(), b.outputs().iter().map(|f| (*f).to_owned()).collect())],
        Program::Shell(shell) => shell.streams.clone().into_iter().collect(),
    }
}

fn with_streams<'b, K>(mut declared: Declarer<'b, K>, outputs: &Outputs) -> Declarer<'b, K> {
    for (id, fields) in outputs {
        declared = declared.stream(id.clone(), fields.iter().cloned());
    }
    declared
}

fn with_conf<K>(mut declared: Declarer<'_, K>, conf: serde_json::Map<String, serde_json::Value>) -> Declarer<'_, K> {
    for (key, value) in conf {
        declared = declared.conf(key, value);
    }
    declared
}

fn common<'b, K>(mut declared: Declarer<'b, K>, c: &Component) -> Declarer<'b, K> {
    declared = declared.parallelism(c.parallelism);
    if let Some(tasks) = c.tasks {
        declared = declared.tasks(tasks);
    }
    for (key, value) in &c.loads {
        declared = declared.conf(*key, *value);
    }
    declared
}

fn grouping(s: &Stream) -> Result<Grouping, String> {
    use crate::builder::groupings as make;
    let fields = || -> Result<Vec<String>, String> {
        if s.fields.is_empty() {
            return Err(format!("grouping {} needs args, the names of the fields", s.grouping.value));
        }
        Ok(s.fields.iter().map(|f| f.value.clone()).collect())
    };
    Ok(match s.grouping.value.to_ascii_uppercase().as_str() {
        "SHUFFLE" => make::shuffle(),
        "FIELDS" => Grouping::Fields(fields()?),
        "ALL" => make::all(),
        "DIRECT" => make::direct(),
        "GLOBAL" => make::global(),
        "LOCAL_OR_SHUFFLE" => make::local_or_shuffle(),
        "NONE" => make::none(),
        "PARTIAL_KEY" => partial_key_grouping(&fields()?),
        "CUSTOM" => match &s.custom {
            Some(class) if class.value == PARTIAL_KEY_CLASS => partial_key_grouping(&fields()?),
            Some(class) => return Err(java(&class.value)),
            None => return Err("grouping CUSTOM needs a customClass".to_owned()),
        },
        "" => return Err(format!("the grouping needs a type: {GROUPINGS}")),
        other => return Err(format!("there is no grouping {other}; there are {GROUPINGS}")),
    })
}
