//! Applying what findings propose, one after the other, each looked at again.

use std::collections::HashSet;

use crate::finding::{Finding, Level};
use crate::host::Host;
use crate::lint::lint;
use crate::subject::Subject;
use crate::text::apply;

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
        let next = left.iter().find_map(|finding| {
            let edits = finding.fix.as_ref().map(|f| &f.edits).filter(|e| !e.is_empty())?;
            let text = apply(subjects[which].text.as_str(), edits)?;
            if seen.contains(&text) {
                return None;
            }
            let mut tried = subjects.clone();
            tried[which] = subjects[which].with_text(text);
            let after = look(&tried);
            (badness(&after) < badness(&left)).then(|| (finding.clone(), tried, after))
        });
        let Some((finding, tried, after)) = next else { break };
        seen.insert(tried[which].text.as_str().to_owned());
        (subjects, left) = (tried, after);
        mended.push(finding);
    }
    Mended { text: subjects[which].text.as_str().to_owned(), mended, left }
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
