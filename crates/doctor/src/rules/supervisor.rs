//! Supervisors: whether there are any, what they have on disk, whom the scheduler avoids.

use super::{Draft, Rule, When};
use crate::facts::{Facts, ProcessRole};
use crate::finding::{Severity, Subject};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "supervisor/none",
        severity: Severity::Error,
        when: When::Now,
        about: "no supervisor is registered, so nothing can run",
        check: none,
    },
    Rule {
        code: "supervisor/gone",
        severity: Severity::Error,
        when: When::Now,
        about: "this host's supervisor is registered, but does not run",
        check: gone,
    },
    Rule {
        code: "supervisor/not-registered",
        severity: Severity::Error,
        when: When::Now,
        about: "this host's supervisor runs, but ZooKeeper does not list it",
        check: not_registered,
    },
    Rule {
        code: "supervisor/state-broken",
        severity: Severity::Warning,
        when: When::Now,
        about: "a state file of this host's daemons is broken, as after a loss of power",
        check: state_broken,
    },
    Rule {
        code: "supervisor/topology-files",
        severity: Severity::Error,
        when: When::Now,
        about: "files of a topology are missing on this host",
        check: topology_files,
    },
    Rule {
        code: "supervisor/worker-id",
        severity: Severity::Error,
        when: When::Now,
        about: "the supervisor's record names a worker that can be none",
        check: worker_id,
    },
    Rule {
        code: "supervisor/blacklisted",
        severity: Severity::Error,
        when: When::Now,
        about: "the scheduler avoids a host because its workers failed",
        check: blacklisted,
    },
];

fn none(facts: &Facts) -> Vec<Draft> {
    let registered = match (&facts.nimbus.summary, &facts.zookeeper.tree) {
        (Some(summary), _) => summary.supervisors.len(),
        (None, Some(tree)) => tree.supervisors.len(),
        (None, None) => return Vec::new(),
    };
    if registered > 0 {
        return Vec::new();
    }
    let root = facts.zookeeper.tree.as_ref().map_or("/storm", |t| t.root.as_str());
    let mut draft =
        Draft::new(Subject::Cluster, "no supervisor is registered").at(format!("{root}/supervisors"), "is empty");
    match facts.host.process(|r| *r == ProcessRole::Supervisor) {
        Some(process) => {
            draft =
                draft.at(format!("process {}", process.pid), "a supervisor runs on this host and has not registered")
        }
        None => {
            if let Some((place, text)) = super::nimbus::last_words(facts, "supervisor") {
                draft = draft.at(place, text);
            }
        }
    }
    vec![draft.because("without slots no topology can run").apply(&["start", "supervisor"])]
}

/// Its node lives until its session ends.
fn gone(facts: &Facts) -> Vec<Draft> {
    let (Some(tree), Some(id)) = (&facts.zookeeper.tree, &facts.host.supervisor_id) else { return Vec::new() };
    let runs = facts.host.process(|r| *r == ProcessRole::Supervisor).is_some();
    if runs || !tree.supervisors.contains_key(id) {
        return Vec::new();
    }
    let limit = facts.config.secs("storm.zookeeper.session.timeout", 20_000) / 1000;
    let mut draft = Draft::new(
        Subject::Supervisor { name: facts.host.name.clone() },
        format!("the supervisor of {} has gone, and its node is still there", facts.host.name),
    )
    .at(format!("{}/supervisors/{id}", tree.root), "is there")
    .at(facts.host.name.clone(), "no such process");
    if let Some((place, text)) = super::nimbus::last_words(facts, "supervisor") {
        draft = draft.at(place, text);
    }
    vec![
        draft
            .because(format!("Nimbus counts on it until its session ends, {limit} s after it died"))
            .apply(&["start", "supervisor"]),
    ]
}

fn not_registered(facts: &Facts) -> Vec<Draft> {
    let (Some(tree), Some(id)) = (&facts.zookeeper.tree, &facts.host.supervisor_id) else { return Vec::new() };
    let Some(process) = facts.host.process(|r| *r == ProcessRole::Supervisor) else { return Vec::new() };
    // Where none at all is registered, that is said already.
    if tree.supervisors.is_empty() || tree.supervisors.contains_key(id) {
        return Vec::new();
    }
    vec![
        Draft::new(
            Subject::Supervisor { name: facts.host.name.clone() },
            format!("the supervisor of {} runs, but ZooKeeper does not list it", facts.host.name),
        )
        .at(format!("process {}", process.pid), process.command.clone())
        .at(format!("{}/supervisors/{id}", tree.root), "is not there")
        .because("its session has ended and it has not made its node again")
        .apply(&["restart", "supervisor"]),
    ]
}

