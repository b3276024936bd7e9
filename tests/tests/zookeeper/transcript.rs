//! One Java program, which uses nearly all of the client's API, against our server and against Apache's: what it
//! prints must be the same.

use storm_tests::peers;
use storm_tests::process::Nest;

use crate::server::Server;

#[test]
fn the_java_client_sees_what_it_sees_of_apache_zookeeper() {
    let nest = Nest::new();
    let transcript = |server: Server| {
        let classes = peers::java_classes().display().to_string();
        let mut java = peers::java(&[&peers::zookeeper_classpath(), &classes]);
        java.args(["-Xmx128m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"]);
        java.arg("zookeeper.Transcript").arg(server.connect());
        nest.run(java).ok()
    };
    let apache = transcript(Server::apache(&nest));
    let ours = transcript(Server::ours(&nest, ""));
    assert!(apache.lines().count() > 100, "{apache}");
    assert!(apache.ends_with("the end\n"), "{apache}");
    let differences: Vec<String> = apache
        .lines()
        .zip(ours.lines())
        .enumerate()
        .filter(|(_, (apache, ours))| apache != ours)
        .map(|(line, (apache, ours))| format!("{}:\n  apache {apache}\n  ours   {ours}", line + 1))
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!(apache, ours);
}
