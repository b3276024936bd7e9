//! `stormctl kill-workers`: ends every worker of this machine, as its Supervisor would.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::{Map, json};
use storm_machine::process::sweep::{self, Scope};
use storm_machine::process::{Entry, Identity};

use crate::change::Change;
use crate::cli;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// By this much the clock of files and that of processes may differ.
const SLACK: Duration = Duration::from_secs(2);

pub fn run(ctx: &Context, args: &cli::storm::KillWorkers) -> Result<(), Failure> {
    let local_dir = ctx.conf.local_dir();
    let folder = local_dir.join("workers");
    // What the Supervisor wrote down, and what is known by its environment: children of workers.
    let mut found: BTreeMap<i32, Entry> = recorded(&folder).into_iter().map(|e| (e.pid, e)).collect();
    found.extend(sweep::workers(&Scope::new(ctx.file.as_deref(), &local_dir)).into_iter().map(|e| (e.pid, e)));
    let entries: Vec<Entry> = found.into_values().collect();
    let pids: Vec<String> = entries.iter().map(|e| e.pid.to_string()).collect();
    if !args.dry.dry_run && !entries.is_empty() {
        let secs = ctx.conf.int("supervisor.worker.shutdown.sleep.secs").and_then(|s| u64::try_from(s).ok());
        let identities: Vec<Identity> = entries.iter().filter_map(|e| Identity::of(e.pid)).collect();
        sweep::end(&entries, ctx.global.timeout.unwrap_or(Duration::from_secs(secs.unwrap_or(3))));
        let left: Vec<String> = identities.iter().filter(|i| i.entry().is_some()).map(|i| i.pid.to_string()).collect();
        if !left.is_empty() {
            return Err(Failure::new(Exit::Partly, "kill-workers/left", format!("{} did not end", left.join(", ")))
                .hint("run it as their user, or as root"));
        }
    }
    let message = match (entries.is_empty(), args.dry.dry_run) {
        (true, _) => format!("no worker runs under {}", folder.display()),
        (false, true) => format!("would end {}", pids.join(", ")),
        (false, false) => format!("ended {}; a running Supervisor starts them again", pids.join(", ")),
    };
    ctx.printer.show(&Change {
        action: "kill-workers",
        message,
        names: pids,
        next: None,
        details: Map::from_iter([("dry_run".to_owned(), json!(args.dry.dry_run))]),
    })
}

/// The living processes that `workers/ID/pids` names.
fn recorded(folder: &Path) -> Vec<Entry> {
    let mut found = Vec::new();
    for worker in fs::read_dir(folder).into_iter().flatten().flatten() {
        for file in fs::read_dir(worker.path().join("pids")).into_iter().flatten().flatten() {
            let pid = file.file_name().to_str().and_then(|n| n.parse().ok());
            let written = file.metadata().and_then(|m| m.modified()).ok();
            let Some((pid, written)) = pid.zip(written) else { continue };
            // A process that began after its file was written has only got the number of the one that is meant.
            let entry = Entry::of(pid).filter(Entry::alive);
            found.extend(entry.filter(|e| began(e).is_some_and(|at| at <= written + SLACK)));
        }
    }
    found
}

fn began(entry: &Entry) -> Option<SystemTime> {
    SystemTime::now().checked_sub(Duration::try_from_secs_f64(entry.uptime_secs()?).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_older_than_its_file_is_meant() {
        let dir = tempfile::tempdir().unwrap();
        let pids = dir.path().join("w1/pids");
        fs::create_dir_all(&pids).unwrap();
        let me = std::process::id();
        let file = fs::File::create(pids.join(me.to_string())).unwrap();
        fs::write(pids.join("not-a-pid"), "").unwrap();
        assert_eq!(recorded(dir.path()).iter().map(|e| e.pid as u32).collect::<Vec<_>>(), [me]);
        file.set_modified(SystemTime::now() - Duration::from_secs(86_400 * 300)).unwrap();
        assert_eq!(recorded(dir.path()), []);
        assert_eq!(recorded(Path::new("/nowhere")), []);
    }
}
