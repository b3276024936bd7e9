//! Topology jars, good ones and hostile ones.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use storm_tests::wait::wait_for;
use storm_topology::TopologyDescription;
use storm_topology::jar::{Jar, JarLimits, Resource, ResourceData, extract_resources, pack};
use storm_topology::package::{Package, PackageOptions};

fn bytes(name: &str, text: &str, executable: bool) -> Resource {
    Resource { name: name.to_owned(), data: ResourceData::Bytes(text.as_bytes().to_vec()), executable }
}

/// Python's `zipfile` writes what it is told.
fn zip_by_python(path: &Path, statements: &str) {
    let program = format!("import zipfile, sys\nz = zipfile.ZipFile(sys.argv[1], 'w')\n{statements}\nz.close()\n");
    let output =
        Command::new("python3").args(["-W", "ignore", "-c", &program]).arg(path).output().expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_is_packed_comes_out_again() {
    let dir = tempfile::tempdir().expect("a folder");
    let jar = dir.path().join("t.jar");
    let description = TopologyDescription { name: Some("words".to_owned()), ..TopologyDescription::default() };
    let resources = vec![bytes("split.py", "import storm", false), bytes("lib/native", "#!/bin/sh\necho hi\n", true)];
    pack(&description, resources.clone(), &jar).expect("packed");
    assert_eq!(Jar::open(&jar).expect("a jar").description().expect("readable"), Some(description.clone()));
    let again = dir.path().join("again.jar");
    pack(&description, resources.into_iter().rev().collect(), &again).expect("packed");
    assert_eq!(fs::read(&jar).expect("read"), fs::read(&again).expect("read"), "the same input gives the same jar");

    let dest = dir.path().join("resources");
    assert_eq!(extract_resources(&jar, &dest).expect("extracted"), 2);
    assert_eq!(fs::read_to_string(dest.join("split.py")).expect("read"), "import storm");
    // A child that another test forked while the file was being written may hold it open for a moment.
    let output = wait_for(Duration::from_secs(10), "the program to run", || {
        match Command::new(dest.join("lib/native")).output() {
            Err(e) if e.kind() == std::io::ErrorKind::ExecutableFileBusy => None,
            ran => Some(ran.expect("it is executable")),
        }
    });
    assert_eq!(output.stdout, b"hi\n");
    assert_eq!(fs::metadata(dest.join("split.py")).expect("there").permissions().mode() & 0o777, 0o644);

    // Python's reader agrees, checksums included.
    let test = Command::new("python3").args(["-m", "zipfile", "-t"]).arg(&jar).output().expect("python3 runs");
    assert!(test.status.success() && !String::from_utf8_lossy(&test.stdout).contains("corrupt"));
}

#[test]
fn a_jar_without_resources_gives_an_empty_folder() {
    let dir = tempfile::tempdir().expect("a folder");
    let jar = dir.path().join("t.jar");
    zip_by_python(&jar, "z.writestr('a/B.class', 'x')");
    assert_eq!(extract_resources(&jar, &dir.path().join("r")).expect("extracted"), 0);
    assert!(dir.path().join("r").is_dir());
    assert_eq!(Jar::open(&jar).expect("a jar").description().expect("readable"), None);
    let Err(error) = Package::open(&jar, &PackageOptions::default()) else { panic!("taken") };
    assert_eq!(error.code(), "topology/foreign-jar");
}

#[test]
fn nothing_is_written_outside() {
    let dir = tempfile::tempdir().expect("a folder");
    let link = "i = zipfile.ZipInfo('resources/link'); i.create_system = 3; i.external_attr = 0o120777 << 16; \
                z.writestr(i, '/etc')";
    for (statements, code) in [
        ("z.writestr('resources/ok', 'x'); z.writestr('resources/../../evil', 'x')", "jar/escapes"),
        ("z.writestr('resources/a/../../../evil', 'x')", "jar/escapes"),
        ("z.writestr('resources//etc/evil', 'x')", "jar/escapes"),
        ("z.writestr('resources/..\\\\evil', 'x')", "jar/escapes"),
        (link, "jar/escapes"),
        ("z.writestr('resources/a', 'x'); z.writestr('resources/a/b', 'y')", "jar/unwritable"),
    ] {
        let jar = dir.path().join("bad.jar");
        zip_by_python(&jar, statements);
        let dest = dir.path().join("dest");
        let error = extract_resources(&jar, &dest).expect_err(statements);
        assert_eq!(error.code(), code, "{statements}: {error}");
        assert!(!dest.exists(), "all or nothing");
        let left: Vec<_> =
            fs::read_dir(dir.path()).expect("a folder").map(|e| e.expect("an entry").file_name()).collect();
        assert_eq!(left, ["bad.jar"], "{statements}");
    }
}

#[test]
fn what_is_no_zip_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let jar = dir.path().join("t.jar");
    pack(&TopologyDescription::default(), vec![bytes("a", &"x".repeat(10_000), false)], &jar).expect("packed");
    let whole = fs::read(&jar).expect("read");
    for (name, content) in [
        ("text.jar", b"this is not a zip".to_vec()),
        ("empty.jar", Vec::new()),
        ("cut.jar", whole[..whole.len() / 2].to_vec()),
    ] {
        let path = dir.path().join(name);
        fs::write(&path, content).expect("written");
        let error = extract_resources(&path, &dir.path().join("r")).expect_err(name);
        assert_eq!(error.code(), "jar/not-a-zip", "{name}: {error}");
        assert!(error.to_string().contains(name), "{error}");
    }
    let missing = extract_resources(&dir.path().join("none.jar"), &dir.path().join("r")).expect_err("missing");
    assert_eq!(missing.code(), "jar/unreadable");
}

