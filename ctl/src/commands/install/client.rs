//! `stormctl install client`: finds the cluster from one of its hosts and writes the little that a client needs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use storm_conf::{Conf, Environment};
use storm_install::facts::Look;
use storm_install::host::Host;
use storm_install::plan::client as client_steps;
use storm_install::site::{Reply, Request, Site};
use storm_install::step::{Crew, Step};
use storm_thrift::NimbusClient;

use crate::change::Change;
use crate::cli::Global;
use crate::cli::install::Client;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

const LIMIT: Duration = Duration::from_secs(15);

/// What the cluster says of itself.
struct Found {
    seeds: Vec<String>,
    port: u16,
    leader: Option<String>,
    supervisors: usize,
}

pub(super) async fn run(printer: Printer, global: &Global, args: &Client) -> Result<(), Failure> {
    let dir = match &args.dir {
        Some(dir) => std::path::absolute(dir).map_err(|e| Failure::io(dir.display().to_string(), &e))?,
        None => Environment::of_process().user_home.map(|h| h.join(".storm")).ok_or_else(|| {
            Failure::new(Exit::Usage, "usage/dir", "there is no home for the configuration").hint("say --dir DIR")
        })?,
    };
    let found = find(global, &args.nimbus).await?;
    let mut host = Host::Local(Site::default());
    let file = dir.join("storm.yaml");
    let paths: Vec<PathBuf> = file.ancestors().map(PathBuf::from).collect();
    let look = Look { crew: Crew { dir: dir.clone(), ..Crew::default() }, paths, ..Look::default() };
    let Reply::Facts { facts } = host.ask(Request::Facts { look: Box::new(look) }).await? else {
        return Err(Failure::new(Exit::Failed, "install/protocol", "an answer to another question"));
    };
    let settings: BTreeMap<String, serde_json::Value> = crate::submission::settings(&global.set).into_iter().collect();
    let steps = client_steps(&dir, &facts, &found.seeds, found.port, &settings)?;
    if !args.dry_run {
        for Step { dir, action, seen, .. } in &steps {
            let request = Request::Do { dir: dir.clone(), action: Box::new(action.clone()), seen: seen.clone() };
            host.ask(request).await?;
        }
    }
    let leader = found.leader.map_or("nobody leads just now".to_owned(), |l| format!("{l} leads"));
    let did = match (steps.is_empty(), args.dry_run) {
        (true, _) => "is there already",
        (false, true) => "would be written",
        (false, false) => "written",
    };
    let message =
        format!("{} {did}: {} Nimbus ({leader}), {} supervisors", file.display(), found.seeds.len(), found.supervisors);
    let details = json!({"seeds": found.seeds, "port": found.port, "supervisors": found.supervisors,
        "changed": !steps.is_empty(), "dry_run": args.dry_run});
    printer.show(&Change {
        action: "installed",
        names: vec![file.display().to_string()],
        message,
        next: Some(if args.dir.is_none() {
            "stormctl list".into()
        } else {
            format!("stormctl --config {} list", file.display())
        }),
        details: details.as_object().cloned().unwrap_or_default(),
    })
}

/// Asks the hosts that were named; all Nimbuses that the first answer knows become seeds, if they can be reached.
async fn find(global: &Global, named: &[String]) -> Result<Found, Failure> {
    let mut failure = Failure::new(Exit::Unreachable, "install/no-nimbus", "none of these hosts answers as a Nimbus")
        .hint("name a host that runs Nimbus, and its port if it is not 6627: --nimbus HOST:PORT");
    let limit = global.timeout.unwrap_or(LIMIT);
    for text in named {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') && !host.is_empty() => match port.parse::<u16>() {
                Ok(port) if port > 0 => (host.to_owned(), port),
                _ => {
                    return Err(Failure::new(
                        Exit::Usage,
                        "usage/port",
                        format!("{text} has no port behind the colon"),
                    )
                    .hint("write HOST or HOST:PORT"));
                }
            },
            _ => (text.clone(), 6627),
        };
        let mut conf = Conf::defaults();
        conf.set("nimbus.seeds", json!([host]));
        conf.set("nimbus.thrift.port", json!(port));
        conf.set("storm.thrift.socket.timeout.ms", json!(limit.as_millis() as u64));
        let asked = tokio::time::timeout(limit, async {
            let mut nimbus = NimbusClient::leader(&conf).await?;
            nimbus.get_cluster_info().await
        });
        match asked.await {
            Ok(Ok(info)) => {
                let mut seeds = vec![host.clone()];
                let leader = info.nimbuses.iter().find(|n| n.is_leader).map(|n| n.host.clone());
                seeds.extend(info.nimbuses.iter().map(|n| n.host.clone()));
                let mut known = Vec::new();
                seeds.retain(|s| {
                    if known.contains(s) {
                        false
                    } else {
                        known.push(s.clone());
                        true
                    }
                });
                return Ok(Found { seeds, port, leader, supervisors: info.supervisors.len() });
            }
            Ok(Err(e)) => failure = failure.evidence(format!("{host}:{port}  {e}")),
            Err(_) => failure = failure.evidence(format!("{host}:{port}  no answer within {} s", limit.as_secs_f64())),
        }
    }
    // The hint belongs below all that was tried.
    Err(failure)
}
