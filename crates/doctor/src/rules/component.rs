//! Components: their errors, their children, and who cannot keep up.

use storm_topology::HOLDS_THREAD;

use super::supervisor::first_line;
use super::{Draft, Rule, When};
use crate::facts::{Child, Component, Facts, Fault, Topology};
use crate::finding::{Severity, Subject};

/// Above this part of its time at work a bolt has no reserve.
const HOT: f64 = 0.9;
/// Of a spout's tuples, the part that fails.
const FAILING: f64 = 0.05;
/// Storm's window for latencies, in milliseconds: fewer tuples than this say nothing.
const FEW: i64 = 20;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "component/module-missing",
        severity: Severity::Error,
        when: When::Now,
        about: "a module that a component needs is not on the worker's host",
        check: module_missing,
    },
    Rule {
        code: "component/hung",
        severity: Severity::Error,
        when: When::Now,
        about: "a child of a worker is stopped or hangs",
        check: hung,
    },
    Rule {
        code: "component/blocked",
        severity: Severity::Error,
        when: When::Now,
        about: "a child of a worker writes into a pipe that nobody reads",
        check: blocked,
    },
    Rule {
        code: "component/errors",
        severity: Severity::Error,
        when: When::Now,
        about: "a component has reported an error",
        check: errors,
    },
    Rule {
        code: "component/holds-thread",
        severity: Severity::Warning,
        when: When::Now,
        about: "a component stops others of its worker, because it waits and does not say so",
        check: holds_thread,
    },
    Rule {
        code: "component/capacity",
        severity: Severity::Warning,
        when: When::Now,
        about: "a bolt works nearly all the time: it is the one that holds the topology up",
        check: capacity,
    },
    Rule {
        code: "component/failing",
        severity: Severity::Warning,
        when: When::Now,
        about: "many tuples of a spout fail or time out",
        check: failing,
    },
    Rule {
        code: "component/paused",
        severity: Severity::Info,
        when: When::Now,
        about: "a spout waits because as many tuples as allowed are on their way",
        check: paused,
    },
];

fn each(facts: &Facts, check: impl Fn(&Facts, &Topology, &Component) -> Option<Draft>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for topology in facts.topologies.iter().filter(|t| t.status != "KILLED") {
        for component in topology.components.iter().filter(|c| c.id != "__system") {
            drafts.extend(check(facts, topology, component));
        }
    }
    drafts
}

fn draft(topology: &Topology, component: &Component, message: impl Into<String>) -> Draft {
    let subject = Subject::Component { topology: topology.name.clone(), component: component.id.clone() };
    Draft::new(subject, message)
}

/// The module that a Python or Node error misses.
fn missing_module(text: &str) -> Option<(&'static str, String)> {
    let after = |sign: &str| {
        let rest = text.split_once(sign)?.1.trim_start();
        let end = rest.find(|c: char| !c.is_alphanumeric() && !"._-/@".contains(c)).unwrap_or(rest.len());
        (end > 0).then(|| rest[..end].to_owned())
    };
    after("No module named '")
        .or_else(|| after("No module named "))
        .map(|m| ("python", m))
        .or_else(|| after("Cannot find module '").map(|m| ("node", m)))
}

fn module_missing(facts: &Facts) -> Vec<Draft> {
    each(facts, |_, t, c| {
        let fault = c.last_error.as_ref()?;
        let (language, module) = missing_module(&fault.text)?;
        let host = fault.host.clone().unwrap_or_else(|| "HOST".to_owned());
        let line = fault.text.lines().find(|l| missing_module(l).is_some()).unwrap_or_default().trim().to_owned();
        let interpreter = fault
            .text
            .split(['`', '"', '\''])
            .find(|w| w.contains("python") || w.contains("node"))
            .unwrap_or(language)
            .trim();
        let install = match language {
            "node" => format!("npm install {module}"),
            _ => format!("python3 -m pip install {module}"),
        };
        Some(
            draft(t, c, format!("the module {module} of component {} is not on {host}", c.id))
                .at(fault.place(), line)
                .at(fault.place(), format!("interpreter: {interpreter}"))
                .because("the environment exists only where the topology was submitted")
                .fix(format!("ssh {host} {install}      (or put it into resources/ of the topology)")),
        )
    })
}

