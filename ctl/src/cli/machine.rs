//! The daemons of a machine: started, stopped, shown, and in the foreground.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::install::RollingRestart;
use super::storm::DryRun;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Role {
    #[value(name = "zookeeper", alias = "dev-zookeeper", alias = "dev_zookeeper", alias = "zk")]
    Zookeeper,
    Nimbus,
    Supervisor,
    Ui,
    Logviewer,
    Agent,
}

#[derive(Debug, Args)]
pub struct Roles {
    /// Daemons; without any, those that this machine is configured for
    #[arg(value_enum, value_name = "ROLE")]
    pub roles: Vec<Role>,
}

#[derive(Debug, Args)]
pub struct Start {
    #[command(flatten)]
    pub roles: Roles,
    #[command(flatten)]
    pub dry: DryRun,
}

#[derive(Debug, Args)]
pub struct Restart {
    #[command(flatten)]
    pub local: Start,
    /// Of the hosts of this cluster, one after the other; each is waited for. The name may be left out where there is only one
    #[arg(long, value_name = "INSTALLED", num_args = 0..=1, conflicts_with = "roles")]
    pub rolling: Option<Option<String>>,
    /// With --rolling: only daemons of this role
    #[arg(long = "role", value_enum, value_name = "ROLE", requires = "rolling")]
    pub only: Vec<Role>,
    /// With --rolling: only on these hosts
    #[arg(long = "host", value_name = "HOST", requires = "rolling")]
    pub hosts: Vec<String>,
    /// With --rolling: on how many hosts supervisors restart at once
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub batch: usize,
}

impl Restart {
    /// What --rolling asks for.
    pub fn rolling(&self) -> Option<RollingRestart> {
        Some(RollingRestart {
            name: self.rolling.clone()?,
            roles: self.only.clone(),
            hosts: self.hosts.clone(),
            batch: self.batch,
            dry_run: self.local.dry.dry_run,
        })
    }
}

#[derive(Debug, Args)]
pub struct Stop {
    #[command(flatten)]
    pub roles: Roles,
    /// Leave workers running, as for an upgrade of the Supervisor
    #[arg(long)]
    pub keep_workers: bool,
    #[command(flatten)]
    pub dry: DryRun,
}

#[derive(Debug, Args)]
#[command(disable_version_flag = true)]
pub struct Jps {
    /// Only process ids
    #[arg(short)]
    pub quiet: bool,
    /// Full names of main classes and jars
    #[arg(short)]
    pub long: bool,
    /// Arguments of the main class
    #[arg(short)]
    pub main_args: bool,
    /// Flags of the JVM
    #[arg(short = 'v')]
    pub vm_args: bool,
    /// Flags of the JVM that came from a file
    #[arg(short = 'V')]
    pub vm_flags: bool,
    /// The processes of these hosts, told by their agents or through ssh: a,b:6630; or all
    #[arg(long, value_name = "HOSTS")]
    pub hosts: Option<String>,
}

#[derive(Debug, Args)]
pub struct Logs {
    /// Name or id of a topology, or a daemon
    pub name: String,
    /// Go on with what is written from now on
    #[arg(short, long)]
    pub follow: bool,
    /// Only this many of the last lines
    #[arg(short = 'n', long, value_name = "LINES")]
    pub tail: Option<usize>,
    /// Only what is younger: 10m, 2h, 2026-08-02T10:00
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only what is older: 10m, 2h, 2026-08-02T10:30
    #[arg(long, value_name = "TIME", conflicts_with = "follow")]
    pub until: Option<String>,
    /// Only entries with a line that this regular expression finds
    #[arg(short, long, value_name = "REGEX")]
    pub grep: Option<String>,
    /// Upper and lower case are the same to the regular expression
    #[arg(short, long, requires = "grep")]
    pub ignore_case: bool,
    /// Only entries of this level and worse
    #[arg(short, long, value_name = "LEVEL")]
    pub level: Option<storm_machine::logs::Level>,
    /// Only workers that run this component
    #[arg(long, value_name = "COMPONENT")]
    pub component: Option<String>,
    /// The logs of these hosts, told by their agents or through ssh: a,b:6630; or all. Without it, those of this machine, and
    /// those of workers on others
    #[arg(long, value_name = "HOSTS")]
    pub hosts: Option<String>,
    /// Only the worker on this port
    #[arg(long, value_name = "PORT")]
    pub worker: Option<u16>,
}

#[derive(Debug, Args)]
pub struct Daemon {
    /// Write the log to this file, rolled by size, instead of stderr
    #[arg(long, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// End when this process, the parent, does
    #[arg(long, hide = true, value_name = "PID")]
    pub die_with: Option<i32>,
    /// Leave the session and its terminal
    #[arg(long, hide = true)]
    pub detach: bool,
}

#[derive(Debug, Args)]
pub struct DevZookeeper {
    #[command(flatten)]
    pub daemon: Daemon,
    /// A zoo.cfg; without it, the ZooKeeper keys of storm.yaml and dev.zookeeper.path say all
    pub zoo_cfg: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Worker {
    /// Topology, supervisor, the supervisor's port, port, worker
    #[arg(num_args = 5, required = true)]
    pub args: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Component {
    /// Type and arguments, as JSON
    pub spec: String,
}
