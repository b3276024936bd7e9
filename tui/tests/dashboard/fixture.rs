//! A cluster that stands still, and a dashboard that looks at it.

use std::collections::BTreeMap;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use storm_tui::data::*;
use storm_tui::keys;
use storm_tui::{Answer, Cmd, Data, Effect, Model, Msg, Options, Source, Trouble, Verb, View, draw, update};

/// 2026-08-02 10:00:00 UTC.
pub const NOW: u64 = 1_785_664_800_000;

pub struct Screen {
    pub model: Model,
    pub now: u64,
}

pub fn verbs() -> Vec<Verb> {
    let verb = |name: &str| {
        let topology = ["describe", "activate", "kill"].contains(&name);
        Verb { name: name.into(), about: format!("the verb {name}"), topology }
    };
    let acts = [
        "activate",
        "deactivate",
        "rebalance",
        "kill",
        "set-log-level",
        "submit",
        "start",
        "stop",
        "restart",
        "config",
    ];
    let reads = ["list", "doctor", "describe", "monitor", "zk", "zk get", "config explain", "nimbus"];
    reads.into_iter().chain(acts).map(verb).collect()
}

/// As the command line's own parser would, for the verbs above.
fn judge(words: &[String]) -> Result<Effect, String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["nimbus"] => Err("it would take this screen\n\n:start nimbus".to_owned()),
        ["doctor", "--apply"] => Ok(Effect::Changes),
        ["list" | "doctor" | "describe", ..] | ["zk", "get", _] | ["config", "explain", _] => Ok(Effect::Reads),
        ["monitor", _] => Ok(Effect::Terminal { changes: false }),
        ["config", "edit"] => Ok(Effect::Terminal { changes: true }),
        _ => Ok(Effect::Changes),
    }
}

pub fn options() -> Options {
    Options { verbs: verbs(), judge, ..Options::default() }
}

impl Screen {
    pub fn new(view: View, width: u16, height: u16) -> Screen {
        Screen::with(options(), view, width, height)
    }

    pub fn with(options: Options, view: View, width: u16, height: u16) -> Screen {
        let mut screen = Screen { model: Model::new(options, view), now: NOW };
        screen.send(Msg::Resize(width, height));
        screen
    }

    pub fn send(&mut self, msg: Msg) -> Vec<Cmd> {
        update(&mut self.model, msg, self.now)
    }

    /// The keys by their names, blanks between: `j j enter ctrl-k`.
    pub fn press(&mut self, names: &str) -> Vec<Cmd> {
        let mut cmds = Vec::new();
        for name in names.split_whitespace() {
            let (code, modifiers) = keys::parse(name).unwrap_or_else(|| panic!("{name} is no key"));
            cmds.extend(self.send(Msg::Key(KeyEvent::new(code, modifiers))));
        }
        cmds
    }

    pub fn type_in(&mut self, text: &str) -> Vec<Cmd> {
        text.chars().flat_map(|c| self.send(Msg::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)))).collect()
    }

    pub fn answer(&mut self, source: Source, data: Data) {
        let answer = Answer { source, at_ms: self.now, result: Ok(data) };
        self.send(Msg::Answer(Box::new(answer)));
    }

    pub fn lose(&mut self, source: Source, cause: &str) {
        let trouble = Trouble { cause: cause.into(), retry_in_ms: 4000 };
        self.send(Msg::Answer(Box::new(Answer { source, at_ms: self.now, result: Err(trouble) })));
    }

    /// Every source has answered, two times and a second apart, so that there are rates.
    pub fn fill(&mut self) {
        for round in 0..3 {
            self.now = NOW + round * 1000;
            for source in self.model.wants() {
                if let Some(data) = data(&source, round as i64) {
                    self.answer(source, data);
                }
            }
        }
        self.send(Msg::Tick);
    }

    pub fn text(&self) -> String {
        let (width, height) = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal of memory");
        terminal.draw(|frame| draw(&self.model, frame)).expect("memory takes it");
        let buffer = terminal.backend().buffer();
        let line = |y: u16| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..height).map(line).collect::<Vec<_>>().join("\n")
    }

    /// Where the style changes, line by line: what `text` does not show.
    pub fn styles(&self) -> String {
        let (width, height) = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal of memory");
        terminal.draw(|frame| draw(&self.model, frame)).expect("memory takes it");
        let buffer = terminal.backend().buffer();
        let mut out = String::new();
        for y in 0..height {
            let mut runs: Vec<(String, usize)> = Vec::new();
            for x in 0..width {
                let cell = &buffer[(x, y)];
                let style = format!("{}/{} {:?}", cell.fg, cell.bg, cell.modifier);
                match runs.last_mut() {
                    Some((last, n)) if *last == style => *n += 1,
                    _ => runs.push((style, 1)),
                }
            }
            let runs: Vec<String> = runs.iter().map(|(s, n)| format!("{n}x {s}")).collect();
            out.push_str(&format!("{y:2}: {}\n", runs.join(", ")));
        }
        out
    }
}

