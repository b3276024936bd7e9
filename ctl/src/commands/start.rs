//! `stormctl start`, `stop`, `restart` and `status`: the daemons of this machine.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use storm_machine::process::sweep::{self, Scope};

use crate::apache;
use crate::cli::{self, Role};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Report;
use crate::roles;
use crate::service::{self, Launch, Starting, State, Stopped};
use crate::table::{Side, Table, age, or_dash};
use crate::units::Unit;

const LEADER_LOOK: Duration = Duration::from_millis(5);
const START_LIMIT: Duration = Duration::from_secs(30);
/// The program of a release asks several JVMs for values before it becomes one.
const RELEASE_LIMIT: Duration = Duration::from_secs(150);
/// Storm's own: a daemon is killed when it does not end by itself.
const STOP_GRACE: Duration = Duration::from_secs(20);
const WORKER_GRACE: Duration = Duration::from_secs(3);
/// How long between two looks at what systemd starts.
const UNIT_LOOK: Duration = Duration::from_millis(50);

/// The roles that were named, else those of this machine.
fn chosen(ctx: &Context, named: &[Role]) -> Result<Vec<Role>, Failure> {
    let mut roles = named.to_vec();
    if roles.is_empty() {
        roles = roles::configured(&ctx.conf, &|host| roles::is_this_machine(&ctx.conf, host))?;
    }
    roles.sort_unstable();
    roles.dedup();
    if roles.is_empty() {
        return Err(Failure::new(Exit::NotInstalled, "roles/none", "this machine is configured for no daemon")
            .evidence(match &ctx.file {
                Some(file) => format!("configuration: {}", file.display()),
                None => "no storm.yaml found".to_owned(),
            })
            .hint(format!("name roles, or set {} in storm.yaml", roles::ROLES_KEY)));
    }
    Ok(roles)
}

pub fn start(ctx: &Context, args: &cli::Start) -> Result<(), Failure> {
    let roles = chosen(ctx, &args.roles.roles)?;
    hears(ctx, &roles)?;
    if args.dry.dry_run {
        return ctx.printer.show(&foreseen(ctx, &roles, "would start", "runs already"));
    }
    ctx.printer.show(&started(ctx, &roles)?)
}

/// What would be done to a role that does not run, and to one that does.
fn foreseen(ctx: &Context, roles: &[Role], stopped: &str, running: &str) -> Daemons {
    let line = |role: &Role| {
        let mut line = Line::of(*role, ctx, None);
        line.done = Some(match &line.state {
            State::Stopped => stopped.to_owned(),
            State::Running { .. } => running.to_owned(),
            State::Foreign { .. } => "left alone: started by others".to_owned(),
        });
        line
    };
    Daemons { lines: roles.iter().map(line).collect() }
}

/// A daemon that systemd starts does not hear of what is said with `-c`, unless only `stormctl` itself reads it.
fn hears(ctx: &Context, roles: &[Role]) -> Result<(), Failure> {
    let settings = ctx.global.overrides();
    let Some(setting) = settings.iter().find(|s| !s.starts_with("stormctl.")) else { return Ok(()) };
    match roles.iter().find(|role| Unit::of(**role, ctx.file.as_deref()).is_some()) {
        None => Ok(()),
        Some(role) => {
            let what = format!("systemd starts {}, and knows nothing of -c {setting}", role.name());
            Err(Failure::new(Exit::Usage, "start/settings", what)
                .hint("stormctl config set      writes it to storm.yaml"))
        }
    }
}

fn started(ctx: &Context, roles: &[Role]) -> Result<Daemons, Failure> {
    let apache = ctx.conf.str(apache::HOME_KEY).is_some_and(|home| !home.is_empty());
    let limit = ctx.global.timeout.unwrap_or(if apache { RELEASE_LIMIT } else { START_LIMIT });
    let began = Instant::now();
    let settings = ctx.global.overrides();
    let how = Launch { conf: &ctx.conf, conf_file: ctx.file.as_deref(), settings: &settings, tied: false };
    let mut lines = Vec::new();
    let mut starting = Vec::new();
    for &role in roles {
        match service::state(role, &ctx.conf) {
            State::Running { .. } => lines.push(Line::of(role, ctx, Some("runs already"))),
            State::Foreign { .. } => lines.push(Line::of(role, ctx, Some("runs already, started by others"))),
            State::Stopped => {
                let mut daemon = Begun::begin(role, ctx, how)?;
                // The others' first step is to ask ZooKeeper: so it goes first, and is quick.
                if role == Role::Zookeeper {
                    daemon.ready(limit)?;
                    lines.push(Line::of(role, ctx, Some("started")));
                } else {
                    starting.push(daemon);
                }
            }
        }
    }
    for mut daemon in starting {
        daemon.ready(limit.saturating_sub(began.elapsed()))?;
        if daemon.role() == Role::Nimbus {
            wait_for_leader(ctx, limit.saturating_sub(began.elapsed()))?;
        }
        lines.push(Line::of(daemon.role(), ctx, Some("started")));
    }
    Ok(Daemons { lines })
}

