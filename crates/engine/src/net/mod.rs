//! Tuples and contributions between workers: one TCP connection per ordered pair of workers.
//!
//! The connecting side sends a greeting, and then frames of batches and contributions; the accepting side answers the
//! greeting, and then sends credit back. A frame is its length (four bytes, not counting themselves), its kind, and its body;
//! numbers are little-endian. A batch's values are laid out by `Rows::encode`.
//!
//! A data thread gathers frames for each worker (`table.rs`) and sends them when they are many, when they have waited, or when it has
//! nothing else to do. It writes to the connection itself as long as that takes everything (`parcel.rs`); the rest is left to the
//! connection's driver (`peer.rs`), behind which parcels then gather. Arriving frames are sorted by data thread and decoded there
//! (`accept.rs`, `codec.rs`).

mod accept;
mod codec;
mod frame;
mod parcel;
mod peer;
mod table;

pub(crate) use accept::{Arrival, InFrame, serve};
pub(crate) use codec::{decode_batch, decode_contributions};
pub(crate) use frame::CONTRIBUTIONS;
pub(crate) use table::{PeerTable, PeerView};

#[cfg(test)]
mod tests;
