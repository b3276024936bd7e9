//! `stormctl logs NAME`: what the workers of a topology on this machine have logged, in order of time.

mod coverage;
mod entry;
mod merge;
mod show;
mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::cli::{self, Format, Role};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

pub use entry::Level;
use merge::Merge;
use show::{Filter, Output, Tail};
use source::Source;

/// How long between two looks for more, with `-f`.
const LOOK: Duration = Duration::from_millis(100);
/// How long between two looks for workers that have come.
const WORKERS: Duration = Duration::from_secs(2);

pub async fn run(ctx: &Context, args: &cli::Logs) -> Result<(), Failure> {
    let since = args.since.as_deref().map(since).transpose()?;
    let until = args.until.as_deref().map(self::since).transpose()?;
    let filter = Filter::new(args, since.map(millis), until.map(millis))?;
    let mut wanted = wanted(ctx, &args.name)?;
    if let Wanted::Topology { ports, .. } = &mut wanted {
        let coverage = coverage::ask(ctx, &args.name, args.component.as_deref()).await?;
        *ports = coverage.ports;
        for note in coverage.notes {
            ctx.printer.note(&note);
        }
    } else if args.component.is_some() {
        return Err(Failure::new(Exit::Usage, "usage/component", "a daemon has no components")
            .hint("name a topology with --component"));
    }
    // Of many gigabytes only the end is asked for: older parts are left alone.
    let since = if args.tail.is_some() && since.is_none() { Some(SystemTime::now()) } else { since };
    let offset = local_offset_secs();
    let mut merge = Merge::default();
    wanted.add_new(&mut merge, since, offset)?;
    if merge.len() == 0 && !args.follow {
        return Err(wanted.nothing());
    }
    let mut output = Output::new(ctx, args.follow);
    output.labels(merge.len() > 1);
    let mut tail = args.tail.map(Tail::new);
    while let Some(entry) = merge.next()? {
        if filter.lets(&entry) {
            match &mut tail {
                Some(tail) => tail.push(entry),
                None => output.show(&entry)?,
            }
        }
    }
    for entry in tail.into_iter().flat_map(Tail::entries) {
        output.show(&entry)?;
    }
    if !args.follow {
        return output.end();
    }
    let mut looked = Instant::now();
    loop {
        output.flush()?;
        tokio::time::sleep(LOOK).await;
        if looked.elapsed() >= WORKERS {
            looked = Instant::now();
            wanted.add_new(&mut merge, None, offset)?;
            output.labels(merge.len() > 1);
        }
        while let Some(entry) = merge.next()? {
            if filter.lets(&entry) {
                output.show(&entry)?;
            }
        }
    }
}

/// Whose logs.
enum Wanted {
    Daemon {
        role: Role,
        path: PathBuf,
    },
    /// The folder of a topology, which may hold only some ports of interest.
    Topology {
        name: String,
        root: PathBuf,
        id: String,
        ports: Option<BTreeSet<String>>,
    },
}

fn wanted(ctx: &Context, name: &str) -> Result<Wanted, Failure> {
    if let Some(role) = Role::of_name(name) {
        return Ok(Wanted::Daemon { role, path: role.log_file(&ctx.conf) });
    }
    let root = ctx.conf.artifacts_dir();
    let Some(id) = newest(&root, name) else {
        return Err(Failure::new(
            Exit::NotFound,
            "logs/none",
            format!("no worker of \"{name}\" has logged on this machine"),
        )
        .evidence(root.display().to_string())
        .hint(format!("stormctl describe {name}      says on which machines its workers run")));
    };
    Ok(Wanted::Topology { name: name.to_owned(), root, id, ports: None })
}

impl Wanted {
    /// Adds the logs that are there and are not read yet.
    fn add_new(&self, merge: &mut Merge, since: Option<SystemTime>, offset: i64) -> Result<(), Failure> {
        match self {
            Wanted::Daemon { role, path } => {
                if path.is_file() && !merge.has(role.name()) {
                    merge.add(Source::new(role.name(), path.clone(), since, offset));
                }
            }
            Wanted::Topology { root, id, ports, .. } => {
                let mut found: Vec<(String, PathBuf)> = Vec::new();
                for port in fs::read_dir(root.join(id)).into_iter().flatten().flatten() {
                    let (label, path) =
                        (port.file_name().to_string_lossy().into_owned(), port.path().join("worker.log"));
                    let wanted = ports.as_ref().is_none_or(|ports| ports.contains(&label));
                    if wanted && !merge.has(&label) && path.is_file() {
                        found.push((label, path));
                    }
                }
                found.sort();
                for (label, path) in found {
                    merge.add(Source::new(&label, path, since, offset));
                }
            }
        }
        Ok(())
    }

