//! The command line.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde_json::{Map, Value};

use super::case::{Side, Standing};
use super::compare::{Comparison, compare, tables};
use super::error::BenchError;
use super::ladder::{Ladder, ladder};
use super::measure::Timing;
use super::picture::picture;
use super::printer::{line, note};
use super::record;
use super::rows::{rows, select};
use super::soak::{Soak, soak};
use crate::clock;

/// Measures the same topologies on Apache Storm and on ours.
#[derive(Debug, Parser)]
#[command(name = "storm-benches")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Both systems in turn, as clusters on the loopback interface; prints the table
    Compare(CompareArgs),
    /// Our side alone; in one process without a cluster, but for the rows over two workers: for daily work
    Ladder(LadderArgs),
    /// Our cluster under load for an hour: whether anything is lost, and whether anything grows
    Soak(SoakArgs),
    /// The tables of results that lie in files
    Report {
        /// Files that `compare` has written
        #[arg(required = true)]
        files: Vec<PathBuf>,
        #[command(flatten)]
        rows: RowArgs,
        /// Also draw throughput against latency of the acked chain: an SVG
        #[arg(long, value_name = "FILE")]
        picture: Option<PathBuf>,
    },
    /// The rows there are
    List,
}

#[derive(Debug, Args)]
struct RowArgs {
    /// Rows to run, of `list`, or an open loop such as chain-at-50000 [default: all of `list`]
    #[arg(long, value_delimiter = ',')]
    rows: Vec<String>,
}

#[derive(Debug, Args)]
struct CompareArgs {
    #[command(flatten)]
    rows: RowArgs,
    /// Runs of everything, one after the other
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Length of the window that is measured
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(2..))]
    seconds: u64,
    /// From the first tuple until the window begins
    #[arg(long, default_value_t = 15)]
    warm_up: u64,
    /// Systems to run
    #[arg(long, value_delimiter = ',', default_values_t = [SideArg::Ours, SideArg::Apache])]
    sides: Vec<SideArg>,
    /// Which of Apache Storm's settings: `all` has others than the best known too
    #[arg(long, value_delimiter = ',', default_values_t = [StandingArg::Best, StandingArg::Defaults])]
    variants: Vec<StandingArg>,
    /// A setting for every topology of ours; the value is JSON or text
    #[arg(long = "ours-conf", value_name = "KEY=VALUE")]
    ours: Vec<String>,
    /// A setting for every topology of Apache Storm's
    #[arg(long = "apache-conf", value_name = "KEY=VALUE")]
    apache: Vec<String>,
    /// File for the results, which are added at its end [default: target/benches/<time>.jsonl]
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct LadderArgs {
    #[command(flatten)]
    rows: RowArgs,
    /// Runs of everything, one after the other
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Length of the window that is measured
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(2..))]
    seconds: u64,
    /// From the first tuple until the window begins
    #[arg(long, default_value_t = 2)]
    warm_up: u64,
    /// A setting for every topology; the value is JSON or text
    #[arg(short = 'c', long = "conf", value_name = "KEY=VALUE")]
    conf: Vec<String>,
    /// File for the results, which are added at its end [default: target/benches/<time>.jsonl]
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct SoakArgs {
    /// How long
    #[arg(long, default_value_t = 60.0, value_parser = minutes)]
    minutes: f64,
    /// Sentences a second, or as fast as possible
    #[arg(long, default_value = "full", value_name = "R|full")]
    rate: Rate,
    /// topology.max.spout.pending
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..))]
    pending: u64,
    /// Kill a worker every so many seconds, with SIGKILL
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    kill_every: Option<u64>,
    /// Chooses the workers that are killed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What each process may grow by, from the fifth minute to the end
    #[arg(long, default_value_t = 16.0, value_name = "MIB")]
    max_growth: f64,
    /// A setting for the topology; the value is JSON or text
    #[arg(short = 'c', long = "conf", value_name = "KEY=VALUE")]
    conf: Vec<String>,
    /// File for the samples [default: target/benches/soak-<time>.jsonl]
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Tuples a second, if not all that go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rate(Option<u64>);

impl std::str::FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Rate, String> {
        match text.parse() {
            Ok(rate) if rate > 0 => Ok(Rate(Some(rate))),
            _ if text == "full" => Ok(Rate(None)),
            _ => Err("it must be a number above 0, or `full`".to_owned()),
        }
    }
}

