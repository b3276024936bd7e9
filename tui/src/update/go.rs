//! From view to view: going in, coming back, and what `:` means.

use super::acts::{self, words};
use super::normal;
use crate::data::Severity;
use crate::dialog::{Confirm, Mode};
use crate::message::{Cmd, Run};
use crate::model::Model;
use crate::text::quoted;
use crate::verb::Effect;
use crate::views::{NAMED, View};

/// What Enter does.
pub fn open(model: &mut Model) -> Vec<Cmd> {
    let Some(key) = model.selected().map(str::to_owned) else { return Vec::new() };
    match model.view().clone() {
        View::Topologies => go_topology(model, &key),
        View::Topology { id, name } => model.go(View::Component { id, name, component: key }),
        View::Slots => {
            let worker = model.facts.workers.iter().flatten().find(|w| format!("{}:{}", w.host, w.port) == key);
            if let Some(id) = worker.map(|w| w.topology_id.clone()) {
                go_topology(model, &id);
            }
        }
        View::Supervisors => {
            let host = model.facts.cluster().0.and_then(|c| c.supervisors.iter().find(|s| s.id == key));
            if let Some(host) = host.map(|s| s.host.clone()) {
                model.go(View::Slots);
                normal::set_filter(model, &host);
            }
        }
        View::Zookeeper { path } => {
            let path = if path == "/" { format!("/{key}") } else { format!("{path}/{key}") };
            model.go(View::Zookeeper { path });
        }
        View::Processes => {
            let process = model.facts.processes.iter().flatten().find(|p| p.key() == key);
            if let Some(id) = process.map(|p| p.topology.clone()).filter(|t| !t.is_empty()) {
                go_topology(model, &id);
            }
        }
        View::Errors => {
            if let Some((topology, component)) = key.split_once('/') {
                let component = component.to_owned();
                if let Some((id, name)) = named(model, topology) {
                    model.go(View::Component { id, name, component });
                }
            }
        }
        View::Overview | View::Findings => show_finding(model, &key),
        View::Config => {
            let setting = model.facts.settings.iter().flat_map(|s| &s.settings).find(|s| s.key == key).cloned();
            if let Some(s) = setting.filter(|_| model.has_verb("config")) {
                return acts::run(model, Run::Stormctl(words(&["config", "explain", &s.key])), true);
            }
        }
        View::Nimbuses | View::Events | View::Logs { .. } | View::Component { .. } => {}
    }
    Vec::new()
}

/// To the folder above, with the node where one was selected.
pub fn up(model: &mut Model) {
    let View::Zookeeper { path } = model.view().clone() else { return };
    let Some((above, name)) = path.rsplit_once('/').filter(|(_, name)| !name.is_empty()) else { return };
    let above = if above.is_empty() { "/" } else { above };
    model.go(View::Zookeeper { path: above.to_owned() });
    model.place_mut().selected = Some(name.to_owned());
}

fn show_finding(model: &mut Model, key: &str) {
    let all = model.facts.findings.iter().flatten().chain(model.facts.settings.iter().flat_map(|s| &s.mistakes));
    let Some(f) = all.into_iter().find(|f| format!("{} {}", f.code, f.message) == key).cloned() else { return };
    let mut lines = vec![f.message.clone(), String::new()];
    lines.extend(f.evidence.iter().map(|e| format!("  {e}")));
    if let Some(fix) = &f.fix {
        lines.extend([String::new(), format!("fix: {fix}")]);
    }
    let title = format!("{} {}", f.severity.word(), f.code);
    model.mode = Mode::Output { title, lines, scroll: 0, then: None, job: None };
}

/// Id and name of the topology that either means.
pub fn named(model: &Model, text: &str) -> Option<(String, String)> {
    let cluster = model.facts.cluster().0?;
    let found = cluster.topologies.iter().find(|t| t.name == text || t.id == text)?;
    Some((found.id.clone(), found.name.clone()))
}

fn go_topology(model: &mut Model, text: &str) {
    match named(model, text) {
        Some((id, name)) => model.go(View::Topology { id, name }),
        None => unknown(model, format!("topology {}", quoted(text)), text),
    }
}

fn go_component(model: &mut Model, topology: &str, component: &str) {
    match named(model, topology) {
        Some((id, name)) => model.go(View::Component { id, name, component: component.to_owned() }),
        None => unknown(model, format!("component {} {}", quoted(topology), quoted(component)), topology),
    }
}

