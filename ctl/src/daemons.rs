//! The daemons as processes: the only place where `stormctl` calls into the daemon crates.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use storm_conf::{Conf, LoadOptions, Reader};
use storm_machine::process::sweep::{self, Scope};
use storm_machine::process::{Record, RecordError, name_self};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::agents;
use crate::apache::Release;
use crate::cli::{self, Role};
use crate::commands::logs;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::logging;
use crate::roles;

/// How long a daemon may take to say goodbye, to a ZooKeeper that may be gone itself. Storm gives a second.
const END_LIMIT: Duration = Duration::from_secs(3);
const TIED_END_LIMIT: Duration = Duration::from_millis(500);

/// A daemon, and what only it is told.
#[derive(Debug)]
pub enum Daemon {
    Zookeeper { zoo_cfg: Option<PathBuf> },
    Nimbus,
    Supervisor,
    Ui,
    Logviewer,
    Agent,
}

impl Daemon {
    fn role(&self) -> Role {
        match self {
            Daemon::Zookeeper { .. } => Role::Zookeeper,
            Daemon::Nimbus => Role::Nimbus,
            Daemon::Supervisor => Role::Supervisor,
            Daemon::Ui => Role::Ui,
            Daemon::Logviewer => Role::Logviewer,
            Daemon::Agent => Role::Agent,
        }
    }
}

/// Runs one daemon in this process until it is asked to end.
pub fn run(daemon: &Daemon, args: &cli::Daemon, ctx: &Context) -> Result<(), Failure> {
    let role = daemon.role();
    name_self(role.name());
    if args.detach {
        // Fails only when we lead a session already, which is what it is for.
        let _ = rustix::process::setsid();
    }
    if let Some(parent) = args.die_with {
        tie_to(parent)?;
    }
    if let Some(release) = Release::of(role, &ctx.conf) {
        // It has a log of its own, of the same name.
        return Err(release.exec(role, ctx, &record(role, args, &ctx.conf)?));
    }
    logging::start(args.log_file.as_deref()).map_err(|e| {
        let file = args.log_file.as_deref().unwrap_or(Path::new("stderr"));
        Failure::new(Exit::Failed, "log/unwritable", format!("cannot write the log {}", file.display()))
            .evidence(e.to_string())
    })?;
    for warning in &ctx.warnings {
        tracing::warn!("{warning}");
    }
    let record = Arc::new(Mutex::new(record(role, args, &ctx.conf)?));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // Sockets and timers only: more threads would cost memory and win nothing.
        .worker_threads(2)
        .thread_name(role.name())
        .enable_all()
        .build()
        .map_err(|e| Failure::io("cannot start the runtime", &e))?;
    // Its file goes when the process does.
    let held = record.clone();
    let result = runtime.block_on(async {
        let stop = stop_signal()?;
        let ready = move |address: SocketAddr| {
            let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(e) = record.ready(address.to_string()) {
                tracing::warn!("cannot write the pid file: {e}");
            }
        };
        let limit = if args.die_with.is_some() { TIED_END_LIMIT } else { END_LIMIT };
        let overdue = async {
            stopped(stop.clone()).await;
            tokio::time::sleep(limit).await;
        };
        let ended = tokio::select! {
            ended = serve(daemon, ctx, stopped(stop.clone()), ready) => ended,
            () = overdue => {
                tracing::warn!("not at its end {} ms after it was asked to: ends now", limit.as_millis());
                Ok(())
            }
        };
        let again = *stop.borrow() == Asked::ToComeAgain;
        ended.and(if again { Err(Failure::shown(Exit::Interrupted)) } else { Ok(()) })
    });
    // A blocking call that hangs must not hold up the end.
    runtime.shutdown_timeout(Duration::from_secs(1));
    drop(held);
    if let Err(failure) = &result
        && !failure.faults.is_empty()
    {
        tracing::error!("{}", failure.text(str::to_owned).trim_end());
    }
    if args.die_with.is_some() && role == Role::Supervisor {
        // Who tied us to himself may be gone, and workers outlive a supervisor by design.
        let scope = Scope::new(ctx.file.as_deref(), &ctx.conf.local_dir());
        sweep::end(&sweep::workers(&scope), Duration::from_secs(1));
    }
    result
}

