//! `stormctl admin ...`: looks into the cluster's own state, and repairs of it, as `storm admin` has them.

mod corrupt;
mod print;
mod zk_cli;

use crate::cli::storm::Admin;
use crate::context::Context;
use crate::failure::Failure;

pub async fn run(ctx: &Context, verb: &Admin) -> Result<(), Failure> {
    match verb {
        Admin::RemoveCorruptTopologies { dry } => corrupt::remove(ctx, dry).await,
        Admin::Creds { ids } => print::credentials(ctx, ids).await,
        Admin::PrintTopo { ids } => print::topologies(ctx, ids).await,
        Admin::PrintSuper { ids } => print::nodes(ctx, "supervisors", "SupervisorInfo", ids).await,
        Admin::PrintAssignment { ids } => print::nodes(ctx, "assignments", "Assignment", ids).await,
        Admin::ZkCli(args) => zk_cli::run(ctx, args).await,
    }
}