/// A daemon that was started, and by whom it is kept.
enum Begun<'a> {
    Own(Box<Starting>),
    Kept(Unit, Role, &'a Context),
}

impl<'a> Begun<'a> {
    fn begin(role: Role, ctx: &'a Context, how: Launch<'_>) -> Result<Begun<'a>, Failure> {
        let Some(unit) = Unit::of(role, ctx.file.as_deref()) else {
            return Ok(Begun::Own(Box::new(service::launch(role, how)?)));
        };
        unit.start()?;
        Ok(Begun::Kept(unit, role, ctx))
    }

    fn role(&self) -> Role {
        match self {
            Begun::Own(daemon) => daemon.role,
            Begun::Kept(_, role, _) => *role,
        }
    }

    /// Waits until it serves.
    fn ready(&mut self, limit: Duration) -> Result<(), Failure> {
        match self {
            Begun::Own(daemon) => daemon.ready(limit).map(drop),
            Begun::Kept(unit, role, ctx) => serves(*role, ctx, limit, || unit.has_failed()),
        }
    }
}

/// Waits until a daemon serves that somebody else has started.
fn serves(role: Role, ctx: &Context, limit: Duration, has_failed: impl Fn() -> bool) -> Result<(), Failure> {
    let deadline = Instant::now() + limit;
    loop {
        if matches!(service::state(role, &ctx.conf), State::Running { address: Some(_), .. }) {
            return Ok(());
        }
        let failed = has_failed();
        if failed || Instant::now() >= deadline {
            let (exit, code, what) = match failed {
                true => (Exit::Failed, "start/ended", format!("{} ended before it served", role.name())),
                false => (
                    Exit::Deadline,
                    "start/deadline",
                    format!("{} does not serve after {} s", role.name(), limit.as_secs_f64()),
                ),
            };
            return Err(service::with_lines(Failure::new(exit, code, what), role, &ctx.conf));
        }
        std::thread::sleep(UNIT_LOOK);
    }
}

/// A Nimbus that serves answers nothing of use before one of them leads. Without ZooKeeper none does: it goes on trying.
fn wait_for_leader(ctx: &Context, limit: Duration) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Failure::io("cannot start the runtime", &e))?;
    let led = runtime.block_on(async {
        let led = async {
            while ctx.nimbus().await.is_err() {
                tokio::time::sleep(LEADER_LOOK).await;
            }
        };
        tokio::time::timeout(limit, led).await
    });
    if led.is_err() {
        ctx.printer.note("nimbus serves, but no Nimbus leads yet: is ZooKeeper there? (stormctl zk status)");
    }
    Ok(())
}

pub fn stop(ctx: &Context, args: &cli::Stop) -> Result<(), Failure> {
    let roles = chosen(ctx, &args.roles.roles)?;
    // All of a machine means its workers too; a Supervisor alone may stop for an upgrade and adopt them again.
    let with_workers = args.roles.roles.is_empty() && !args.keep_workers;
    if args.dry.dry_run {
        let workers = sweep::workers(&Scope::new(ctx.file.as_deref(), &ctx.conf.local_dir()));
        if with_workers && !workers.is_empty() {
            ctx.printer.note(&format!("would end {} processes of workers", workers.len()));
        }
        return ctx.printer.show(&foreseen(ctx, &roles, "is not running", "would stop"));
    }
    let report = stopped(ctx, &roles, with_workers)?;
    if args.roles.roles.is_empty() {
        forget_kept(ctx);
    }
    ctx.printer.show(&report)
}