/// Before the first answer nobody knows what runs: then the line waits for it.
fn unknown(model: &mut Model, line: String, topology: &str) {
    if model.facts.cluster().0.is_some() {
        model.toast(Severity::Warning, format!("no topology {topology} runs"));
    } else {
        model.pending = Some(line);
    }
}

/// What Esc does: the nearest thing that can be undone.
pub fn back(model: &mut Model) {
    if !model.place().filter.is_empty() {
        normal::set_filter(model, "");
    } else if !model.place().marks.is_empty() {
        model.place_mut().marks.clear();
    } else if model.place().pane > 0 {
        model.place_mut().pane = 0;
    } else if model.at > 0 {
        model.jump(model.at - 1);
    } else {
        model.go(View::Overview);
    }
}

pub fn logs(model: &mut Model) -> Vec<Cmd> {
    let topology = acts::subjects(model).into_iter().next().map(|s| s.name);
    let of_worker = || match model.view() {
        View::Slots => {
            let key = model.selected()?;
            let all = model.facts.workers.iter().flatten();
            let worker = all.into_iter().find(|w| format!("{}:{}", w.host, w.port) == key)?;
            Some(worker.topology.clone())
        }
        _ => None,
    };
    let topology = topology.or_else(of_worker);
    model.go(View::Logs { topology });
    Vec::new()
}

/// The command that shows the same as the screen, with what is set in it.
pub fn command(model: &Model) -> Vec<String> {
    let mut line = model.view().command();
    if let View::Logs { topology: Some(_) } = model.view() {
        let logs = &model.facts.logs;
        if logs.level > crate::logs::Level::Trace {
            line.extend(words(&["--level", &logs.level.name().to_lowercase()]));
        }
        line.extend(logs.regex().into_iter().flat_map(|regex| words(&["--grep", &regex])));
    }
    line
}

/// What `c` copies: the name of what is selected.
pub fn copied(model: &Model) -> Option<String> {
    match model.view() {
        View::Logs { .. } => model.facts.logs.upwards().next().map(|(l, _)| l.text.clone()),
        View::Zookeeper { path } => Some(match model.selected() {
            Some(key) if path == "/" => format!("/{key}"),
            Some(key) => format!("{path}/{key}"),
            None => path.clone(),
        }),
        View::Topologies => {
            let id = model.selected()?;
            named(model, id).map(|(_, name)| name)
        }
        View::Config => {
            let key = model.selected()?;
            let all = model.facts.settings.iter().flat_map(|s| &s.settings);
            all.into_iter().find(|s| s.key == key).map(|s| format!("{}: {}", s.key, s.value))
        }
        _ => model.selected().map(str::to_owned),
    }
}

/// What can follow what was typed after `:`, with what it is.
pub fn completions(model: &Model, typed: &str) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    let topologies = || model.facts.cluster().0.into_iter().flat_map(|c| &c.topologies);
    if let Some((head, rest)) = typed.split_once(' ') {
        if rest.starts_with('/') {
            return all;
        }
        if head == "component"
            && let Some((topology, begun)) = rest.split_once(' ')
        {
            let known = named(model, topology).and_then(|(id, _)| model.facts.topologies.get(&id));
            let components = known.into_iter().flat_map(|t| &t.components).filter(|c| c.id.starts_with(begun));
            let about = |spout| if spout { "spout" } else { "bolt" };
            all.extend(components.map(|c| (format!("{head} {topology} {}", quoted(&c.id)), about(c.spout).to_owned())));
            return all;
        }
        all.extend(verbs(model).filter(|v| v.0.starts_with(typed)));
        // `zk get` is followed by no topology, `describe` is.
        let of_topology = |v: &crate::verb::Verb| v.topology && v.name == head.replace('_', "-");
        if ["topology", "component", "logs"].contains(&head) || model.options.verbs.iter().any(of_topology) {
            all.extend(
                topologies()
                    .filter(|t| t.name.starts_with(rest))
                    .map(|t| (format!("{head} {}", quoted(&t.name)), t.status.clone())),
            );
        }
        return all;
    }
    for n in NAMED {
        all.push((n.names[0].to_owned(), n.about.to_owned()));
    }
    all.push(("topology".to_owned(), "one topology: :topology NAME".to_owned()));
    all.push(("component".to_owned(), "one component: :component TOPOLOGY NAME".to_owned()));
    for verb in verbs(model) {
        // The verbs of a verb follow when it is typed.
        let inner = verb.0.contains(' ') && (typed.is_empty() || !verb.0.starts_with(typed));
        if !inner && !all.iter().any(|(name, _)| name == &verb.0) {
            all.push(verb);
        }
    }
    all.extend(topologies().map(|t| (format!("topology {}", quoted(&t.name)), t.status.clone())));
    let begins =
        |name: &str| name.starts_with(typed) || name.strip_prefix("topology ").is_some_and(|n| n.starts_with(typed));
    let (mut first, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(|(name, _)| begins(name));
    first.extend(rest.into_iter().filter(|(name, _)| !typed.is_empty() && name.contains(typed)));
    first
}

