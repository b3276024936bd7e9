//! `nimbus/history`: topologies that were killed, so that their logs can still be found.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use storm_thrift::local_state::{KEEP, LocalState, LocalStateError, keys};
use storm_thrift::types::{LSTopoHistory, LSTopoHistoryList};

/// Beyond this many the oldest are forgotten, whatever their age.
const MOST: usize = 10_000;

pub struct History {
    state: Mutex<LocalState>,
    age: Duration,
}

impl History {
    pub fn open(dir: &Path, age: Duration) -> Result<History, LocalStateError> {
        let state = LocalState::open(dir, KEEP)?;
        for lost in state.lost() {
            tracing::warn!("topology history: {lost}");
        }
        Ok(History { state: Mutex::new(state), age })
    }

    pub fn record(&self, topology_id: &str, users: Vec<String>, groups: Vec<String>, now_ms: i64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut list = read(&state);
        let oldest = now_ms - i64::try_from(self.age.as_millis()).unwrap_or(i64::MAX);
        list.topo_history.retain(|h| h.time_stamp >= oldest && h.topology_id != topology_id);
        list.topo_history.push(LSTopoHistory {
            topology_id: topology_id.to_owned(),
            time_stamp: now_ms,
            users,
            groups,
        });
        let surplus = list.topo_history.len().saturating_sub(MOST);
        list.topo_history.drain(..surplus);
        if let Err(e) = state.put(keys::TOPO_HISTORY, &list) {
            tracing::warn!(code = e.code(), "{topology_id} is not in the topology history: {e}");
        }
    }

    pub fn ids(&self) -> Vec<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        read(&state).topo_history.into_iter().map(|h| h.topology_id).collect()
    }
}

/// A record that makes no sense is as good as none: it only helps to find logs.
fn read(state: &LocalState) -> LSTopoHistoryList {
    match state.get::<LSTopoHistoryList>(keys::TOPO_HISTORY) {
        Ok(list) => list.unwrap_or_default(),
        Err(e) => {
            tracing::warn!(code = e.code(), "topology history starts anew: {e}");
            LSTopoHistoryList::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_outlives_the_process_and_forgets_the_old() {
        let dir = tempfile::tempdir().unwrap();
        let history = History::open(dir.path(), Duration::from_secs(60)).unwrap();
        history.record("a-1-1", vec!["u".into()], vec![], 1_000);
        history.record("b-2-2", vec![], vec![], 50_000);
        assert_eq!(history.ids(), ["a-1-1", "b-2-2"]);
        drop(history);
        let history = History::open(dir.path(), Duration::from_secs(60)).unwrap();
        history.record("c-3-3", vec![], vec![], 62_000);
        assert_eq!(history.ids(), ["b-2-2", "c-3-3"]);
    }
}
