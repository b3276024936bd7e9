//! Makes the pictures of the dashboard from the real program on a real cluster:
//!
//!     cargo run -p storm-tests --example pictures -- docs/pictures

mod svg;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use storm_tests::built::stormctl;
use storm_tests::cluster::{Cluster, ClusterOptions};
use storm_tests::terminal::Terminal;

const LIMIT: Duration = Duration::from_secs(90);
const WIDTH: u16 = 112;
const HEIGHT: u16 = 30;

/// Two streams of lines that meet, are counted and kept, and one that is kept as it is.
const ACCESS: &str = r#"
name: access-log
config: {topology.workers: 3, topology.max.spout.pending: 400}
spouts:
  - {id: web, className: lines, constructorArgs: [["TEXT"]]}
  - {id: app, className: lines, constructorArgs: [["TEXT"]]}
bolts:
  - {id: fields, className: split, parallelism: 3}
  - {id: sessions, className: count, parallelism: 2}
  - {id: totals, className: file, constructorArgs: [DIR/totals]}
  - {id: archive, className: file, constructorArgs: [DIR/archive]}
streams:
  - {from: web, to: fields, grouping: {type: SHUFFLE}}
  - {from: app, to: fields, grouping: {type: SHUFFLE}}
  - {from: web, to: archive, grouping: {type: GLOBAL}}
  - {from: fields, to: sessions, grouping: {type: FIELDS, args: [word]}}
  - {from: sessions, to: totals, grouping: {type: GLOBAL}}
"#;

/// Wants more workers than there is room for.
const NIGHTLY: &str = r#"
name: nightly-report
config: {topology.workers: 9}
spouts:
  - {id: lines, className: lines, constructorArgs: [["SMALL"]]}
bolts:
  - {id: split, className: split, parallelism: 9}
streams:
  - {from: lines, to: split, grouping: {type: SHUFFLE}}
"#;

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "docs/pictures".to_owned()));
    fs::create_dir_all(&folder).unwrap_or_else(|e| panic!("cannot make {}: {e}", folder.display()));
    let mut options = ClusterOptions { supervisors: 3, ..ClusterOptions::default() };
    for key in ["nimbus.monitor.freq.secs", "executor.metrics.frequency.secs", "task.heartbeat.frequency.secs"] {
        options = options.with(key, 1);
    }
    let cluster = Cluster::start(options);
    let dir = cluster.nest().dir();
    fs::write(dir.join("text"), "the quick brown fox jumps over the lazy dog\n".repeat(2_000_000)).expect("written");
    fs::write(dir.join("small"), "the quick brown fox\n".repeat(100)).expect("written");
    let wordcount = include_str!("../../../examples/wordcount.yaml")
        .replace("../README.md", &dir.join("text").display().to_string())
        .replace("/tmp/wordcount.tsv", &dir.join("counts").display().to_string());
    submit(&cluster, "wordcount", &wordcount);
    cluster.wait_for_workers(2);

    let mut program = Command::new(stormctl());
    program.arg("--config").arg(cluster.supervisors[0].config()).args(["tui", "--theme", "dark"]);
    program.env("HOME", dir).env("TERM", "xterm-256color").env("LANG", "C.UTF-8").env_remove("NO_COLOR");
    let mut terminal = Terminal::spawn(cluster.nest(), &program, WIDTH, HEIGHT);
    let keep = |terminal: &Terminal, name: &str, title: &str| {
        let picture = terminal.look(|screen| svg::svg(screen, title));
        let file = folder.join(format!("{name}.svg"));
        fs::write(&file, picture).unwrap_or_else(|e| panic!("cannot write {}: {e}", file.display()));
    };
    terminal.wait_for_text(LIMIT, "1 ACTIVE");
    // A history with something in it.
    pass(&mut terminal, 9);
    submit(&cluster, "access", ACCESS);
    pass(&mut terminal, 9);
    cluster.stormctl(&["deactivate", "wordcount"]).ok();
    pass(&mut terminal, 4);
    cluster.stormctl(&["activate", "wordcount"]).ok();
    submit(&cluster, "nightly", NIGHTLY);
    pass(&mut terminal, 22);
    keep(&terminal, "overview", "stormctl tui");

    terminal.type_in(":topology access-log\r");
    let rates = |s: &vt100::Screen| s.contents().contains("HOT") && !s.contents().contains(" -/s");
    terminal.wait_until(LIMIT, "rates on the edges", rates);
    keep(&terminal, "topology", "stormctl tui topology access-log");
    terminal.type_in("b\t5\t\r");
    terminal.wait_until(LIMIT, "the preview", |s| s.contents().contains("a preview:"));
    keep(&terminal, "rebalance", "a rebalance is shown before it is asked");
    terminal.type_in("\x1b:zk /storm/assignments\r");
    terminal.wait_for_text(LIMIT, "assignments [3]");
    terminal.type_in("\r");
    terminal.wait_for_text(LIMIT, "Assignment");
    keep(&terminal, "zookeeper", "stormctl tui zookeeper");
    terminal.type_in(":logs\r");
    terminal
        .wait_until(LIMIT, "lines", |s| s.contents().contains("following") && !s.contents().contains("no line yet"));
    terminal.type_in("Hworker\r");
    pass(&mut terminal, 1);
    keep(&terminal, "logs", "stormctl tui logs");
    terminal.type_in("q");
    terminal.wait(LIMIT);
}

fn submit(cluster: &Cluster, name: &str, text: &str) {
    let dir = cluster.nest().dir();
    let text = text
        .replace("TEXT", &dir.join("text").display().to_string())
        .replace("SMALL", &dir.join("small").display().to_string())
        .replace("DIR", &dir.display().to_string());
    let flux: &Path = &dir.join(format!("{name}.yaml"));
    fs::write(flux, text).expect("written");
    cluster.stormctl(&["submit", &flux.display().to_string()]).ok();
}

/// So many seconds of it on the screen.
fn pass(terminal: &mut Terminal, seconds: u64) {
    let began = Instant::now();
    terminal.wait_until(LIMIT, "time to pass", |_| began.elapsed() > Duration::from_secs(seconds));
}
