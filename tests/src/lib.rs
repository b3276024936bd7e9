//! What the tests share: the real programs they are judged by ([`peers`]) and child processes that never outlive
//! a test ([`process`]).

#![forbid(unsafe_code)]

pub mod peers;
