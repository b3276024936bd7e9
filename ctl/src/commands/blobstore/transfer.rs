//! Contents of blobs, to and from Nimbus.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::json;
use storm_thrift::NimbusClient;
use storm_thrift::types::SettableBlobMeta;

use crate::change::Change;
use crate::context::Context;
use crate::failure::Failure;

use super::of;

/// What Storm's client sends at once, too.
const CHUNK: u64 = 65_536;

/// Where a content comes from.
pub struct Content<'c> {
    from: Box<dyn Read + 'c>,
    name: String,
}

impl<'c> Content<'c> {
    pub fn of(from: impl Read + 'c, name: String) -> Content<'c> {
        Content { from: Box::new(from), name }
    }

    /// A file, else stdin. Opened before anything is asked of Nimbus.
    pub fn open(file: Option<&Path>) -> Result<Content<'static>, Failure> {
        Ok(match file {
            Some(path) => {
                let name = path.display().to_string();
                let file = File::open(path).map_err(|e| Failure::io(format!("cannot read {name}"), &e))?;
                Content { from: Box::new(file), name }
            }
            None => Content { from: Box::new(io::stdin()), name: "stdin".into() },
        })
    }

    fn chunk(&mut self) -> Result<Bytes, Failure> {
        let mut chunk = Vec::with_capacity(CHUNK as usize);
        let read = self.from.as_mut().take(CHUNK).read_to_end(&mut chunk);
        read.map_err(|e| Failure::io(format!("cannot read {}", self.name), &e))?;
        Ok(chunk.into())
    }
}

pub async fn create(
    nimbus: &mut NimbusClient,
    key: &str,
    meta: SettableBlobMeta,
    content: Content<'_>,
) -> Result<u64, Failure> {
    let session = nimbus.begin_create_blob(key.to_owned(), meta).await.map_err(|e| of(e, key))?;
    let bytes = send(nimbus, key, session, content).await?;
    // As Storm's client does: other Nimbuses learn of the blob from ZooKeeper.
    nimbus.create_state_in_zookeeper(key.to_owned()).await.map_err(|e| of(e, key))?;
    Ok(bytes)
}

pub async fn update(nimbus: &mut NimbusClient, key: &str, content: Content<'_>) -> Result<u64, Failure> {
    let session = nimbus.begin_update_blob(key.to_owned()).await.map_err(|e| of(e, key))?;
    let bytes = send(nimbus, key, session, content).await?;
    nimbus.create_state_in_zookeeper(key.to_owned()).await.map_err(|e| of(e, key))?;
    Ok(bytes)
}

async fn send(nimbus: &mut NimbusClient, key: &str, session: String, mut content: Content<'_>) -> Result<u64, Failure> {
    let mut sent = 0;
    loop {
        let chunk = match content.chunk() {
            Ok(chunk) => chunk,
            Err(failure) => {
                // Half a blob must not become one.
                nimbus.cancel_blob_upload(session).await.map_err(|e| of(e, key))?;
                return Err(failure);
            }
        };
        if chunk.is_empty() {
            break;
        }
        sent += chunk.len() as u64;
        nimbus.upload_blob_chunk(session.clone(), chunk).await.map_err(|e| of(e, key))?;
    }
    nimbus.finish_blob_upload(session).await.map_err(|e| of(e, key))?;
    Ok(sent)
}

pub async fn cat(ctx: &Context, nimbus: &mut NimbusClient, key: &str, file: Option<&Path>) -> Result<(), Failure> {
    let download = nimbus.begin_blob_download(key.to_owned()).await.map_err(|e| of(e, key))?;
    let mut to = match file {
        Some(path) => Some(Target::new(path)?),
        None => None,
    };
    let mut bytes = 0;
    loop {
        let chunk = nimbus.download_blob_chunk(download.session.clone()).await.map_err(|e| of(e, key))?;
        if chunk.is_empty() {
            break;
        }
        bytes += chunk.len() as u64;
        match &mut to {
            Some(target) => target.write(&chunk)?,
            None => ctx.printer.bytes(&chunk)?,
        }
    }
    let Some(target) = to else { return Ok(()) };
    let path = target.finish()?;
    ctx.printer.show(&Change {
        action: "read",
        names: vec![key.to_owned()],
        message: format!("{key} is in {}: {bytes} bytes", path.display()),
        next: None,
        details: [("bytes".to_owned(), json!(bytes))].into_iter().collect(),
    })
}

/// A file that gets its name when it is complete.
struct Target {
    path: PathBuf,
    file: tempfile::NamedTempFile,
}

impl Target {
    fn new(path: &Path) -> Result<Target, Failure> {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = tempfile::NamedTempFile::new_in(folder)
            .map_err(|e| Failure::io(format!("cannot write in {}", folder.display()), &e))?;
        Ok(Target { path: path.to_owned(), file })
    }

    fn write(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        self.file.write_all(chunk).map_err(|e| Failure::io(format!("cannot write {}", self.path.display()), &e))
    }

    fn finish(self) -> Result<PathBuf, Failure> {
        let Target { path, file } = self;
        file.persist(&path).map_err(|e| Failure::io(format!("cannot write {}", path.display()), &e.error))?;
        Ok(path)
    }
}
