//! `stormctl config push`: one storm.yaml for many hosts, written by their agents.
//!
//! Everything is looked at before anything is written: each host's own file, what would change, and what the rules say
//! on that host. Then one host after the other is written and its daemons are restarted, until one fails.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};
use storm_agent::Address;
use storm_agent::client::{Agent, AskError, Code};
use storm_agent::proto::control_daemons_request::Action;
use storm_agent::proto::{ControlDaemonsRequest, Finding, WriteConfigRequest, WriteConfigResponse};
use storm_conf::schema;
use storm_lint::{Subject, diff, edit};

use super::{ask, place};
use crate::agents::{self, Agents, Asked};
use crate::cli::Global;
use crate::cli::config::Push;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Fault};
use crate::printer::{Printer, Report};
use crate::table::{Side, Table};

/// What each host has of its own: what its file says of these stays as it is.
const OWN: [&str; 6] = [
    "storm.home",
    "storm.local.hostname",
    "stormctl.agent.listen",
    "stormctl.agent.port",
    "stormctl.agent.tls.dir",
    "stormctl.roles",
];
/// How long daemons of one host may take to come back.
const RESTART: Duration = Duration::from_secs(120);

/// What is going to happen on a host.
struct Plan {
    agent: Agent,
    path: String,
    old: String,
    new: String,
    sha256: String,
    keys: Vec<String>,
    /// Daemons that run there and read one of the keys.
    restart: Vec<String>,
    written: WriteConfigResponse,
}

pub async fn run(printer: Printer, global: &Global, args: &Push) -> Result<(), Failure> {
    let ctx = Context::load(printer, global.clone(), storm_conf::Reader::Operator)?;
    let path = match (&args.file, &ctx.file) {
        (Some(file), _) | (None, Some(file)) => file.clone(),
        (None, None) => {
            return Err(Failure::new(Exit::NotFound, "config/no-file", "there is no storm.yaml here to push")
                .hint("name one: stormctl config push FILE --hosts a,b"));
        }
    };
    if place::is_zoo(&path) {
        return Err(Failure::new(Exit::Usage, "usage/push", "agents write storm.yaml only"));
    }
    let file = place::read(&path)?;
    let text = file.text().map_err(|e| place::store_failure(&e))?.to_owned();
    let all = Agents::open(&ctx)?;
    let addresses = agents::named(&ctx, &args.hosts).await?;
    let answers = all.each(&ctx, &addresses, move |agent| plan(agent, text.clone())).await;
    let asked = Asked::of(&all, &answers);
    let mut pushed: Vec<Pushed> = Vec::new();
    let mut plans: Vec<Plan> = Vec::new();
    for (address, answer) in answers {
        let Ok(plan) = answer else { continue };
        pushed.push(Pushed::of(&address, &plan));
        plans.push(plan);
    }
    let refused = plans.iter().any(|p| p.written.refused);
    let mut shown = Shown { pushed, asked, dry_run: args.dry_run, restarts: !args.no_restart };
    if let Err(mut failure) = shown.asked.clone().end() {
        ctx.printer.show(&shown)?;
        failure.faults.iter_mut().for_each(|f| f.evidence.push("nothing was written anywhere".to_owned()));
        return Err(failure);
    }
    if refused || args.dry_run {
        ctx.printer.show(&shown)?;
        return if refused { Err(refusal(&shown)) } else { Ok(()) };
    }
    if plans.iter().all(|p| !p.written.changed) {
        return ctx.printer.show(&shown);
    }
    confirm(&ctx, &shown)?;
    let failure = apply(&mut shown, plans, args.no_restart, &path).await;
    ctx.printer.show(&shown)?;
    failure.map_or(Ok(()), Err)
}

/// What a host has, and what it would say to the new text.
async fn plan(mut agent: Agent, text: String) -> Result<Plan, AskError> {
    let refuse = |agent: &Agent, why: String| AskError::refused(&agent.address, Code::FailedPrecondition, why);
    let config = agent.config().await?;
    let Some(file) = config.file else {
        return Err(refuse(&agent, "its configuration comes from no file".to_owned()));
    };
    if storm_agent::sha256(&file.content) != file.sha256 {
        return Err(refuse(&agent, "it does not show its file to who may only look".to_owned()));
    }
    let old = String::from_utf8(file.content).map_err(|e| refuse(&agent, format!("its file is not UTF-8: {e}")))?;
    let new = keep_own(&file.path, &old, &text).map_err(|why| refuse(&agent, why))?;
    let request = WriteConfigRequest {
        content: new.clone().into_bytes(),
        expected_sha256: file.sha256.clone(),
        dry_run: true,
        what: String::new(),
    };
    let written = agent.write_config(request).await?;
    let keys: Vec<String> = diff::values(&map(&old), &map(&new)).into_iter().map(|d| d.key).collect();
    let readers: BTreeSet<&str> =
        keys.iter().filter_map(|k| schema::key(k)).flat_map(|k| k.readers.iter().copied()).collect();
    let status = ControlDaemonsRequest { action: Action::Status.into(), ..ControlDaemonsRequest::default() };
    let daemons = if readers.is_empty() { Vec::new() } else { agent.control(status).await?.daemons };
    let restart = daemons
        .into_iter()
        .filter(|d| matches!(d.state.as_str(), "running" | "starting") && readers.contains(d.role.as_str()))
        .map(|d| d.role)
        .collect();
    Ok(Plan { agent, path: file.path, old, new, sha256: file.sha256, keys, restart, written })
}

