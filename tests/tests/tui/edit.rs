//! The configuration from within the dashboard: an editor in the same terminal, and keys one by one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use storm_tests::process::Nest;
use storm_tests::terminal::Terminal;
use storm_tests::wait::wait_until;

use super::{LIMIT, command, nobody, restored};

/// An editor, as a script of the shell that gets the file as its argument.
fn editor(nest: &Nest, script: &str) -> String {
    let file = nest.dir().join("editor");
    fs::write(&file, script).expect("written");
    format!("sh {}", file.display())
}

fn open(nest: &Nest, config: &Path, editor: &str) -> Terminal {
    let mut program = command(nest, config, &["config"]);
    program.env_remove("VISUAL").env("EDITOR", editor);
    let mut terminal = Terminal::spawn(nest, &program, 120, 36);
    terminal.wait_for_text(LIMIT, "nimbus.seeds");
    terminal
}

fn text(config: &PathBuf) -> String {
    fs::read_to_string(config).expect("a configuration")
}

#[test]
fn it_is_checked_and_shown_before_it_is_written() {
    let nest = Nest::new();
    let config = nobody(&nest);
    let before = text(&config);
    // What it writes first would not load; what it writes then would.
    let editor = editor(
        &nest,
        "if [ -e second ]; then sed -i 's/^ui.port:.*/ui.port: 8099/' \"$1\"\n\
         else touch second; echo 'ui.port: x' >> \"$1\"; fi\n",
    );
    let mut terminal = open(&nest, &config, &editor);
    terminal.type_in("e");
    terminal.wait_for_text(LIMIT, "ui.port must be a whole number");
    terminal.wait_for_text(LIMIT, "Edit it again? [Y/n]");
    terminal.type_in("\n");
    terminal.wait_for_text(LIMIT, "+ui.port: 8099");
    terminal.wait_for_text(LIMIT, "[y/N]");
    assert_eq!(text(&config), before, "nothing is written before it is agreed to");
    terminal.type_in("y\n");
    terminal.wait_for_text(LIMIT, "Enter goes back to the dashboard");
    assert!(text(&config).contains("ui.port: 8099"));
    terminal.type_in("\n");
    terminal.wait_until(LIMIT, "the dashboard", |s| s.alternate_screen() && s.contents().contains("STORM"));
    terminal.type_in("/ui.port\r");
    terminal.wait_until(LIMIT, "the value that was written", |s| {
        s.contents().lines().any(|l| l.contains("ui.port ") && l.contains("storm.yaml:") && l.contains("8099"))
    });
    terminal.type_in("q");
    assert!(terminal.wait(LIMIT).success());
    restored(&terminal);
}

#[test]
fn a_key_is_set_after_its_difference_was_seen() {
    let nest = Nest::new();
    let config = nobody(&nest);
    let mut terminal = open(&nest, &config, "false");
    terminal.type_in("/ui.port\r");
    terminal.wait_for_text(LIMIT, "[1 of ");
    terminal.type_in("i\t\x158100");
    // As it is typed.
    terminal.wait_for_text(LIMIT, "config set ui.port=8100");
    terminal.type_in("\r");
    terminal.wait_for_text(LIMIT, "+ui.port: 8100");
    assert!(!text(&config).contains("ui.port"), "it is only a preview");
    terminal.type_in("\r");
    terminal.wait_for_text(LIMIT, "Do it?");
    terminal.type_in("y");
    wait_until(LIMIT, "the key to be in the file", || text(&config).contains("ui.port: 8100"));
    terminal.wait_until(LIMIT, "the key to be on the screen", |s| {
        s.contents().lines().any(|l| l.contains("ui.port ") && l.contains("8100"))
    });
    // A slip of the hand is refused with the key that is meant.
    terminal.type_in("\x1bi\x15ui.prt\t\x151\r");
    terminal.wait_for_text(LIMIT, "did you mean ui.port?");
    terminal.type_in("\x1bq");
    assert!(terminal.wait(LIMIT).success());
    assert!(!text(&config).contains("ui.prt"));
}

#[test]
fn what_is_wrong_with_it_is_shown_above_it() {
    let nest = Nest::new();
    let config = nobody(&nest);
    let line = text(&config).lines().count() + 1;
    fs::write(&config, text(&config) + "ui.prt: 1\n").expect("written");
    let mut terminal = open(&nest, &config, "false");
    terminal.wait_for_text(LIMIT, &format!("storm.yaml:{line}:1: "));
    terminal.wait_for_text(LIMIT, "config/unknown-key");
    terminal.type_in(":findings\r/config/unknown\r");
    terminal.wait_for_text(LIMIT, "stormctl config lint --fix");
    terminal.type_in("q");
    assert!(terminal.wait(LIMIT).success());
}

#[test]
fn keys_that_end_or_stop_the_editor_leave_the_dashboard() {
    let nest = Nest::new();
    let config = nobody(&nest);
    let program = command(&nest, &config, &["config"]);
    let mut shell = Command::new("bash");
    shell.args(["--norc", "--noprofile", "-i"]).env("PS1", "prompt> ").env("HISTFILE", "/dev/null");
    for (key, value) in program.get_envs() {
        if let Some(value) = value {
            shell.env(key, value);
        }
    }
    shell.env_remove("VISUAL").env("EDITOR", "echo reading; cat #");
    let mut terminal = Terminal::spawn(&nest, &shell, 100, 30);
    terminal.wait_for_text(LIMIT, "prompt> ");
    let arguments: Vec<String> = program.get_args().map(|a| a.to_string_lossy().into_owned()).collect();
    terminal.type_in(&format!("{} {}\n", program.get_program().to_string_lossy(), arguments.join(" ")));
    terminal.wait_for_text(LIMIT, "nimbus.seeds");

    terminal.type_in("e");
    terminal.wait_until(LIMIT, "the editor", |s| !s.alternate_screen() && s.contents().contains("reading"));
    terminal.type_in("\x1a");
    terminal.wait_for_text(LIMIT, "Stopped");
    terminal.type_in("fg\n");
    terminal.wait_until(LIMIT, "the job to go on", |s| {
        s.contents().lines().last().is_some_and(|l| l.contains("tui")) || s.contents().trim_end().ends_with("config")
    });
    terminal.type_in("typed\n");
    terminal.wait_until(LIMIT, "the editor to read again", |s| s.contents().matches("typed").count() >= 2);
    terminal.type_in("\x03");
    terminal.wait_for_text(LIMIT, "Enter goes back to the dashboard");
    terminal.type_in("\n");
    terminal.wait_until(LIMIT, "the dashboard", |s| s.alternate_screen() && s.contents().contains("nimbus.seeds"));
    // It lives on, neither ended nor stopped by what was meant for the editor.
    terminal.type_in(":events\r");
    terminal.wait_for_text(LIMIT, "events [");
    terminal.type_in("q");
    terminal.wait_until(LIMIT, "the shell", |s| !s.alternate_screen());
    terminal.type_in("exit\n");
    terminal.wait(LIMIT);
}
