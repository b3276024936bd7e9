//! Calls that tune a living topology: log levels, debugging, credentials, profiling, rebalance.

use storm_thrift::ServiceError;
use storm_thrift::types::{
    Credentials, DebugOptions, LogConfig, LogLevelAction, ProfileAction, ProfileRequest, RebalanceOptions,
};

use crate::nimbus::{Nimbus, not_alive, zk_failed};
use crate::submit::invalid;
use crate::topologies::parse_overrides;
use crate::topologies::transitions::Event;

impl Nimbus {
    pub(crate) async fn rebalance_topology(&self, name: &str, options: RebalanceOptions) -> Result<(), ServiceError> {
        self.require_leader().await?;
        let id = self.alive_id(name)?;
        if options.num_workers.is_some_and(|n| n <= 0) {
            return Err(invalid("number of workers must be greater than 0"));
        }
        let base = self.alive_base(&id)?;
        for (component, executors) in options.num_executors.iter().flatten() {
            if *executors <= 0 {
                return Err(invalid("Number of executors must be greater than 0"));
            }
            let known = base.component_executors.as_ref().is_none_or(|c| c.contains_key(component));
            if !known {
                return Err(invalid(format!("Invalid component {component} for topology {name}")));
            }
        }
        if let Some(text) = options.topology_conf_overrides.as_deref() {
            parse_overrides(text).map_err(invalid)?;
        }
        // The caller's word on who he is does not count.
        let options = RebalanceOptions { principal: None, ..options };
        self.change(name, Event::Rebalance(Box::new(options))).await
    }

    pub(crate) async fn kill(&self, name: &str, wait_secs: Option<i32>) -> Result<(), ServiceError> {
        if wait_secs.is_some_and(|w| w < 0) {
            return Err(ServiceError::internal("wait_secs must be 0 or greater"));
        }
        self.require_leader().await?;
        let id = self.alive_id(name)?;
        let base = self.alive_base(&id)?;
        self.change(name, Event::Kill { wait_secs }).await?;
        let (history, now) = (self.history.clone(), self.clock.now_ms());
        let users = base.owner.clone().into_iter().collect();
        crate::nimbus::blocking(move || {
            history.record(&id, users, Vec::new(), now);
            Ok(())
        })
        .await
    }

    pub(crate) async fn set_debug(
        &self,
        name: &str,
        component: Option<String>,
        enable: bool,
        sampling: f64,
    ) -> Result<(), ServiceError> {
        self.require_leader().await?;
        let id = self.alive_id(name)?;
        let key = component.filter(|c| !c.is_empty()).unwrap_or_else(|| id.clone());
        let _changing = self.changing.lock().await;
        let mut base = (*self.alive_base(&id)?).clone();
        let debug = base.component_debug.get_or_insert_default();
        let before = debug.get(&key).and_then(|d| d.samplingpct);
        // Switched off, the percentage stays for the next time.
        let samplingpct = if enable { Some(sampling.clamp(0.0, 100.0)) } else { before.or(Some(0.0)) };
        debug.insert(key, DebugOptions { enable: Some(enable), samplingpct });
        self.save_base(&id, base).await.map_err(zk_failed)
    }

    pub(crate) async fn set_log_config_of(&self, id: &str, change: LogConfig) -> Result<(), ServiceError> {
        self.alive_base(id)?;
        let before = self.cluster.log_config(id).await.map_err(zk_failed)?.unwrap_or_default();
        let after = merged_log_config(before, change, self.clock.now_ms()).map_err(ServiceError::internal)?;
        self.cluster.set_log_config(id, &after).await.map_err(zk_failed)
    }

    pub(crate) async fn log_config_of(&self, id: &str) -> Result<LogConfig, ServiceError> {
        Ok(self.cluster.log_config(id).await.map_err(zk_failed)?.unwrap_or_default())
    }

    pub(crate) async fn new_credentials(&self, name: &str, credentials: Credentials) -> Result<(), ServiceError> {
        self.require_leader().await?;
        let id = self.alive_id(name)?;
        let base = self.alive_base(&id)?;
        if let Some(owner) = credentials.topo_owner.as_deref().filter(|o| base.owner.as_deref() != Some(*o)) {
            let current = base.owner.as_deref().unwrap_or("nobody");
            return Err(invalid(format!(
                "Can't update credentials of {name}: they name {owner} as the owner, who is {current}"
            )));
        }
        self.cluster.set_credentials(&id, &credentials).await.map_err(zk_failed)
    }

