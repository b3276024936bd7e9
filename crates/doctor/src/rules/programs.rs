//! Programs that are found by name, or by a variable: the Java that Apache's programs run on, and what answers to `storm`.

use super::{Draft, Rule, When};
use crate::facts::{Facts, StormProgram};
use crate::finding::{Severity, Subject};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "java/home",
        severity: Severity::Warning,
        when: When::Later,
        about: "JAVA_HOME names a folder that has no Java",
        check: java_home,
    },
    Rule {
        code: "path/storm-hidden",
        severity: Severity::Warning,
        when: When::Later,
        about: "another program called storm comes before Apache Storm's on PATH",
        check: hidden,
    },
    Rule {
        code: "path/storm-other",
        severity: Severity::Info,
        when: When::Later,
        about: "the program called storm on PATH is not Apache Storm's",
        check: other,
    },
];

fn host(facts: &Facts) -> Subject {
    Subject::Host { name: facts.host.name.clone() }
}

fn java_home(facts: &Facts) -> Vec<Draft> {
    let programs = &facts.host.programs;
    let Some(home) = programs.java_home.as_ref().filter(|_| !programs.java_home_is_one) else { return Vec::new() };
    let draft = Draft::new(host(facts), format!("JAVA_HOME is {}, which has no bin/java", home.display()))
        .at("JAVA_HOME", format!("{} is not there", home.join("bin/java").display()))
        .because("Apache Storm and Apache ZooKeeper start what the variable names, and look nowhere else");
    let found = match &programs.java_on_path {
        Some(java) => draft.at("PATH", format!("{} is a Java", java.display())).fix("unset JAVA_HOME"),
        None => draft.at("PATH", "has no java either").fix("export JAVA_HOME=...      the folder of a JDK or JRE"),
    };
    vec![found]
}

/// The first one, and whether Apache's comes behind it.
fn foreign(facts: &Facts) -> Option<(Draft, bool)> {
    let all = &facts.host.programs.storms;
    let first = all.first().filter(|storm| !storm.apache)?;
    let draft = Draft::new(host(facts), format!("storm is {}, which is not Apache Storm's", first.path.display()));
    let draft = all.iter().fold(draft, |draft, StormProgram { path, apache }| {
        draft.at(path.display().to_string(), if *apache { "Apache Storm's" } else { "another program" })
    });
    Some((draft, all.iter().any(|storm| storm.apache)))
}

fn hidden(facts: &Facts) -> Vec<Draft> {
    let Some((draft, true)) = foreign(facts) else { return Vec::new() };
    let apache = facts.host.programs.storms.iter().find(|storm| storm.apache).and_then(|s| s.path.parent());
    let fix = apache.map(|dir| format!("export PATH={}:$PATH", dir.display())).unwrap_or_default();
    vec![draft.because("other programs have that name, too; the first one on PATH is run").fix(fix)]
}

fn other(facts: &Facts) -> Vec<Draft> {
    let Some((draft, false)) = foreign(facts) else { return Vec::new() };
    vec![draft.because("whatever calls storm, such as a wrapper, gets that program; stormctl is no storm on PATH")]
}