pub fn wordcount() -> View {
    View::Topology { id: "wordcount-1-1785661200".into(), name: "wordcount".into() }
}

pub fn count_component() -> View {
    View::Component { id: "wordcount-1-1785661200".into(), name: "wordcount".into(), component: "count".into() }
}

pub fn cluster() -> Cluster {
    let topology = |name: &str, n: i64, status: &str, workers| TopologySummary {
        id: format!("{name}-{n}-1785661200"),
        name: name.into(),
        status: status.into(),
        workers,
        executors: 7 * workers,
        tasks: 9 * workers,
        uptime_secs: 3600 * n,
        owner: "storm".into(),
        placed: if workers == 0 { "Not enough resources".into() } else { String::new() },
    };
    let supervisor = |host: &str, used| Supervisor {
        id: format!("sup-{host}"),
        host: host.into(),
        version: "2.8.3".into(),
        uptime_secs: 86_500,
        slots: 4,
        used,
        total_mem: Some(4096.0),
        used_mem: Some(1664.0),
        total_cpu: Some(400.0),
        used_cpu: Some(70.0),
        blacklisted: host == "node3",
    };
    Cluster {
        nimbuses: vec![
            Nimbus { host: "node1".into(), port: 6627, leader: true, version: "2.8.3".into(), uptime_secs: 90_000 },
            Nimbus { host: "node2".into(), port: 6627, leader: false, version: "2.8.3".into(), uptime_secs: 80_000 },
        ],
        supervisors: vec![supervisor("node1", 3), supervisor("node2", 4), supervisor("node3", 0)],
        topologies: vec![
            topology("wordcount", 1, "ACTIVE", 3),
            topology("clicks", 2, "ACTIVE", 4),
            topology("nightly", 3, "INACTIVE", 0),
            topology("old", 4, "KILLED", 1),
        ],
    }
}

fn windows(n: i64) -> BTreeMap<String, Totals> {
    let totals = |n: i64| Totals {
        emitted: 1_200_000 + 300 * n,
        transferred: 1_100_000 + 300 * n,
        acked: 410_000 + 120 * n,
        failed: 3,
        complete_ms: Some(12.345),
    };
    WINDOWS.iter().map(|(w, _)| ((*w).to_owned(), totals(n))).collect()
}

fn component(id: &str, spout: bool, capacity: Option<f64>) -> Component {
    Component {
        id: id.into(),
        spout,
        executors: if spout { 1 } else { 3 },
        tasks: 3,
        emitted: 1_000_000,
        transferred: 900_000,
        executed: (!spout).then_some(512_345),
        acked: 512_000,
        failed: i64::from(spout) * 3,
        capacity,
        execute_ms: (!spout).then_some(0.123),
        process_ms: (!spout).then_some(0.456),
        complete_ms: spout.then_some(12.3),
        last_error: (id == "count").then(|| "java.lang.RuntimeException: no word\n\tat x".to_owned()),
    }
}

