//! `stormctl zk start`, `stop` and `restart`: this machine's ZooKeeper, Apache's or ours, in zkServer.sh's words. STARTED
//! means that it answers, STOPPED that it is gone.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::zk::{client_port, environment_home};
use crate::cli::Role;
use crate::cli::zk::{ZkService, ZkServiceChange};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Report;
use crate::service::{self, Launch, State, Stopped};
use crate::zk::install::{Installation, Owner};
use crate::zk::launch::{self, Launched};
use crate::zk::serving::{self, Server};
use crate::zk::session::host_and_port;

const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_GRACE: Duration = Duration::from_secs(20);
const ASK_LIMIT: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(20);

/// What was done, with the words behind zkServer.sh's dots.
struct Done {
    verb: &'static str,
    outcome: String,
    pid: Option<i32>,
    server: Option<Server>,
    /// What a start after a stop says as well.
    then: Option<Box<Done>>,
}

impl Done {
    fn new(verb: &'static str, outcome: impl Into<String>, pid: Option<i32>) -> Done {
        Done { verb, outcome: outcome.into(), pid, server: None, then: None }
    }

    fn words(&self) -> String {
        let mut text = format!("{} zookeeper ... {}\n", self.verb, self.outcome);
        text.push_str(&self.server.as_ref().map(Server::text).unwrap_or_default());
        text.push_str(&self.then.as_ref().map(|then| then.words()).unwrap_or_default());
        text
    }
}

pub async fn start(ctx: &Context, args: &ZkServiceChange) -> Result<(), Failure> {
    let install = installation(ctx, &args.service)?;
    if args.dry.dry_run {
        return ctx.printer.show(&foreseen(ctx, install.as_ref(), "Starting", "would start"));
    }
    let done = started(ctx, install.as_ref()).await;
    told(ctx, "Starting", done)
}

pub fn stop(ctx: &Context, args: &ZkServiceChange) -> Result<(), Failure> {
    let install = installation(ctx, &args.service)?;
    if args.dry.dry_run {
        return ctx.printer.show(&foreseen(ctx, install.as_ref(), "Stopping", "nothing to stop"));
    }
    let done = stopped(ctx, install.as_ref());
    told(ctx, "Stopping", done)
}

pub async fn restart(ctx: &Context, args: &ZkServiceChange) -> Result<(), Failure> {
    let install = installation(ctx, &args.service)?;
    if args.dry.dry_run {
        let mut done = foreseen(ctx, install.as_ref(), "Stopping", "nothing to stop");
        done.then = Some(Box::new(Done::new("Starting", "would start", None)));
        return ctx.printer.show(&done);
    }
    let mut done = match stopped(ctx, install.as_ref()) {
        Ok(done) => done,
        Err(failure) => return told(ctx, "Stopping", Err(failure)),
    };
    match started(ctx, install.as_ref()).await {
        Ok(then) => {
            done.then = Some(Box::new(then));
            told(ctx, "Stopping", Ok(done))
        }
        Err(failure) => {
            told(ctx, "Stopping", Ok(done))?;
            told(ctx, "Starting", Err(failure))
        }
    }
}

/// What would be done to this machine's server, by what it is doing now.
fn foreseen(ctx: &Context, install: Option<&Installation>, verb: &'static str, gone: &str) -> Done {
    let running = |pid: i32| match verb {
        "Starting" => Done::new(verb, format!("already running as process {pid}."), Some(pid)),
        _ => Done::new(verb, format!("would stop process {pid}"), Some(pid)),
    };
    let foreign = |pid: Option<i32>| Done::new(verb, "left alone: started by others", pid);
    match install.map(Installation::owner) {
        Some(Owner::Running(identity)) => running(identity.pid),
        Some(Owner::Unrecorded(Some(pid))) => foreign(Some(pid)),
        Some(_) => Done::new(verb, gone, None),
        None => match service::state(Role::Zookeeper, &ctx.conf) {
            State::Running { pid, .. } => running(pid),
            State::Foreign { pid, .. } => foreign(pid),
            State::Stopped => Done::new(verb, gone, None),
        },
    }
}

fn installation(ctx: &Context, args: &ZkService) -> Result<Option<Installation>, Failure> {
    let install = Installation::named(&ctx.conf, args, environment_home())?;
    if let Some(file) = install.as_ref().map(|i| &i.zoo_cfg).or(ctx.file.as_ref()) {
        ctx.printer.note(&format!("Using config: {}", file.display()));
    }
    Ok(install)
}

