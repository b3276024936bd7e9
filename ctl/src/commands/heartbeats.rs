//! `stormctl heartbeats list|get PATH`: what workers last reported to ZooKeeper.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::cli::storm::Heartbeats;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Report;
use crate::zk::session::Session;
use crate::zk::thrift::Types;

/// Below Storm's root. Paths may be typed with it, as Storm's own command wants them, or without.
const DIR: &str = "/workerbeats";

pub async fn run(ctx: &Context, verb: &Heartbeats) -> Result<(), Failure> {
    ctx.within(Duration::from_secs(30), async {
        let session = Session::connect(ctx, None).await?;
        match verb {
            Heartbeats::List { path } => {
                let path = place(&session.root, path);
                let mut names = session.client.list_children(&path).await.map_err(|e| session.failure(&path, &e))?;
                names.sort_unstable();
                session.close().await;
                ctx.printer.show(&Names(names))
            }
            Heartbeats::Get { path } => {
                let path = place(&session.root, path);
                let (data, _) = session.client.get_data(&path).await.map_err(|e| session.failure(&path, &e))?;
                session.close().await;
                let broken = |cause: String| {
                    Failure::new(Exit::Failed, "heartbeats/broken", format!("{path} holds no heartbeat"))
                        .evidence(cause)
                        .hint("stormctl heartbeats list PATH      shows what is below a path")
                };
                let plain = storm_zk::plain(&data).map_err(|e| broken(e.to_string()))?;
                let beat = Types::new(false).decode("ClusterWorkerHeartbeat", &plain);
                ctx.printer.show(&Beat(beat.map_err(|e| broken(e.to_string()))?))
            }
        }
    })
    .await
}

fn place(root: &str, typed: &str) -> String {
    let typed = typed.trim_matches('/');
    let below = typed.strip_prefix(DIR.trim_start_matches('/')).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let below = below.unwrap_or(typed).trim_matches('/');
    if below.is_empty() { format!("{root}{DIR}") } else { format!("{root}{DIR}/{below}") }
}

struct Names(Vec<String>);

impl Report for Names {
    const KIND: &'static str = "HeartbeatPathList";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), json!(self.0))])
    }

    fn items(&self) -> Vec<Value> {
        self.0.iter().map(|name| json!({"name": name})).collect()
    }

    fn text(&self, _wide: bool) -> String {
        self.0.iter().map(|n| format!("{n}\n")).collect()
    }

    fn names(&self) -> Vec<String> {
        self.0.clone()
    }
}

struct Beat(Value);

impl Beat {
    /// With the names that Storm's command gives the fields.
    fn renamed(&self) -> Value {
        let field = |name: &str| self.0.get(name).cloned().unwrap_or(Value::Null);
        json!({
            "storm-id": field("storm_id"),
            "uptime": field("uptime_secs"),
            "time-secs": field("time_secs"),
            "executor-stats": field("executor_stats"),
        })
    }
}

impl Report for Beat {
    const KIND: &'static str = "WorkerHeartbeat";

    fn fields(&self) -> Map<String, Value> {
        self.0.as_object().cloned().unwrap_or_default()
    }

    fn text(&self, _wide: bool) -> String {
        format!("{}\n", self.renamed())
    }

    fn names(&self) -> Vec<String> {
        self.0.get("storm_id").and_then(Value::as_str).map(str::to_owned).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_and_without_the_directory() {
        for (typed, path) in [
            ("/", "/storm/workerbeats"),
            ("/workerbeats", "/storm/workerbeats"),
            ("/workerbeats/t-1-1/n-6700", "/storm/workerbeats/t-1-1/n-6700"),
            ("t-1-1", "/storm/workerbeats/t-1-1"),
            ("/workerbeatsx-1-1", "/storm/workerbeats/workerbeatsx-1-1"),
        ] {
            assert_eq!(place("/storm", typed), path, "{typed}");
        }
    }
}
