//! `activate`, `deactivate`, `rebalance`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};
use storm_nimbus::foresee;
use storm_thrift::NimbusClient;
use storm_thrift::types::{RebalanceOptions, TopologySummary};

use crate::change::Change;
use crate::cli;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::{self, Planned};

use super::{submit, topology};

const LIMIT: Duration = Duration::from_secs(60);

pub async fn activate(ctx: &Context, args: &cli::NameChange) -> Result<(), Failure> {
    ctx.within(LIMIT, async {
        let mut nimbus = ctx.nimbus().await?;
        let topology = topology::find(&mut nimbus, &args.name).await?;
        let dry_run = args.dry.dry_run;
        if !dry_run {
            nimbus.activate(topology.name.clone()).await?;
        }
        let now = if dry_run {
            format!("would activate {}, which is {}", topology.name, topology.status)
        } else {
            format!("{} is active: its spouts emit", topology.name)
        };
        ctx.printer.show(&Change {
            action: "activated",
            message: now,
            next: Some(format!("stormctl describe {}", topology.name)).filter(|_| !dry_run),
            names: vec![topology.name],
            details: Map::from_iter([("dry_run".to_owned(), dry_run.into())]),
        })
    })
    .await
}

pub async fn deactivate(ctx: &Context, args: &cli::NameChange) -> Result<(), Failure> {
    ctx.within(LIMIT, async {
        let mut nimbus = ctx.nimbus().await?;
        let topology = topology::find(&mut nimbus, &args.name).await?;
        let dry_run = args.dry.dry_run;
        if !dry_run {
            nimbus.deactivate(topology.name.clone()).await?;
        }
        let now = if dry_run {
            format!("would deactivate {}, which is {}", topology.name, topology.status)
        } else {
            format!("{} is inactive: its spouts emit nothing", topology.name)
        };
        ctx.printer.show(&Change {
            action: "deactivated",
            message: now,
            next: Some(format!("stormctl activate {}", topology.name)).filter(|_| !dry_run),
            names: vec![topology.name],
            details: Map::from_iter([("dry_run".to_owned(), dry_run.into())]),
        })
    })
    .await
}

pub async fn rebalance(ctx: &Context, args: &cli::Rebalance) -> Result<(), Failure> {
    let options = rebalance_options(args, &ctx.global.set)?;
    ctx.within(LIMIT, async {
        let mut nimbus = ctx.nimbus().await?;
        let topology = topology::find(&mut nimbus, &args.name).await?;
        if args.dry_run {
            return plan_rebalance(ctx, &mut nimbus, &topology, &options).await;
        }
        nimbus.rebalance(topology.name.clone(), options).await?;
        let when = match args.wait {
            Some(secs) => format!("in {secs} s"),
            None => "after its message timeout".to_owned(),
        };
        ctx.printer.show(&Change {
            action: "rebalancing",
            message: format!("{} will be spread anew {when}", topology.name),
            next: Some(format!("stormctl describe {}", topology.name)),
            names: vec![topology.name],
            ..Change::default()
        })
    })
    .await
}

/// Where its executors would go with these options.
async fn plan_rebalance(
    ctx: &Context,
    nimbus: &mut NimbusClient,
    topology: &TopologySummary,
    options: &RebalanceOptions,
) -> Result<(), Failure> {
    let nimbus_conf = submit::nimbus_conf(nimbus).await?;
    let cluster = plan::cluster(ctx, nimbus, &nimbus_conf).await?;
    let mut stored = plan::stored(nimbus, &topology.id).await?;
    let mut base = cluster.base(&topology.id).unwrap_or_default();
    let invalid = |cause: String| {
        Failure::new(Exit::Usage, "rebalance/invalid", format!("{} cannot be spread like that", topology.name))
            .evidence(cause)
            .hint(format!("stormctl describe {}", topology.name))
    };
    foresee::rebalanced(&mut base, &mut stored, options).map_err(invalid)?;
    let details = foresee::details(&topology.id, &base, &stored).map_err(invalid)?;
    let planned = Planned { name: topology.name.clone(), details, instead_of: Some(topology.id.clone()) };
    let plan = cluster.plan(planned);
    ctx.printer.show(&plan)?;
    plan.misfit().map_or(Ok(()), Err)
}

fn rebalance_options(args: &cli::Rebalance, set: &[String]) -> Result<RebalanceOptions, Failure> {
    let usage = |flag: &str, cause: String, example: &str| {
        Failure::new(Exit::Usage, "usage/json", format!("the value of {flag} is not what Nimbus takes"))
            .evidence(cause)
            .hint(format!("for example {flag} '{example}'"))
    };
    let resources = match &args.resources {
        None => None,
        Some(text) => {
            let map: BTreeMap<String, BTreeMap<String, f64>> = serde_json::from_str(text)
                .map_err(|e| usage("-r", e.to_string(), r#"{"count":{"cpu.pcore.percent":20}}"#))?;
            Some(map)
        }
    };
    let mut conf: Map<String, Value> = match &args.topology_conf {
        None => Map::new(),
        Some(text) => serde_json::from_str(text)
            .map_err(|e| usage("-t", e.to_string(), r#"{"topology.max.spout.pending":100}"#))?,
    };
    // As in Storm, what -c sets goes along with a rebalance.
    for (key, value) in set.iter().filter_map(|s| s.split_once('=')) {
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        conf.insert(key.trim().to_owned(), value);
    }
    Ok(RebalanceOptions {
        wait_secs: args.wait,
        num_workers: args.workers,
        num_executors: (!args.executors.is_empty()).then(|| args.executors.iter().cloned().collect()),
        topology_resources_overrides: resources,
        topology_conf_overrides: (!conf.is_empty()).then(|| Value::Object(conf).to_string()),
        principal: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rebalance_carries_only_what_was_said() {
        let mut args = cli::Rebalance {
            name: "t".into(),
            wait: Some(3),
            workers: None,
            executors: vec![("count".into(), 4)],
            resources: Some(r#"{"count":{"cpu.pcore.percent":20}}"#.into()),
            topology_conf: Some(r#"{"a":1}"#.into()),
            dry_run: false,
        };
        let options = rebalance_options(&args, &["b=[2]".into(), "a=3".into()]).unwrap();
        assert_eq!(options.wait_secs, Some(3));
        assert_eq!(options.num_workers, None);
        assert_eq!(options.num_executors, Some(BTreeMap::from([("count".to_owned(), 4)])));
        assert_eq!(options.topology_conf_overrides.as_deref(), Some(r#"{"a":3,"b":[2]}"#));
        assert_eq!(options.topology_resources_overrides.unwrap()["count"]["cpu.pcore.percent"], 20.0);
        args.resources = Some("20".into());
        assert_eq!(rebalance_options(&args, &[]).unwrap_err().exit, Exit::Usage);
    }
}
