//! The course of a quickstart, from the first process to the last.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use storm::package::Package;
use storm::submit::Submission;
use storm_thrift::NimbusClient;
use storm_thrift::types::{GetInfoOptions, NumErrorsChoice};
use tokio::signal::unix::{SignalKind, signal};

use super::cluster::Cluster;
use super::files::{self, Input};
use super::result::{Counts, Outcome};
use super::site::Site;
use super::wordcount;
use crate::cli::{self, Global};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::stats;
use crate::submission;

/// How often the sink's file is looked at, and how often Nimbus is asked.
const LOOK: Duration = Duration::from_millis(1);
const ASK: Duration = Duration::from_millis(50);

pub async fn run(printer: Printer, global: &Global, args: &cli::Quickstart, began: Instant) -> Result<(), Failure> {
    let input = files::read(&args.files)?;
    let site = if args.keep { Site::kept(&global.set)? } else { Site::temporary(&global.set)? };
    let listen = |kind| signal(kind).map_err(|e| Failure::io("cannot listen for signals", &e));
    let (mut int, mut term) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let mut hup = listen(SignalKind::hangup())?;
    let limit = global.timeout.unwrap_or(Duration::from_secs(args.seconds));
    // Dropped on every way out, and with it go the processes and the folder.
    let mut cluster = Cluster::new(site);
    let steps = Steps { printer, began };
    let outcome = tokio::select! {
        outcome = count(&mut cluster, &input, args, &steps) => outcome,
        () = tokio::time::sleep(limit) => Err(Failure::new(
            Exit::Deadline,
            "deadline",
            format!("not done within {} s", limit.as_secs_f64()),
        )
        .hint("give it longer with --seconds")),
        _ = int.recv() => Err(interrupted()),
        _ = term.recv() => Err(interrupted()),
        _ = hup.recv() => Err(interrupted()),
    };
    printer.progress_end();
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(failure) => {
            if failure.exit == Exit::Interrupted {
                printer.note("interrupted: stopping the cluster");
            }
            let failure = with_log_lines(failure, &cluster.site.home.join("logs"));
            drop(cluster);
            return Err(failure);
        }
    };
    if args.keep {
        cluster.site.make_current()?;
        cluster.keep();
        let command = cluster.site.command();
        return printer.show(&Outcome { next: Some(command), ..outcome });
    }
    let shown = printer.show(&outcome);
    drop(cluster);
    shown
}

fn interrupted() -> Failure {
    Failure::new(Exit::Interrupted, "interrupted", "interrupted before the word count was done")
}

/// The folder goes, so what broke must be told now.
fn with_log_lines(mut failure: Failure, logs: &Path) -> Failure {
    if failure.exit == Exit::Interrupted {
        return failure;
    }
    for file in fs::read_dir(logs).into_iter().flatten().flatten() {
        let text = fs::read_to_string(file.path()).unwrap_or_default();
        let telling = text.lines().filter(|l| l.contains("[ERROR]") || l.contains("[WARN]") || l.contains("panicked"));
        for line in telling.take(5) {
            failure = failure.evidence(format!("{}: {line}", file.file_name().to_string_lossy()));
        }
    }
    failure
}

/// What is said while it goes on: a line for each step, and one that moves where somebody watches.
struct Steps {
    printer: Printer,
    began: Instant,
}

impl Steps {
    fn done(&self, step: &str, what: &str) {
        self.printer.progress_end();
        self.printer.note(&format!("{:>7.3} s  {step:<11} {what}", self.began.elapsed().as_secs_f64()));
    }

    fn moving(&self, text: &str) {
        self.printer.progress(&format!("{:>7.3} s  {text}", self.began.elapsed().as_secs_f64()));
    }
}

async fn count(
    cluster: &mut Cluster,
    input: &Input,
    args: &cli::Quickstart,
    steps: &Steps,
) -> Result<Outcome, Failure> {
    steps.moving("starting ZooKeeper, Nimbus and Supervisor");
    cluster.start(&mut |role, address| steps.done(role.name(), &format!("serves at {address}"))).await?;
    let mut nimbus = cluster.nimbus().await?;
    let sink = cluster.site.sink();
    let topology = wordcount::topology(&input.paths, &sink)?;
    submission::submit(cluster.conf(), &Package::of_topology(&topology)?, &Submission::default()).await?;
    let id = nimbus.get_topology_summary_by_name(wordcount::NAME.to_owned()).await?.id;
    steps.done("submitted", &id);

    let first = first_tuple(cluster, input, &sink, steps).await?;
    let (last, complete_latency_ms) = until_all_acked(cluster, &mut nimbus, &id, input.lines, &sink, steps).await?;
    let counts = if sink.exists() { Counts::read(&sink)? } else { Counts::default() };
    steps.done("counted", &format!("{} lines, {} words", input.lines, counts.words()));
    Ok(Outcome {
        lines: input.lines,
        counts,
        seconds_to_first_tuple: first.duration_since(steps.began).as_secs_f64(),
        // The first word had been on its way for about as long as any.
        seconds: last.saturating_duration_since(first).as_secs_f64() + complete_latency_ms.unwrap_or(0.0) / 1000.0,
        complete_latency_ms,
        top: args.top,
        logs: cluster.site.home.join("logs").display().to_string(),
        next: None,
        topology: wordcount::NAME.to_owned(),
    })
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |m| m.len())
}

/// When the first word has come out at the end of the topology. Files without a word have none.
async fn first_tuple(cluster: &mut Cluster, input: &Input, sink: &Path, steps: &Steps) -> Result<Instant, Failure> {
    let words = input.paths.iter().any(|p| has_word(p));
    steps.moving("waiting for the workers");
    let mut asked = Instant::now();
    while words && size(sink) == 0 {
        if asked.elapsed() > ASK {
            cluster.all_alive()?;
            asked = Instant::now();
        }
        tokio::time::sleep(LOOK).await;
    }
    let first = Instant::now();
    steps.done("first tuple", "came out at the end of the topology");
    Ok(first)
}

fn has_word(path: &Path) -> bool {
    fs::read(path).is_ok_and(|bytes| bytes.iter().any(|b| !b.is_ascii_whitespace() && *b != 0x0b))
}

/// Waits until Nimbus has heard that every line is acked; gives the time of the last word, and the latency.
async fn until_all_acked(
    cluster: &mut Cluster,
    nimbus: &mut NimbusClient,
    id: &str,
    lines: i64,
    sink: &Path,
    steps: &Steps,
) -> Result<(Instant, Option<f64>), Failure> {
    let (mut last, mut seen) = (Instant::now(), size(sink));
    let mut asked = Instant::now() - ASK;
    loop {
        let now = size(sink);
        if now != seen {
            (last, seen) = (Instant::now(), now);
        }
        if asked.elapsed() >= ASK {
            asked = Instant::now();
            cluster.all_alive()?;
            let options = GetInfoOptions { num_err_choice: Some(NumErrorsChoice::One) };
            let info = nimbus.get_topology_info_with_opts(id.to_owned(), options).await?;
            let components = stats::components(&info.executors);
            let spout = components.iter().find(|c| c.id == wordcount::SPOUT);
            let acked = spout.map_or(0, |s| s.acked);
            steps.moving(&format!("{acked} of {lines} lines"));
            if acked >= lines {
                return Ok((last, spout.and_then(|s| s.complete_ms)));
            }
            if let Some((component, errors)) = info.errors.iter().find(|(_, e)| !e.is_empty()) {
                return Err(Failure::new(Exit::Failed, "quickstart/component", format!("{component} has failed"))
                    .evidence(errors[0].error.clone()));
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}
