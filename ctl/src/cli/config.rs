//! `stormctl config ...`: what can be typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};

const LIST: &str = "Examples:
  stormctl config list                  what the file and -c set
  stormctl config list --all slots      every key with `slots` in its name, defaults too
  stormctl config list -o json";

const GET: &str = "Examples:
  stormctl config get nimbus.seeds
  stormctl config get --zk dataDir      from zoo.cfg";

const SET: &str = "Examples:
  stormctl config set ui.port 8081
  stormctl config set storm.zookeeper.servers zk1 zk2 zk3
  stormctl config set supervisor.slots.ports 6700 6701 --dry-run
  stormctl config set worker.childopts=-Xmx1g ui.port=8081
  stormctl config set --zk autopurge.purgeInterval 24";

const LINT: &str = "Examples:
  stormctl config lint                  the files of this machine
  stormctl config lint conf/storm.yaml conf/zoo.cfg
  stormctl config lint --fix --dry-run  what would be mended
  stormctl config explain config/tab    what a code means";

const DIFF: &str = "Examples:
  stormctl config diff a.yaml b.yaml
  stormctl config diff conf/storm.yaml  against what the running Nimbus uses
  stormctl config diff zk1 zk2          what two hosts have in force, told by their agents";

const PUSH: &str = "Examples:
  stormctl config push --hosts all --dry-run        this host's storm.yaml: what would change where
  stormctl config push new.yaml --hosts zk1,zk2";

#[derive(Debug, Subcommand)]
pub enum Config {
    /// Keys with their values, and where each comes from
    #[command(after_help = LIST)]
    List(List),
    /// The value in force of a key
    #[command(after_help = GET)]
    Get(Keys),
    /// Set keys in the file; every other byte of it stays
    #[command(after_help = SET)]
    Set(Set),
    /// Remove keys from the file, so that their defaults count
    Unset(Unset),
    /// Open the file in $VISUAL or $EDITOR; what is written is checked first
    Edit(Edit),
    /// What is wrong with the files, with file:line:column and the way out
    #[command(after_help = LINT)]
    Lint(Lint),
    /// What a key means, who reads it, what must be restarted; or what a code of `lint` means
    Explain(Explain),
    /// Which files are read, and which file or flag each value comes from
    Sources(Sources),
    /// What two files or hosts have differently, or a file and the running Nimbus
    #[command(after_help = DIFF)]
    Diff(Diff),
    /// Put a storm.yaml in place on hosts, and restart what reads the keys that changed
    #[command(after_help = PUSH)]
    Push(Push),
}

/// Which file.
#[derive(Debug, Clone, Args)]
pub struct Which {
    /// The file that the daemons of this machine read, not the user's own
    #[arg(long, conflicts_with = "zk")]
    pub daemon: bool,
    /// zoo.cfg instead of storm.yaml: beside it, or in $ZOOCFGDIR, or the one that --config names
    #[arg(long)]
    pub zk: bool,
}

#[derive(Debug, Args)]
pub struct List {
    /// Only keys that have one of these in their name
    pub patterns: Vec<String>,
    /// Defaults too
    #[arg(short, long)]
    pub all: bool,
    /// Show passwords
    #[arg(long)]
    pub secrets: bool,
    #[command(flatten)]
    pub which: Which,
}

#[derive(Debug, Args)]
pub struct Keys {
    #[arg(required = true, value_name = "KEY")]
    pub keys: Vec<String>,
    #[command(flatten)]
    pub which: Which,
}

#[derive(Debug, Args)]
pub struct Set {
    /// KEY and its value, the words of a list one by one; or any number of KEY=VALUE
    #[arg(required = true, value_name = "KEY VALUE", allow_negative_numbers = true)]
    pub words: Vec<String>,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub which: Which,
}

#[derive(Debug, Args)]
pub struct Unset {
    #[arg(required = true, value_name = "KEY")]
    pub keys: Vec<String>,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub which: Which,
}

#[derive(Debug, Args)]
pub struct Edit {
    /// Show what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub which: Which,
}

#[derive(Debug, Args)]
pub struct Lint {
    /// storm.yaml, zoo.cfg, log4j2's XML files, or folders that hold them; - is a storm.yaml on the standard input.
    /// Without any: storm.yaml, the zoo.cfg beside it, and the XML files of storm.log4j2.conf.dir
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Mend what can be mended
    #[arg(long)]
    pub fix: bool,
    /// With --fix: show what would change, and change nothing
    #[arg(long, requires = "fix")]
    pub dry_run: bool,
    /// Leave findings of this code out, such as config/tmp-path
    #[arg(long, value_name = "CODE")]
    pub allow: Vec<String>,
    /// The file that the daemons of this machine read, not the user's own
    #[arg(long)]
    pub daemon: bool,
}

#[derive(Debug, Args)]
pub struct Explain {
    /// A key of storm.yaml or zoo.cfg, or a code such as config/tab
    #[arg(value_name = "KEY")]
    pub name: String,
    /// The file that the daemons of this machine read, not the user's own
    #[arg(long)]
    pub daemon: bool,
}

#[derive(Debug, Args)]
pub struct Sources {
    /// Only these keys, defaults too
    #[arg(value_name = "KEY")]
    pub keys: Vec<String>,
    /// Show passwords
    #[arg(long)]
    pub secrets: bool,
    /// As the daemons of this machine look for files
    #[arg(long)]
    pub daemon: bool,
}

#[derive(Debug, Args)]
pub struct Diff {
    /// A file, or a host that has an agent; without it, the file that is in force here
    #[arg(value_name = "FILE|HOST")]
    pub left: Option<PathBuf>,
    /// Another one; without it, what the leading Nimbus uses
    #[arg(value_name = "FILE|HOST")]
    pub right: Option<PathBuf>,
    /// Show passwords
    #[arg(long)]
    pub secrets: bool,
    /// The file that the daemons of this machine read, not the user's own
    #[arg(long)]
    pub daemon: bool,
}

#[derive(Debug, Args)]
pub struct Push {
    /// The file; without it, the one that is in force here
    pub file: Option<PathBuf>,
    /// Hosts that have an agent: a,b:6630; or all
    #[arg(long, value_name = "HOSTS")]
    pub hosts: String,
    /// Show what would change and what would be restarted, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Only write: daemons go on with what they have read
    #[arg(long)]
    pub no_restart: bool,
}
