//! `stormctl config`: one file for each verb. The rules are in storm-lint; here they are asked and printed.

pub(in crate::commands) mod ask;
mod change;
mod diff;
mod edit;
pub mod explain;
mod get;
pub mod lint;
mod list;
pub mod place;
mod push;
mod sources;
pub mod values;

use crate::cli::Global;
use crate::cli::config::Config;
use crate::failure::Failure;
use crate::printer::Printer;

pub async fn run(printer: Printer, global: &Global, verb: &Config) -> Result<(), Failure> {
    match verb {
        Config::List(args) => list::run(printer, global, args),
        Config::Get(args) => get::run(printer, global, args),
        Config::Set(args) => change::set(printer, global, args),
        Config::Unset(args) => change::unset(printer, global, args),
        Config::Edit(args) => edit::run(printer, global, args),
        Config::Lint(args) => lint::run(printer, global, args),
        Config::Explain(args) => explain::run(printer, global, args),
        Config::Sources(args) => sources::run(printer, global, args),
        Config::Diff(args) => diff::run(printer, global, args).await,
        Config::Push(args) => push::run(printer, global, args).await,
    }
}
