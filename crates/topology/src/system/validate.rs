//! What Storm refuses before it runs a topology.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use storm_thrift::types::{ComponentCommon, Grouping, StormTopology};

use super::component_conf::{component_conf, get_int};
use super::error::{InvalidTopology, TopologyProblem};
use super::names::is_system_id;
use super::normalise::{TASKS, components};

/// Task ids travel as signed 16-bit numbers between Storm's workers.
pub(crate) const MAX_TASKS: i64 = 32767;

/// A topology's name: not empty, and without `/ . : \`.
pub fn valid_topology_name(name: &str) -> Result<(), InvalidTopology> {
    let bad = |why: String| InvalidTopology::from(TopologyProblem::BadName { name: name.to_owned(), why });
    if name.trim().is_empty() {
        return Err(bad("it must have at least one character".to_owned()));
    }
    match name.chars().find(|c| matches!(c, '/' | '.' | ':' | '\\') || c.is_control()) {
        Some(c) => {
            Err(bad(format!("it must not contain {c:?}; none of / . : \\ and control characters may be in a name")))
        }
        None => Ok(()),
    }
}

/// What holds before system components are added: ids, spouts, numbers.
pub(crate) fn validate_basic(topology: &StormTopology, _conf: &Map<String, Value>) -> Vec<TopologyProblem> {
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for (id, common) in components(topology) {
        if is_system_id(id) {
            problems.push(TopologyProblem::ReservedComponent { id: id.to_owned() });
        }
        if !seen.insert(id) {
            problems.push(TopologyProblem::DuplicateComponent { id: id.to_owned() });
        }
        validate_component(id, common, &mut problems);
    }
    let spouts = topology.spouts.iter().map(|(id, s)| (id, &s.common));
    let state_spouts = topology.state_spouts.iter().map(|(id, s)| (id, &s.common));
    for (id, common) in spouts.chain(state_spouts) {
        if let Some(input) = common.inputs.keys().next() {
            problems.push(TopologyProblem::SpoutWithInputs {
                spout: id.clone(),
                source_component: input.component_id.clone(),
            });
        }
    }
    problems
}

fn validate_component(id: &str, common: &ComponentCommon, problems: &mut Vec<TopologyProblem>) {
    for (stream, info) in &common.streams {
        if is_system_id(stream) {
            problems.push(TopologyProblem::ReservedStream { component: id.to_owned(), stream: stream.clone() });
        }
        let mut fields = BTreeSet::new();
        if let Some(field) = info.output_fields.iter().find(|f| !fields.insert(f.as_str())) {
            problems.push(TopologyProblem::DuplicateField {
                component: id.to_owned(),
                stream: stream.clone(),
                field: field.clone(),
            });
        }
    }
    let hint = common.parallelism_hint.unwrap_or(1);
    if hint < 0 {
        let value = i64::from(hint);
        problems.push(TopologyProblem::Negative { component: id.to_owned(), what: "the parallelism hint", value });
    }
    let tasks = component_conf(id, common).and_then(|own| get_int(&own, TASKS, &format!("component [{id}]")));
    match tasks {
        Ok(Some(n)) if n < 0 => {
            problems.push(TopologyProblem::Negative { component: id.to_owned(), what: TASKS, value: n });
        }
        Ok(Some(n)) if n > 0 && hint <= 0 => problems.push(TopologyProblem::NoExecutors { component: id.to_owned() }),
        Ok(_) => {}
        Err(p) => problems.push(p),
    }
}

/// What holds between components: each input names a component, a stream of it and fields of that stream. Loops are legal.
///
/// Storm takes a field of any stream of the source; such a topology dies in the worker, so here it must be of the
/// stream named.
pub(crate) fn validate_structure(topology: &StormTopology) -> Vec<TopologyProblem> {
    let all: BTreeMap<&str, &ComponentCommon> = components(topology).collect();
    let mut problems = Vec::new();
    for (id, common) in &all {
        for (input, grouping) in &common.inputs {
            let component = (*id).to_owned();
            let (source, stream) = (input.component_id.clone(), input.stream_id.clone());
            let Some(outputs) = all.get(source.as_str()) else {
                let known = list(all.keys().copied().filter(|k| !is_system_id(k)));
                problems.push(TopologyProblem::MissingComponent { component, missing: source, known });
                continue;
            };
            let Some(info) = outputs.streams.get(&stream) else {
                let known = list(outputs.streams.keys().map(String::as_str).filter(|s| !is_system_id(s)));
                problems.push(TopologyProblem::MissingStream { component, source_component: source, stream, known });
                continue;
            };
            if let Grouping::Fields(fields) = grouping {
                let missing: Vec<&str> =
                    fields.iter().filter(|f| !info.output_fields.contains(f)).map(String::as_str).collect();
                if !missing.is_empty() {
                    problems.push(TopologyProblem::MissingFields {
                        component,
                        source_component: source,
                        stream,
                        missing: list(missing.into_iter()),
                        known: list(info.output_fields.iter().map(String::as_str)),
                    });
                }
            }
        }
    }
    problems.extend(unfed_cycle(&all));
    problems
}

/// Bolts that take tuples only from one another: none will ever come. Apache Storm runs such a topology in silence. A loop that
/// anything feeds - a spout, or a bolt without inputs, which may emit at ticks - is as legal as there.
fn unfed_cycle(all: &BTreeMap<&str, &ComponentCommon>) -> Option<TopologyProblem> {
    let sources = |id: &str| -> Vec<&str> {
        let inputs = all.get(id).into_iter().flat_map(|c| c.inputs.keys());
        inputs.map(|i| i.component_id.as_str()).filter(|s| !is_system_id(s)).collect()
    };
    let mut fed = BTreeSet::new();
    let mut subscribers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut next = Vec::new();
    for id in all.keys().copied() {
        let sources = sources(id);
        // What names a component that does not exist has been reported for that.
        if sources.is_empty() || sources.iter().any(|s| !all.contains_key(s)) {
            next.push(id);
        }
        for source in sources {
            subscribers.entry(source).or_default().push(id);
        }
    }
    while let Some(id) = next.pop() {
        if fed.insert(id) {
            next.extend(subscribers.get(id).into_iter().flatten());
        }
    }
    // All sources of a component that is not fed are not fed either, so the way back from it ends in a circle.
    let mut way = vec![*all.keys().find(|id| !fed.contains(*id) && !is_system_id(id))?];
    loop {
        let source = *sources(way.last()?).first()?;
        let source = all.get_key_value(source).map(|(id, _)| *id)?;
        if let Some(start) = way.iter().position(|id| *id == source) {
            let mut cycle = way.split_off(start);
            cycle.reverse();
            return Some(TopologyProblem::UnfedCycle { components: list(cycle.into_iter()) });
        }
        way.push(source);
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 20;
    let all: Vec<&str> = names.collect();
    let mut text = format!("[{}", all[..all.len().min(SHOWN)].join(", "));
    if all.len() > SHOWN {
        text.push_str(&format!(", and {} more", all.len() - SHOWN));
    }
    text.push(']');
    text
}
