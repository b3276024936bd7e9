//! Daemons in the background: starting them until they serve, stopping them until they are gone.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use storm_conf::Conf;
use storm_machine::jps::{apache_role, native_role};
use storm_machine::process::sweep::MARK;
use storm_machine::process::{self, Identity, Recorded};

use crate::apache::{self, Release};
use crate::cli::Role;
use crate::exit::Exit;
use crate::failure::Failure;

/// How long between two looks at a daemon that starts or stops.
const LOOK: Duration = Duration::from_millis(2);
/// And at one of Apache's, which takes its time and is looked at with more effort.
const LOOK_AT_JVM: Duration = Duration::from_millis(100);
const LAST_LINES: usize = 5;
/// How long a server on this machine may take to answer a question.
const ASK_LIMIT: Duration = Duration::from_millis(500);

/// How a daemon is started.
#[derive(Debug, Clone, Copy)]
pub struct Launch<'a> {
    pub conf: &'a Conf,
    pub conf_file: Option<&'a Path>,
    pub settings: &'a [String],
    /// Ends with us, instead of living on.
    pub tied: bool,
}

/// A daemon that was started and may not serve yet.
#[derive(Debug)]
pub struct Starting {
    pub role: Role,
    pub served: bool,
    child: Child,
    conf: Conf,
    look: Duration,
}

/// Whether a role runs, as its file says and the process proves.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    Running {
        pid: i32,
        address: Option<String>,
        uptime_secs: i64,
    },
    /// It serves, but somebody else started it, such as Apache ZooKeeper's own script.
    Foreign {
        pid: Option<i32>,
        address: String,
    },
    Stopped,
}

pub fn state(role: Role, conf: &Conf) -> State {
    match recorded(role, conf) {
        None if role == Role::Zookeeper => foreign_zookeeper(conf).unwrap_or(State::Stopped),
        None => State::Stopped,
        Some(r) => {
            let uptime = r.identity.entry().and_then(|e| e.uptime_secs());
            let uptime_secs = uptime.map_or(0, |s| s as i64);
            let pid = r.identity.pid;
            State::Running { pid, address: r.address.or_else(|| apache::address(role, conf, pid)), uptime_secs }
        }
    }
}

/// A ZooKeeper server of somebody else on the port of this machine's.
fn foreign_zookeeper(conf: &Conf) -> Option<State> {
    let port = conf.int("storm.zookeeper.port").and_then(|p| u16::try_from(p).ok())?;
    for address in [SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SocketAddr::from((Ipv6Addr::LOCALHOST, port))] {
        let Ok(mut stream) = TcpStream::connect_timeout(&address, ASK_LIMIT) else { continue };
        let mut answer = [0; 17];
        let asked = stream
            .set_read_timeout(Some(ASK_LIMIT))
            .and_then(|()| stream.write_all(b"srvr"))
            .and_then(|()| stream.read_exact(&mut answer));
        if asked.is_ok() && answer.eq_ignore_ascii_case(b"Zookeeper version") {
            return Some(State::Foreign { pid: process::listener(port), address: address.to_string() });
        }
    }
    None
}

/// The record of the role, if its process lives and is what the file says: a file can be written by anybody.
fn recorded(role: Role, conf: &Conf) -> Option<Recorded> {
    let recorded = Recorded::read(&role.pid_file(conf))?;
    let entry = recorded.identity.entry()?;
    let name = native_role(&entry).map(|r| r.name()).or_else(|| apache_role(&entry));
    name.is_some_and(|name| name == role.name()).then_some(recorded)
}

/// Starts the daemon; it is not waited for.
pub fn launch(role: Role, how: Launch<'_>) -> Result<Starting, Failure> {
    let look = if Release::of(role, how.conf).is_some() { LOOK_AT_JVM } else { LOOK };
    let (log, out) = (role.log_file(how.conf), role.out_file(how.conf));
    let cannot = |what: &str, e: std::io::Error| {
        Failure::new(Exit::Failed, "start/failed", format!("cannot start {}: {what}", role.name()))
            .evidence(e.to_string())
    };
    let program = std::env::current_exe().map_err(|e| cannot("this program's own path is unknown", e))?;
    fs::create_dir_all(how.conf.log_dir()).map_err(|e| cannot(&how.conf.log_dir().display().to_string(), e))?;
    let output = File::create(&out).map_err(|e| cannot(&out.display().to_string(), e))?;
    let errors = output.try_clone().map_err(|e| cannot(&out.display().to_string(), e))?;
    let mut command = Command::new(&program);
    if let Some(file) = how.conf_file {
        let file = std::path::absolute(file).map_err(|e| cannot(&file.display().to_string(), e))?;
        command.arg("--config").arg(&file).env(MARK, &file);
    }
    for setting in how.settings {
        command.args(["-c", setting]);
    }
    command.arg(role.verb()).arg("--log-file").arg(&log);
    if how.tied {
        // A group of its own: Ctrl-C is ours to pass on, in the right order.
        use std::os::unix::process::CommandExt;
        command.arg("--die-with").arg(std::process::id().to_string()).process_group(0);
    } else {
        command.arg("--detach");
    }
    command.stdin(Stdio::null()).stdout(output).stderr(errors);
    let child = command.spawn().map_err(|e| cannot(&program.display().to_string(), e))?;
    Ok(Starting { role, served: false, child, conf: how.conf.clone(), look })
}

