//! Events applied to living topologies: the effects that [`super::transitions`] asks for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use storm_thrift::ServiceError;
use storm_thrift::types::{RebalanceOptions, StormBase};
use storm_topology::system::component_conf;
use storm_zk::ZkError;

use super::alarms::Alarm;
use super::names::Blob;
use super::transitions::{Effect, Event, NoTransition, transition};
use super::{Stored, conf_bytes};
use crate::assign::nodes_of;
use crate::nimbus::{Nimbus, blocking, not_alive, zk_failed};
use crate::submit::DROPPED_OVERRIDES;

/// An alarm whose change could not be written rings again after this.
const AGAIN: Duration = Duration::from_secs(1);

impl Nimbus {
    pub(crate) fn alive_id(&self, name: &str) -> Result<String, ServiceError> {
        self.view().id_of(name).map(str::to_owned).ok_or_else(|| not_alive(name))
    }

    pub(crate) fn alive_base(&self, id: &str) -> Result<Arc<StormBase>, ServiceError> {
        self.view().bases.get(id).cloned().ok_or_else(|| not_alive(id))
    }

    /// What a client asks for.
    pub(crate) async fn change(&self, name: &str, event: Event) -> Result<(), ServiceError> {
        self.require_leader().await?;
        let id = self.alive_id(name)?;
        let wait = self.default_wait(&id).await;
        let _changing = self.changing.lock().await;
        let base = self.alive_base(&id)?;
        let event_name = event.name();
        let effects =
            transition(&id, &base, event, wait).map_err(|e: NoTransition| ServiceError::internal(e.to_string()))?;
        self.apply(&id, effects).await.map_err(zk_failed)?;
        tracing::info!(topology = %id, "{event_name}");
        Ok(())
    }

    async fn default_wait(&self, id: &str) -> i32 {
        self.facts(id).await.known().map_or(self.settings.message_timeout_secs, |f| f.message_timeout_secs)
    }

    /// Rings alarms until the process ends.
    pub(crate) async fn ring_alarms(self: Arc<Self>) {
        loop {
            let (id, alarm) = self.alarms.next().await;
            if !self.leads() {
                continue;
            }
            let event = match alarm {
                Alarm::Remove => Event::Remove,
                Alarm::DoRebalance => Event::DoRebalance,
            };
            let wait = self.default_wait(&id).await;
            let _changing = self.changing.lock().await;
            if let Err(e) = self.run_transition(&id, event, wait).await {
                tracing::warn!(topology = %id, code = e.code(), "{alarm:?} is tried again: {e}");
                self.alarms.arm(&id, alarm, AGAIN);
            }
        }
    }

    /// An event of Nimbus' own; the caller holds `changing`.
    pub(crate) async fn run_transition(&self, id: &str, event: Event, wait_secs: i32) -> Result<(), ZkError> {
        let Some(base) = self.view().bases.get(id).cloned() else { return Ok(()) };
        match transition(id, &base, event, wait_secs) {
            Ok(effects) => self.apply(id, effects).await,
            Err(e) => {
                tracing::debug!("{e}");
                Ok(())
            }
        }
    }

    async fn apply(&self, id: &str, effects: Vec<Effect>) -> Result<(), ZkError> {
        for effect in effects {
            match effect {
                Effect::Save(base) => self.save_base(id, *base).await?,
                Effect::Arm { alarm, after } => self.alarms.arm(id, alarm, after),
                Effect::Rebalance(options) => {
                    if let Err(e) = self.write_overrides(id, &options).await {
                        tracing::warn!(topology = id, "the overrides of a rebalance are not written: {e}");
                    }
                    self.stored.forget(id);
                    self.round(Some(id)).await?;
                }
                Effect::Remove => self.remove(id).await?,
            }
        }
        Ok(())
    }

    pub(crate) async fn save_base(&self, id: &str, base: StormBase) -> Result<(), ZkError> {
        self.cluster.set_storm_base(id, &base).await?;
        self.views.change(|view| {
            view.bases.insert(id.to_owned(), Arc::new(base));
        });
        Ok(())
    }

