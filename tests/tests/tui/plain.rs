//! What the views show, for pipes and programs.

use std::collections::BTreeSet;

use serde_json::Value;
use storm_tests::cluster::{Cluster, ClusterOptions};
use storm_tests::process::Nest;

use super::{command, nobody};

#[test]
fn views_are_printed_as_text_and_for_programs() {
    let cluster = Cluster::start(ClusterOptions::default());
    let text = cluster.stormctl(&["tui", "supervisors", "--plain"]).ok();
    let mut lines = text.lines();
    assert!(lines.next().is_some_and(|l| l.starts_with("HOST  ") && l.contains("SLOTS")), "{text}");
    assert!(lines.next().is_some_and(|l| l.starts_with("127.0.0.1  ")), "{text}");
    let json = cluster.stormctl(&["tui", "supervisors", "--plain", "-o", "json"]).ok();
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&json["items"][0]["slots"], &json["items"][0]["used"]), (&4.into(), &0.into()), "{json:#}");
    let names = cluster.stormctl(&["tui", "nimbuses", "--plain", "-o", "name"]).ok();
    assert_eq!(names, format!("127.0.0.1:{}\n", cluster.nimbus.port));
    for view in ["overview", "topologies", "slots", "zookeeper", "config", "errors", "findings", "processes"] {
        let printed = cluster.stormctl(&["tui", view, "--plain", "-o", "jsonl"]).ok();
        let kinds: BTreeSet<bool> =
            printed.lines().map(|l| serde_json::from_str::<Value>(l).is_ok_and(|v| v.is_object())).collect();
        assert!(!kinds.contains(&false), "{view}: {printed}");
    }
    let said = cluster.stormctl(&["tui", "topology", "nobody", "--plain"]).refused();
    assert!(said.contains("no topology nobody runs") && said.contains("stormctl list"), "{said}");
}

#[test]
fn a_view_that_nobody_answers_for_says_who_is_silent() {
    let nest = Nest::new();
    let said = nest.run(command(&nest, &nobody(&nest), &["supervisors", "--plain"])).refused();
    assert!(said.contains("error[tui/lost]") && said.contains("Connection refused"), "{said}");
    let said = nest.run(command(&nest, &nobody(&nest), &["nowhere", "--plain"])).refused();
    assert!(said.contains("nowhere is no view") && said.contains("overview, topologies"), "{said}");
}
