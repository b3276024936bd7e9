//! No sequence of keys, answers and sizes breaks it, and it keeps its promises under all of them.

use proptest::prelude::*;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use storm_tui::keys::TABLE;
use storm_tui::{Cmd, Done, Msg, Options, Source, View};

use crate::fixture::{Screen, data, options};

#[derive(Debug, Clone)]
enum Step {
    Named(usize, usize),
    Letter(char),
    Click(u16, u16),
    Wheel,
    Size(u16, u16),
    Answers(i64),
    Lose,
    Done(u64, bool),
    Paste(String),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..TABLE.len(), 0..3usize).prop_map(|(e, k)| Step::Named(e, k)),
        4 => any::<char>().prop_map(Step::Letter),
        4 => prop::char::range(' ', '~').prop_map(Step::Letter),
        1 => (0..250u16, 0..80u16).prop_map(|(x, y)| Step::Click(x, y)),
        1 => Just(Step::Wheel),
        2 => (0..220u16, 0..70u16).prop_map(|(w, h)| Step::Size(w, h)),
        3 => (0..9i64).prop_map(Step::Answers),
        1 => Just(Step::Lose),
        1 => (0..5u64, any::<bool>()).prop_map(|(id, ok)| Step::Done(id, ok)),
        1 => ".{0,40}".prop_map(Step::Paste),
        1 => (0..100_000u64).prop_map(Step::Wait),
    ]
}

fn play(screen: &mut Screen, step: &Step) -> Vec<Cmd> {
    match step {
        Step::Named(entry, key) => {
            let keys = TABLE[*entry].keys;
            screen.press(keys[key % keys.len()])
        }
        Step::Letter(c) => screen.send(Msg::Key(KeyEvent::new(KeyCode::Char(*c), KeyModifiers::NONE))),
        Step::Click(column, row) => {
            let kind = MouseEventKind::Down(MouseButton::Left);
            screen.send(Msg::Mouse(MouseEvent { kind, column: *column, row: *row, modifiers: KeyModifiers::NONE }))
        }
        Step::Wheel => {
            let kind = MouseEventKind::ScrollDown;
            screen.send(Msg::Mouse(MouseEvent { kind, column: 1, row: 5, modifiers: KeyModifiers::NONE }))
        }
        Step::Size(width, height) => screen.send(Msg::Resize(*width, *height)),
        Step::Answers(round) => {
            for source in screen.model.wants() {
                if let Some(data) = data(&source, *round) {
                    screen.answer(source, data);
                }
            }
            Vec::new()
        }
        Step::Lose => {
            for source in screen.model.wants() {
                screen.lose(source, "gone");
            }
            Vec::new()
        }
        Step::Done(id, ok) => screen.send(Msg::Done(Done { id: *id, ok: *ok, output: "one\ntwo\x1b[2J".into() })),
        Step::Paste(text) => screen.send(Msg::Paste(text.clone())),
        Step::Wait(ms) => {
            screen.now += ms;
            screen.send(Msg::Tick)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn nothing_breaks_it(steps in prop::collection::vec(step(), 1..120)) {
        let mut screen = Screen::new(View::Overview, 80, 24);
        for step in &steps {
            play(&mut screen, step);
            let text = screen.text();
            prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "a control code after {step:?}");
            // The cursor is on a row that is there, and on the screen.
            let (place, rows) = (screen.model.place(), screen.model.table.rows.len());
            prop_assert!(place.cursor < rows.max(1));
            prop_assert!(place.offset <= place.cursor && place.cursor < place.offset + screen.model.page());
            prop_assert!(place.pane < screen.model.view().panes());
        }
    }

    #[test]
    fn read_only_runs_nothing_that_changes(steps in prop::collection::vec(step(), 1..120)) {
        let options = Options { read_only: true, ..options() };
        let mut screen = Screen::with(options, View::Topologies, 120, 40);
        screen.fill();
        for step in &steps {
            for cmd in play(&mut screen, step) {
                let harmless = match &cmd {
                    Cmd::Run(job) => match &job.what {
                        storm_tui::Run::Stormctl(words) => {
                            (screen.model.options.judge)(words) == Ok(storm_tui::Effect::Reads)
                        }
                        storm_tui::Run::Kill { .. } => false,
                    },
                    Cmd::Foreground(words) => words[0] == "monitor",
                    Cmd::Shell => false,
                    _ => true,
                };
                prop_assert!(harmless, "{cmd:?} after {step:?}");
            }
        }
    }

    #[test]
    fn back_leads_to_where_one_was(keys in prop::collection::vec(0..TABLE.len(), 0..40)) {
        let mut screen = Screen::new(View::Topologies, 100, 30);
        screen.fill();
        for key in keys {
            screen.press(TABLE[key].keys[0]);
        }
        // Out of whatever is open, then out of what is filtered, marked and focused.
        screen.press("esc esc esc esc esc");
        let before = (screen.model.view().clone(), screen.model.selected().map(str::to_owned));
        screen.model.go(View::Zookeeper { path: "/somewhere".into() });
        screen.press("esc");
        let known = screen.model.wants().contains(&Source::Cluster);
        prop_assert!(known);
        prop_assert_eq!((screen.model.view().clone(), screen.model.selected().map(str::to_owned)), before);
    }
}