    async fn remove(&self, id: &str) -> Result<(), ZkError> {
        let assignment = self.view().assignments.get(id).cloned();
        self.cluster.remove_storm(id).await?;
        self.views.change(|view| {
            view.bases.remove(id);
            view.assignments.remove(id);
        });
        self.stored.forget(id);
        self.heartbeats().retain(|other| other != id);
        self.push_to(&nodes_of([assignment.as_deref(), None]));
        self.wanted.notify_one();
        tracing::info!(topology = id, "removed");
        Ok(())
    }

    /// A rebalance may change the configuration and what components ask for; both live in blobs.
    async fn write_overrides(&self, id: &str, options: &RebalanceOptions) -> Result<(), ServiceError> {
        let resources = options.topology_resources_overrides.clone().filter(|r| !r.is_empty());
        let conf = match options.topology_conf_overrides.as_deref().map(parse_overrides) {
            Some(Ok(conf)) => Some(conf).filter(|c| !c.is_empty()),
            Some(Err(e)) => return Err(ServiceError::internal(e)),
            None => None,
        };
        if resources.is_none() && conf.is_none() {
            return Ok(());
        }
        let mut stored = self.stored(id).await?;
        let (blobs, topologies, key) = (self.blobs.clone(), self.stored.clone(), id.to_owned());
        blocking(move || {
            if let Some(resources) = resources {
                override_resources(&mut stored, &resources).map_err(ServiceError::internal)?;
                blobs.replace(&Blob::Code.key(&key), &topologies.code_bytes(&stored.topology))?;
            }
            if let Some(conf) = conf {
                stored.conf.extend(conf);
                blobs.replace(&Blob::Conf.key(&key), &conf_bytes(&stored.conf).map_err(ServiceError::internal)?)?;
            }
            Ok(())
        })
        .await?;
        for blob in [Blob::Code, Blob::Conf] {
            self.cluster.setup_blob(&blob.key(id), &self.me.participant()).await.map_err(zk_failed)?;
        }
        Ok(())
    }
}

/// The overrides a rebalance may make: Storm drops those that would change who the topology belongs to.
pub(crate) fn parse_overrides(text: &str) -> Result<Map<String, Value>, String> {
    let mut map = match serde_json::from_str(text) {
        Ok(Value::Object(map)) => map,
        Ok(Value::Null) => Map::new(),
        Ok(other) => return Err(format!("topology_conf_overrides must be a JSON object, not {other}")),
        Err(e) => return Err(format!("topology_conf_overrides is not JSON: {e}")),
    };
    map.retain(|key, _| !DROPPED_OVERRIDES.contains(&key.as_str()));
    Ok(map)
}

pub(crate) fn override_resources(
    stored: &mut Stored,
    overrides: &BTreeMap<String, BTreeMap<String, f64>>,
) -> Result<(), String> {
    let spouts = stored.topology.spouts.iter_mut().map(|(id, s)| (id, &mut s.common));
    let bolts = stored.topology.bolts.iter_mut().map(|(id, b)| (id, &mut b.common));
    for (id, common) in spouts.chain(bolts) {
        let Some(resources) = overrides.get(id) else { continue };
        let mut own = component_conf(id, common).map_err(|e| e.to_string())?;
        for (name, amount) in resources {
            own.insert(name.clone(), (*amount).into());
        }
        common.json_conf = Some(Value::Object(own).to_string());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_may_not_change_the_owner() {
        let text =
            r#"{"topology.submitter.user":"root","topology.max.spout.pending":7,"storm.zookeeper.superACL":"x"}"#;
        let map = parse_overrides(text).unwrap();
        assert_eq!(map.keys().collect::<Vec<_>>(), ["topology.max.spout.pending"]);
        assert!(parse_overrides("[1]").is_err());
        assert!(parse_overrides("{").is_err());
    }
}
