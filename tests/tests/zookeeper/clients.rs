//! The clients that people use.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use storm_tests::peers;
use storm_tests::process::Nest;

use crate::server::{LIMIT, Server};

/// zkCli reads its options with this library, which Apache ZooKeeper's artifact leaves to others.
fn commons_cli() -> PathBuf {
    let jars = std::fs::read_dir(peers::storm_server_jars()).expect("the jars of Storm");
    let is_it =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("commons-cli-"));
    jars.map(|entry| entry.expect("readable").path()).find(is_it).expect("commons-cli is among Storm's jars")
}

/// What zkCli prints for these commands, without its chatter.
fn zkcli(server: &Server, commands: &str) -> String {
    let cli = commons_cli().display().to_string();
    let mut java = peers::java(&[&peers::zookeeper_classpath(), &cli]);
    java.args(["-Xmx128m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=off"]);
    java.args(["org.apache.zookeeper.ZooKeeperMain", "-server", &server.connect()]);
    java.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = java.spawn().expect("java starts");
    child.stdin.take().expect("piped").write_all(commands.as_bytes()).expect("zkCli reads");
    let output = child.wait_with_output().expect("zkCli ends");
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn zkcli_works() {
    let nest = Nest::new();
    let server = Server::ours(&nest, "");
    let said = zkcli(
        &server,
        "create /a hello\ncreate /a/b\ncreate -s /a/s- one\ncreate -e /a/e two\ncreate -c /a/c\nls /a\nls -R /a\nls -s /a\n\
         get /a\nget -s /a\nstat /a/e\nset /a changed\nset -v 7 /a no\nget /a\ngetAcl /a\nsetAcl /a world:anyone:cdrwa\n\
         addauth digest bob:secret\ncreate /secret x auth::cdrwa\ngetAcl /secret\nwhoami\ndelete /a\ndelete /none\nsync /a\n\
         getEphemerals\ngetAllChildrenNumber /a\naddWatch -m PERSISTENT /a\nset /a again\nremovewatches /a\nsetquota -n 5 /a\n\
         listquota /a\nconfig\nreconfig -add 1\ncreate -t 1000 /ttl x\ndeleteall /a\nls /\nquit\n",
    );
    for part in [
        "Created /a\n",
        "Created /a/s-0000000001\n",
        "[b, c, e, s-0000000001]\n",
        "/a/s-0000000001\n",
        "hello\n",
        "numChildren = 4\n",
        "version No is not valid : /a\n",
        "changed\n",
        "'world,'anyone\n: cdrwa\n",
        "'digest,'bob:",
        "digest: bob\n",
        "Node not empty: /a\n",
        "Node does not exist: /none\n",
        "Sync is OK\n",
        "[/a/e]\n",
        "type:NodeDataChanged path:/a",
        "count=5",
        "KeeperErrorCode = Unimplemented",
        "[secret, zookeeper]\n",
    ] {
        assert!(said.contains(part), "{part:?} is missing in:\n{said}");
    }
    let owner = said.split("ephemeralOwner = 0x").find(|rest| !rest.starts_with("0\n") && !rest.starts_with("0x"));
    assert!(owner.is_some(), "{said}");
}

#[test]
fn curators_recipes_work_and_live_through_a_restart() {
    let nest = Nest::new();
    let mut server = Server::ours(&nest, "");
    let classes = peers::java_classes().display().to_string();
    let mut java = peers::java(&[&peers::zookeeper_classpath(), &classes]);
    java.args(["-Xmx256m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"]);
    java.arg("zookeeper.Recipes").arg(server.connect());
    let mut recipes = nest.spawn("recipes", java);
    recipes.wait_for_output(LIMIT * 2, "restart the server");
    server.kill();
    server.restart(&nest);
    recipes.wait_for_output(LIMIT * 2, "the end");
    assert!(recipes.wait(LIMIT).success(), "{}", recipes.output());
}

#[test]
fn kazoo_works() {
    let nest = Nest::new();
    let server = Server::ours(&nest, "");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/zookeeper_kazoo.py");
    let mut python = Command::new("python3");
    python.arg(script).arg(server.connect()).env("PYTHONPATH", peers::python_path());
    let said = nest.run(python).ok();
    assert!(said.ends_with("the end\n"), "{said}");
}
