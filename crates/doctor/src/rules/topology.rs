//! Topologies: whether they have slots, code and life.

use std::collections::BTreeMap;

use super::supervisor::first_line;
use super::{Draft, Rule, When};
use crate::facts::{Facts, Topology};
use crate::finding::{Severity, Subject};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "topology/code-lost",
        severity: Severity::Error,
        when: When::Now,
        about: "no Nimbus holds the code of a topology any more",
        check: code_lost,
    },
    Rule {
        code: "topology/no-slots",
        severity: Severity::Error,
        when: When::Now,
        about: "executors of a topology have no slot",
        check: no_slots,
    },
    Rule {
        code: "topology/worker-exits",
        severity: Severity::Error,
        when: When::Now,
        about: "workers of a topology end or do not start",
        check: worker_exits,
    },
    Rule {
        code: "topology/kill-stuck",
        severity: Severity::Error,
        when: When::Now,
        about: "a topology was killed long ago and is still there",
        check: kill_stuck,
    },
    Rule {
        code: "topology/same-name",
        severity: Severity::Error,
        when: When::Now,
        about: "several topologies have one name",
        check: same_name,
    },
    Rule {
        code: "topology/starting",
        severity: Severity::Warning,
        when: When::Now,
        about: "a worker has a slot and has not reported yet",
        check: starting,
    },
    Rule {
        code: "topology/few-slots",
        severity: Severity::Warning,
        when: When::Now,
        about: "a topology runs on fewer workers than it asked for",
        check: few_slots,
    },
    Rule {
        code: "topology/code-unreplicated",
        severity: Severity::Warning,
        when: When::Later,
        about: "only one of several Nimbuses holds the code of a topology",
        check: code_unreplicated,
    },
    Rule {
        code: "topology/odd-name",
        severity: Severity::Warning,
        when: When::Later,
        about: "the name of a topology must be quoted in every command",
        check: odd_name,
    },
    Rule {
        code: "topology/killed",
        severity: Severity::Info,
        when: When::Now,
        about: "a topology is being killed",
        check: killed,
    },
    Rule {
        code: "topology/inactive",
        severity: Severity::Info,
        when: When::Now,
        about: "a topology is deactivated: its spouts do not emit",
        check: inactive,
    },
];

/// Storm's own component for what belongs to no other.
const SYSTEM: &str = "__system";

fn each(facts: &Facts, check: impl Fn(&Topology) -> Option<Draft>) -> Vec<Draft> {
    facts.topologies.iter().filter_map(check).collect()
}

fn draft(topology: &Topology, message: impl Into<String>) -> Draft {
    Draft::new(Subject::Topology { name: topology.name.clone() }, message)
}

/// What a command calls it: its name, unless several have that.
fn handle<'a>(facts: &Facts, topology: &'a Topology) -> &'a str {
    let twins = facts.topologies.iter().filter(|t| t.name == topology.name).count();
    if twins > 1 { &topology.id } else { &topology.name }
}

fn code_lost(facts: &Facts) -> Vec<Draft> {
    let Some(tree) = &facts.zookeeper.tree else { return Vec::new() };
    // Holders are known by nodes that go with a Nimbus' session: with none up, only its disk can tell.
    let answers = matches!(facts.nimbus.leader, Some((_, crate::facts::Outcome::Answers)));
    if !answers && facts.host.blobs.is_none() {
        return Vec::new();
    }
    each(facts, |t| {
        tree.bases.get(&t.id)?;
        let mut draft = draft(t, format!("the code of {} is lost: no Nimbus holds it", t.id));
        let mut lost = false;
        for part in ["stormjar.jar", "stormcode.ser", "stormconf.ser"] {
            let key = format!("{}-{part}", t.id);
            let held = tree.blobs.get(&key).is_some_and(|holders| !holders.is_empty());
            let on_disk = facts.host.blobs.as_ref().is_some_and(|blobs| blobs.contains(&key));
            // A jar is there only for topologies that have one.
            if !held && !on_disk && (part != "stormjar.jar" || tree.blobs.contains_key(&key)) {
                lost = true;
                draft = draft.at(format!("{}/blobstore/{key}", tree.root), "has no holder");
            }
        }
        if !lost {
            return None;
        }
        let running = t.workers.iter().filter(|w| w.uptime_secs > 0).count();
        let cause = match running {
            0 => "Nimbus has lost its local folder: the topology cannot be started anywhere".to_owned(),
            n => {
                format!("Nimbus has lost its local folder: the {n} workers that run go on, but cannot be started again")
            }
        };
        let name = handle(facts, t);
        Some(draft.because(cause).apply_to(&["kill", name, "-w", "0"], name))
    })
}

