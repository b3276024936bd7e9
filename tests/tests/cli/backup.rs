//! A cluster that was lost with all its disks runs again from its backup; kazoo says what is in ZooKeeper.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use storm_tests::cluster::{Cluster, ClusterOptions, Maker};
use storm_tests::peers;
use storm_tests::process::Finished;
use storm_tests::wait::wait_until;

use super::{LIMIT, command};

const FLUX: &str = "name: wordcount
spouts: [{id: lines, className: lines, constructorArgs: [[text.txt]]}]
bolts:
  - {id: split, className: split}
  - {id: count, className: count}
  - {id: out, className: file, constructorArgs: [counts.tsv]}
streams:
  - {from: lines, to: split, grouping: {type: SHUFFLE}}
  - {from: split, to: count, grouping: {type: FIELDS, args: [word]}}
  - {from: count, to: out, grouping: {type: GLOBAL}}
";

struct World {
    cluster: Cluster,
}

impl World {
    fn start(zookeeper: Maker, nimbus: Maker) -> World {
        let options =
            ClusterOptions { zookeeper, nimbus, supervisor: Maker::Ours, slots: 1, ..ClusterOptions::default() };
        let cluster = Cluster::start(options.with("nimbus.monitor.freq.secs", 2));
        World { cluster }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.cluster.nest().dir().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = command(self.cluster.nest(), &[]);
        command.arg("--config").arg(self.cluster.nimbus.config()).args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Finished {
        self.cluster.nest().run(self.command(args))
    }

    fn json(&self, args: &[&str]) -> Value {
        let text = self.run(&[args, &["-o", "json"]].concat()).ok();
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    }

    fn kazoo(&self, args: &[&str]) -> String {
        let mut python = Command::new("python3");
        python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("python/znodes.py"));
        python.arg(format!("127.0.0.1:{}", self.cluster.zookeeper.port)).args(args);
        python.env("PYTHONPATH", peers::python_path());
        self.cluster.nest().run(python).ok()
    }

    /// What a restore must bring back: each node with its data and its access list.
    fn nodes(&self) -> Vec<Value> {
        let lines = self.kazoo(&["dump", "/storm"]);
        let nodes = lines.lines().map(|l| serde_json::from_str::<Value>(l).expect("JSON"));
        let kept = ["/storm/storms", "/storm/credentials", "/storm/logconfigs", "/storm/notes"];
        let is_kept = |n: &Value| n["path"].as_str().is_some_and(|p| kept.iter().any(|k| p.starts_with(k)));
        nodes.filter(is_kept).collect()
    }

    /// Keys with access lists, replication and content.
    fn blobs(&self) -> Vec<Value> {
        let listed = self.json(&["blobstore", "list"]);
        let content = |key: &str| {
            let file = self.path("blob");
            self.run(&["blobstore", "cat", key, "-f", &file.display().to_string()]).ok();
            fs::read(file).expect("read")
        };
        let one = |b: &Value| {
            let bytes = content(b["key"].as_str().expect("a key"));
            json!([b["key"], b["acl"], b["replication_factor"], bytes.len(), crc(&bytes)])
        };
        listed["items"].as_array().expect("a list").iter().map(one).collect()
    }

    /// A topology with log levels and credentials, a node of somebody else with an access list, blobs.
    fn fill(&self) {
        fs::write(self.path("text.txt"), "to be or not to be\n".repeat(50)).expect("written");
        let flux = FLUX.replace("text.txt", &self.path("text.txt").display().to_string());
        let flux = flux.replace("counts.tsv", &self.path("counts.tsv").display().to_string());
        fs::write(self.path("topology.yaml"), flux).expect("written");
        // All zeros: large on its way, and small in the archive.
        fs::File::create(self.path("large")).and_then(|f| f.set_len(32 << 20)).expect("made");
        self.run(&["submit", &self.path("topology.yaml").display().to_string()]).ok();
        self.run(&["set-log-level", "wordcount", "-l", "ROOT=DEBUG:600"]).ok();
        self.run(&["upload-credentials", "wordcount", "user", "ann"]).ok();
        let text = self.path("text.txt").display().to_string();
        self.run(&["blobstore", "create", "words.txt", "-f", &text, "--acl", "u:ann:rwa,o::r"]).ok();
        self.run(&["blobstore", "create", "zeros", "-f", &self.path("large").display().to_string()]).ok();
        self.kazoo(&["guard", "/storm/notes/of-ann", "mind the gap"]);
        self.counted();
    }

    fn counted(&self) {
        wait_until(LIMIT, "all words to be counted", || {
            let text = fs::read_to_string(self.path("counts.tsv")).unwrap_or_default();
            ["to\t100", "be\t100", "or\t50", "not\t50"].iter().all(|line| text.lines().any(|l| l == *line))
        });
    }

