//! Topologies: submitted, changed, killed.

use std::path::PathBuf;

use clap::Args;

use super::storm::DryRun;

#[derive(Debug, Args)]
pub struct Quickstart {
    /// The files whose words are counted
    #[arg(default_value = "README.md")]
    pub files: Vec<PathBuf>,
    /// Leave the cluster running, on Storm's default ports where they are free
    #[arg(long)]
    pub keep: bool,
    /// Give up after this many seconds
    #[arg(long, default_value_t = 120)]
    pub seconds: u64,
    /// How many of the most frequent words to show
    #[arg(long, default_value_t = 10)]
    pub top: usize,
}

#[derive(Debug, Args)]
pub struct Submit {
    /// Flux YAML, topology jar, or Rust topology program
    pub file: PathBuf,
    /// Name of the topology, instead of the one that the file gives
    pub name: Option<String>,
    /// Do not let its spouts emit before `stormctl activate`
    #[arg(long)]
    pub inactive: bool,
    /// In place of the topology that has this name: it is killed when the new one is known to be in order
    #[arg(long)]
    pub replace: bool,
    /// Seconds between the deactivation of the topology that is replaced and its end
    #[arg(short = 'w', long = "wait-time-secs", value_name = "SECS", requires = "replace")]
    pub wait_secs: Option<i32>,
    /// Check it, say where its executors would go and what would not fit, and submit nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub flux: Flux,
}

/// As `storm jar ... org.apache.storm.flux.Flux` has them.
#[derive(Debug, Args)]
pub struct Flux {
    /// Flux: replace ${NAME} by what this properties file says
    #[arg(short, long, value_name = "FILE")]
    pub filter: Option<PathBuf>,
    /// Flux: replace ${ENV-NAME} by environment variables
    #[arg(short, long)]
    pub env_filter: bool,
}

#[derive(Debug, Args)]
pub struct Local {
    /// Flux YAML, topology jar, or Rust topology program
    pub file: PathBuf,
    /// End after this many seconds; without it, at Ctrl-C
    #[arg(long, visible_alias = "local-ttl")]
    pub seconds: Option<u64>,
    #[command(flatten)]
    pub flux: Flux,
}

#[derive(Debug, Args)]
pub struct Name {
    /// Name or id of a topology
    pub name: String,
}

#[derive(Debug, Args)]
pub struct NameChange {
    /// Name or id of a topology
    pub name: String,
    #[command(flatten)]
    pub dry: DryRun,
}

#[derive(Debug, Args)]
pub struct Rebalance {
    /// Name or id of a topology
    pub name: String,
    /// Seconds between its deactivation and the new spreading
    #[arg(short, long = "wait-time-secs", value_name = "SECS")]
    pub wait: Option<i32>,
    /// Number of workers
    #[arg(short = 'n', long = "num-workers", value_name = "N")]
    pub workers: Option<i32>,
    /// Number of executors of a component
    #[arg(short, long = "executor", value_name = "COMPONENT=N", value_parser = component_count)]
    pub executors: Vec<(String, i32)>,
    /// Resources by component, as JSON: {"count":{"cpu.pcore.percent":20}}
    #[arg(short, long, value_name = "JSON")]
    pub resources: Option<String>,
    /// Keys of the topology's configuration, as JSON
    #[arg(short = 't', long = "topology-conf", value_name = "JSON")]
    pub topology_conf: Option<String>,
    /// Say where its executors would go, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct Kill {
    /// Names or ids of topologies
    #[arg(required = true)]
    pub names: Vec<String>,
    /// Seconds between the deactivation and the end; without it, the topology's message timeout
    #[arg(short = 'w', long = "wait-time-secs", value_name = "SECS")]
    pub wait_secs: Option<i32>,
    /// Go on with the next name after an error
    #[arg(short, long)]
    pub ignore_errors: bool,
    /// Return when the topologies are gone
    #[arg(long)]
    pub wait: bool,
    #[command(flatten)]
    pub dry: DryRun,
}

fn component_count(text: &str) -> Result<(String, i32), String> {
    let (component, count) = text.split_once('=').ok_or("write COMPONENT=N")?;
    let count: i32 = count.parse().map_err(|_| format!("{count} is no number of executors"))?;
    if count < 1 {
        return Err("a component needs at least one executor".into());
    }
    Ok((component.to_owned(), count))
}
