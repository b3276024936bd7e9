//! Paths: with variables that nobody replaces, relative ones, and those that the system empties.

use storm_conf::schema::{self, Role};

use super::document::Document;
use crate::edit::quoted;
use crate::finding::{Finding, Level};
use crate::host::Host;

/// Relative to something else than the home.
const ELSEWHERE: &[&str] =
    &["storm.workers.artifacts.dir", "storm.metricstore.rocksdb.location", "drpc.authorizer.acl.filename"];
/// Where the state lies that must outlive a restart of the machine.
const STATE: &[&str] =
    &["storm.local.dir", "dev.zookeeper.path", "blobstore.dir", "storm.metricstore.rocksdb.location"];

pub(super) fn check(document: &Document<'_>, host: &Host) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in document.entries() {
        let Some(key) = schema::key(&entry.key).filter(|k| k.role.is_path()) else { continue };
        let value = entry.value.to_value();
        let Some(path) = value.as_str() else { continue };
        if let Some(variable) = variable(path) {
            findings.push(unexpanded(document, &entry.key, &entry.value, path, variable, host));
        } else if path.starts_with('~') {
            let message = format!("{}: nobody replaces ~, so a folder of that name would be made", entry.key);
            let finding = document.at(Level::Error, "config/unexpanded", &entry.value, message).found(quoted(path));
            findings.push(finding.hint("write the whole path"));
        } else if path.is_empty() {
            let message = format!("{} is empty", entry.key);
            findings
                .push(document.at(Level::Warning, "config/empty-value", &entry.value, message).hint("remove the key"));
        } else if !path.starts_with('/') && key.role == Role::Dir && !ELSEWHERE.contains(&key.name) {
            findings.push(relative(document, &entry.key, &entry.value, path, host));
        } else if STATE.contains(&key.name) && host.is_temporary(path.as_ref()) {
            let message =
                format!("{}: what is in {path} does not outlive a restart of this machine or a clean-up", entry.key);
            let finding = document.at(Level::Warning, "config/tmp-path", &entry.value, message);
            findings.push(finding.hint("choose a folder such as /var/lib/storm"));
        }
    }
    findings
}

/// The first variable of a path, with its signs.
fn variable(path: &str) -> Option<&str> {
    if let Some(start) = path.find("${") {
        let end = path[start..].find('}').map_or(path.len(), |e| start + e + 1);
        return Some(&path[start..end]);
    }
    let start = path.find('$')?;
    let name =
        path[start + 1..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(path.len() - start - 1);
    (name > 0).then(|| &path[start..start + 1 + name])
}

fn unexpanded(
    document: &Document<'_>,
    key: &str,
    node: &storm_conf::YamlNode,
    path: &str,
    variable: &str,
    host: &Host,
) -> Finding {
    let name = variable.trim_start_matches(['$', '{']).trim_end_matches('}');
    let value = match name.split_once(':') {
        Some(("sys" | "conf", name)) => document.text(name),
        Some(("env", name)) => host.environment.get(name).cloned(),
        Some(_) => None,
        None => host.environment.get(name).cloned().or_else(|| document.text(name)),
    };
    let message = format!("{key}: nobody replaces {variable}, so a folder of that name would be made");
    let finding = document.at(Level::Error, "config/unexpanded", node, message).found(quoted(path));
    let whole = value.filter(|v| !v.is_empty() && !v.contains('$')).map(|v| path.replace(variable, &v));
    match whole {
        Some(whole) => finding.fix(format!("write {}", quoted(&whole)), document.replace(node, quoted(&whole))),
        None => finding.hint(format!("{name} is not defined here: write the whole path")),
    }
}

fn relative(document: &Document<'_>, key: &str, node: &storm_conf::YamlNode, path: &str, host: &Host) -> Finding {
    let Some(whole) = host.resolve(path) else {
        let message = format!("{key}: {path} is below the home of whichever installation reads it");
        return document.at(Level::Note, "config/relative-path", node, message).hint("write the whole path");
    };
    let whole = whole.display().to_string();
    let message = format!("{key}: {path} is relative; for this installation it is {whole}");
    let finding = document.at(Level::Warning, "config/relative-path", node, message);
    finding.fix(format!("write {}", quoted(&whole)), document.replace(node, quoted(&whole)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_every_form() {
        for (path, found) in [
            ("/a/${x.y}/b", Some("${x.y}")),
            ("${env:HOME}", Some("${env:HOME}")),
            ("/a/$HOME/b", Some("$HOME")),
            ("/a/${open", Some("${open")),
            ("/a/price$", None),
            ("/a/b", None),
        ] {
            assert_eq!(variable(path), found, "{path}");
        }
    }
}
