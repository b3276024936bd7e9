//! What a component's class and arguments mean.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};
use storm_conf::{YamlKind, YamlNode};

use super::error::{FluxProblem, Spot};
use super::model::{Component, Located};
use crate::builtins::{BUILTIN_NAMES, Builtin};

const SHELL_SPOUT: &str = "org.apache.storm.flux.wrappers.spouts.FluxShellSpout";
const SHELL_BOLT: &str = "org.apache.storm.flux.wrappers.bolts.FluxShellBolt";

pub(super) enum Program {
    Builtin(Builtin),
    Shell(Shell),
}

/// A multilang component.
pub(super) struct Shell {
    pub(super) argv: Vec<String>,
    pub(super) streams: BTreeMap<String, Vec<String>>,
    pub(super) conf: Map<String, Value>,
}

/// Understands a component, or says what is wrong with it. Relative paths of built-in components are relative to `dir`.
pub(super) fn program(c: &Component, is_spout: bool, dir: &Path) -> Result<Program, FluxProblem> {
    let problem = |spot: &Spot, message: String| Err(FluxProblem { spot: spot.clone(), message });
    let class = c.class.value.as_str();
    match class {
        SHELL_SPOUT | SHELL_BOLT => {
            if (class == SHELL_SPOUT) != is_spout {
                let list = if is_spout { "spouts" } else { "bolts" };
                return problem(&c.class.spot, format!("{class} may not be among the {list}"));
            }
            shell(c).map(Program::Shell)
        }
        name if BUILTIN_NAMES.contains(&name) => {
            let builtin = builtin(c, name, dir)?;
            if builtin.is_spout() != is_spout {
                let wanted = if is_spout { "no spout" } else { "a spout, not a bolt" };
                return problem(&c.class.spot, format!("the built-in component {name} is {wanted}"));
            }
            Ok(Program::Builtin(builtin))
        }
        _ => problem(&c.class.spot, java(class)),
    }
}

pub(super) fn java(class: &str) -> String {
    format!(
        "{class} is a Java class, which needs the Java client (storm jar ... org.apache.storm.flux.Flux); without Java there are \
         the built-in components {} and the multilang classes {SHELL_SPOUT} and {SHELL_BOLT}",
        BUILTIN_NAMES.join(", ")
    )
}

fn builtin(c: &Component, name: &str, dir: &Path) -> Result<Builtin, FluxProblem> {
    let at = |spot: &Spot| {
        let spot = spot.clone();
        move |message: String| FluxProblem { spot, message }
    };
    let mut arguments = Map::new();
    let parameter = match name {
        "lines" => Some("files"),
        "file" => Some("path"),
        _ => None,
    };
    match (parameter, c.arguments.as_slice()) {
        (_, []) => {}
        (Some(parameter), [one]) => drop(arguments.insert(parameter.to_owned(), one.value.to_value())),
        (_, [.., surplus]) => {
            let takes = if parameter.is_some() { "one argument" } else { "no arguments" };
            return Err(at(&surplus.spot)(format!("the built-in component {name} takes {takes}")));
        }
    }
    for (key, value) in &c.properties {
        arguments.insert(key.clone(), value.value.clone());
    }
    if let Some(method) = c.methods.first() {
        return Err(at(&method.name.spot)(format!(
            "the built-in component {name} has no method {}",
            method.name.value
        )));
    }
    let spot = c.arguments.first().map_or(&c.class.spot, |a| &a.spot);
    let found = Builtin::from_arguments(name, arguments).map_err(|e| at(spot)(e.to_string()))?;
    Ok(match found {
        Builtin::Lines { files, repeat } => {
            let files = files.into_iter().map(|f| if f == "-" { f } else { absolute(dir, &f) }).collect();
            Builtin::Lines { files, repeat }
        }
        Builtin::File { path } => Builtin::File { path: absolute(dir, &path) },
        other => other,
    })
}

fn absolute(dir: &Path, path: &str) -> String {
    let joined = dir.join(path);
    std::path::absolute(&joined).unwrap_or(joined).to_string_lossy().into_owned()
}

fn shell(c: &Component) -> Result<Shell, FluxProblem> {
    let Some(command) = c.arguments.first() else {
        let message = format!("{} needs its command as the first of its constructorArgs", c.class.value);
        return Err(FluxProblem { spot: c.class.spot.clone(), message });
    };
    let argv = texts(command, "the command")?;
    if argv.is_empty() {
        return Err(FluxProblem { spot: command.spot.clone(), message: "the command is empty".to_owned() });
    }
    let mut shell = Shell { argv, streams: BTreeMap::new(), conf: Map::new() };
    if let Some(fields) = c.arguments.get(1) {
        shell.streams.insert("default".to_owned(), texts(fields, "the output fields")?);
    }
    for method in &c.methods {
        match (method.name.value.as_str(), method.arguments.as_slice()) {
            ("setDefaultStream", [fields]) => {
                shell.streams.insert("default".to_owned(), texts(fields, "the output fields")?);
            }
            ("setNamedStream", [name, fields]) => {
                shell.streams.insert(text(name, "the stream's name")?, texts(fields, "the output fields")?);
            }
            ("addComponentConfig", [key, value]) => {
                shell.conf.insert(text(key, "the key")?, value.value.to_value());
            }
            (name, arguments) => {
                let message = format!(
                    "there is no method {name} with {} arguments; there are setDefaultStream(fields), \
                     setNamedStream(name, fields), addComponentConfig(key, value)",
                    arguments.len()
                );
                return Err(FluxProblem { spot: method.name.spot.clone(), message });
            }
        }
    }
    Ok(shell)
}

fn text(node: &Located<YamlNode>, what: &str) -> Result<String, FluxProblem> {
    match &node.value.kind {
        YamlKind::Scalar(Value::String(s)) => Ok(s.clone()),
        YamlKind::Scalar(v @ (Value::Number(_) | Value::Bool(_))) => Ok(v.to_string()),
        _ => Err(FluxProblem { spot: node.spot.clone(), message: format!("{what} must be a text") }),
    }
}

fn texts(node: &Located<YamlNode>, what: &str) -> Result<Vec<String>, FluxProblem> {
    match &node.value.kind {
        YamlKind::Seq(items) => items
            .iter()
            .map(|item| {
                text(&Located { spot: Spot { mark: item.mark, ..node.spot.clone() }, value: item.clone() }, what)
            })
            .collect(),
        YamlKind::Map(_) => {
            Err(FluxProblem { spot: node.spot.clone(), message: format!("{what} must be a list of texts") })
        }
        YamlKind::Scalar(_) => Ok(vec![text(node, what)?]),
    }
}
