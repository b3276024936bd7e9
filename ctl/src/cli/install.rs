//! What can be typed about putting clusters on hosts.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub enum Install {
    /// Everything on this machine: ZooKeeper, Nimbus, Supervisor, UI, log viewer; ends with a word count on it
    Single(Box<Single>),
    /// A cluster on the hosts that a file describes, over ssh
    Distributed(Distributed),
    /// This machine only submits and watches: finds the cluster's Nimbus and writes ~/.storm/storm.yaml
    Client(Client),
    /// A topology project in this folder, tested in local mode; as `stormctl new`
    Dev(New),
    /// An Apache Storm that is there already: read, never changed, and meant by every stormctl from then on
    Adopt(Adopt),
    /// Who changed a cluster when, and how that ended
    History(Named),
}

#[derive(Debug, Args)]
pub struct Single {
    /// The folder of the installation [default: /opt/storm for root, else ~/.local/share/storm]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// The name of the cluster
    #[arg(long)]
    pub name: Option<String>,
    /// The name by which other machines know this one; without it the cluster is for this machine only
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
    /// The account of the daemons, made if it is not there
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// Who keeps the daemons running
    #[arg(long, value_enum)]
    pub service: Option<Service>,
    /// A release of Apache Storm (.tar.gz), with its own daemons, UI and log viewer, instead of those of stormctl
    #[arg(long, value_name = "FILE|URL", value_hint = clap::ValueHint::FilePath)]
    pub storm_archive: Option<String>,
    /// A release of Apache ZooKeeper (.tar.gz), instead of the server in stormctl
    #[arg(long, value_name = "FILE|URL", value_hint = clap::ValueHint::FilePath)]
    pub zookeeper_archive: Option<String>,
    /// The python3 for Apache Storm, if it is not the one on PATH
    #[arg(long, value_name = "FILE", requires = "storm_archive")]
    pub python: Option<PathBuf>,
    /// Where Java is, for Apache Storm and Apache ZooKeeper
    #[arg(long, value_name = "DIR")]
    pub java_home: Option<PathBuf>,
    /// How many workers may run
    #[arg(long, value_name = "N")]
    pub slots: Option<u16>,
    /// Without the UI and the log viewer
    #[arg(long)]
    pub no_ui: bool,
    /// An agent, too: it answers for this machine from afar, to who has a certificate
    #[arg(long)]
    pub agent: bool,
    /// The same as a file: a cluster.yaml with one host
    #[arg(long, value_name = "FILE", conflicts_with_all = ["agent", "dir", "name", "host", "user", "service", "storm_archive", "zookeeper_archive", "java_home", "python", "slots", "no_ui"])]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub how: How,
}