fn error(topology: &str, component: &str) -> ComponentError {
    ComponentError {
        topology: topology.into(),
        component: component.into(),
        error: "java.lang.RuntimeException: no word\n\tat org.apache.storm.Count.execute(Count.java:7)".into(),
        time_secs: (NOW / 1000) as i64 - 95,
        host: Some("node2".into()),
        port: Some(6701),
    }
}

fn edge(from: &str, to: &str, stream: &str, executed: i64) -> Edge {
    Edge {
        from: from.into(),
        stream: stream.into(),
        to: to.into(),
        grouping: "shuffle".into(),
        executed: Some(executed),
    }
}

fn topology(round: i64) -> Topology {
    let worker = |host: &str, port| Worker {
        host: host.into(),
        port,
        supervisor: format!("sup-{host}"),
        topology: "wordcount".into(),
        topology_id: "wordcount-1-1785661200".into(),
        executors: 7,
        uptime_secs: 3590,
        components: BTreeMap::from([("count".to_owned(), 2), ("lines".to_owned(), 1)]),
        mem: Some(832.0),
        cpu: Some(70.0),
    };
    Topology {
        id: "wordcount-1-1785661200".into(),
        name: "wordcount".into(),
        status: "ACTIVE".into(),
        owner: "storm".into(),
        uptime_secs: 3600,
        placed: String::new(),
        version: "2.8.3".into(),
        windows: windows(round),
        components: vec![
            component("lines", true, None),
            component("count", false, Some(0.91)),
            component("report", false, Some(0.02)),
            component("split", false, Some(0.31)),
        ],
        edges: vec![
            edge("split", "count", "default", 90_000 + 2500 * round),
            edge("lines", "report", "stats", 10 * round),
            edge("count", "report", "default", 5000 + 12 * round),
            edge("lines", "split", "default", 30_000 + 800 * round),
        ],
        workers: vec![worker("node1", 6700), worker("node1", 6701), worker("node2", 6700)],
        errors: vec![error("wordcount", "count")],
    }
}

fn component_page() -> ComponentPage {
    let executor = |n: i32| Executor {
        first_task: n,
        last_task: n,
        host: format!("node{}", 1 + n % 2),
        port: 6700 + n % 3,
        uptime_secs: 3590,
        stats: component("count", false, Some(f64::from(n) * 0.1)),
    };
    let flow = |component: &str, stream: &str| Flow {
        component: component.into(),
        stream: stream.into(),
        emitted: 1000,
        executed: 512_345,
        acked: 512_000,
        failed: 0,
        execute_ms: Some(0.123),
    };
    ComponentPage {
        topology: "wordcount".into(),
        topology_id: "wordcount-1-1785661200".into(),
        id: "count".into(),
        spout: false,
        executors: 3,
        tasks: 3,
        windows: WINDOWS.iter().map(|(w, _)| ((*w).to_owned(), component("count", false, Some(0.91)))).collect(),
        inputs: vec![flow("split", "default")],
        outputs: vec![flow("", "default")],
        running: (4..7).map(executor).collect(),
        errors: vec![error("wordcount", "count")],
    }
}

pub fn log_lines() -> LogBatch {
    let line = |n: u32, source: &str, text: &str| LogLine {
        time: format!("2026-08-02T10:00:0{n}.000"),
        source: source.into(),
        text: format!("2026-08-02 10:00:0{n}.000 {text}"),
    };
    LogBatch {
        lines: vec![
            line(0, "6700", "[INFO] worker is up"),
            line(1, "6701", "[DEBUG] 17 tuples"),
            line(2, "6700", "[WARN] slow: 120 ms"),
            line(3, "nimbus", "[ERROR] cannot reach \x1b[31mnode3\x1b[0m"),
        ],
        dropped: 2,
        files: 3,
        anew: true,
    }
}