impl Starting {
    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// The address where it serves, once it does; `None` for not yet.
    pub fn poll(&mut self) -> Result<Option<String>, Failure> {
        let recorded = Recorded::read(&self.role.pid_file(&self.conf));
        if let Some(r) = recorded.filter(|r| r.identity.pid == self.pid())
            && let Some(address) = r.address.or_else(|| apache::address(self.role, &self.conf, self.pid()))
        {
            self.served = true;
            return Ok(Some(address));
        }
        self.alive().map(|()| None)
    }

    /// An error when its process has ended.
    pub fn alive(&mut self) -> Result<(), Failure> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(self.died(status.code())),
            Err(e) => Err(Failure::io(format!("cannot wait for {}", self.role.name()), &e)),
        }
    }

    /// Waits until it serves.
    pub fn ready(&mut self, limit: Duration) -> Result<String, Failure> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(address) = self.poll()? {
                return Ok(address);
            }
            if Instant::now() >= deadline {
                return Err(self.with_lines(Failure::new(
                    Exit::Deadline,
                    "start/deadline",
                    format!("{} does not serve after {} s", self.role.name(), limit.as_secs_f64()),
                )));
            }
            std::thread::sleep(self.look);
        }
    }

    pub fn identity(&self) -> Option<Identity> {
        Identity::of(self.pid())
    }

    /// Takes its exit status when it has one, so that it does not stay behind as a zombie.
    pub fn reap(&mut self) {
        // Nothing can be done about a child that cannot be waited for.
        let _ = self.child.try_wait();
    }

    fn died(&self, code: Option<i32>) -> Failure {
        let how = code.map_or("was killed".to_owned(), |c| format!("ended with status {c}"));
        let exit = match code {
            Some(c) if c == Exit::ConfigInvalid as i32 => Exit::ConfigInvalid,
            Some(c) if c == Exit::Conflict as i32 => Exit::Conflict,
            _ => Exit::Failed,
        };
        let when = if self.served { "" } else { " before it served" };
        self.with_lines(Failure::new(exit, "start/ended", format!("{} {how}{when}", self.role.name())))
    }

    fn with_lines(&self, failure: Failure) -> Failure {
        with_lines(failure, self.role, &self.conf)
    }
}

/// A failure with the last lines of what the daemon has said.
pub fn with_lines(mut failure: Failure, role: Role, conf: &Conf) -> Failure {
    for file in [role.out_file(conf), role.log_file(conf)] {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        for line in &lines[lines.len().saturating_sub(LAST_LINES)..] {
            failure = failure.evidence(*line);
        }
    }
    failure.hint(format!("read {}", role.log_file(conf).display()))
}

/// What stopping a role did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    NotRunning,
    /// It ended when asked.
    Asked(i32),
    /// It did not, and was killed.
    Killed(i32),
}

/// Asks the daemon to end, waits, and after the grace kills it.
pub fn stop(role: Role, conf: &Conf, grace: Duration) -> Result<Stopped, Failure> {
    let Some(recorded) = recorded(role, conf) else {
        return Ok(Stopped::NotRunning);
    };
    let identity = recorded.identity;
    let send = |to| signal(role, &identity, to);
    send(Signal::TERM)?;
    if wait_gone(&identity, grace) {
        return Ok(Stopped::Asked(identity.pid));
    }
    send(Signal::KILL)?;
    if wait_gone(&identity, Duration::from_secs(10)) {
        return Ok(Stopped::Killed(identity.pid));
    }
    Err(Failure::new(Exit::Failed, "stop/alive", format!("{} (pid {}) does not end", role.name(), identity.pid)))
}

/// Sends SIGHUP to the daemon, and waits until it is gone.
pub fn hang_up(role: Role, conf: &Conf, limit: Duration) -> Result<(), Failure> {
    let Some(recorded) = recorded(role, conf) else { return Ok(()) };
    let identity = recorded.identity;
    signal(role, &identity, Signal::HUP)?;
    if wait_gone(&identity, limit) {
        return Ok(());
    }
    let what = format!("{} (pid {}) does not end within {} s", role.name(), identity.pid, limit.as_secs_f64());
    Err(Failure::new(Exit::Deadline, "stop/alive", what))
}

fn signal(role: Role, identity: &Identity, signal: Signal) -> Result<(), Failure> {
    identity.signal(signal).map_err(|e| {
        Failure::new(Exit::Refused, "stop/refused", format!("cannot end {} (pid {})", role.name(), identity.pid))
            .evidence(e.to_string())
    })
}

fn wait_gone(identity: &Identity, limit: Duration) -> bool {
    storm_machine::process::sweep::wait_gone(std::slice::from_ref(identity), limit)
}
