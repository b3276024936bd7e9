//! Tuples and contributions between workers: one TCP connection per ordered pair of workers.
//!
//! The connecting side sends a greeting, and then frames of batches and contributions; the accepting side answers the
//! greeting, and then sends credit back. A frame is its length (four bytes, not counting themselves), its kind, and its body;
//! numbers are little-endian.

mod accept;
mod codec;
mod frame;
mod peer;

pub(crate) use accept::{Arrival, InFrame, serve};
pub(crate) use codec::{decode_batch, decode_contributions};
pub(crate) use frame::CONTRIBUTIONS;
pub(crate) use peer::{PeerTable, PeerView};

#[cfg(test)]
mod tests;