/// The last error, unless it was long ago and it has worked since.
fn recent<'a>(facts: &Facts, component: &'a Component) -> Option<&'a Fault> {
    component.last_error.as_ref().filter(|fault| facts.at - fault.at <= 600)
}

/// What the worker's watchdog has reported.
fn holds_thread(facts: &Facts) -> Vec<Draft> {
    each(facts, |facts, t, c| {
        let fault = recent(facts, c).filter(|f| f.text.starts_with(HOLDS_THREAD))?;
        Some(
            draft(t, c, format!("{} {HOLDS_THREAD}, and others there wait for it", c.id))
                .at(fault.place(), first_line(&fault.text))
                .because("many tasks share a thread, and what it does takes long or waits for something")
                .fix(format!("let {} say that it is `blocking`: it then gets a thread of its own", c.id)),
        )
    })
}

fn errors(facts: &Facts) -> Vec<Draft> {
    each(facts, |facts, t, c| {
        let known = |f: &Fault| missing_module(&f.text).is_some() || f.text.starts_with(HOLDS_THREAD);
        let fault = recent(facts, c).filter(|f| !known(f))?;
        let ago = facts.at - fault.at;
        let mut draft =
            draft(t, c, format!("component {} failed {} s ago: {}", c.id, ago.max(0), first_line(&fault.text)));
        for line in fault.text.lines().filter(|l| !l.trim().is_empty()).take(8) {
            draft = draft.at(fault.place(), line.trim_end());
        }
        Some(draft.fix(format!("stormctl logs {} -n 50", super::quoted(&t.name))))
    })
}

/// The topology of the worker that has this child, and the component that the child's command names.
fn owner<'a>(facts: &'a Facts, child: &Child) -> Option<(&'a Topology, Option<&'a Component>)> {
    let worker = facts.host.workers.iter().find(|w| w.id == child.worker_id)?;
    let t = facts.topologies.iter().find(|t| Some(&t.id) == worker.topology_id.as_ref())?;
    Some((t, t.components.iter().find(|c| named_by(child, c))))
}

fn named_by(child: &Child, component: &Component) -> bool {
    child.command.split(['/', ' ', '.']).any(|word| word == component.id)
}

fn child_draft(facts: &Facts, child: &Child, trouble: &str) -> Option<Draft> {
    let (t, component) = owner(facts, child)?;
    let subject = match component {
        Some(c) => Subject::Component { topology: t.name.clone(), component: c.id.clone() },
        None => Subject::Topology { name: t.name.clone() },
    };
    Some(
        Draft::new(subject, format!("process {} of {} {trouble}", child.pid, t.name))
            .at(format!("process {}", child.pid), child.command.clone()),
    )
}

fn hung(facts: &Facts) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for child in facts.host.children.iter().filter(|c| matches!(c.state, 'T' | 't' | 'D')) {
        let (how, fix) = match child.state {
            'D' => ("hangs in the kernel, as on a dead network disk", format!("kill -9 {}", child.pid)),
            _ => ("is stopped, so its tuples time out", format!("kill -CONT {}", child.pid)),
        };
        let limit = owner(facts, child)
            .and_then(|(t, _)| t.int("topology.subprocess.timeout.secs"))
            .unwrap_or_else(|| facts.config.secs("topology.subprocess.timeout.secs", 30));
        drafts.extend(child_draft(facts, child, how).map(|d| {
            d.at(format!("/proc/{}/stat", child.pid), format!("state {}", child.state))
                .because(format!(
                    "the worker replaces a child that owes an answer for {limit} s (topology.subprocess.timeout.secs)"
                ))
                .fix(format!("{fix}      (or kill -9 {}: the worker starts another)", child.pid))
        }));
    }
    drafts
}

fn blocked(facts: &Facts) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for child in &facts.host.children {
        let Some(place) =
            child.waits_in.as_ref().filter(|w| w.contains("pipe_write") || w.contains("pipe_wait_writable"))
        else {
            continue;
        };
        drafts.extend(child_draft(facts, child, "writes and nobody reads").map(|d| {
            d.at(format!("/proc/{}/wchan", child.pid), place.clone())
                .because("parent and child wait for each other: the worker reads no more, or the child writes more than a pipe holds")
                .fix(format!("kill -9 {}      (the worker starts another)", child.pid))
        }));
    }
    drafts
}

