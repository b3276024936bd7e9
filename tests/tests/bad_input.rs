//! Bad input for Nimbus: a clear refusal, and nothing harmed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Barrier;

use serde_json::json;
use storm_tests::cluster::{Cluster, ClusterOptions};
use storm_tests::jars::python_jar;
use storm_tests::topologies::{bolt, default_stream, lines_to_split, spout, submit, upload};
use storm_thrift::types::{Grouping, NullStruct, StormTopology};
use storm_thrift::{ClientError, Exception};

fn nimbus_alone() -> (Cluster, PathBuf) {
    let cluster = Cluster::start(ClusterOptions { supervisors: 0, ..ClusterOptions::default() });
    let jar = cluster.nest().dir().join("shell.jar");
    python_jar(&jar, &["lines.py", "split.py"]);
    (cluster, jar)
}

/// Every key in the blobstore.
fn blobs(cluster: &Cluster) -> Vec<String> {
    let listed = cluster.ask(async |nimbus| {
        let mut keys = Vec::new();
        let mut page = nimbus.list_blobs(Some(String::new())).await?;
        while !page.keys.is_empty() {
            keys.append(&mut page.keys);
            page = nimbus.list_blobs(Some(page.session)).await?;
        }
        Ok(keys)
    });
    listed.expect("the list of blobs")
}

/// Nothing of a refused topology is left, and a good one is still welcome.
fn assert_unharmed(cluster: &Cluster, jar: &Path) {
    assert_eq!(cluster.summary().expect("a summary").topologies.len(), 0);
    assert_eq!(blobs(cluster), Vec::<String>::new());
    cluster.ask(async |nimbus| submit(nimbus, "good", jar, &json!({}), lines_to_split()).await).expect("accepted");
}

#[test]
fn a_jar_location_outside_the_inbox_is_refused() {
    let (cluster, jar) = nimbus_alone();
    let location = cluster.ask(async |nimbus| upload(nimbus, &jar).await).expect("an upload");
    let inbox = Path::new(&location).parent().expect("the inbox").to_owned();
    let secret = cluster.nest().dir().join("secret");
    fs::write(&secret, "not for everybody").expect("written");
    let link = inbox.join("stormjar-link.jar");
    symlink(&secret, &link).expect("a link");
    let escapes = [
        "/etc/passwd".to_owned(),
        secret.display().to_string(),
        inbox.join("../../../secret").display().to_string(),
        link.display().to_string(),
        inbox.display().to_string(),
        inbox.join("stormjar-gone.jar").display().to_string(),
        "secret".to_owned(),
        String::new(),
    ];
    for escape in escapes {
        let answer = cluster.ask(async |nimbus| {
            nimbus.submit_topology("words".to_owned(), Some(escape.clone()), "{}".to_owned(), lines_to_split()).await
        });
        let refusal = answer.expect_err(&escape).to_string();
        assert!(escape.is_empty() || refusal.contains(&escape), "{escape}: {refusal}");
        // Nor may an upload write there.
        cluster
            .ask(async |nimbus| nimbus.upload_chunk(escape.clone(), bytes::Bytes::from_static(b"x")).await)
            .expect_err(&escape);
    }
    assert_eq!(fs::read_to_string(&secret).expect("the secret"), "not for everybody");
    assert_unharmed(&cluster, &jar);
}

