//! `stormctl submit FILE [NAME]`.

use std::time::Duration;

use serde_json::{Map, json};
use storm::submit::Submission;

use crate::change::Change;
use crate::cli;
use crate::context::Context;
use crate::failure::Failure;
use crate::submission;

pub async fn run(ctx: &Context, args: &cli::Submit) -> Result<(), Failure> {
    let package = submission::open(&args.file, &args.flux)?;
    let how = Submission {
        name: args.name.clone(),
        // As in Storm, what -c sets goes along with the topology.
        conf: submission::settings(&ctx.global.set),
        inactive: args.inactive,
    };
    let (name, id) = ctx
        .within(Duration::from_secs(120), async {
            let name = submission::submit(&ctx.conf, &package, &how).await?;
            let id = ctx.nimbus().await?.get_topology_summary_by_name(name.clone()).await?.id;
            Ok((name, id))
        })
        .await?;
    let state = if args.inactive { "submitted, inactive" } else { "submitted" };
    ctx.printer.show(&Change {
        action: "submitted",
        message: format!("{name} is {state} as {id}"),
        next: Some(match args.inactive {
            true => format!("stormctl activate {name}"),
            false => format!("stormctl describe {name}"),
        }),
        names: vec![name],
        details: Map::from_iter([("id".to_owned(), json!(id))]),
    })
}