/// What a source of the cluster answers in a round.
pub fn data(source: &Source, round: i64) -> Option<Data> {
    Some(match source {
        Source::Cluster | Source::Registry => Data::Cluster(cluster()),
        Source::Samples => {
            let sample = |t: &TopologySummary| Sample {
                id: t.id.clone(),
                name: t.name.clone(),
                windows: windows(if t.status == "ACTIVE" { round } else { 0 }),
                hottest: Some(("count".into(), if t.name == "clicks" { 0.97 } else { 0.2 })),
                errors: if t.name == "wordcount" { vec![error("wordcount", "count")] } else { Vec::new() },
            };
            Data::Samples(cluster().topologies.iter().map(sample).collect())
        }
        Source::Topology { .. } => Data::Topology(Box::new(topology(round))),
        Source::Component { .. } => Data::Component(Box::new(component_page())),
        Source::Workers => Data::Workers(topology(0).workers),
        Source::Ensemble => Data::Ensemble(Ensemble {
            servers: vec![
                ZkServer {
                    address: "node1:2181".into(),
                    mode: "leader".into(),
                    version: "3.9.5".into(),
                    latency: "0/0.4/12".into(),
                    connections: "9".into(),
                    nodes: "41".into(),
                    zxid: "0x1f".into(),
                    trouble: None,
                },
                ZkServer {
                    address: "node2:2181".into(),
                    trouble: Some("node2:2181: Connection refused".into()),
                    ..ZkServer::default()
                },
            ],
        }),
        Source::Node { path } => Data::Node(ZkNode {
            path: path.clone(),
            children: vec![("assignments".into(), 1, 2), ("storms".into(), 1, 4), ("supervisors".into(), 1, 3)],
            data: vec!["name: wordcount".into(), "status: ACTIVE".into(), "odd: \u{202e}\x1b[2J".into()],
            kind: "StormBase".into(),
            version: 3,
            ephemeral: false,
            modified_ms: NOW as i64 - 65_000,
        }),
        Source::Processes => {
            let process = |pid: i32, name: &str, role: &str| Process {
                pid,
                name: name.into(),
                role: role.into(),
                java: pid == 12,
                topology: if role == "worker" { "wordcount-1-1785661200".into() } else { String::new() },
                slot: (role == "worker").then_some(6700),
                uptime_secs: Some(3600),
                resident_bytes: Some(25 << 20),
                cpu_ms: Some(10 * round as u64 * pid as u64),
                orphan: pid == 13,
                start_ticks: 99,
                ..Process::default()
            };
            let all = [(11, "Nimbus", "nimbus"), (12, "Supervisor", "supervisor"), (13, "Worker", "worker")];
            Data::Processes(all.iter().map(|(p, n, r)| process(*p, n, r)).collect())
        }
        Source::Logs { .. } if round == 0 => Data::Logs(log_lines()),
        Source::Logs { .. } => Data::Logs(LogBatch { files: 3, ..LogBatch::default() }),
        Source::Config => {
            let setting = |key: &str, value: &str, source: &str| Setting {
                key: key.into(),
                value: value.into(),
                source: source.into(),
            };
            Data::Config(Settings {
                file: Some("/etc/storm/storm.yaml".into()),
                settings: vec![
                    setting("nimbus.seeds", "[\"node1\",\"node2\"]", "/etc/storm/storm.yaml:3:15"),
                    setting("topology.workers", "1", "default"),
                    setting("ui.port", "8080", "default"),
                ],
                mistakes: vec![finding(
                    Severity::Warning,
                    "config/loopback",
                    "/etc/storm/storm.yaml:3:16: localhost among remote servers",
                )],
            })
        }
        Source::Findings => Data::Findings(vec![
            finding(Severity::Warning, "component/hot", "component clicks/count: it is busy all the time"),
            finding(Severity::Error, "topology/no-slots", "topology nightly: no slot is free"),
        ]),
    })
}

fn finding(severity: Severity, code: &str, message: &str) -> Finding {
    Finding {
        severity,
        code: code.into(),
        message: message.into(),
        evidence: vec!["node1:6627  asked 4, free 0".into()],
        fix: Some("stormctl rebalance nightly -n 1".into()),
    }
}
