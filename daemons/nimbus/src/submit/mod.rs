//! Submission: the steps from a client's call to a topology that waits for its first round.

mod check;
mod conf_types;
mod examine;
mod names;
mod normalise;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};
use storm_thrift::ServiceError;
use storm_thrift::types::{
    Credentials, InvalidTopologyException, StormBase, StormTopology, SubmitOptions, TopologyInitialStatus,
    TopologyStatus,
};
use storm_topology::system::valid_topology_name;
use storm_zk::ZkError;
use tokio::time::Instant;

pub use examine::{Examined, Terms, examine};
pub use names::NamesTaken;
pub(crate) use normalise::DROPPED_OVERRIDES;

use crate::blobs::open_meta;
use crate::nimbus::{Nimbus, blocking, zk_failed};
use crate::topologies::{Blob, conf_bytes};

pub(crate) fn invalid(msg: impl Into<String>) -> ServiceError {
    InvalidTopologyException { msg: msg.into() }.into()
}

pub struct Submission {
    pub name: String,
    pub jar: Option<String>,
    pub json_conf: String,
    pub topology: StormTopology,
    pub options: SubmitOptions,
}

/// A submission that has passed all checks.
struct Accepted {
    id: String,
    jar: PathBuf,
    conf: Map<String, Value>,
    topology: StormTopology,
    base: StormBase,
}

impl Nimbus {
    pub(crate) async fn submit(&self, submission: Submission) -> Result<(), ServiceError> {
        self.require_leader().await?;
        let name = submission.name.clone();
        valid_topology_name(&name).map_err(|e| invalid(e.to_string()))?;
        let id = self.ids.make(&name, self.clock.now_secs());
        // Of ten submits of one name the first to get here wins; the name is free again if its submission fails.
        let taken = self.names.take(&name, &id, || self.view().id_of(&name).map(str::to_owned))?;
        let credentials = submission.options.creds.clone().filter(|c| !c.creds.is_empty());
        let accepted = self.check(id, submission).await?;
        let id = accepted.id.clone();

        if let Err(e) = self.store(accepted, credentials).await {
            self.undo(&id).await;
            return Err(e);
        }
        drop(taken);
        self.wanted.notify_one();
        tracing::info!(topology = %id, "submitted");
        Ok(())
    }

    /// Everything that can be wrong with it is found here, before anything is written.
    async fn check(&self, id: String, s: Submission) -> Result<Accepted, ServiceError> {
        let topology_conf = parse_conf(&s.json_conf)?;
        let location = s.jar.filter(|j| !j.is_empty()).ok_or_else(|| {
            invalid("no jar was uploaded: uploadedJarLocation is empty; upload it with beginFileUpload first")
        })?;
        let inbox = self.inbox.clone();
        let jar = blocking(move || {
            let path = inbox.jar(&location)?;
            check::jar(&path)?;
            Ok(path)
        })
        .await?;

        let terms = Terms {
            cluster: self.conf.map(),
            id: &id,
            name: &s.name,
            submitter: &self.me.user,
            max_slots: self.settings.max_slots,
            max_executors: self.settings.max_executors,
        };
        let Examined { topology, conf, system, workers } =
            examine(&terms, topology_conf, &s.topology, |key| self.blobs.contains(key))?;
        let executors = system.start_executors();
        let base = StormBase {
            name: s.name,
            status: match s.options.initial_status {
                TopologyInitialStatus::Active => TopologyStatus::Active,
                TopologyInitialStatus::Inactive => TopologyStatus::Inactive,
            },
            num_workers: i32::try_from(workers).unwrap_or(i32::MAX),
            component_executors: Some(executors),
            launch_time_secs: Some(self.clock.now_secs32()),
            owner: Some(self.me.user.clone()),
            topology_action_options: None,
            prev_status: None,
            component_debug: Some(BTreeMap::new()),
            principal: Some(String::new()),
            topology_version: conf.get("topology.version").and_then(Value::as_str).map(str::to_owned),
        };
        Ok(Accepted { id, jar, conf, topology, base })
    }