/// A failure has its words on stdout too, where scripts look for them.
fn told(ctx: &Context, verb: &'static str, done: Result<Done, Failure>) -> Result<(), Failure> {
    match done {
        Ok(done) => ctx.printer.show(&done),
        Err(failure) => {
            let words = match (verb, failure.faults.first().map(|f| f.code.as_str())) {
                (_, Some("zookeeper/pid-file")) => "FAILED TO WRITE PID",
                ("Starting", Some("start/deadline")) => "SERVER DID NOT START",
                ("Starting", _) => "FAILED TO START",
                _ => "FAILED TO STOP",
            };
            if matches!(ctx.printer.format, crate::cli::Format::Table | crate::cli::Format::Wide) {
                ctx.printer.out(&format!("{verb} zookeeper ... {words}\n"))?;
            }
            Err(failure)
        }
    }
}

async fn started(ctx: &Context, install: Option<&Installation>) -> Result<Done, Failure> {
    let limit = ctx.global.timeout.unwrap_or(START_LIMIT);
    match install {
        Some(install) => started_apache(ctx, install, limit).await,
        None => started_ours(ctx, limit).await,
    }
}

async fn started_ours(ctx: &Context, limit: Duration) -> Result<Done, Failure> {
    let running = |pid: Option<i32>| {
        let pid_text = pid.map_or_else(|| "another user's".to_owned(), |p| p.to_string());
        Done::new("Starting", format!("already running as process {pid_text}."), pid)
    };
    let (mut done, address) = match service::state(Role::Zookeeper, &ctx.conf) {
        State::Running { pid, address, .. } => (running(Some(pid)), address),
        State::Foreign { pid, address } => (running(pid), Some(address)),
        State::Stopped => {
            let settings = ctx.global.overrides();
            let how = Launch { conf: &ctx.conf, conf_file: ctx.file.as_deref(), settings: &settings, tied: false };
            let mut daemon = service::launch(Role::Zookeeper, how)?;
            let address = daemon.ready(limit)?;
            (Done::new("Starting", "STARTED", Some(daemon.pid())), Some(address))
        }
    };
    if let Some(address) = address {
        let (host, port) = host_and_port(&address, 2181);
        // Bound to every address of the machine, it answers on its own loopback one.
        let host = if host == "0.0.0.0" || host == "::" { "localhost".to_owned() } else { host };
        done.server = Some(serving::ask(&host, port, ASK_LIMIT).await?);
    }
    Ok(done)
}

/// Whether somebody listens at this address: the port may be another one's at another address of this machine.
async fn is_taken(host: &str, port: u16) -> bool {
    let connect = tokio::net::TcpStream::connect((host, port));
    tokio::time::timeout(ASK_LIMIT, connect).await.is_ok_and(|connected| connected.is_ok())
}

async fn started_apache(ctx: &Context, install: &Installation, limit: Duration) -> Result<Done, Failure> {
    // What cannot be asked cannot be waited for; but a server that speaks only TLS may still be started.
    let (host, port) = client_port(install)?;
    let already = match install.owner() {
        Owner::Running(identity) => Some(identity.pid),
        Owner::Unrecorded(pid) => pid,
        Owner::Gone(_) => None,
        Owner::Stranger(pid, what) => {
            ctx.printer.note(&format!(
                "{} names process {pid}, which is not ZooKeeper any more ({what}); it is left alone",
                install.pid_file().display()
            ));
            None
        }
    };
    if let Some(pid) = already {
        let mut done = Done::new("Starting", format!("already running as process {pid}."), Some(pid));
        done.server = serving::ask(&host, port, ASK_LIMIT).await.ok();
        return Ok(done);
    }
    if let Some(pid) = storm_machine::process::listener(port)
        && is_taken(&host, port).await
    {
        return Err(Failure::new(Exit::Conflict, "zookeeper/port", format!("port {port} is taken by process {pid}"))
            .evidence(install.zoo_cfg.display().to_string())
            .hint("stormctl jps -o wide      shows what it is"));
    }
    let mut launched = launch::launch(install, &ctx.conf.hostname())?;
    let mut done = Done::new("Starting", "STARTED", Some(launched.child.id() as i32));
    match wait(ctx, &mut launched, &host, port, limit, install.members.len()).await {
        Ok(server) => {
            done.server = server;
            Ok(done)
        }
        Err(failure) => {
            // What did not come up is not left half way, with a file that names it.
            if let Some(identity) = storm_machine::process::Identity::of(launched.child.id() as i32) {
                launch::end(&identity, Duration::from_secs(2))?;
            }
            let removed = std::fs::remove_file(install.pid_file());
            Err(match removed {
                Ok(()) => failure,
                Err(e) => failure.evidence(format!("{}: {e}", install.pid_file().display())),
            })
        }
    }
}