    pub(crate) async fn request_profile(&self, id: &str, request: ProfileRequest) -> Result<(), ServiceError> {
        self.alive_base(id)?;
        self.cluster.set_profile_request(id, &request).await.map_err(zk_failed)
    }

    /// Requests of that action for the workers that run the component.
    pub(crate) async fn pending_profiles(
        &self,
        id: &str,
        component: &str,
        action: ProfileAction,
    ) -> Result<Vec<ProfileRequest>, ServiceError> {
        let facts = self.facts(id).await;
        let facts = facts.known().ok_or_else(|| not_alive(id))?;
        let view = self.view();
        let Some(assignment) = view.assignments.get(id) else { return Ok(Vec::new()) };
        let runs = |key: &[i64]| {
            crate::heartbeats::executor_of(key).and_then(|e| facts.executors.get(&e)).is_some_and(|c| **c == *component)
        };
        let placed = assignment.executor_node_port.iter().filter(|(key, _)| runs(key));
        let workers: Vec<(&str, i64)> = placed
            .filter_map(|(_, at)| Some((assignment.node_host.get(&at.node)?.as_str(), *at.port.first()?)))
            .collect();
        let requests = self.cluster.profile_requests(id).await.map_err(zk_failed)?;
        let wanted = |r: &ProfileRequest| {
            let host = r.node_info.node.as_str();
            r.action == action && workers.iter().any(|(h, port)| *h == host && r.node_info.port.contains(port))
        };
        Ok(requests.into_iter().filter(wanted).collect())
    }
}

/// What `setLogConfig` makes of the stored levels and a change. Pure.
fn merged_log_config(before: LogConfig, change: LogConfig, now_ms: i64) -> Result<LogConfig, String> {
    let mut levels = before.named_logger_level.unwrap_or_default();
    for level in levels.values_mut() {
        level.action = LogLevelAction::Unchanged;
    }
    for (logger, mut level) in change.named_logger_level.unwrap_or_default() {
        if logger.is_empty() {
            return Err("Named loggers need a valid name. Use ROOT for the root logger".to_owned());
        }
        match level.action {
            LogLevelAction::Unchanged => {}
            LogLevelAction::Remove => {
                levels.remove(&logger);
            }
            LogLevelAction::Update => {
                let secs = level.reset_log_level_timeout_secs.unwrap_or(0);
                level.reset_log_level_timeout_epoch = (secs > 0).then(|| now_ms + i64::from(secs) * 1000);
                levels.insert(logger, level);
            }
        }
    }
    Ok(LogConfig { named_logger_level: Some(levels) })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use storm_thrift::types::LogLevel;

    use super::*;

    fn level(action: LogLevelAction, name: &str, secs: i32) -> LogLevel {
        LogLevel {
            action,
            target_log_level: Some(name.into()),
            reset_log_level_timeout_secs: Some(secs),
            reset_log_level_timeout_epoch: None,
            reset_log_level: None,
        }
    }

    fn config(levels: &[(&str, LogLevel)]) -> LogConfig {
        let map: BTreeMap<String, LogLevel> = levels.iter().map(|(n, l)| ((*n).to_owned(), l.clone())).collect();
        LogConfig { named_logger_level: Some(map) }
    }

    #[test]
    fn levels_are_updated_removed_and_marked_as_unchanged() {
        use LogLevelAction::{Remove, Unchanged, Update};
        let before = config(&[("a", level(Update, "DEBUG", 0)), ("b", level(Update, "WARN", 0))]);
        let change =
            config(&[("b", level(Remove, "", 0)), ("c", level(Update, "TRACE", 30)), ("d", level(Unchanged, "X", 0))]);
        let after = merged_log_config(before, change, 1_000).unwrap().named_logger_level.unwrap();
        assert_eq!(after.keys().collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(after["a"].action, Unchanged);
        assert_eq!(after["c"].reset_log_level_timeout_epoch, Some(31_000));
        assert!(merged_log_config(LogConfig::default(), config(&[("", level(Update, "X", 0))]), 0).is_err());
    }
}
