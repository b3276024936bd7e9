//! A host that only submits and watches.

use std::fs;

use storm_tests::cluster::{Cluster, ClusterOptions};
use storm_tests::ports::free_port;

use super::run;

#[test]
fn a_client_finds_the_cluster_and_forgets_it() {
    let cluster = Cluster::start(ClusterOptions::default());
    let nest = cluster.nest();
    let nobody = format!("127.0.0.1:{}", free_port());
    let refused = run(nest, &["install", "client", "--nimbus", &nobody]);
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    assert!(refused.stderr.contains(&nobody), "{refused:?}");
    let file = nest.dir().join("home/.storm/storm.yaml");
    assert!(!file.exists());

    let here = format!("127.0.0.1:{}", cluster.nimbus.port);
    let args = ["install", "client", "--nimbus", &nobody, "--nimbus", &here];
    run(nest, &[&args[..], &["--dry-run"]].concat()).ok();
    assert!(!file.exists());
    let done = run(nest, &args).ok();
    assert!(done.contains("1 Nimbus (127.0.0.1 leads), 1 supervisors"), "{done}");
    let text = fs::read_to_string(&file).expect("written");
    let port = cluster.nimbus.port;
    assert_eq!(
        text,
        format!("# Written by stormctl install client.\nnimbus.seeds: [\"127.0.0.1\"]\nnimbus.thrift.port: {port}\n")
    );
    assert_eq!(run(nest, &["list"]).ok(), "No topologies running.\n");
    assert!(run(nest, &args).ok().contains("is there already"));

    // A file of somebody's own is not overwritten.
    let folder = file.parent().expect("a folder").display().to_string();
    run(nest, &["uninstall", "--dir", &folder, &format!("--confirm={folder}")]).ok();
    assert!(!file.parent().expect("a folder").exists());
    fs::create_dir(file.parent().expect("a folder")).expect("made");
    fs::write(&file, "ui.port: 1\n").expect("written");
    let refused = run(nest, &args);
    assert_eq!(refused.status.code(), Some(8), "{refused:?}");
    assert_eq!(fs::read_to_string(&file).expect("there"), "ui.port: 1\n");
}

#[test]
fn a_leader_whose_name_means_nothing_here_is_named() {
    let options = ClusterOptions { supervisors: 0, ..ClusterOptions::default() };
    let cluster = Cluster::start(options.with("storm.local.hostname", "nimbus.invalid"));
    let here = format!("127.0.0.1:{}", cluster.nimbus.port);
    let refused = run(cluster.nest(), &["install", "client", "--nimbus", &here]);
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    assert!(refused.stderr.contains(&here) && refused.stderr.contains("nimbus.invalid"), "{refused:?}");
    assert!(!cluster.nest().dir().join("home/.storm").exists());
}
