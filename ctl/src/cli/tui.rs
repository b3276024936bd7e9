//! `stormctl tui`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stormctl tui                                  the cluster at a glance
  stormctl tui topology wordcount               one topology, with the graph of its components
  stormctl tui slots --plain -o json            what the view shows, for programs
  stormctl tui --read-only                      nothing can be changed from it
  stormctl tui --record night.jsonl             ... and later --replay night.jsonl")]
pub struct Tui {
    /// The view to begin with: overview, topologies, slots, processes...; topology NAME, component TOPOLOGY NAME,
    /// logs NAME, zookeeper PATH
    #[arg(default_value = "overview", value_name = "VIEW")]
    pub view: Vec<String>,
    /// Print what the view shows, as text or as -o says, and draw nothing; events and logs go on until Ctrl-C
    #[arg(long, conflicts_with_all = ["record", "replay"])]
    pub plain: bool,
    /// Forbid everything that changes something
    #[arg(long)]
    pub read_only: bool,
    /// ansi, light, dark, contrast or mono
    #[arg(long, value_name = "THEME")]
    pub theme: Option<String>,
    /// Draw with ASCII only
    #[arg(long)]
    pub ascii: bool,
    /// Your own keys, as YAML: `kill: [f9]`; without it, storm/keys.yaml in the XDG configuration, if there is one
    #[arg(long, value_name = "FILE")]
    pub keys: Option<PathBuf>,
    /// How often the cluster is asked
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = super::duration)]
    pub refresh: Duration,
    /// Leave the mouse to the terminal
    #[arg(long)]
    pub no_mouse: bool,
    /// Write all that is seen to a file, one JSON object a line
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    pub record: Option<PathBuf>,
    /// Show a recording, without a cluster
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,
    /// Panic after this many frames, to see that the terminal is restored
    #[cfg(debug_assertions)]
    #[arg(long, hide = true, value_name = "FRAMES")]
    pub panic_after: Option<u64>,
}
