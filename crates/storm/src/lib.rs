//! Topology programs for Storm.
//!
//! A program describes its topology, is submitted as a whole, and is what the workers run:
//!
//! ```no_run
//! use storm::prelude::*;
//!
//! struct Split;
//!
//! impl Bolt for Split {
//!     fn execute(&mut self, tuple: &Tuple<'_>, out: &mut BoltOutput<'_>) -> Result<(), ComponentError> {
//!         for word in tuple.str(0)?.split_whitespace() {
//!             out.emit(values![word]);
//!         }
//!         Ok(())
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     storm::main(|topology| {
//!         topology.name("words");
//!         topology.builtin_spout("lines", &Builtin::Lines { files: vec!["/etc/services".into()], repeat: false });
//!         topology.set_bolt("split", || Split).shuffle("lines").outputs(["word"]);
//!         topology.builtin_bolt("count", &Builtin::Count).parallelism(2).fields("split", ["word"]);
//!     })
//! }
//! ```
//!
//! `PROGRAM local` runs it here, `PROGRAM submit NAME` on the cluster of `~/.storm/storm.yaml`.
#![forbid(unsafe_code)]

mod local;
mod program;

pub use local::{LocalEnd, LocalError, LocalOptions, run_local};
pub use program::main;
pub use storm_topology::{builder, builtins, flux, jar, multilang, package, prelude, submit, system, values};