fn code_unreplicated(facts: &Facts) -> Vec<Draft> {
    let Some(tree) = &facts.zookeeper.tree else { return Vec::new() };
    if tree.nimbuses.len() < 2 {
        return Vec::new();
    }
    each(facts, |t| {
        let key = format!("{}-stormcode.ser", t.id);
        let holders = tree.blobs.get(&key).filter(|h| h.len() == 1)?;
        let host = |holder: &str| holder.split(':').next().unwrap_or(holder).to_owned();
        let lacking: Vec<String> = tree.nimbuses.iter().filter(|n| **n != host(&holders[0])).cloned().collect();
        Some(
            draft(t, format!("only {} holds the code of {}", host(&holders[0]), t.name))
                .at(
                    format!("{}/blobstore/{key}", tree.root),
                    format!("held by {}, not by {}", holders[0], lacking.join(", ")),
                )
                .because("if that one is lost, no other Nimbus can lead; they copy it every nimbus.code.sync.freq.secs")
                .fix(format!("ssh {} stormctl logs nimbus -n 50", lacking.first().map_or("NIMBUS", String::as_str))),
        )
    })
}

/// Slots asked and free, and the hosts that were ruled out.
fn no_slots(facts: &Facts) -> Vec<Draft> {
    each(facts, |t| {
        let missing = t.executors.saturating_sub(t.placed);
        if missing == 0 || t.status == "KILLED" || t.executors == 0 || !facts.knows_topologies() {
            return None;
        }
        let mut draft = draft(t, format!("{missing} of {} executors of {} have no slot", t.executors, t.name));
        if let Some(said) = t.scheduler.as_ref().filter(|s| !s.is_empty()) {
            draft = draft.at("scheduler", said.clone());
        }
        let mut free = 0;
        if let Some(summary) = &facts.nimbus.summary {
            let (slots, used) = summary
                .supervisors
                .iter()
                .fold((0, 0), |(slots, used), s| (slots + s.num_workers, used + s.num_used_workers));
            free = slots - used;
            let n = summary.supervisors.len();
            draft = draft.at(
                "slots",
                format!("{} workers asked, {free} of {slots} slots on {n} supervisors free", t.workers_asked),
            );
            for s in &summary.supervisors {
                let state = match s.blacklisted {
                    Some(true) => "ruled out: blacklisted".to_owned(),
                    _ if s.num_workers == 0 => "ruled out: offers no slot".to_owned(),
                    _ if s.num_used_workers >= s.num_workers => {
                        format!("ruled out: {} of {} slots used", s.num_used_workers, s.num_workers)
                    }
                    _ => continue,
                };
                draft = draft.at(s.host.clone(), state);
            }
        } else if let Some(tree) = &facts.zookeeper.tree {
            draft = draft.at(format!("{}/supervisors", tree.root), format!("{} registered", tree.supervisors.len()));
        }
        let unplaced_now = free > 0 && t.placed == 0;
        Some(if unplaced_now {
            draft
                .because("slots are free: the next round of the scheduler places it")
                .fix(format!("stormctl describe {}", super::quoted(&t.name)))
        } else {
            let (holders, none) =
                (slot_holders(facts, t), facts.nimbus.summary.as_ref().is_some_and(|s| s.supervisors.is_empty()));
            let draft = draft.because(match (holders.is_empty(), none) {
                (_, true) => "no supervisor is registered".to_owned(),
                (true, _) => "there are too few slots".to_owned(),
                (false, _) => format!("all slots are used by {}", holders.join(", ")),
            });
            if none {
                draft.apply(&["start", "supervisor"])
            } else if t.placed == 0 || t.workers_asked > 1 {
                draft.fix(format!("stormctl config set supervisor.slots.ports '[...]' on a host, and stormctl restart supervisor there{}",
                    holders.first().map(|h| format!("      (or stormctl kill {})", super::quoted(h))).unwrap_or_default()))
            } else {
                draft.fix("stormctl start supervisor      (on another host)")
            }
        })
    })
}

