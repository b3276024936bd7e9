//! At least once, at full speed: two workers count words, and what may go wrong between them does. Every sentence is acked in the
//! end, every word of an acked sentence was written down, and no worker's memory grows meanwhile.

mod cluster;
mod halves;
mod kills;
mod network;
mod slow;