#[test]
fn damaged_bytes_are_refused_or_come_out_right() {
    let dir = tempfile::tempdir().expect("a folder");
    let jar = dir.path().join("t.jar");
    pack(&TopologyDescription::default(), vec![bytes("a", "some text that is packed", false)], &jar).expect("packed");
    let whole = fs::read(&jar).expect("read");
    let broken = dir.path().join("broken.jar");
    let dest = dir.path().join("r");
    for at in 0..whole.len() {
        let mut content = whole.clone();
        content[at] ^= 0x41;
        fs::write(&broken, content).expect("written");
        if extract_resources(&broken, &dest).is_ok() {
            if let Ok(text) = fs::read_to_string(dest.join("a")) {
                assert_eq!(text, "some text that is packed", "byte {at}");
            }
            fs::remove_dir_all(&dest).expect("removed");
        }
    }
}

#[test]
fn a_bomb_is_not_unpacked() {
    let dir = tempfile::tempdir().expect("a folder");
    let jar = dir.path().join("bomb.jar");
    zip_by_python(
        &jar,
        "z.writestr('resources/a', b'0' * (8 << 20), zipfile.ZIP_DEFLATED)\nz.writestr('META-INF/storm/topology.json', b'1' * (1 << 20), zipfile.ZIP_DEFLATED)",
    );
    let limits = JarLimits { description_bytes: 1000, entries: 5, ..JarLimits::default() };
    let error = Jar::open_with(&jar, limits).expect("a jar").description().expect_err("too long");
    assert_eq!(error.code(), "jar/too-large");
    let error = Jar::open_with(&jar, JarLimits { entries: 1, ..limits }).err().expect("too many");
    assert_eq!(error.code(), "jar/too-large");
    let dest = dir.path().join("r");
    let error =
        storm_topology::jar::extract_resources_with(&jar, &dest, JarLimits { unpacked_bytes: 1 << 20, ..limits })
            .expect_err("too large");
    assert_eq!(error.code(), "jar/too-large");
    assert!(!dest.exists());
}
