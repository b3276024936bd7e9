//! Assignments pushed to supervisors, so that they need not wait for their next pull.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use storm_thrift::types::SupervisorAssignments;
use storm_thrift::{ClientError, ClientOptions, SupervisorClient};
use tokio::sync::watch;

/// A node that nothing was pushed to for this long loses its connection and its task.
const IDLE: Duration = Duration::from_secs(60);
/// A supervisor pulls every 10 s anyhow, so a push that fails for longer is pointless.
const RETRIES: [Duration; 3] = [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3)];

/// Everything one supervisor is to run. It replaces what the supervisor had, so only the newest counts and the queue
/// of a node is one deep.
#[derive(Debug, Clone, PartialEq)]
pub struct Push {
    pub host: String,
    pub port: u16,
    pub assignments: SupervisorAssignments,
}

type Nodes = Mutex<HashMap<String, watch::Sender<Option<Arc<Push>>>>>;

#[derive(Debug)]
pub struct Pusher {
    options: ClientOptions,
    nodes: Arc<Nodes>,
}

impl Pusher {
    pub fn new(options: ClientOptions) -> Pusher {
        Pusher { options, nodes: Arc::default() }
    }

    /// Queues the push and returns at once.
    pub fn push(&self, node: &str, push: Push) {
        let push = Some(Arc::new(push));
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        match nodes.get(node) {
            Some(mailbox) => {
                mailbox.send_replace(push);
            }
            None => {
                let (mailbox, incoming) = watch::channel(None);
                mailbox.send_replace(push);
                nodes.insert(node.to_owned(), mailbox);
                tokio::spawn(deliver(node.to_owned(), incoming, self.options.clone(), Arc::downgrade(&self.nodes)));
            }
        }
    }
}

async fn deliver(
    node: String,
    mut incoming: watch::Receiver<Option<Arc<Push>>>,
    options: ClientOptions,
    nodes: Weak<Nodes>,
) {
    let mut connection: Option<(String, u16, SupervisorClient)> = None;
    loop {
        match tokio::time::timeout(IDLE, incoming.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => {
                let Some(nodes) = nodes.upgrade() else { return };
                let mut nodes = nodes.lock().unwrap_or_else(PoisonError::into_inner);
                // Looked at under the lock that every sender holds: nothing can come in between.
                if incoming.has_changed().unwrap_or(false) {
                    continue;
                }
                nodes.remove(&node);
                return;
            }
        }
        let Some(push) = incoming.borrow_and_update().clone() else { continue };
        for (attempt, pause) in RETRIES.iter().map(Some).chain([None]).enumerate() {
            match send(&mut connection, &push, &options).await {
                Ok(()) => break,
                Err(e) => {
                    connection = None;
                    let attempt = attempt + 1;
                    tracing::warn!(%node, attempt, code = e.code(), "assignments not pushed: {e}; the supervisor will pull them");
                    let Some(pause) = pause else { break };
                    tokio::select! {
                        () = tokio::time::sleep(*pause) => {}
                        // A newer one is there: this one needs no more tries.
                        changed = incoming.changed() => {
                            if changed.is_err() {
                                return;
                            }
                            incoming.mark_changed();
                            break;
                        }
                    }
                }
            }
        }
    }
}

async fn send(
    connection: &mut Option<(String, u16, SupervisorClient)>,
    push: &Push,
    options: &ClientOptions,
) -> Result<(), ClientError> {
    if let Some((host, port, client)) = connection
        && *host == push.host
        && *port == push.port
    {
        // The supervisor may have been restarted since; only a fresh connection's failure is a failure.
        match client.send_supervisor_assignments(push.assignments.clone()).await {
            Ok(()) => return Ok(()),
            Err(e) => tracing::debug!("connection to {host}:{port} was stale: {e}"),
        }
    }
    let mut client = SupervisorClient::connect(&push.host, push.port, options.clone()).await?;
    client.send_supervisor_assignments(push.assignments.clone()).await?;
    *connection = Some((push.host.clone(), push.port, client));
    Ok(())
}