fn few_slots(facts: &Facts) -> Vec<Draft> {
    each(facts, |t| {
        let has = t.workers.len() as i64;
        if has == 0
            || has >= t.workers_asked
            || t.placed < t.executors
            || t.status == "KILLED"
            || (t.executors as i64) < t.workers_asked
        {
            return None;
        }
        let mut draft = draft(t, format!("{} asked for {} workers and has {has}", t.name, t.workers_asked));
        if let Some(summary) = &facts.nimbus.summary {
            for s in &summary.supervisors {
                draft = draft.at(s.host.clone(), format!("{} of {} slots used", s.num_used_workers, s.num_workers));
            }
        }
        Some(
            draft.because("all its executors run, on the slots that there were").fix(
                "stormctl config set supervisor.slots.ports '[...]' on a host, and stormctl restart supervisor there",
            ),
        )
    })
}

fn slot_holders(facts: &Facts, t: &Topology) -> Vec<String> {
    facts.topologies.iter().filter(|o| o.id != t.id && !o.workers.is_empty()).map(|o| o.name.clone()).collect()
}

/// What a supervisor says of workers that ended: the exit status and the last lines are in its error.
fn worker_exits(facts: &Facts) -> Vec<Draft> {
    each(facts, |t| {
        let fault = t.component(SYSTEM)?.last_error.as_ref()?;
        let ended = fault.text.contains(" ended")
            || fault.text.starts_with("cannot launch")
            || fault.text.contains("does not start");
        // A worker that has lived on that slot since then has got over it.
        let over = t.workers.iter().any(|w| {
            fault.host.as_deref() == Some(&w.host)
                && fault.port == Some(i32::from(w.port))
                && w.uptime_secs > 0
                && facts.at - w.uptime_secs > fault.at
        });
        if !ended || over {
            return None;
        }
        let mut draft =
            draft(t, format!("a worker of {} on {} does not stay up: {}", t.name, fault.place(), reason(&fault.text)));
        for line in fault.text.lines().take(12) {
            draft = draft.at(fault.place(), line.trim_end());
        }
        for log in facts.host.logs.iter().filter(|l| l.of.starts_with(&format!("worker:{}:", t.id))) {
            if let Some((line, text)) = log.lines.iter().rev().find(|(_, t)| t.contains("ERROR")).or(log.lines.last()) {
                draft = draft.at(log.place(*line), text.clone());
            }
        }
        Some(draft.fix(format!("stormctl logs {} -n 50", super::quoted(&t.name))))
    })
}

/// Of `worker ID of TOPOLOGY ended after N ms: process P: exit code 3; ...` what counts.
fn reason(text: &str) -> &str {
    let line = first_line(text);
    let told = line.split_once(": process ").and_then(|(_, rest)| rest.split_once(": ")).map_or(line, |(_, rest)| rest);
    told.split(';').next().unwrap_or(told)
}

/// What may pass between the end that was set and the topology's going.
const KILL_SLACK: i64 = 60;

fn kill_stuck(facts: &Facts) -> Vec<Draft> {
    each(facts, |t| {
        let due = t.kill_due.filter(|due| t.status == "KILLED" && facts.at - due > KILL_SLACK)?;
        let mut draft = draft(t, format!("{} was to be gone {} s ago and is still KILLED", t.name, facts.at - due));
        for worker in &t.workers {
            draft = draft.at(format!("{}:{}", worker.host, worker.port), "still has its slot");
        }
        if let Some(tree) = &facts.zookeeper.tree {
            draft = draft.at(format!("{}/storms/{}", tree.root, t.id), "is still there");
        }
        Some(
            draft
                .because("the leader forgot its alarm, or cannot write to ZooKeeper: its name is blocked until then")
                .apply(&["kill", handle(facts, t), "-w", "0"]),
        )
    })
}