    /// New disks for every machine.
    fn lose_everything(&mut self) {
        let cluster = &mut self.cluster;
        cluster.supervisors[0].terminate();
        cluster.stormctl_at(&cluster.supervisors[0], &["kill-workers", "--yes"]).ok();
        wait_until(LIMIT, "the workers to go", || cluster.all_workers().is_empty());
        cluster.nimbus.terminate();
        cluster.zookeeper.terminate();
        for lost in [
            cluster.zookeeper.home.join("data"),
            cluster.nimbus.local_dir(),
            cluster.supervisors[0].local_dir(),
            cluster.nest().dir().join("counts.tsv"),
        ] {
            if lost.is_dir() { fs::remove_dir_all(&lost) } else { fs::remove_file(&lost) }.expect("removed");
        }
        cluster.start_zookeeper();
        cluster.start_nimbus();
        cluster.start_supervisor(0);
        cluster.wait_for_supervisors(1);
    }
}

/// Different contents have different ones, as good as always.
fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn lives_again(zookeeper: Maker, nimbus: Maker) {
    let mut world = World::start(zookeeper, nimbus);
    world.fill();
    let (nodes, blobs) = (world.nodes(), world.blobs());
    assert!(nodes.iter().any(|n| n["path"] == "/storm/notes/of-ann" && n["acl"].to_string().contains("digest")));
    let file = world.path("storm.tar.gz");
    let archive = file.display().to_string();
    let packed = world.json(&["backup", &archive]);
    assert_eq!(
        (packed["topologies"][0]["name"].as_str(), &packed["notes"]),
        (Some("wordcount"), &json!([])),
        "{packed}"
    );
    assert!(
        packed["left_out"].as_u64().is_some_and(|n| n > 3),
        "Nimbus, its latch, its supervisor, its blobs: {packed}"
    );
    assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
    assert_eq!(world.run(&["backup", &archive]).status.code(), Some(8), "it is never written over");
    let verified = world.json(&["backup", &archive, "--verify"]);
    for field in ["topologies", "blobs", "nodes", "made"] {
        assert_eq!(verified[field], packed[field], "{field}");
    }
    // The system's own tar finds in it what it should.
    let mut tar = Command::new("tar");
    tar.arg("-xOzf").arg(&file).arg("blobs/words.txt");
    assert_eq!(world.cluster.nest().run(tar).ok(), fs::read_to_string(world.path("text.txt")).expect("there"));
    // Into the cluster that it comes from, there is nothing to be put.
    let same = world.json(&["restore", &archive, "--dry-run"]);
    assert_eq!(
        (&same["created"], &same["topologies"], &same["killed"]),
        (&json!([]), &json!([]), &json!([])),
        "{same}"
    );

    world.lose_everything();
    assert_eq!((world.blobs(), world.json(&["list"])["items"].clone()), (vec![], json!([])));
    let would = world.json(&["restore", &archive, "--dry-run"]);
    assert_eq!((would["created"].as_array().map(Vec::len), &would["dry_run"]), (Some(5), &json!(true)), "{would}");
    assert_eq!(world.blobs(), [] as [Value; 0], "a dry run changes nothing");

    // Killed in the middle, and done again.
    let mut first = world.cluster.nest().spawn("restore", world.command(&["restore", &archive]));
    wait_until(LIMIT, "a blob to be there", || {
        first.ended().is_some() || world.run(&["blobstore", "list", "-o", "name"]).stdout.lines().count() > 0
    });
    first.kill_nine();
    let restored = world.json(&["restore", &archive]);
    assert_eq!(restored["restart_nimbus"], nimbus == Maker::Apache, "{restored}");
    if nimbus == Maker::Apache {
        world.cluster.nimbus.terminate();
        world.cluster.start_nimbus();
    }
    world.counted();
    assert_eq!(world.nodes(), nodes);
    assert_eq!(world.blobs(), blobs);
    assert_eq!(world.json(&["describe", "wordcount"])["topology"]["status"], "ACTIVE");
    let again = world.json(&["restore", &archive]);
    assert_eq!(
        (&again["created"], &again["topologies"], &again["nodes"]),
        (&json!([]), &json!([]), &json!(0)),
        "{again}"
    );
    assert_eq!(again["restart_nimbus"], false, "{again}");
    world.run(&["kill", "wordcount", "-w", "0", "--wait"]).ok();
}

#[test]
fn a_lost_cluster_lives_again() {
    lives_again(Maker::Ours, Maker::Ours);
}

#[test]
fn a_lost_cluster_of_apaches_lives_again() {
    lives_again(Maker::Apache, Maker::Apache);
}

