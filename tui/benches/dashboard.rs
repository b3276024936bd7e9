//! From a key to its frame, on a cluster of 500 topologies and 10,000 executors whose workers log 10,000 lines a second.
//!
//!     cargo bench -p storm-tui

#![allow(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Write;
use std::rc::Rc;
use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::{TerminalOptions, Viewport, layout::Rect};
use storm_tui::data::{
    Cluster, Component, ComponentPage, Executor, LogBatch, LogLine, Sample, TopologySummary, Totals,
};
use storm_tui::{Answer, Data, Model, Msg, Options, Source, View, draw, update};

const TOPOLOGIES: usize = 500;
const EXECUTORS: i32 = 10_000;
const LINES_A_SECOND: usize = 10_000;
const SECONDS: usize = 20;

/// Counts what a terminal would have to take.
#[derive(Default, Clone)]
struct Sink(Rc<Cell<usize>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.set(self.0.get() + bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Bench {
    model: Model,
    terminal: Terminal<CrosstermBackend<Sink>>,
    sink: Sink,
    now: u64,
    frames: Vec<Duration>,
}

impl Bench {
    fn new(view: View) -> Bench {
        let (width, height) = (200, 60);
        let sink = Sink::default();
        let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, width, height)) };
        let terminal =
            Terminal::with_options(CrosstermBackend::new(sink.clone()), options).expect("a terminal of memory");
        let mut model = Model::new(Options::default(), view);
        update(&mut model, Msg::Resize(width, height), 1);
        Bench { model, terminal, now: 1_000_000, frames: Vec::new(), sink }
    }

    /// The update of a message and the frame that shows it.
    fn timed(&mut self, msg: Msg) {
        let began = Instant::now();
        update(&mut self.model, msg, self.now);
        let model = &self.model;
        self.terminal.draw(|frame| draw(model, frame)).expect("memory takes it");
        self.frames.push(began.elapsed());
    }

    fn key(&mut self, c: char) {
        self.timed(Msg::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)));
    }

    fn answer(&mut self, source: Source, data: Data) {
        self.timed(Msg::Answer(Box::new(Answer { source, at_ms: self.now, result: Ok(data) })));
    }

    fn report(mut self, what: &str) {
        self.frames.sort_unstable();
        let at = |share: f64| self.frames[((self.frames.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
        println!(
            "{what:<44} frames {:>5}  p50 {:>7.3} ms  p99 {:>7.3} ms  most {:>7.3} ms  {:>6} bytes a frame",
            self.frames.len(),
            at(0.5),
            at(0.99),
            at(1.0),
            self.sink.0.get() / self.frames.len()
        );
    }
}

fn id(n: usize) -> String {
    format!("topology-{n}-1-1785661200")
}

fn cluster() -> Cluster {
    let topology = |n: usize| TopologySummary {
        id: id(n),
        name: format!("topology-{n}"),
        status: "ACTIVE".into(),
        workers: 4,
        executors: 20,
        tasks: 20,
        uptime_secs: 3600 + n as i64,
        owner: "storm".into(),
        placed: String::new(),
    };
    Cluster { topologies: (0..TOPOLOGIES).map(topology).collect(), ..Cluster::default() }
}

fn samples(from: usize, round: i64) -> Vec<Sample> {
    let sample = |n: usize| {
        let totals = Totals { emitted: 1000 * round, acked: 900 * round, complete_ms: Some(3.0), ..Totals::default() };
        let windows = ["600", "10800", "86400", ":all-time"].map(|w| (w.to_owned(), totals.clone()));
        Sample { id: id(n), name: format!("topology-{n}"), windows: BTreeMap::from(windows), ..Sample::default() }
    };
    (from..from + 20).map(|n| sample(n % TOPOLOGIES)).collect()
}

fn main() {
    let mut topologies = Bench::new(View::Topologies);
    for round in 0..200 {
        topologies.now += 1000;
        topologies.answer(Source::Cluster, Data::Cluster(cluster()));
        topologies.answer(Source::Samples, Data::Samples(samples(round * 20, round as i64)));
        for key in ['j', 'j', 'G', 'g', '>', 'j', '/', '7', '\u{8}'] {
            topologies.key(key);
        }
        topologies.timed(Msg::Key(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE)));
    }
    topologies.report("500 topologies");

    let component = View::Component { id: id(1), name: "topology-1".into(), component: "count".into() };
    let mut executors = Bench::new(component);
    let executor = |n: i32| Executor {
        first_task: n,
        last_task: n,
        host: format!("node{}", n % 300),
        port: 6700 + n % 4,
        uptime_secs: 3600,
        stats: Component {
            emitted: i64::from(n) * 7,
            executed: Some(i64::from(n)),
            capacity: Some(0.3),
            ..Component::default()
        },
    };
    let page = ComponentPage {
        topology: "topology-1".into(),
        topology_id: id(1),
        id: "count".into(),
        executors: i64::from(EXECUTORS),
        running: (0..EXECUTORS).map(executor).collect(),
        ..ComponentPage::default()
    };
    let source = executors.model.wants().into_iter().find(|s| matches!(s, Source::Component { .. })).expect("it asks");
    for _ in 0..20 {
        executors.now += 1000;
        executors.answer(source.clone(), Data::Component(Box::new(page.clone())));
        for key in ['j', 'j', 'G', 'g', '>', 'j', 'k'] {
            executors.key(key);
        }
    }
    executors.report("10,000 executors of a component");

    let source = Source::Logs { topology: None };
    for (what, filter) in [("10,000 log lines a second", ""), ("the same with a filter", "~tuple.*7$")] {
        let mut logs = Bench::new(View::Logs { topology: None });
        logs.key('/');
        filter.chars().for_each(|c| logs.key(c));
        logs.timed(Msg::Key(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE)));
        logs.frames.clear();
        let mut number = 0;
        for _ in 0..SECONDS * 10 {
            logs.now += 100;
            let line = |n: usize| LogLine {
                time: "2026-08-02T10:00:00.000".into(),
                source: format!("67{:02}", n % 4),
                text: format!("2026-08-02 10:00:00.000 storm.worker main [INFO] executed tuple {n}"),
            };
            let lines = (number..number + LINES_A_SECOND / 10).map(line).collect();
            number += LINES_A_SECOND / 10;
            logs.answer(source.clone(), Data::Logs(LogBatch { lines, files: 4, ..LogBatch::default() }));
            logs.key('w');
        }
        logs.report(what);
    }
}
