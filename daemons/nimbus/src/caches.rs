//! What is read from ZooKeeper for views of the cluster, kept for a moment so that many viewers cost one reading.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use storm_thrift::types::{ClusterWorkerHeartbeat, NimbusSummary};
use storm_zk::ZkError;
use tokio::time::Instant;

const FRESH: Duration = Duration::from_secs(2);
/// Topologies that are looked at at the same time.
const MOST: usize = 32;

/// One value.
#[derive(Debug)]
pub struct Cached<T>(Mutex<Option<(Instant, Arc<T>)>>);

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Cached(Mutex::new(None))
    }
}

impl<T> Cached<T> {
    pub async fn get<F: Future<Output = Result<T, ZkError>>>(
        &self,
        read: impl FnOnce() -> F,
    ) -> Result<Arc<T>, ZkError> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, value)) = lock().as_ref()
            && at.elapsed() < FRESH
        {
            return Ok(value.clone());
        }
        let value = Arc::new(read().await?);
        *lock() = Some((Instant::now(), value.clone()));
        Ok(value)
    }
}

/// A topology's heartbeats by `<node>-<port>`.
pub type Beats = BTreeMap<String, ClusterWorkerHeartbeat>;

#[derive(Debug, Default)]
pub struct Caches {
    pub nimbuses: Cached<Vec<NimbusSummary>>,
    beats: Timed<Arc<Beats>>,
    replication: Timed<i32>,
}

impl Caches {
    pub async fn beats<F: Future<Output = Result<Beats, ZkError>>>(
        &self,
        topology: &str,
        read: impl FnOnce() -> F,
    ) -> Result<Arc<Beats>, ZkError> {
        self.beats.get(topology, MOST, || async { read().await.map(Arc::new) }).await
    }

    pub async fn replication<F: Future<Output = Result<i32, ZkError>>>(
        &self,
        topology: &str,
        read: impl FnOnce() -> F,
    ) -> Result<i32, ZkError> {
        self.replication.get(topology, usize::MAX, read).await
    }

    /// Statistics are large: they are not kept once nobody looks.
    pub fn drop_stale(&self) {
        self.beats.drop_stale();
        self.replication.drop_stale();
    }
}

/// Values by topology.
#[derive(Debug)]
struct Timed<T>(Mutex<HashMap<String, (Instant, T)>>);

impl<T> Default for Timed<T> {
    fn default() -> Self {
        Timed(Mutex::default())
    }
}

impl<T: Clone> Timed<T> {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, (Instant, T)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn get<F: Future<Output = Result<T, ZkError>>>(
        &self,
        topology: &str,
        most: usize,
        read: impl FnOnce() -> F,
    ) -> Result<T, ZkError> {
        if let Some((at, value)) = self.lock().get(topology)
            && at.elapsed() < FRESH
        {
            return Ok(value.clone());
        }
        let value = read().await?;
        self.drop_stale();
        let mut values = self.lock();
        if values.len() < most {
            values.insert(topology.to_owned(), (Instant::now(), value.clone()));
        }
        Ok(value)
    }

    fn drop_stale(&self) {
        self.lock().retain(|_, (at, _)| at.elapsed() < FRESH);
    }
}
