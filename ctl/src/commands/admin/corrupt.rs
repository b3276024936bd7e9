//! Topologies that ZooKeeper knows and of which no blob is left: they can neither run nor be described.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Map, json};
use storm_zk::{Cluster, ZkError};

use crate::change::Change;
use crate::cli::storm::DryRun;
use crate::commands::blobstore::all_keys;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::zk::session::Session;

const BLOBS: [&str; 3] = ["-stormjar.jar", "-stormcode.ser", "-stormconf.ser"];

pub async fn remove(ctx: &Context, dry: &DryRun) -> Result<(), Failure> {
    ctx.within(Duration::from_secs(120), async {
        let session = Session::connect(ctx, None).await?;
        let path = format!("{}/storms", session.root);
        // Topologies before blobs: one that is submitted meanwhile has its blobs first.
        let known = session.client.list_children(&path).await.map_err(|e| session.failure(&path, &e))?;
        session.close().await;
        let keys: BTreeSet<String> = all_keys(&mut ctx.nimbus().await?).await?.into_iter().collect();
        let corrupt = corrupt(known, &keys);
        if !corrupt.is_empty() && !dry.dry_run {
            let cluster = Cluster::connect(&ctx.conf).await.map_err(of_zk)?;
            for id in &corrupt {
                cluster.remove_storm(id).await.map_err(of_zk)?;
            }
            cluster.close().await;
        }
        let message = match (corrupt.is_empty(), dry.dry_run) {
            (true, _) => "every topology has blobs".to_owned(),
            (false, true) => format!("would remove {}", corrupt.join(", ")),
            (false, false) => format!("removed {}", corrupt.join(", ")),
        };
        ctx.printer.show(&Change {
            action: "remove-corrupt-topologies",
            message,
            names: corrupt,
            next: None,
            details: Map::from_iter([("dry_run".to_owned(), json!(dry.dry_run))]),
        })
    })
    .await
}

fn corrupt(mut known: Vec<String>, keys: &BTreeSet<String>) -> Vec<String> {
    known.retain(|id| !BLOBS.iter().any(|end| keys.contains(&format!("{id}{end}"))));
    known.sort_unstable();
    known
}

fn of_zk(e: ZkError) -> Failure {
    Failure::new(Exit::Unreachable, e.code(), e.to_string()).hint("stormctl zk status")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_blob_is_enough() {
        let keys = BTreeSet::from(["a-1-1-stormconf.ser".to_owned(), "b-1-1".to_owned()]);
        let known = vec!["c-1-1".to_owned(), "a-1-1".to_owned(), "b-1-1".to_owned()];
        assert_eq!(corrupt(known, &keys), ["b-1-1", "c-1-1"]);
    }
}