/// Ends this process when `parent` ends, however that comes.
fn tie_to(parent: i32) -> Result<(), Failure> {
    rustix::process::set_parent_process_death_signal(Some(Signal::TERM))
        .map_err(|e| Failure::io("cannot tie this process to its parent", &e.into()))?;
    // It may have ended before the kernel knew.
    if rustix::process::getppid() != Pid::from_raw(parent) {
        return Err(Failure::new(Exit::Interrupted, "start/orphan", "the process that started this one is gone"));
    }
    Ok(())
}

fn record(role: Role, args: &cli::Daemon, conf: &Conf) -> Result<Record, Failure> {
    let path = role.pid_file(conf);
    Record::take(&path, args.log_file.clone()).map_err(|e| match e {
        RecordError::Taken(by) => {
            let pid = by.map_or("another process".to_owned(), |r| format!("pid {}", r.identity.pid));
            Failure::new(Exit::Conflict, "start/running", format!("{} runs already ({pid})", role.name()))
                .evidence(path.display().to_string())
                .hint(format!("stormctl stop {}", role.name()))
        }
        RecordError::Io(e) => Failure::new(Exit::Failed, "start/pid-file", format!("cannot write {}", path.display()))
            .evidence(e.to_string())
            .hint("set storm.local.dir to a folder that can be written"),
    })
}

/// Whether and how the process was asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Not,
    ToEnd,
    /// By SIGHUP: it ends as others do, but with a status at which whoever keeps it starts it again.
    ToComeAgain,
}

/// Hears the first SIGTERM, SIGINT or SIGHUP; at the second the process ends at once.
fn stop_signal() -> Result<watch::Receiver<Asked>, Failure> {
    let listen = |kind| signal(kind).map_err(|e| Failure::io("cannot listen for signals", &e));
    let (mut term, mut int) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    let mut hup = listen(SignalKind::hangup())?;
    let (sender, receiver) = watch::channel(Asked::Not);
    tokio::spawn(async move {
        for round in 0.. {
            let asked = tokio::select! {
                _ = term.recv() => Asked::ToEnd,
                _ = int.recv() => Asked::ToEnd,
                _ = hup.recv() => Asked::ToComeAgain,
            };
            if round > 0 {
                std::process::exit(Exit::Interrupted as i32);
            }
            tracing::info!("asked to end");
            sender.send_replace(asked);
        }
    });
    Ok(receiver)
}

async fn stopped(mut stop: watch::Receiver<Asked>) {
    // A sender that is gone says stop as well.
    let _ = stop.wait_for(|asked| *asked != Asked::Not).await;
}

/// Runs the daemon of a role until `shutdown`; `ready` hears where it serves.
async fn serve(
    daemon: &Daemon,
    ctx: &Context,
    shutdown: impl Future<Output = ()> + Send + 'static,
    ready: impl FnOnce(SocketAddr) + Send + 'static,
) -> Result<(), Failure> {
    let role = daemon.role();
    let conf = ctx.conf.clone();
    match daemon {
        Daemon::Agent => agent(ctx, shutdown, ready).await,
        Daemon::Zookeeper { zoo_cfg } => {
            let options = match zoo_cfg {
                Some(file) => storm_zookeeper::Options::from_zoo_cfg(file).map_err(|e| failed(role, e.code(), &e))?,
                None => zookeeper_options(&conf)?,
            };
            storm_zookeeper::run(options, ready, shutdown).await.map_err(|e| failed(role, e.code(), &e))
        }
        Daemon::Ui => storm_ui::run(conf, ready, shutdown).await.map_err(|e| failed(role, e.code(), &e)),
        Daemon::Logviewer => storm_logviewer::run(conf, ready, shutdown).await.map_err(|e| failed(role, e.code(), &e)),
        Daemon::Nimbus => storm_nimbus::run(conf, ready, shutdown).await.map_err(|e| failed(role, e.code(), &e)),
        Daemon::Supervisor => {
            let stormctl = std::env::current_exe()
                .map_err(|e| Failure::io("this program's own path is unknown, so workers cannot be started", &e))?;
            let options = storm_supervisor::Options { stormctl };
            storm_supervisor::run(conf, options, |r| ready(r.address), shutdown)
                .await
                .map_err(|e| failed(role, e.code(), &e))
        }
    }
}

