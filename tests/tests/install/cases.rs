//! Cases of the area of installing and its environment, by their numbers. Others are where what they are about is tested: P068 and P079
//! in `single`, P073 in the tests of the log viewer, P074 in `systemd`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;
use storm_tests::built::stormctl;
use storm_tests::process::{Finished, Nest, kill};

use super::{LIMIT, command, own_ports};

fn script(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(path, format!("#!/bin/sh\n{text}\n")).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("changed");
}

/// What is there of a release, for commands that only look whether it is.
fn release(nest: &Nest) -> PathBuf {
    let home = nest.dir().join("release");
    fs::create_dir_all(home.join("lib-worker")).expect("made");
    script(&home.join("bin/storm"), "exec python3 storm.py \"$@\"");
    home
}

fn java(nest: &Nest, variables: &[(&str, &str)]) -> Finished {
    let home = release(nest);
    let jar = nest.dir().join("t.jar");
    fs::write(&jar, "").expect("written");
    let mut command = command(nest, &["jar"]);
    command.arg(&jar).arg("a.Class").env("STORM_HOME", &home).env_remove("JAVA_HOME");
    command.envs(variables.iter().copied());
    nest.run(command)
}

#[test]
fn p067_java_home_points_to_nothing() {
    let nest = Nest::new();
    // What is ours needs no Java.
    let mut version = command(&nest, &["version"]);
    version.env("JAVA_HOME", "/nope");
    nest.run(version).ok();
    let java_here = nest.dir().join("bin/java");
    script(&java_here, "exit 0");
    let bin = format!("{}:/usr/bin:/bin", nest.dir().join("bin").display());
    let done = java(&nest, &[("JAVA_HOME", "/nope"), ("PATH", &bin)]);
    assert_eq!(done.status.code(), Some(5), "{done:?}");
    let found = format!("{} is on PATH", java_here.display());
    for said in ["java/no-java", "JAVA_HOME is /nope", &found, "unset JAVA_HOME"] {
        assert!(done.stderr.contains(said), "{said} is not in {done:?}");
    }
    let mut doctor = command(&nest, &["doctor", "-o", "json", "--timeout", "2"]);
    doctor.env("JAVA_HOME", "/nope");
    assert!(nest.run(doctor).stdout.contains("\"java/home\""));
}

#[test]
fn p070_another_program_is_called_storm() {
    let nest = Nest::new();
    let (other, home) = (nest.dir().join("pip/storm"), release(&nest));
    script(&other, "echo a library for ssh");
    let mut doctor = command(&nest, &["doctor", "-o", "json", "--timeout", "2"]);
    let path = format!("{}:{}:/usr/bin:/bin", nest.dir().join("pip").display(), home.join("bin").display());
    doctor.env("PATH", path);
    let found: Value = serde_json::from_str(&nest.run(doctor).stdout).expect("JSON");
    let items = found["items"].as_array().expect("items");
    let hidden = items.iter().find(|i| i["code"] == "path/storm-hidden").unwrap_or_else(|| panic!("{found}"));
    let text = hidden.to_string();
    for said in [other, home.join("bin/storm")] {
        assert!(text.contains(&said.display().to_string()), "{said:?} is not in {text}");
    }
    assert!(text.contains("another program") && text.contains("Apache Storm's"), "{text}");
}

#[test]
fn p071_a_program_that_is_not_on_path() {
    let nest = Nest::new();
    let done = java(&nest, &[("PATH", "/no/such:/nor/this")]);
    assert_eq!(done.status.code(), Some(5), "{done:?}");
    for said in ["java/no-java", "no java in /no/such, /nor/this", "JAVA_HOME is not set"] {
        assert!(done.stderr.contains(said), "{said} is not in {done:?}");
    }
    // Whoever calls us by our path needs no PATH at all.
    let mut version = Command::new(stormctl());
    version.arg("version").env_clear();
    nest.run(version).ok();
}

#[test]
fn p075_a_ui_that_ends_soon_after_its_start_is_no_success() {
    let nest = Nest::new();
    let dir = nest.dir().join("opt").display().to_string();
    let ports = own_ports();
    let mut args = vec!["install", "single", "--service", "background", "--dir", &dir];
    args.extend(ports.iter().map(String::as_str));
    let mut installing = nest.spawn("install", command(&nest, &args));
    installing.wait_for_output(LIMIT, "begin     wait for a leader");
    let config = nest.dir().join("opt/conf/storm.yaml").display().to_string();
    let status = nest.run(command(&nest, &["--config", &config, "status", "ui", "-o", "jsonl"]));
    let ui: Value = serde_json::from_str(&status.stdout).expect("JSON");
    kill(u32::try_from(ui["pid"].as_u64().expect("it runs")).expect("a pid"), Signal::KILL);
    let ended = installing.wait(LIMIT);
    let said = installing.output();
    assert_eq!(ended.code(), Some(9), "{said}");
    assert!(said.contains("install/ended") && said.contains("ui has ended again"), "{said}");
    // It says how to go on.
    nest.run(command(&nest, &args)).ok();
    nest.run(command(&nest, &["--config", &config, "status"])).ok();
}

#[test]
fn p072_the_version_is_the_first_line_and_an_object() {
    let nest = Nest::new();
    let mut version = command(&nest, &["version"]);
    // What a JVM would say to everybody.
    version.env("JAVA_TOOL_OPTIONS", "-Dx=1").env("STORM_LOG", "trace");
    let printed = nest.run(version).ok();
    let first = printed.lines().next().expect("a line");
    assert_eq!(first, format!("stormctl {}", env!("CARGO_PKG_VERSION")));
    let object = nest.run(command(&nest, &["version", "-o", "json"])).ok();
    let object: Value = serde_json::from_str(&object).expect("JSON");
    assert_eq!(object["version"], env!("CARGO_PKG_VERSION"));
}
