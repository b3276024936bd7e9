//! `stormctl zk`: from its verbs to what runs them, and the verbs that only ask a server.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value, json};
use storm_machine::process::Recorded;

use super::{zk_read, zk_service, zk_shell, zk_write};
use crate::cli::Role;
use crate::cli::zk::{Zk, ZkServers, ZkStatus, ZkWord};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Report;
use crate::zk::install::{Installation, Owner};
use crate::zk::serving::{self, Server};
use crate::zk::session::{self, Session};

/// How long a whole command may take, unless `--timeout` says else.
pub const LIMIT: Duration = Duration::from_secs(30);
/// How long a server may take for an answer about itself.
const ASK_LIMIT: Duration = Duration::from_secs(3);
/// Lines of a log that are shown when a server does not run.
const LAST_LINES: usize = 3;

pub async fn run(ctx: &Context, verb: &Zk) -> Result<(), Failure> {
    let printer = &ctx.printer;
    match verb {
        Zk::Start(args) => return zk_service::start(ctx, args).await,
        Zk::Stop(args) => return zk_service::stop(ctx, args),
        Zk::Restart(args) => return zk_service::restart(ctx, args).await,
        Zk::Status(args) => return status(ctx, args).await,
        Zk::Shell(args) => return zk_shell::run(ctx, args).await,
        _ => {}
    }
    if let Some((name, args)) = four_letter(verb) {
        return word(ctx, name, args).await;
    }
    let session = ctx.within(LIMIT, Session::connect(ctx, servers(verb).server.as_deref())).await?;
    let base = session.root.clone();
    let done = match verb {
        Zk::Ls(args) => ctx.within(LIMIT, zk_read::ls(printer, &session, &base, args)).await,
        Zk::Get(args) => ctx.within(LIMIT, zk_read::get(printer, &session, &base, args)).await,
        Zk::Find(args) => ctx.within(LIMIT, zk_read::find(printer, &session, &base, args)).await,
        Zk::Du(args) => ctx.within(LIMIT, zk_read::du(printer, &session, &base, args)).await,
        Zk::Set(args) => zk_write::set(printer, &session, &base, args, &ctx.global).await,
        Zk::Rm(args) => zk_write::rm(printer, &session, &base, args, &ctx.global).await,
        _ => unreachable!("handled above"),
    };
    session.close().await;
    done
}

fn four_letter(verb: &Zk) -> Option<(&'static str, &ZkWord)> {
    Some(match verb {
        Zk::Srvr(args) => ("srvr", args),
        Zk::Mntr(args) => ("mntr", args),
        Zk::Stat(args) => ("stat", args),
        Zk::Ruok(args) => ("ruok", args),
        Zk::Conf(args) => ("conf", args),
        Zk::Cons(args) => ("cons", args),
        Zk::Dump(args) => ("dump", args),
        Zk::Envi(args) => ("envi", args),
        Zk::Isro(args) => ("isro", args),
        Zk::Wchs(args) => ("wchs", args),
        _ => return None,
    })
}

fn servers(verb: &Zk) -> ZkServers {
    match verb {
        Zk::Ls(args) => args.servers.clone(),
        Zk::Get(args) => args.servers.clone(),
        Zk::Find(args) => args.servers.clone(),
        Zk::Du(args) => args.servers.clone(),
        Zk::Set(args) => args.change.servers.clone(),
        Zk::Rm(args) => args.change.servers.clone(),
        _ => ZkServers::default(),
    }
}

/// Where the environment says that Apache ZooKeeper is.
pub fn environment_home() -> Option<PathBuf> {
    std::env::var_os("ZOOKEEPER_HOME").map(PathBuf::from)
}

async fn status(ctx: &Context, args: &ZkStatus) -> Result<(), Failure> {
    let limit = ctx.global.timeout.unwrap_or(ASK_LIMIT);
    let install = match &args.server {
        Some(_) => None,
        None => Installation::named(&ctx.conf, &args.service, environment_home())?,
    };
    // Where zkServer.sh says it, too.
    if let Some(file) = install.as_ref().map(|i| &i.zoo_cfg).or(ctx.file.as_ref()) {
        ctx.printer.note(&format!("Using config: {}", file.display()));
    }
    let wanted = match &install {
        Some(install) => vec![client_port(install)?],
        None => wanted(ctx, args.server.as_deref())?,
    };
    let ensemble = ensemble(ctx, install.as_ref(), &wanted);
    let mut servers = Vec::new();
    let mut failures = Vec::new();
    for (host, port) in &wanted {
        match serving::ask(host, *port, limit).await {
            Ok(server) => servers.push(server),
            Err(failure) => failures.push(explained(ctx, install.as_ref(), host, failure, &ensemble, limit).await),
        }
    }
    let alive = servers.len();
    if alive > 0 {
        ctx.printer.show(&Servers(servers))?;
    }
    if failures.is_empty() {
        return Ok(());
    }
    let exit = if alive > 0 { Exit::Partly } else { failures[0].exit };
    Err(Failure { exit, faults: failures.into_iter().flat_map(|f| f.faults).collect() })
}

/// Where clients of an installation connect.
pub fn client_port(install: &Installation) -> Result<(String, u16), Failure> {
    let place = install.zoo_cfg.display().to_string();
    match &install.client {
        Some(client) if client.tls => Err(Failure::new(
            Exit::Unreachable,
            "zookeeper/tls",
            format!(
                "Client port found: {}. Client address: {}. Client SSL: true. A server that speaks only TLS cannot be asked",
                client.port, client.host
            ),
        )
        .evidence(place)),
        Some(client) => Ok((client.host.clone(), client.port)),
        None => Err(Failure::new(Exit::ConfigInvalid, "zookeeper/zoo-cfg", "Client port not found. Terminating.")
            .evidence(place)
            .hint("set clientPort, or the port behind the `;` of this server's server.N")),
    }
}

