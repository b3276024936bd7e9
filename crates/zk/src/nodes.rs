//! Reading and writing nodes the way Storm does: last writer wins, parents are made on the way, deletes are recursive.

use std::collections::BTreeMap;

use bytes::Bytes;
use storm_thrift::wire::Wire;
use zookeeper_client::Error::{NoNode, NodeExists, NotEmpty};
use zookeeper_client::{Acls, Client, CreateMode, CreateOptions, Error};

use crate::paths::{DIRECTORY, child, parent};
use crate::{Cluster, ZkError, delegate};

/// Rounds in which two writers may undo each other's work before we call it a failure.
const MAX_ROUNDS: usize = 16;

/// Directories that may turn out not to be empty within one recursive delete.
const MAX_DIRECTORIES: usize = 100_000;

impl Cluster {
    pub(crate) async fn children(&self, path: &str) -> Result<Vec<String>, ZkError> {
        self.run("list", path, |client| async move { or_absent(client.list_children(path).await) })
            .await
            .map(Option::unwrap_or_default)
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Option<Vec<u8>>, ZkError> {
        self.run(
            "read",
            path,
            |client| async move { Ok(or_absent(client.get_data(path).await)?.map(|(data, _)| data)) },
        )
        .await
    }

    pub(crate) async fn read<T: Wire>(&self, path: &str) -> Result<Option<T>, ZkError> {
        self.get(path).await?.map(|data| self.decode(path, &data)).transpose()
    }

    /// All children of a directory, by name, in two round trips. One whose data makes no sense is left out with a
    /// warning: it must not hide the others.
    pub(crate) async fn read_all<T: Wire>(&self, dir: &str) -> Result<BTreeMap<String, T>, ZkError> {
        let names = self.children(dir).await?;
        let names = &names;
        let found = self
            .run("read the children of", dir, |client| async move {
                // Sent as one, then awaited one by one.
                let reads: Vec<_> = names.iter().map(|name| client.get_data(&child(dir, name))).collect();
                let mut found = Vec::with_capacity(reads.len());
                for (name, read) in names.iter().zip(reads) {
                    if let Some((data, _)) = or_absent(read.await)? {
                        found.push((name.clone(), data));
                    }
                }
                Ok(found)
            })
            .await?;
        let mut values = BTreeMap::new();
        for (name, data) in found {
            match self.decode(&child(dir, &name), &data) {
                Ok(value) => {
                    values.insert(name, value);
                }
                Err(error) => tracing::warn!(%error, "left out"),
            }
        }
        Ok(values)
    }

    pub(crate) async fn write<T: Wire>(&self, path: &str, value: &T) -> Result<(), ZkError> {
        let data = Bytes::from(self.delegate().write(value));
        self.put(path, data).await
    }

    pub(crate) async fn put(&self, path: &str, data: Bytes) -> Result<(), ZkError> {
        self.run("write", path, |client| {
            let data = data.clone();
            async move { put(&client, path, &data).await }
        })
        .await
    }

    /// Writes a node that lives as long as this process, across sessions.
    pub(crate) async fn publish(&self, path: &str, data: Bytes) -> Result<(), ZkError> {
        // Registered first: if the session is gone, the keeper will write this very data.
        self.shared.ephemerals().insert(path.to_owned(), data.clone());
        self.run("publish", path, |client| {
            let data = data.clone();
            async move { put_ephemeral(&client, path, &data).await }
        })
        .await
    }

    pub(crate) async fn withdraw(&self, path: &str) -> Result<(), ZkError> {
        self.shared.ephemerals().remove(path);
        self.delete(path).await
    }

    pub(crate) async fn make_directory(&self, path: &str) -> Result<(), ZkError> {
        self.run("make", path, |client| async move { make_directory(&client, path).await }).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<(), ZkError> {
        self.run("delete", path, |client| async move { delete_tree(&client, path).await }).await
    }

    fn decode<T: Wire>(&self, path: &str, data: &[u8]) -> Result<T, ZkError> {
        delegate::read(data).map_err(|source| {
            let what = std::any::type_name::<T>();
            ZkError::Data {
                path: format!("{}{path}", self.shared.settings.root),
                what: what.rsplit("::").next().unwrap_or(what),
                source,
                next: "look at it with zkCli, and delete it if no other program should have written it",
            }
        })
    }
}

/// Absence is an answer, not an error.
pub(crate) fn or_absent<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(NoNode) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(crate) const fn open(mode: CreateMode) -> CreateOptions<'static> {
    mode.with_acls(Acls::anyone_all())
}

async fn put(client: &Client, path: &str, data: &[u8]) -> Result<(), Error> {
    for _ in 0..MAX_ROUNDS {
        match client.set_data(path, data, None).await {
            Ok(_) => return Ok(()),
            Err(NoNode) => {}
            Err(error) => return Err(error),
        }
        match client.create(path, data, &open(CreateMode::Persistent)).await {
            Ok(_) => return Ok(()),
            Err(NodeExists) => {}
            Err(NoNode) => make_directory(client, parent(path)).await?,
            Err(error) => return Err(error),
        }
    }
    Err(NodeExists)
}

/// Writes an ephemeral node of this session. Where Storm would write into a node that another session has left
/// behind and lose it with that session, the node is made anew.
pub(crate) async fn put_ephemeral(client: &Client, path: &str, data: &[u8]) -> Result<(), Error> {
    for _ in 0..MAX_ROUNDS {
        match client.set_data(path, data, None).await {
            Ok(stat) if stat.ephemeral_owner == client.session_id().0 => return Ok(()),
            Ok(_) => {
                or_absent(client.delete(path, None).await)?;
            }
            Err(NoNode) => {}
            Err(error) => return Err(error),
        }
        match client.create(path, data, &open(CreateMode::Ephemeral)).await {
            Ok(_) => return Ok(()),
            Err(NodeExists) => {}
            Err(NoNode) => make_directory(client, parent(path)).await?,
            Err(error) => return Err(error),
        }
    }
    Err(NodeExists)
}

/// `mkdir -p`, with the data byte that Storm gives its directories.
pub(crate) async fn make_directory(client: &Client, path: &str) -> Result<(), Error> {
    let mut wanted = vec![path];
    let mut rounds = 0;
    while let Some(&next) = wanted.last() {
        if next.is_empty() {
            return Err(NoNode);
        }
        match client.create(next, DIRECTORY, &open(CreateMode::Persistent)).await {
            Ok(_) | Err(NodeExists) => {
                wanted.pop();
            }
            Err(NoNode) if rounds < MAX_ROUNDS + path.len() => {
                rounds += 1;
                wanted.push(parent(next));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

pub(crate) async fn delete_tree(client: &Client, path: &str) -> Result<(), Error> {
    let mut waiting = vec![path.to_owned()];
    let mut directories = 0;
    while let Some(top) = waiting.last().cloned() {
        match client.delete(&top, None).await {
            Ok(()) | Err(NoNode) => {
                waiting.pop();
            }
            Err(NotEmpty) => {
                directories += 1;
                if directories > MAX_DIRECTORIES {
                    return Err(NotEmpty);
                }
                let names = or_absent(client.list_children(&top).await)?.unwrap_or_default();
                let paths: Vec<_> = names.iter().map(|name| child(&top, name)).collect();
                let deletes: Vec<_> = paths.iter().map(|path| client.delete(path, None)).collect();
                for (path, delete) in paths.into_iter().zip(deletes) {
                    match delete.await {
                        Ok(()) | Err(NoNode) => {}
                        Err(NotEmpty) => waiting.push(path),
                        Err(error) => return Err(error),
                    }
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