fn map(text: &str) -> Map<String, Value> {
    match storm_conf::read_yaml(text).0.map(|node| node.to_value()) {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// The new text with what the host has of its own.
fn keep_own(path: &str, old: &str, new: &str) -> Result<String, String> {
    let (has, gets) = (map(old), map(new));
    let mut text = new.to_owned();
    for key in OWN {
        let subject = Subject::new(Path::new(path), text.as_str());
        let kept = match (has.get(key), gets.get(key)) {
            (a, b) if a == b => continue,
            (Some(value), _) => edit::set(&subject, key, value),
            (None, _) => edit::unset(&subject, key),
        };
        text = kept.map_err(|e| format!("its own {key} cannot be kept: {e}"))?;
    }
    Ok(text)
}

fn confirm(ctx: &Context, shown: &Shown) -> Result<(), Failure> {
    if ctx.global.yes {
        return Ok(());
    }
    let missing = || {
        Failure::new(Exit::Refused, "confirm/missing", "writing the configuration of hosts must be confirmed")
            .hint("say --yes, or --dry-run to only look")
    };
    if !ask::possible(&ctx.global) {
        return Err(missing());
    }
    ctx.printer.note(shown.text(false).trim_end());
    let hosts = shown.pushed.iter().filter(|p| p.state == State::Planned).count();
    if ask::yes_or_no(&ctx.printer, &format!("Write it on {hosts} hosts?"), false)? {
        return Ok(());
    }
    Err(Failure::new(Exit::Refused, "confirm/refused", "nothing was written"))
}

fn refusal(shown: &Shown) -> Failure {
    let errors = |p: &Pushed| {
        p.findings.iter().filter(|f| f.level == "error").map(|f| (p.host.clone(), f.clone())).collect::<Vec<_>>()
    };
    let mut faults = Vec::new();
    for (host, f) in shown.pushed.iter().filter(|p| p.state == State::Refused).flat_map(errors) {
        faults.push(Fault {
            code: f.code,
            message: f.message,
            evidence: vec![
                format!("line {}, column {}, on {host}", f.line, f.column),
                "nothing was written anywhere".to_owned(),
            ],
            hint: f.hint,
        });
    }
    Failure { exit: Exit::ConfigInvalid, faults }
}

/// One host after the other; the first failure ends it.
async fn apply(shown: &mut Shown, plans: Vec<Plan>, no_restart: bool, from: &Path) -> Option<Failure> {
    let name = from.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for (at, plan) in plans.into_iter().enumerate() {
        if !plan.written.changed {
            continue;
        }
        let what = format!("push {name}: {}", plan.keys.join(" "));
        let pushed = &mut shown.pushed[at];
        let done = write_and_restart(pushed, plan, what, no_restart).await;
        if let Err(e) = done {
            let mut failure = agents::failure(&e);
            failure.exit = Exit::Partly;
            pushed.error = Some(e.to_string());
            if pushed.state == State::Planned {
                pushed.state = State::Failed;
            }
            let later: Vec<String> = shown.pushed[at + 1..]
                .iter_mut()
                .filter(|p| p.state == State::Planned)
                .map(|p| {
                    p.state = State::NotReached;
                    p.host.clone()
                })
                .collect();
            if !later.is_empty() {
                failure = failure.evidence(format!("not written: {}", later.join(", ")));
            }
            return Some(failure.hint("see to that host, then push again: what is done stays as it is"));
        }
    }
    None
}

async fn write_and_restart(pushed: &mut Pushed, plan: Plan, what: String, no_restart: bool) -> Result<(), AskError> {
    let Plan { mut agent, new, sha256, restart, .. } = plan;
    let request = WriteConfigRequest { content: new.into_bytes(), expected_sha256: sha256, dry_run: false, what };
    let address = agent.address.clone();
    let late = || AskError::late(&address, RESTART);
    let written = tokio::time::timeout(RESTART, agent.write_config(request)).await.map_err(|_| late())??;
    pushed.backup = written.backup;
    pushed.state = State::Written;
    if no_restart || restart.is_empty() {
        return Ok(());
    }
    let request = ControlDaemonsRequest { action: Action::Restart.into(), roles: restart.clone(), keep_workers: false };
    tokio::time::timeout(RESTART, agent.control(request)).await.map_err(|_| late())??;
    pushed.restarted = restart;
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Same,
    Planned,
    Refused,
    Written,
    Failed,
    NotReached,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            State::Same => "same",
            State::Planned => "planned",
            State::Refused => "refused",
            State::Written => "written",
            State::Failed => "failed",
            State::NotReached => "not reached",
        }
    }
}

