//! What is shown is as old as it says, and what is lost is seen to be lost.

use storm_tui::data::LogBatch;
use storm_tui::{Data, Msg, Source, View};

use crate::fixture::{Screen, cluster};

#[test]
fn a_lost_nimbus_leaves_its_last_word_and_a_countdown() {
    let mut screen = Screen::new(View::Topologies, 120, 30);
    screen.fill();
    screen.now += 5000;
    screen.lose(Source::Cluster, "cannot connect to node1:6627: Connection refused");
    let text = screen.text();
    for part in ["nimbus LOST", "wordcount", "lost, last 5s ago, retry in 4s", "Connection refused"] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
    screen.now += 3000;
    screen.send(Msg::Tick);
    assert!(screen.text().contains("retry in 1s"), "{}", screen.text());
    assert!(screen.model.wants().contains(&Source::Registry), "ZooKeeper is asked instead");
    let mut registry = cluster();
    registry.topologies.truncate(1);
    screen.answer(Source::Registry, Data::Cluster(registry));
    let text = screen.text();
    assert!(text.contains("ZooKeeper 0s ago") && !text.contains("clicks"), "{text}");
    screen.answer(Source::Cluster, Data::Cluster(cluster()));
    assert!(screen.text().contains("clicks") && !screen.text().contains("LOST"), "{}", screen.text());
    assert!(!screen.model.wants().contains(&Source::Registry));
}

#[test]
fn it_is_useful_when_everything_is_down() {
    let mut screen = Screen::new(View::Overview, 80, 24);
    for source in [Source::Cluster, Source::Samples, Source::Registry, Source::Ensemble] {
        screen.lose(source, "Connection refused");
    }
    screen.answer(Source::Findings, crate::fixture::data(&Source::Findings, 0).expect("findings"));
    let text = screen.text();
    assert!(text.contains("nimbus LOST") && text.contains("zk LOST"), "{text}");
    assert!(text.contains("no slot is free"), "findings are from files and sockets\n{text}");
}

#[test]
fn a_frozen_screen_takes_nothing_new() {
    let mut screen = Screen::new(View::Topologies, 120, 30);
    screen.fill();
    screen.press("f");
    screen.answer(Source::Cluster, Data::Cluster(Default::default()));
    assert!(screen.text().contains("wordcount") && screen.text().contains("FROZEN"), "{}", screen.text());
    screen.press("f");
    screen.answer(Source::Cluster, Data::Cluster(Default::default()));
    assert!(!screen.text().contains("wordcount"));
}

#[test]
fn logs_follow_until_somebody_scrolls() {
    let mut screen = Screen::new(View::Logs { topology: None }, 100, 30);
    screen.fill();
    assert!(screen.text().contains("following") && screen.text().contains("2 lines dropped"), "{}", screen.text());
    screen.press("v v v");
    assert!(!screen.text().contains("worker is up") && screen.text().contains("slow"), "{}", screen.text());
    screen.press("v v /");
    screen.type_in("6701");
    screen.press("enter");
    assert!(screen.text().contains("17 tuples") && !screen.text().contains("slow"), "{}", screen.text());
    screen.press("esc k");
    assert!(screen.text().contains("stopped"));
    let lines = crate::fixture::log_lines().lines;
    screen.answer(Source::Logs { topology: None }, Data::Logs(LogBatch { lines, files: 1, ..LogBatch::default() }));
    screen.press("G");
    assert!(screen.text().contains("following"));
    screen.press("H");
    screen.type_in("slow");
    screen.press("enter n");
    assert!(screen.text().contains("no further match"), "{}", screen.text());
    let saved = screen.press("ctrl-s enter");
    let text = format!("{saved:?}");
    assert!(text.contains("logs-of-this-host.log") && text.contains("worker is up"), "{text}");
}

#[test]
fn memory_stays_flat_through_a_day_of_answers() {
    let mut screen = Screen::new(View::Overview, 80, 24);
    for second in 0..2000u64 {
        screen.now += 1000;
        let mut changing = cluster();
        changing.topologies[0].workers = (second % 7) as i64;
        screen.answer(Source::Cluster, Data::Cluster(changing));
        let path = format!("/storm/{second}");
        if let Some(data) = crate::fixture::data(&Source::Node { path: path.clone() }, 0) {
            screen.answer(Source::Node { path }, data);
        }
    }
    let facts = &screen.model.facts;
    assert!(facts.nodes.len() <= 256 && facts.standings.len() <= 512, "{}", facts.nodes.len());
    assert!(facts.events.len() <= 2000);
}
