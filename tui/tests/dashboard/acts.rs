//! What changes the cluster asks as much as it can destroy.

use storm_tui::{Cmd, Done, Msg, Options, Run, View};

use crate::fixture::{Screen, options, verbs};

fn topologies() -> Screen {
    let mut screen = Screen::new(View::Topologies, 120, 30);
    screen.fill();
    screen
}

fn runs(cmds: Vec<Cmd>) -> Vec<String> {
    let line = |cmd| match cmd {
        Cmd::Run(job) => match job.what {
            Run::Stormctl(words) => Some(words.join(" ")),
            Run::Kill { pid, .. } => Some(format!("kill {pid}")),
        },
        _ => None,
    };
    cmds.into_iter().filter_map(line).collect()
}

#[test]
fn an_active_topology_is_killed_only_by_its_name() {
    let mut screen = topologies();
    screen.press("ctrl-k");
    screen.type_in("5");
    assert_eq!(screen.press("enter y enter"), [], "y is not its name");
    assert!(screen.text().contains("stormctl kill wordcount -w 5"), "{}", screen.text());
    screen.press("ctrl-u");
    screen.type_in("wordcount");
    assert_eq!(runs(screen.press("enter")), ["kill wordcount -w 5"]);
}

#[test]
fn one_that_stands_still_needs_a_y_and_several_their_number() {
    let mut screen = topologies();
    screen.press("j j ctrl-k enter");
    assert_eq!(runs(screen.press("y")), ["kill nightly"]);
    screen.press("* ctrl-k enter");
    screen.type_in("4");
    assert_eq!(runs(screen.press("enter")), ["kill wordcount clicks nightly old"]);
}

#[test]
fn no_and_escape_do_nothing() {
    for answer in ["n", "esc", "enter", "x esc"] {
        let mut screen = topologies();
        screen.press("d");
        assert_eq!(runs(screen.press(answer)), Vec::<String>::new(), "{answer}");
    }
}

#[test]
fn a_name_cannot_be_pasted() {
    let mut screen = topologies();
    screen.press("ctrl-k enter");
    screen.send(Msg::Paste("wordcount\n".into()));
    assert_eq!(runs(screen.press("enter")), Vec::<String>::new());
}

#[test]
fn a_rebalance_is_shown_before_it_is_asked() {
    let mut screen = topologies();
    screen.press("b tab");
    screen.type_in("2");
    screen.press("enter");
    screen.type_in("count=4");
    let dry = screen.press("enter");
    let Some(Cmd::Run(job)) = dry.first().cloned() else { panic!("{dry:?}") };
    assert_eq!(runs(dry), ["rebalance wordcount -w 0 -n 2 -e count=4 --dry-run"]);
    screen.send(Msg::Done(Done { id: job.id, ok: true, output: "node1:6700  count 4".into() }));
    assert!(screen.text().contains("node1:6700  count 4"), "{}", screen.text());
    assert_eq!(runs(screen.press("enter y")), ["rebalance wordcount -w 0 -n 2 -e count=4"]);
}

#[test]
fn a_preview_that_failed_leads_to_no_question() {
    let mut screen = topologies();
    screen.press("b enter enter");
    let Some(Cmd::Run(job)) = screen.press("enter").first().cloned() else { panic!("no preview") };
    screen.send(Msg::Done(Done { id: job.id, ok: false, output: "error[x]: no\n  why".into() }));
    assert_eq!(runs(screen.press("enter y")), Vec::<String>::new());
}

#[test]
fn forms_say_what_is_wrong() {
    let mut screen = topologies();
    screen.press("ctrl-k");
    screen.type_in("soon");
    screen.press("enter");
    assert!(screen.text().contains("wait: soon is no number"), "{}", screen.text());
    screen.press("esc b tab tab");
    screen.type_in("count");
    screen.press("enter");
    assert!(screen.text().contains("count is not COMPONENT=N"), "{}", screen.text());
}

#[test]
fn read_only_forbids_every_act() {
    let options = || Options { read_only: true, ..options() };
    for keys in ["a", "d", "b", "ctrl-k", "z", "s", "!", "m enter", "* ctrl-k"] {
        let mut screen = Screen::with(options(), View::Topologies, 120, 30);
        screen.fill();
        let cmds = screen.press(keys);
        assert!(!cmds.contains(&Cmd::Shell) && runs(cmds).is_empty(), "{keys}");
        assert!(screen.text().contains("nothing may be changed"), "{keys}:\n{}", screen.text());
    }
    let mut screen = Screen::with(options(), View::Processes, 120, 30);
    screen.fill();
    assert_eq!(runs(screen.press("ctrl-p y ctrl-x ctrl-o")), Vec::<String>::new());
    screen.press(":");
    screen.type_in("kill wordcount");
    assert_eq!(runs(screen.press("enter y")), Vec::<String>::new());
    screen.press(":");
    screen.type_in("list");
    assert_eq!(runs(screen.press("enter")), ["list"], "reading is allowed");
    for line in ["doctor --apply", "stormctl kill wordcount", "config edit"] {
        screen.press(":");
        screen.type_in(line);
        let cmds = screen.press("enter");
        assert!(cmds.is_empty(), "{line}: {cmds:?}");
        assert!(screen.text().contains("nothing may be changed"), "{line}:\n{}", screen.text());
    }
}