fn capacity(facts: &Facts) -> Vec<Draft> {
    each(facts, |_, t, c| {
        let capacity = c.load(t).filter(|part| *part >= HOT)?;
        let more = (c.executors as f64 * capacity / 0.6).ceil().max(c.executors as f64 + 1.0) as i64;
        let mut draft = draft(
            t,
            c,
            format!("{} works {:.0} % of its time: the topology goes no faster than it", c.id, capacity * 100.0),
        )
        .at(t.told_by.clone(), format!("capacity {capacity:.3} with {} executors of {} tasks", c.executors, c.tasks));
        if let Some(ms) = if c.shell { c.process_ms } else { c.execute_ms } {
            draft = draft.at(t.told_by.clone(), format!("{ms:.3} ms for each tuple"));
        }
        Some(if c.tasks > c.executors {
            let executors = format!("{}={}", c.id, more.min(c.tasks));
            draft.apply(&["rebalance", &t.name, "-e", &executors])
        } else {
            draft
                .because(format!(
                    "it has {} tasks, so more executors are impossible until it is submitted with more",
                    c.tasks
                ))
                .fix(format!("submit it with a parallelism of {more} for {}", c.id))
        })
    })
}

fn failing(facts: &Facts) -> Vec<Draft> {
    each(facts, |facts, t, c| {
        let all = c.acked + c.failed;
        if !c.spout || c.failed < FEW || (c.failed as f64) < FAILING * all as f64 {
            return None;
        }
        let secs = t
            .int("topology.message.timeout.secs")
            .unwrap_or_else(|| facts.config.secs("topology.message.timeout.secs", 30));
        let hot =
            t.components.iter().filter(|o| o.load(t).is_some_and(|part| part >= HOT)).map(|o| o.id.as_str()).next();
        let draft = draft(t, c, format!("{} of {all} tuples of {} have failed", c.failed, c.id))
            .at(
                t.told_by.clone(),
                format!(
                    "acked {}, failed {}, complete latency {:.0} ms",
                    c.acked,
                    c.failed,
                    c.complete_ms.unwrap_or_default()
                ),
            )
            .because(match hot {
                Some(hot) => format!("{hot} cannot keep up, so tuples are not done within {secs} s"),
                None => {
                    format!("a bolt fails them, or they are not done within {secs} s (topology.message.timeout.secs)")
                }
            });
        Some(draft.fix(match hot {
            Some(_) => format!(
                "stormctl config explain topology.max.spout.pending      (and submit {} with a lower one)",
                super::quoted(&t.name)
            ),
            None => format!("stormctl logs {} -n 50", super::quoted(&t.name)),
        }))
    })
}

/// A spout under `topology.max.spout.pending` behind a bolt without reserve: it is asked for nothing, which is no fault.
fn paused(facts: &Facts) -> Vec<Draft> {
    each(facts, |_, t, c| {
        let pending = t.int("topology.max.spout.pending")?;
        let hot = t.components.iter().find(|o| !o.spout && o.load(t).is_some_and(|part| part >= HOT))?;
        c.spout.then(|| {
            draft(t, c, format!("{} waits for {}: at most {pending} of its tuples may be on their way", c.id, hot.id))
                .at(
                    t.told_by.clone(),
                    format!(
                        "topology.max.spout.pending: {pending}, capacity of {}: {:.3}",
                        hot.id,
                        hot.load(t).unwrap_or_default()
                    ),
                )
                .because("that is as it should be: a spout that is asked for nothing owes no sign of life")
                .fix(format!("stormctl why {}      (see what it says of {})", super::quoted(&t.name), hot.id))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::missing_module;

    #[test]
    fn missing_modules_are_found_in_either_language() {
        let python = |text: &str| missing_module(text).map(|(l, m)| format!("{l} {m}"));
        assert_eq!(
            python("x\nModuleNotFoundError: No module named 'numpy.linalg'").as_deref(),
            Some("python numpy.linalg")
        );
        assert_eq!(python("ImportError: No module named pandas").as_deref(), Some("python pandas"));
        assert_eq!(python("Error: Cannot find module '@x/y'").as_deref(), Some("node @x/y"));
        assert_eq!(python("all is well"), None);
    }
}
