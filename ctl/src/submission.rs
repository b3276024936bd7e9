//! Topologies from files, and their way to Nimbus: the errors of the SDK in the words of this program.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Map, Value};
use storm::flux::{FluxError, FluxOptions, parse_properties};
use storm::package::{Package, PackageError, PackageOptions};
use storm::submit::{Submission, SubmitError};
use storm_conf::Conf;

use crate::cli;
use crate::exit::Exit;
use crate::failure::{Failure, Fault};

/// The topology in a file.
pub fn open(file: &std::path::Path, flux: &cli::Flux) -> Result<Package, Failure> {
    let properties = match &flux.filter {
        None => BTreeMap::new(),
        Some(path) => parse_properties(
            &fs::read_to_string(path).map_err(|e| Failure::io(format!("cannot read {}", path.display()), &e))?,
        ),
    };
    let environment = flux.env_filter.then(|| std::env::vars().collect());
    let options = PackageOptions { flux: FluxOptions { properties, environment }, ..PackageOptions::default() };
    Ok(Package::open(file, &options)?)
}

/// What `-c` says, for the topology's own configuration.
pub fn settings(set: &[String]) -> Map<String, Value> {
    let pairs = set.iter().filter_map(|s| s.split_once('='));
    pairs
        .map(|(key, value)| {
            let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
            (key.trim().to_owned(), value)
        })
        .collect()
}

/// Gives the topology's name.
pub async fn submit(conf: &Conf, package: &Package, how: &Submission) -> Result<String, Failure> {
    storm::submit::submit(conf, package, how).await.map_err(Failure::from)
}

pub fn no_name() -> Failure {
    Failure::new(Exit::Usage, SubmitError::NoName.code(), "the topology has no name of its own")
        .hint("stormctl submit FILE NAME")
}

impl From<SubmitError> for Failure {
    fn from(e: SubmitError) -> Failure {
        match e {
            SubmitError::Nimbus(e) => e.into(),
            SubmitError::NoName => no_name(),
            e => several(Exit::Failed, e.code(), "the topology was not submitted", &e.to_string()),
        }
    }
}

impl From<PackageError> for Failure {
    fn from(e: PackageError) -> Failure {
        match &e {
            PackageError::Flux(flux) => of_flux(flux),
            PackageError::Read { path, .. } => {
                Failure::new(Exit::Failed, e.code(), format!("cannot read {}", path.display())).evidence(e.to_string())
            }
            _ => several(Exit::Failed, e.code(), "this is no topology that can run", &e.to_string()),
        }
    }
}

/// Each mistake with its place.
fn of_flux(flux: &FluxError) -> Failure {
    let fault = |p: &storm::flux::FluxProblem| Fault {
        code: flux.code().to_owned(),
        message: p.message.clone(),
        evidence: vec![p.spot.to_string()],
        hint: None,
    };
    Failure { exit: Exit::Failed, faults: flux.problems.iter().map(fault).collect() }
}

/// One line is the message; several are its evidence.
fn several(exit: Exit, code: &str, title: &str, text: &str) -> Failure {
    if text.lines().count() == 1 {
        return Failure::new(exit, code, text);
    }
    text.lines().fold(Failure::new(exit, code, title), |failure, line| failure.evidence(line.trim()))
}
