//! `stormctl blobstore ...`: the blobs of the cluster, through Nimbus.

mod acl;
pub mod transfer;

use std::time::Duration;

use serde_json::{Map, Value, json};
use storm_thrift::types::{ReadableBlobMeta, SettableBlobMeta};
use storm_thrift::{ClientError, Exception, NimbusClient};

use crate::change::Change;
use crate::cli::storm::{Blobstore, DryRun};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Report;
use crate::table::{Side, Table};

/// Content may be large; everything else is a matter of moments.
const LIMIT: Duration = Duration::from_secs(600);

pub async fn run(ctx: &Context, verb: &Blobstore) -> Result<(), Failure> {
    ctx.within(LIMIT, async {
        let mut nimbus = ctx.nimbus().await?;
        match verb {
            Blobstore::List { keys } => list(ctx, &mut nimbus, keys).await,
            Blobstore::Cat { key, file } => transfer::cat(ctx, &mut nimbus, key, file.as_deref()).await,
            Blobstore::Create { key, file, acl, replication_factor, dry } => {
                let acl = acl.as_deref().map(acl::parse).transpose()?.unwrap_or_default();
                // Minus one is Storm's word for the cluster's own number.
                let meta = SettableBlobMeta { acl, replication_factor: Some(replication_factor.unwrap_or(-1)) };
                let content = transfer::Content::open(file.as_deref())?;
                let bytes = if dry.dry_run { 0 } else { transfer::create(&mut nimbus, key, meta, content).await? };
                done(ctx, "created", key, dry, json!({"bytes": bytes}))
            }
            Blobstore::Update { key, file, dry } => {
                let content = transfer::Content::open(file.as_deref())?;
                exists(&mut nimbus, key).await?;
                let bytes = if dry.dry_run { 0 } else { transfer::update(&mut nimbus, key, content).await? };
                done(ctx, "updated", key, dry, json!({"bytes": bytes}))
            }
            Blobstore::Delete { keys, dry } => delete(ctx, &mut nimbus, keys, dry).await,
            Blobstore::SetAcl { key, acl, dry } => set_acl(ctx, &mut nimbus, key, acl.as_deref(), dry).await,
            Blobstore::Replication { key, update, replication_factor, dry, .. } => {
                let factor = match replication_factor.filter(|_| *update) {
                    Some(wanted) if dry.dry_run => {
                        let now = nimbus.get_blob_replication(key.clone()).await.map_err(|e| of(e, key))?;
                        return done(ctx, "replicated", key, dry, json!({"from": now, "to": wanted}));
                    }
                    Some(wanted) => {
                        nimbus.update_blob_replication(key.clone(), wanted).await.map_err(|e| of(e, key))?
                    }
                    None => nimbus.get_blob_replication(key.clone()).await.map_err(|e| of(e, key))?,
                };
                ctx.printer.show(&Replication { key: key.clone(), factor, changed: *update })
            }
        }
    })
    .await
}

fn done(ctx: &Context, action: &'static str, key: &str, dry: &DryRun, details: Value) -> Result<(), Failure> {
    let mut details = details.as_object().cloned().unwrap_or_default();
    details.insert("dry_run".into(), json!(dry.dry_run));
    let verb = if dry.dry_run { format!("would be {action}") } else { format!("is {action}") };
    ctx.printer.show(&Change {
        action,
        names: vec![key.to_owned()],
        message: format!("{key} {verb}"),
        next: Some(format!("stormctl blobstore list {key}")),
        details,
    })
}

/// An error about this key, in words that name it.
pub fn of(e: ClientError, key: &str) -> Failure {
    match &e {
        ClientError::Declared(Exception::KeyNotFoundException(_)) => {
            Failure::new(Exit::NotFound, e.code(), format!("there is no blob \"{key}\""))
                .hint("stormctl blobstore list      shows those that are")
        }
        ClientError::Declared(Exception::KeyAlreadyExistsException(_)) => {
            Failure::new(Exit::Conflict, e.code(), format!("a blob \"{key}\" exists already"))
                .hint(format!("stormctl blobstore update {key}"))
        }
        _ => Failure::from(e).evidence(format!("blob: {key}")),
    }
}