#[test]
fn of_ten_submits_of_one_name_one_wins() {
    const SUBMITS: usize = 10;
    let (cluster, jar) = nimbus_alone();
    let barrier = Barrier::new(SUBMITS);
    let port = cluster.nimbus.port;
    let answers: Vec<Result<(), ClientError>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..SUBMITS)
            .map(|_| {
                scope.spawn(|| {
                    storm_tests::cluster::ask(port, async |nimbus| {
                        let location = upload(nimbus, &jar).await?;
                        barrier.wait();
                        nimbus
                            .submit_topology("words".to_owned(), Some(location), "{}".to_owned(), lines_to_split())
                            .await
                    })
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let topologies = cluster.summary().expect("a summary").topologies;
    assert_eq!(topologies.len(), 1, "{topologies:?}");
    let id = &topologies[0].id;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    for refusal in lost.into_iter().filter_map(Result::err) {
        assert!(matches!(refusal.declared(), Some(Exception::AlreadyAliveException(_))), "{refusal:?}");
        assert!(refusal.to_string().contains(id), "the winner is {id}, but: {refusal}");
    }
    let keys: BTreeSet<String> = blobs(&cluster).into_iter().collect();
    let expected = ["stormcode.ser", "stormconf.ser", "stormjar.jar"].map(|part| format!("{id}-{part}"));
    assert_eq!(keys, BTreeSet::from(expected));
}

/// A topology with one fault each, and the words that its refusal must hold.
fn invalid_topologies() -> Vec<(&'static str, StormTopology, Vec<&'static str>)> {
    let spouts = BTreeMap::from([("lines".to_owned(), spout("lines.py", &["line"]))]);
    let with = |bolts: Vec<(&str, storm_thrift::types::Bolt)>| StormTopology {
        spouts: spouts.clone(),
        bolts: bolts.into_iter().map(|(id, bolt)| (id.to_owned(), bolt)).collect(),
        ..StormTopology::default()
    };
    let mut by_field = bolt("split.py", &["lines"], &["word"]);
    by_field.common.inputs.insert(default_stream("lines"), Grouping::Fields(vec!["verse".to_owned()]));
    let mut by_stream = bolt("split.py", &["lines"], &["word"]);
    let stream = storm_thrift::types::GlobalStreamId { stream_id: "rows".to_owned(), ..default_stream("lines") };
    by_stream.common.inputs.insert(stream, Grouping::Shuffle(NullStruct {}));
    vec![
        ("missing component", with(vec![("split", bolt("split.py", &["sentences"], &[]))]), vec!["split", "sentences"]),
        ("missing stream", with(vec![("split", by_stream)]), vec!["split", "rows"]),
        ("missing field", with(vec![("split", by_field)]), vec!["split", "verse"]),
        ("name used twice", with(vec![("lines", bolt("split.py", &["lines"], &[]))]), vec!["lines"]),
        ("name of the system", with(vec![("__acker", bolt("split.py", &["lines"], &[]))]), vec!["__acker"]),
        (
            "cycle of names",
            with(vec![("egg", bolt("split.py", &["hen"], &["word"])), ("hen", bolt("split.py", &["egg"], &["word"]))]),
            vec!["egg", "hen"],
        ),
    ]
}

/// What is wrong with the answer to a submit that must be refused as invalid, in these words.
fn judge(fault: &str, answer: Result<(), ClientError>, words: &[&str]) -> Option<String> {
    match answer {
        Ok(()) => Some(format!("{fault}: accepted")),
        Err(refusal) if !matches!(refusal.declared(), Some(Exception::InvalidTopologyException(_))) => {
            Some(format!("{fault}: not InvalidTopologyException but {refusal:?}"))
        }
        Err(refusal) => {
            let text = refusal.to_string();
            let missing: Vec<_> = words.iter().filter(|word| !text.contains(**word)).collect();
            (!missing.is_empty()).then(|| format!("{fault}: {missing:?} not in {text:?}"))
        }
    }
}

#[test]
fn invalid_topologies_are_refused_by_name() {
    let (cluster, jar) = nimbus_alone();
    let mut problems = Vec::new();
    for (fault, topology, words) in invalid_topologies() {
        let answer = cluster.ask(async |nimbus| submit(nimbus, "words", &jar, &json!({}), topology.clone()).await);
        problems.extend(judge(fault, answer, &words));
    }
    for name in ["", "a/b", "a.b", "a:b", "a\\b"] {
        let answer = cluster.ask(async |nimbus| submit(nimbus, name, &jar, &json!({}), lines_to_split()).await);
        problems.extend(judge(&format!("the name {name:?}"), answer, &[name]));
    }
    let confs = [
        ("", ""),
        ("[]", ""),
        ("{", ""),
        ("7", ""),
        (r#"{"topology.workers": "many"}"#, "topology.workers"),
        (r#"{"topology.message.timeout.secs": -1.5}"#, "topology.message.timeout.secs"),
    ];
    for (index, (conf, word)) in confs.into_iter().enumerate() {
        let answer = cluster.ask(async |nimbus| {
            let location = upload(nimbus, &jar).await?;
            nimbus.submit_topology(format!("words-{index}"), Some(location), conf.to_owned(), lines_to_split()).await
        });
        problems.extend(judge(&format!("the conf {conf:?}"), answer, &[word]));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert_unharmed(&cluster, &jar);
}