fn stopped(ctx: &Context, roles: &[Role], with_workers: bool) -> Result<Daemons, Failure> {
    let grace = ctx.global.timeout.unwrap_or(STOP_GRACE);
    let scope = Scope::new(ctx.file.as_deref(), &ctx.conf.local_dir());
    let mut lines = Vec::new();
    for &role in roles.iter().rev() {
        let done = match end(role, ctx, grace)? {
            Stopped::NotRunning => match service::state(role, &ctx.conf) {
                State::Foreign { .. } => "left alone: started by others".to_owned(),
                _ => "was not running".to_owned(),
            },
            Stopped::Asked(pid) => format!("stopped (pid {pid})"),
            Stopped::Killed(pid) => format!("killed (pid {pid}): it did not end within {} s", grace.as_secs()),
        };
        lines.push(Line::of(role, ctx, Some(&done)));
        if role == Role::Supervisor {
            let workers = sweep::workers(&scope);
            if with_workers {
                sweep::end(&workers, WORKER_GRACE);
            } else if !workers.is_empty() {
                ctx.printer
                    .note(&format!("{} processes of workers go on; the next Supervisor adopts them", workers.len()));
            }
        }
    }
    lines.reverse();
    Ok(Daemons { lines })
}

/// Through systemd where it keeps the daemon, and we may tell it so.
fn end(role: Role, ctx: &Context, grace: Duration) -> Result<Stopped, Failure> {
    if let State::Running { pid, .. } = service::state(role, &ctx.conf)
        && let Some(unit) = Unit::of(role, ctx.file.as_deref()).filter(|unit| unit.is_ours() && unit.keeps(pid))
    {
        unit.stop()?;
        return Ok(Stopped::Asked(pid));
    }
    service::stop(role, &ctx.conf, grace)
}

/// A cluster that `quickstart --keep` left is not current any more once it is stopped.
fn forget_kept(ctx: &Context) {
    let environment = storm_conf::Environment::of_process();
    let (Some(pointer), Some(state)) = (environment.current_cluster(), environment.own_state()) else { return };
    // An installation stays the user's cluster while it is stopped.
    if !ctx.file.as_deref().is_some_and(|f| f.starts_with(state.join("quickstart"))) {
        return;
    }
    let points_here = std::fs::read_to_string(&pointer)
        .is_ok_and(|text| ctx.file.as_deref().is_some_and(|f| text.trim() == f.to_string_lossy()));
    if points_here && std::fs::remove_file(&pointer).is_ok() {
        ctx.printer.note(&format!(
            "the cluster's files stay in {}; stormctl --config {} start      starts it again",
            ctx.conf.home().display(),
            ctx.file.as_deref().unwrap_or(&pointer).display()
        ));
    }
}

pub fn restart(ctx: &Context, args: &cli::Start) -> Result<(), Failure> {
    let roles = chosen(ctx, &args.roles.roles)?;
    hears(ctx, &roles)?;
    if args.dry.dry_run {
        return ctx.printer.show(&foreseen(ctx, &roles, "would start", "would restart"));
    }
    let (kept, own): (Vec<Role>, Vec<Role>) = roles.into_iter().partition(|role| is_the_systems(*role, ctx));
    stopped(ctx, &own, false)?;
    let mut report = started(ctx, &own)?;
    for role in kept {
        again(role, ctx)?;
        report.lines.push(Line::of(role, ctx, Some("started")));
    }
    report.lines.sort_by_key(|line| line.role);
    ctx.printer.show(&report)
}

/// Whether the system's systemd keeps it, and who runs this may not tell it anything.
fn is_the_systems(role: Role, ctx: &Context) -> bool {
    let State::Running { pid, .. } = service::state(role, &ctx.conf) else { return false };
    Unit::of(role, ctx.file.as_deref()).is_some_and(|unit| !unit.is_ours() && unit.keeps(pid))
}

/// At SIGHUP a daemon ends with a status at which systemd starts it again: whoever it runs as may do that.
fn again(role: Role, ctx: &Context) -> Result<(), Failure> {
    let limit = ctx.global.timeout.unwrap_or(START_LIMIT);
    service::hang_up(role, &ctx.conf, limit)?;
    serves(role, ctx, limit, || false)
}

