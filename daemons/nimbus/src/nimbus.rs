//! Nimbus: what its calls, its timers and its rounds share.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use storm_conf::Conf;
use storm_thrift::ServiceError;
use storm_thrift::types::{NimbusSummary, NotAliveException};
use storm_zk::{Cluster, SessionState, ZkError};
use tokio::sync::{Notify, watch};

use crate::blobs::{BlobStore, Sessions};
use crate::caches::Caches;
use crate::clock::Clock;
use crate::heartbeats::{Heartbeats, Timeouts};
use crate::history::History;
use crate::inbox::Inbox;
use crate::leader::Role;
use crate::push::Pusher;
use crate::settings::Settings;
use crate::submit::NamesTaken;
use crate::topologies::{Alarms, Facts, FactsOf, Stored, StoredTopologies, TopologyIds};
use crate::uploads::Upload;
use crate::view::{View, Views};

/// The Storm release whose wire and disk formats these are.
pub const STORM_VERSION: &str = "2.8.8";

/// How this Nimbus is known to others.
#[derive(Debug, Clone)]
pub struct Identity {
    pub host: String,
    pub port: u16,
    pub started_secs: i32,
    /// Whom topologies are owned by when callers are not authenticated: the user that this process runs as.
    pub user: String,
}

impl Identity {
    /// `host:port:tlsPort`
    pub fn participant(&self) -> String {
        format!("{}:{}:0", self.host, self.port)
    }

    /// As the node in ZooKeeper has it: with the start time where an uptime is to be.
    pub fn published(&self) -> NimbusSummary {
        NimbusSummary {
            host: self.host.clone(),
            port: i32::from(self.port),
            uptime_secs: self.started_secs,
            is_leader: false,
            version: STORM_VERSION.to_owned(),
            tls_port: Some(0),
        }
    }
}

pub struct Nimbus {
    pub(crate) conf: Conf,
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) me: Identity,
    pub(crate) cluster: Cluster,
    pub(crate) blobs: Arc<BlobStore>,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) history: Arc<History>,
    pub(crate) stored: Arc<StoredTopologies>,
    pub(crate) blob_uploads: Arc<Sessions<Upload>>,
    pub(crate) downloads: Arc<Sessions<File>>,
    pub(crate) views: Views,
    pub(crate) heartbeats: Mutex<Heartbeats>,
    /// What the last round could not place, in words.
    pub(crate) waiting: Mutex<BTreeMap<String, String>>,
    pub(crate) alarms: Alarms,
    pub(crate) ids: TopologyIds,
    pub(crate) names: NamesTaken,
    pub(crate) pusher: Pusher,
    pub(crate) caches: Caches,
    pub(crate) role: watch::Sender<Role>,
    /// It led, and no other leader has been seen since.
    pub(crate) has_led: AtomicBool,
    /// Held by whoever changes topologies or assignments; one at a time.
    pub(crate) changing: tokio::sync::Mutex<()>,
    /// Rung when a round would find something to do.
    pub(crate) wanted: Notify,
}

impl Nimbus {
    pub(crate) fn view(&self) -> Arc<View> {
        self.views.get()
    }

    pub(crate) fn heartbeats(&self) -> MutexGuard<'_, Heartbeats> {
        self.heartbeats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn waiting(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn timeouts(&self, facts: Option<&Facts>) -> Timeouts {
        let s = &self.settings;
        let worker = facts.and_then(|f| f.worker_timeout_secs);
        Timeouts::new(s.task_timeout_secs, s.task_launch_secs, s.recovery_secs, worker)
    }

    /// The facts of a living topology; reads the blob store off this thread when it must.
    pub(crate) async fn facts(&self, id: &str) -> FactsOf {
        let Some(base) = self.view().bases.get(id).cloned() else {
            return FactsOf::Broken(format!("{id} is not alive").into());
        };
        if let Some(facts) = self.stored.remembered(id, &base) {
            return facts;
        }
        let (stored, id) = (self.stored.clone(), id.to_owned());
        match tokio::task::spawn_blocking(move || stored.facts(&id, &base)).await {
            Ok(facts) => facts,
            Err(e) => FactsOf::Broken(format!("Broken: reading it failed: {e}").into()),
        }
    }

    pub(crate) async fn stored(&self, id: &str) -> Result<Stored, ServiceError> {
        let (stored, key) = (self.stored.clone(), id.to_owned());
        match blocking(move || Ok(stored.load(&key))).await? {
            Ok(stored) => Ok(stored),
            Err(_) if !self.view().bases.contains_key(id) => Err(not_alive(id)),
            Err(e) => Err(ServiceError::internal(format!("topology {id} is broken: {e}"))),
        }
    }

    /// Whether ZooKeeper can be asked at once.
    pub(crate) fn connected(&self) -> bool {
        matches!(*self.cluster.session().borrow(), SessionState::Connected | SessionState::Reconnected)
    }
}

/// Runs file work on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ServiceError> + Send + 'static,
) -> Result<T, ServiceError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(e) => Err(ServiceError::internal(format!("Nimbus failed: {e}"))),
    }
}

pub(crate) fn not_alive(what: &str) -> ServiceError {
    NotAliveException { msg: format!("{what} is not alive") }.into()
}

/// ZooKeeper's troubles are not declared by any call.
pub(crate) fn zk_failed(e: ZkError) -> ServiceError {
    tracing::warn!(code = e.code(), "{e}");
    ServiceError::internal(e.to_string())
}
