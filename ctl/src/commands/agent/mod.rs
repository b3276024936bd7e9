//! `stormctl agent ...`: the certificates that agents need, and asking agents how they are.

mod certificates;
mod events;
mod status;
mod stdio;

use crate::cli::agent::AgentVerb;
use crate::commands::install;
use crate::context::Context;
use crate::failure::Failure;

pub async fn run(ctx: &Context, verb: &AgentVerb) -> Result<(), Failure> {
    match verb {
        AgentVerb::InitCa(args) => certificates::init(ctx, args),
        AgentVerb::Issue(args) => certificates::issue(ctx, args),
        AgentVerb::Renew(args) => match &args.name {
            Some(name) => install::renew_agents(ctx.printer, &ctx.global, name, args).await,
            None => certificates::renew(ctx, args),
        },
        AgentVerb::Revoke(args) => certificates::revoke(ctx, args),
        AgentVerb::List(args) => certificates::list(ctx, args),
        AgentVerb::Status(args) => status::run(ctx, &args.hosts).await,
        AgentVerb::Events(args) => events::run(ctx, &args.hosts).await,
        AgentVerb::Stdio => stdio::run(ctx).await,
    }
}