fn killed(facts: &Facts) -> Vec<Draft> {
    each(facts, |t| {
        if t.status != "KILLED" || t.kill_due.is_some_and(|due| facts.at - due > KILL_SLACK) {
            return None;
        }
        let left = t.kill_due.map(|due| (due - facts.at).max(0));
        let message = match left {
            Some(left) => format!("{} is being killed: {left} s left", t.name),
            None => format!("{} is being killed", t.name),
        };
        Some(
            draft(t, message)
                .at(t.told_by.clone(), "status KILLED")
                .because("its spouts are off, and what is on its way is finished before it goes")
                .apply(&["kill", handle(facts, t), "-w", "0"]),
        )
    })
}

fn inactive(facts: &Facts) -> Vec<Draft> {
    each(facts, |t| {
        (t.status == "INACTIVE").then(|| {
            draft(t, format!("{} is deactivated: its spouts do not emit", t.name))
                .at(t.told_by.clone(), "status INACTIVE")
                .apply(&["activate", handle(facts, t)])
        })
    })
}

fn same_name(facts: &Facts) -> Vec<Draft> {
    let mut by_name: BTreeMap<&str, Vec<&Topology>> = BTreeMap::new();
    for t in &facts.topologies {
        by_name.entry(&t.name).or_default().push(t);
    }
    let mut drafts = Vec::new();
    for (name, twins) in by_name.into_iter().filter(|(_, twins)| twins.len() > 1) {
        let mut draft = Draft::new(
            Subject::Topology { name: name.to_owned() },
            format!("{} topologies are named {name}", twins.len()),
        );
        for t in &twins {
            draft = draft.at(t.told_by.clone(), format!("{} ({})", t.id, t.status));
        }
        let extra = twins.iter().map(|t| t.id.as_str()).max().unwrap_or_default();
        drafts.push(
            draft
                .because("they were submitted at the same moment")
                .fix(format!("stormctl kill {}", super::quoted(extra))),
        );
    }
    drafts
}

fn odd_name(facts: &Facts) -> Vec<Draft> {
    each(facts, |t| {
        let odd = t.name.chars().any(|c| c.is_whitespace() || c.is_control() || "'\"$`*?&|;<>()!#".contains(c));
        odd.then(|| {
            draft(t, format!("the name {:?} must be quoted in every command", t.name))
                .at(t.told_by.clone(), t.id.clone())
                .because("names without blanks are easier on scripts; its id works everywhere, too")
                .fix(format!("stormctl kill {}", super::quoted(&t.name)))
        })
    })
}

fn starting(facts: &Facts) -> Vec<Draft> {
    each(facts, |t| {
        if t.status == "KILLED" {
            return None;
        }
        let beats = t
            .int("executor.metrics.frequency.secs")
            .unwrap_or_else(|| facts.config.secs("executor.metrics.frequency.secs", 60));
        let silent: Vec<_> = t.workers.iter().filter(|w| w.uptime_secs == 0).collect();
        if silent.is_empty() || t.uptime_secs < 5 {
            return None;
        }
        let mut draft =
            draft(t, format!("{} of {} workers of {} have not reported yet", silent.len(), t.workers.len(), t.name));
        for worker in &silent {
            draft = draft.at(format!("{}:{}", worker.host, worker.port), format!("{} executors", worker.executors));
        }
        let limit = facts.config.secs("supervisor.worker.start.timeout.secs", 120);
        Some(
            draft
                .because(format!("they are being started (at most {limit} s), or their first statistics are on their way (every {beats} s)"))
                .fix(format!("stormctl logs {} -f", super::quoted(&t.name))),
        )
    })
}
