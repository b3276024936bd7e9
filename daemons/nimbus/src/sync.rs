//! Blobs copied between Nimbuses, so that each can take over from any other.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use storm_thrift::{ClientError, ClientOptions, NimbusClient, ServiceError};
use storm_zk::{BlobHolders, ZkError};
use tokio::time::{MissedTickBehavior, interval};

use crate::leader::Role;
use crate::nimbus::{Nimbus, blocking};
use crate::topologies::topology_of_blob;

const AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
enum SyncError {
    #[error(transparent)]
    ZooKeeper(#[from] ZkError),
    #[error("{key} cannot be copied from {holder}: {cause}")]
    Copy { key: String, holder: String, cause: String },
}

/// What is to be done about one key. Pure.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Nothing,
    /// Ask the first of these who answers.
    Copy(Vec<String>),
    /// The content is here, and nobody knows.
    Register,
}

fn step(me: &str, here: bool, holders: &BlobHolders) -> Step {
    let newest = holders.iter().map(|(_, version)| *version).max();
    let mine = holders.iter().find(|(id, _)| id == me).map(|(_, version)| *version);
    if here && mine.is_some() && mine == newest {
        return Step::Nothing;
    }
    let others = holders.iter().filter(|(id, version)| id != me && Some(*version) == newest);
    let others: Vec<String> = others.map(|(id, _)| id.clone()).collect();
    match (others.is_empty(), here) {
        (false, _) => Step::Copy(others),
        (true, true) => Step::Register,
        (true, false) => Step::Nothing,
    }
}

