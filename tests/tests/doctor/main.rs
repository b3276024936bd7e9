//! `stormctl why` and `stormctl doctor` against real faults: on a host where nothing runs, on clusters that are broken bit by
//! bit, and on Apache's daemons.

mod apache;
mod cluster;
mod components;
mod down;
mod report;
