//! What can be typed behind `stormctl zk`, and in its shell.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::storm::DryRun;

#[derive(Debug, Subcommand)]
pub enum Zk {
    /// Start this machine's ZooKeeper: Apache's of --home, else dev-zookeeper
    Start(ZkServiceChange),
    /// Stop this machine's ZooKeeper
    Stop(ZkServiceChange),
    /// Stop and start this machine's ZooKeeper
    Restart(ZkServiceChange),
    /// Whether ZooKeeper serves, in zkServer.sh's words, and the evidence
    Status(ZkStatus),
    /// The children of a node
    Ls(ZkLs),
    /// The data of a node; Storm's own as YAML
    Get(ZkGet),
    /// Write the data of a node
    Set(ZkSet),
    /// Remove a node
    Rm(ZkRm),
    /// Nodes by name, or by what they hold
    Find(ZkFind),
    /// Nodes and bytes of each subtree
    Du(ZkDu),
    /// Commands about nodes, line by line, from a terminal or a pipe
    Shell(ZkShell),
    /// The four-letter word srvr: version, latency, connections, mode
    Srvr(ZkWord),
    /// The four-letter word mntr: figures for monitoring
    Mntr(ZkWord),
    /// The four-letter word stat: srvr, and each client
    Stat(ZkWord),
    /// The four-letter word ruok: imok, if the server is there
    Ruok(ZkWord),
    /// The four-letter word conf: the server's configuration
    Conf(ZkWord),
    /// The four-letter word cons: each connection
    Cons(ZkWord),
    /// The four-letter word dump: sessions and ephemeral nodes
    Dump(ZkWord),
    /// The four-letter word envi: the server's environment
    Envi(ZkWord),
    /// The four-letter word isro: rw or ro
    Isro(ZkWord),
    /// The four-letter word wchs: watches in short
    Wchs(ZkWord),
}

impl Zk {
    /// Whether it is about this machine's server, and not about the cluster's ensemble.
    pub fn is_service(&self) -> bool {
        matches!(self, Zk::Start(_) | Zk::Stop(_) | Zk::Restart(_))
    }
}

#[derive(Debug, Clone, Args)]
pub struct ZkService {
    /// The folder of an Apache ZooKeeper release (lib/*.jar, conf/zoo.cfg); else stormctl.zookeeper.home, $ZOOKEEPER_HOME
    #[arg(long, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Its zoo.cfg, if it is not conf/zoo.cfg below the home
    #[arg(long, value_name = "FILE")]
    pub zoo_cfg: Option<PathBuf>,
    /// This machine's dev-zookeeper, whatever the environment says of Apache's
    #[arg(long, conflicts_with_all = ["home", "zoo_cfg"])]
    pub dev: bool,
}

/// A change of this machine's server.
#[derive(Debug, Clone, Args)]
pub struct ZkServiceChange {
    #[command(flatten)]
    pub service: ZkService,
    #[command(flatten)]
    pub dry: DryRun,
}

#[derive(Debug, Args)]
pub struct ZkStatus {
    /// Without it, every server of storm.zookeeper.servers
    #[arg(value_name = "HOST:PORT")]
    pub server: Option<String>,
    #[command(flatten)]
    pub service: ZkService,
}

#[derive(Debug, Args)]
pub struct ZkWord {
    /// Without it, every server of storm.zookeeper.servers
    #[arg(value_name = "HOST:PORT")]
    pub server: Option<String>,
}

/// Which ensemble.
#[derive(Debug, Clone, Default, Args)]
pub struct ZkServers {
    /// Ask these servers instead of storm.zookeeper.servers
    #[arg(long, value_name = "HOST:PORT,...")]
    pub server: Option<String>,
}

#[derive(Debug, Args)]
pub struct ZkLs {
    /// An absolute path is ZooKeeper's own; any other is below storm.zookeeper.root
    #[arg(default_value = "")]
    pub path: String,
    /// All nodes below, by their paths
    #[arg(short = 'R', long)]
    pub recursive: bool,
    /// Children, bytes, version, time and owner too (as -o wide)
    #[arg(short, long)]
    pub long: bool,
    #[command(flatten)]
    pub servers: ZkServers,
}