/// The agent of this host.
async fn agent(
    ctx: &Context,
    shutdown: impl Future<Output = ()> + Send + 'static,
    ready: impl FnOnce(SocketAddr) + Send + 'static,
) -> Result<(), Failure> {
    storm_agent::run(agent_options(ctx)?, ready, shutdown).await.map_err(|e| match &e {
        storm_agent::AgentError::Tls(e) => agents::tls_failure(e),
        e => failed(Role::Agent, e.code(), e),
    })
}

/// What an agent is told: it starts and stops daemons with this very program.
pub fn agent_options(ctx: &Context) -> Result<storm_agent::Options, Failure> {
    let stormctl = std::env::current_exe()
        .map_err(|e| Failure::io("this program's own path is unknown, so daemons cannot be started", &e))?;
    let file = ctx.file.as_deref().map(std::path::absolute).transpose();
    let file = file.map_err(|e| Failure::io("the folder of the configuration is unknown", &e))?;
    let flag = |name: &str, value: String| [name.to_owned(), value];
    let mut globals: Vec<String> = Vec::new();
    globals.extend(file.iter().flat_map(|f| flag("--config", f.display().to_string())));
    globals.extend(ctx.global.overrides().iter().flat_map(|s| flag("-c", s.clone())));
    let load = LoadOptions {
        file: file.clone(),
        overrides: ctx.global.overrides(),
        reader: Reader::Daemon,
        ..LoadOptions::default()
    };
    Ok(storm_agent::Options {
        listen: ctx.conf.str(agents::LISTEN_KEY).unwrap_or_default().to_owned(),
        port: agents::port(&ctx.conf),
        host: ctx.conf.hostname(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        tls: agents::tls_dir(&ctx.conf, file.as_deref()),
        load,
        stormctl,
        globals,
        place: logs::place,
        roles: |conf| {
            let roles = roles::configured(conf, &|host| roles::is_this_machine(conf, host));
            roles.unwrap_or_default().into_iter().map(|role| role.name().to_owned()).collect()
        },
    })
}

/// The server that this storm.yaml names: reachable from outside only when it names this machine so.
fn zookeeper_options(conf: &Conf) -> Result<storm_zookeeper::Options, Failure> {
    let port = conf.int("storm.zookeeper.port").and_then(|p| u16::try_from(p).ok()).unwrap_or(2181);
    let servers = conf.strings("storm.zookeeper.servers");
    if servers.len() > 1 {
        return Err(Failure::new(
            Exit::Refused,
            "zookeeper/ensemble",
            "storm.zookeeper.servers names an ensemble, and this server is for one machine",
        )
        .evidence(servers.join(", "))
        .hint("run Apache ZooKeeper on those hosts, or name one host"));
    }
    let ip = match servers.first().map(String::as_str) {
        None | Some("localhost") => Ipv4Addr::LOCALHOST.into(),
        // Known by a loopback address, it listens there: 127.0.0.2 is another one than 127.0.0.1.
        Some(host) => {
            let named = host.trim_matches(['[', ']']).parse::<IpAddr>().ok();
            named.filter(IpAddr::is_loopback).unwrap_or(Ipv4Addr::UNSPECIFIED.into())
        }
    };
    let dir = conf.home().join(conf.str("dev.zookeeper.path").unwrap_or("/tmp/dev-storm-zookeeper"));
    let mut options = storm_zookeeper::Options::new(dir, SocketAddr::from((ip, port)));
    // Every worker of the machine connects from one address.
    options.max_client_cnxns = 0;
    options.four_letter_whitelist.extend(["mntr", "stat", "conf", "isro", "wchs"].map(str::to_owned));
    Ok(options)
}

fn failed(role: Role, code: &str, e: &dyn std::error::Error) -> Failure {
    let exit = if code.ends_with("conf") || code.ends_with("config") { Exit::ConfigInvalid } else { Exit::Failed };
    Failure::new(exit, code, format!("{} cannot run: {e}", role.name()))
}