fn minutes(text: &str) -> Result<f64, String> {
    let wrong = || "it must be a number of minutes, from 0.1 to 100000".to_owned();
    text.parse().ok().filter(|minutes| (0.1..=100_000.0).contains(minutes)).ok_or_else(wrong)
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SideArg {
    Ours,
    Apache,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StandingArg {
    Best,
    Defaults,
    All,
}

macro_rules! shown_as_value {
    ($($t:ty)*) => {$(
        impl std::fmt::Display for $t {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let value = self.to_possible_value();
                f.write_str(value.as_ref().map_or("", |value| value.get_name()))
            }
        }
    )*};
}
shown_as_value!(SideArg StandingArg);

/// Does what the command line says. 1: figures are missing, or those of ours do not add up; 2: nothing could be measured.
pub fn run() -> ExitCode {
    let done = match Cli::parse().verb {
        Verb::Compare(args) => args.comparison().and_then(|how| compare(&how)),
        Verb::Ladder(args) => args.ladder().and_then(|how| ladder(&how)),
        Verb::Soak(args) => args.soak().and_then(|how| soak(&how)),
        Verb::Report { files, rows, picture } => report(&files, &rows, picture.as_deref()),
        Verb::List => {
            for row in rows() {
                line(&format!("{:<28}{}", row.name, row.title));
            }
            line(&format!(
                "{:<28}{}",
                "<topology>-at-<rate>", "open loop; chain, chain-two, word-count, word-count-two"
            ));
            Ok(true)
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(e) => {
            note(&format!("{}: {e}", e.code()));
            ExitCode::from(2)
        }
    }
}

fn report(files: &[PathBuf], args: &RowArgs, file: Option<&Path>) -> Result<bool, BenchError> {
    let lines = record::read(files)?;
    tables(&select(&args.rows)?, &lines);
    if let Some(file) = file {
        fs::write(file, picture(&lines)?).map_err(BenchError::at(file))?;
    }
    Ok(true)
}

impl CompareArgs {
    fn comparison(self) -> Result<Comparison, BenchError> {
        let mut standings = Vec::new();
        for variant in &self.variants {
            standings.extend(match variant {
                StandingArg::Best => vec![Standing::Best],
                StandingArg::Defaults => vec![Standing::Defaults],
                StandingArg::All => vec![Standing::Best, Standing::Defaults, Standing::Also],
            });
        }
        let side = |side: &SideArg| match side {
            SideArg::Ours => Side::Ours,
            SideArg::Apache => Side::Apache,
        };
        Ok(Comparison {
            rows: select(&self.rows.rows)?,
            rounds: self.rounds,
            timing: timing(self.warm_up, self.seconds),
            sides: self.sides.iter().map(side).collect(),
            standings,
            settings_of_ours: settings(&self.ours)?,
            settings_of_apache: settings(&self.apache)?,
            out: self.out.unwrap_or_else(default_out),
        })
    }
}

impl LadderArgs {
    fn ladder(self) -> Result<Ladder, BenchError> {
        Ok(Ladder {
            rows: select(&self.rows.rows)?,
            rounds: self.rounds,
            timing: timing(self.warm_up, self.seconds),
            settings: settings(&self.conf)?,
            out: self.out.unwrap_or_else(default_out),
        })
    }
}

impl SoakArgs {
    fn soak(self) -> Result<Soak, BenchError> {
        Ok(Soak {
            length: Duration::from_secs_f64(self.minutes * 60.0),
            rate: self.rate.0,
            pending: self.pending,
            kill_every: self.kill_every.map(Duration::from_secs),
            seed: self.seed,
            max_growth: self.max_growth,
            settings: settings(&self.conf)?,
            out: self.out.unwrap_or_else(|| results(&format!("soak-{}", clock::epoch_secs()))),
        })
    }
}

fn timing(warm_up: u64, seconds: u64) -> Timing {
    Timing { warm_up: Duration::from_secs(warm_up), window: Duration::from_secs(seconds) }
}

fn default_out() -> PathBuf {
    results(&clock::epoch_secs().to_string())
}

fn results(name: &str) -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    workspace.join(format!("target/benches/{name}.jsonl"))
}

/// `KEY=VALUE`s; what is no JSON is text.
fn settings(arguments: &[String]) -> Result<Map<String, Value>, BenchError> {
    let mut settings = Map::new();
    for argument in arguments {
        let (key, value) = argument.split_once('=').ok_or_else(|| BenchError::Setting(argument.clone()))?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        settings.insert(key.to_owned(), value);
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_whole() {
        Cli::command().debug_assert();
        let Verb::Compare(args) = Cli::parse_from(["b", "compare", "--rows", "idle,chain", "--sides", "ours"]).verb
        else {
            panic!("compare")
        };
        let how = args.comparison().unwrap();
        assert_eq!((how.rows.len(), how.rounds, how.sides), (2, 3, vec![Side::Ours]));
        assert_eq!(how.standings, [Standing::Best, Standing::Defaults]);
    }

    #[test]
    fn a_soak_is_an_hour_at_full_speed_unless_said_otherwise() {
        let Verb::Soak(args) = Cli::parse_from(["b", "soak"]).verb else { panic!("soak") };
        let how = args.soak().unwrap();
        assert_eq!((how.length, how.rate, how.kill_every), (Duration::from_secs(3600), None, None));
        let line = ["b", "soak", "--minutes", "0.5", "--rate", "70", "--kill-every", "9"];
        let Verb::Soak(args) = Cli::parse_from(line).verb else { panic!("soak") };
        let how = args.soak().unwrap();
        assert_eq!((how.length, how.rate, how.kill_every.unwrap().as_secs()), (Duration::from_secs(30), Some(70), 9));
        for wrong in [["--rate", "fast"], ["--rate", "0"], ["--minutes", "0"], ["--minutes", "x"]] {
            assert!(Cli::try_parse_from(["b", "soak"].iter().chain(&wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn values_are_json_or_text() {
        let settings = settings(&["a=5".to_owned(), "b=c=d".to_owned()]).unwrap();
        assert_eq!(Value::Object(settings), serde_json::json!({ "a": 5, "b": "c=d" }));
        assert!(super::settings(&["a".to_owned()]).is_err());
    }
}
