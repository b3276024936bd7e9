//! The peers themselves: what every other suite leans on must be there and must start.

use std::process::Command;

use storm_tests::peers;

fn stdout(mut command: Command) -> String {
    let output = command.output().expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn apache_storms_classes_run() {
    for classpath in [peers::storm_client_classpath(), peers::storm_server_classpath()] {
        let mut java = peers::java(&[&classpath]);
        java.arg("org.apache.storm.utils.VersionInfo");
        assert!(stdout(java).contains("2.8.3"));
    }
}

#[test]
fn kazoo_and_storm_py_are_there() {
    let mut python = Command::new("python3");
    python
        .args(["-c", "import kazoo, zipfile, sys; print(kazoo.__version__, zipfile.ZipFile(sys.argv[1]).namelist())"]);
    python.arg(peers::multilang_python_jar()).env("PYTHONPATH", peers::python_path());
    let text = stdout(python);
    assert!(text.contains("2.11.0") && text.contains("resources/storm.py"), "{text}");
}

#[test]
fn zookeeper_and_curator_are_one_set() {
    let mut java = peers::java(&[&peers::zookeeper_classpath()]);
    java.arg("org.apache.zookeeper.version.VersionInfoMain");
    assert!(stdout(java).contains("3.9.5"));
}
