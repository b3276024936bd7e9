//! `stormctl why NAME`: one answer for a topology that does not run, or does not keep up.

use storm_conf::Reader;
use storm_doctor::{Facts, explain, rules};

use crate::cli::Global;
use crate::cli::doctor::Why;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

use super::doctor::{Checkup, Examination};

pub async fn run(printer: &Printer, global: &Global, args: &Why) -> Result<(), Failure> {
    let checkup =
        Checkup { printer, global, reader: Reader::Client, level: args.level, asked: Some(args.name.clone()) };
    checkup.run(&|facts| examination(facts, &args.name)).await
}

fn examination(facts: &Facts, asked: &str) -> Result<Examination, Failure> {
    let name = match facts.topology(asked) {
        Some(topology) => topology.name.clone(),
        None if facts.knows_topologies() => return Err(unknown(facts, asked)),
        None => asked.to_owned(),
    };
    let findings = explain(facts, &name);
    let verdict = rules::verdict(facts, &name, &findings);
    Ok(Examination { topology: Some(name), verdict, ..Examination::of(facts, findings) })
}

fn unknown(facts: &Facts, asked: &str) -> Failure {
    let failure = Failure::new(Exit::NotFound, "topology/not-found", format!("no topology \"{asked}\" runs"));
    let names: Vec<&str> = facts.topologies.iter().map(|t| t.name.as_str()).collect();
    match names.is_empty() {
        true => failure.evidence("the cluster runs none").hint("stormctl submit FILE"),
        false => failure.evidence(format!("those that do: {}", names.join(", "))).hint("stormctl list"),
    }
}
