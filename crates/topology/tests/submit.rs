//! Programs asked what they are, and packages handed to a Nimbus that notes what it is told.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use storm_conf::Conf;
use storm_thrift::service::{Dispatch, Dispatched, Returns, UnknownMethod};
use storm_thrift::types::{AlreadyAliveException, NimbusSummary};
use storm_thrift::wire::{ttype, write_field};
use storm_thrift::{RequestContext, ServerOptions, Wire, serve};
use storm_topology::TopologyDescription;
use storm_topology::jar::{Jar, Resource, ResourceData, pack};
use storm_topology::package::{Package, PackageError, PackageOptions};
use storm_topology::prelude::*;
use storm_topology::submit::{Submission, submit};

/// What this Nimbus is asked: the method, and its arguments as they came.
type Asked = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

struct NimbusOfTests {
    asked: Asked,
    port: u16,
}

impl Dispatch for NimbusOfTests {
    async fn dispatch(
        &self,
        _: &RequestContext,
        method: &str,
        args: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Dispatched, UnknownMethod> {
        self.asked.lock().expect("the list").push((method.to_owned(), args.to_vec()));
        match method {
            "getLeader" => {
                let leader = NimbusSummary {
                    host: "127.0.0.1".to_owned(),
                    port: i32::from(self.port),
                    version: "2.8.3".to_owned(),
                    is_leader: true,
                    ..NimbusSummary::default()
                };
                leader.write_success(out);
            }
            "beginFileUpload" => "/inbox/stormjar-1.jar".to_owned().write_success(out),
            "uploadChunk" | "finishFileUpload" => {}
            "submitTopologyWithOpts" if args.windows(6).any(|w| w == b"second") => {
                let e = AlreadyAliveException { msg: "second is already alive".to_owned() };
                write_field(out, ttype::STRUCT, 1);
                e.write(out);
            }
            "submitTopologyWithOpts" => {}
            _ => return Err(UnknownMethod),
        }
        out.push(ttype::STOP);
        Ok(Ok(()))
    }
}

/// The two texts or byte arrays with which these arguments begin.
fn first_two(args: &[u8]) -> (&[u8], &[u8]) {
    fn one(args: &[u8]) -> (&[u8], &[u8]) {
        assert_eq!(args[0], ttype::STRING);
        let len = u32::from_be_bytes(args[3..7].try_into().expect("four bytes")) as usize;
        (&args[7..7 + len], &args[7 + len..])
    }
    let (first, rest) = one(args);
    (first, one(rest).0)
}

fn package(dir: &Path) -> Package {
    let mut builder = TopologyBuilder::new();
    builder.name("words").conf("topology.workers", 2).resources(dir.join("res"));
    builder.builtin_spout("lines", &Builtin::Lines { files: vec!["/dev/null".to_owned()], repeat: false });
    builder.builtin_bolt("split", &Builtin::Split).shuffle("lines");
    fs::create_dir(dir.join("res")).expect("a folder");
    // Bytes that deflate makes no shorter, for more than two chunks.
    let mut random = storm_tests::random::Random::new(1);
    let noise: Vec<u8> = (0..700_000).map(|_| random.next() as u8).collect();
    fs::write(dir.join("res/noise"), noise).expect("written");
    Package::of_topology(&builder.build().expect("valid")).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn a_package_is_uploaded_in_storms_chunks_and_submitted() {
    let dir = tempfile::tempdir().expect("a folder");
    let package = package(dir.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let asked = Asked::default();
        let nimbus = NimbusOfTests { asked: asked.clone(), port };
        tokio::spawn(serve(listener, nimbus, ServerOptions::new("nimbus", 1 << 20), std::future::pending()));
        let mut conf = Conf::defaults();
        conf.set("nimbus.seeds", json!(["127.0.0.1"]));
        conf.set("nimbus.thrift.port", port);

        let how = Submission { conf: json!({"mine": 1}).as_object().cloned().expect("a map"), ..Submission::default() };
        assert_eq!(submit(&conf, &package, &how).await.expect("submitted"), "words");
        let calls = std::mem::take(&mut *asked.lock().expect("the list"));
        let methods: Vec<&str> = calls.iter().map(|(m, _)| m.as_str()).collect();
        assert_eq!(
            methods,
            [
                "getLeader",
                "beginFileUpload",
                "uploadChunk",
                "uploadChunk",
                "uploadChunk",
                "finishFileUpload",
                "submitTopologyWithOpts"
            ]
        );
        let chunks: Vec<_> = calls.iter().filter(|(m, _)| m == "uploadChunk").map(|(_, a)| first_two(a)).collect();
        assert!(chunks.iter().all(|(location, _)| *location == b"/inbox/stormjar-1.jar"));
        assert_eq!(chunks[0].1.len(), 307_200);
        let uploaded: Vec<u8> = chunks.iter().flat_map(|(_, chunk)| chunk.iter().copied()).collect();
        assert!(uploaded == fs::read(package.jar()).expect("the jar"), "something else was uploaded");
        let (name, location) = first_two(&calls[6].1);
        assert_eq!((name, location), (&b"words"[..], &b"/inbox/stormjar-1.jar"[..]));
        let text = String::from_utf8_lossy(&calls[6].1).into_owned();
        assert!(text.contains(r#"{"topology.workers":2,"mine":1}"#), "the configuration is not in it");

        let how = Submission { name: Some("second".to_owned()), ..Submission::default() };
        let error = submit(&conf, &package, &how).await.expect_err("it is there already");
        assert_eq!((error.code(), error.to_string().as_str()), ("nimbus/already-alive", "second is already alive"));

        asked.lock().expect("the list").clear();
        let how = Submission { name: Some("a/b".to_owned()), ..Submission::default() };
        assert_eq!(submit(&conf, &package, &how).await.expect_err("no name").code(), "topology/invalid");
        assert!(asked.lock().expect("the list").is_empty(), "a wrong name is known before anything is sent");
    });
}

fn program(dir: &Path, text: &str) -> PathBuf {
    let path = dir.join("program");
    let source = dir.join("program.source");
    fs::write(&source, format!("#!/bin/sh\n{text}\n")).expect("written");
    // Not written by this process: a child that another test forks at that moment would hold it open, and it could not be run.
    let made = Command::new("install").args(["-m", "755"]).arg(&source).arg(&path).status().expect("install runs");
    assert!(made.success());
    path
}

fn refused(path: &Path) -> PackageError {
    let options = PackageOptions { patience: Duration::from_secs(1), ..PackageOptions::default() };
    match Package::open(path, &options) {
        Ok(_) => panic!("{} is taken", path.display()),
        Err(e) => e,
    }
}

#[test]
fn a_program_that_describes_itself_is_packed_with_its_components() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut builder = TopologyBuilder::new();
    struct Nothing;
    impl Spout for Nothing {
        fn next_tuple(&mut self, _: &mut SpoutOutput<'_>) -> Result<Progress, ComponentError> {
            Ok(Progress::Exhausted)
        }
    }
    builder.set_spout("my spout", || Nothing).outputs(["x"]);
    builder.builtin_bolt("print", &Builtin::Print).shuffle("my spout");
    let described = builder.build().expect("valid").describe().to_json();
    let path = program(dir.path(), &format!("[ \"$1\" = describe ] && cat <<'END'\n{described}\nEND"));
    let package = Package::open(&path, &PackageOptions::default()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(package.description().conf["topology.native.binary"], json!("program"));
    let out = dir.path().join("out");
    assert_eq!(package.extract_resources(&out).expect("extracted"), 3);
    let script = fs::read_to_string(out.join("my spout.sh")).expect("a script");
    assert!(script.ends_with("exec ./'program' component 'my spout'\n"), "{script}");
    let script = fs::read_to_string(out.join("print.sh")).expect("a script");
    assert!(script.ends_with("component '{\"type\":\"print\"}'\n"), "{script}");
    // Packed once, it is a jar that says what it holds.
    let description = Jar::open(package.jar()).expect("a jar").description().expect("readable");
    assert_eq!(description.as_ref(), Some(package.description()));
}

#[test]
fn programs_that_do_not_describe_a_topology() {
    let dir = tempfile::tempdir().expect("a folder");
    for (text, code, part) in [
        ("echo hello", "topology/description", "describe"),
        ("echo >&2 no such verb; exit 3", "topology/program", "no such verb"),
        ("sleep 60", "topology/program", "did not end within 1 s"),
        ("echo '{\"storm-topology\":1,\"conf\":{},\"thrift\":\"0b\"}'", "topology/description", "decoded"),
    ] {
        let error = refused(&program(dir.path(), text));
        assert_eq!(error.code(), code, "{text}: {error}");
        assert!(error.to_string().contains(part), "{text}: {error}");
    }
    let missing_interpreter = dir.path().join("odd");
    fs::write(&missing_interpreter, "#!/no/such/interpreter\n").expect("written");
    fs::set_permissions(&missing_interpreter, fs::Permissions::from_mode(0o755)).expect("executable");
    assert_eq!(refused(&missing_interpreter).code(), "topology/program");

    let text = dir.path().join("notes.txt");
    fs::write(&text, "hello").expect("written");
    assert_eq!(refused(&text).code(), "topology/unknown-kind");
    assert_eq!(refused(dir.path()).code(), "topology/unknown-kind");
    assert_eq!(refused(&dir.path().join("none")).code(), "topology/unreadable");
    let fake = dir.path().join("fake.jar");
    fs::write(&fake, "hello").expect("written");
    assert_eq!(refused(&fake).code(), "jar/not-a-zip");
}

#[test]
fn a_jar_with_a_topology_that_cannot_run_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut builder = TopologyBuilder::new();
    builder.builtin_spout("lines", &Builtin::Lines { files: vec!["f".to_owned()], repeat: false });
    let good = builder.build().expect("valid").describe();
    let mut topology = good.topology.clone();
    let lines = topology.spouts.remove("lines").expect("there");
    topology.spouts.insert("__lines".to_owned(), lines);
    let jar = dir.path().join("t.jar");
    let resources = vec![Resource { name: "x".to_owned(), data: ResourceData::Bytes(vec![]), executable: false }];
    pack(&TopologyDescription { topology, ..good }, resources, &jar).expect("packed");
    let error = refused(&jar);
    assert_eq!(error.code(), "topology/invalid");
    assert!(error.to_string().contains("__lines"), "{error}");
}
