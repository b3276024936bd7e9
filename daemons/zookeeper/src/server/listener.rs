//! Starts the server, accepts connections, and ends it.

use std::collections::HashMap;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::error::ZooKeeperError;
use crate::options::Options;
use crate::server::connection::{self, Shared};
use crate::server::core::Core;
use crate::server::outbox::Backlog;
use crate::server::stats::Traffic;
use crate::store::{DataDir, LogStats, Writer, recover};

/// Packets on their way to the core.
const QUEUE: usize = 1024;
/// Bytes of those.
const IN_FLIGHT: usize = 64 << 20;
/// Batches on their way to the disk.
const BATCHES: usize = 16;

/// Serves until `shutdown` resolves or the disk fails.
///
/// `ready` gets the bound address as soon as clients can connect.
pub async fn run(
    options: Options,
    ready: impl FnOnce(SocketAddr) + Send,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ZooKeeperError> {
    for key in &options.ignored_keys {
        warn!("{key} in zoo.cfg has no meaning for this server");
    }
    let address = options.bind;
    let listener = TcpListener::bind(address).await.map_err(|cause| ZooKeeperError::Bind { address, cause })?;
    let address = listener.local_addr().map_err(|cause| ZooKeeperError::Bind { address, cause })?;

    let setup = options.clone();
    let loaded = tokio::task::spawn_blocking(move || {
        let dir = DataDir::open(&setup)?;
        let recovered = recover(&dir, rand::random())?;
        Ok::<_, ZooKeeperError>((dir, recovered))
    });
    let (dir, recovered) = loaded.await.map_err(internal)??;

    let log_stats = Arc::new(LogStats::default());
    let (batches, batches_in) = mpsc::channel(BATCHES);
    let (failed, mut disk_failed) = mpsc::channel::<()>(1);
    let retain = options.snap_retain_count;
    let writer =
        Writer::new(Arc::new(dir), recovered.log, Arc::clone(&log_stats), retain, Box::new(rand::random), batches_in)
            .spawn(move || drop(failed))?;

    let (to_core, from_connections) = mpsc::channel(QUEUE);
    // The longest packet must fit.
    let in_flight = Arc::new(Semaphore::new(IN_FLIGHT.max(options.jute_max_buffer)));
    let shared =
        Arc::new(Shared { options, traffic: Traffic::default(), backlog: Backlog::default(), to_core, in_flight });
    let core =
        Core::new(recovered.state, recovered.replayed, Arc::clone(&shared), address, log_stats, batches, rand::random);
    info!("serving ZooKeeper clients on {address}");
    ready(address);

    let mut tasks = JoinSet::new();
    tasks.spawn(accept(listener, shared));
    let mut core_task = tokio::spawn(core.run(from_connections));
    let ended = tokio::select! {
        () = shutdown => None,
        _ = disk_failed.recv() => None,
        // The writer's end ends it as well, and it may be seen first.
        ended = &mut core_task => Some(ended),
    };
    tasks.shutdown().await;
    // With it goes the sender of batches, and the writer ends after the last of them.
    let ended = match ended {
        Some(ended) => ended,
        None => {
            core_task.abort();
            core_task.await
        }
    };
    if let Err(cause) = ended
        && cause.is_panic()
    {
        return Err(internal(cause));
    }
    tokio::task::spawn_blocking(move || writer.join())
        .await
        .map_err(internal)?
        .map_err(|_| ZooKeeperError::Internal("the log thread panicked".to_owned()))?
}

fn internal(cause: tokio::task::JoinError) -> ZooKeeperError {
    ZooKeeperError::Internal(cause.to_string())
}

/// Open connections by address.
#[derive(Debug, Default)]
struct Census(Mutex<HashMap<IpAddr, usize>>);

/// One entry in the census, until it is dropped.
struct Counted {
    census: Arc<Census>,
    address: IpAddr,
}

impl Census {
    /// None if there are too many.
    fn enter(self: &Arc<Self>, address: IpAddr, per_address: usize, total: usize) -> Option<Counted> {
        let mut census = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = census.values().sum();
        let own = census.entry(address).or_default();
        if (per_address > 0 && *own >= per_address) || (total > 0 && all >= total) {
            return None;
        }
        *own += 1;
        Some(Counted { census: Arc::clone(self), address })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut census = self.census.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = census.get_mut(&self.address) {
            *own -= 1;
            if *own == 0 {
                census.remove(&self.address);
            }
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let census = Arc::new(Census::default());
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(cause) => {
                // Out of file descriptors, most likely. There is nothing to wait for but time.
                warn!("cannot accept a connection: {cause}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        let options = &shared.options;
        let Some(counted) = census.enter(peer.ip(), options.max_client_cnxns, options.max_cnxns) else {
            warn!(
                "too many connections from {}: the limits are maxClientCnxns={} for one address and maxCnxns={} in all",
                peer.ip(),
                options.max_client_cnxns,
                options.max_cnxns
            );
            continue;
        };
        number += 1;
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            connection::serve(stream, peer, number, shared).await;
            drop(counted);
        });
    }
}
