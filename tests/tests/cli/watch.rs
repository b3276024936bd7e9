//! `--watch` in a terminal and in a pipe, and colour where it is wanted.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::Value;
use storm_tests::process::{Nest, kill};
use storm_tests::terminal::Terminal;

use super::{LIMIT, command};

#[test]
fn on_a_terminal_it_is_drawn_anew_and_ctrl_c_leaves_the_last_answer() {
    let nest = Nest::new();
    let mut watched = command(&nest, &["context", "list", "--watch=100ms"]);
    watched.env("TERM", "xterm");
    let mut terminal = Terminal::spawn(&nest, &watched, 80, 10);
    terminal.wait_for_text(LIMIT, "No cluster has a name.");
    assert!(terminal.screen().contains("stormctl context list      every 0.1 s"), "{}", terminal.screen());
    nest.run(command(&nest, &["context", "set", "one", "-c", "ui.port=1"])).ok();
    terminal.wait_for_text(LIMIT, "ui.port=1");
    assert!(!terminal.screen().contains("No cluster"), "{}", terminal.screen());
    let before = terminal.modes();
    terminal.type_in("\x03");
    assert_eq!(terminal.wait(LIMIT).code(), Some(130));
    assert!(
        terminal.screen().contains("ui.port=1") && !terminal.screen().contains("every 0.1 s"),
        "{}",
        terminal.screen()
    );
    assert!(!terminal.look(|screen| screen.hide_cursor() || screen.alternate_screen()));
    assert_eq!(terminal.modes().local_modes, before.local_modes);
}

#[test]
fn in_a_pipe_each_answer_is_a_document_of_its_own() {
    let nest = Nest::new();
    let watched = |args: &[&str]| {
        let mut child = command(&nest, args);
        nest.mark(&mut child);
        let mut child =
            child.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        (child, out)
    };
    let (mut child, out) = watched(&["version", "--watch=100ms"]);
    let mut lines = out.lines();
    for _ in 0..3 {
        let line = lines.next().expect("another answer").expect("a line");
        assert!(!line.contains('\x1b'), "{line:?}");
        let document: Value = serde_json::from_str(&line).expect("one document a line");
        assert_eq!((&document["kind"], &document["apiVersion"]), (&"Version".into(), &"stormctl/v1".into()));
        assert!(document["time"].as_str().is_some_and(|t| t.ends_with('Z')), "{document}");
    }
    kill(child.id(), Signal::INT);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));

    // YAML has its own mark between documents; names are lines.
    let (mut child, mut out) = watched(&["version", "--watch=100ms", "-o", "yaml"]);
    let mut line = String::new();
    out.read_line(&mut line).expect("a line");
    assert_eq!(line, "---\n");
    // A reader who leaves is no error.
    drop(out);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));

    // What cannot be reached now may be there in a moment: the error is told, and it goes on.
    let port = storm_tests::ports::free_port();
    let (mut child, _out) =
        watched(&["list", "--watch=100ms", "-o", "json", "-c", &format!("nimbus.thrift.port={port}")]);
    let errors = BufReader::new(child.stderr.take().expect("a pipe"));
    for line in errors.lines().take(2) {
        let error: Value = serde_json::from_str(&line.expect("a line")).expect("one error a line");
        assert_eq!(error["code"], "nimbus/no-leader");
    }
    kill(child.id(), Signal::TERM);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
}

#[test]
fn only_what_looks_can_be_watched() {
    let nest = Nest::new();
    for line in
        ["kill x --watch", "config set ui.port 1 --watch", "logs x -f --watch", "doctor --apply --watch", "tui --watch"]
    {
        let done = nest.run(command(&nest, &line.split(' ').collect::<Vec<_>>()));
        assert_eq!(done.status.code(), Some(2), "{line}: {done:?}");
        assert!(done.stderr.contains("usage/watch"), "{line}: {done:?}");
    }
    let fast = nest.run(command(&nest, &["version", "--watch=1ms"]));
    assert_eq!(fast.status.code(), Some(2), "{fast:?}");
}

#[test]
fn colour_is_for_terminals_unless_it_is_asked_for() {
    let nest = Nest::new();
    let coloured = |variables: &[(&str, &str)], args: &[&str]| {
        let mut command = command(&nest, &[&["explain", "no/such-code"], args].concat());
        command.envs(variables.iter().copied());
        let done = nest.run(command);
        assert!(done.stderr.contains("config/unknown-code") && !done.stdout.contains('\x1b'), "{done:?}");
        done.stderr.contains("\x1b[31;1m")
    };
    assert!(!coloured(&[], &[]));
    assert!(coloured(&[("CLICOLOR_FORCE", "1")], &[]));
    assert!(coloured(&[("FORCE_COLOR", "1")], &[]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "0")], &[]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], &[]));
    assert!(!coloured(&[("FORCE_COLOR", "1")], &["--no-color"]));
    let on_terminal = |variable: Option<&str>| {
        let mut command = command(&nest, &["explain", "no/such-code"]);
        command.env("TERM", "xterm");
        if let Some(variable) = variable {
            command.env(variable, "1");
        }
        let mut terminal = Terminal::spawn(&nest, &command, 100, 10);
        terminal.wait_for_text(LIMIT, "config/unknown-code");
        terminal.wait(LIMIT);
        terminal.bytes().windows(2).any(|w| w == b"\x1b[")
    };
    assert!(on_terminal(None));
    assert!(!on_terminal(Some("NO_COLOR")));
}
