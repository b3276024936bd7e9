//! Which Nimbus holds which blob: `/blobstore`.

use bytes::Bytes;

use crate::nodes::or_absent;
use crate::paths::{BLOB_SEQUENCES, BLOBSTORE, child};
use crate::sequence::{Known, choose};
use crate::{Changes, Cluster, ZkError};

/// The Nimbuses that hold a blob, each by its id `host:port:tlsPort`, with the version it holds.
pub type BlobHolders = Vec<(String, i32)>;

impl Cluster {
    /// Says that this Nimbus (`host:port:tlsPort`) now holds the blob; answers the version it holds by that.
    pub async fn setup_blob(&self, key: &str, nimbus_id: &str) -> Result<i32, ZkError> {
        let dir = child(BLOBSTORE, key);
        let counter = child(BLOB_SEQUENCES, key);
        let known = self.blob_state(&dir, &counter).await?.map(|(holders, max)| Known {
            // Java fails here; a lost counter is made again from what is in use.
            max: max.unwrap_or_else(|| holders.iter().map(|(_, n)| *n).max().unwrap_or(1)),
            holders,
        });
        let host = nimbus_id.split(':').next().unwrap_or(nimbus_id);
        let choice = choose(known.as_ref(), host);
        if let Some(max) = choice.store {
            self.put(&counter, Bytes::copy_from_slice(&max.to_be_bytes())).await?;
        }
        self.make_directory(&dir).await?;
        let own = child(&dir, &format!("{nimbus_id}-{}", choice.sequence));
        for (holder, sequence) in known.iter().flat_map(|known| &known.holders) {
            if holder == nimbus_id && *sequence != choice.sequence {
                self.withdraw(&child(&dir, &format!("{holder}-{sequence}"))).await?;
            }
        }
        self.publish(&own, Bytes::new()).await?;
        Ok(choice.sequence)
    }

    /// Forgets a blob, whoever holds it.
    pub async fn remove_blob(&self, key: &str) -> Result<(), ZkError> {
        let dir = child(BLOBSTORE, key);
        let below = format!("{dir}/");
        self.shared.ephemerals().retain(|path, _| !path.starts_with(&below));
        self.delete(&dir).await?;
        self.delete(&child(BLOB_SEQUENCES, key)).await
    }

    pub async fn blob_keys(&self) -> Result<Vec<String>, ZkError> {
        self.children(BLOBSTORE).await
    }

    /// Who holds a blob, in which version. As many holders as there are, so often is it replicated.
    pub async fn blob_holders(&self, key: &str) -> Result<BlobHolders, ZkError> {
        let path = child(BLOBSTORE, key);
        let found = self
            .run("list", &path, |client| {
                let path = &path;
                async move { or_absent(client.list_children(path).await) }
            })
            .await?;
        match found {
            Some(names) => Ok(parse_holders(&names)),
            None => Err(ZkError::NoBlob { key: key.to_owned(), path }),
        }
    }

    /// Fires when a key comes or goes, and once at the start.
    pub fn watch_blobs(&self) -> Changes {
        self.watch_children(BLOBSTORE.to_owned())
    }

    async fn blob_state(&self, dir: &str, counter: &str) -> Result<Option<(BlobHolders, Option<i32>)>, ZkError> {
        self.run("read", dir, |client| async move {
            let (names, max) = (client.list_children(dir), client.get_data(counter));
            let Some(names) = or_absent(names.await)? else { return Ok(None) };
            let max = or_absent(max.await)?.and_then(|(data, _)| data.try_into().ok()).map(i32::from_be_bytes);
            Ok(Some((parse_holders(&names), max)))
        })
        .await
    }
}

/// `<host:port:tlsPort>-<sequence>`; host names may hold dashes.
fn parse_holders(names: &[String]) -> BlobHolders {
    names
        .iter()
        .filter_map(|name| {
            let (nimbus, sequence) = name.rsplit_once('-')?;
            Some((nimbus.to_owned(), sequence.parse().ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holders_are_parsed_from_the_right() {
        let names = ["nimbus-1.example:6627:0-12".to_owned(), "odd".to_owned()];
        assert_eq!(parse_holders(&names), [("nimbus-1.example:6627:0".to_owned(), 12)]);
    }
}
