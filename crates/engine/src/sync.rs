//! The primitives that `park.rs`, `ring.rs` and `credit.rs` are built on; their loom test puts others in their place.

pub(crate) use rtrb::{Consumer, Producer, PushError, RingBuffer};
pub(crate) use std::sync::atomic::{AtomicBool, AtomicI64, Ordering, fence};

pub(crate) use crate::bell::Bell;
