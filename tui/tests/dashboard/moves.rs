//! From view to view, and what is done to a table.

use storm_tui::{Cmd, Source, View};

use crate::fixture::{Screen, wordcount};

fn topologies() -> Screen {
    let mut screen = Screen::new(View::Topologies, 120, 30);
    screen.fill();
    screen
}

fn names(screen: &Screen) -> Vec<String> {
    screen.model.table.rows.iter().map(|r| r.cells[0].text.clone()).collect()
}

#[test]
fn in_and_back_and_through_history() {
    let mut screen = topologies();
    screen.press("enter");
    assert_eq!(screen.model.view(), &wordcount());
    screen.fill();
    screen.press("j enter");
    assert!(matches!(screen.model.view(), View::Component { component, .. } if component == "count"));
    screen.press("esc");
    assert_eq!(screen.model.view(), &wordcount());
    assert_eq!(screen.model.selected(), Some("count"), "the place is as it was left");
    screen.press("]");
    assert!(matches!(screen.model.view(), View::Component { .. }));
    screen.press("[ [");
    assert_eq!(screen.model.view(), &View::Topologies);
    screen.press("-");
    assert_eq!(screen.model.view(), &wordcount());
    screen.press("-");
    assert_eq!(screen.model.view(), &View::Topologies);
}

#[test]
fn going_by_name_completes_and_takes_a_filter() {
    let mut screen = topologies();
    screen.press(":");
    screen.type_in("sup");
    screen.press("enter");
    assert_eq!(screen.model.view(), &View::Supervisors);
    screen.press(":");
    screen.type_in("topologies /!count");
    screen.press("enter");
    assert_eq!(screen.model.view(), &View::Topologies);
    assert_eq!(screen.model.place().filter, "!count");
    screen.press("esc :");
    screen.type_in("topology cl");
    screen.press("tab enter");
    assert!(matches!(screen.model.view(), View::Topology { name, .. } if name == "clicks"));
    screen.press(":");
    screen.type_in("zk /storm/storms/");
    screen.press("enter");
    assert_eq!(screen.model.view(), &View::Zookeeper { path: "/storm/storms".into() });
    screen.press(":");
    screen.type_in("nowhere");
    screen.press("enter");
    assert!(screen.text().contains("nowhere is neither"), "{}", screen.text());
}

#[test]
fn filters_as_it_is_typed_and_takes_it_back() {
    let mut screen = topologies();
    screen.press("/");
    screen.type_in("WORD");
    assert_eq!(names(&screen), ["wordcount"]);
    screen.press("esc");
    assert_eq!(names(&screen).len(), 4);
    screen.press("/");
    screen.type_in("!~^(word|old)");
    screen.press("enter");
    assert_eq!(names(&screen), ["clicks", "nightly"]);
    screen.press("/ ctrl-u");
    screen.type_in("~(");
    assert!(screen.text().contains("not a regular expression yet"));
    screen.press("enter esc");
    assert_eq!(screen.model.place().filter, "");
}

#[test]
fn every_column_sorts_both_ways_and_capitals_find_theirs() {
    let mut screen = topologies();
    screen.press(">");
    assert_eq!(names(&screen), ["clicks", "nightly", "old", "wordcount"]);
    screen.press("=");
    assert_eq!(names(&screen), ["wordcount", "old", "nightly", "clicks"]);
    screen.press("W");
    assert_eq!(names(&screen)[0], "clicks", "most workers first");
    for _ in 0..screen.model.table.columns.len() {
        screen.press(">");
        let column = screen.model.place().sort.expect("sorted").column;
        let forward = names(&screen);
        screen.press("= =");
        assert_eq!(names(&screen), forward, "column {column}");
    }
}

#[test]
fn the_selection_follows_its_row() {
    let mut screen = topologies();
    screen.press("N j j");
    let selected = screen.model.selected().map(str::to_owned);
    screen.press("=");
    assert_eq!(screen.model.selected().map(str::to_owned), selected);
}

#[test]
fn marks_all_and_none() {
    let mut screen = topologies();
    screen.press("space space");
    assert_eq!(screen.model.place().marks.len(), 2);
    screen.press("*");
    assert_eq!(screen.model.place().marks.len(), 4);
    screen.press("*");
    assert_eq!(screen.model.place().marks.len(), 0);
}

#[test]
fn each_view_asks_only_what_it_shows() {
    let mut screen = topologies();
    assert!(screen.model.wants().contains(&Source::Samples));
    screen.press(":");
    screen.type_in("processes");
    screen.press("enter");
    let wants = screen.model.wants();
    assert!(wants.contains(&Source::Processes) && !wants.contains(&Source::Samples));
}

#[test]
fn quits_refreshes_and_copies() {
    let mut screen = topologies();
    assert_eq!(screen.press("r"), [Cmd::Ask]);
    assert_eq!(screen.press("c"), [Cmd::Copy("wordcount".into())]);
    assert_eq!(screen.press("x enter"), [Cmd::Copy("stormctl list".into())]);
    assert_eq!(screen.press("ctrl-z"), [Cmd::Suspend]);
    assert_eq!(screen.press("!"), [Cmd::Shell]);
    assert_eq!(screen.press("q"), [Cmd::Quit]);
}

#[test]
fn the_mouse_selects_opens_sorts_and_scrolls() {
    use ratatui::crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
    let mut screen = topologies();
    let mut mouse = |kind, column, row| {
        screen.send(storm_tui::Msg::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
    };
    let click = MouseEventKind::Down(MouseButton::Left);
    mouse(click, 3, 4);
    mouse(MouseEventKind::ScrollDown, 3, 4);
    mouse(click, 3, 2);
    mouse(click, 3, 3);
    mouse(click, 3, 3);
    assert!(matches!(screen.model.view(), View::Topology { name, .. } if name == "clicks"), "first by name");
}

#[test]
fn the_tree_is_climbed_both_ways() {
    let mut screen = Screen::new(View::Zookeeper { path: "/".into() }, 100, 30);
    screen.fill();
    screen.press("j l");
    assert_eq!(screen.model.view(), &View::Zookeeper { path: "/storms".into() });
    screen.fill();
    screen.press("right");
    assert_eq!(screen.model.view(), &View::Zookeeper { path: "/storms/assignments".into() });
    screen.press("left h");
    screen.fill();
    assert_eq!(screen.model.view(), &View::Zookeeper { path: "/".into() });
    assert_eq!(screen.model.selected(), Some("storms"));
    screen.press("h");
    assert_eq!(screen.model.view(), &View::Zookeeper { path: "/".into() });
}

#[test]
fn escape_and_a_key_in_one_breath_are_two_keys() {
    let mut screen = topologies();
    screen.press("?");
    screen.press("alt-:");
    screen.type_in("slots");
    screen.press("enter");
    assert_eq!(screen.model.view(), &View::Slots);
}
