//! Blobs to and from clients, in chunks.

use std::io::Read;

use bytes::Bytes;
use storm_thrift::ServiceError;
use storm_thrift::types::{
    BeginDownloadResult, IllegalStateException, KeyNotFoundException, ListBlobsResult, ReadableBlobMeta,
    SettableBlobMeta,
};

use crate::blobs::{BlobWriter, valid_key};
use crate::nimbus::{Nimbus, blocking, zk_failed};
use crate::topologies::{FactsOf, topology_of_blob};

/// A blob that a client is writing.
#[derive(Debug)]
pub struct Upload {
    key: String,
    create: bool,
    writer: BlobWriter,
}

/// Keys per answer of `listBlobs`.
const PAGE: usize = 100;
/// A listing's session says after which key it goes on; nothing has to be remembered for it.
const LISTING: &str = "after:";

impl Nimbus {
    pub(crate) async fn begin_create_blob(&self, key: String, meta: SettableBlobMeta) -> Result<String, ServiceError> {
        let (blobs, uploads) = (self.blobs.clone(), self.blob_uploads.clone());
        blocking(move || {
            let writer = blobs.create(&key, &meta)?;
            let session = uuid::Uuid::new_v4().to_string();
            uploads.insert(session.clone(), Upload { key, create: true, writer })?;
            Ok(session)
        })
        .await
    }

    pub(crate) async fn begin_update_blob(&self, key: String) -> Result<String, ServiceError> {
        let (blobs, uploads) = (self.blobs.clone(), self.blob_uploads.clone());
        blocking(move || {
            let writer = blobs.update(&key)?;
            let session = uuid::Uuid::new_v4().to_string();
            uploads.insert(session.clone(), Upload { key, create: false, writer })?;
            Ok(session)
        })
        .await
    }

    pub(crate) async fn upload_blob_chunk(&self, session: String, chunk: Bytes) -> Result<(), ServiceError> {
        let uploads = self.blob_uploads.clone();
        blocking(move || uploads.with(&session, |u| Ok(u.writer.write(&chunk)?))).await
    }

    pub(crate) async fn finish_blob_upload(&self, session: String) -> Result<(), ServiceError> {
        let (blobs, uploads) = (self.blobs.clone(), self.blob_uploads.clone());
        let key = blocking(move || {
            let Upload { key, create, writer } = uploads.take(&session)?;
            blobs.commit(&key, writer, create)?;
            Ok(key)
        })
        .await?;
        // Clients ask for this by createStateInZookeeper as well; a client that does not must not lose its blob.
        self.register_blob(&key).await
    }

    pub(crate) async fn cancel_blob_upload(&self, session: String) -> Result<(), ServiceError> {
        let uploads = self.blob_uploads.clone();
        blocking(move || uploads.take(&session).map(drop)).await
    }

    pub(crate) async fn register_blob(&self, key: &str) -> Result<(), ServiceError> {
        if !self.blobs.contains(key) {
            return Err(KeyNotFoundException { msg: key.to_owned() }.into());
        }
        self.cluster.setup_blob(key, &self.me.participant()).await.map(drop).map_err(zk_failed)
    }

    pub(crate) async fn blob_meta(&self, key: String) -> Result<ReadableBlobMeta, ServiceError> {
        let blobs = self.blobs.clone();
        blocking(move || Ok(blobs.meta(&key)?)).await
    }

    pub(crate) async fn set_blob_meta_of(&self, key: String, meta: SettableBlobMeta) -> Result<(), ServiceError> {
        let blobs = self.blobs.clone();
        blocking(move || Ok(blobs.set_meta(&key, &meta)?)).await
    }

    pub(crate) async fn begin_download(&self, key: String) -> Result<BeginDownloadResult, ServiceError> {
        let (blobs, downloads) = (self.blobs.clone(), self.downloads.clone());
        blocking(move || {
            let version = blobs.version(&key)?;
            let (file, len) = blobs.open_data(&key)?;
            let session = uuid::Uuid::new_v4().to_string();
            downloads.insert(session.clone(), file)?;
            Ok(BeginDownloadResult { version, session, data_size: i64::try_from(len).ok() })
        })
        .await
    }

    pub(crate) async fn download_chunk_of(&self, session: String) -> Result<Bytes, ServiceError> {
        let downloads = self.downloads.clone();
        let most = self.settings.blob_chunk.min(self.settings.max_frame / 2);
        blocking(move || {
            let chunk = downloads.with(&session, |file| {
                let mut chunk = Vec::with_capacity(most);
                let most = u64::try_from(most).unwrap_or(u64::MAX);
                let read = (&*file).take(most).read_to_end(&mut chunk);
                read.map_err(|e| ServiceError::internal(format!("reading the blob of session {session} failed: {e}")))?;
                Ok(chunk)
            })?;
            if chunk.is_empty() {
                downloads.take(&session)?;
            }
            Ok(Bytes::from(chunk))
        })
        .await
    }

    pub(crate) async fn delete_blob_of(&self, key: String) -> Result<(), ServiceError> {
        if let Some(user) = self.user_of_blob(&key).await {
            let msg = format!("Attempting to delete blob {key} that is used by the topology {user}; kill that first");
            return Err(IllegalStateException { msg }.into());
        }
        let (blobs, name) = (self.blobs.clone(), key.clone());
        blocking(move || Ok(blobs.delete(&name)?)).await?;
        self.cluster.remove_blob(&key).await.map_err(zk_failed)
    }

    async fn user_of_blob(&self, key: &str) -> Option<String> {
        let view = self.view();
        if let Some(id) = topology_of_blob(key).filter(|id| view.bases.contains_key(*id)) {
            return Some(id.to_owned());
        }
        for id in view.bases.keys() {
            if let FactsOf::Known(facts) = self.facts(id).await
                && facts.uses_blobs.contains(key)
            {
                return Some(id.clone());
            }
        }
        None
    }

    pub(crate) fn list_blob_keys(&self, session: &str) -> Result<ListBlobsResult, ServiceError> {
        let last = match session {
            "" => None,
            s => match s.strip_prefix(LISTING) {
                Some(last) => Some(last),
                None => {
                    let text = format!("Blob list for session {s} does not exist (or timed out)");
                    return Err(ServiceError::internal(text));
                }
            },
        };
        let keys = self.blobs.keys_after(last, PAGE);
        let last = keys.last().map(String::as_str).or(last).unwrap_or_default();
        let session = format!("{LISTING}{last}");
        Ok(ListBlobsResult { keys, session })
    }

    pub(crate) async fn blob_replication(&self, key: &str) -> Result<i32, ServiceError> {
        if !self.blobs.contains(key) {
            return Err(KeyNotFoundException { msg: key.to_owned() }.into());
        }
        let holders = self.cluster.blob_holders(key).await.map_err(zk_failed)?;
        Ok(i32::try_from(holders.len()).unwrap_or(i32::MAX))
    }

    pub(crate) fn blob_exists(&self, key: &str) -> bool {
        valid_key(key) && self.blobs.contains(key)
    }
}
