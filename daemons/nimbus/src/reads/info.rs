//! `getTopologyInfo`: raw statistics of every executor, and errors.

use std::collections::BTreeMap;

use storm_thrift::ServiceError;
use storm_thrift::types::{ErrorInfo, ExecutorSummary, NumErrorsChoice, StormTopology, TopologyInfo};
use storm_zk::ZkError;

use super::workers::placed;
use crate::nimbus::{Nimbus, blocking, not_alive, zk_failed};
use crate::topologies::transitions::status_name;

impl Nimbus {
    /// The id of the living topology of that name, in the view that reading calls are answered from.
    pub(crate) async fn read_id(&self, name: &str) -> Result<String, ServiceError> {
        self.read_view().await.id_of(name).map(str::to_owned).ok_or_else(|| not_alive(name))
    }

    pub(crate) async fn topology_info(&self, id: &str, errors: NumErrorsChoice) -> Result<TopologyInfo, ServiceError> {
        let view = self.read_view().await;
        let base = view.bases.get(id).ok_or_else(|| not_alive(id))?;
        let facts = self.facts(id).await;
        let mut info = TopologyInfo {
            id: id.to_owned(),
            name: base.name.clone(),
            uptime_secs: self.uptime(base),
            executors: Vec::new(),
            status: status_name(base.status).to_owned(),
            errors: BTreeMap::new(),
            component_debug: base.component_debug.clone(),
            storm_version: facts.known().and_then(|f| f.storm_version.clone()),
            sched_status: self.sched_status(id, &facts),
            owner: base.owner.clone(),
            replication_count: Some(self.replication(id).await),
            ..TopologyInfo::default()
        };
        let Some(facts) = facts.known() else { return Ok(info) };
        if let Some(assignment) = view.assignments.get(id) {
            let beats = self.beats(id).await?;
            let summary = |p: super::workers::Placed<'_>| ExecutorSummary {
                executor_info: p.info(),
                component_id: p.component.to_owned(),
                host: p.host.to_owned(),
                port: i32::try_from(p.port).unwrap_or(0),
                uptime_secs: p.uptime_secs(),
                stats: p.stats().cloned(),
            };
            info.executors = placed(assignment, facts, &beats).into_iter().map(summary).collect();
        }
        if self.connected() && errors != NumErrorsChoice::None {
            info.errors = self.errors_of(id, errors).await.map_err(zk_failed)?;
        }
        Ok(info)
    }

    async fn errors_of(&self, id: &str, choice: NumErrorsChoice) -> Result<BTreeMap<String, Vec<ErrorInfo>>, ZkError> {
        let mut all = BTreeMap::new();
        // Only components that ever had an error have a node: usually there is none to ask for.
        for component in self.cluster.error_components(id).await? {
            let errors = match choice {
                NumErrorsChoice::One => self.cluster.last_error(id, &component).await?.into_iter().collect(),
                _ => self.cluster.errors(id, &component).await?,
            };
            all.insert(component, errors);
        }
        Ok(all)
    }

    /// The topology with Storm's own components in it, or as it was submitted.
    pub(crate) async fn topology_of(&self, id: &str, with_system: bool) -> Result<StormTopology, ServiceError> {
        self.read_view().await.bases.get(id).ok_or_else(|| not_alive(id))?;
        let stored = self.stored(id).await?;
        if !with_system {
            return Ok(stored.topology);
        }
        blocking(move || Ok(stored.system().map_err(ServiceError::internal)?.thrift().clone())).await
    }

    pub(crate) async fn topology_conf_of(&self, id: &str) -> Result<String, ServiceError> {
        self.read_view().await.bases.get(id).ok_or_else(|| not_alive(id))?;
        let stored = self.stored(id).await?;
        Ok(serde_json::Value::Object(stored.conf).to_string())
    }
}
