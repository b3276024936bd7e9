//! `stormctl agent ...`: what can be typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Agent {
    #[command(flatten)]
    pub daemon: super::Daemon,
    #[command(subcommand)]
    pub verb: Option<AgentVerb>,
}

#[derive(Debug, Subcommand)]
pub enum AgentVerb {
    /// Make the authority that certificates of agents and operators come from
    InitCa(InitCa),
    /// Make certificates: for the agents of hosts, or for who asks them
    Issue(Issue),
    /// Make new certificates for those that are due
    Renew(Renew),
    /// Make certificates invalid
    Revoke(Revoke),
    /// What is valid, and until when
    List(List),
    /// Agents of hosts: version, roles, certificate, health
    Status(Hosts),
    /// What happens on hosts from now on, as it happens
    Events(Hosts),
    /// Answer on standard input and output, to whom ssh has let in
    #[command(hide = true)]
    Stdio,
}

/// Where the authority is.
#[derive(Debug, Clone, Args)]
pub struct Ca {
    /// The folder of the authority; its key never leaves it. Without it, agent-ca beside storm.yaml
    #[arg(long, value_name = "FOLDER")]
    pub ca: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct InitCa {
    #[command(flatten)]
    pub ca: Ca,
    #[command(flatten)]
    pub dry: super::storm::DryRun,
}

#[derive(Debug, Args)]
pub struct Issue {
    /// Hosts, as others connect to them
    #[arg(value_name = "HOST", required_unless_present_any = ["operator", "viewer"])]
    pub hosts: Vec<String>,
    /// Further names or addresses of the host, when there is only one
    #[arg(long, value_name = "ALIAS", value_delimiter = ',')]
    pub san: Vec<String>,
    /// For somebody who asks agents and changes what they look after
    #[arg(long, value_name = "USER", conflicts_with_all = ["hosts", "san"])]
    pub operator: Option<String>,
    /// For somebody who asks agents and changes nothing
    #[arg(long, value_name = "USER", conflicts_with_all = ["hosts", "san", "operator"])]
    pub viewer: Option<String>,
    /// Below this folder each gets one of its own; without it, what is made for this host or user goes to
    /// stormctl.agent.tls.dir
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// How long it is valid
    #[arg(long, default_value_t = storm_agent::authority::DAYS, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub days: u32,
    #[command(flatten)]
    pub ca: Ca,
    #[command(flatten)]
    pub dry: super::storm::DryRun,
}

#[derive(Debug, Args)]
pub struct Renew {
    /// Only these hosts and users
    #[arg(value_name = "SUBJECT")]
    pub names: Vec<String>,
    /// Those that are not due yet, too
    #[arg(long)]
    pub force: bool,
    /// Of a cluster that was installed from here: the new ones are brought to its hosts
    #[arg(long, value_name = "CLUSTER", conflicts_with_all = ["out", "ca"])]
    pub name: Option<String>,
    /// Below this folder each has one of its own; without it, what was made for this host goes to stormctl.agent.tls.dir
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Say what would be made, and make nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub ca: Ca,
}

#[derive(Debug, Args)]
pub struct Revoke {
    /// Hosts, users or serial numbers
    #[arg(required = true, value_name = "SUBJECT")]
    pub names: Vec<String>,
    /// Folders below this one get the new list of what is revoked
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub ca: Ca,
    #[command(flatten)]
    pub dry: super::storm::DryRun,
}

#[derive(Debug, Args)]
pub struct List {
    /// What is revoked, expired or replaced, too
    #[arg(short, long)]
    pub all: bool,
    #[command(flatten)]
    pub ca: Ca,
}

#[derive(Debug, Args)]
pub struct Hosts {
    /// Hosts, with :PORT where it is not the usual one: a,b:6630; or all
    #[arg(long, value_name = "HOSTS", default_value = "all")]
    pub hosts: String,
}
