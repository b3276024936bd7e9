//! Worker processes of this host.

use super::{Draft, Rule, When};
use crate::facts::{Facts, LocalWorker, ProcessRole};
use crate::finding::{Severity, Subject};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "workers/no-supervisor",
        severity: Severity::Warning,
        when: When::Now,
        about: "workers run on this host without their supervisor",
        check: no_supervisor,
    },
    Rule {
        code: "workers/orphan",
        severity: Severity::Error,
        when: When::Now,
        about: "a worker runs that belongs to no topology any more, and holds its port",
        check: orphan,
    },
    Rule {
        code: "workers/no-pid-file",
        severity: Severity::Warning,
        when: When::Later,
        about: "a worker runs whose pid file is lost",
        check: no_pid_file,
    },
    Rule {
        code: "workers/silent",
        severity: Severity::Error,
        when: When::Now,
        about: "a worker runs and gives no sign of life",
        check: silent,
    },
];

fn alive(facts: &Facts) -> impl Iterator<Item = (&LocalWorker, i32)> {
    facts.host.workers.iter().filter_map(|w| Some((w, w.pid?)))
}

fn supervised(facts: &Facts) -> bool {
    facts.host.process(|r| *r == ProcessRole::Supervisor).is_some()
}

/// Whether its topology has gone: only when somebody knows all that exist.
fn forsaken(facts: &Facts, worker: &LocalWorker) -> bool {
    facts.knows_topologies()
        && worker.topology_id.as_ref().is_some_and(|id| !facts.topologies.iter().any(|t| t.id == *id))
}

fn what(worker: &LocalWorker) -> String {
    let port = worker.port.map(|p| format!(" on port {p}")).unwrap_or_default();
    format!("worker {} of {}{port}", worker.id, worker.topology_id.as_deref().unwrap_or("an unknown topology"))
}

fn no_supervisor(facts: &Facts) -> Vec<Draft> {
    let workers: Vec<(&LocalWorker, i32)> = alive(facts).filter(|(w, _)| !forsaken(facts, w)).collect();
    if supervised(facts) || workers.is_empty() {
        return Vec::new();
    }
    let mut draft = Draft::new(
        Subject::Supervisor { name: facts.host.name.clone() },
        format!("{} workers run on {} without a supervisor", workers.len(), facts.host.name),
    );
    for (worker, pid) in workers {
        draft = draft.at(format!("process {pid}"), what(worker));
    }
    if let Some((place, text)) = super::nimbus::last_words(facts, "supervisor") {
        draft = draft.at(place, text);
    }
    vec![
        draft
            .because("they outlive it by design; nobody restarts them now, and when moved they would be there twice. A supervisor that starts adopts them")
            .apply(&["start", "supervisor"]),
    ]
}

fn orphan(facts: &Facts) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (worker, pid) in alive(facts).filter(|(w, _)| forsaken(facts, w)) {
        let mut draft = Draft::new(
            Subject::Host { name: facts.host.name.clone() },
            format!("process {pid} is a {}, which does not exist any more", what(worker)),
        )
        .at(format!("process {pid}"), what(worker));
        if let Some(port) = worker.port {
            draft = draft.at(format!("{}:{port}", facts.host.name), "is held by it, so no other worker can have it");
        }
        drafts.push(if supervised(facts) {
            draft
                .because("the supervisor stops it: TERM, a few seconds, then KILL")
                .fix(format!("kill -9 {pid}      (if it is still there in a minute)"))
        } else {
            draft.because("no supervisor is here to stop it").apply(&["start", "supervisor"])
        });
    }
    drafts
}

fn no_pid_file(facts: &Facts) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (worker, pid) in alive(facts).filter(|(w, pid)| w.approved && !w.pid_files.contains(pid)) {
        let file = worker.folder.join("pids").join(pid.to_string());
        drafts.push(
            Draft::new(
                Subject::Host { name: facts.host.name.clone() },
                format!("the pid file of {} is lost", what(worker)),
            )
            .at(file.display().to_string(), "is not there")
            .at(format!("process {pid}"), "is the worker: its id is in its environment or command line")
            .because("Apache's supervisor could not stop it; ours finds it all the same")
            .fix(format!("touch {}", super::quoted(&file.display().to_string()))),
        );
    }
    drafts
}

fn silent(facts: &Facts) -> Vec<Draft> {
    let limit = facts.config.secs("supervisor.worker.timeout.secs", 30);
    let mut drafts = Vec::new();
    for (worker, pid) in alive(facts) {
        let Some(age) = worker.beat_age.filter(|age| *age > limit) else { continue };
        drafts.push(
            Draft::new(
                Subject::Host { name: facts.host.name.clone() },
                format!("{} has been silent for {age} s", what(worker)),
            )
            .at(worker.folder.join("heartbeats").display().to_string(), format!("last heartbeat {age} s ago"))
            .at(facts.config.place("supervisor.worker.timeout.secs"), format!("limit {limit} s"))
            .because("it hangs, is stopped, or the machine has no time for it")
            .fix(format!("kill -9 {pid}      (the supervisor starts another)")),
        );
    }
    drafts
}