fn verbs(model: &Model) -> impl Iterator<Item = (String, String)> {
    model.options.verbs.iter().map(|v| (v.name.clone(), v.about.clone()))
}

/// Whether this is the first word of a line of `stormctl`.
fn is_verb(model: &Model, word: &str) -> bool {
    let dashed = word.replace('_', "-");
    model.options.verbs.iter().any(|v| v.name.split(' ').next() == Some(dashed.as_str()))
}

/// Goes where a line typed after `:` says, or runs it.
pub fn execute(model: &mut Model, line: &str) -> Vec<Cmd> {
    let mut words = split(line);
    // A line that was copied from a screen is taken as it is.
    if words.len() > 1 && words[0] == "stormctl" {
        words.remove(0);
        return run_verb(model, words);
    }
    let Some(head) = words.first().cloned() else { return Vec::new() };
    let rest: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
    let filter = rest.iter().find_map(|w| w.strip_prefix('/')).map(str::to_owned);
    let argument = rest.iter().find(|w| !w.starts_with('/')).map(|w| (*w).to_owned());
    match (head.as_str(), argument) {
        ("q" | "quit" | "exit", _) => {
            model.quitting = true;
            return vec![Cmd::Quit];
        }
        ("topology", Some(name)) => go_topology(model, &name),
        ("component", Some(topology)) => match rest.iter().filter(|w| !w.starts_with('/')).nth(1) {
            Some(component) => go_component(model, &topology, component),
            None => model.toast(Severity::Warning, "component: name the topology and the component"),
        },
        ("logs", Some(name)) => model.go(View::Logs { topology: Some(name) }),
        ("zk" | "zookeeper", None) if filter.as_ref().is_some_and(|f| !f.is_empty()) => {
            let path = rest.iter().find(|w| w.starts_with('/')).map_or("/", |w| w.trim_end_matches('/'));
            model.go(View::Zookeeper { path: path.to_owned() });
            return Vec::new();
        }
        (_, None) if View::of_name(&head).is_some() => {
            model.go(View::of_name(&head).unwrap_or_default());
        }
        _ if is_verb(model, &head) => return run_verb(model, words),
        (_, None) if named(model, &head).is_some() => go_topology(model, &head),
        _ => model.toast(Severity::Warning, format!("{head} is neither a view, nor a verb, nor a topology")),
    }
    if let Some(filter) = filter {
        normal::set_filter(model, &filter);
    }
    Vec::new()
}

fn run_verb(model: &mut Model, words: Vec<String>) -> Vec<Cmd> {
    let effect = match (model.options.judge)(&words) {
        Ok(effect) => effect,
        Err(why) => {
            let lines = why.lines().map(crate::text::harmless).collect();
            model.mode = Mode::Output { title: model.command_line(&words), lines, scroll: 0, then: None, job: None };
            return Vec::new();
        }
    };
    if matches!(effect, Effect::Changes | Effect::Terminal { changes: true })
        && let Some(why) = acts::forbidden(model)
    {
        model.toast(Severity::Warning, why);
        return Vec::new();
    }
    match effect {
        Effect::Reads => acts::run(model, Run::Stormctl(words), true),
        Effect::Terminal { .. } => vec![Cmd::Foreground(words)],
        Effect::Changes => {
            let run = Run::Stormctl(words);
            let line = model.run_line(&run);
            model.mode = Mode::Confirm(Confirm { show: true, ..Confirm::ask("Run this?", vec![line], vec![run]) });
            Vec::new()
        }
    }
}

/// Words as a shell takes them, with both kinds of quotes.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    for c in line.chars() {
        match (c, quote) {
            (c, Some(q)) if c == q => quote = None,
            (c, Some(_)) => word.get_or_insert_default().push(c),
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn words_are_split_as_a_shell_does() {
        assert_eq!(split("kill 'my topology' -w 0"), ["kill", "my topology", "-w", "0"]);
        assert_eq!(split(r#" a "b 'c" '' "#), ["a", "b 'c", ""]);
        assert!(split("  ").is_empty());
    }
}
