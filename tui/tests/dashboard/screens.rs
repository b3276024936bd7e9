//! Every view at a small and at a large size, and what can be open over it.

use storm_tui::{Msg, Options, Replay, Symbols, Theme, View};

use crate::fixture::{NOW, Screen, count_component, wordcount};

fn views() -> Vec<(&'static str, View)> {
    vec![
        ("overview", View::Overview),
        ("topologies", View::Topologies),
        ("topology", wordcount()),
        ("component", count_component()),
        ("slots", View::Slots),
        ("supervisors", View::Supervisors),
        ("nimbuses", View::Nimbuses),
        ("zookeeper", View::Zookeeper { path: "/storm".into() }),
        ("processes", View::Processes),
        ("logs", View::Logs { topology: None }),
        ("config", View::Config),
        ("errors", View::Errors),
        ("events", View::Events),
        ("findings", View::Findings),
    ]
}

fn filled(view: View, width: u16, height: u16) -> Screen {
    let mut screen = Screen::new(View::Overview, width, height);
    screen.fill();
    // What only the overview asks is known as well, and something has happened.
    screen.model.go(view);
    screen.fill();
    let mut changed = crate::fixture::cluster();
    changed.topologies[1].status = "INACTIVE".into();
    changed.supervisors.pop();
    screen.answer(storm_tui::Source::Cluster, storm_tui::Data::Cluster(changed));
    screen
}

#[test]
fn every_view() {
    for (name, view) in views() {
        for (width, height) in [(80, 24), (200, 60)] {
            insta::assert_snapshot!(format!("{name}_{width}x{height}"), filled(view.clone(), width, height).text());
        }
    }
}

#[test]
fn before_any_answer() {
    for (name, view) in views() {
        let screen = Screen::new(view, 80, 24);
        let text = screen.text();
        assert!(text.contains("asking") || text.contains("no line yet"), "{name}:\n{text}");
    }
}

#[test]
fn what_is_open_over_a_view() {
    for (name, keys) in [
        ("help", "?"),
        ("menu", "m"),
        ("goto", ":"),
        ("filter", "/ w o r d"),
        ("command_line", "x"),
        ("kill_form", "ctrl-k"),
        ("kill_question", "ctrl-k 0 enter"),
        ("rebalance_form", "b"),
        ("deactivate_marked", "* d"),
    ] {
        let mut screen = Screen::new(View::Topologies, 80, 24);
        screen.fill();
        screen.press(keys);
        insta::assert_snapshot!(format!("open_{name}"), screen.text());
    }
}

#[test]
fn styles_of_the_themes() {
    for (theme, name) in Theme::ALL {
        let mut screen = Screen::with(Options { theme, ..Options::default() }, View::Topologies, 80, 12);
        screen.fill();
        screen.lose(storm_tui::Source::Samples, "slow");
        insta::assert_snapshot!(format!("styles_{name}"), screen.styles());
    }
}

#[test]
fn mono_is_without_a_colour_and_ascii_without_other_letters() {
    for (name, view) in views() {
        let options = Options { theme: Theme::Mono, symbols: Symbols { ascii: true }, ..Options::default() };
        let mut screen = Screen::with(options, view, 120, 40);
        screen.fill();
        for keys in ["", "?", "esc m", "esc :"] {
            screen.press(keys);
            let text = screen.text();
            // What comes from outside is shown as it is, but for what would act on the terminal.
            let strange: Vec<char> = text.chars().filter(|c| !c.is_ascii() && *c != '\u{b7}').collect();
            assert!(strange.is_empty(), "{name} {keys}: {strange:?}\n{text}");
            assert!(!screen.styles().contains("Indexed") && !screen.styles().contains("Red"), "{name}");
        }
    }
}

#[test]
fn nothing_from_outside_reaches_the_terminal_as_a_control_code() {
    for (name, view) in views() {
        let screen = filled(view, 100, 30);
        let control = screen.text().chars().filter(|c| c.is_control() && *c != '\n').count();
        assert_eq!(control, 0, "{name}");
        assert!(!screen.text().contains('\u{202e}'), "{name}");
    }
}

#[test]
fn a_recording_has_its_time_bar() {
    use storm_tui::Source;
    let frames = [Source::Cluster, Source::Samples].iter().enumerate().map(|(i, source)| storm_tui::Answer {
        source: source.clone(),
        at_ms: NOW + 10_000 * i as u64,
        result: Ok(crate::fixture::data(source, 0).expect("an answer")),
    });
    let mut screen = Screen::new(View::Overview, 80, 24);
    let old = std::mem::replace(&mut screen.model, storm_tui::Model::new(Options::default(), View::Overview));
    drop(old);
    screen.model = storm_tui::Model::new(Options::default(), View::Overview).with_replay(Replay::new(frames.collect()));
    screen.send(Msg::Resize(80, 24));
    screen.press("right");
    screen.send(Msg::Tick);
    insta::assert_snapshot!("recording", screen.text());
    // Nothing can be changed in it.
    screen.press("2 ctrl-k");
    assert!(screen.text().contains("recording: nothing can be changed"), "{}", screen.text());
}

#[test]
fn sizes_down_to_nothing_and_a_storm_of_them() {
    for (_, view) in views() {
        let mut screen = filled(view, 80, 24);
        for keys in ["", "?", "esc m", "esc : t", "esc / a", "esc x", "esc tab"] {
            screen.press(keys);
            for (width, height) in
                [(0, 0), (1, 1), (10, 3), (39, 24), (40, 10), (40, 12), (80, 11), (500, 200), (3, 200)]
            {
                screen.send(Msg::Resize(width, height));
                let text = screen.text();
                let asked = keys.is_empty() && width >= 40 && height >= 10;
                assert!(!asked || text.contains("STORM"), "{width}x{height}:\n{text}");
            }
        }
    }
}
