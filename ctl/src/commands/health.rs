//! `stormctl node-health-check`: the scripts of `storm.health.check.dir`, run and judged as Storm's Supervisor does.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use serde_json::{Map, Value, json};
use storm_conf::Conf;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Report;
use crate::table::{Side, Table};

/// What a script says beyond this is not kept.
const MAX_OUTPUT: u64 = 64 << 10;

pub fn run(ctx: &Context) -> Result<(), Failure> {
    let conf = &ctx.conf;
    let dir = dir(conf);
    let millis = conf.int("storm.health.check.timeout.ms").and_then(|ms| u64::try_from(ms).ok()).unwrap_or(5000);
    let limit = ctx.global.timeout.unwrap_or(Duration::from_millis(millis));
    let checks: Vec<Check> = scripts(&dir)?.into_iter().map(|path| check(path, limit)).collect();
    let late_is_failed = conf.bool("storm.health.check.fail.on.timeouts").unwrap_or(true);
    let report = Health { dir, healthy: healthy(&checks, late_is_failed), checks };
    ctx.printer.show(&report)?;
    if report.healthy {
        return Ok(());
    }
    let mut failure =
        Failure::new(Exit::Failed, "health/failed", "this machine is not healthy: its Supervisor ends its workers");
    for c in report.checks.iter().filter(|c| c.outcome != Outcome::Success) {
        failure = failure.evidence(format!("{}: {}", c.script.display(), c.outcome.word()));
    }
    Err(failure)
}

/// `storm.health.check.dir`, below the home when it is relative.
fn dir(conf: &Conf) -> PathBuf {
    conf.home().join(conf.str("storm.health.check.dir").unwrap_or("healthchecks"))
}

/// The executable files of the folder, by name; none when there is no folder.
fn scripts(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Failure::io(format!("cannot list {}", dir.display()), &e)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| Failure::io(format!("cannot list {}", dir.display()), &e))?.path();
        if fs::metadata(&path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Success,
    /// It ended badly and its output begins with `ERROR`, or it could not be run.
    Failed,
    FailedWithExitCode,
    Timeout,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Outcome::Success => "success",
            Outcome::Failed => "failed",
            Outcome::FailedWithExitCode => "failed_with_exit_code",
            Outcome::Timeout => "timeout",
        }
    }
}

fn healthy(checks: &[Check], late_is_failed: bool) -> bool {
    checks.iter().all(|c| c.outcome == Outcome::Success || c.outcome == Outcome::Timeout && !late_is_failed)
}

#[derive(Debug)]
struct Check {
    script: PathBuf,
    outcome: Outcome,
    status: Option<i32>,
    output: String,
    took: Duration,
}

fn check(script: PathBuf, limit: Duration) -> Check {
    let began = Instant::now();
    let mut command = Command::new(&script);
    // A group of its own, so that what it started goes with it.
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let child = match command.spawn() {
        Ok(child) => child,
        Err(e) => {
            let took = began.elapsed();
            return Check { script, outcome: Outcome::Failed, status: None, output: e.to_string(), took };
        }
    };
    let (outcome, status, output) = wait(child, began + limit);
    Check { script, outcome, status, output, took: began.elapsed() }
}

fn wait(mut child: Child, deadline: Instant) -> (Outcome, Option<i32>, String) {
    // Read while it runs: a full pipe would stop it.
    let out = child.stdout.take().map(collect);
    let err = child.stderr.take().map(collect);
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Some(status),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
            Ok(None) | Err(_) => break None,
        }
    };
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        // Also of a script that ended: a child that it left would keep the pipes open. None left is fine.
        let _gone = rustix::process::kill_process_group(group, Signal::KILL);
    }
    if status.is_none() {
        // Killed just now, so this returns at once.
        let _status = child.wait();
    }
    let text = |reader: Option<std::thread::JoinHandle<String>>| {
        reader.and_then(|r| r.join().ok()).map(|t| t.trim().to_owned()).unwrap_or_default()
    };
    let (out, err) = (text(out), text(err));
    let outcome = match status {
        None => Outcome::Timeout,
        Some(status) if status.success() => Outcome::Success,
        Some(_) if out.starts_with("ERROR") => Outcome::Failed,
        Some(_) => Outcome::FailedWithExitCode,
    };
    let all = [out, err].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join("\n");
    (outcome, status.and_then(|s| s.code()), all)
}

