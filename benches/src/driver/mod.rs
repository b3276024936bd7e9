//! The driver: cases, the two systems they run on, one measuring at a time, and the table.

mod case;
mod catalogue;
mod check;
mod cli;
mod clusters;
mod compare;
mod error;
mod ladder;
mod measure;
mod picture;
mod printer;
mod processes;
mod record;
mod report;
mod rows;
mod samples;
mod soak;
mod stage;
mod table;

pub use cli::run;
