//! Child processes that never outlive the test that started them.
//!
//! A [`Nest`] marks everything started in it, and by inheritance everything that those processes start, with an
//! environment variable. When the nest is dropped, or the test dies by whatever signal, all marked processes are
//! killed: also workers, which leave their supervisor's process group on purpose.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal};

use crate::wait::{wait_for, wait_until};

const MARK: &str = "STORM_TEST_NEST";

/// Waits for the end of its standard input, that is of the test, and kills whatever carries the mark.
///
/// The mark is an argument of this script and not in its environment, so that it does not find itself.
const WATCHDOG: &str = r#"
trap '' INT TERM HUP
read -r _
for _ in 1 2 3 4 5; do
  marked=$(grep -lzxF "$1" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3)
  [ -n "$marked" ] || break
  kill -9 $marked 2>/dev/null
done
rm -rf "$2"
"#;

/// A temporary folder and the processes that live in it.
pub struct Nest {
    dir: PathBuf,
    mark: String,
    watchdog: Child,
    /// Closed by the kernel however this process ends.
    leash: Option<ChildStdin>,
}

impl Nest {
    pub fn new() -> Nest {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let dir = tempfile::Builder::new().prefix("storm-test-").tempdir().expect("a temporary folder").keep();
        let mark = format!("{MARK}={}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut watchdog = Command::new("sh");
        watchdog.args(["-c", WATCHDOG, "storm-test-watchdog", &mark]).arg(&dir);
        watchdog.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let mut watchdog = watchdog.spawn().expect("sh starts");
        let leash = watchdog.stdin.take();
        Nest { dir, mark, watchdog, leash }
    }

    /// The folder; it goes when the nest goes, unless the test failed.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Starts a command in its own process group, with its output in a file that is printed if the test fails.
    pub fn spawn(&self, name: &str, mut command: Command) -> Process {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let log = self.dir.join(format!("{name}.{}.out", COUNT.fetch_add(1, Ordering::Relaxed)));
        let out = File::create(&log).unwrap_or_else(|e| panic!("cannot create {}: {e}", log.display()));
        let err = out.try_clone().unwrap_or_else(|e| panic!("cannot share {}: {e}", log.display()));
        let (key, value) = self.mark.split_once('=').expect("made with a sign");
        command.env(key, value).stdin(Stdio::null()).stdout(out).stderr(err).process_group(0);
        let child = command.spawn().unwrap_or_else(|e| panic!("cannot start {name} ({command:?}): {e}"));
        Process { name: name.to_owned(), child, log, ended: None }
    }

    /// Makes a command part of this nest that is started in another way.
    pub fn mark(&self, command: &mut Command) {
        let (key, value) = self.mark.split_once('=').expect("made with a sign");
        command.env(key, value);
    }

    /// Runs a command of this nest to its end: status, standard output and standard error.
    pub fn run(&self, mut command: Command) -> Finished {
        let (key, value) = self.mark.split_once('=').expect("made with a sign");
        let output = command.env(key, value).stdin(Stdio::null()).output();
        let output = output.unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"));
        Finished {
            command: format!("{command:?}"),
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Every living process of this nest, also those that daemons started.
    pub fn processes(&self) -> Vec<u32> {
        let proc = fs::read_dir("/proc").expect("/proc is there");
        proc.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|pid: &u32| {
                // A process that ends meanwhile, or belongs to another user, is none of ours.
                let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
                environ.split(|byte| *byte == 0).any(|variable| variable == self.mark.as_bytes())
            })
            .collect()
    }

    fn kill_all(&self) {
        // Once may not be enough: a daemon may start a worker while it is being killed.
        let ended = wait_for_quietly(Duration::from_secs(20), || {
            let living = self.processes();
            living.iter().for_each(|pid| kill(*pid, Signal::KILL));
            living.is_empty()
        });
        if !ended && !std::thread::panicking() {
            panic!("processes of the test did not die: {:?}", self.processes());
        }
    }
}

impl Default for Nest {
    fn default() -> Nest {
        Nest::new()
    }
}

impl Drop for Nest {
    fn drop(&mut self) {
        self.kill_all();
        if std::thread::panicking() {
            // What the test left behind is evidence; the watchdog would remove it.
            kill(self.watchdog.id(), Signal::KILL);
            eprint_line(&format!("the files of the failed test are in {}", self.dir.display()));
        }
        drop(self.leash.take());
        if let Err(e) = self.watchdog.wait() {
            eprint_line(&format!("the watchdog of {} was lost: {e}", self.dir.display()));
        }
    }
}

/// A command that ran to its end.
#[derive(Debug)]
pub struct Finished {
    pub command: String,
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    /// Standard output of a command that must have succeeded.
    #[track_caller]
    pub fn ok(self) -> String {
        assert!(
            self.status.success(),
            "{} ended with {}\n--- stdout\n{}\n--- stderr\n{}",
            self.command,
            self.status,
            self.stdout,
            self.stderr
        );
        self.stdout
    }

    /// Standard output and error of a command that must have failed.
    #[track_caller]
    pub fn refused(self) -> String {
        assert!(!self.status.success(), "{} succeeded:\n{}{}", self.command, self.stdout, self.stderr);
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// A running child, killed with its process group when dropped.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl Process {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// All that it has printed so far.
    pub fn output(&self) -> String {
        // Also asked for while a failed test is being cleaned up, when nothing may panic.
        match fs::read(&self.log) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(e) => format!("(cannot read {}: {e})", self.log.display()),
        }
    }

    /// Its exit status, once it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().unwrap_or_else(|e| panic!("cannot wait for {}: {e}", self.name));
        }
        self.ended
    }

