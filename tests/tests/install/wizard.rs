//! The same plan from answers on a terminal as from flags.

use storm_tests::process::Nest;
use storm_tests::terminal::Terminal;

use super::{LIMIT, command, run};

#[test]
fn answers_make_the_plan_that_flags_make() {
    let nest = Nest::new();
    let dir = nest.dir().join("opt/storm").display().to_string();
    let flags = ["install", "single", "--dir", &dir, "--slots", "2", "--service", "background", "--dry-run"];
    let planned = run(&nest, &flags);

    let mut wizard = command(&nest, &["install", "single", "--dry-run"]);
    wizard.env("TERM", "xterm");
    let mut terminal = Terminal::spawn(&nest, &wizard, 200, 60);
    let mut answer = |question: &str, text: &str| {
        terminal.wait_for_text(LIMIT, question);
        terminal.type_in(&format!("{text}\r"));
    };
    answer("Folder [", &dir);
    answer("ZooKeeper: embedded, or the archive", "/no/such/file");
    answer("there is no file /no/such/file", "");
    answer("How many workers may run [4]", "2");
    answer("Name by which other machines", "");
    answer("Who keeps the daemons running", "background");
    terminal.wait(LIMIT);
    let screen = terminal.screen();
    assert!(
        screen.contains(&format!("stormctl install single --dir {dir} --slots 2 --service background")),
        "{screen}"
    );
    assert!(planned.stdout.lines().count() > 8, "{planned:?}");
    for line in planned.stdout.lines() {
        assert!(screen.contains(line.trim_end()), "{line:?} is not in\n{screen}");
    }
}

#[test]
fn who_says_no_has_nothing_done() {
    let nest = Nest::new();
    let dir = nest.dir().join("opt/storm");
    let shown = dir.display().to_string();
    let mut args =
        vec!["install".to_owned(), "single".into(), "--dir".into(), shown, "--service".into(), "background".into()];
    args.extend(super::own_ports());
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut terminal = Terminal::spawn(&nest, &command(&nest, &args), 160, 50);
    terminal.wait_for_text(LIMIT, "Do it? [Y/n]");
    terminal.type_in("n\r");
    assert_eq!(terminal.wait(LIMIT).code(), Some(7));
    assert!(!dir.exists() && !dir.parent().expect("a parent").exists());
}
