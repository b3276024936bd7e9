//! What is printed with `-o json`, against what `schema` says of it. Python's jsonschema judges.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use storm_tests::cluster::{Cluster, ClusterOptions, Role};
use storm_tests::jars::python_jar;
use storm_tests::peers;
use storm_tests::topologies::{lines_to_split, submit};
use storm_tests::wait::wait_for;

use super::{LIMIT, command};

/// One command line for each way in which a verb answers. What asks a machine goes to the supervisor's.
const COMMANDS: &[(&str, &str)] = &[
    ("status", "status supervisor"),
    ("jps", "jps"),
    ("zk status", "zk status"),
    ("zk ls", "zk ls"),
    ("zk ls", "zk ls / -R"),
    ("zk get", "zk get storms/ID"),
    ("zk get", "zk get supervisors"),
    ("zk find", "zk find --text words"),
    ("zk du", "zk du"),
    ("zk srvr", "zk srvr"),
    ("zk mntr", "zk mntr"),
    ("zk stat", "zk stat"),
    ("zk ruok", "zk ruok"),
    ("zk conf", "zk conf"),
    ("zk cons", "zk cons"),
    ("zk dump", "zk dump"),
    ("zk envi", "zk envi"),
    ("zk isro", "zk isro"),
    ("zk wchs", "zk wchs"),
    ("list", "list"),
    ("describe", "describe words"),
    ("logs", "logs words"),
    ("monitor", "monitor words"),
    ("monitor", "monitor words -m lines --count 1"),
    ("get-errors", "get-errors words"),
    ("admin creds", "admin creds ID"),
    ("admin print_topo", "admin print_topo words"),
    ("admin print_super", "admin print_super"),
    ("admin print_assignment", "admin print_assignment"),
    ("heartbeats list", "heartbeats list /"),
    ("heartbeats get", "heartbeats get BEAT"),
    ("blobstore list", "blobstore list"),
    ("blobstore replication", "blobstore replication ID-stormconf.ser"),
    ("node-health-check", "node-health-check"),
    ("localconfvalue", "localconfvalue nimbus.seeds"),
    ("remoteconfvalue", "remoteconfvalue nimbus.seeds"),
    ("classpath", "classpath"),
    ("server-classpath", "server-classpath"),
    ("why", "why words"),
    ("why", "why words --propose"),
    ("doctor", "doctor"),
    ("doctor", "doctor --propose"),
    ("doctor", "doctor --list"),
    ("config list", "config list --all"),
    ("config get", "config get nimbus.seeds"),
    ("config lint", "config lint slips.yaml"),
    ("config explain", "config explain nimbus.seeds"),
    ("config explain", "config explain clientPort"),
    ("config explain", "config explain config/tab"),
    ("config sources", "config sources nimbus.seeds ui.port"),
    ("config diff", "config diff warn.yaml"),
    ("context list", "context list"),
    ("context show", "context show one"),
    ("agent init-ca", "agent init-ca --ca a-ca"),
    ("agent issue", "agent issue a --ca a-ca --out a-certs"),
    ("agent renew", "agent renew --ca a-ca --dry-run"),
    ("agent list", "agent list --ca a-ca"),
    ("agent revoke", "agent revoke a --ca a-ca"),
    ("explain", "explain nimbus/no-leader"),
    ("install history", "install history"),
    ("smoke", "smoke --only-wait"),
    ("explain", "explain 7"),
    ("explain", "explain ui.port"),
    ("schema", "schema"),
    ("version", "version"),
    // Some that change something, or say what they would.
    ("submit", "submit words.yaml --dry-run"),
    ("rebalance", "rebalance words -n 1 --dry-run"),
    ("deactivate", "deactivate words"),
    ("activate", "activate words"),
    ("kill", "kill words --dry-run"),
    ("set-log-level", "set-log-level words -l ROOT=DEBUG:30"),
    ("zk set", "zk set /x y --create --yes"),
    ("zk rm", "zk rm /x --yes"),
    ("zk start", "zk start --dry-run"),
    ("start", "start supervisor --dry-run"),
    ("stop", "stop supervisor --dry-run"),
    ("config set", "config set ui.port 1234 --dry-run"),
    ("context set", "context set one --config words.yaml --dry-run"),
    ("kill-workers", "kill-workers --dry-run"),
    ("blobstore create", "blobstore create blob -f words.yaml"),
    ("backup", "backup b.tar.gz"),
    ("backup", "backup b.tar.gz --verify"),
    ("restore", "restore b.tar.gz --dry-run"),
    ("error", "describe none"),
    ("error", "list --config slips.yaml"),
    ("error", "list --config warn.yaml"),
];

/// Four-letter words that dev-zookeeper does not know.
const UNANSWERED: &[&str] = &["zk cons", "zk dump", "zk envi"];

const FLUX: &str = "name: other\nspouts:\n  - {id: l, className: lines, constructorArgs: [[/etc/passwd]]}\n\
                    bolts:\n  - {id: p, className: print}\nstreams:\n  - {from: l, to: p, grouping: {type: SHUFFLE}}\n";

struct World {
    cluster: Cluster,
    id: String,
    beat: String,
}

