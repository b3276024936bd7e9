//! The Debian package, as `dpkg` and `lintian` see it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use storm_tests::built::stormctl;
use storm_tests::process::Nest;
use storm_tests::systemd::Systemd;
use storm_tests::wait::{wait_for, wait_until};

use super::LIMIT;

fn build(nest: &Nest) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../install/debian/build");
    let mut command = Command::new(script);
    command.arg("--program").arg(stormctl()).arg("--out").arg(nest.dir()).env("TMPDIR", nest.dir());
    // What is quick to pack.
    command.env("DPKG_DEB_COMPRESSOR_TYPE", "gzip").env("DPKG_DEB_COMPRESSOR_LEVEL", "1");
    PathBuf::from(nest.run(command).ok().trim())
}

fn text(nest: &Nest, words: &[&str]) -> String {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    nest.run(command).ok()
}

#[test]
fn the_package_is_what_debian_takes() {
    let nest = Nest::new();
    let package = build(&nest);
    let shown = package.display().to_string();
    let about = text(&nest, &["dpkg-deb", "--info", &shown]);
    assert!(about.contains("Package: stormctl") && about.contains("conffiles"), "{about}");
    let files = text(&nest, &["dpkg-deb", "--contents", &shown]);
    for path in [
        "./usr/bin/stormctl",
        "./etc/stormctl/storm.yaml",
        "./lib/systemd/system/storm-agent.service",
        "./lib/systemd/system/storm-nimbus.service",
        "./lib/systemd/system/storm-supervisor.service",
        "./lib/systemd/system/storm-zookeeper.service",
        "./usr/share/bash-completion/completions/stormctl",
        "./usr/share/zsh/vendor-completions/_stormctl",
        "./usr/share/fish/vendor_completions.d/stormctl.fish",
        "./usr/share/man/man1/stormctl.1.gz",
        "./usr/share/stormctl/sdk/crates/storm/Cargo.toml",
    ] {
        assert!(files.lines().any(|l| l.ends_with(path)), "{path} is not in\n{files}");
    }
    assert!(files.lines().all(|l| l.contains(" root/root ")), "{files}");

    // Installed into a root of its own, by dpkg itself.
    let root = nest.dir().join("root");
    let admin = root.join("var/lib/dpkg");
    fs::create_dir_all(admin.join("info")).expect("made");
    fs::create_dir_all(admin.join("updates")).expect("made");
    for file in ["status", "available"] {
        fs::write(admin.join(file), "").expect("written");
    }
    let root_shown = root.display().to_string();
    // Its scripts are run by hand below: they would change this machine.
    let unpack = ["dpkg", "--root", &root_shown, "--force-not-root", "--force-unsafe-io", "--unpack", &shown];
    text(&nest, &unpack);
    let status = text(&nest, &["dpkg", "--root", &root_shown, "--status", "stormctl"]);
    assert!(status.contains("Status: install ok unpacked"), "{status}");
    let installed = root.join("usr/bin/stormctl").display().to_string();
    assert!(text(&nest, &[&installed, "--version"]).starts_with("stormctl "));
    for script in ["postinst", "prerm", "postrm"] {
        text(&nest, &["sh", "-n", &admin.join(format!("info/stormctl.{script}")).display().to_string()]);
    }
    // What the sums say is what is there.
    let sums = admin.join("info/stormctl.md5sums").display().to_string();
    let mut check = Command::new("md5sum");
    check.args(["--check", "--quiet", &sums]).current_dir(&root);
    nest.run(check).ok();

    // What they start is where it was installed; else they are checked as they are.
    let folder = nest.dir().join("units");
    fs::create_dir(&folder).expect("made");
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=no"]).env("SYSTEMD_UNIT_PATH", format!("{}:", folder.display()));
    for role in ["agent", "logviewer", "nimbus", "supervisor", "ui", "zookeeper"] {
        let unit = format!("storm-{role}.service");
        let text = fs::read_to_string(root.join("lib/systemd/system").join(&unit)).expect("a unit");
        fs::write(folder.join(&unit), text.replace("/usr/bin/stormctl", &installed)).expect("written");
        verify.arg(folder.join(&unit));
    }
    let done = nest.run(verify);
    assert!(done.status.success() && !done.stderr.contains("storm-"), "{done:?}");

    // Where Debian's own checker is installed, it has its say.
    if let Ok(done) = Command::new("lintian").args(["--fail-on", "error"]).arg(&package).output() {
        let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{said}");
    }

    installed_for_real(&nest, &package);

    // A project of its own builds on the sources that came with it: at least cargo finds all of them.
    let sdk = root.join("usr/share/stormctl/sdk");
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut metadata = Command::new(cargo);
    metadata.args(["metadata", "--format-version", "1", "--no-deps", "--offline"]).current_dir(&sdk);
    let told = nest.run(metadata).ok();
    assert!(told.contains("\"name\":\"storm\""), "{told}");
}

