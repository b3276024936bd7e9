//! An Apache Storm that is there already is read and never changed.

use std::fs;
use std::os::unix::fs::symlink;

use storm_tests::cluster::{Cluster, ClusterOptions, Maker};
use storm_tests::peers;
use storm_tests::process::Nest;

use super::{run, tree};

#[test]
fn a_running_apache_storm_is_adopted_through_a_link_and_stays_as_it_is() {
    let options = ClusterOptions { nimbus: Maker::Apache, supervisors: 0, ..ClusterOptions::default() };
    let cluster = Cluster::start(options);
    let nest = cluster.nest();
    let home = nest.dir().join("apache-storm-2.8.3");
    fs::create_dir_all(home.join("conf")).expect("made");
    symlink(peers::storm_server_jars(), home.join("lib")).expect("linked");
    fs::copy(cluster.nimbus.config(), home.join("conf/storm.yaml")).expect("copied");
    let link = nest.dir().join("storm");
    symlink(&home, &link).expect("linked");
    let before = tree(&home);
    let link = link.display().to_string();
    let text = run(nest, &["install", "adopt", &link]).ok();
    assert!(text.starts_with("Apache Storm  2.8.3 (2.x"), "{text}");
    assert!(text.contains(&format!("home          {}", home.display())), "{text}");
    assert_eq!(tree(&home), before);
    // From now on every stormctl of the user means it.
    assert_eq!(run(nest, &["list"]).ok(), "No topologies running.\n");
}

#[test]
fn an_old_one_is_recognised_and_another_cluster_stays_chosen() {
    let nest = Nest::new();
    let home = nest.dir().join("storm-0.8.2");
    fs::create_dir_all(home.join("conf")).expect("made");
    fs::write(home.join("storm-0.8.2.jar"), "").expect("written");
    fs::write(home.join("conf/storm.yaml"), "nimbus.host: \"n1\"\nzmq.threads: 1\n").expect("written");
    let shown = home.display().to_string();
    let text = run(&nest, &["install", "adopt", &shown]).ok();
    for words in ["0.8.2 (before 0.9", "nimbus        n1 port", "[adopt/nimbus-host]", "[adopt/zeromq]", "[adopt/era]"]
    {
        assert!(text.contains(words), "{words} is not in\n{text}");
    }
    let other = nest.dir().join("other");
    fs::create_dir_all(other.join("conf")).expect("made");
    fs::write(other.join("RELEASE"), "2.8.3\n").expect("written");
    fs::write(other.join("conf/storm.yaml"), "nimbus.seeds: [n2]\n").expect("written");
    let refused = run(&nest, &["install", "adopt", &other.display().to_string()]);
    assert_eq!(refused.status.code(), Some(8), "{refused:?}");
    let none = run(&nest, &["install", "adopt", &nest.dir().display().to_string()]);
    assert_eq!(none.status.code(), Some(5), "{none:?}");
}
