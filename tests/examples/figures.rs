//! What the dashboard takes as a whole process, in a real terminal, on a cluster of this machine:
//!
//!     cargo run --release -p storm-tests --example figures

#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use storm_tests::built::stormctl;
use storm_tests::cluster::{Cluster, ClusterOptions};
use storm_tests::process::resident_bytes;
use storm_tests::terminal::Terminal;

const LIMIT: Duration = Duration::from_secs(60);
const IDLE: Duration = Duration::from_secs(20);

fn main() {
    let cluster = Cluster::start(ClusterOptions::default());
    let open = |view: &str| {
        let mut program = Command::new(stormctl());
        program.arg("--config").arg(cluster.supervisors[0].config()).args(["tui", view]);
        program.env("HOME", cluster.nest().dir()).env("TERM", "xterm-256color").env("LANG", "C.UTF-8");
        Terminal::spawn(cluster.nest(), &program, 200, 60)
    };
    let mut starts = Vec::new();
    for _ in 0..10 {
        let began = Instant::now();
        let mut terminal = open("supervisors");
        until(&terminal, "127.0.0.1 ");
        starts.push(began.elapsed());
        terminal.type_in("q");
        terminal.wait(LIMIT);
    }
    report("first useful frame", &mut starts);

    let mut terminal = open("config");
    terminal.wait_for_text(LIMIT, "nimbus.seeds");
    let mut keys = Vec::new();
    for round in 0..200 {
        // A key and what it must show.
        let (key, shown) = if round % 2 == 0 { ("?", "Keys (letters") } else { ("\x1b[20~\x1b", "[") };
        let began = Instant::now();
        terminal.type_in(key);
        if round % 2 == 0 {
            until(&terminal, shown);
            keys.push(began.elapsed());
        } else {
            terminal.wait_until(LIMIT, "the help to be gone", |s| !s.contents().contains("Keys (letters"));
        }
    }
    report("key to frame", &mut keys);

    let before = resident_bytes(terminal.pid());
    let (ticks, began) = (ticks(terminal.pid()), Instant::now());
    while began.elapsed() < IDLE {
        std::thread::sleep(Duration::from_millis(100));
    }
    let share = (self::ticks(terminal.pid()) - ticks) as f64 / 100.0 / began.elapsed().as_secs_f64() * 100.0;
    println!(
        "idle: {share:.2} % of a core; resident {:.1} MiB, {:.1} MiB {} s before",
        mib(resident_bytes(terminal.pid())),
        mib(before),
        IDLE.as_secs()
    );
    terminal.type_in("q");
    terminal.wait(LIMIT);
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1048576.0
}

/// Looks without a pause: what is waited for takes milliseconds.
fn until(terminal: &Terminal, text: &str) {
    let began = Instant::now();
    while !terminal.screen().contains(text) {
        assert!(began.elapsed() < LIMIT, "no {text:?} on\n{}", terminal.screen());
        std::thread::yield_now();
    }
}

fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it lives");
    let rest = stat.rsplit_once(')').expect("a name").1;
    rest.split_whitespace().skip(11).take(2).map(|f| f.parse::<u64>().expect("ticks")).sum()
}

fn report(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    println!("{what}: p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms", at(0.5), at(0.99), at(1.0));
}
