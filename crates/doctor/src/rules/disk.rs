//! Folders: whether they can be written, last, and have room.

use std::path::Path;

use super::{Draft, Rule, When};
use crate::facts::{Dir, Facts};
use crate::finding::{Severity, Subject};

/// Below this much nothing can be unpacked any more.
const LOW_BYTES: u64 = 256 << 20;
const LOW_INODES: u64 = 1000;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "disk/unwritable",
        severity: Severity::Error,
        when: When::Now,
        about: "a folder that a daemon must write to cannot be written",
        check: unwritable,
    },
    Rule {
        code: "disk/full",
        severity: Severity::Error,
        when: When::Now,
        about: "a folder that a daemon must write to has no room left",
        check: full,
    },
    Rule {
        code: "disk/temporary",
        severity: Severity::Warning,
        when: When::Later,
        about: "state is kept where the system cleans up, or in memory",
        check: temporary,
    },
];

fn each(
    facts: &Facts,
    check: impl Fn(&Facts, &Dir, Draft) -> Option<Draft>,
    message: impl Fn(&Dir) -> String,
) -> Vec<Draft> {
    let draft = |dir: &Dir| {
        Draft::new(Subject::Host { name: facts.host.name.clone() }, message(dir))
            .at(facts.config.place(dir.key), format!("{}: {}", dir.key, dir.path.display()))
    };
    facts.host.dirs.iter().filter_map(|dir| check(facts, dir, draft(dir))).collect()
}

fn unwritable(facts: &Facts) -> Vec<Draft> {
    let check = |_: &Facts, dir: &Dir, draft: Draft| {
        let why = dir.unwritable.as_ref()?;
        let folder = super::quoted(&dir.path.display().to_string());
        Some(
            draft
                .at(dir.path.display().to_string(), why.clone())
                .because("a supervisor that cannot write offers no slots; Nimbus and ZooKeeper cannot keep anything")
                .fix(format!("mkdir -p {folder} && chown -R \"$USER\" {folder}")),
        )
    };
    each(facts, check, |dir| format!("{} cannot be written", dir.path.display()))
}

fn full(facts: &Facts) -> Vec<Draft> {
    let check = |_: &Facts, dir: &Dir, draft: Draft| {
        let bytes = dir.free_bytes.filter(|free| *free < LOW_BYTES);
        // A file system without numbered files says zero.
        let inodes = dir.free_inodes.filter(|free| (1..LOW_INODES).contains(free));
        let left = match (bytes, inodes) {
            (Some(bytes), _) => format!("{} MB are free", bytes >> 20),
            (None, Some(inodes)) => format!("{inodes} more files fit"),
            (None, None) => return None,
        };
        let folder = super::quoted(&dir.path.display().to_string());
        Some(draft.at(dir.path.display().to_string(), left).fix(format!("du -xsh {folder}/* | sort -h")))
    };
    each(facts, check, |dir| format!("the disk of {} is full", dir.path.display()))
}

fn temporary(facts: &Facts) -> Vec<Draft> {
    let check = |_: &Facts, dir: &Dir, draft: Draft| {
        // Logs may go; state may not.
        if dir.key == "storm.log.dir" {
            return None;
        }
        let swept = ["/tmp", "/var/tmp", "/dev/shm"].iter().any(|tmp| dir.path.starts_with(Path::new(tmp)));
        if !swept && !dir.in_memory {
            return None;
        }
        let safe = if dir.key == "storm.local.dir" { "/var/lib/storm" } else { "/var/lib/storm-zookeeper" };
        let why = if dir.in_memory {
            "it is in memory"
        } else {
            "the system removes files from there that have not been used for days"
        };
        Some(draft.because(why).fix(format!(
            "stormctl stop && mv {0} {safe} && stormctl config set {1} {safe} && stormctl start",
            super::quoted(&dir.path.display().to_string()),
            dir.key
        )))
    };
    each(facts, check, |dir| format!("{} keeps its state in {}", dir.key, dir.path.display()))
}
