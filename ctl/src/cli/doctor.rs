//! `why` and `doctor`: what can be typed.

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stormctl why wordcount                 why it does not run, or does not keep up
  stormctl why wordcount -o json         the same for programs
  stormctl why wordcount --propose       only the commands that would repair it")]
pub struct Why {
    /// Name or id of a topology
    pub name: String,
    #[command(flatten)]
    pub level: Level,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stormctl doctor                        what is wrong, what shows it, and what to type
  stormctl doctor --propose              only the commands, in order
  stormctl doctor --apply                run those that stormctl can run, one question each (or --yes)
  stormctl doctor --list                 every rule

It works when every daemon is down. Exit status 10: something is wrong.")]
pub struct Doctor {
    /// Show every rule instead of looking
    #[arg(long, conflicts_with_all = ["propose", "apply", "strict"])]
    pub list: bool,
    #[command(flatten)]
    pub level: Level,
}

/// Explain, propose, apply: how far it goes.
#[derive(Debug, Clone, Copy, Args)]
pub struct Level {
    /// Print only the commands that repair what was found, as a shell reads them; run none
    #[arg(long, visible_alias = "dry-run")]
    pub propose: bool,
    /// Run the repairs that are commands of stormctl; each is asked for, unless --yes
    #[arg(long)]
    pub apply: bool,
    /// Exit status 10 for warnings, too
    #[arg(long)]
    pub strict: bool,
}
