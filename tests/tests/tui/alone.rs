//! Without a cluster: the worst day, and the ways in which it can end.

use std::fs;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use rustix::termios::LocalModes;
use storm_tests::process::{self, Nest};
use storm_tests::terminal::Terminal;

use super::{LIMIT, command, nobody, restored};

fn open(nest: &Nest, arguments: &[&str]) -> Terminal {
    let mut terminal = Terminal::spawn(nest, &command(nest, &nobody(nest), arguments), 100, 30);
    terminal.wait_for_text(LIMIT, "STORM");
    terminal
}

#[test]
fn everything_is_down_and_it_is_useful() {
    let nest = Nest::new();
    let mut terminal = open(&nest, &[]);
    terminal.wait_for_text(LIMIT, "nimbus LOST");
    terminal.wait_for_text(LIMIT, "Connection refused");
    terminal.wait_until(LIMIT, "a retry countdown", |s| s.contents().contains("retry in"));
    // The rules read files and sockets.
    terminal.wait_until(LIMIT, "a finding", |s| s.contents().contains("FAIL"));
    terminal.type_in(":config\r");
    terminal.wait_for_text(LIMIT, "nimbus.thrift.port");
    terminal.type_in("/seeds");
    terminal.wait_for_text(LIMIT, "[1 of ");
    terminal.type_in("\r:processes\r");
    terminal.wait_for_text(LIMIT, "PID");
    terminal.type_in("q");
    assert!(terminal.wait(LIMIT).success());
    restored(&terminal);
}

#[test]
fn signals_and_a_panic_give_the_terminal_back() {
    for (signal, code) in [(Signal::TERM, 130), (Signal::HUP, 130), (Signal::INT, 130)] {
        let nest = Nest::new();
        let mut terminal = open(&nest, &[]);
        assert!(terminal.look(|s| s.alternate_screen()) && !terminal.modes().local_modes.contains(LocalModes::ICANON));
        process::kill(terminal.pid(), signal);
        assert_eq!(terminal.wait(LIMIT).code(), Some(code), "{signal:?}");
        restored(&terminal);
        assert!(terminal.screen().contains("ended by"), "{}", terminal.screen());
    }
    // Only a program for tests can be told to panic.
    if !cfg!(debug_assertions) {
        return;
    }
    let nest = Nest::new();
    let mut terminal = open(&nest, &["--panic-after", "3"]);
    assert_eq!(terminal.wait(LIMIT).code(), Some(101));
    restored(&terminal);
    assert!(terminal.screen().contains("asked to panic at frame 3"), "{}", terminal.screen());
}

#[test]
fn it_is_suspended_and_comes_back() {
    let nest = Nest::new();
    let config = nobody(&nest);
    let program = command(&nest, &config, &[]);
    let mut shell = Command::new("bash");
    shell.args(["--norc", "--noprofile", "-i"]).env("PS1", "prompt> ").env("HISTFILE", "/dev/null");
    for (key, value) in program.get_envs() {
        if let Some(value) = value {
            shell.env(key, value);
        }
    }
    let mut terminal = Terminal::spawn(&nest, &shell, 100, 30);
    terminal.wait_for_text(LIMIT, "prompt> ");
    let arguments: Vec<String> = program.get_args().map(|a| a.to_string_lossy().into_owned()).collect();
    terminal.type_in(&format!("{} {}\n", program.get_program().to_string_lossy(), arguments.join(" ")));
    terminal.wait_until(LIMIT, "the dashboard", |s| s.alternate_screen() && s.contents().contains("STORM"));
    for _ in 0..2 {
        terminal.type_in("\x1a");
        terminal.wait_until(LIMIT, "the shell", |s| !s.alternate_screen() && s.contents().contains("Stopped"));
        restored_modes(&terminal);
        terminal.type_in("fg\n");
        terminal.wait_until(LIMIT, "the dashboard again", |s| s.alternate_screen() && s.contents().contains("STORM"));
        terminal.type_in(":events\r");
        terminal.wait_for_text(LIMIT, "events [");
        terminal.type_in(":overview\r");
        terminal.wait_for_text(LIMIT, "overview");
    }
    terminal.type_in("q");
    terminal.wait_until(LIMIT, "the shell", |s| !s.alternate_screen());
    terminal.type_in("exit\n");
    terminal.wait(LIMIT);
}

fn restored_modes(terminal: &Terminal) {
    terminal.look(|screen| {
        assert!(!screen.hide_cursor());
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    });
}

#[test]
fn a_shell_and_back() {
    let nest = Nest::new();
    let config = nobody(&nest);
    let mut program = command(&nest, &config, &[]);
    program.env("SHELL", "/bin/sh").env("PS1", "inner> ").env_remove("ENV");
    let mut terminal = Terminal::spawn(&nest, &program, 100, 30);
    terminal.wait_for_text(LIMIT, "STORM");
    terminal.type_in("!");
    terminal.wait_until(LIMIT, "a prompt", |s| !s.alternate_screen() && s.contents().contains("inner> "));
    terminal.type_in("echo typed-$((40 + 2)); exit\n");
    terminal.wait_until(LIMIT, "the dashboard", |s| s.alternate_screen() && s.contents().contains("STORM"));
    assert!(String::from_utf8_lossy(&terminal.bytes()).contains("typed-42"));
    terminal.type_in("q");
    assert!(terminal.wait(LIMIT).success());
    restored(&terminal);
}

