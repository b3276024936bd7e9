//! A Nimbus in this process against a real Apache ZooKeeper, with supervisors that only listen.

mod blobs;
mod faults;
mod files;
mod fixture;
mod leaders;
mod life;
mod refusals;