#[derive(Debug, Args)]
pub struct ZkGet {
    /// An absolute path is ZooKeeper's own; any other is below storm.zookeeper.root
    pub path: String,
    /// The bytes as they are
    #[arg(long)]
    pub raw: bool,
    /// Show the values of credentials and keys
    #[arg(long)]
    pub show_secrets: bool,
    /// Versions, times and owner, before the data (as -o wide)
    #[arg(short, long)]
    pub stat: bool,
    #[command(flatten)]
    pub servers: ZkServers,
}

#[derive(Debug, Args)]
pub struct ZkSet {
    /// An absolute path is ZooKeeper's own; any other is below storm.zookeeper.root
    pub path: String,
    /// The data as text
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    pub value: Option<String>,
    /// Take the data from this file; - is standard input
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Make the node, and its parents, if it does not exist
    #[arg(long)]
    pub create: bool,
    #[command(flatten)]
    pub change: ZkChange,
}

#[derive(Debug, Args)]
pub struct ZkRm {
    /// An absolute path is ZooKeeper's own; any other is below storm.zookeeper.root
    pub path: String,
    /// With everything below it
    #[arg(short, long)]
    pub recursive: bool,
    #[command(flatten)]
    pub change: ZkChange,
}

/// What every change of the tree is asked.
#[derive(Debug, Clone, Default, Args)]
pub struct ZkChange {
    /// Only if the node has this version
    #[arg(long, value_name = "N")]
    pub if_version: Option<i32>,
    /// Also if it breaks a topology or takes the node of a process that lives
    #[arg(long)]
    pub force: bool,
    /// Say what would be done
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub servers: ZkServers,
}

#[derive(Debug, Args)]
pub struct ZkFind {
    /// Below this path
    #[arg(default_value = "")]
    pub path: String,
    /// Names that match, as in a shell: wc-*; with a slash in it, whole paths
    #[arg(long, value_name = "PATTERN")]
    pub name: Option<String>,
    /// Nodes whose data, as `get` shows it, holds this text
    #[arg(long, value_name = "TEXT")]
    pub text: Option<String>,
    /// Upper and lower case of the text are the same
    #[arg(short, long)]
    pub ignore_case: bool,
    /// Only ephemeral nodes
    #[arg(long)]
    pub ephemeral: bool,
    /// Look into the values of credentials and keys
    #[arg(long)]
    pub show_secrets: bool,
    #[command(flatten)]
    pub servers: ZkServers,
}

#[derive(Debug, Args)]
pub struct ZkDu {
    /// Below this path
    #[arg(default_value = "")]
    pub path: String,
    /// How many levels to show
    #[arg(short, long, default_value_t = 1)]
    pub depth: usize,
    #[command(flatten)]
    pub servers: ZkServers,
}

#[derive(Debug, Args)]
pub struct ZkShell {
    #[command(flatten)]
    pub servers: ZkServers,
}

/// One line of the shell.
#[derive(Debug, Parser)]
#[command(
    no_binary_name = true,
    name = "",
    about = "Paths are relative to the present one (cd)",
    disable_version_flag = true
)]
pub struct ZkLine {
    /// Answer the questions of this line with yes
    #[arg(long, short = 'y', global = true)]
    pub yes: bool,
    #[command(subcommand)]
    pub verb: ZkShellVerb,
}

#[derive(Debug, Subcommand)]
pub enum ZkShellVerb {
    /// The children of a node
    Ls(ZkLs),
    /// The data of a node; Storm's own as YAML
    Get(ZkGet),
    /// Write the data of a node
    Set(ZkSet),
    /// Remove a node
    Rm(ZkRm),
    /// Nodes by name, or by what they hold
    Find(ZkFind),
    /// Nodes and bytes of each subtree
    Du(ZkDu),
    /// Go to another path; without one, to storm.zookeeper.root
    Cd {
        #[arg(default_value = "")]
        path: String,
    },
    /// Where we are
    Pwd,
    /// Leave
    #[command(visible_alias = "exit")]
    Quit,
}
