//! Answers that wait until what they tell of is on disk.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use tracing::warn;

use crate::server::connection::Connection;
use crate::server::outbox::Item;
use crate::store::Release;

/// One thing to do for a client.
#[derive(Debug)]
pub enum Effect {
    /// Sends the answer to a request that came at `received`.
    Answer { to: Arc<Connection>, packet: Bytes, received: Instant },
    /// Sends a watch event.
    Event { to: Arc<Connection>, packet: Bytes },
    /// Closes the connection after what was sent before.
    Close { to: Arc<Connection> },
}

/// Effects in the order in which they were decided.
#[derive(Debug, Default)]
pub struct Effects(pub Vec<Effect>);

impl Release for Effects {
    fn release(self) {
        let now = Instant::now();
        for effect in self.0 {
            match effect {
                Effect::Answer { to, packet, received } => {
                    let us = u64::try_from(now.saturating_duration_since(received).as_micros()).unwrap_or(u64::MAX);
                    to.traffic.latency.add(us);
                    to.shared.traffic.latency.add(us);
                    send(&to, Item { bytes: packet, answer: true });
                }
                Effect::Event { to, packet } => send(&to, Item { bytes: packet, answer: false }),
                Effect::Close { to } => to.outbox.close(),
            }
        }
    }
}

fn send(to: &Arc<Connection>, item: Item) {
    to.traffic.sent.fetch_add(1, Ordering::Relaxed);
    to.shared.traffic.sent.fetch_add(1, Ordering::Relaxed);
    if !to.outbox.push(item, &to.shared.backlog) {
        warn!("disconnecting {}: it does not read what it asked for", to.peer);
    }
}
