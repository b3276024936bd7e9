//! Requests that change a topology.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::extract::{Path, State};
use serde_json::json;
use storm_http::Json;
use storm_thrift::NimbusClient;
use storm_thrift::types::{KillOptions, NodeInfo, ProfileAction, ProfileRequest, RebalanceOptions};

use super::reads::info;
use super::{Answer, Ui};
use crate::refusal::Refusal;
use crate::shape;

/// A connection, and the name of the topology with this id: changes go by name.
async fn named(ui: &crate::settings::Settings, id: &str) -> Result<(NimbusClient, String), Refusal> {
    let mut nimbus = ui.nimbus().await?;
    let name = info(&mut nimbus, id.to_owned()).await?.name;
    Ok((nimbus, name))
}

fn done(id: &str, operation: &str) -> Answer {
    tracing::info!(topology = id, "{operation}");
    Ok(Json(json!({ "topologyOperation": operation, "topologyId": id, "status": "success" })))
}

fn number<N: std::str::FromStr>(what: &str, text: &str) -> Result<N, Refusal> {
    text.parse().map_err(|_| Refusal::Request(format!("{what} is {text:?}; a whole number is expected")))
}

fn secs(text: &str) -> Result<i32, Refusal> {
    let secs: i32 = number("the time to wait", text)?;
    if secs < 0 { Err(Refusal::Request(format!("the time to wait is {secs} s"))) } else { Ok(secs) }
}

pub async fn activate(State(ui): Ui, Path(id): Path<String>) -> Answer {
    let (mut nimbus, name) = named(&ui, &id).await?;
    nimbus.activate(name).await?;
    done(&id, "activate")
}

pub async fn deactivate(State(ui): Ui, Path(id): Path<String>) -> Answer {
    let (mut nimbus, name) = named(&ui, &id).await?;
    nimbus.deactivate(name).await?;
    done(&id, "deactivate")
}

pub async fn rebalance(State(ui): Ui, Path((id, wait)): Path<(String, String)>) -> Answer {
    let options = RebalanceOptions { wait_secs: Some(secs(&wait)?), ..RebalanceOptions::default() };
    let (mut nimbus, name) = named(&ui, &id).await?;
    nimbus.rebalance(name, options).await?;
    done(&id, "rebalance")
}

pub async fn kill(State(ui): Ui, Path((id, wait)): Path<(String, String)>) -> Answer {
    let options = KillOptions { wait_secs: Some(secs(&wait)?) };
    let (mut nimbus, name) = named(&ui, &id).await?;
    nimbus.kill_topology_with_opts(name, options).await?;
    done(&id, "kill")
}

pub async fn debug(state: Ui, Path((id, action, percent)): Path<(String, String, String)>) -> Answer {
    set_debug(state, id, None, &action, &percent).await
}

pub async fn debug_component(
    state: Ui,
    Path((id, component, action, percent)): Path<(String, String, String, String)>,
) -> Answer {
    set_debug(state, id, Some(component), &action, &percent).await
}

async fn set_debug(State(ui): Ui, id: String, component: Option<String>, action: &str, percent: &str) -> Answer {
    let enable = match action {
        "enable" => true,
        "disable" => false,
        other => return Err(Refusal::Request(format!("debug is {other:?}; it is enabled or disabled"))),
    };
    let percent: f64 = number::<u32>("the percentage", percent)?.into();
    if percent > 100.0 {
        return Err(Refusal::Request(format!("the percentage is {percent}; 100 is all")));
    }
    let (mut nimbus, name) = named(&ui, &id).await?;
    nimbus.debug(name, component, enable, percent).await?;
    done(&id, &format!("debug/{action}"))
}

pub async fn set_levels(State(ui): Ui, Path(id): Path<String>, body: Bytes) -> Answer {
    let change = shape::change_of(&body).map_err(Refusal::Request)?;
    let mut nimbus = ui.nimbus().await?;
    info(&mut nimbus, id.clone()).await?;
    nimbus.set_log_config(id.clone(), change).await?;
    tracing::info!(topology = id, "levels of loggers are changed");
    Ok(Json(shape::levels(&nimbus.get_log_config(id).await?)))
}

/// The host and the port of a worker, as `host:port` says them.
fn worker(text: &str) -> Result<(String, i64), Refusal> {
    let wrong = || Refusal::Request(format!("{text:?} is no worker; HOST:PORT is expected"));
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let port: u16 = port.parse().map_err(|_| wrong())?;
    Ok((host.trim_matches(['[', ']']).to_owned(), port.into()))
}

async fn request(
    ui: &crate::settings::Settings,
    id: &str,
    host: &str,
    port: i64,
    action: ProfileAction,
    at: Duration,
) -> Result<(), Refusal> {
    let request = ProfileRequest {
        node_info: NodeInfo { node: host.to_owned(), port: BTreeSet::from([port]) },
        action,
        time_stamp: i64::try_from(at.as_millis()).ok(),
    };
    let mut nimbus = ui.nimbus().await?;
    info(&mut nimbus, id.to_owned()).await?;
    nimbus.set_worker_profiler(id.to_owned(), request).await?;
    tracing::info!(topology = id, "{action:?} for the worker {host}:{port}");
    Ok(())
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A profile that ends after some minutes.
pub async fn start_profiling(State(ui): Ui, Path((id, at, minutes)): Path<(String, String, String)>) -> Answer {
    let (host, port) = worker(&at)?;
    let length = Duration::from_secs(u64::from(number::<u32>("the number of minutes", &minutes)?) * 60);
    request(&ui, &id, &host, port, ProfileAction::JprofileStop, now() + length).await?;
    let link = ui.links.dumps(&host, &id, port);
    Ok(Json(json!({ "status": "ok", "id": at, "timeout": minutes, "dumplink": link })))
}

pub async fn profile(State(ui): Ui, Path((id, action, at)): Path<(String, String, String)>) -> Answer {
    let (host, port) = worker(&at)?;
    let (action, when) = match action.as_str() {
        "stop" => (ProfileAction::JprofileStop, Duration::ZERO),
        "dumpprofile" => (ProfileAction::JprofileDump, now()),
        "dumpjstack" => (ProfileAction::JstackDump, now()),
        "dumpheap" => (ProfileAction::JmapDump, now()),
        "restartworker" => (ProfileAction::JvmRestart, now()),
        other => return Err(Refusal::Request(format!("{other:?} is nothing that is done to a worker"))),
    };
    request(&ui, &id, &host, port, action, when).await?;
    Ok(Json(json!({ "status": "ok", "id": at })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_a_host_and_a_port() {
        assert_eq!(worker("h:6700").unwrap(), ("h".to_owned(), 6700));
        assert_eq!(worker("[fe80::1]:6700").unwrap(), ("fe80::1".to_owned(), 6700));
        for wrong in ["h", "h:", "h:x", "h:70000"] {
            assert!(worker(wrong).is_err(), "{wrong}");
        }
        assert!(secs("30").is_ok() && secs("-1").is_err() && secs("soon").is_err());
    }
}
