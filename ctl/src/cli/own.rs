//! Verbs about `stormctl` itself: clusters by name, codes, shapes of answers, completion, manual.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::storm::DryRun;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
}

#[derive(Debug, Args)]
pub struct Completions {
    /// The shell whose script is printed
    #[arg(value_enum)]
    pub shell: Shell,
}

/// What the scripts of `completions` call.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub struct Complete {
    #[arg(value_enum)]
    pub shell: Shell,
    /// zsh and fish: the words up to the cursor; bash: the line, the cursor's place in it, and $COMP_WORDBREAKS
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Man {
    /// The page of this verb; without it, the program's own
    pub verb: Vec<String>,
    /// Write every page into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "verb")]
    pub dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Schema {
    /// A verb such as `zk ls`, or `error`; without it, the verbs that have one
    pub verb: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Explain {
    /// A code such as nimbus/no-leader, an exit status, or a key of storm.yaml or zoo.cfg
    #[arg(value_name = "CODE")]
    pub name: String,
}

#[derive(Debug, Subcommand)]
pub enum Context {
    /// The clusters that have a name
    List,
    /// What a name stands for
    Show {
        /// Without it, the cluster that commands are about now
        #[arg(value_name = "CLUSTER")]
        name: Option<String>,
    },
    /// Give a name to what --config and -c say
    Set {
        /// Letters, digits, `-`, `_` and `.`
        #[arg(value_name = "CLUSTER")]
        name: String,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Make commands be about this cluster, when they do not say else
    Use {
        #[arg(value_name = "CLUSTER", required_unless_present = "none")]
        name: Option<String>,
        /// About none by name, as before
        #[arg(long, conflicts_with = "name")]
        none: bool,
        #[command(flatten)]
        dry: DryRun,
    },
    /// Forget a name; the cluster goes on
    Rm {
        #[arg(value_name = "CLUSTER")]
        name: String,
        #[command(flatten)]
        dry: DryRun,
    },
}

/// `storm shell`: a program in another language that submits a topology itself.
#[derive(Debug, Args)]
pub struct ShellSubmit {
    /// The folder that becomes the topology's jar, with the components' scripts in it
    #[arg(value_name = "DIR")]
    pub resources: PathBuf,
    /// The program that submits; behind its own arguments it is told Nimbus' host, port and the uploaded jar
    #[arg(value_name = "COMMAND")]
    pub command: String,
    /// Arguments of the program
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    pub args: Vec<String>,
    #[command(flatten)]
    pub dry: DryRun,
}
