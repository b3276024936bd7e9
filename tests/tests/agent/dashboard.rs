//! The dashboard of an operator, with other hosts on it.

use storm_tests::terminal::Terminal;

use super::{Fleet, LIMIT};

#[test]
fn processes_and_logs_of_other_hosts_are_on_the_screen() {
    let mut fleet = Fleet::new(2);
    fleet.hosts[1].log("nimbus", "2026-08-02T10:00:01.000Z t main [INFO] said on another host\n");
    let mut command = fleet.command(&fleet.operator().join("storm.yaml"), &["tui", "processes"]);
    command.env("TERM", "xterm-256color");
    let mut terminal = Terminal::spawn(&fleet.nest, &command, 160, 50);
    for at in 0..2 {
        let row = (fleet.hosts[at].address(), fleet.hosts[at].agent().pid().to_string());
        terminal.wait_until(LIMIT, "the agent of each host", |screen| {
            screen.contents().lines().any(|l| l.contains(&row.0) && l.contains(&row.1) && l.contains("Agent"))
        });
    }
    terminal.type_in(":logs\r");
    terminal.wait_for_text(LIMIT, "said on another host");
    // One that goes is shown as gone, and the others stay.
    let gone = fleet.hosts[0].address();
    fleet.hosts[0].agent().kill_nine();
    terminal.type_in(":processes\r");
    terminal.wait_until(LIMIT, "the host that is gone", |screen| {
        screen.contents().lines().any(|l| l.contains(&gone) && l.contains("cannot"))
    });
    terminal.type_in("q");
    assert!(terminal.wait(LIMIT).success());
}
