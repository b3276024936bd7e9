//! Asking a topology program what topology it is.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::PackageError;
use crate::TopologyDescription;

/// The verb that makes a topology program print its description.
pub const DESCRIBE: &str = "describe";

/// The key of a topology's configuration that names its program under `resources/`.
pub const NATIVE_BINARY: &str = "topology.native.binary";

/// A description is not longer, and a message on the standard error is not shown longer.
const LONGEST: u64 = 64 << 20;
const SHOWN: usize = 4000;

pub(super) fn describe(program: &Path, patience: Duration) -> Result<TopologyDescription, PackageError> {
    let failed = |why: String| PackageError::Program { program: program.to_owned(), why };
    let mut command = Command::new(program);
    // A group of its own, so that what it started ends with it.
    command.process_group(0);
    command.arg(DESCRIBE).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| failed(format!("cannot be started: {e}")))?;
    let out = child.stdout.take().map(drain);
    let err = child.stderr.take().map(drain);
    let deadline = Instant::now() + patience;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
            Ok(None) => {
                let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
                let killed = group.map_or(Ok(()), |g| kill_process_group(g, Signal::KILL)).map_err(io::Error::from);
                let killed = killed.and_then(|()| child.wait());
                let note = killed.map_or_else(|e| format!(" and could not be killed: {e}"), |_| String::new());
                return Err(failed(format!("did not end within {} s{note}", patience.as_secs())));
            }
            Err(e) => return Err(failed(format!("cannot be waited for: {e}"))),
        }
    };
    let (out, err) = (collect(out), collect(err));
    if !status.success() {
        let err = String::from_utf8_lossy(&err);
        let tail = err.trim_end();
        let cut = tail.len().saturating_sub(SHOWN);
        let cut = (cut..tail.len()).find(|i| tail.is_char_boundary(*i)).unwrap_or(0);
        return Err(failed(format!("{status}\n{}", &tail[cut..])));
    }
    TopologyDescription::from_json(&out)
        .map_err(|cause| PackageError::Description { program: program.to_owned(), cause })
}

type Drained = std::thread::JoinHandle<Vec<u8>>;

fn drain(pipe: impl Read + Send + 'static) -> Drained {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let mut pipe = pipe.take(LONGEST);
        // A pipe that breaks has given what it had.
        let _whole = pipe.read_to_end(&mut bytes);
        bytes
    })
}

fn collect(drained: Option<Drained>) -> Vec<u8> {
    drained.and_then(|d| d.join().ok()).unwrap_or_default()
}
