//! `why` and `doctor`: what can be typed.

use clap::Args;

#[derive(Debug, Args)]
pub struct Why {
    /// Name or id of a topology
    pub name: String,
    #[command(flatten)]
    pub level: Level,
}

#[derive(Debug, Args)]
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
