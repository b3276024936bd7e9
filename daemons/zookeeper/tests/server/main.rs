//! The crate from outside: the tree, the watches, the files, and a whole server over its socket.

mod client;
mod files;
mod hostile;
mod sessions;
mod tree;
mod watches;
mod words;