async fn exists(nimbus: &mut NimbusClient, key: &str) -> Result<ReadableBlobMeta, Failure> {
    nimbus.get_blob_meta(key.to_owned()).await.map_err(|e| of(e, key))
}

/// Every key of the store, page by page.
pub async fn all_keys(nimbus: &mut NimbusClient) -> Result<Vec<String>, Failure> {
    let mut keys = Vec::new();
    let mut session = Some(String::new());
    loop {
        let page = nimbus.list_blobs(session).await?;
        if page.keys.is_empty() {
            break;
        }
        keys.extend(page.keys);
        session = Some(page.session);
    }
    keys.sort_unstable();
    Ok(keys)
}

/// The whole content of a small blob.
pub async fn read(nimbus: &mut NimbusClient, key: &str) -> Result<Vec<u8>, Failure> {
    let session = nimbus.begin_blob_download(key.to_owned()).await.map_err(|e| of(e, key))?.session;
    let mut content = Vec::new();
    loop {
        let chunk = nimbus.download_blob_chunk(session.clone()).await.map_err(|e| of(e, key))?;
        if chunk.is_empty() {
            return Ok(content);
        }
        content.extend_from_slice(&chunk);
    }
}

async fn list(ctx: &Context, nimbus: &mut NimbusClient, wanted: &[String]) -> Result<(), Failure> {
    let keys = if wanted.is_empty() { all_keys(nimbus).await? } else { wanted.to_vec() };
    let mut blobs = Vec::new();
    let mut failures = Vec::new();
    for key in keys {
        match nimbus.get_blob_meta(key.clone()).await {
            Ok(meta) => blobs.push((key, meta)),
            // One that went, or is not ours to see, while all are listed.
            Err(ClientError::Declared(_)) if wanted.is_empty() => {}
            Err(e @ ClientError::Declared(_)) => failures.push(of(e, &key)),
            Err(e) => return Err(of(e, &key)),
        }
    }
    let some = !blobs.is_empty();
    if some || failures.is_empty() {
        ctx.printer.show(&Blobs(blobs))?;
    }
    match failures.first() {
        None => Ok(()),
        Some(first) => {
            let exit = if some { Exit::Partly } else { first.exit };
            Err(Failure { exit, faults: failures.into_iter().flat_map(|f| f.faults).collect() })
        }
    }
}

async fn delete(ctx: &Context, nimbus: &mut NimbusClient, keys: &[String], dry: &DryRun) -> Result<(), Failure> {
    let mut deleted = Vec::new();
    let mut failure = None;
    for key in keys {
        let outcome = match dry.dry_run {
            true => exists(nimbus, key).await.map(drop),
            false => nimbus.delete_blob(key.clone()).await.map_err(|e| of(e, key)),
        };
        if let Err(e) = outcome {
            failure = Some(e);
            break;
        }
        deleted.push(key.clone());
    }
    if !deleted.is_empty() {
        let verb = if dry.dry_run { "would delete" } else { "deleted" };
        ctx.printer.show(&Change {
            action: "deleted",
            message: format!("{verb} {}", deleted.join(", ")),
            names: deleted.clone(),
            next: None,
            details: Map::from_iter([("dry_run".to_owned(), json!(dry.dry_run))]),
        })?;
    }
    match failure {
        None => Ok(()),
        Some(failure) => Err(match deleted.is_empty() {
            true => failure,
            false => Failure { exit: Exit::Partly, ..failure },
        }),
    }
}

