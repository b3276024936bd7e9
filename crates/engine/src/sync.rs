//! The primitives that `park.rs` is built on; its loom test puts others in their place.

pub(crate) use std::sync::atomic::{AtomicBool, Ordering, fence};
pub(crate) use std::thread::{Thread, current};

use std::time::Duration;

pub(crate) fn park_timeout(limit: Option<Duration>) {
    match limit {
        Some(limit) => std::thread::park_timeout(limit),
        None => std::thread::park(),
    }
}