    /// Waits until a line of its output holds this text.
    #[track_caller]
    pub fn wait_for_output(&mut self, limit: Duration, text: &str) {
        let what = format!("{} to print {text:?}", self.name);
        wait_until(limit, &what, || {
            let printed = self.output().contains(text);
            if let (false, Some(status)) = (printed, self.ended()) {
                panic!("{} ended with {status} instead of printing {text:?}", self.name);
            }
            printed
        });
    }

    #[track_caller]
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let what = format!("{} to end", self.name);
        wait_for(limit, &what, || self.ended())
    }

    /// Asks it to end and waits until it has.
    #[track_caller]
    pub fn terminate(&mut self, limit: Duration) -> ExitStatus {
        if self.ended().is_none() {
            kill(self.pid(), Signal::TERM);
        }
        self.wait(limit)
    }

    /// `kill -9` of this process alone, as the fault tests need it: what it has started lives on.
    pub fn kill_nine(&mut self) {
        if self.ended().is_none() {
            kill(self.pid(), Signal::KILL);
            self.wait(Duration::from_secs(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(group) = Pid::from_raw(self.pid() as i32)
            && self.ended.is_none()
        {
            // Already gone is as good as killed.
            let _gone = rustix::process::kill_process_group(group, Signal::KILL);
            if let Err(e) = self.child.wait() {
                eprint_line(&format!("{} was lost: {e}", self.name));
            }
        }
        if std::thread::panicking() {
            let output = self.output();
            let tail = output.len().saturating_sub(8000);
            let tail = (tail..output.len()).find(|at| output.is_char_boundary(*at)).unwrap_or(tail);
            eprint_line(&format!("--- {} printed (last 8 kB)\n{}\n---", self.name, &output[tail..]));
        }
    }
}

/// Sends a signal; a process that is gone already needs none.
pub fn kill(pid: u32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid as i32) {
        let _gone = rustix::process::kill_process(pid, signal);
    }
}

/// Whether a process lives (a zombie does not).
pub fn is_alive(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, _)| !matches!(state, 'Z' | 'X'))
}

/// The process that started this one, while both live.
pub fn parent(pid: u32) -> Option<u32> {
    stat(pid).map(|(_, parent)| parent)
}

/// State and parent: what follows the name in brackets, which may hold anything.
fn stat(pid: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut words = stat.rsplit_once(')')?.1.split_whitespace();
    Some((words.next()?.chars().next()?, words.next()?.parse().ok()?))
}

/// What a process holds of its own: without the pages of its program, of which the kernel keeps as many as it likes.
pub fn own_bytes(pid: u32) -> u64 {
    status_bytes(pid, "RssAnon:")
}

fn status_bytes(pid: u32, what: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_else(|e| panic!("no process {pid}: {e}"));
    let line = status.lines().find_map(|line| line.strip_prefix(what)).expect("it is in the status");
    line.trim().trim_end_matches("kB").trim().parse::<u64>().expect("a number of kB") * 1024
}

fn wait_for_quietly(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = std::time::Instant::now() + limit;
    while std::time::Instant::now() < deadline {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

#[allow(clippy::print_stderr, reason = "the test harness shows what is printed by the thread of a failed test")]
fn eprint_line(text: &str) {
    eprintln!("{text}");
}
