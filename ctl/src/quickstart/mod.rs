//! `stormctl quickstart`: a whole cluster of processes on this machine, a word count over files on it, and its result.

mod cluster;
mod files;
mod result;
mod run;
mod site;
mod wordcount;

pub use run::run;