fn collect(mut from: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What cannot be read is not part of its words; the rest is thrown away so that it need not wait for us.
        let _read = from.by_ref().take(MAX_OUTPUT).read_to_end(&mut bytes);
        let _rest = std::io::copy(&mut from, &mut std::io::sink());
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

struct Health {
    dir: PathBuf,
    healthy: bool,
    checks: Vec<Check>,
}

impl Report for Health {
    const KIND: &'static str = "NodeHealth";

    fn fields(&self) -> Map<String, Value> {
        let fields = json!({"healthy": self.healthy, "dir": self.dir.display().to_string(), "checks": self.items()});
        fields.as_object().cloned().unwrap_or_default()
    }

    fn items(&self) -> Vec<Value> {
        let json = |c: &Check| {
            json!({
                "script": c.script.display().to_string(),
                "result": c.outcome.word(),
                "status": c.status,
                "seconds": c.took.as_secs_f64(),
                "output": c.output,
            })
        };
        self.checks.iter().map(json).collect()
    }

    fn text(&self, wide: bool) -> String {
        let mut text = String::new();
        if self.checks.is_empty() {
            text.push_str(&format!("no executable script is in {}\n", self.dir.display()));
        } else {
            let columns =
                [("CHECK", Side::Left), ("RESULT", Side::Left), ("STATUS", Side::Right), ("SECONDS", Side::Right)];
            let mut table = Table::new(&columns);
            for c in &self.checks {
                let name = c.script.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
                let status = crate::table::or_dash(c.status);
                table.row([name, c.outcome.word().into(), status, format!("{:.3}", c.took.as_secs_f64())]);
            }
            text.push_str(&table.text());
        }
        for c in self.checks.iter().filter(|c| wide || c.outcome != Outcome::Success) {
            c.output.lines().for_each(|l| text.push_str(&format!("  {l}\n")));
        }
        text.push_str(if self.healthy { "healthy\n" } else { "not healthy\n" });
        text
    }

    fn names(&self) -> Vec<String> {
        self.checks.iter().map(|c| c.script.display().to_string()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(dir: &Path, name: &str, text: &str, mode: u32) {
        let path = dir.join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn results_are_those_of_storms_health_checker() {
        let dir = tempfile::tempdir().unwrap();
        script(dir.path(), "a-good", "echo fine", 0o755);
        script(dir.path(), "b-error", "echo ERROR disk; exit 1", 0o755);
        script(dir.path(), "c-exit", "echo why >&2; exit 3", 0o755);
        script(dir.path(), "d-late", "sleep 60 & echo waiting; wait", 0o755);
        script(dir.path(), "e-not-executable", "exit 1", 0o644);
        fs::create_dir(dir.path().join("f-folder")).unwrap();
        let found = scripts(dir.path()).unwrap();
        assert_eq!(found.len(), 4);
        let began = Instant::now();
        let checks: Vec<Check> = found.into_iter().map(|s| check(s, Duration::from_millis(700))).collect();
        assert!(began.elapsed() < Duration::from_secs(20));
        let results: Vec<(&str, Option<i32>)> = checks.iter().map(|c| (c.outcome.word(), c.status)).collect();
        let expected =
            [("success", Some(0)), ("failed", Some(1)), ("failed_with_exit_code", Some(3)), ("timeout", None)];
        assert_eq!(results, expected);
        assert_eq!(checks[2].output, "why");
        assert_eq!(checks[3].output, "waiting");
        assert!(healthy(&checks[..1], true) && !healthy(&checks[..3], false));
        assert!(!healthy(&checks[3..], true) && healthy(&checks[3..], false));
    }

    #[test]
    fn without_a_folder_there_is_nothing_to_fail() {
        assert_eq!(scripts(Path::new("/nowhere/at/all")).unwrap(), Vec::<PathBuf>::new());
        assert!(healthy(&[], true));
    }
}