impl World {
    fn new() -> World {
        let options = ClusterOptions::default().with("executor.metrics.frequency.secs", 1);
        let cluster = Cluster::start(options);
        let dir = cluster.nest().dir();
        let jar = dir.join("shell.jar");
        python_jar(&jar, &["lines.py", "split.py"]);
        cluster
            .ask(async |nimbus| submit(nimbus, "words", &jar, &json!({}), lines_to_split()).await)
            .expect("accepted");
        fs::write(dir.join("words.yaml"), FLUX).expect("written");
        // A file with something of every kind of slip: a warning, an error that --fix mends, another that it does not.
        let slips = "ui.title: 2024-05-01\nui.port: \"8081\"\nnimbus.host: n1\nstorm.zookeeper.servers: zk1\n";
        fs::write(dir.join("slips.yaml"), slips).expect("written");
        fs::write(dir.join("warn.yaml"), "my.date: 2024-05-01\nnimbus.thrift.port: 1\n").expect("written");
        fs::create_dir_all(dir.join(".config/stormctl")).expect("made");
        fs::write(dir.join(".config/stormctl/config.yaml"), "clusters: {one: {set: {ui.port: 1}}}\n").expect("written");
        for home in [&cluster.nimbus.home, &cluster.supervisors[0].home] {
            fs::create_dir_all(home.join("lib-worker")).expect("made");
            fs::create_dir_all(home.join("lib")).expect("made");
        }
        let world = World { cluster, id: String::new(), beat: String::new() };
        let id = wait_for(LIMIT, "the topology", || world.cluster.topology("words")).id;
        let world = World { id, ..world };
        let beat = wait_for(LIMIT, "a beat of its worker", || {
            let done = world.run(&world.cluster.nimbus, &format!("heartbeats list /{}", world.id));
            done.stdout.lines().next().map(|name| format!("/{}/{name}", world.id))
        });
        let world = World { beat, ..world };
        wait_for(LIMIT, "the spout to emit", || {
            let done = world.run(&world.cluster.nimbus, "monitor words -m lines --count 1");
            done.status.success().then_some(())
        });
        world
    }

    fn run(&self, role: &Role, line: &str) -> storm_tests::process::Finished {
        let mut command = command(self.cluster.nest(), &[]);
        command.env("STORM_HOME", &role.home);
        if !line.contains("--config") {
            command.arg("--config").arg(role.config());
        }
        let line = line.replace("ID", &self.id).replace("BEAT", &self.beat);
        self.cluster.nest().run({
            command.args(line.split(' '));
            command
        })
    }

    fn role(&self, verb: &str) -> &Role {
        match verb {
            "status" | "logs" | "node-health-check" | "start" | "stop" | "kill-workers" => &self.cluster.supervisors[0],
            _ => &self.cluster.nimbus,
        }
    }
}

#[test]
fn every_answer_has_the_shape_that_schema_says() {
    let world = World::new();
    let json = |text: &str| -> Value { serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}")) };
    let listed = json(&world.run(&world.cluster.nimbus, "schema -o json").ok());
    let mut judged = Vec::new();
    let mut seen = BTreeSet::new();
    for (verb, line) in COMMANDS {
        let schema = json(&world.run(&world.cluster.nimbus, &format!("schema {verb}")).ok());
        let done = world.run(world.role(verb), &format!("{line} -o json"));
        if UNANSWERED.contains(verb) {
            // No server of the test answers these; they have the shape of the words that one does.
            assert_eq!(done.status.code(), Some(7), "{done:?}");
            assert_eq!(schema["$ref"], "#/$defs/ZooKeeperAnswerList");
            seen.insert(((*verb).to_owned(), "ZooKeeperAnswerList".to_owned()));
            continue;
        }
        let texts: Vec<&str> = match *verb {
            // Each warning is a line, the error is a document of its own.
            "error" => {
                let (warnings, error) = done.stderr.split_at(done.stderr.find("{\n").unwrap_or(done.stderr.len()));
                warnings.lines().chain([error]).filter(|t| !t.is_empty()).collect()
            }
            _ => vec![done.stdout.as_str()],
        };
        assert!(!texts.is_empty() && !texts[0].is_empty(), "{line} printed nothing: {done:?}");
        for text in texts {
            let document: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{line}: {e}: {done:?}"));
            seen.insert(((*verb).to_owned(), document["kind"].as_str().expect("a kind").to_owned()));
            judged.push(json!({"name": line, "schema": schema, "document": document}));
        }
    }
    judge(&judged);

    // No verb that looks is left out, and none of its shapes. Agents have a suite of their own.
    seen.insert(("agent status".to_owned(), "AgentList".to_owned()));
    for item in
        listed["items"].as_array().expect("a list").iter().filter(|i| i["reads"] == true || i["verb"] == "error")
    {
        let verb = item["verb"].as_str().expect("a verb");
        for kind in item["kinds"].as_array().expect("kinds").iter().filter_map(Value::as_str).filter(|k| *k != "Change")
        {
            assert!(seen.contains(&(verb.to_owned(), kind.to_owned())), "no {kind} of `{verb}` was looked at");
        }
    }
}

fn judge(judged: &[Value]) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/validate.py");
    let mut python = Command::new("python3");
    python.arg(script).env("PYTHONPATH", peers::json_schema_path()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut python = python.stderr(Stdio::piped()).spawn().expect("python starts");
    let input = serde_json::to_vec(judged).expect("JSON");
    python.stdin.take().expect("a pipe").write_all(&input).expect("it reads");
    let said = python.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{text}");
}

#[test]
fn what_has_no_shape_says_so() {
    let nest = storm_tests::process::Nest::new();
    let run = |args: &[&str]| nest.run(command(&nest, args));
    assert_eq!(run(&["schema", "agent", "events"]).status.code(), Some(3));
    let several = run(&["schema", "zk"]);
    assert_eq!(several.status.code(), Some(2));
    assert!(several.stderr.contains("zk ls"), "{several:?}");
    assert!(run(&["schema", "lst"]).stderr.contains("did you mean list?"));
    assert_eq!(run(&["schema", "get_errors"]).ok(), run(&["schema", "get-errors"]).ok());
}
