//! Which built-in component, with which arguments: data that travels in the component's configuration.

use serde_json::{Map, Value, json};

use super::{CountBolt, FileBolt, LinesSpout, PrintBolt, SplitBolt};
use crate::component::ComponentInstance;

/// The key of a component's configuration that makes it a built-in one.
pub const BUILTIN_KEY: &str = "topology.component.builtin";

/// All words that [`Builtin::from_json`] knows as `type`.
pub const BUILTIN_NAMES: &[&str] = &["lines", "split", "count", "print", "file"];

/// A built-in component and its arguments.
#[derive(Debug, Clone, PartialEq)]
pub enum Builtin {
    /// A spout that emits the lines of files as `line`, each until it is acked. `-` is the standard input.
    Lines {
        /// Paths on the machine of the worker. Several tasks share the files out.
        files: Vec<String>,
        /// Starts over after the last line.
        repeat: bool,
    },
    /// Emits the words of its input's first field as `word`.
    Split,
    /// Counts the values of its input's first field; emits `word` and `count` for each.
    Count,
    /// Writes its input's values to the standard output, which is the log in a worker.
    Print,
    /// Appends its input's values to a file, separated by tabs.
    File {
        /// Path on the machine of the worker. Of several tasks each has a file of its own, `<path>.<task index>`.
        path: String,
    },
}

/// A built-in component that is described wrongly.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BuiltinError {
    /// There is no such component.
    #[error("there is no built-in component {0:?}; there are {names}", names = BUILTIN_NAMES.join(", "))]
    Unknown(String),
    /// An argument is missing, wrong or unknown.
    #[error("built-in component {name:?}: {why}")]
    Argument {
        /// The component.
        name: String,
        /// What is wrong.
        why: String,
    },
}

impl BuiltinError {
    /// The stable code word.
    pub fn code(&self) -> &'static str {
        "topology/builtin"
    }
}

impl Builtin {
    /// Reads what [`Builtin::to_json`] writes.
    pub fn from_json(spec: &Value) -> Result<Builtin, BuiltinError> {
        let map = spec.as_object().ok_or_else(|| BuiltinError::Unknown(spec.to_string()))?;
        let name = map.get("type").and_then(Value::as_str).ok_or_else(|| BuiltinError::Unknown(spec.to_string()))?;
        let mut arguments = map.clone();
        arguments.remove("type");
        Builtin::from_arguments(name, arguments)
    }

    /// A built-in component by its name.
    pub fn from_arguments(name: &str, mut arguments: Map<String, Value>) -> Result<Builtin, BuiltinError> {
        let wrong = |why: String| BuiltinError::Argument { name: name.to_owned(), why };
        let builtin = match name {
            "lines" => {
                let files = match arguments.remove("files") {
                    Some(Value::String(one)) => vec![one],
                    Some(Value::Array(list)) if !list.is_empty() => list
                        .into_iter()
                        .map(|v| match v {
                            Value::String(path) => Ok(path),
                            other => Err(wrong(format!("files must be paths, not {other}"))),
                        })
                        .collect::<Result<_, _>>()?,
                    _ => return Err(wrong("files must be a list of paths (- is the standard input)".to_owned())),
                };
                let repeat = match arguments.remove("repeat") {
                    None | Some(Value::Null) => false,
                    Some(Value::Bool(b)) => b,
                    Some(other) => return Err(wrong(format!("repeat must be true or false, not {other}"))),
                };
                if repeat && files.iter().any(|f| f == "-") {
                    return Err(wrong("the standard input cannot be repeated".to_owned()));
                }
                Builtin::Lines { files, repeat }
            }
            "split" => Builtin::Split,
            "count" => Builtin::Count,
            "print" => Builtin::Print,
            "file" => match arguments.remove("path") {
                Some(Value::String(path)) if !path.is_empty() => Builtin::File { path },
                _ => return Err(wrong("path must be the path of the file to append to".to_owned())),
            },
            other => return Err(BuiltinError::Unknown(other.to_owned())),
        };
        match arguments.keys().next() {
            Some(unknown) => Err(wrong(format!("there is no argument {unknown:?}"))),
            None => Ok(builtin),
        }
    }

    /// The description that goes into the component's configuration.
    pub fn to_json(&self) -> Value {
        match self {
            Builtin::Lines { files, repeat } => json!({"type": "lines", "files": files, "repeat": repeat}),
            Builtin::Split => json!({"type": "split"}),
            Builtin::Count => json!({"type": "count"}),
            Builtin::Print => json!({"type": "print"}),
            Builtin::File { path } => json!({"type": "file", "path": path}),
        }
    }

    /// The fields of its default stream; none for a component at the end.
    pub fn outputs(&self) -> &'static [&'static str] {
        match self {
            Builtin::Lines { .. } => &["line"],
            Builtin::Split => &["word"],
            Builtin::Count => &["word", "count"],
            Builtin::Print | Builtin::File { .. } => &[],
        }
    }

    /// Whether it is a spout.
    pub fn is_spout(&self) -> bool {
        matches!(self, Builtin::Lines { .. })
    }

    /// An instance for one task.
    pub fn create(&self) -> ComponentInstance {
        match self {
            Builtin::Lines { files, repeat } => ComponentInstance::spout(LinesSpout::new(files.clone(), *repeat)),
            Builtin::Split => ComponentInstance::bolt(SplitBolt),
            Builtin::Count => ComponentInstance::bolt(CountBolt::default()),
            Builtin::Print => ComponentInstance::bolt(PrintBolt),
            Builtin::File { path } => ComponentInstance::bolt(FileBolt::new(path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_back() {
        for builtin in [
            Builtin::Lines { files: vec!["a".into(), "-".into()], repeat: false },
            Builtin::Split,
            Builtin::Count,
            Builtin::Print,
            Builtin::File { path: "out".into() },
        ] {
            assert_eq!(Builtin::from_json(&builtin.to_json()), Ok(builtin));
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (spec, part) in [
            (json!({"type": "lines"}), "files"),
            (json!({"type": "lines", "files": [1]}), "not 1"),
            (json!({"type": "lines", "files": "-", "repeat": true}), "standard input"),
            (json!({"type": "file"}), "path"),
            (json!({"type": "split", "by": ","}), "\"by\""),
            (json!({"type": "join"}), "lines, split, count, print, file"),
            (json!("split"), "split"),
        ] {
            let error = Builtin::from_json(&spec).expect_err("wrong").to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