/// Waits until it answers: with its mode or, as a member of an ensemble that has no quorum yet, that it does not serve.
async fn wait(
    ctx: &Context,
    launched: &mut Launched,
    host: &str,
    port: u16,
    limit: Duration,
    members: usize,
) -> Result<Option<Server>, Failure> {
    let deadline = Instant::now() + limit;
    loop {
        match serving::ask(host, port, ASK_LIMIT).await {
            Ok(server) => return Ok(Some(server)),
            Err(f) if members > 1 && f.faults.first().is_some_and(|f| f.code == "zookeeper/not-serving") => {
                ctx.printer.note("it waits for a quorum: start the other servers (stormctl zk status shows them)");
                return Ok(None);
            }
            Err(_) => {}
        }
        match launched.child.try_wait() {
            Ok(None) => {}
            Ok(Some(status)) => {
                let how = status.code().map_or("was killed".to_owned(), |c| format!("ended with status {c}"));
                let exit = if status.code() == Some(127) { Exit::NotInstalled } else { Exit::Failed };
                return Err(launched.with_lines(Failure::new(
                    exit,
                    "start/ended",
                    format!("ZooKeeper {how} before it served"),
                )));
            }
            Err(e) => return Err(Failure::io("cannot wait for ZooKeeper", &e)),
        }
        if Instant::now() >= deadline {
            let what = format!("ZooKeeper does not answer on {host}:{port} after {} s", limit.as_secs_f64());
            return Err(launched.with_lines(Failure::new(Exit::Deadline, "start/deadline", what)));
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn stopped(ctx: &Context, install: Option<&Installation>) -> Result<Done, Failure> {
    let grace = ctx.global.timeout.unwrap_or(STOP_GRACE);
    match install {
        Some(install) => stopped_apache(ctx, install, grace),
        None => stopped_ours(ctx, grace),
    }
}

fn killed(grace: Duration) -> String {
    format!("STOPPED (killed: it did not end within {} s)", grace.as_secs_f64())
}

fn stopped_ours(ctx: &Context, grace: Duration) -> Result<Done, Failure> {
    Ok(match service::stop(Role::Zookeeper, &ctx.conf, grace)? {
        Stopped::Asked(pid) => Done::new("Stopping", "STOPPED", Some(pid)),
        Stopped::Killed(pid) => Done::new("Stopping", killed(grace), Some(pid)),
        Stopped::NotRunning => match service::state(Role::Zookeeper, &ctx.conf) {
            State::Foreign { address, pid } => {
                let who = pid.map_or_else(String::new, |p| format!(" (process {p})"));
                return Err(Failure::new(
                    Exit::Refused,
                    "stop/foreign",
                    format!("the server on {address}{who} was started by others"),
                )
                .hint("an Apache ZooKeeper: stormctl zk stop --home DIR"));
            }
            _ => {
                let file = Role::Zookeeper.pid_file(&ctx.conf);
                let why = match file.exists() {
                    true => format!("the process that {} names is gone", file.display()),
                    false => format!("could not find file {}", file.display()),
                };
                Done::new("Stopping", format!("no zookeeper to stop ({why})"), None)
            }
        },
    })
}

fn stopped_apache(ctx: &Context, install: &Installation, grace: Duration) -> Result<Done, Failure> {
    let file = install.pid_file();
    let identity = match install.owner() {
        Owner::Running(identity) => identity,
        Owner::Unrecorded(None) => {
            let why = format!("no zookeeper to stop (could not find file {})", file.display());
            return Ok(Done::new("Stopping", why, None));
        }
        Owner::Unrecorded(Some(pid)) => {
            return Err(Failure::new(
                Exit::Refused,
                "stop/unrecorded",
                format!("process {pid} runs with this zoo.cfg, but {} does not say so", file.display()),
            )
            .hint(format!("kill {pid}      (or, if systemd runs it, systemctl stop zookeeper)")));
        }
        Owner::Gone(pid) => {
            forget(ctx, install);
            return Ok(Done::new("Stopping", format!("no zookeeper to stop (process {pid} is gone)"), None));
        }
        Owner::Stranger(pid, what) => {
            let why = format!("no zookeeper to stop (process {pid} is not ZooKeeper: {what})");
            return Ok(Done::new("Stopping", why, None));
        }
    };
    let outcome = if launch::end(&identity, grace)? { "STOPPED".to_owned() } else { killed(grace) };
    forget(ctx, install);
    Ok(Done::new("Stopping", outcome, Some(identity.pid)))
}

fn forget(ctx: &Context, install: &Installation) {
    if let Err(e) = std::fs::remove_file(install.pid_file()) {
        ctx.printer.note(&format!("{} could not be removed: {e}", install.pid_file().display()));
    }
}

impl Report for Done {
    const KIND: &'static str = "ZooKeeperService";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), Value::Array(self.items()))])
    }

    fn items(&self) -> Vec<Value> {
        let mut items = vec![json!({
            "action": if self.verb == "Starting" { "start" } else { "stop" },
            "outcome": self.outcome,
            "pid": self.pid,
            "server": self.server.as_ref().map(Server::item),
        })];
        items.extend(self.then.iter().flat_map(|then| then.items()));
        items
    }

    fn text(&self, _wide: bool) -> String {
        self.words()
    }

    fn names(&self) -> Vec<String> {
        vec!["zookeeper".to_owned()]
    }
}