#[test]
fn every_verb_works_or_says_how() {
    let mut screen = topologies();
    let mut line = |text: &str| {
        screen.press("esc :");
        screen.type_in(text);
        (screen.press("enter"), screen.text())
    };
    assert_eq!(line("monitor wordcount").0, [Cmd::Foreground(vec!["monitor".into(), "wordcount".into()])]);
    let (cmds, text) = line("nimbus");
    assert!(cmds.is_empty() && text.contains(":start nimbus"), "{cmds:?}\n{text}");
    assert_eq!(runs(line("zk get /storm").0), ["zk get /storm"]);
    assert_eq!(runs(line("stormctl describe wordcount").0), ["describe wordcount"], "a line that was copied");
}

#[test]
fn a_key_is_set_after_its_difference_was_shown() {
    let mut screen = Screen::new(View::Config, 120, 30);
    screen.fill();
    screen.press("/");
    screen.type_in("ui.port");
    screen.press("enter i tab ctrl-u");
    screen.type_in("-1");
    let dry = screen.press("enter");
    let Some(Cmd::Run(job)) = dry.first().cloned() else { panic!("{dry:?}") };
    assert_eq!(runs(dry), ["config set ui.port=-1 --dry-run"]);
    screen.send(Msg::Done(Done { id: job.id, ok: true, output: "-ui.port: 8080\n+ui.port: -1".into() }));
    assert!(screen.text().contains("+ui.port: -1"), "{}", screen.text());
    assert_eq!(runs(screen.press("enter y")), ["config set ui.port=-1"]);
}

#[test]
fn every_question_shows_its_command_and_copies_it() {
    for (keys, line) in [
        ("d", "stormctl deactivate wordcount"),
        ("space space d", "stormctl deactivate wordcount\nstormctl deactivate clicks"),
        ("ctrl-k 5", "stormctl kill wordcount -w 5"),
        ("ctrl-k 5 enter", "stormctl kill wordcount -w 5"),
        ("b", "stormctl rebalance wordcount -w 0"),
        ("z", "stormctl set-log-level wordcount -l ROOT=DEBUG:60"),
    ] {
        let mut screen = topologies();
        screen.press(keys);
        for line in line.lines() {
            assert!(screen.text().contains(line), "{keys}: no {line} in\n{}", screen.text());
        }
        let [Cmd::Copy(copied)] = &screen.press("ctrl-y")[..] else { panic!("{keys}: nothing copied") };
        assert!(copied.starts_with(line), "{keys}: {copied}");
        // It is still asked.
        assert!(screen.text().contains("ctrl-y") || screen.text().contains("type wordcount"), "{}", screen.text());
    }
}

#[test]
fn verbs_are_run_and_those_that_change_are_asked() {
    let mut screen = topologies();
    screen.press(":");
    screen.type_in("kill 'my topology' -w 0");
    assert_eq!(runs(screen.press("enter")), Vec::<String>::new());
    assert_eq!(runs(screen.press("y")), ["kill my topology -w 0"]);
}

#[test]
fn a_process_is_killed_as_the_one_that_was_listed() {
    let mut screen = Screen::new(View::Processes, 120, 30);
    screen.fill();
    screen.press("ctrl-p");
    screen.type_in("nimbus");
    let cmds = screen.press("enter");
    assert!(
        matches!(&cmds[..], [Cmd::Run(job)] if job.what == Run::Kill { pid: 11, start_ticks: 99, hard: false }),
        "{cmds:?}"
    );
    screen.press("j j ctrl-p");
    assert_eq!(runs(screen.press("y")), ["kill 13"]);
}

#[test]
fn what_fails_is_shown_in_full() {
    let mut screen = topologies();
    let Some(Cmd::Run(job)) = screen.press("a").first().cloned() else { panic!("no job") };
    let output = "error[nimbus/no-leader]: no Nimbus answers\n  fix: stormctl start nimbus".to_owned();
    let cmds = screen.send(Msg::Done(Done { id: job.id, ok: false, output }));
    assert_eq!(cmds, [Cmd::Ask]);
    assert!(screen.text().contains("fix: stormctl start nimbus"), "{}", screen.text());
}

#[test]
fn an_act_whose_verb_is_missing_says_so() {
    let without = verbs().into_iter().filter(|v| v.name != "config").collect();
    let mut screen = Screen::with(Options { verbs: without, ..Options::default() }, View::Config, 120, 30);
    screen.fill();
    for key in ["i", "e"] {
        assert_eq!(screen.press(key), [], "{key}");
        assert!(screen.text().contains("this stormctl has no verb config"), "{}", screen.text());
    }
}
