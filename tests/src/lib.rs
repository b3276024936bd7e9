//! What the tests share: the real programs they are judged by ([`peers`]), child processes that never outlive a test
//! ([`process`]), waiting with a deadline ([`wait`]), ports ([`ports`]), our own programs ([`built`]) and whole clusters
//! of them (`cluster`).

#![forbid(unsafe_code)]

#[cfg(feature = "cluster")]
mod apache;
pub mod built;
#[cfg(feature = "cluster")]
pub mod cluster;
pub mod hostile;
pub mod jars;
pub mod kept;
pub mod peers;
pub mod ports;
pub mod position;
pub mod process;
pub mod proxy;
pub mod random;
#[cfg(feature = "cluster")]
pub mod recording;
#[cfg(feature = "cluster")]
pub mod release;
pub mod sshd;
pub mod systemd;
#[cfg(feature = "terminal")]
pub mod terminal;
#[cfg(feature = "cluster")]
pub mod topologies;
pub mod wait;
pub mod word_count;
