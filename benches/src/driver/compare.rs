//! `compare`: both systems in turn.

use std::path::PathBuf;

use serde_json::{Map, Value};
use storm_tests::process::Nest;

use super::case::{Case, Side, Standing, Variant};
use super::clusters::{ClusterStage, lay_out_resources, topology_jar, topology_program};
use super::error::BenchError;
use super::measure::{Site, Timing, measure};
use super::printer::{line, note};
use super::record::{Line, Log, Machine};
use super::report;
use super::rows::{Row, cases_of};
use super::stage::Stage;
use crate::clock;

#[derive(Debug, Clone)]
pub struct Comparison {
    pub rows: Vec<Row>,
    pub rounds: u32,
    pub timing: Timing,
    pub sides: Vec<Side>,
    pub standings: Vec<Standing>,
    pub settings_of_ours: Map<String, Value>,
    pub settings_of_apache: Map<String, Value>,
    pub out: PathBuf,
}

impl Comparison {
    fn wants(&self, variant: &Variant) -> bool {
        // Ours has one.
        let standing = variant.side == Side::Ours || self.standings.contains(&variant.standing);
        self.sides.contains(&variant.side) && standing
    }
}

/// Runs all and prints the tables; whether everything gave figures that add up.
pub fn compare(how: &Comparison) -> Result<bool, BenchError> {
    let cases = cases_of(&how.rows)?;
    let mut log = Log::create(&how.out)?;
    let machine = Machine::this(clock::epoch_secs());
    note(&report::machine(&machine));
    note(&format!("results go to {}", log.path().display()));
    let mut lines = vec![Line::Machine(machine)];
    log.write(&lines[0])?;

    // Its watchdog removes the folder and ends what is in it, however this process ends; so do those of the clusters.
    let nest = Nest::new();
    let resources = lay_out_resources(nest.dir())?;
    let mut stages: Vec<ClusterStage> = Vec::new();
    for side in &how.sides {
        let program = match side {
            Side::Ours => topology_program(),
            Side::Apache => topology_jar(nest.dir(), &resources)?,
        };
        note(&format!("starting the cluster of {side:?}"));
        stages.push(ClusterStage::start(*side, program));
    }
    let site = Site { folder: nest.dir().to_owned(), resources };
    for case in &cases {
        for round in 1..=how.rounds {
            for variant in case.variants.iter().filter(|variant| how.wants(variant)) {
                let Some(stage) = stages.iter_mut().find(|stage| stage.side() == variant.side) else { continue };
                let settings = match variant.side {
                    Side::Ours => &how.settings_of_ours,
                    Side::Apache => &how.settings_of_apache,
                };
                let result = one(stage, &site, how.timing, (case, variant, round), settings);
                log.write(&result)?;
                lines.push(result);
            }
        }
    }
    drop(stages);
    tables(&how.rows, &lines);
    Ok(report::problems(&lines).is_empty())
}

/// One run; one that fails is a line too, and the others go on.
pub fn one(
    stage: &mut dyn Stage,
    site: &Site,
    timing: Timing,
    what: (&Case, &Variant, u32),
    settings: &Map<String, Value>,
) -> Line {
    match measure(stage, site, timing, what, settings) {
        Ok(run) => {
            note(&report::progress(&run));
            Line::Run(run)
        }
        Err(e) => {
            let (case, variant, round) = (what.0.name.clone(), what.1.name.to_owned(), what.2);
            note(&format!("{case} {variant} round {round}: {}: {e}", e.code()));
            Line::Failed { case, side: stage.side(), variant, round, error: e.to_string() }
        }
    }
}

/// Everything that there is to say.
pub fn tables(rows: &[Row], lines: &[Line]) {
    let machines = lines.iter().filter_map(|line| match line {
        Line::Machine(machine) => Some(report::machine(machine)),
        _ => None,
    });
    machines.for_each(|machine| line(&machine));
    for part in [report::summary(rows, lines), report::details(lines), report::problems(lines)] {
        line("");
        part.iter().for_each(|text| line(text));
    }
}
