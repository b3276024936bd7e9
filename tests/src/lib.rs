//! What the tests share: the real programs they are judged by ([`peers`]), child processes that never outlive a test
//! ([`process`]), waiting with a deadline ([`wait`]), ports ([`ports`]) and our own programs ([`built`]).

#![forbid(unsafe_code)]

pub mod built;
pub mod peers;
pub mod ports;
pub mod process;
pub mod random;
pub mod wait;
