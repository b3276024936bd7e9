//! Flux files: what they mean, and what is said about their mistakes.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use storm_thrift::types::{ComponentObject, GlobalStreamId, Grouping};
use storm_topology::flux::{FluxOptions, FluxTopology, load};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Folder {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("written");
        }
        Folder(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn load(&self) -> FluxTopology {
        load(&self.path("t.yaml"), &FluxOptions::default()).unwrap_or_else(|e| panic!("{e}"))
    }

    /// The mistakes as `line:column text`, without the folder.
    fn mistakes(&self) -> Vec<String> {
        let Err(error) = load(&self.path("t.yaml"), &FluxOptions::default()) else { panic!("it has no mistakes") };
        let folder = format!("{}/t.yaml:", self.0.path().display());
        error.problems.iter().map(|p| p.to_string().replacen(&folder, "", 1)).collect()
    }
}

const SHELL: &str = "
name: shells
config: {topology.workers: 3, flag: yes}
spouts:
  - id: source
    className: org.apache.storm.flux.wrappers.spouts.FluxShellSpout
    constructorArgs:
      - [python3, source.py]
      - [word, n]
    parallelism: 2
    numTasks: 4
    cpuLoad: 25
bolts:
  - id: sink
    className: org.apache.storm.flux.wrappers.bolts.FluxShellBolt
    constructorArgs:
      - [python3, -u, sink.py, --fast]
    configMethods:
      - name: setDefaultStream
        args: [[out]]
      - name: setNamedStream
        args: [errors, [text]]
      - name: addComponentConfig
        args: [my.key, [1, 2]]
  - id: last
    className: print
  - id: unused
    className: print
streams:
  - name: comment
    from: source
    to: sink
    grouping: {type: FIELDS, args: [word]}
  - {from: sink, to: last, grouping: {type: ALL, streamId: errors}}
  - {from: sink, to: last, grouping: {type: LOCAL_OR_SHUFFLE}}
";

