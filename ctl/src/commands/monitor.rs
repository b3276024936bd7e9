//! `stormctl monitor`: what a component emits, line by line as `storm monitor` prints it.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use storm_thrift::NimbusClient;
use storm_thrift::types::{ExecutorSummary, GetInfoOptions, NumErrorsChoice, TopologyInfo};

use crate::cli::{self, Format};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::java_text::{double, hash_order};
use crate::printer::Report;

use super::topology;

/// For one question to Nimbus; the command itself goes on until it is interrupted.
const LIMIT: Duration = Duration::from_secs(30);

pub async fn run(ctx: &Context, args: &cli::storm::Monitor) -> Result<(), Failure> {
    let mut nimbus = ctx.nimbus().await?;
    let topology = ctx.within(LIMIT, topology::find(&mut nimbus, &args.name)).await?;
    let Some(component) = &args.component else {
        let info = ctx.within(LIMIT, ask(&mut nimbus, &topology.id)).await?;
        return ctx.printer.show(&Components { topology: topology.name, ids: components(&info) });
    };
    let began = millis();
    let mut before: Option<Sample> = None;
    let mut lines = 0;
    loop {
        let info = ctx.within(LIMIT, ask(&mut nimbus, &topology.id)).await?;
        let now = Sample { millis: millis(), count: 0 };
        let line = Line::new(&info, component, args, &topology.name)?;
        let sample = Sample { count: line.total, ..now };
        // The first line counts from the topology's start, over no time.
        let since = before.unwrap_or(Sample { millis: sample.millis, count: 0 });
        let line = line.since(since, sample);
        print(ctx, &line, before.is_none())?;
        before = Some(sample);
        lines += 1;
        if args.count.is_some_and(|most| lines >= most) {
            return Ok(());
        }
        // Lines keep to multiples of the interval, however long an answer takes.
        let step = args.interval.saturating_mul(1000);
        let next = (millis().saturating_sub(began) / step + 1).saturating_mul(step);
        tokio::time::sleep(Duration::from_millis((began + next).saturating_sub(millis()))).await;
    }
}

async fn ask(nimbus: &mut NimbusClient, id: &str) -> Result<TopologyInfo, Failure> {
    let options = GetInfoOptions { num_err_choice: Some(NumErrorsChoice::None) };
    Ok(nimbus.get_topology_info_with_opts(id.to_owned(), options).await?)
}

fn millis() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

/// The components that run, in the order of their executors.
fn components(info: &TopologyInfo) -> Vec<String> {
    let mut seen = BTreeSet::new();
    info.executors.iter().map(|e| &e.component_id).filter(|id| seen.insert(*id)).cloned().collect()
}

struct Components {
    topology: String,
    ids: Vec<String>,
}

impl Components {
    fn list(&self) -> String {
        let mut text = format!("Available components for {} :\n------------------\n", self.topology);
        for id in hash_order(&self.ids) {
            text.push_str(id);
            text.push('\n');
        }
        text + "------------------\n"
    }
}

