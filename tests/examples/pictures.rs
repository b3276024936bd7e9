//! Makes the README's pictures of the dashboard from the real program on a real cluster:
//!
//!     cargo run -p storm-tests --example pictures -- docs/pictures

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use storm_tests::built::stormctl;
use storm_tests::cluster::{Cluster, ClusterOptions};
use storm_tests::terminal::Terminal;

const LIMIT: Duration = Duration::from_secs(60);
const WIDTH: u16 = 110;
const HEIGHT: u16 = 30;

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "docs/pictures".to_owned()));
    fs::create_dir_all(&folder).unwrap_or_else(|e| panic!("cannot make {}: {e}", folder.display()));
    let mut options = ClusterOptions { supervisors: 2, ..ClusterOptions::default() };
    for key in ["nimbus.monitor.freq.secs", "executor.metrics.frequency.secs", "task.heartbeat.frequency.secs"] {
        options = options.with(key, 1);
    }
    let cluster = Cluster::start(options);
    let dir = cluster.nest().dir();
    fs::write(dir.join("text"), "the quick brown fox jumps over the lazy dog\n".repeat(400_000)).expect("written");
    let flux = dir.join("wordcount.yaml");
    let text = include_str!("../../examples/wordcount.yaml")
        .replace("../README.md", &dir.join("text").display().to_string())
        .replace("/tmp/wordcount.tsv", &dir.join("counts").display().to_string());
    fs::write(&flux, text).expect("written");
    cluster.stormctl(&["submit", &flux.display().to_string()]).ok();
    cluster.wait_for_workers(2);

    let mut program = Command::new(stormctl());
    program.arg("--config").arg(cluster.supervisors[0].config()).args(["tui", "--theme", "dark"]);
    program.env("HOME", dir).env("TERM", "xterm-256color").env("LANG", "C.UTF-8").env_remove("NO_COLOR");
    let mut terminal = Terminal::spawn(cluster.nest(), &program, WIDTH, HEIGHT);
    terminal.wait_for_text(LIMIT, "1 ACTIVE");
    // A few seconds of history for the sparklines.
    terminal.wait_until(LIMIT, "some history", |s| {
        s.contents()
            .lines()
            .filter(|l| l.starts_with("acked"))
            .any(|l| l.chars().filter(|c| "▂▃▄▅▆▇█".contains(*c)).count() > 8)
    });
    keep(&terminal, &folder, "overview");
    terminal.type_in(":topology wordcount\r");
    terminal
        .wait_until(LIMIT, "rates on the edges", |s| s.contents().contains("HOT") && !s.contents().contains(" -/s"));
    keep(&terminal, &folder, "topology");
    terminal.type_in(":zk /storm/storms\r");
    terminal.wait_for_text(LIMIT, "storms [1]");
    terminal.type_in("\r");
    terminal.wait_for_text(LIMIT, "StormBase");
    keep(&terminal, &folder, "zookeeper");
    terminal.type_in("q");
    terminal.wait(LIMIT);
}

fn keep(terminal: &Terminal, folder: &std::path::Path, name: &str) {
    let picture = terminal.look(svg);
    let file = folder.join(format!("{name}.svg"));
    fs::write(&file, picture).unwrap_or_else(|e| panic!("cannot write {}: {e}", file.display()));
}

const CELL: (f64, f64) = (8.4, 18.0);

fn svg(screen: &vt100::Screen) -> String {
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let (width, height) = (f64::from(columns) * CELL.0, f64::from(rows) * CELL.1);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <style>text{{font:14px ui-monospace,Menlo,Consolas,monospace;white-space:pre}}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#1c1c1c\"/>\n"
    );
    for row in 0..rows {
        let mut column = 0;
        while column < columns {
            // Neighbours of one style are one text.
            let style = style(screen, row, column);
            let first = column;
            let mut text = String::new();
            while column < columns && self::style(screen, row, column) == style {
                let cell = screen.cell(row, column).map(|c| c.contents().to_owned()).unwrap_or_default();
                text.push_str(if cell.is_empty() { " " } else { &cell });
                column += 1;
            }
            let (x, y) = (f64::from(first) * CELL.0, f64::from(row) * CELL.1);
            let span = f64::from(column - first) * CELL.0;
            let (front, back, bold) = style;
            if back != "#1c1c1c" {
                out.push_str(&format!(
                    "<rect x=\"{x:.1}\" y=\"{y}\" width=\"{span:.1}\" height=\"{}\" fill=\"{back}\"/>\n",
                    CELL.1
                ));
            }
            if !text.trim().is_empty() {
                let weight = if bold { " font-weight=\"bold\"" } else { "" };
                let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                out.push_str(&format!(
                    "<text x=\"{x:.1}\" y=\"{:.1}\" fill=\"{front}\"{weight} textLength=\"{span:.1}\">{escaped}</text>\n",
                    y + CELL.1 * 0.74
                ));
            }
        }
    }
    out + "</svg>\n"
}

/// Front, back, and whether it is bold.
fn style(screen: &vt100::Screen, row: u16, column: u16) -> (String, String, bool) {
    let Some(cell) = screen.cell(row, column) else { return ("#d0d0d0".into(), "#1c1c1c".into(), false) };
    let (front, back) = (colour(cell.fgcolor(), "#d0d0d0"), colour(cell.bgcolor(), "#1c1c1c"));
    if cell.inverse() { (back, front, cell.bold()) } else { (front, back, cell.bold()) }
}

fn colour(colour: vt100::Color, default: &str) -> String {
    match colour {
        vt100::Color::Default => default.to_owned(),
        vt100::Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
        vt100::Color::Idx(n @ 0..=15) => {
            const NAMED: [&str; 16] = [
                "#000000", "#cd3131", "#0dbc79", "#e5e510", "#2472c8", "#bc3fbc", "#11a8cd", "#e5e5e5", "#666666",
                "#f14c4c", "#23d18b", "#f5f543", "#3b8eea", "#d670d6", "#29b8db", "#ffffff",
            ];
            NAMED[usize::from(n)].to_owned()
        }
        vt100::Color::Idx(n @ 16..=231) => {
            let level = |v: u8| if v == 0 { 0 } else { 55 + 40 * v };
            let n = n - 16;
            format!("#{:02x}{:02x}{:02x}", level(n / 36), level(n / 6 % 6), level(n % 6))
        }
        vt100::Color::Idx(n) => {
            let grey = 8 + 10 * (n - 232);
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
    }
}
