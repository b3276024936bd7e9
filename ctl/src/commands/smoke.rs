//! `stormctl smoke`: waits for the cluster, counts words on it, and checks the counts.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use storm::package::Package;
use storm::prelude::{Builtin, Topology, TopologyBuilder};
use storm::submit::Submission;
use storm_thrift::NimbusClient;
use storm_thrift::types::{ClusterSummary, GetInfoOptions, KillOptions, NumErrorsChoice};

use super::kill::until_gone;
use crate::cli::install::Smoke;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Report;
use crate::{stats, submission};

const LIMIT: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(100);
/// The file travels in the topology, so that every host has it.
const FILE: &str = "smoke.txt";
const TEXT: &str =
    "the cow jumped over the moon\nan apple a day keeps the doctor away\nfour score and seven years ago\n";
const REPEATS: usize = 20;

pub async fn run(ctx: &Context, args: &Smoke) -> Result<(), Failure> {
    let limit = ctx.global.timeout.unwrap_or(LIMIT);
    let began = Instant::now();
    let mut summary = ready(ctx, args.supervisors, limit).await?;
    let hosts = summary.supervisors.len();
    if args.only_wait {
        return ctx.printer.show(&Passed { supervisors: hosts, counted: None, seconds: began.elapsed().as_secs_f64() });
    }
    let free = |summary: &ClusterSummary| -> i32 {
        summary.supervisors.iter().map(|s| s.num_workers - s.num_used_workers).sum()
    };
    // What was killed a moment ago still has its slots; what goes on keeps them.
    let held = |summary: &ClusterSummary| -> i32 {
        summary.topologies.iter().filter(|t| t.status != "KILLED").map(|t| t.num_workers).sum()
    };
    let all = |summary: &ClusterSummary| -> i32 { summary.supervisors.iter().map(|s| s.num_workers).sum() };
    while free(&summary) < 1 && held(&summary) < all(&summary) && began.elapsed() < limit {
        tokio::time::sleep(LOOK).await;
        summary = ready(ctx, args.supervisors, limit).await?;
    }
    let free = free(&summary);
    if free < 1 {
        return Err(Failure::new(
            Exit::Refused,
            "smoke/no-slot",
            "every slot of the cluster is used: nothing can be counted",
        )
        .hint("stormctl smoke --only-wait      or kill a topology first"));
    }
    let workers = i64::from(free).min(hosts as i64);
    let counted = ctx.within(limit, count(ctx, workers)).await?;
    ctx.printer.show(&Passed { supervisors: hosts, counted: Some(counted), seconds: began.elapsed().as_secs_f64() })
}