fn state_broken(facts: &Facts) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for store in &facts.host.stores {
        let Some((file, why)) = &store.broken else { continue };
        let left = if store.fallback {
            "the version before it is readable and will be used: what happened after it is lost"
        } else {
            "no older version is readable: it starts empty, and the workers of this host are started anew"
        };
        drafts.push(
            Draft::new(
                Subject::Supervisor { name: facts.host.name.clone() },
                format!("the state in {} is broken", store.path.display()),
            )
            .at(file.display().to_string(), why.clone())
            .because(format!("it was cut off or overwritten; {left}"))
            .apply(&["restart", "supervisor"]),
        );
    }
    drafts
}

fn topology_files(facts: &Facts) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for assignment in facts.host.assignments.iter().filter(|a| !a.missing.is_empty()) {
        let id = &assignment.topology_id;
        let name = facts.topologies.iter().find(|t| t.id == *id).map_or(id.as_str(), |t| t.name.as_str());
        let mut draft = Draft::new(
            Subject::Topology { name: name.to_owned() },
            format!("files of {id} are missing on {}", facts.host.name),
        );
        for file in &assignment.missing {
            draft = draft.at(file.display().to_string(), "is not there");
        }
        draft = draft.at(format!("{}:{}", facts.host.name, assignment.port), "is to run it");
        let fetching = facts.host.process(|r| *r == ProcessRole::Supervisor).is_some();
        drafts.push(if fetching {
            draft
                .because("the supervisor fetches them from Nimbus; the other topologies of this host go on")
                .fix("stormctl logs supervisor -f")
        } else {
            draft
                .because("they have been deleted; the supervisor fetches them again when it starts")
                .apply(&["start", "supervisor"])
        });
    }
    drafts
}

fn worker_id(facts: &Facts) -> Vec<Draft> {
    let bad = |w: &&crate::facts::LocalWorker| !storm_supervisor::layout::is_file_name(&w.id);
    let draft = |w: &crate::facts::LocalWorker| {
        let port = w.port.map_or("a port".to_owned(), |p| format!("port {p}"));
        Draft::new(
            Subject::Supervisor { name: facts.host.name.clone() },
            format!("the supervisor's record has the worker id {:?} for {port}", w.id),
        )
        .at(w.folder.display().to_string(), format!("approved-workers: {:?}", w.id))
        .because("with such a name the folder of all workers would be taken for that of one; it is passed over")
        .apply(&["restart", "supervisor"])
    };
    facts.host.workers.iter().filter(bad).map(draft).collect()
}

fn blacklisted(facts: &Facts) -> Vec<Draft> {
    let Some(summary) = &facts.nimbus.summary else { return Vec::new() };
    let secs = facts.config.secs("blacklist.scheduler.resume.time.secs", 1800);
    let mut drafts = Vec::new();
    for supervisor in summary.supervisors.iter().filter(|s| s.blacklisted == Some(true)) {
        let host = &supervisor.host;
        let mut draft = Draft::new(
            Subject::Supervisor { name: host.clone() },
            format!("the scheduler avoids {host}, for up to {secs} s"),
        )
        .at(host.clone(), format!("{} slots, blacklisted", supervisor.num_workers));
        let mut guilty = None;
        for topology in &facts.topologies {
            for component in &topology.components {
                if let Some(fault) = component.last_error.as_ref().filter(|f| f.host.as_deref() == Some(host)) {
                    draft = draft.at(fault.place(), format!("{}: {}", topology.name, first_line(&fault.text)));
                    guilty.get_or_insert_with(|| topology.name.clone());
                }
            }
        }
        drafts.push(match guilty {
            Some(name) => draft
                .because(format!(
                    "workers of {name} kept failing there: it is the topology, not the host, that is at fault"
                ))
                .fix(format!("stormctl deactivate {}", super::quoted(&name))),
            None => draft
                .because("its workers kept failing, or it was away too often")
                .fix(format!("ssh {host} stormctl doctor      (a restart of the leading Nimbus lifts it)")),
        });
    }
    drafts
}

pub(super) fn first_line(text: &str) -> &str {
    text.lines().find(|l| !l.trim().is_empty()).unwrap_or_default()
}
