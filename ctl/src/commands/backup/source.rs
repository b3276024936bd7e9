//! Where blobs come from: Nimbus, or on its own machine the folder in which it keeps them.

use std::io::{self, Write};
use std::path::PathBuf;

use storm_nimbus::blobs::{BlobError, BlobStore, folder};
use storm_thrift::types::{AccessControl, AccessControlType, SettableBlobMeta};
use storm_thrift::{ClientError, Exception, NimbusClient};

use super::archive::{Access, Blob, Spool, Whom, Writer, member};
use crate::commands::blobstore;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

pub enum Source {
    Nimbus(Box<NimbusClient>),
    Folder(BlobStore),
}

impl Source {
    pub async fn open(ctx: &Context) -> Result<Source, Failure> {
        let failure = match ctx.nimbus().await {
            Ok(nimbus) => return Ok(Source::Nimbus(Box::new(nimbus))),
            Err(failure) if failure.exit == Exit::Unreachable => failure,
            Err(failure) => return Err(failure),
        };
        let folder = folder(&ctx.conf);
        if !folder.is_dir() {
            return Err(failure
                .evidence(format!("and {} is not there: this is not the machine of a Nimbus", folder.display()))
                .hint("start Nimbus, or run this on its machine"));
        }
        BlobStore::open(&folder).map(Source::Folder).map_err(|e| broken(&e))
    }

    /// As the manifest names it.
    pub fn name(&self) -> String {
        match self {
            Source::Nimbus(nimbus) => nimbus.address().to_owned(),
            Source::Folder(store) => store.root().display().to_string(),
        }
    }

    pub fn folder(&self) -> Option<PathBuf> {
        match self {
            Source::Nimbus(_) => None,
            Source::Folder(store) => Some(store.root().to_owned()),
        }
    }

    pub async fn keys(&mut self) -> Result<Vec<String>, Failure> {
        match self {
            Source::Nimbus(nimbus) => blobstore::all_keys(nimbus).await,
            Source::Folder(store) => Ok(store.keys()),
        }
    }

    /// Packs a blob; nothing when it has gone meanwhile.
    pub async fn pack(&mut self, key: &str, writer: &mut Writer) -> Result<Option<Blob>, Failure> {
        let mut spool = writer.spool()?;
        let meta = match self {
            Source::Nimbus(nimbus) => from_nimbus(nimbus, key, &mut spool).await?,
            Source::Folder(store) => from_folder(store, key, &mut spool)?,
        };
        let Some(meta) = meta else { return Ok(None) };
        let (bytes, sha256) = writer.add(&member(key), spool)?;
        let acl = meta.acl.iter().map(access).collect();
        Ok(Some(Blob { key: key.to_owned(), bytes, sha256, acl, replication_factor: meta.replication_factor }))
    }
}

fn broken(e: &BlobError) -> Failure {
    Failure::new(Exit::Failed, "backup/blob", "a blob cannot be read").evidence(e.to_string())
}

fn kept(key: &str) -> impl Fn(io::Error) -> Failure {
    move |e| Failure::io(format!("cannot keep the blob {key} until it is packed"), &e)
}

async fn from_nimbus(
    nimbus: &mut NimbusClient,
    key: &str,
    to: &mut Spool,
) -> Result<Option<SettableBlobMeta>, Failure> {
    let meta = match nimbus.get_blob_meta(key.to_owned()).await {
        Ok(meta) => meta.settable,
        Err(e) if is_gone(&e) => return Ok(None),
        Err(e) => return Err(blobstore::of(e, key)),
    };
    let begun = match nimbus.begin_blob_download(key.to_owned()).await {
        Ok(begun) => begun,
        Err(e) if is_gone(&e) => return Ok(None),
        Err(e) => return Err(blobstore::of(e, key)),
    };
    content(nimbus, key, begun.session, to).await?;
    Ok(Some(meta))
}

/// What is left of a download.
pub async fn content(
    nimbus: &mut NimbusClient,
    key: &str,
    session: String,
    to: &mut impl Write,
) -> Result<(), Failure> {
    loop {
        let chunk = nimbus.download_blob_chunk(session.clone()).await.map_err(|e| blobstore::of(e, key))?;
        if chunk.is_empty() {
            return Ok(());
        }
        to.write_all(&chunk).map_err(kept(key))?;
    }
}

fn is_gone(e: &ClientError) -> bool {
    matches!(e, ClientError::Declared(Exception::KeyNotFoundException(_)))
}

fn from_folder(store: &BlobStore, key: &str, to: &mut Spool) -> Result<Option<SettableBlobMeta>, Failure> {
    let (mut file, _) = match store.open_data(key) {
        Ok(open) => open,
        Err(BlobError::NotFound { .. }) => return Ok(None),
        Err(e) => return Err(broken(&e)),
    };
    let meta = store.read_meta(key).map_err(|e| broken(&e))?;
    io::copy(&mut file, to).map_err(kept(key))?;
    Ok(Some(meta))
}

fn access(entry: &AccessControl) -> Access {
    let kind = match entry.r#type {
        AccessControlType::Other => Whom::Other,
        AccessControlType::User => Whom::User,
    };
    Access { kind, name: entry.name.clone(), access: entry.access }
}

/// The metadata of a blob as it was.
pub fn meta(blob: &Blob) -> SettableBlobMeta {
    let entry = |a: &Access| AccessControl {
        r#type: match a.kind {
            Whom::Other => AccessControlType::Other,
            Whom::User => AccessControlType::User,
        },
        name: a.name.clone(),
        access: a.access,
    };
    SettableBlobMeta { acl: blob.acl.iter().map(entry).collect(), replication_factor: blob.replication_factor }
}
