//! The verbs that Apache Storm's `storm` has too, with its flags.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// For every verb that changes something.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct DryRun {
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct Monitor {
    /// Name or id of a topology
    pub name: String,
    /// Seconds between two lines
    #[arg(short, long, value_name = "SECS", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..))]
    pub interval: u64,
    /// The component to watch; without it, the components are listed
    #[arg(short = 'm', long, value_name = "COMPONENT")]
    pub component: Option<String>,
    /// The stream to watch
    #[arg(short, long, default_value = "default")]
    pub stream: String,
    /// What to count; Storm's own `--watch FIELD` is understood too
    #[arg(short = 'w', long, value_name = "FIELD", default_value = "emitted", value_parser = ["emitted", "transferred"])]
    pub field: String,
    /// End after this many lines
    #[arg(long, value_name = "LINES")]
    pub count: Option<u64>,
}

#[derive(Debug, Args)]
pub struct SetLogLevel {
    /// Name or id of a topology
    pub name: String,
    /// LOGGER=LEVEL or LOGGER=LEVEL:SECS, after which the level goes back; the logger of all is ROOT
    #[arg(short = 'l', long = "log-setting", value_name = "LOGGER=LEVEL[:SECS]")]
    pub levels: Vec<String>,
    /// Take back the level of a logger
    #[arg(short, long = "remove-log-setting", value_name = "LOGGER")]
    pub remove: Vec<String>,
    #[command(flatten)]
    pub dry: DryRun,
}

#[derive(Debug, Args)]
pub struct UploadCredentials {
    /// Name or id of a topology
    pub name: String,
    /// Keys and values, in turn
    #[arg(value_name = "CREDENTIAL VALUE")]
    pub pairs: Vec<String>,
    /// Java properties file with keys and values
    #[arg(short, long)]
    pub file: Option<PathBuf>,
    /// Refuse unless this user owns the topology
    #[arg(short, long)]
    pub user: Option<String>,
    /// Fail when there is nothing to upload
    #[arg(short = 'e', long = "exception-when-empty")]
    pub fail_when_empty: bool,
    #[command(flatten)]
    pub dry: DryRun,
}

