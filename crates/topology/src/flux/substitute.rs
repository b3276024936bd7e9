//! `${name}` in a Flux file, replaced line by line before the YAML is read.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use storm_conf::Mark;

use super::error::{FluxProblem, Spot};

/// What `${...}` stands for.
#[derive(Debug, Clone, Default)]
pub struct FluxOptions {
    /// `-f FILE`: the properties.
    pub properties: BTreeMap<String, String>,
    /// `-e`: the environment for `${ENV-NAME}`; without it such a name is a property like others.
    pub environment: Option<BTreeMap<String, String>>,
}

/// Java's properties format: `key=value`, `key: value` or `key value`, comments with `#` or `!`, continued lines with `\`.
pub fn parse_properties(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let mut line = line.trim_start().to_owned();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        while line.ends_with('\\') && !line.ends_with("\\\\") {
            line.pop();
            match lines.next() {
                Some(next) => line.push_str(next.trim_start()),
                None => break,
            }
        }
        let (key, value) = match line.find(['=', ':', ' ', '\t']) {
            None => (line.as_str(), ""),
            Some(end) => {
                let rest = line[end..].trim_start();
                (&line[..end], rest.strip_prefix(['=', ':']).unwrap_or(rest).trim_start())
            }
        };
        found.insert(key.to_owned(), value.replace("\\\\", "\\"));
    }
    found
}

pub(super) fn substitute(
    text: &str,
    file: &Arc<PathBuf>,
    options: &FluxOptions,
    problems: &mut Vec<FluxProblem>,
) -> String {
    let mut out = String::with_capacity(text.len());
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if line.trim_start().starts_with('#') {
            out.push_str(line);
            continue;
        }
        let mut rest = line;
        while let Some(start) = rest.find("${") {
            let (before, after) = rest.split_at(start);
            out.push_str(before);
            let Some(end) = after.find('}') else {
                rest = after;
                break;
            };
            let name = &after[2..end];
            match options.value(name) {
                Some(value) => out.push_str(&value),
                None => {
                    let column = line.len() - rest.len() + start + 1;
                    let spot = Spot { file: file.clone(), mark: Mark { line: number + 1, column } };
                    problems.push(FluxProblem { spot, message: options.missing(name) });
                    out.push_str(&after[..=end]);
                }
            }
            rest = &after[end + 1..];
        }
        out.push_str(rest);
    }
    out
}

impl FluxOptions {
    fn value(&self, name: &str) -> Option<String> {
        if let (Some(environment), Some(variable)) = (&self.environment, name.strip_prefix("ENV-")) {
            return environment.get(variable).cloned();
        }
        if let Some(value) = self.properties.get(name) {
            return Some(value.clone());
        }
        // `${list[2]}`: an element of a property like `[ "a", "b", "c" ]`.
        let (list, index) = name.strip_suffix(']')?.split_once('[')?;
        let index: usize = index.trim().parse().ok()?;
        let items = self.properties.get(list)?.trim().strip_prefix('[')?.strip_suffix(']')?;
        Some(items.split(',').nth(index)?.trim().trim_matches('"').to_owned())
    }

    fn missing(&self, name: &str) -> String {
        match name.strip_prefix("ENV-") {
            Some(variable) if self.environment.is_some() => format!("the environment has no {variable}"),
            Some(variable) => format!("${{{name}}}: add --env-filter (-e) to take {variable} from the environment"),
            None if self.properties.is_empty() => {
                format!("${{{name}}} has no value: name a file of properties with --filter (-f)")
            }
            None => format!("${{{name}}} is not in the properties"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lists_and_the_environment() {
        let properties = parse_properties("# c\nname = words\nlist: [ \"a\", \"b c\" ]\nlong=1\\\n  2\nempty\n");
        assert_eq!(properties["long"], "12");
        assert_eq!(properties["empty"], "");
        let environment = Some([("HOME".to_owned(), "/h".to_owned())].into());
        let options = FluxOptions { properties, environment };
        let mut problems = Vec::new();
        let file = Arc::new(PathBuf::from("t.yaml"));
        let text = "a: ${name}-${name}\n# ${no}\nb: ${list[1]} ${ENV-HOME}\nc: x ${no}\nd: ${open\n";
        let out = substitute(text, &file, &options, &mut problems);
        assert_eq!(out, "a: words-words\n# ${no}\nb: b c /h\nc: x ${no}\nd: ${open\n");
        let places: Vec<String> = problems.iter().map(|p| p.spot.to_string()).collect();
        assert_eq!(places, ["t.yaml:4:6"]);
    }
}