#[test]
fn a_storm_of_sizes_down_to_one_by_one() {
    let nest = Nest::new();
    let mut terminal = open(&nest, &[]);
    for round in 0..6u16 {
        for (width, height) in [(1, 1), (500, 200), (2, 50), (40, 10), (39, 9), (133, 1), (80 + round, 24)] {
            terminal.resize(width, height);
        }
        terminal.type_in("?\x1bm\x1b");
    }
    terminal.resize(120, 33);
    terminal.wait_until(LIMIT, "the last size to be filled", |s| {
        s.contents().starts_with("STORM") && s.contents().contains("overview")
    });
    terminal.type_in("q");
    assert!(terminal.wait(LIMIT).success());
    restored(&terminal);
}

#[test]
fn without_colour_there_is_no_colour() {
    let nest = Nest::new();
    let config = nobody(&nest);
    let mut program = command(&nest, &config, &[]);
    program.env("NO_COLOR", "1").env("LANG", "C");
    let mut terminal = Terminal::spawn(&nest, &program, 100, 30);
    terminal.wait_for_text(LIMIT, "nimbus LOST");
    terminal.type_in("?");
    terminal.wait_for_text(LIMIT, "moving");
    terminal.type_in("\x1bq");
    assert!(terminal.wait(LIMIT).success());
    let bytes = terminal.bytes();
    let text = String::from_utf8_lossy(&bytes);
    for sequence in text.split("\x1b[").skip(1) {
        let end = sequence.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(0);
        let Some(codes) = sequence[..=end].strip_suffix('m') else { continue };
        // 39 and 49 are the colours that the terminal has anyway.
        let coloured = codes.split(';').any(|c| matches!(c.parse(), Ok(30..=38 | 40..=48 | 90..=107)));
        assert!(!coloured, "colour in {codes:?}");
    }
    assert!(text.is_ascii(), "only ASCII in a locale that knows no other");
}

#[test]
fn pipes_and_dumb_terminals_are_refused_in_plain_words() {
    let nest = Nest::new();
    let config = nobody(&nest);
    let said = nest.run(command(&nest, &config, &[])).refused();
    assert!(said.contains("error[tui/no-terminal]") && !said.contains('\x1b'), "{said}");
    let mut dumb = command(&nest, &config, &[]);
    dumb.env("TERM", "dumb");
    let mut terminal = Terminal::spawn(&nest, &dumb, 80, 24);
    assert_eq!(terminal.wait(LIMIT).code(), Some(2));
    assert!(!terminal.bytes().contains(&0x1b), "{}", terminal.screen());
}

#[test]
fn keys_of_the_user_and_a_copy_over_the_terminal() {
    let nest = Nest::new();
    let folder = nest.dir().join(".config/storm");
    fs::create_dir_all(&folder).expect("made");
    fs::write(folder.join("keys.yaml"), "help: [f2]\nquit: [Q]\n").expect("written");
    let mut terminal = open(&nest, &[]);
    terminal.type_in("\x1bOQ");
    terminal.wait_for_text(LIMIT, "moving");
    terminal.type_in("\x1b:config\r");
    terminal.wait_for_text(LIMIT, "nimbus.seeds");
    terminal.type_in("xc");
    terminal.wait_for_text(LIMIT, "copied");
    assert!(String::from_utf8_lossy(&terminal.bytes()).contains("\x1b]52;c;"));
    terminal.type_in("Q");
    assert!(terminal.wait(LIMIT).success());

    fs::write(folder.join("keys.yaml"), "help: [j]\nfly: [x]\n").expect("written");
    let mut wrong = Terminal::spawn(&nest, &command(&nest, &nobody(&nest), &[]), 120, 30);
    assert_eq!(wrong.wait(LIMIT).code(), Some(6));
    let said = wrong.screen();
    assert!(said.contains("fly is no action") && said.contains("j is the key of both"), "{said}");
}

#[test]
fn an_idle_dashboard_costs_next_to_nothing() {
    let nest = Nest::new();
    let mut terminal = open(&nest, &["events"]);
    terminal.wait_for_text(LIMIT, "nimbus LOST");
    let ticks = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it lives");
        let fields: Vec<u64> = stat
            .rsplit_once(')')
            .expect("a name")
            .1
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(|f| f.parse().expect("ticks"))
            .collect();
        fields.iter().sum::<u64>()
    };
    let (before, began) = (ticks(terminal.pid()), std::time::Instant::now());
    while began.elapsed() < Duration::from_secs(5) {
        assert!(terminal.ended().is_none());
        std::thread::sleep(Duration::from_millis(100));
    }
    let share = (ticks(terminal.pid()) - before) as f64 / 100.0 / began.elapsed().as_secs_f64();
    // A debug build on a busy machine; docs/performance.md has the figure of a release build.
    assert!(share < 0.05, "{share} of a core");
    terminal.type_in("q");
    terminal.wait(LIMIT);
}
