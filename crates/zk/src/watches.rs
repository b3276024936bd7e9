//! Watches that survive what breaks ZooKeeper's own: events, lost connections, new sessions.

use std::sync::Arc;

use tokio::sync::watch;
use zookeeper_client::Error::NoNode;
use zookeeper_client::{Client, OneshotWatcher};

use crate::Cluster;
use crate::cluster::Shared;
use crate::retry::{is_session_trouble, reconnect_pause};

/// Tells that something may have changed; what, the reader finds out by reading.
#[derive(Debug)]
pub struct Changes {
    armed: watch::Receiver<u64>,
}

impl Changes {
    /// Returns once at the start and then after every change. Several changes may become one; none is missed by a
    /// reader that reads after each return. False when the session has been closed for good.
    pub async fn changed(&mut self) -> bool {
        self.armed.changed().await.is_ok()
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Node,
    Children,
}

impl Cluster {
    pub(crate) fn watch_node(&self, path: String) -> Changes {
        self.watch(path, Kind::Node)
    }

    pub(crate) fn watch_children(&self, path: String) -> Changes {
        self.watch(path, Kind::Children)
    }

    fn watch(&self, path: String, kind: Kind) -> Changes {
        let (sender, armed) = watch::channel(0);
        tokio::spawn(watch_on(self.shared.clone(), path, kind, sender));
        Changes { armed }
    }
}

async fn watch_on(shared: Arc<Shared>, path: String, kind: Kind, sender: watch::Sender<u64>) {
    let mut failures = 0;
    loop {
        let usable = tokio::select! {
            usable = shared.usable() => usable,
            () = sender.closed() => None,
        };
        let Some((client, _)) = usable else { return };
        let armed = arm(&client, &path, kind).await;
        // Held any longer it would keep a session open that is to be closed.
        drop(client);
        match armed {
            Ok(watcher) => {
                failures = 0;
                // Told only now that the watch is set: a change after the reader's read fires it.
                sender.send_modify(|times| *times += 1);
                tokio::select! {
                    _event = watcher.changed() => {}
                    () = sender.closed() => return,
                }
            }
            Err(error) => {
                if !is_session_trouble(&error) {
                    tracing::warn!(%path, %error, "cannot watch");
                }
                tokio::time::sleep(reconnect_pause(failures, shared.settings.retry.ceiling)).await;
                failures = failures.saturating_add(1);
            }
        }
    }
}

async fn arm(client: &Client, path: &str, kind: Kind) -> Result<OneshotWatcher, zookeeper_client::Error> {
    if let Kind::Children = kind {
        match client.list_and_watch_children(path).await {
            Ok((_, watcher)) => return Ok(watcher),
            Err(NoNode) => {}
            Err(error) => return Err(error),
        }
    }
    client.check_and_watch_stat(path).await.map(|(_, watcher)| watcher)
}
