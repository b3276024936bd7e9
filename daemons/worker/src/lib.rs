//! The worker process around the engine: what a supervisor starts, what it reports, when it ends.
#![forbid(unsafe_code)]

mod args;
mod beats;
mod clock;
mod decide;
mod dirs;
mod error;
mod follow;
mod logging;
mod masters;
mod process;
mod report;
mod rolling;
mod run;
mod topology;

pub use args::WorkerArgs;
pub use error::{Exit, WorkerError};
pub use logging::LogLevels;
pub use process::{WORKER_CONF, execute};
pub use run::run;
