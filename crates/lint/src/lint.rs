//! Everything that is wrong with some files.

use crate::finding::{Finding, Level};
use crate::host::Host;
use crate::subject::{Format, Subject};
use crate::{log4j, storm, together, zoo};

/// What is wrong with the files, each by itself and all together, in the order of files and places.
pub fn lint(subjects: &[Subject], host: &Host) -> Vec<Finding> {
    let mut findings: Vec<Finding> = subjects
        .iter()
        .flat_map(|subject| match subject.format {
            Format::Storm => storm::check(subject, host),
            Format::Zoo => zoo::check(subject, host),
            Format::Log4j => log4j::check(subject),
        })
        .collect();
    findings.extend(subjects.iter().filter_map(garbled));
    findings.extend(together::check(subjects));
    let order = |f: &Finding| subjects.iter().position(|s| s.path == f.path);
    findings.sort_by_key(|f| (order(f), f.mark, f.level));
    findings
}

fn garbled(subject: &Subject) -> Option<Finding> {
    Some(Finding {
        code: "config/encoding",
        level: Level::Warning,
        path: subject.path.clone(),
        mark: subject.garbled?,
        message: "the file is not UTF-8 here".to_owned(),
        found: None,
        related: None,
        fix: None,
        hint: Some("save it as UTF-8".to_owned()),
    })
}
