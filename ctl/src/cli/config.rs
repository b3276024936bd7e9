//! `stormctl config ...`: what can be typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Config {
    /// Keys with their values, and where each comes from
    List(List),
    /// The value in force of a key
    Get(Keys),
    /// Set keys in the file; every other byte of it stays
    Set(Set),
    /// Remove keys from the file, so that their defaults count
    Unset(Unset),
    /// Open the file in $VISUAL or $EDITOR; what is written is checked first
    Edit(Edit),
    /// What is wrong with the files, with file:line:column and the way out
    Lint(Lint),
    /// What a key means, who reads it, what must be restarted; or what a code of `lint` means
    Explain(Explain),
    /// Which files are read, and which file or flag each value comes from
    Sources(Sources),
    /// What two files or hosts have differently, or a file and the running Nimbus
    Diff(Diff),
    /// Put a storm.yaml in place on hosts, and restart what reads the keys that changed
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
    /// A file, or a host; without it, the file that is in force here
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
    /// Hosts, written to by their agents or through ssh: a,b:6630; or all
    #[arg(long, value_name = "HOSTS")]
    pub hosts: String,
    /// Show what would change and what would be restarted, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Only write: daemons go on with what they have read
    #[arg(long)]
    pub no_restart: bool,
}