/// On a machine that systemd runs, with its scripts, account and units: it counts words, is upgraded meanwhile, and goes without a trace.
fn installed_for_real(nest: &Nest, package: &Path) {
    let systemd = Systemd::boot(nest);
    let shown = package.display().to_string();
    let there = |words: &[&str]| {
        let mut command = systemd.command(words[0], &words[1..]);
        command.env("HOME", "/root").env_remove("STORM_HOME").env_remove("XDG_STATE_HOME");
        nest.run(command)
    };
    // The index of all manuals of the machine is not made anew each time.
    there(&["rm", "-f", "/var/lib/man-db/auto-update"]).ok();
    there(&["dpkg", "--install", &shown]).ok();
    assert!(there(&["getent", "passwd", "stormctl"]).ok().contains(":/var/lib/stormctl:"));
    let units = ["zookeeper", "nimbus", "supervisor", "ui", "logviewer"].map(|role| format!("storm-{role}"));
    let mut enable = vec!["systemctl", "enable", "--now"];
    enable.extend(units.iter().map(String::as_str));
    there(&enable).ok();
    // Whoever has just installed it names no file.
    wait_until(LIMIT, "all daemons to serve", || {
        there(&["stormctl", "status", "-o", "jsonl"]).stdout.matches("\"state\":\"running\"").count() == units.len()
    });
    there(&["stormctl", "smoke"]).ok();

    let (topology, counts) = (nest.dir().join("t.yaml"), "/var/lib/stormctl/counts.tsv");
    let flux = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/wordcount.yaml");
    let flux = fs::read_to_string(flux).expect("there");
    let flux = flux.replace("../README.md", "/usr/share/doc/stormctl/copyright").replace("/tmp/wordcount.tsv", counts);
    fs::write(&topology, flux).expect("written");
    there(&["stormctl", "submit", &topology.display().to_string()]).ok();
    let worker = || {
        let seen: Value = serde_json::from_str(&there(&["stormctl", "jps", "-o", "json"]).ok()).expect("JSON");
        let items = seen["items"].as_array().expect("items").clone();
        items.iter().find(|p| p["role"] == "worker" && p["topology"].is_string()).map(|p| p["pid"].clone())
    };
    let before = wait_for(LIMIT, "a worker", worker);
    let nimbus = systemd.property("storm-nimbus.service", "MainPID");
    there(&["dpkg", "--install", &shown]).ok();
    assert_ne!(systemd.property("storm-nimbus.service", "MainPID"), nimbus, "an upgrade restarts the daemons");
    wait_until(LIMIT, "the topology to be listed", || {
        there(&["stormctl", "list", "-o", "name"]).stdout.contains("wordcount")
    });
    assert_eq!(worker(), Some(before), "and leaves workers alone");

    there(&["dpkg", "--remove", "stormctl"]).ok();
    let left = there(&["pgrep", "-u", "stormctl", "-a"]).stdout;
    assert_eq!(left, "", "processes outlive the package");
    there(&["dpkg", "--purge", "stormctl"]).ok();
    let found =
        there(&["find", "/etc/stormctl", "/var/lib/stormctl", "/var/log/stormctl", "/usr/share/stormctl"]).stdout;
    assert_eq!(found, "", "files outlive the package");
}
