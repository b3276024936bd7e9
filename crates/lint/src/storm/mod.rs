//! Rules for `storm.yaml`: slips of the hand in its text, then what its values mean.

mod document;
mod hosts;
mod jvm;
mod kinds;
mod memory;
mod names;
mod needs;
mod nested;
mod order;
mod paths;
mod ports;
mod scan;
mod slips;
mod values;

pub use order::{Misordered, misordered};

use crate::finding::{Finding, Level};
use crate::host::Host;
use crate::subject::Subject;
use crate::text::{apply, origin};

pub(crate) use document::Document;
pub(crate) use hosts::{host_fault, is_loopback};

/// Everything that is wrong with one file by itself.
pub(crate) fn check(subject: &Subject, host: &Host) -> Vec<Finding> {
    let mut findings = slips::check(subject);
    let edits: Vec<_> = findings.iter().filter_map(|f| f.fix.as_ref()).flat_map(|f| f.edits.clone()).collect();
    let mended = if edits.is_empty() { None } else { apply(subject.text.as_str(), &edits) };
    let Some(mended) = mended else {
        let document = Document::read(subject);
        findings.extend(document.syntax());
        findings.extend(meaning(&document, host));
        return findings;
    };
    let before = Document::read(subject);
    if before.is_unreadable() && !findings.iter().any(|f| f.level == Level::Error) {
        findings.iter_mut().for_each(|f| f.level = Level::Error);
    }
    // The slips hide the rest: look at it as it would be without them, and tell where it stands now.
    let mended = subject.with_text(mended);
    let document = Document::read(&mended);
    let rest = document.syntax().into_iter().chain(meaning(&document, host));
    let told: Vec<usize> = findings.iter().map(|f| f.mark.line).collect();
    for mut finding in rest {
        let at = document.offset(finding.mark);
        finding.mark = subject.text.mark(origin(&edits, at));
        // What must be mended first may move; later it has its own edits.
        if let Some(fix) = &mut finding.fix {
            fix.edits.clear();
        }
        if finding.code != "config/syntax" || !told.contains(&finding.mark.line) {
            findings.push(finding);
        }
    }
    findings
}

fn meaning(document: &Document<'_>, host: &Host) -> Vec<Finding> {
    let mut findings = kinds::check(document);
    findings.extend(nested::check(document));
    findings.extend(names::check(document));
    findings.extend(values::check(document));
    findings.extend(hosts::check(document));
    findings.extend(ports::check(document, host));
    findings.extend(paths::check(document, host));
    findings.extend(order::check(document));
    findings.extend(needs::check(document));
    findings.extend(jvm::check(document));
    findings.extend(memory::check(document, host));
    findings
}