/// How a plan is carried out.
#[derive(Debug, Clone, Args)]
pub struct How {
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run: what the files would hold, too
    #[arg(long, requires = "dry_run")]
    pub show_files: bool,
    /// No word count at the end
    #[arg(long)]
    pub no_check: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Service {
    /// systemd where it runs the machine, else background processes
    Auto,
    Systemd,
    /// systemd of the user
    SystemdUser,
    /// Processes in the background
    Background,
}

#[derive(Debug, Args)]
pub struct Distributed {
    /// The description of the cluster [default: cluster.yaml; where there is none, questions on a terminal make it]
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub how: How,
}

#[derive(Debug, Args)]
pub struct Plan {
    /// The description of the cluster
    #[arg(long, value_name = "FILE", default_value = "cluster.yaml")]
    pub file: PathBuf,
    /// No word count at the end
    #[arg(long)]
    pub no_check: bool,
}

#[derive(Debug, Args)]
pub struct Named {
    /// The cluster; needed where there are several
    #[arg(value_name = "INSTALLED")]
    pub name: Option<String>,
}

#[derive(Debug, Args)]
pub struct Client {
    /// A host of the cluster that runs Nimbus; one is enough, it names the others
    #[arg(long = "nimbus", value_name = "HOST[:PORT]", required = true)]
    pub nimbus: Vec<String>,
    /// The folder of the configuration [default: ~/.storm]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct Adopt {
    /// The folder of the release
    pub home: PathBuf,
    /// Only look
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct Uninstall {
    /// The cluster; needed where there are several
    #[arg(value_name = "INSTALLED")]
    pub name: Option<String>,
    /// What was installed in this folder of this machine, instead of a whole cluster
    #[arg(long, value_name = "DIR", conflicts_with = "name")]
    pub dir: Option<PathBuf>,
    /// Leave what the daemons have written: their state, ZooKeeper's data, logs
    #[arg(long)]
    pub keep_data: bool,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct Exec {
    /// The cluster; needed where there are several
    #[arg(long, value_name = "INSTALLED")]
    pub name: Option<String>,
    /// Only on these hosts
    #[arg(long = "host", value_name = "HOST")]
    pub hosts: Vec<String>,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HostRole {
    Zookeeper,
    Nimbus,
    Supervisor,
    Ui,
    Logviewer,
}

impl HostRole {
    pub fn of_cluster(self) -> storm_install::spec::Role {
        match self {
            HostRole::Zookeeper => storm_install::spec::Role::Zookeeper,
            HostRole::Nimbus => storm_install::spec::Role::Nimbus,
            HostRole::Supervisor => storm_install::spec::Role::Supervisor,
            HostRole::Ui => storm_install::spec::Role::Ui,
            HostRole::Logviewer => storm_install::spec::Role::Logviewer,
        }
    }
}

/// `restart --rolling`, as its own arguments.
#[derive(Debug)]
pub struct RollingRestart {
    pub name: Option<String>,
    pub roles: Vec<super::Role>,
    pub hosts: Vec<String>,
    pub batch: usize,
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct Upgrade {
    /// The cluster; needed where there are several
    #[arg(value_name = "INSTALLED")]
    pub name: Option<String>,
    /// On how many hosts supervisors restart at once
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub batch: usize,
    /// Put the program back that was there before, on the hosts that have it
    #[arg(long)]
    pub back: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct ScaleOut {
    /// The cluster; needed where there are several
    #[arg(value_name = "INSTALLED")]
    pub name: Option<String>,
    /// Its description, with the hosts that are to join
    #[arg(long, value_name = "FILE", required_unless_present = "hosts", conflicts_with = "hosts")]
    pub file: Option<PathBuf>,
    /// A host that is to join, reached as your ssh configuration says
    #[arg(long = "host", value_name = "HOST")]
    pub hosts: Vec<String>,
    /// What the hosts of --host get to do
    #[arg(long = "role", value_enum, value_name = "ROLE", default_value = "supervisor", conflicts_with = "file")]
    pub roles: Vec<HostRole>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct ScaleIn {
    /// The cluster
    #[arg(value_name = "INSTALLED")]
    pub name: String,
    /// The hosts that are to leave
    #[arg(required = true, value_name = "HOST")]
    pub hosts: Vec<String>,
    /// Seconds for which a topology's spouts are quiet before it moves, so that what is under way is finished
    #[arg(short = 'w', long = "wait-time-secs", value_name = "SECS", default_value_t = 2, value_parser = clap::value_parser!(i32).range(0..))]
    pub wait_secs: i32,
    /// Also when topologies get fewer workers then, or when ZooKeeper survives no failure any more
    #[arg(long)]
    pub force: bool,
    /// The hosts are gone for good: nothing is asked of them, and nothing is done there
    #[arg(long)]
    pub lost: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct Smoke {
    /// Wait until this many supervisors are there
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub supervisors: usize,
    /// Only wait for a leader and the supervisors
    #[arg(long)]
    pub only_wait: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// A program that is its own worker
    Rust,
    /// YAML, with components in Python
    Python,
    /// YAML, with components that come with stormctl
    Flux,
}

#[derive(Debug, Args)]
pub struct New {
    /// Name of the project and of its folder
    pub name: String,
    /// What it is written in
    #[arg(long, value_enum, default_value_t = Language::Rust)]
    pub lang: Language,
    /// Rust: a checkout of stormctl's sources; found beside this program, or in /usr/share/stormctl/sdk, when not named
    #[arg(long, value_name = "DIR")]
    pub storm_source: Option<PathBuf>,
}
