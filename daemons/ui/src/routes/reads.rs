//! Requests that only look. Each asks the Nimbus that leads now, on a connection of its own.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::{Path, State};
use serde_json::{Value, json};
use storm_http::{Json, Query};
use storm_thrift::NimbusClient;
use storm_thrift::types::{GetInfoOptions, NumErrorsChoice, ProfileAction, TopologyInfo};

use super::{Answer, Ui};
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::shape;

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn site(ui: &Settings) -> shape::Site {
    shape::Site {
        display_resource: ui.display_resource(),
        bugs: ui.shown("ui.project.bugtracker.url"),
        central_logs: ui.shown("ui.central.logging.url"),
    }
}

fn window(query: &Query) -> Result<String, Refusal> {
    let window = query.text("window").filter(|w| !w.is_empty()).unwrap_or(":all-time");
    if shape::is_window(window) {
        return Ok(window.to_owned());
    }
    Err(Refusal::Request(format!("window is {window:?}; there are 600, 10800, 86400 and :all-time")))
}

pub async fn configuration(State(ui): Ui) -> Answer {
    let text = ui.nimbus().await?.get_nimbus_conf().await?;
    Ok(Json(Value::Object(shape::configuration(&text).map_err(Refusal::Request)?)))
}

pub async fn cluster(State(ui): Ui) -> Answer {
    let info = ui.nimbus().await?.get_cluster_info().await?;
    Ok(Json(shape::cluster(&info, &site(&ui))))
}

pub async fn nimbuses(State(ui): Ui) -> Answer {
    let info = ui.nimbus().await?.get_cluster_info().await?;
    Ok(Json(shape::nimbuses(&info.nimbuses, &ui.seeds(), ui.nimbus_port(), &ui.links)))
}

pub async fn supervisors(State(ui): Ui) -> Answer {
    let info = ui.nimbus().await?.get_cluster_info().await?;
    Ok(Json(shape::supervisors(&info.supervisors, ui.display_resource(), &ui.links)))
}

/// Of an id, or of a host.
pub async fn supervisor(State(ui): Ui, query: Query) -> Answer {
    let text = |name: &str| query.text(name).filter(|t| !t.is_empty()).map(str::to_owned);
    let page = ui.nimbus().await?.get_supervisor_page_info(text("id"), text("host"), query.flag("sys")).await?;
    Ok(Json(shape::supervisor_page(&page, ui.display_resource(), &ui.links)))
}

pub async fn topologies(State(ui): Ui) -> Answer {
    let all = ui.nimbus().await?.get_topology_summaries().await?;
    Ok(Json(shape::topologies(&all, ui.display_resource())))
}

pub async fn topology(State(ui): Ui, Path(id): Path<String>, query: Query) -> Answer {
    let window = window(&query)?;
    let page = ui.nimbus().await?.get_topology_page_info(id, window.clone(), query.flag("sys")).await?;
    let seen = shape::topology(&page, &window, &site(&ui), &ui.links, now_ms() / 1000);
    Ok(Json(seen.map_err(Refusal::Request)?))
}

pub async fn component(State(ui): Ui, Path((id, component)): Path<(String, String)>, query: Query) -> Answer {
    let window = window(&query)?;
    let mut nimbus = ui.nimbus().await?;
    let page = nimbus.get_component_page_info(id.clone(), component.clone(), window.clone(), query.flag("sys")).await?;
    let profiling = nimbus
        .get_component_pending_profile_actions(id.clone(), component.clone(), ProfileAction::JprofileStop)
        .await?;
    let asked = shape::Asked {
        topology: &id,
        component: &component,
        window: &window,
        profiler: ui.profiler(),
        profiling: &profiling,
        now_ms: now_ms(),
    };
    Ok(Json(shape::component(&page, &asked, &site(&ui), &ui.links)))
}

pub async fn workers(State(ui): Ui, Path(id): Path<String>) -> Answer {
    let info = info(&mut ui.nimbus().await?, id).await?;
    Ok(Json(shape::hosts_and_ports(&info.executors, &ui.links)))
}

/// A topology without its errors.
pub async fn info(nimbus: &mut NimbusClient, id: String) -> Result<TopologyInfo, Refusal> {
    let options = GetInfoOptions { num_err_choice: Some(NumErrorsChoice::None) };
    Ok(nimbus.get_topology_info_with_opts(id, options).await?)
}

/// How far the spouts are behind the queues that they read, which only Storm's own tools can find out.
pub async fn lag(State(ui): Ui, Path(id): Path<String>) -> Answer {
    if !ui.lag_is_off() {
        return Err(Refusal::Request(
            "this UI does not know how far spouts are behind: leave ui.disable.spout.lag.monitoring true".to_owned(),
        ));
    }
    info(&mut ui.nimbus().await?, id).await?;
    Ok(Json(json!({})))
}

async fn drawn(ui: &Settings, id: String, query: &Query) -> Result<serde_json::Map<String, Value>, Refusal> {
    let window = window(query)?;
    let mut nimbus = ui.nimbus().await?;
    let info = info(&mut nimbus, id.clone()).await?;
    let topology = nimbus.get_topology(id).await?;
    Ok(shape::graph(&topology, &info, &window, query.flag("sys")))
}

pub async fn graph(State(ui): Ui, Path(id): Path<String>, query: Query) -> Answer {
    Ok(Json(Value::Object(drawn(&ui, id, &query).await?)))
}

pub async fn stream_boxes(State(ui): Ui, Path(id): Path<String>, query: Query) -> Answer {
    Ok(Json(shape::stream_boxes(&drawn(&ui, id, &query).await?)))
}

pub async fn levels(State(ui): Ui, Path(id): Path<String>) -> Answer {
    Ok(Json(shape::levels(&ui.nimbus().await?.get_log_config(id).await?)))
}

pub async fn owners(State(ui): Ui) -> Answer {
    let all = ui.nimbus().await?.get_owner_resource_summaries(None).await?;
    Ok(Json(shape::owners(&all, ui.display_resource())))
}

pub async fn owner(State(ui): Ui, Path(owner): Path<String>) -> Answer {
    let mut nimbus = ui.nimbus().await?;
    let found = nimbus.get_owner_resource_summaries(Some(owner.clone())).await?;
    let topologies = nimbus.get_topology_summaries().await?;
    let found = found.iter().find(|o| o.owner == owner);
    Ok(Json(shape::owner(&owner, found, &topologies, ui.display_resource())))
}

pub async fn history(State(ui): Ui) -> Answer {
    let history = ui.nimbus().await?.get_topology_history(None).await?;
    Ok(Json(json!({ "topo-history": history.topo_ids.unwrap_or_default() })))
}