impl Nimbus {
    /// Keeps this Nimbus' blobs in step with the others', until the process ends.
    pub(crate) async fn sync_blobs_forever(self: Arc<Self>) {
        self.settle_blobs().await;
        let mut changes = self.cluster.watch_blobs();
        let mut timer = interval(self.settings.code_sync);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                open = changes.changed() => if !open { return },
                _ = timer.tick() => {}
            }
            if !self.connected() {
                continue;
            }
            if let Err(e) = self.sync_blobs().await {
                tracing::warn!("blobs are not in step: {e}");
            }
        }
    }

    /// After the start: what another leader does not know of any more was deleted while this Nimbus was away.
    ///
    /// Apache goes by ZooKeeper alone, so that a lost ensemble takes the code of every topology with it. Where no
    /// other Nimbus leads, the blobs here are all there is, and they stay.
    async fn settle_blobs(&self) {
        loop {
            match self.try_settle_blobs().await {
                Ok(()) => return,
                Err(e) => {
                    tracing::warn!("blobs are not registered yet: {e}");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    async fn try_settle_blobs(&self) -> Result<(), SyncError> {
        let queue = self.cluster.participants().await?;
        let another_leads = queue.first().is_some_and(|first| *first != self.me.participant());
        let known: BTreeSet<String> = self.cluster.blob_keys().await?.into_iter().collect();
        for key in self.blobs.keys() {
            if another_leads && !known.contains(&key) {
                self.drop_blob(&key).await;
                continue;
            }
            let holders = if known.contains(&key) { self.cluster.blob_holders(&key).await? } else { Vec::new() };
            // With other holders the question is whose content is newer: that is the sync's.
            if holders.iter().all(|(id, _)| *id == self.me.participant()) {
                self.cluster.setup_blob(&key, &self.me.participant()).await?;
            }
        }
        Ok(())
    }

    async fn sync_blobs(&self) -> Result<(), SyncError> {
        let known: BTreeSet<String> = self.cluster.blob_keys().await?.into_iter().collect();
        for key in &known {
            let here = self.blobs.contains(key);
            if here && self.leads() {
                continue;
            }
            let holders = self.cluster.blob_holders(key).await?;
            match step(&self.me.participant(), here, &holders) {
                Step::Nothing => {}
                Step::Register => {
                    self.cluster.setup_blob(key, &self.me.participant()).await?;
                }
                Step::Copy(from) => match self.copy_blob(key, &from).await {
                    Ok(()) => {
                        self.cluster.setup_blob(key, &self.me.participant()).await?;
                        self.blob_arrived(key);
                    }
                    // One that cannot be had must not keep us from the others.
                    Err(e) => tracing::warn!("{e}"),
                },
            }
        }
        if *self.role.borrow() == Role::Follower && self.another_leads().await? {
            for key in self.blobs.keys() {
                if !known.contains(&key) {
                    self.drop_blob(&key).await;
                }
            }
        }
        Ok(())
    }

    async fn another_leads(&self) -> Result<bool, ZkError> {
        let queue = self.cluster.participants().await?;
        Ok(queue.first().is_some_and(|first| *first != self.me.participant()))
    }

    async fn copy_blob(&self, key: &str, holders: &[String]) -> Result<(), SyncError> {
        let mut last = None;
        for holder in holders {
            match self.copy_from(key, holder).await {
                Ok(()) => {
                    tracing::info!("blob {key} copied from {holder}");
                    return Ok(());
                }
                Err(cause) => {
                    last = Some(SyncError::Copy { key: key.to_owned(), holder: holder.clone(), cause });
                }
            }
        }
        last.map_or(Ok(()), Err)
    }

    async fn copy_from(&self, key: &str, holder: &str) -> Result<(), String> {
        let text = |e: ClientError| e.to_string();
        let service = |e: ServiceError| e.to_string();
        let mut parts = holder.split(':');
        let (host, port) = (parts.next().unwrap_or_default(), parts.next().and_then(|p| p.parse::<u16>().ok()));
        let port = port.ok_or("that is no host:port")?;
        let mut client =
            NimbusClient::connect(host, port, ClientOptions::for_nimbus(&self.conf)).await.map_err(text)?;
        let meta = client.get_blob_meta(key.to_owned()).await.map_err(text)?;
        let begun = client.begin_blob_download(key.to_owned()).await.map_err(text)?;
        let (blobs, name, settable) = (self.blobs.clone(), key.to_owned(), meta.settable.clone());
        let create = !self.blobs.contains(key);
        let open = move || Ok(if create { blobs.create(&name, &settable)? } else { blobs.update(&name)? });
        let mut writer = blocking(open).await.map_err(service)?;
        loop {
            let chunk = client.download_blob_chunk(begun.session.clone()).await.map_err(text)?;
            if chunk.is_empty() {
                break;
            }
            writer = blocking(move || {
                writer.write(&chunk)?;
                Ok(writer)
            })
            .await
            .map_err(service)?;
        }
        let (blobs, name) = (self.blobs.clone(), key.to_owned());
        let commit = move || {
            blobs.commit(&name, writer, create)?;
            Ok(blobs.set_meta(&name, &meta.settable)?)
        };
        blocking(commit).await.map_err(service)
    }

    /// A topology that was broken for want of this blob may be whole now.
    fn blob_arrived(&self, key: &str) {
        if let Some(id) = topology_of_blob(key) {
            self.stored.forget(id);
            self.wanted.notify_one();
        }
    }

    async fn drop_blob(&self, key: &str) {
        let (blobs, name) = (self.blobs.clone(), key.to_owned());
        match blocking(move || Ok(blobs.delete(&name)?)).await {
            Ok(()) => tracing::info!("blob {key} was deleted elsewhere"),
            Err(e) => tracing::warn!("blob {key} was deleted elsewhere and stays here: {e}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_content_is_fetched_from_who_has_it() {
        let at = |list: &[(&str, i32)]| list.iter().map(|(id, v)| ((*id).to_owned(), *v)).collect::<BlobHolders>();
        let copy = |list: &[&str]| Step::Copy(list.iter().map(|s| (*s).to_owned()).collect());
        assert_eq!(step("me", true, &at(&[("me", 2), ("a", 2)])), Step::Nothing);
        assert_eq!(step("me", true, &at(&[("me", 1), ("a", 2), ("b", 2), ("c", 1)])), copy(&["a", "b"]));
        assert_eq!(step("me", false, &at(&[("me", 3), ("a", 2)])), Step::Nothing, "a has an older one");
        assert_eq!(step("me", false, &at(&[("a", 1)])), copy(&["a"]));
        assert_eq!(step("me", true, &at(&[("a", 1)])), copy(&["a"]));
        assert_eq!(step("me", true, &at(&[])), Step::Register);
        assert_eq!(step("me", false, &at(&[])), Step::Nothing);
    }
}