    /// Blobs, then the nodes of ZooKeeper, last the base: with it the topology exists.
    async fn store(&self, a: Accepted, credentials: Option<Credentials>) -> Result<(), ServiceError> {
        let min_replicas = a.conf.get("topology.min.replication.count").and_then(Value::as_i64).unwrap_or(1);
        let max_wait = a.conf.get("topology.max.replication.wait.time.sec").and_then(Value::as_i64).unwrap_or(60);
        let (blobs, stored, id) = (self.blobs.clone(), self.stored.clone(), a.id.clone());
        let replicas = i32::try_from(min_replicas).unwrap_or(1);
        let (jar, conf, topology) = (a.jar, a.conf, a.topology);
        blocking(move || {
            let meta = open_meta(replicas);
            blobs.put_file(&Blob::Jar.key(&id), &meta, &jar)?;
            blobs.put(&Blob::Conf.key(&id), &meta, &conf_bytes(&conf).map_err(ServiceError::internal)?)?;
            blobs.put(&Blob::Code.key(&id), &meta, &stored.code_bytes(&topology))?;
            Ok(())
        })
        .await?;
        let written: Result<(), ZkError> = async {
            for blob in Blob::ALL {
                self.cluster.setup_blob(&blob.key(&a.id), &self.me.participant()).await?;
            }
            self.wait_for_replicas(&a.id, min_replicas, max_wait).await?;
            if let Some(credentials) = credentials {
                self.cluster.set_credentials(&a.id, &credentials).await?;
            }
            self.cluster.setup_heartbeats(&a.id).await?;
            self.cluster.setup_errors(&a.id).await
        }
        .await;
        written.map_err(zk_failed)?;
        let _changing = self.changing.lock().await;
        if !self.leads() {
            return Err(ServiceError::internal(format!(
                "leadership was lost while {} was being submitted; submit it again",
                a.base.name
            )));
        }
        self.save_base(&a.id, a.base).await.map_err(zk_failed)
    }

    /// Storm goes on with fewer replicas than wanted when the time is over.
    async fn wait_for_replicas(&self, id: &str, wanted: i64, max_wait_secs: i64) -> Result<(), ZkError> {
        // This Nimbus is one.
        if wanted <= 1 {
            return Ok(());
        }
        let started = Instant::now();
        for blob in Blob::ALL {
            let key = blob.key(id);
            loop {
                let have = self.cluster.blob_holders(&key).await?.len();
                if i64::try_from(have).unwrap_or(i64::MAX) >= wanted {
                    break;
                }
                if max_wait_secs >= 0 && started.elapsed().as_secs() >= max_wait_secs.unsigned_abs() {
                    tracing::warn!(
                        topology = id,
                        "{key} has {have} of {wanted} replicas after {max_wait_secs} s; going on"
                    );
                    break;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        Ok(())
    }

    /// Takes back what a failed submission has written, as far as that goes; the clean-up takes the rest.
    async fn undo(&self, id: &str) {
        let (blobs, key) = (self.blobs.clone(), id.to_owned());
        let removed = blocking(move || {
            for blob in Blob::ALL {
                if blobs.contains(&blob.key(&key)) {
                    blobs.delete(&blob.key(&key))?;
                }
            }
            Ok(())
        })
        .await;
        if let Err(e) = removed {
            tracing::warn!(topology = id, "blobs of a failed submission stay: {e}");
        }
        if !self.connected() {
            return;
        }
        let nodes = async {
            self.cluster.remove_storm(id).await?;
            for blob in Blob::ALL {
                self.cluster.remove_blob(&blob.key(id)).await?;
            }
            Ok::<_, ZkError>(())
        };
        if let Err(e) = nodes.await {
            tracing::warn!(topology = id, code = e.code(), "nodes of a failed submission stay: {e}");
        }
    }
}

fn parse_conf(json: &str) -> Result<Map<String, Value>, ServiceError> {
    match serde_json::from_str(json) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) => Err(invalid("the topology's configuration is not a JSON object")),
        Err(e) => Err(invalid(format!("the topology's configuration is not JSON: {e}"))),
    }
}