#[derive(Debug, Subcommand)]
pub enum Blobstore {
    /// Keys with their versions and access lists; all, or those that are named
    List {
        #[arg(value_name = "BLOB")]
        keys: Vec<String>,
    },
    /// The content of a blob
    Cat {
        #[arg(value_name = "BLOB")]
        key: String,
        /// Write it to this file instead of stdout
        #[arg(short, long)]
        file: Option<PathBuf>,
    },
    /// Make a blob of a file or of stdin
    Create {
        #[arg(value_name = "BLOB")]
        key: String,
        #[arg(short, long)]
        file: Option<PathBuf>,
        /// Who may do what: `u:ann:rwa,o::r`
        #[arg(short, long, value_name = "ACL")]
        acl: Option<String>,
        #[arg(short, long, value_name = "N")]
        replication_factor: Option<i32>,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Replace the content of a blob by that of a file or of stdin
    Update {
        #[arg(value_name = "BLOB")]
        key: String,
        #[arg(short, long)]
        file: Option<PathBuf>,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Remove blobs
    Delete {
        #[arg(required = true, value_name = "BLOB")]
        keys: Vec<String>,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Replace the access list of a blob
    #[command(name = "set-acl", alias = "set_acl")]
    SetAcl {
        #[arg(value_name = "BLOB")]
        key: String,
        /// Who may do what: `u:ann:rwa,o::r`
        #[arg(short = 's', long = "set", value_name = "ACL")]
        acl: Option<String>,
        #[command(flatten)]
        dry: DryRun,
    },
    /// How many Nimbuses hold a blob
    Replication {
        #[arg(value_name = "BLOB")]
        key: String,
        /// Tell the number
        #[arg(long, conflicts_with = "update")]
        read: bool,
        /// Change the number to that of -r
        #[arg(long, requires = "replication_factor")]
        update: bool,
        #[arg(short, long, value_name = "N")]
        replication_factor: Option<i32>,
        #[command(flatten)]
        dry: DryRun,
    },
}

#[derive(Debug, Subcommand)]
pub enum Admin {
    /// Remove topologies from ZooKeeper that have no blob left
    #[command(name = "remove_corrupt_topologies", alias = "remove-corrupt-topologies")]
    RemoveCorruptTopologies {
        #[command(flatten)]
        dry: DryRun,
    },
    /// Keys of the credentials of topologies
    Creds {
        #[arg(required = true, value_name = "TOPOLOGY-ID")]
        ids: Vec<String>,
    },
    /// Topologies as their Nimbus, or a stormcode.ser, has them
    #[command(name = "print_topo", alias = "print-topo")]
    PrintTopo {
        #[arg(required = true, value_name = "TOPOLOGY-ID|FILE")]
        ids: Vec<String>,
    },
    /// What supervisors say of themselves in ZooKeeper; all, or those that are named
    #[command(name = "print_super", alias = "print-super")]
    PrintSuper {
        #[arg(value_name = "SUPERVISOR-ID")]
        ids: Vec<String>,
    },
    /// Assignments in ZooKeeper; all, or those of the named topologies
    #[command(name = "print_assignment", alias = "print-assignment")]
    PrintAssignment {
        #[arg(value_name = "TOPOLOGY-ID")]
        ids: Vec<String>,
    },
    /// A shell on Storm's ZooKeeper, for reading unless -w
    #[command(name = "zk_cli", alias = "zk-cli")]
    ZkCli(ZkCli),
}

#[derive(Debug, Args)]
pub struct ZkCli {
    /// HOST:PORT,... instead of the configured ensemble
    #[arg(short, long, value_name = "SERVERS")]
    pub server: Option<String>,
    /// Milliseconds until the session is given up
    #[arg(short, long = "time-out", value_name = "MS")]
    pub time_out: Option<u32>,
    /// Let commands change something
    #[arg(short, long)]
    pub write: bool,
    /// Paths start at ZooKeeper's root instead of Storm's
    #[arg(short, long)]
    pub no_root: bool,
    /// A JAAS file, as Java wants it
    #[arg(short, long, value_name = "FILE")]
    pub jaas: Option<PathBuf>,
    /// Commands to run instead of those of stdin
    #[arg(value_name = "COMMAND", trailing_var_arg = true)]
    pub command: Vec<String>,
}

#[derive(Debug, Args)]
pub struct DrpcClient {
    /// The function of every argument; without it, functions and arguments in turn
    #[arg(short, long)]
    pub function: Option<String>,
    /// Arguments, or functions and arguments in turn
    #[arg(required = true, value_name = "FUNCTION ARGUMENT")]
    pub words: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub enum Heartbeats {
    /// What is below a path: topologies at /, workers at /TOPOLOGY-ID
    List {
        #[arg(value_name = "BEAT")]
        path: String,
    },
    /// What the worker of a path, /TOPOLOGY-ID/NODE-PORT, has reported
    Get {
        #[arg(value_name = "BEAT")]
        path: String,
    },
}

#[derive(Debug, Args)]
pub struct Key {
    /// A key of the configuration
    pub key: String,
}

#[derive(Debug, Args)]
pub struct Jar {
    /// The topology jar; it is uploaded when the class submits a topology
    pub jar: PathBuf,
    /// The class whose main method runs
    pub class: String,
    /// Arguments of the class
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub args: Vec<String>,
    /// More jars to ship, separated by commas
    #[arg(long, default_value = "")]
    pub jars: String,
    /// Maven artifacts to ship with all that they need: group:artifact:version^exclusion,...
    #[arg(long, default_value = "")]
    pub artifacts: String,
    /// More Maven repositories: name^url,...
    #[arg(long = "artifactRepositories", default_value = "")]
    pub artifact_repositories: String,
    /// Maven's local repository
    #[arg(long = "mavenLocalRepositoryDirectory", default_value = "")]
    pub maven_local: String,
    #[arg(long = "proxyUrl", default_value = "")]
    pub proxy_url: String,
    #[arg(long = "proxyUsername", default_value = "")]
    pub proxy_user: String,
    #[arg(long = "proxyPassword", default_value = "", hide = true)]
    pub proxy_password: String,
    /// The class path of the daemons instead of the workers'
    #[arg(long)]
    pub storm_server_classpath: bool,
    #[command(flatten)]
    pub dry: DryRun,
}

#[derive(Debug, Args)]
pub struct KillWorkers {
    #[command(flatten)]
    pub dry: DryRun,
}
