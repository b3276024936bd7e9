//! The primitives that `park.rs` is built on; its loom test puts others in their place.

pub(crate) use std::sync::atomic::{AtomicBool, Ordering, fence};

pub(crate) use crate::bell::Bell;