fn ensemble(ctx: &Context, install: Option<&Installation>, wanted: &[(String, u16)]) -> Vec<(String, u16)> {
    match install {
        Some(install) => {
            let port = wanted.first().map_or(2181, |(_, port)| *port);
            install.members.iter().map(|(_, host)| (host.clone(), port)).collect()
        }
        None => session::configured_servers(&ctx.conf),
    }
}

/// What this machine knows about a server that does not serve.
pub async fn explained(
    ctx: &Context,
    install: Option<&Installation>,
    host: &str,
    mut failure: Failure,
    ensemble: &[(String, u16)],
    limit: Duration,
) -> Failure {
    if failure.faults.first().is_some_and(|f| f.code == "zookeeper/not-serving") {
        for line in serving::quorum(ensemble, limit).await {
            failure = failure.evidence(line);
        }
        return failure.hint("start the other servers; their election ports must be reachable from here");
    }
    if !crate::roles::is_this_machine(&ctx.conf, host) {
        return failure;
    }
    match install {
        Some(install) => {
            failure = failure.evidence(match install.owner() {
                Owner::Running(identity) => format!("process {} runs, and does not listen there (yet)", identity.pid),
                Owner::Unrecorded(Some(pid)) => {
                    format!("process {pid} runs with this zoo.cfg, and no pid file names it")
                }
                Owner::Unrecorded(None) => format!("nothing is recorded in {}", install.pid_file().display()),
                Owner::Gone(pid) => format!("process {pid} of {} is gone", install.pid_file().display()),
                Owner::Stranger(pid, what) => format!("process {pid} is not ZooKeeper any more: {what}"),
            });
            failure
        }
        None => {
            let file = Role::Zookeeper.pid_file(&ctx.conf);
            if let Some(recorded) = Recorded::read(&file) {
                let alive = recorded.identity.entry().is_some();
                let what = if alive { "runs, and does not listen there (yet)" } else { "is gone" };
                failure = failure.evidence(format!("process {} of {} {what}", recorded.identity.pid, file.display()));
                // It left without removing its file: what it last said is why.
                let log = std::fs::read_to_string(Role::Zookeeper.log_file(&ctx.conf)).unwrap_or_default();
                let lines: Vec<&str> = log.lines().collect();
                for line in lines.iter().skip(lines.len().saturating_sub(LAST_LINES)).filter(|_| !alive) {
                    failure = failure.evidence(*line);
                }
            }
            failure
        }
    }
}

fn wanted(ctx: &Context, server: Option<&str>) -> Result<Vec<(String, u16)>, Failure> {
    let port = ctx.conf.int("storm.zookeeper.port").and_then(|p| u16::try_from(p).ok()).unwrap_or(2181);
    match server {
        None => Ok(session::configured_servers(&ctx.conf)),
        Some(server) => match session::host_and_port(server, port) {
            (host, _) if host.is_empty() || host.matches(':').count() == 1 => {
                Err(Failure::new(Exit::Usage, "usage/server", format!("{server} is not HOST:PORT")))
            }
            found => Ok(vec![found]),
        },
    }
}

/// One four-letter word, from each server.
async fn word(ctx: &Context, name: &str, args: &ZkWord) -> Result<(), Failure> {
    let limit = ctx.global.timeout.unwrap_or(ASK_LIMIT);
    let mut answers = Vec::new();
    let mut failures = Vec::new();
    for (host, port) in wanted(ctx, args.server.as_deref())? {
        match serving::word(&host, port, name, limit).await {
            Ok((text, _)) => answers.push((session::address(&host, port), text)),
            Err(failure) => failures.push(failure),
        }
    }
    let alive = answers.len();
    if alive > 0 {
        ctx.printer.show(&Answers { word: name.to_owned(), answers })?;
    }
    match failures.first().map(|f| f.exit) {
        None => Ok(()),
        Some(exit) => {
            let exit = if alive > 0 { Exit::Partly } else { exit };
            Err(Failure { exit, faults: failures.into_iter().flat_map(|f| f.faults).collect() })
        }
    }
}

struct Answers {
    word: String,
    answers: Vec<(String, String)>,
}

impl Report for Answers {
    const KIND: &'static str = "ZooKeeperAnswerList";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), Value::Array(self.items()))])
    }

    fn items(&self) -> Vec<Value> {
        let item = |(server, text): &(String, String)| json!({"server": server, "word": self.word, "answer": text});
        self.answers.iter().map(item).collect()
    }

    fn text(&self, _wide: bool) -> String {
        let end = |text: &str| if text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") };
        match &self.answers[..] {
            [(_, text)] => end(text),
            many => many.iter().map(|(server, text)| format!("# {server}\n{}", end(text))).collect(),
        }
    }

    fn names(&self) -> Vec<String> {
        self.answers.iter().map(|(server, _)| server.clone()).collect()
    }
}

struct Servers(Vec<Server>);

impl Report for Servers {
    const KIND: &'static str = "ZooKeeperServerList";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), Value::Array(self.items()))])
    }

    fn items(&self) -> Vec<Value> {
        self.0.iter().map(Server::item).collect()
    }

    fn text(&self, _wide: bool) -> String {
        let mut text = self.0.iter().map(Server::text).collect::<Vec<_>>().join("\n");
        if self.0.len() > 1 {
            let count = |mode: &str| self.0.iter().filter(|s| s.mode == mode).count();
            text.push_str(&format!("\nEnsemble: {} leader, {} followers answer\n", count("leader"), count("follower")));
        }
        text
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|s| format!("{}:{}", s.host, s.port)).collect()
    }
}
