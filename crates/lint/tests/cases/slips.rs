//! Slips that change what YAML makes of the text: P003 to P005, and their kin.

use super::{case, found, mended};

#[test]
fn p003_a_blank_is_missing_behind_a_colon_or_a_dash() {
    case(
        "storm.zookeeper.servers:\n  -\"zk1\"\nnimbus.seeds:[\"n1\"]\n",
        &["2:3 config/blank-missing", "3:13 config/blank-missing"],
        "storm.zookeeper.servers:\n  - \"zk1\"\nnimbus.seeds: [\"n1\"]\n",
    );
    case(
        "supervisor.slots.ports:\n  -6700\n  -6701 # two\n",
        &["2:3 config/blank-missing", "3:3 config/blank-missing"],
        "supervisor.slots.ports:\n  - 6700\n  - 6701 # two\n",
    );
    // Options of a JVM begin with a dash and are no list.
    case("worker.childopts:\n  -Xmx256m\n", &[], "worker.childopts:\n  -Xmx256m\n");
    case("{ui.port:8081}\n", &["1:2 config/blank-missing"], "{ui.port: 8081}\n");
    case(
        "topology.environment: {PATH:a, B: c}\n",
        &["1:24 warning config/blank-missing"],
        "topology.environment: {PATH: a, B: c}\n",
    );
}

#[test]
fn p004_typographic_quotes() {
    case(
        "storm.local.dir: “/var/lib/storm”\n",
        &["1:18 warning config/curly-quote"],
        "storm.local.dir: \"/var/lib/storm\"\n",
    );
    case(
        "ui.title: ‘it is’ # don’t\nlogs.users: [“a“, 'it’s', \"„b”\"]\n",
        &["1:11 warning config/curly-quote", "2:14 warning config/curly-quote"],
        "ui.title: 'it is' # don’t\nlogs.users: [\"a\", 'it''s', \"\\\"b\\\"\"]\n",
    );
    case("ui.title:\u{a0}Storm\n", &["1:10 config/odd-blank"], "ui.title: Storm\n");
    case("ui.title: St\u{200b}orm\n", &["1:13 warning config/odd-blank"], "ui.title: Storm\n");
    case("ui.title: St\u{1b}orm\n", &["1:13 config/control-character"], "ui.title: Storm\n");
}

#[test]
fn p005_a_quote_that_is_never_closed_is_told_where_it_opens() {
    case(
        "nimbus.seeds: [\"localhost\"]\nui.host: \"localhost\nsupervisor.slots.ports:\n  - 6700\n",
        &["2:10 config/quote-open"],
        "nimbus.seeds: [\"localhost\"]\nui.host: \"localhost\"\nsupervisor.slots.ports:\n  - 6700\n",
    );
    case(
        "logs.users: ['a', 'b]\nui.port: 8081\n",
        &["1:19 config/quote-open"],
        "logs.users: ['a', 'b']\nui.port: 8081\n",
    );
    case(
        "supervisor.slots.ports: [6700,\n  6701\nui.port: 8081\n",
        &["1:25 config/bracket-open"],
        "supervisor.slots.ports: [6700,\n  6701]\nui.port: 8081\n",
    );
    // What the open quote hides is told as well.
    case(
        "ui.host: \"h # the host\nnimbus.sedes: [\"localhost\"]\n",
        &["1:10 config/quote-open", "2:1 warning config/unknown-key"],
        "ui.host: \"h\" # the host\nnimbus.seeds: [\"localhost\"]\n",
    );
    case("ui.title: it\"\n", &["1:11 warning config/stray-quote"], "ui.title: \"it\"\n");
}

#[test]
fn tabs_become_blanks() {
    case(
        "supervisor.slots.ports:\n\t- 6700\n\t- 6701\nui.port:\t8081\t# port\n",
        &["2:1 config/tab", "3:1 config/tab", "4:9 config/tab"],
        "supervisor.slots.ports:\n  - 6700\n  - 6701\nui.port: 8081\t# port\n",
    );
    case("\tui.port: 8081\nui.title: x\n", &["1:1 config/tab"], "ui.port: 8081\nui.title: x\n");
    case("logs.users: [a,\tb]\t\n", &["1:16 config/tab"], "logs.users: [a, b]\n");
}

#[test]
fn blanks_left_by_uncommenting() {
    case(
        "ui.port: 8081\n storm.local.dir: \"/s\"\nui.title: x\n",
        &["2:2 config/leading-blank"],
        "ui.port: 8081\nstorm.local.dir: \"/s\"\nui.title: x\n",
    );
    case(
        " storm.zookeeper.servers:\n     - \"localhost\"\nui.port: 8081\nui.title: x\n",
        &["1:2 config/leading-blank"],
        "storm.zookeeper.servers:\n     - \"localhost\"\nui.port: 8081\nui.title: x\n",
    );
    // All alike is as good.
    case(" ui.port: 8081\n ui.title: x\n", &[], " ui.port: 8081\n ui.title: x\n");
    case(
        "nimbus.childopts:\n nimbus.thrift.port: 6627\nui.port: 8081\n",
        &["1:1 warning config/empty-value", "2:2 config/leading-blank"],
        "nimbus.thrift.port: 6627\nui.port: 8081\n",
    );
}

#[test]
fn signs_of_other_formats() {
    case("ui.port = 8081\nui.title: x\n", &["1:9 config/equals-sign"], "ui.port: 8081\nui.title: x\n");
    case("ui.port=8081\n", &["1:8 config/equals-sign"], "ui.port: 8081\n");
    case("ui.port 8081\nui.title: x\n", &["1:8 config/colon-missing"], "ui.port: 8081\nui.title: x\n");
    case("ui.port：8081\n", &["1:8 config/lookalike"], "ui.port: 8081\n");
    case(
        "supervisor.slots.ports:\n  – 6700\n  – 6701\n",
        &["2:3 config/lookalike", "3:3 config/lookalike"],
        "supervisor.slots.ports:\n  - 6700\n  - 6701\n",
    );
    let conflict = "<<<<<<< ours\nui.port: 1025\n=======\nui.port: 1026\n>>>>>>> theirs\n";
    let lines = found("storm.yaml", conflict);
    assert!(
        lines.contains(&"1:1 config/conflict-marker".to_owned())
            && lines.contains(&"5:1 config/conflict-marker".to_owned())
    );
    assert_eq!(mended("storm.yaml", conflict), conflict, "somebody has to choose");
}

#[test]
fn what_no_rule_knows_is_still_told() {
    assert_eq!(found("storm.yaml", "logs.users: [a, b]]\n"), ["1:19 config/syntax"]);
    assert_eq!(found("storm.yaml", "- a\n"), ["1:1 config/map-expected"]);
    assert_eq!(found("storm.yaml", "a.b: 1\n---\nc.d: 2\n"), ["2:1 config/documents"]);
    assert_eq!(found("storm.yaml", "a.b: 1\n<<: x\n"), ["2:5 config/merge"]);
    assert_eq!(found("storm.yaml", "a.b: &a [*a]\n"), ["1:10 config/alias"]);
    let deep = format!("a.b: {}\n", "[".repeat(60) + &"]".repeat(60));
    assert_eq!(found("storm.yaml", &deep), ["1:55 config/depth"]);
    let mut bomb = "a.a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for pair in ["ab", "bc", "cd", "de", "ef", "fg"] {
        let (from, to) = pair.split_at(1);
        bomb.push_str(&format!("a.{to}: &{to} [{}]\n", format!("*{from}, ").repeat(10)));
    }
    assert!(found("storm.yaml", &bomb)[0].ends_with(" config/size"));
}