/// A copy of an archive with a byte of its inside changed, where `what` begins.
fn with_other(file: &Path, to: &Path, what: &[u8]) {
    let mut raw = Vec::new();
    flate2::read::GzDecoder::new(fs::File::open(file).expect("there")).read_to_end(&mut raw).expect("gzip");
    let at = raw.windows(what.len()).position(|w| w == what).expect("it is in it");
    raw[at] ^= 1;
    let mut gz = flate2::write::GzEncoder::new(fs::File::create(to).expect("made"), flate2::Compression::fast());
    gz.write_all(&raw).and_then(|()| gz.finish().map(drop)).expect("written");
}

#[test]
fn nothing_is_changed_by_half_an_archive_nor_lost_unsaid() {
    let world = World::start(Maker::Ours, Maker::Ours);
    world.fill();
    let archive = world.path("storm.tar.gz");
    let text = |p: &Path| p.display().to_string();
    world.run(&["backup", &text(&archive)]).ok();
    let (cut, bad, none) = (world.path("cut.tar.gz"), world.path("bad.tar.gz"), world.path("none.tar.gz"));
    let whole = fs::read(&archive).expect("read");
    fs::write(&cut, &whole[..whole.len() * 2 / 3]).expect("written");
    with_other(&archive, &bad, b"to be or not");
    world.run(&["kill", "wordcount", "-w", "0", "--wait"]).ok();
    for key in ["words.txt", "zeros"] {
        world.run(&["blobstore", "delete", key]).ok();
    }
    let before = (world.kazoo(&["dump", "/storm/storms"]), world.blobs());
    for (file, status, why) in [
        (&cut, 1, "cut.tar.gz is not the backup"),
        (&bad, 1, "blobs/words.txt has another content"),
        (&none, 3, "none.tar.gz"),
    ] {
        for args in [
            &["restore", &text(file)][..],
            &["restore", &text(file), "--dry-run"],
            &["backup", &text(file), "--verify"],
        ] {
            let refused = world.run(args);
            assert_eq!(refused.status.code(), Some(status), "{refused:?}");
            assert!(refused.stderr.contains(why), "{refused:?}");
        }
    }
    assert_eq!((world.kazoo(&["dump", "/storm/storms"]), world.blobs()), before);

    // What would be lost is named, and goes only when its loss is confirmed by the name of the place.
    world.run(&["blobstore", "create", "words.txt", "-f", &text(&world.path("topology.yaml"))]).ok();
    world.run(&["blobstore", "create", "precious", "-f", &text(&world.path("topology.yaml"))]).ok();
    world.run(&["submit", &text(&world.path("topology.yaml")), "other"]).ok();
    let refused = world.run(&["restore", &text(&archive)]);
    assert_eq!(refused.status.code(), Some(8), "{refused:?}");
    for line in ["kill the topology other-", "delete the blob precious", "write over the blob words.txt", "--replace"] {
        assert!(refused.stderr.contains(line), "{line}: {refused:?}");
    }
    let unconfirmed = world.run(&["restore", &text(&archive), "--replace", "--yes"]);
    assert_eq!(unconfirmed.status.code(), Some(7), "{unconfirmed:?}");
    let place = format!("127.0.0.1:{}/storm", world.cluster.zookeeper.port);
    assert!(unconfirmed.stderr.contains(&format!("--confirm={place}")), "{unconfirmed:?}");
    assert!(world.run(&["list", "-o", "name"]).ok().contains("other"));
    let confirm = format!("--confirm={place}");
    fs::remove_file(world.path("counts.tsv")).expect("removed");
    let done = world.json(&["restore", &text(&archive), "--replace", &confirm]);
    assert_eq!(done["deleted"].as_array().map(|d| d.contains(&json!("precious"))), Some(true), "{done}");
    assert_eq!(world.run(&["list", "-o", "name"]).ok(), "wordcount\n");
    world.counted();

    // On the machine of a Nimbus that is down its folder will do; elsewhere it is told what is missing.
    let mut world = world;
    world.cluster.nimbus.terminate();
    let down = world.json(&["backup", &text(&world.path("down.tar.gz"))]);
    assert!(
        down["notes"][0].as_str().is_some_and(|n| n.starts_with("no Nimbus answers: the blobs are those of ")),
        "{down}"
    );
    assert_eq!(down["blobs"].as_array().map(Vec::len), Some(5), "{down}");
    let elsewhere = format!("storm.local.dir={}", text(&world.path("nowhere")));
    let refused = world.run(&["-c", &elsewhere, "backup", &text(&none)]);
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    assert!(refused.stderr.contains("this is not the machine of a Nimbus") && !none.exists(), "{refused:?}");
    assert!(world.run(&["restore", &text(&archive)]).refused().contains("a restore goes through Nimbus"));
}
