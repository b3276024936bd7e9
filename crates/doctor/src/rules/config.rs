//! The configuration itself.

use super::{Draft, Rule, When};
use crate::facts::Facts;
use crate::finding::{Severity, Subject};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "config/invalid",
        severity: Severity::Error,
        when: When::Now,
        about: "storm.yaml has a mistake, so no daemon starts on it",
        check: invalid,
    },
    Rule {
        code: "config/timeouts",
        severity: Severity::Warning,
        when: When::Later,
        about: "Nimbus gives a worker up as early as its supervisor does",
        check: timeouts,
    },
];

fn invalid(facts: &Facts) -> Vec<Draft> {
    let one = |m: &storm_conf::Mistake| {
        let key = m.message.split_whitespace().next().unwrap_or_default().to_owned();
        let mut draft = Draft::new(Subject::Config { key }, m.message.clone());
        draft = draft.at(m.place.to_string(), m.found.clone().unwrap_or_else(|| m.code.to_owned()));
        match &m.fix {
            Some(fix) => draft.fix(fix.clone()),
            None => draft.fix("stormctl config lint"),
        }
    };
    facts.config.mistakes.iter().map(one).collect()
}

/// What Nimbus waits must be clearly above what the supervisor waits, else a worker that could be restarted in its place is
/// moved.
fn timeouts(facts: &Facts) -> Vec<Draft> {
    const NIMBUS: &str = "nimbus.task.timeout.secs";
    const SUPERVISOR: &str = "supervisor.worker.timeout.secs";
    let config = &facts.config;
    // Storm's own defaults are equal; only somebody who chose one is told.
    if !config.is_written(NIMBUS) && !config.is_written(SUPERVISOR) {
        return Vec::new();
    }
    let (nimbus, supervisor) = (config.secs(NIMBUS, 30), config.secs(SUPERVISOR, 30));
    if nimbus > supervisor {
        return Vec::new();
    }
    let better = (supervisor * 3 / 2).to_string();
    vec![
        Draft::new(
            Subject::Config { key: NIMBUS.to_owned() },
            format!("{NIMBUS} ({nimbus}) is not above {SUPERVISOR} ({supervisor})"),
        )
        .at(config.place(NIMBUS), format!("{NIMBUS}: {nimbus}"))
        .at(config.place(SUPERVISOR), format!("{SUPERVISOR}: {supervisor}"))
        .because("whether a silent worker is restarted in its place or moved to another host is luck")
        .fix(format!("stormctl config set {NIMBUS} {better}")),
    ]
}
