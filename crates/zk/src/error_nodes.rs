//! Errors of components: the newest ten as sequential ephemeral nodes, and the last one by itself.

use std::collections::BTreeMap;

use storm_thrift::types::ErrorInfo;
use zookeeper_client::CreateMode;
use zookeeper_client::Error::NoNode;

use crate::nodes::{make_directory, open, or_absent};
use crate::paths::{ERRORS, LAST_ERROR, child, component_errors, decode_component, last_error};
use crate::{Cluster, ZkError};

/// How many errors of a component are kept.
const KEPT: usize = 10;

impl Cluster {
    /// Nimbus does this when it accepts a topology.
    pub async fn setup_errors(&self, id: &str) -> Result<(), ZkError> {
        self.make_directory(&child(ERRORS, id)).await
    }

    /// The nodes `e<sequence>` go with this process' session, the last error stays.
    pub async fn report_error(&self, id: &str, component: &str, error: &ErrorInfo) -> Result<(), ZkError> {
        let dir = component_errors(id, component);
        let data = self.delegate().write(error);
        self.run("report an error in", &dir, |client| {
            let (dir, data) = (&dir, &data);
            async move {
                let prefix = child(dir, "e");
                let options = open(CreateMode::EphemeralSequential);
                match client.create(&prefix, data, &options).await {
                    Err(NoNode) => {
                        make_directory(&client, dir).await?;
                        client.create(&prefix, data, &options).await?;
                    }
                    made => {
                        made?;
                    }
                }
                for old in outdated(client.list_children(dir).await?) {
                    or_absent(client.delete(&child(dir, &old), None).await)?;
                }
                Ok(())
            }
        })
        .await?;
        self.put(&last_error(id, component), data.clone().into()).await
    }

    /// The errors of a component, newest first.
    pub async fn errors(&self, id: &str, component: &str) -> Result<Vec<ErrorInfo>, ZkError> {
        let errors: BTreeMap<String, ErrorInfo> = self.read_all(&component_errors(id, component)).await?;
        let mut errors: Vec<_> = errors.into_iter().collect();
        errors.sort_by_key(|(name, error)| std::cmp::Reverse((error.error_time_secs, sequence(name))));
        Ok(errors.into_iter().map(|(_, error)| error).collect())
    }

    pub async fn last_error(&self, id: &str, component: &str) -> Result<Option<ErrorInfo>, ZkError> {
        self.read(&last_error(id, component)).await
    }

    /// The components of a topology that have ever had an error.
    pub async fn error_components(&self, id: &str) -> Result<Vec<String>, ZkError> {
        let names = self.children(&child(ERRORS, id)).await?;
        let mut components: Vec<_> =
            names.iter().map(|name| decode_component(name.strip_suffix(LAST_ERROR).unwrap_or(name))).collect();
        components.sort();
        components.dedup();
        Ok(components)
    }

    pub async fn error_topologies(&self) -> Result<Vec<String>, ZkError> {
        self.children(ERRORS).await
    }

    pub async fn teardown_errors(&self, id: &str) -> Result<(), ZkError> {
        self.delete(&child(ERRORS, id)).await
    }
}

fn sequence(name: &str) -> Option<i64> {
    name.strip_prefix('e')?.parse().ok()
}

/// The nodes beyond the newest ten; a name that is not ours is left alone.
fn outdated(names: Vec<String>) -> Vec<String> {
    let mut ours: Vec<_> = names.into_iter().filter_map(|name| sequence(&name).map(|n| (n, name))).collect();
    ours.sort();
    let excess = ours.len().saturating_sub(KEPT);
    ours.into_iter().take(excess).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_ten_stay() {
        let names = (0..13).rev().map(|n| format!("e{n:010}")).chain(["other".to_owned()]).collect();
        assert_eq!(outdated(names), ["e0000000000", "e0000000001", "e0000000002"]);
        assert!(outdated((0..10).map(|n| format!("e{n:010}")).collect()).is_empty());
    }
}
