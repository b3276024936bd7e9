//! `ladder`: our side alone, for daily work on the engine. Topologies of one worker run in one process without a cluster, those of two as
//! workers of a cluster of ours.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Map, Value};
use storm_tests::process::{self, Nest, Process};

use super::case::{Case, Extent, Side, Variant};
use super::clusters::{ClusterStage, lay_out_resources, topology_program};
use super::compare::one;
use super::error::BenchError;
use super::measure::{Site, Timing};
use super::printer::{line, note};
use super::record::{Line, Log, Machine};
use super::report;
use super::rows::{Row, cases_of};
use super::stage::{Stage, tail};
use crate::clock;
use crate::load::VARIABLE;

const END: Duration = Duration::from_secs(20);

#[derive(Debug, Clone)]
pub struct Ladder {
    pub rows: Vec<Row>,
    pub rounds: u32,
    pub timing: Timing,
    pub settings: Map<String, Value>,
    pub out: PathBuf,
}

/// Runs the cases and prints what each gave; whether nothing of ours is missing.
pub fn ladder(how: &Ladder) -> Result<bool, BenchError> {
    let has_window = |case: &Case| case.extent == Extent::Window;
    let cases: Vec<Case> = cases_of(&how.rows)?.into_iter().filter(has_window).collect();
    let mut log = Log::create(&how.out)?;
    let machine = Machine::this(clock::epoch_secs());
    note(&report::machine(&machine));
    let mut lines = vec![Line::Machine(machine)];
    log.write(&lines[0])?;
    let nest = Nest::new();
    let site = Site { folder: nest.dir().to_owned(), resources: lay_out_resources(nest.dir())? };
    let program = topology_program();
    let mut cluster = None;
    let mut process = LocalProgram { nest: &nest, program: program.clone(), running: None };
    for case in &cases {
        let stage: &mut dyn Stage = match case.workers {
            1 => &mut process,
            _ => cluster.get_or_insert_with(|| ClusterStage::start(Side::Ours, program.clone())),
        };
        for round in 1..=how.rounds {
            for variant in case.variants.iter().filter(|variant: &&Variant| variant.side == Side::Ours) {
                let result = one(stage, &site, how.timing, (case, variant, round), &how.settings);
                log.write(&result)?;
                lines.push(result);
            }
        }
    }
    for part in [report::details(&lines), report::problems(&lines)] {
        part.iter().for_each(|text| line(text));
    }
    Ok(report::is_whole(&lines))
}

/// The topology program in local mode.
struct LocalProgram<'a> {
    nest: &'a Nest,
    program: PathBuf,
    running: Option<Process>,
}

impl Stage for LocalProgram<'_> {
    fn side(&self) -> Side {
        Side::Ours
    }

    fn start(&mut self, name: &str, document: &Map<String, Value>) -> Result<(), BenchError> {
        let mut local = Command::new(&self.program);
        local.arg("local").env(VARIABLE, Value::Object(document.clone()).to_string()).current_dir(self.nest.dir());
        self.running = Some(self.nest.spawn(name, local));
        Ok(())
    }

    fn stop(&mut self, name: &str) -> Result<(), BenchError> {
        let Some(mut running) = self.running.take() else { return Ok(()) };
        let deadline = Instant::now() + END;
        process::kill(running.pid(), Signal::TERM);
        loop {
            match running.ended() {
                Some(status) if status.success() => return Ok(()),
                Some(status) => {
                    let what = format!("{name} ({status})");
                    return Err(BenchError::Command { what, output: running.output() });
                }
                None if Instant::now() > deadline => {
                    let (secs, what) = (END.as_secs(), format!("{name} to end"));
                    return Err(BenchError::Patience { secs, what, output: running.output() });
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    fn logged(&self) -> String {
        let output = self.running.as_ref().map(Process::output).unwrap_or_default();
        tail(&output, 6000).to_owned()
    }
}