pub fn status(ctx: &Context, args: &cli::Roles) -> Result<(), Failure> {
    let roles = chosen(ctx, &args.roles)?;
    let lines: Vec<Line> = roles.iter().map(|&role| Line::of(role, ctx, None)).collect();
    let down: Vec<&str> = lines.iter().filter(|l| l.state == State::Stopped).map(|l| l.role.name()).collect();
    let down = down.join(", ");
    ctx.printer.show(&Daemons { lines })?;
    if down.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Exit::NotFound, "status/stopped", format!("not running: {down}"))
        .hint(format!("stormctl start {}", down.replace(", ", " "))))
}

struct Daemons {
    lines: Vec<Line>,
}

struct Line {
    role: Role,
    done: Option<String>,
    state: State,
    log: String,
    unit: Option<String>,
}

impl Line {
    fn of(role: Role, ctx: &Context, done: Option<&str>) -> Line {
        Line {
            role,
            done: done.map(str::to_owned),
            state: service::state(role, &ctx.conf),
            log: role.log_file(&ctx.conf).display().to_string(),
            unit: Unit::of(role, ctx.file.as_deref()).map(|unit| unit.name),
        }
    }
}

impl Report for Daemons {
    const KIND: &'static str = "DaemonList";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), Value::Array(self.items()))])
    }

    fn items(&self) -> Vec<Value> {
        let item = |l: &Line| {
            let (state, pid, address, uptime) = match &l.state {
                State::Running { pid, address, uptime_secs } => {
                    ("running", Some(*pid), address.clone(), Some(*uptime_secs))
                }
                State::Foreign { pid, address } => ("foreign", *pid, Some(address.clone()), None),
                State::Stopped => ("stopped", None, None, None),
            };
            json!({
                "role": l.role.name(),
                "state": state,
                "done": l.done,
                "pid": pid,
                "address": address,
                "uptime_secs": uptime,
                "log": l.log,
                "unit": l.unit,
            })
        };
        self.lines.iter().map(item).collect()
    }

    fn text(&self, wide: bool) -> String {
        let mut columns = vec![
            ("ROLE", Side::Left),
            ("STATE", Side::Left),
            ("PID", Side::Right),
            ("AGE", Side::Right),
            ("ADDRESS", Side::Left),
            ("LOG", Side::Left),
        ];
        if wide {
            columns.push(("UNIT", Side::Left));
        }
        let mut table = Table::new(&columns);
        for l in &self.lines {
            let (state, pid, address, uptime) = match &l.state {
                State::Running { pid, address: Some(address), uptime_secs } => {
                    ("running", Some(*pid), Some(address.clone()), Some(age(*uptime_secs)))
                }
                State::Running { pid, address: None, uptime_secs } => {
                    ("starting", Some(*pid), None, Some(age(*uptime_secs)))
                }
                State::Foreign { pid, address } => ("running (started by others)", *pid, Some(address.clone()), None),
                State::Stopped => ("stopped", None, None, None),
            };
            let state = l.done.clone().unwrap_or_else(|| state.to_owned());
            let mut cells =
                vec![l.role.name().to_owned(), state, or_dash(pid), or_dash(uptime), or_dash(address), l.log.clone()];
            if wide {
                cells.push(or_dash(l.unit.clone()));
            }
            table.row(cells);
        }
        table.text()
    }

    fn names(&self) -> Vec<String> {
        self.lines.iter().map(|l| l.role.name().to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_daemons() {
        let line =
            |role, state| Line { role, done: None, state, log: format!("logs/{}.log", Role::name(role)), unit: None };
        let running = State::Running { pid: 42, address: Some("127.0.0.1:6627".into()), uptime_secs: 61 };
        let starting = State::Running { pid: 43, address: None, uptime_secs: 0 };
        let report = Daemons {
            lines: vec![
                line(Role::Zookeeper, State::Stopped),
                line(Role::Nimbus, running),
                line(Role::Supervisor, starting),
            ],
        };
        assert_eq!(
            report.text(false),
            "ROLE        STATE     PID   AGE  ADDRESS         LOG\n\
             zookeeper   stopped     -     -  -               logs/zookeeper.log\n\
             nimbus      running    42  1m1s  127.0.0.1:6627  logs/nimbus.log\n\
             supervisor  starting   43    0s  -               logs/supervisor.log\n"
        );
        assert_eq!(report.items()[1]["pid"], 42);
    }
}