#[test]
fn shell_components_become_thrift_components() {
    let folder = Folder::new(&[
        ("t.yaml", SHELL),
        ("source.py", "import storm\n"),
        ("resources/sink.py", "print()"),
        ("resources/lib/more.py", ""),
    ]);
    let flux = folder.load();
    let t = flux.topology.thrift();
    assert_eq!(flux.topology.name(), Some("shells"));
    assert_eq!(Value::Object(flux.topology.conf().clone()), json!({"topology.workers": 3, "flag": true}));
    let source = &t.spouts["source"];
    let ComponentObject::Shell(shell) = &source.spout_object else { panic!("{source:?}") };
    assert_eq!((shell.execution_command.as_deref(), shell.script.as_deref()), (Some("python3"), Some("source.py")));
    assert_eq!(source.common.parallelism_hint, Some(2));
    let conf: Value = serde_json::from_str(source.common.json_conf.as_deref().expect("a configuration")).expect("JSON");
    assert_eq!(conf, json!({"topology.tasks": 4, "topology.component.cpu.pcore.percent": 25.0}));
    assert_eq!(source.common.streams["default"].output_fields, ["word", "n"]);

    let sink = &t.bolts["sink"];
    let ComponentObject::Shell(shell) = &sink.bolt_object else { panic!("{sink:?}") };
    assert_eq!((shell.execution_command.as_deref(), shell.script.as_deref()), (Some("sh"), Some("sink.sh")));
    assert_eq!(sink.common.streams["errors"].output_fields, ["text"]);
    assert_eq!(sink.common.json_conf.as_deref(), Some(r#"{"my.key":[1,2]}"#));
    let input = |c: &str, s: &str| GlobalStreamId { component_id: c.to_owned(), stream_id: s.to_owned() };
    assert_eq!(sink.common.inputs[&input("source", "default")], Grouping::Fields(vec!["word".to_owned()]));
    assert!(matches!(t.bolts["last"].common.inputs[&input("sink", "errors")], Grouping::All(_)));
    assert!(matches!(t.bolts["last"].common.inputs[&input("sink", "default")], Grouping::LocalOrShuffle(_)));
    assert!(!t.bolts.contains_key("unused"));

    let mut names: Vec<&str> = flux.resources.iter().map(|r| r.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["lib/more.py", "sink.py", "sink.sh", "source.py", "storm.py"]);
}

#[test]
fn includes_and_properties() {
    let folder = Folder::new(&[
        (
            "t.yaml",
            "name: ${name}\nincludes: [{resource: false, file: more.yaml, override: false}]\n\
             spouts: [{id: lines, className: lines, constructorArgs: [[a.txt, '-']]}]\nconfig: {a: own}\n",
        ),
        (
            "more.yaml",
            "name: other\nconfig: {a: included, b: 010}\nbolts: [{id: out, className: file, constructorArgs: [o.tsv]}]\n\
             streams: [{from: lines, to: out, grouping: {type: GLOBAL}}]\n",
        ),
    ]);
    let options =
        FluxOptions { properties: BTreeMap::from([("name".to_owned(), "given".to_owned())]), environment: None };
    let flux = load(&folder.path("t.yaml"), &options).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(flux.topology.name(), Some("given"));
    assert_eq!(Value::Object(flux.topology.conf().clone()), json!({"a": "own", "b": 8}));
    let t = flux.topology.thrift();
    let conf: Value = serde_json::from_str(t.spouts["lines"].common.json_conf.as_deref().expect("JSON")).expect("JSON");
    let files = json!([folder.path("a.txt").display().to_string(), "-"]);
    assert_eq!(conf["topology.component.builtin"], json!({"type": "lines", "files": files, "repeat": false}));
    assert_eq!(t.bolts["out"].common.inputs.values().next(), Some(&Grouping::Fields(vec![])));
}

#[test]
fn every_mistake_has_its_place() {
    let folder = Folder::new(&[(
        "t.yaml",
        "name: a.b
color: red
spouts:
  - id: lines
    className: lines
  - className: split
    id: wrong
bolts:
  - id: java
    className: com.acme.Bolt
  - id: split
    className: split
    parallelism: many
  - id: py
    className: org.apache.storm.flux.wrappers.bolts.FluxShellBolt
    constructorArgs: [[python3, nowhere.py], [x]]
streams:
  - {from: line, to: split, grouping: {type: SHUFFLE}}
  - {from: split, to: py, grouping: {type: FIELDS, args: [words]}}
  - {from: split, to: py, grouping: {type: SHUFFLE, streamId: errors}}
  - {from: split, to: nobody, grouping: {type: SHUFFLE}}
",
    )]);
    // The shape comes first: with what is wrong there nothing else can be relied on.
    let mistakes = folder.mistakes();
    assert_eq!(mistakes.len(), 2, "{mistakes:#?}");
    assert!(mistakes[0].starts_with("2:1: a topology has no key \"color\""), "{mistakes:#?}");
    assert!(mistakes[1].starts_with("13:18: parallelism must be a whole number, not \"many\""), "{mistakes:#?}");

    let text =
        fs::read_to_string(folder.path("t.yaml")).expect("the file").replace("color: red", "").replace("many", "1");
    fs::write(folder.path("t.yaml"), text).expect("written");
    let mistakes = folder.mistakes();
    let starts = [
        "5:16: built-in component \"lines\": files must be",
        "6:16: the built-in component split is no spout",
        "10:16: com.acme.Bolt is a Java class, which needs the Java client",
        "18:12: from: there is no component line; there are lines, wrong, java, split, py",
        "19:59: stream default of split has no field words; it has word",
        "20:12: split has no stream errors; it has default",
        "21:23: to: nobody is no bolt",
        "16:23: there is no script nowhere.py",
    ];
    for (mistake, start) in mistakes.iter().zip(starts) {
        assert!(mistake.starts_with(start), "{start}: {mistakes:#?}");
    }
    assert_eq!(mistakes.len(), starts.len(), "{mistakes:#?}");
}

#[test]
fn files_that_are_no_flux() {
    for (text, part) in [
        ("", "empty"),
        ("just text", "must be a map"),
        ("name: x\nspouts: [", "t.yaml:2:10"),
        ("name: x\nspouts: []\n", "at least one spout"),
        ("spouts: [{id: a, className: lines, constructorArgs: [f]}]\n", "no name"),
        ("name: a/b\nspouts: [{id: a, className: lines, constructorArgs: [f]}]\n", "must not contain"),
        ("name: x\nspouts: [{id: __a, className: lines, constructorArgs: [f]}]\n", "belong to Storm"),
        ("name: x\ntopologySource: {className: a.B}\n", "Java"),
        ("name: ${n}\n", "1:7"),
    ] {
        let folder = Folder::new(&[("t.yaml", text)]);
        let Err(error) = load(&folder.path("t.yaml"), &FluxOptions::default()) else { panic!("taken: {text}") };
        assert!(error.to_string().contains(part), "{text}: {error}");
    }
    let folder = Folder::new(&[]);
    let Err(error) = load(&folder.path("t.yaml"), &FluxOptions::default()) else { panic!("taken") };
    assert!(error.to_string().contains("t.yaml: cannot be read"), "{error}");
}