    fn nothing(&self) -> Failure {
        let none = |text: String, place: &Path| {
            Failure::new(Exit::NotFound, "logs/none", text).evidence(place.display().to_string())
        };
        match self {
            Wanted::Daemon { role, path } => none(format!("{} has no log on this machine", role.name()), path),
            Wanted::Topology { id, root, ports: None, .. } => {
                none(format!("the workers of {id} have logged nothing yet"), &root.join(id))
            }
            Wanted::Topology { name, id, root, .. } => {
                none(format!("no worker of {name} on this machine runs that component"), &root.join(id))
                    .hint(format!("stormctl describe {name}      says where its workers run"))
            }
        }
    }
}

/// The folder of the topology with this id, else of the youngest with this name (`NAME-NUMBER-SECONDS`).
fn newest(root: &Path, name: &str) -> Option<String> {
    let mut youngest: Option<(u64, String)> = None;
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let id = entry.file_name().to_string_lossy().into_owned();
        if id == name {
            return Some(id);
        }
        let mut parts = id.rsplitn(3, '-');
        let (secs, number, own) = (parts.next(), parts.next(), parts.next());
        let (Some(secs), Some(_)) = (secs.and_then(|s| s.parse().ok()), number.and_then(|n| n.parse::<u64>().ok()))
        else {
            continue;
        };
        if own == Some(name) && youngest.as_ref().is_none_or(|(other, _)| secs > *other) {
            youngest = Some((secs, id));
        }
    }
    youngest.map(|(_, id)| id)
}

/// A time such as `2026-08-02T10:00`, or how long ago: `10m`.
fn since(text: &str) -> Result<SystemTime, Failure> {
    if let Ok(ago) = cli::duration(text) {
        return Ok(SystemTime::now().checked_sub(ago).unwrap_or(UNIX_EPOCH));
    }
    // What is not said of a time is zero.
    let full = "0000-00-00T00:00:00.000Z";
    let mut whole = text.trim_end_matches('Z').to_owned();
    whole.push_str(full.get(whole.len()..23).unwrap_or_default());
    let zone = if text.ends_with('Z') { "Z" } else { "" };
    let millis = entry::stamp(&format!("{whole}{zone}"), local_offset_secs());
    let millis = millis.and_then(|ms| u64::try_from(ms).ok()).filter(|_| text.len() >= 10);
    millis.map(|ms| UNIX_EPOCH + Duration::from_millis(ms)).ok_or_else(|| {
        Failure::new(Exit::Usage, "usage/since", format!("\"{text}\" is neither a time nor a length of time"))
            .hint("write 10m, 2h, 2026-08-02T10:00 (local time) or 2026-08-02T10:00Z")
    })
}

fn millis(time: SystemTime) -> i64 {
    i64::try_from(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}

/// By how much local time is ahead of UTC. The machine's own `date` knows; where there is none, nothing says so.
fn local_offset_secs() -> i64 {
    let said = Command::new("date").arg("+%z").output().ok();
    said.and_then(|out| offset(String::from_utf8_lossy(&out.stdout).trim())).unwrap_or(0)
}

/// `+0530`
fn offset(text: &str) -> Option<i64> {
    let (sign, digits) = text.split_at_checked(1)?;
    let number = |at: std::ops::Range<usize>| digits.get(at)?.parse::<i64>().ok();
    let secs = number(0..2)? * 3600 + number(2..4)? * 60;
    match sign {
        "+" => Some(secs),
        "-" => Some(-secs),
        _ => None,
    }
}

/// Whether entries are shown as objects.
fn is_structured(format: Format) -> bool {
    matches!(format, Format::Json | Format::Jsonl | Format::Yaml)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_the_youngest_topology() {
        let dir = tempfile::tempdir().unwrap();
        for id in ["wc-1-100", "wc-2-200", "wc-x-9-300", "wc-2-old"] {
            fs::create_dir(dir.path().join(id)).unwrap();
        }
        assert_eq!(newest(dir.path(), "wc").as_deref(), Some("wc-2-200"));
        assert_eq!(newest(dir.path(), "wc-x").as_deref(), Some("wc-x-9-300"));
        assert_eq!(newest(dir.path(), "wc-1-100").as_deref(), Some("wc-1-100"));
        assert_eq!(newest(dir.path(), "w"), None);
    }

    #[test]
    fn since_a_time_or_a_while() {
        assert_eq!(millis(since("2026-08-02T10:02:21.991Z").unwrap()), 1_785_664_941_991);
        assert_eq!(millis(since("2026-08-02T10:02Z").unwrap()), 1_785_664_920_000);
        assert!(since("2026-08-02").is_ok());
        let ago = SystemTime::now().duration_since(since("10m").unwrap()).unwrap();
        assert!((599..=660).contains(&ago.as_secs()), "{ago:?}");
        for wrong in ["yesterday", "2026-08", "10:00"] {
            assert_eq!(since(wrong).unwrap_err().exit, Exit::Usage, "{wrong}");
        }
        assert_eq!((offset("+0530"), offset("-0100"), offset("UTC")), (Some(19_800), Some(-3600), None));
    }
}