struct Pushed {
    host: String,
    path: String,
    state: State,
    keys: Vec<String>,
    restart: Vec<String>,
    restarted: Vec<String>,
    diff: String,
    findings: Vec<Finding>,
    backup: Option<String>,
    error: Option<String>,
}

impl Pushed {
    fn of(address: &Address, plan: &Plan) -> Pushed {
        let state = match &plan.written {
            w if w.refused => State::Refused,
            w if w.changed => State::Planned,
            _ => State::Same,
        };
        Pushed {
            host: address.to_string(),
            path: plan.path.clone(),
            state,
            keys: plan.keys.clone(),
            restart: plan.restart.clone(),
            restarted: Vec::new(),
            diff: place::difference(&plan.old, &plan.new, &format!("{address}:{}", plan.path)),
            findings: plan.written.findings.clone(),
            backup: None,
            error: None,
        }
    }
}

struct Shown {
    pushed: Vec<Pushed>,
    asked: Asked,
    dry_run: bool,
    restarts: bool,
}

impl Report for Shown {
    const KIND: &'static str = "ConfigPush";

    fn fields(&self) -> Map<String, Value> {
        let fields = json!({"dry_run": self.dry_run, "items": self.items(), "hosts": self.asked.json()});
        fields.as_object().cloned().unwrap_or_default()
    }

    fn items(&self) -> Vec<Value> {
        let finding = |f: &Finding| {
            json!({"code": f.code, "level": f.level, "line": f.line, "column": f.column, "message": f.message,
                "hint": f.hint})
        };
        let one = |p: &Pushed| {
            json!({"host": p.host, "path": p.path, "state": p.state.word(), "keys": p.keys, "restart": p.restart,
                "restarted": p.restarted, "diff": p.diff, "backup": p.backup, "error": p.error,
                "findings": p.findings.iter().map(finding).collect::<Vec<_>>()})
        };
        self.pushed.iter().map(one).collect()
    }

    fn text(&self, _wide: bool) -> String {
        let mut text = String::new();
        for p in self.pushed.iter().filter(|p| matches!(p.state, State::Planned | State::Refused)) {
            text.push_str(&p.diff);
        }
        let mut table = Table::new(&[
            ("HOST", Side::Left),
            ("STATE", Side::Left),
            ("KEYS", Side::Left),
            (if self.dry_run || !self.restarts { "WOULD RESTART" } else { "RESTART" }, Side::Left),
            ("WARNINGS", Side::Right),
        ]);
        for p in &self.pushed {
            let restart = if self.restarts { p.restart.join(",") } else { String::new() };
            let or_dash = |s: String| if s.is_empty() { "-".to_owned() } else { s };
            let warnings = p.findings.iter().filter(|f| f.level != "note").count();
            table.row([
                p.host.clone(),
                p.state.word().to_owned(),
                or_dash(p.keys.join(",")),
                or_dash(restart),
                warnings.to_string(),
            ]);
        }
        text.push_str(&table.text());
        // Errors of a refused file are told as what they are.
        for p in self.pushed.iter().filter(|p| p.state != State::Refused) {
            for f in p.findings.iter().filter(|f| f.level != "note") {
                text.push_str(&format!("{}:{}:{}: {}[{}]: {}\n", p.host, f.line, f.column, f.level, f.code, f.message));
            }
        }
        text
    }

    fn names(&self) -> Vec<String> {
        self.pushed.iter().map(|p| p.host.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_host_has_of_its_own_stays() {
        let old = "storm.local.hostname: h1\nui.port: 1\n";
        assert_eq!(
            map(&keep_own("/s.yaml", old, "# new\nui.port: 2\nstorm.local.hostname: other\n").unwrap()),
            map("ui.port: 2\nstorm.local.hostname: h1\n")
        );
        assert_eq!(
            map(&keep_own("/s.yaml", old, "ui.port: 2\n").unwrap()),
            map("ui.port: 2\nstorm.local.hostname: h1\n")
        );
        let none = keep_own("/s.yaml", "ui.port: 1\n", "# c\nui.port: 2\nstormctl.roles: [nimbus]\n").unwrap();
        assert_eq!(none, "# c\nui.port: 2\n");
    }
}
