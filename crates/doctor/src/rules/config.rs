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
        code: "config/order",
        severity: Severity::Warning,
        when: When::Later,
        about: "two values are in the wrong order, such as Nimbus giving a worker up as early as its supervisor does",
        check: order,
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

/// The pairs that `config lint` knows, over what counts here: files, defaults and `-c` together.
fn order(facts: &Facts) -> Vec<Draft> {
    let config = &facts.config;
    let number = |key: &str| config.conf.get(key).and_then(serde_json::Value::as_f64);
    let one = |m: storm_lint::Misordered| {
        let value = |key: &str| format!("{key}: {}", number(key).unwrap_or_default());
        Draft::new(Subject::Config { key: m.large.to_owned() }, m.message)
            .at(config.place(m.large), value(m.large))
            .at(config.place(m.small), value(m.small))
            .because(m.why)
            .fix(m.fix)
    };
    storm_lint::misordered(&number, &|key| config.is_written(key)).into_iter().map(one).collect()
}
