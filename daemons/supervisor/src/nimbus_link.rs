//! Connections to the leading Nimbus: one that is kept for control, a few for blobs.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;

use storm_conf::Conf;
use storm_thrift::types::{SupervisorAssignments, SupervisorWorkerHeartbeats};
use storm_thrift::{ClientError, Exception, NimbusClient};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};

use crate::blobs::{BlobError, BlobSource};
use crate::host::lock;

/// A Nimbus that takes longer to answer a small question is as good as gone.
const CONTROL_TIMEOUT_MS: i64 = 10_000;
const BLOB_TIMEOUT_MS: i64 = 60_000;

/// The connection for heartbeats and assignments. It is made when it is needed and kept until it fails.
#[derive(Debug)]
pub struct NimbusLink {
    conf: Conf,
    client: AsyncMutex<Option<NimbusClient>>,
}

impl NimbusLink {
    pub fn new(conf: &Conf) -> NimbusLink {
        NimbusLink { conf: patient(conf, CONTROL_TIMEOUT_MS), client: AsyncMutex::default() }
    }

    pub async fn heartbeats(&self, beats: SupervisorWorkerHeartbeats) -> Result<(), ClientError> {
        let mut slot = self.client.lock().await;
        let mut client = self.take_or_connect(&mut slot).await?;
        let result = client.send_supervisor_worker_heartbeats(beats).await;
        keep(&mut slot, client, result)
    }

    /// A Nimbus that does not lead, or does not know yet, answers nothing: an error here, and the leader is looked for anew.
    pub async fn assignments(&self, supervisor_id: &str) -> Result<SupervisorAssignments, ClientError> {
        let mut slot = self.client.lock().await;
        let mut client = self.take_or_connect(&mut slot).await?;
        let result = client.get_supervisor_assignments(supervisor_id.to_owned()).await;
        keep(&mut slot, client, result)
    }

    async fn take_or_connect(&self, slot: &mut Option<NimbusClient>) -> Result<NimbusClient, ClientError> {
        match slot.take() {
            Some(client) => Ok(client),
            None => NimbusClient::leader(&self.conf).await,
        }
    }
}

/// A connection is kept only while it answers: an error may come from a Nimbus that leads no longer.
fn keep<T>(
    slot: &mut Option<NimbusClient>,
    client: NimbusClient,
    result: Result<T, ClientError>,
) -> Result<T, ClientError> {
    if result.is_ok() {
        *slot = Some(client);
    }
    result
}

fn patient(conf: &Conf, timeout_ms: i64) -> Conf {
    let mut conf = conf.clone();
    let configured = conf.int("storm.thrift.socket.timeout.ms").unwrap_or(timeout_ms);
    conf.set("storm.thrift.socket.timeout.ms", configured.min(timeout_ms));
    conf
}

/// The blobstore behind Nimbus.
#[derive(Debug)]
pub struct NimbusBlobs {
    conf: Conf,
    at_once: Semaphore,
    idle: Mutex<Vec<NimbusClient>>,
}

impl NimbusBlobs {
    /// Not more than `supervisor.blobstore.download.thread.count` transfers at once.
    pub fn new(conf: &Conf) -> NimbusBlobs {
        let threads = conf.int("supervisor.blobstore.download.thread.count").unwrap_or(5).clamp(1, 64);
        NimbusBlobs {
            conf: patient(conf, BLOB_TIMEOUT_MS),
            at_once: Semaphore::new(threads as usize),
            idle: Mutex::default(),
        }
    }

    async fn client(&self) -> Result<NimbusClient, ClientError> {
        let idle = lock(&self.idle).pop();
        match idle {
            Some(client) => Ok(client),
            None => NimbusClient::leader(&self.conf).await,
        }
    }

    /// Called after a success only; a failed connection is dropped, and with it those that are as old.
    fn put_back(&self, client: NimbusClient) {
        lock(&self.idle).push(client);
    }

    fn failed(&self, key: &str, error: ClientError) -> BlobError {
        lock(&self.idle).clear();
        let key = key.to_owned();
        match error.declared() {
            Some(Exception::KeyNotFoundException(_)) => BlobError::NotFound { key },
            _ => BlobError::Source { key, cause: error.to_string() },
        }
    }
}

impl BlobSource for NimbusBlobs {
    async fn version(&self, key: &str) -> Result<i64, BlobError> {
        let _turn = self.at_once.acquire().await;
        let mut client = self.client().await.map_err(|e| self.failed(key, e))?;
        let meta = client.get_blob_meta(key.to_owned()).await.map_err(|e| self.failed(key, e))?;
        self.put_back(client);
        Ok(meta.version)
    }

    async fn download(&self, key: &str, to: &Path) -> Result<i64, BlobError> {
        let _turn = self.at_once.acquire().await;
        let mut client = self.client().await.map_err(|e| self.failed(key, e))?;
        let begun = client.begin_blob_download(key.to_owned()).await.map_err(|e| self.failed(key, e))?;
        let write = |source| BlobError::Write { path: to.to_owned(), source };
        let mut file = File::create(to).map_err(write)?;
        let announced = begun.data_size.and_then(|n| u64::try_from(n).ok());
        let mut got = 0_u64;
        loop {
            let chunk = client.download_blob_chunk(begun.session.clone()).await.map_err(|e| self.failed(key, e))?;
            if chunk.is_empty() {
                break;
            }
            got += chunk.len() as u64;
            // More than was announced never ends, or is another blob.
            if let Some(expected) = announced.filter(|n| got > *n) {
                return Err(BlobError::Size { key: key.to_owned(), got, expected });
            }
            file.write_all(&chunk).map_err(write)?;
        }
        if let Some(expected) = announced.filter(|n| got != *n) {
            return Err(BlobError::Size { key: key.to_owned(), got, expected });
        }
        self.put_back(client);
        Ok(begun.version)
    }
}
