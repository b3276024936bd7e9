//! Applying what findings propose, and looking again: nothing is taken that does not make the file better.

use std::collections::HashSet;

use crate::finding::{Finding, Level};
use crate::host::Host;
use crate::lint::lint;
use crate::subject::Subject;
use crate::text::{Edit, apply};

/// What became of a file.
#[derive(Debug, Clone)]
pub struct Mended {
    pub text: String,
    /// What was mended, in the order in which it was.
    pub mended: Vec<Finding>,
    /// What is still wrong.
    pub left: Vec<Finding>,
}

impl Mended {
    /// Whether something is left for which no daemon starts.
    pub fn is_broken(&self) -> bool {
        self.left.iter().any(|f| f.level == Level::Error)
    }
}

/// More changes than any file needs.
const MOST: usize = 1000;

/// Mends one of the files (the one with this index) as far as its findings know how. Findings with an `allowed` code are
/// left as they are.
pub fn mend(subjects: &[Subject], which: usize, host: &Host, allowed: &[String]) -> Mended {
    let mut subjects = subjects.to_vec();
    let path = subjects[which].path.clone();
    let look = |subjects: &[Subject]| -> Vec<Finding> {
        let own = |f: &Finding| f.path == path && !allowed.iter().any(|a| a == f.code);
        lint(subjects, host).into_iter().filter(own).collect()
    };
    let mut left = look(&subjects);
    let mut mended = Vec::new();
    let mut seen = HashSet::from([subjects[which].text.as_str().to_owned()]);
    while mended.len() < MOST {
        let mut attempt = |findings: &[&Finding]| {
            let edits: Vec<Edit> = findings.iter().flat_map(|f| edits(f)).cloned().collect();
            let text = apply(subjects[which].text.as_str(), &edits)?;
            if !seen.insert(text.clone()) {
                return None;
            }
            let mut tried = subjects.clone();
            tried[which] = subjects[which].with_text(text);
            let after = look(&tried);
            let done: Vec<Finding> = findings.iter().map(|f| (*f).clone()).collect();
            (badness(&after) < badness(&left)).then_some((done, tried, after))
        };
        // All at once, and one by one only where that makes nothing better.
        let together = apart(&left);
        let next = if together.is_empty() { None } else { attempt(&together) };
        let next = next.or_else(|| left.iter().filter(|f| !edits(f).is_empty()).find_map(|f| attempt(&[f])));
        let Some((done, tried, after)) = next else { break };
        (subjects, left) = (tried, after);
        mended.extend(done);
    }
    Mended { text: subjects[which].text.as_str().to_owned(), mended, left }
}

fn edits(finding: &Finding) -> &[Edit] {
    finding.fix.as_ref().map_or(&[], |f| f.edits.as_slice())
}

/// Findings whose changes do not touch each other, the first ones first.
fn apart(findings: &[Finding]) -> Vec<&Finding> {
    let mut taken: Vec<&Edit> = Vec::new();
    let mut chosen = Vec::new();
    for finding in findings {
        let own = edits(finding);
        let touches = |a: &Edit, b: &Edit| a.range.start <= b.range.end && b.range.start <= a.range.end;
        if !own.is_empty() && own.iter().all(|edit| !taken.iter().any(|t| touches(edit, t))) {
            taken.extend(own);
            chosen.push(finding);
        }
    }
    chosen
}

/// Smaller is better: a document that cannot be read hides more than it shows.
fn badness(findings: &[Finding]) -> (usize, usize, usize) {
    let count = |test: fn(&Finding) -> bool| findings.iter().filter(|f| test(f)).count();
    (
        count(|f| f.code == "config/syntax" || f.code == "log4j/syntax"),
        count(|f| f.level == Level::Error),
        count(|_| true),
    )
}
