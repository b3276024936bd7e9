//! `stormctl backup`, `stormctl restore`: what can be typed.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub struct Backup {
    /// The file to be made; one that is there is never written over
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Look at a file that is there: whether it is whole, and what is in it
    #[arg(long)]
    pub verify: bool,
}

#[derive(Debug, Args)]
pub struct Restore {
    /// What `stormctl backup` has made
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Also into a cluster that is not empty: topologies and blobs that are not in the file are removed
    #[arg(long)]
    pub replace: bool,
    /// Say what is in it and what it would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}