/// Waits for a leader that knows so many supervisors; what was missing last is told.
async fn ready(ctx: &Context, supervisors: usize, limit: Duration) -> Result<ClusterSummary, Failure> {
    let deadline = Instant::now() + limit;
    loop {
        let failure = match look(ctx).await {
            Ok(summary) if summary.supervisors.len() >= supervisors => return Ok(summary),
            Ok(summary) => {
                let known: Vec<&str> = summary.supervisors.iter().map(|s| s.host.as_str()).collect();
                let what = format!("Nimbus knows {} of {supervisors} supervisors", known.len());
                Failure::new(Exit::Deadline, "smoke/supervisors", what)
                    .evidence(if known.is_empty() { "none".to_owned() } else { known.join(", ") })
                    .hint("stormctl doctor      on the host that is missing")
            }
            Err(failure) => failure,
        };
        if Instant::now() > deadline {
            return Err(failure.evidence(format!("after {} s", limit.as_secs_f64())));
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn look(ctx: &Context) -> Result<ClusterSummary, Failure> {
    let mut nimbus = ctx.nimbus().await?;
    // Only one that leads for sure takes a file: the node of a killed one stands until its session is over.
    nimbus.begin_file_upload().await?;
    Ok(nimbus.get_cluster_info().await?)
}

fn topology(name: &str, workers: i64, resources: &std::path::Path) -> Result<Topology, Failure> {
    let mut builder = TopologyBuilder::new();
    builder.name(name);
    builder.resources(resources);
    builder.conf("topology.workers", workers);
    // Every tuple counts, and the figures come soon.
    builder.conf("topology.stats.sample.rate", 1.0);
    builder.conf("executor.metrics.frequency.secs", 1);
    builder.builtin_spout("lines", &Builtin::Lines { files: vec![format!("resources/{FILE}")], repeat: false });
    builder.builtin_bolt("split", &Builtin::Split).parallelism(2).shuffle("lines");
    builder.builtin_bolt("count", &Builtin::Count).parallelism(2).fields("split", ["word"]);
    builder.build().map_err(|e| {
        Failure::new(Exit::Failed, "smoke/topology", "the word count is not a valid topology").evidence(e.to_string())
    })
}

/// What went through.
struct Counted {
    lines: i64,
    words: i64,
    workers: usize,
    hosts: usize,
}

async fn count(ctx: &Context, workers: i64) -> Result<Counted, Failure> {
    let folder = tempfile::tempdir().map_err(|e| Failure::io("cannot make a temporary folder", &e))?;
    let text = TEXT.repeat(REPEATS);
    std::fs::write(folder.path().join(FILE), &text).map_err(|e| Failure::io("cannot write the words", &e))?;
    let name = format!("smoke-{}-{}", ctx.conf.hostname().replace(['.', ':'], "-"), std::process::id());
    let package = Package::of_topology(&topology(&name, workers, folder.path())?)?;
    submission::submit(&ctx.conf, &package, &Submission::default()).await?;
    let mut nimbus = ctx.nimbus().await?;
    let counted = tokio::select! {
        counted = until_counted(&mut nimbus, &name, &text) => counted,
        _ = tokio::signal::ctrl_c() => {
            Err(Failure::new(Exit::Interrupted, "interrupted", "interrupted before all words were counted"))
        }
    };
    // It does not stay, whatever came out.
    let mut nimbus = ctx.nimbus().await?;
    nimbus.kill_topology_with_opts(name.clone(), KillOptions { wait_secs: Some(0) }).await?;
    until_gone(&mut nimbus, &name).await?;
    counted
}

async fn until_counted(nimbus: &mut NimbusClient, name: &str, text: &str) -> Result<Counted, Failure> {
    let (lines, words) = (text.lines().count() as i64, text.split_whitespace().count() as i64);
    loop {
        let options = GetInfoOptions { num_err_choice: Some(NumErrorsChoice::One) };
        let info = nimbus.get_topology_info_by_name_with_opts(name.to_owned(), options).await?;
        if let Some((component, errors)) = info.errors.iter().find(|(_, e)| !e.is_empty()) {
            return Err(Failure::new(Exit::Failed, "smoke/component", format!("{component} has failed"))
                .evidence(errors[0].error.clone()));
        }
        let components = stats::components(&info.executors);
        let of = |id: &str| components.iter().find(|c| c.id == id);
        let acked = of("lines").map_or(0, |c| c.acked);
        let failed = of("lines").map_or(0, |c| c.failed);
        let executed = of("count").and_then(|c| c.executed).unwrap_or_default();
        if acked >= lines && executed >= words {
            if failed == 0 && (acked, executed) != (lines, words) {
                return Err(Failure::new(
                    Exit::Failed,
                    "smoke/counts",
                    format!("{acked} of {lines} lines and {executed} of {words} words were counted"),
                ));
            }
            let mut places: Vec<(String, i32)> = info.executors.iter().map(|e| (e.host.clone(), e.port)).collect();
            places.sort();
            places.dedup();
            let workers = places.len();
            places.dedup_by(|a, b| a.0 == b.0);
            return Ok(Counted { lines, words, workers, hosts: places.len() });
        }
        tokio::time::sleep(LOOK).await;
    }
}

struct Passed {
    supervisors: usize,
    counted: Option<Counted>,
    seconds: f64,
}

impl Report for Passed {
    const KIND: &'static str = "Smoke";

    fn fields(&self) -> Map<String, Value> {
        let counted = self.counted.as_ref();
        let fields = json!({
            "supervisors": self.supervisors,
            "lines": counted.map(|c| c.lines),
            "words": counted.map(|c| c.words),
            "workers": counted.map(|c| c.workers),
            "hosts": counted.map(|c| c.hosts),
            "seconds": self.seconds,
        });
        fields.as_object().cloned().unwrap_or_default()
    }

    fn text(&self, _wide: bool) -> String {
        match &self.counted {
            None => format!("a Nimbus leads and knows {} supervisors\n", self.supervisors),
            Some(c) => format!(
                "{} lines acked, {} words counted by {} workers on {} hosts in {:.1} s\n",
                c.lines, c.words, c.workers, c.hosts, self.seconds
            ),
        }
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}
