//! The verbs of a topology program.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use storm_conf::{LoadOptions, load};
use storm_topology::builder::{Topology, TopologyBuilder};
use storm_topology::builtins::Builtin;
use storm_topology::multilang::serve_stdio;
use storm_topology::package::{Package, PackageOptions};
use storm_topology::submit::{Submission, submit};
use tokio::signal::unix::{SignalKind, signal};

use crate::local::{LocalOptions, run_local};

const USAGE: &str = "\
usage: PROGRAM local [--seconds N] [-c KEY=VALUE]...   run the topology in this process
       PROGRAM submit [NAME] [--config FILE] [-c KEY=VALUE]...   submit it to the cluster of storm.yaml
       PROGRAM describe                                print what it is
and, called by Storm: PROGRAM worker ID SUPERVISOR SUPERVISOR-PORT PORT WORKER-ID, PROGRAM component ID
";

/// The `main` of a topology program: does what the program's arguments say with the topology that `define` puts together.
pub fn main(define: impl FnOnce(&mut TopologyBuilder)) -> ExitCode {
    let arguments: Vec<String> = std::env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    let mut builder = TopologyBuilder::new();
    define(&mut builder);
    let topology = match builder.build() {
        Ok(topology) => topology,
        Err(e) => return fail(1, &format!("the topology is not valid:\n{e}")),
    };
    let (verb, rest) = match arguments.split_first() {
        Some((verb, rest)) => (verb.as_str(), rest),
        None => return fail(2, USAGE),
    };
    match verb {
        "describe" => {
            let written = writeln!(std::io::stdout(), "{}", topology.describe().to_json());
            written.map_or_else(|e| fail(1, &format!("cannot write the description: {e}")), |()| ExitCode::SUCCESS)
        }
        "worker" => ExitCode::from(storm_worker::execute(rest, topology.natives().clone())),
        "component" => component(&topology, rest),
        "local" | "submit" => match Options::parse(verb, rest) {
            Ok(options) => on_runtime(verb, &topology, options),
            Err(why) => fail(2, &format!("{why}\n{USAGE}")),
        },
        "help" | "--help" | "-h" => {
            let written = std::io::stdout().write_all(USAGE.as_bytes());
            written.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
        }
        other => fail(2, &format!("there is no verb {other}\n{USAGE}")),
    }
}

fn fail(code: u8, message: &str) -> ExitCode {
    // With stderr closed there is nobody left to tell; the exit code remains.
    let _nobody = writeln!(std::io::stderr(), "{}", message.trim_end());
    ExitCode::from(code)
}

fn component(topology: &Topology, arguments: &[String]) -> ExitCode {
    let [id] = arguments else { return fail(2, USAGE) };
    // A built-in component is named by its description, which is JSON.
    let builtin = serde_json::from_str::<serde_json::Value>(id).ok().filter(|v| v.is_object());
    let instance = match builtin {
        Some(spec) => match Builtin::from_json(&spec) {
            Ok(builtin) => Some(builtin.create()),
            Err(e) => return fail(1, &e.to_string()),
        },
        None => topology.natives().create(id),
    };
    let Some(instance) = instance else { return fail(1, &format!("this program has no component {id}")) };
    // The log belongs on the standard error, which the host passes on; the protocol has the standard output.
    log();
    match serve_stdio(instance) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => fail(1, &format!("component {id}: {e}")),
    }
}

#[derive(Default)]
struct Options {
    name: Option<String>,
    seconds: Option<u64>,
    load: LoadOptions,
}

impl Options {
    fn parse(verb: &str, arguments: &[String]) -> Result<Options, String> {
        let mut options = Options::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().cloned().ok_or_else(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--seconds" if verb == "local" => {
                    let text = value()?;
                    let seconds = text.parse().map_err(|_| format!("--seconds must be a whole number, not {text}"))?;
                    options.seconds = Some(seconds);
                }
                "--config" => options.load.file = Some(value()?.into()),
                "-c" => options.load.overrides.push(value()?),
                name if verb == "submit" && !name.starts_with('-') && options.name.is_none() => {
                    options.name = Some(name.to_owned());
                }
                other => return Err(format!("{verb} does not know {other}")),
            }
        }
        Ok(options)
    }
}

fn on_runtime(verb: &str, topology: &Topology, options: Options) -> ExitCode {
    log();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return fail(1, &format!("no threads: {e}")),
    };
    let done = runtime
        .block_on(async { if verb == "local" { local(topology, options).await } else { submit_self(options).await } });
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => fail(1, &message),
    }
}

/// The program, packed as it is on disk.
fn package_of_self() -> Result<Package, String> {
    let me = std::env::current_exe().map_err(|e| format!("this program's own file cannot be found: {e}"))?;
    Package::open(&me, &PackageOptions::default()).map_err(|e| e.to_string())
}

async fn local(topology: &Topology, options: Options) -> Result<(), String> {
    let conf = load(&options.load).map_err(|e| e.to_string())?;
    let package = Package::of_topology(topology).map_err(|e| e.to_string())?;
    let mut terminate = signal(SignalKind::terminate()).map_err(|e| e.to_string())?;
    let stop = async {
        let time = async {
            match options.seconds {
                Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = time => {}
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    let how = LocalOptions { conf, ..LocalOptions::default() };
    run_local(&package, topology.natives().clone(), &how, stop).await.map(drop).map_err(|e| e.to_string())
}

async fn submit_self(options: Options) -> Result<(), String> {
    let conf = load(&options.load).map_err(|e| e.to_string())?;
    let package = package_of_self()?;
    let how = Submission { name: options.name, ..Submission::default() };
    let name = submit(&conf, &package, &how).await.map_err(|e| e.to_string())?;
    // The result; what a pipe that is closed does not take cannot be told anyone.
    let _nobody = writeln!(std::io::stdout(), "{name}");
    Ok(())
}

/// Warnings and worse on the standard error.
fn log() {
    let set = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing::Level::WARN)
        .with_target(false)
        .try_init();
    if let Err(e) = set {
        tracing::debug!("the log was set up by the program itself: {e}");
    }
}
