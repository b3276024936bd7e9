//! The primitives that `park.rs`, `ring.rs` and `credit.rs` are built on; their loom test puts others in their place.

pub(crate) use rtrb::{Consumer, Producer, PushError, RingBuffer};
pub(crate) use std::sync::atomic::{AtomicBool, AtomicI64, Ordering, fence};
pub(crate) use std::thread::{Thread, current};

use std::time::Duration;

pub(crate) fn park_timeout(limit: Option<Duration>) {
    match limit {
        Some(limit) => std::thread::park_timeout(limit),
        None => std::thread::park(),
    }
}
