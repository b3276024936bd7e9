//! The rules: pure functions from facts to findings, one table of them all.

mod component;
mod config;
mod disk;
mod memory;
mod names;
mod nimbus;
mod ports;
mod programs;
mod supervisor;
mod topology;
mod verdict;
mod workers;
mod zookeeper;

use crate::facts::Facts;
use crate::finding::{Evidence, Finding, Repair, Severity, Subject};

pub use verdict::verdict;

/// Whether a rule explains what does not run at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Now,
    /// It will hurt some day: no answer to why a topology does not run.
    Later,
}

/// One rule: its code and severity are those of all its findings.
pub struct Rule {
    pub code: &'static str,
    pub severity: Severity,
    pub when: When,
    /// What it finds, in one line.
    pub about: &'static str,
    pub check: fn(&Facts) -> Vec<Draft>,
}

/// Every rule. Among findings of one severity the order of this table is the order of the answer: causes come before what they cause.
pub const RULES: &[&[Rule]] = &[
    config::RULES,
    disk::RULES,
    zookeeper::RULES,
    nimbus::RULES,
    names::RULES,
    ports::RULES,
    memory::RULES,
    supervisor::RULES,
    workers::RULES,
    topology::RULES,
    component::RULES,
    programs::RULES,
];

pub fn all() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().copied().flatten()
}

/// What a rule has found; its code and severity are the rule's.
#[derive(Debug, Clone)]
pub struct Draft {
    subject: Subject,
    message: String,
    evidence: Vec<Evidence>,
    cause: Option<String>,
    repair: Option<Repair>,
}

impl Draft {
    pub fn new(subject: Subject, message: impl Into<String>) -> Draft {
        Draft { subject, message: message.into(), evidence: Vec::new(), cause: None, repair: None }
    }

    /// What shows it, and where.
    pub fn at(mut self, place: impl Into<String>, text: impl Into<String>) -> Draft {
        self.evidence.push(Evidence { place: place.into(), text: text.into() });
        self
    }

    pub fn because(mut self, cause: impl Into<String>) -> Draft {
        self.cause = Some(cause.into());
        self
    }

    /// What an operator types: it cannot be done from here, or is not ours to do.
    pub fn fix(mut self, command: impl Into<String>) -> Draft {
        self.repair = Some(Repair { command: command.into(), apply: None, confirm: None });
        self
    }

    /// A command of `stormctl` that can be applied from here.
    pub fn apply(mut self, args: &[&str]) -> Draft {
        let words: Vec<String> = args.iter().map(|a| quoted(a)).collect();
        let apply = args.iter().map(|a| (*a).to_owned()).collect();
        let command = format!("stormctl {}", words.join(" "));
        self.repair = Some(Repair { command, apply: Some(apply), confirm: None });
        self
    }

    /// One that ends what still lives: its name must be said by whoever applies it.
    pub fn apply_to(mut self, args: &[&str], name: &str) -> Draft {
        self = self.apply(args);
        if let Some(repair) = &mut self.repair {
            repair.confirm = Some(name.to_owned());
        }
        self
    }

    fn finish(self, rule: &Rule) -> Finding {
        let Draft { subject, message, evidence, cause, repair } = self;
        Finding { code: rule.code, severity: rule.severity, subject, message, evidence, cause, repair }
    }
}

/// A word as a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// All findings, the most urgent first.
pub fn examine(facts: &Facts) -> Vec<Finding> {
    let mut found: Vec<Finding> =
        all().flat_map(|rule| (rule.check)(facts).into_iter().map(|draft| draft.finish(rule))).collect();
    found.sort_by_key(|f| std::cmp::Reverse(f.severity));
    found
}

/// What bears on one topology: its own findings first, then what is wrong around it.
pub fn explain(facts: &Facts, topology: &str) -> Vec<Finding> {
    let about = |f: &Finding| f.subject.topology() == Some(topology);
    let now = |f: &Finding| all().any(|rule| rule.code == f.code && rule.when == When::Now);
    let mut found = examine(facts);
    found.retain(|f| about(f) || f.subject.topology().is_none() && now(f));
    found.sort_by_key(|f| (std::cmp::Reverse(f.severity), !about(f)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_words_of_their_own() {
        let mut seen = BTreeSet::new();
        for rule in all() {
            assert!(seen.insert(rule.code), "{} is there twice", rule.code);
            let good = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            let parts: Vec<&str> = rule.code.split('/').collect();
            assert!(parts.len() == 2 && parts.iter().all(|p| good(p)), "{}", rule.code);
            assert!(!rule.about.is_empty() && !rule.about.ends_with('.'), "{}", rule.code);
        }
    }

    #[test]
    fn nothing_known_is_nothing_found() {
        let found: Vec<&str> = examine(&Facts::default()).iter().map(|f| f.code).collect();
        assert_eq!(found, [] as [&str; 0]);
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("my topo"), "'my topo'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted("-w"), "-w");
        assert_eq!(quoted(""), "''");
    }
}