impl Report for Components {
    const KIND: &'static str = "ComponentList";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("topology".to_owned(), json!(self.topology)), ("items".to_owned(), json!(self.ids))])
    }

    fn items(&self) -> Vec<Value> {
        self.ids.iter().map(|id| json!({"component": id})).collect()
    }

    fn text(&self, _wide: bool) -> String {
        self.list() + "Please use -m to specify one component\n"
    }

    fn names(&self) -> Vec<String> {
        self.ids.clone()
    }

    fn storm(&self) -> Option<String> {
        Some(self.text(false))
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Sample {
    millis: u64,
    count: i64,
}

#[derive(Debug, Clone, PartialEq)]
struct Line {
    topology: String,
    component: String,
    parallelism: usize,
    stream: String,
    watch: String,
    total: i64,
    diff_ms: u64,
    count: i64,
    throughput: f64,
}

impl Line {
    fn new(info: &TopologyInfo, component: &str, args: &cli::storm::Monitor, topology: &str) -> Result<Line, Failure> {
        let executors: Vec<&ExecutorSummary> = info.executors.iter().filter(|e| e.component_id == component).collect();
        if executors.is_empty() {
            let ids = components(info);
            let mut failure = Failure::new(
                Exit::NotFound,
                "monitor/component",
                format!("no executor of component \"{component}\" of {topology} runs"),
            );
            for id in &ids {
                failure = failure.evidence(format!("there is {id}"));
            }
            return Err(match ids.is_empty() {
                true => failure.evidence("none of its executors runs").hint(format!("stormctl describe {topology}")),
                false => failure.hint("name one of them with -m"),
            });
        }
        let counts = executors.iter().filter_map(|e| e.stats.as_ref()).filter_map(|stats| {
            let windows = if args.field == "emitted" { &stats.emitted } else { &stats.transferred };
            windows.get(":all-time")?.get(&args.stream)
        });
        let counts: Vec<i64> = counts.copied().collect();
        if counts.is_empty() {
            return Err(Failure::new(
                Exit::NotFound,
                "monitor/stream",
                format!("{component} of {topology} has {} nothing on stream \"{}\" yet", args.field, args.stream),
            )
            .hint("wait for the next report of its workers, or name another stream with -s"));
        }
        Ok(Line {
            topology: topology.to_owned(),
            component: component.to_owned(),
            parallelism: executors.len(),
            stream: args.stream.clone(),
            watch: args.field.clone(),
            total: counts.iter().sum(),
            diff_ms: 0,
            count: 0,
            throughput: 0.0,
        })
    }

    fn since(self, before: Sample, now: Sample) -> Line {
        let diff_ms = now.millis.saturating_sub(before.millis);
        let count = now.count - before.count;
        let throughput = if count == 0 || diff_ms == 0 { 0.0 } else { count as f64 / diff_ms as f64 };
        Line { diff_ms, count, throughput, ..self }
    }
}

impl Report for Line {
    const KIND: &'static str = "Throughput";

    fn fields(&self) -> Map<String, Value> {
        let line = json!({
            "topology": self.topology,
            "component": self.component,
            "executors": self.parallelism,
            "stream": self.stream,
            "field": self.watch,
            "total": self.total,
            "count": self.count,
            "seconds": self.diff_ms as f64 / 1000.0,
            "per_second": self.throughput * 1000.0,
        });
        line.as_object().cloned().unwrap_or_default()
    }

    fn text(&self, _wide: bool) -> String {
        format!(
            "{}\t{}\t{}\t{}\t{}\t{}\t{}\n",
            self.topology,
            self.component,
            self.parallelism,
            self.stream,
            self.diff_ms,
            self.count,
            double(self.throughput)
        )
    }

    fn names(&self) -> Vec<String> {
        vec![self.count.to_string()]
    }

    fn storm(&self) -> Option<String> {
        Some(self.text(false))
    }
}

fn print(ctx: &Context, line: &Line, first: bool) -> Result<(), Failure> {
    if first && matches!(ctx.printer.format, Format::Table | Format::Wide | Format::Storm) {
        let header =
            format!("topology\tcomponent\tparallelism\tstream\ttime-diff ms\t{}\tthroughput (Kt/s)\n", line.watch);
        ctx.printer.out(&header)?;
    }
    ctx.printer.show(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use storm_thrift::types::{ExecutorInfo, ExecutorSpecificStats, ExecutorStats, SpoutStats};

    fn info(emitted: i64) -> TopologyInfo {
        let windows = BTreeMap::from([(":all-time".to_owned(), BTreeMap::from([("default".to_owned(), emitted)]))]);
        let stats = ExecutorStats {
            emitted: windows.clone(),
            transferred: windows,
            specific: ExecutorSpecificStats::Spout(SpoutStats::default()),
            rate: 1.0,
        };
        let executor = |component: &str, stats| ExecutorSummary {
            executor_info: ExecutorInfo { task_start: 1, task_end: 1 },
            component_id: component.into(),
            host: "h".into(),
            port: 1,
            uptime_secs: 1,
            stats,
        };
        TopologyInfo {
            executors: vec![executor("s", Some(stats.clone())), executor("s", None), executor("__acker", Some(stats))],
            ..TopologyInfo::default()
        }
    }

    fn args(stream: &str) -> cli::storm::Monitor {
        cli::storm::Monitor {
            name: "t".into(),
            interval: 4,
            component: None,
            stream: stream.into(),
            field: "emitted".into(),
            count: None,
        }
    }

    #[test]
    fn a_line_has_storms_columns() {
        let line = Line::new(&info(20), "s", &args("default"), "t").unwrap();
        assert_eq!((line.total, line.parallelism), (20, 2));
        let first = line.clone().since(Sample { millis: 5, count: 0 }, Sample { millis: 5, count: 20 });
        assert_eq!(first.text(false), "t\ts\t2\tdefault\t0\t20\t0.0\n");
        let next = line.since(Sample { millis: 5, count: 20 }, Sample { millis: 4005, count: 1020 });
        assert_eq!(next.text(false), "t\ts\t2\tdefault\t4000\t1000\t0.25\n");
        assert_eq!(next.fields()["per_second"], 250.0);
    }

    #[test]
    fn what_is_not_there_is_named_with_what_is() {
        let failure = Line::new(&info(1), "x", &args("default"), "t").unwrap_err();
        assert_eq!((failure.exit, failure.code()), (Exit::NotFound, "monitor/component"));
        assert_eq!(failure.faults[0].evidence, ["there is s", "there is __acker"]);
        assert_eq!(Line::new(&info(1), "s", &args("other"), "t").unwrap_err().code(), "monitor/stream");
    }

    #[test]
    fn components_are_listed_in_javas_order() {
        let list = Components { topology: "t".into(), ids: vec!["b".into(), "a".into()] };
        let expected = "Available components for t :\n------------------\na\nb\n------------------\n\
                        Please use -m to specify one component\n";
        assert_eq!(list.text(false), expected);
    }
}