async fn set_acl(
    ctx: &Context,
    nimbus: &mut NimbusClient,
    key: &str,
    acl: Option<&str>,
    dry: &DryRun,
) -> Result<(), Failure> {
    let wanted = acl.map(acl::parse).transpose()?;
    let meta = exists(nimbus, key).await?;
    // As Storm: without a list the present one is written again.
    let acl = wanted.filter(|list| !list.is_empty()).unwrap_or(meta.settable.acl);
    let text = acl.iter().map(acl::text).collect::<Vec<_>>();
    if !dry.dry_run {
        let settable = SettableBlobMeta { acl, replication_factor: None };
        nimbus.set_blob_meta(key.to_owned(), settable).await.map_err(|e| of(e, key))?;
    }
    done(ctx, "set-acl", key, dry, json!({"acl": text}))
}

struct Blobs(Vec<(String, ReadableBlobMeta)>);

impl Report for Blobs {
    const KIND: &'static str = "BlobList";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), json!(self.items()))])
    }

    fn items(&self) -> Vec<Value> {
        let json = |(key, meta): &(String, ReadableBlobMeta)| {
            json!({
                "key": key,
                "version": meta.version,
                "acl": meta.settable.acl.iter().map(acl::text).collect::<Vec<_>>(),
                "replication_factor": meta.settable.replication_factor,
            })
        };
        self.0.iter().map(json).collect()
    }

    fn text(&self, wide: bool) -> String {
        let mut columns = vec![("KEY", Side::Left), ("VERSION", Side::Right), ("ACL", Side::Left)];
        if wide {
            columns.push(("REPLICATION", Side::Right));
        }
        let mut table = Table::new(&columns);
        for (key, meta) in &self.0 {
            let acl = meta.settable.acl.iter().map(acl::text).collect::<Vec<_>>().join(",");
            let replication = crate::table::or_dash(meta.settable.replication_factor);
            table.row([
                key.clone(),
                meta.version.to_string(),
                if acl.is_empty() { "-".into() } else { acl },
                replication,
            ]);
        }
        if self.0.is_empty() { "No blobs.\n".to_owned() } else { table.text() }
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|(key, _)| key.clone()).collect()
    }

    /// The messages of its log, which is where Storm's command writes them.
    fn storm(&self) -> Option<String> {
        let line = |(key, meta): &(String, ReadableBlobMeta)| {
            let acl = meta.settable.acl.iter().map(acl::text).collect::<Vec<_>>().join(", ");
            format!("{key} {} [{acl}]\n", meta.version)
        };
        Some(self.0.iter().map(line).collect())
    }
}

struct Replication {
    key: String,
    factor: i32,
    changed: bool,
}

impl Report for Replication {
    const KIND: &'static str = "BlobReplication";

    fn fields(&self) -> Map<String, Value> {
        let fields = json!({"key": self.key, "replication_factor": self.factor});
        fields.as_object().cloned().unwrap_or_default()
    }

    fn text(&self, _wide: bool) -> String {
        match self.changed {
            true => format!("Replication factor is set to {}\n", self.factor),
            false => format!("Current replication factor {}\n", self.factor),
        }
    }

    fn names(&self) -> Vec<String> {
        vec![self.factor.to_string()]
    }

    fn storm(&self) -> Option<String> {
        Some(self.text(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_in_every_form() {
        let meta = |acl: &str, version| ReadableBlobMeta {
            settable: SettableBlobMeta { acl: acl::parse(acl).unwrap(), replication_factor: Some(1) },
            version,
        };
        let blobs = Blobs(vec![("a".into(), meta("o::rwa", 12)), ("b".into(), meta("u:ann:rw,o::r", 3))]);
        assert_eq!(blobs.text(false), "KEY  VERSION  ACL\na         12  o::rwa\nb          3  u:ann:rw-,o::r--\n");
        assert_eq!(blobs.storm().unwrap(), "a 12 [o::rwa]\nb 3 [u:ann:rw-, o::r--]\n");
        assert_eq!(Blobs(vec![]).text(false), "No blobs.\n");
    }
}
