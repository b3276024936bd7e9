//! `zoo.cfg`, alone and beside a `storm.yaml`.

use storm_lint::{Host, Subject, lint};

use super::{found, host, short, zoo_case};

const GOOD: &str = "dataDir=/d\nclientPort=2181\nautopurge.purgeInterval=24\n";

fn with(lines: &str) -> String {
    format!("{GOOD}{lines}")
}

#[test]
fn a_good_file_has_nothing() {
    zoo_case(GOOD, &[], GOOD);
}

#[test]
fn p080_myid_against_the_server_lines() {
    let text = with("initLimit=10\nsyncLimit=5\nserver.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888\n");
    let at = |myid: Option<&str>| {
        let host = Host { myid: [("/d".into(), myid.map(str::to_owned))].into(), ..host() };
        lint(&[Subject::new("zoo.cfg", text.as_str())], &host)
    };
    assert_eq!(short(&at(None)[0]), "1:9 zoo/myid");
    assert!(at(None)[0].message.contains("/d/myid is missing"));
    assert!(at(Some("4\n"))[0].message.contains("there is no server.4"));
    assert!(at(Some("x"))[0].message.contains("no number"));
    assert_eq!(at(Some("2\n")), []);
    assert_eq!(found("zoo.cfg", &text), [""; 0], "of a folder that is not here nothing is known");
}

#[test]
fn p082_nothing_is_ever_removed() {
    zoo_case("dataDir=/d\nclientPort=2181\n", &["0:1 warning zoo/autopurge"], GOOD);
    zoo_case(&GOOD.replace("24", "0"), &["3:25 warning zoo/autopurge"], GOOD);
}

#[test]
fn keys_and_values() {
    zoo_case(&GOOD.replace("dataDir", "datadir"), &["0:1 zoo/data-dir", "1:1 warning zoo/unknown-key"], GOOD);
    zoo_case(&with("tickTime=1\ntickTime=2000\n"), &["5:1 warning zoo/duplicate-key"], &with("tickTime=2000\n"));
    zoo_case(&GOOD.replace("/d", "\"/d\""), &["1:9 zoo/quoted-value"], GOOD);
    zoo_case(
        &GOOD.replace("2181", "2181 # clients"),
        &["2:12 zoo/inline-comment"],
        &GOOD.replace("clientPort", "# clients\nclientPort"),
    );
    zoo_case(&with("tickTime=2,000\n"), &["4:10 zoo/number"], &with("tickTime=2000\n"));
    zoo_case(&with("tickTime=2s\n"), &["4:10 zoo/number"], &with("tickTime=2000\n"));
    zoo_case(&with("quorumListenOnAllIPs=yes\n"), &["4:22 warning zoo/bool"], &with("quorumListenOnAllIPs=true\n"));
    zoo_case(&GOOD.replace("/d", "/d\u{2013}x"), &["1:9 zoo/odd-sign"], &GOOD.replace("/d", "/d-x"));
    zoo_case(
        &GOOD.replace("clientPort=2181\n", ""),
        &["0:1 zoo/client-port"],
        "dataDir=/d\nautopurge.purgeInterval=24\nclientPort=2181\n",
    );
    assert_eq!(found("zoo.cfg", &GOOD.replace("2181", "70000")), ["2:12 zoo/port"]);
    assert_eq!(found("zoo.cfg", &GOOD.replace("/d", "/tmp/zookeeper")), ["1:9 warning zoo/tmp-path"]);
    assert_eq!(found("zoo.cfg", &GOOD.replace("/d", "data")), ["1:9 warning zoo/relative-path"]);
    assert_eq!(found("zoo.cfg", &GOOD.replace("/d", "${HOME}/d")), ["1:9 zoo/unexpanded"]);
    assert_eq!(found("zoo.cfg", &with("my.own=1\n")), [""; 0]);
}

#[test]
fn servers() {
    let three = "initLimit=10\nsyncLimit=5\nserver.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888\n";
    let change = |old: &str, new: &str| found("zoo.cfg", &with(&three.replace(old, new)));
    assert_eq!(change("", ""), [""; 0]);
    zoo_case(
        &with(&three.replace("b:2888:3888", "b").replace("initLimit=10\nsyncLimit=5\n", "")),
        &["0:1 zoo/limits", "0:1 zoo/limits", "5:10 zoo/server-line"],
        &with("server.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888\ninitLimit=10\nsyncLimit=5\n"),
    );
    assert_eq!(change("b:2888:3888", "b:2888:2888"), ["7:10 zoo/server-port"]);
    assert_eq!(change("b:2888:3888", "a:2888:3888"), ["7:10 zoo/server-port"]);
    assert_eq!(change("b:2888:3888", "b:2181:3888"), ["7:10 zoo/server-port"]);
    assert_eq!(change("b:2888:3888", "localhost:2888:3888"), ["7:10 zoo/loopback"]);
    assert_eq!(change("server.2", "server.two"), ["7:1 zoo/server-line"]);
    assert_eq!(change("server.3=c:2888:3888\n", ""), ["7:1 warning zoo/ensemble-size"]);
    assert_eq!(change("server.3", "server.300"), ["8:1 warning zoo/server-line"]);
}

#[test]
fn sessions() {
    assert_eq!(
        found("zoo.cfg", &with("minSessionTimeout=9000\nmaxSessionTimeout=8000\n")),
        ["4:19 zoo/session-timeout"]
    );
    assert_eq!(found("zoo.cfg", &with("tickTime=0\n")), ["4:10 zoo/number"]);
}

#[test]
fn beside_storms_own_file() {
    let both = |storm: &str, zoo: &str| -> Vec<String> {
        let subjects = [Subject::new("storm.yaml", storm), Subject::new("zoo.cfg", zoo)];
        lint(&subjects, &host()).iter().map(|f| format!("{} {}", f.path.display(), short(f))).collect()
    };
    let good = with("admin.enableServer=false\n");
    assert_eq!(both("", &good), [""; 0]);
    assert_eq!(both("", &good.replace("2181", "2182")), ["zoo.cfg 2:12 zoo/port-differs"]);
    assert_eq!(both("", GOOD), ["zoo.cfg 0:1 warning zoo/admin-port"]);
    assert_eq!(
        both("storm.zookeeper.session.timeout: 20000\n", &(good.clone() + "tickTime=500\n")),
        ["zoo.cfg 5:10 warning zoo/session-granted"]
    );
    let ensemble =
        "initLimit=10\nsyncLimit=5\nserver.1=a.org:2888:3888\nserver.2=b.org:2888:3888\nserver.3=c.org:2888:3888\n";
    assert_eq!(
        both("storm.zookeeper.servers: [a, b, d]\nnimbus.seeds: [a]\n", &(good + ensemble)),
        ["storm.yaml 1:33 warning zoo/servers-differ"]
    );
}
