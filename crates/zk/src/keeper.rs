//! The one place where sessions are made, watched and replaced.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use zookeeper_client::{Client, SessionState as ClientState};

use crate::cluster::{SessionState, Shared};
use crate::nodes::{make_directory, put_ephemeral};
use crate::paths::{DIRECTORY, TOP};
use crate::retry::reconnect_pause;

/// How long a closing session waits for the server to say so.
const GOODBYE: Duration = Duration::from_secs(2);

/// Runs as long as the cluster's handle: one session after the other.
pub(crate) async fn keep(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut generation = 0;
    loop {
        let session = tokio::select! {
            session = establish(&shared) => session,
            () = stopped(&mut stop) => None,
        };
        let Some(client) = session else { break };
        generation += 1;
        if !follow(&shared, client, generation, &mut stop).await {
            break;
        }
    }
    shared.closing();
    shared.closed();
}

/// Follows one session to its end; false when the whole is to end.
async fn follow(shared: &Shared, client: Client, generation: u64, stop: &mut watch::Receiver<bool>) -> bool {
    let mut states = client.state_watcher();
    let mut state = states.state();
    loop {
        match state {
            ClientState::SyncConnected | ClientState::ConnectedReadOnly => shared.up(client.clone(), generation),
            ClientState::Disconnected => {
                tracing::warn!(servers = %shared.settings.ensemble(), "connection to ZooKeeper lost");
                shared.down(SessionState::Suspended, "the connection was lost");
            }
            ClientState::Expired | ClientState::AuthFailed | ClientState::Closed => {
                tracing::warn!(servers = %shared.settings.ensemble(), %state, "ZooKeeper session lost");
                shared.down(SessionState::Lost, "the session has expired");
                return true;
            }
        }
        tokio::select! {
            next = states.changed() => state = next,
            () = stopped(stop) => break,
        }
    }
    shared.closing();
    drop(client);
    let closed = async { while !states.changed().await.is_terminated() {} };
    if timeout(GOODBYE, closed).await.is_err() {
        tracing::debug!("ZooKeeper did not confirm the end of the session");
    }
    false
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the last handle has been dropped.
    let _stopped_or_dropped = stop.wait_for(|stop| *stop).await;
}

/// Makes a session with everything in it that belongs there, however long that takes.
async fn establish(shared: &Shared) -> Option<Client> {
    let mut round = 0;
    loop {
        match connect(shared).await {
            Ok(client) => {
                tracing::info!(servers = %shared.settings.ensemble(), session = %client.session_id(), "ZooKeeper session is up");
                return Some(client);
            }
            Err(cause) => {
                if round == 0 {
                    tracing::warn!(%cause, "cannot connect to ZooKeeper yet");
                }
                shared.trouble(&cause);
            }
        }
        tokio::time::sleep(reconnect_pause(round, shared.settings.retry.ceiling)).await;
        round = round.saturating_add(1);
    }
}

async fn connect(shared: &Shared) -> Result<Client, String> {
    let settings = &shared.settings;
    let ensemble = settings.ensemble();
    let connecting = Client::connector()
        .with_session_timeout(settings.session_timeout)
        .with_connection_timeout(settings.connection_timeout)
        // Without it the client keeps trying by itself, with growing pauses and without telling why.
        .with_fail_eagerly()
        .connect(&ensemble);
    let plain = match connecting.await {
        Ok(client) => client,
        Err(error) => return Err(why(&settings.servers, &error).await),
    };
    let in_tree = |error: zookeeper_client::Error| format!("cannot prepare {}: {error}", settings.root);
    let root = prepare(&plain, &settings.root).await.map_err(in_tree)?;
    let client = if root.is_empty() { plain } else { plain.chroot(root).map_err(|_| "bad root".to_owned())? };
    let ephemerals = shared.ephemerals().clone();
    for (path, data) in ephemerals {
        put_ephemeral(&client, &path, &data).await.map_err(|error| format!("cannot make {path} again: {error}"))?;
    }
    Ok(client)
}

/// Makes the root and Storm's directories, in one round trip if they are there.
async fn prepare<'a>(client: &Client, root: &'a str) -> Result<&'a str, zookeeper_client::Error> {
    let paths = TOP.map(|dir| format!("{root}{dir}"));
    let stats: Vec<_> = paths.iter().map(|path| client.check_stat(path)).collect();
    let mut missing = Vec::new();
    for (path, stat) in paths.iter().zip(stats) {
        if stat.await?.is_none() {
            missing.push(path);
        }
    }
    if missing.len() == paths.len() && !root.is_empty() {
        make_directory(client, root).await?;
    }
    let options = zookeeper_client::CreateMode::Persistent.with_acls(zookeeper_client::Acls::anyone_all());
    let made: Vec<_> = missing.iter().map(|path| client.create(path, DIRECTORY, &options)).collect();
    for made in made {
        match made.await {
            Ok(_) | Err(zookeeper_client::Error::NodeExists) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(root)
}

/// The client only says that no host will do; the operator wants to know which, and why.
async fn why(servers: &[String], error: &zookeeper_client::Error) -> String {
    let mut causes = Vec::new();
    for server in servers {
        match timeout(Duration::from_millis(500), TcpStream::connect(server)).await {
            Ok(Ok(_)) => {
                causes.push(format!("{server}: {error}, though the port is open: is it ZooKeeper, and serving?"))
            }
            Ok(Err(io)) => causes.push(format!("{server}: {io}")),
            Err(_elapsed) => causes.push(format!("{server}: no answer")),
        }
    }
    causes.join("; ")
}
