//! The same plan from answers on a terminal as from flags, or from the file that they make.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use storm_tests::process::Nest;
use storm_tests::sshd::SshHosts;
use storm_tests::terminal::Terminal;

use super::distributed::archive;
use super::{LIMIT, command, run};

#[test]
fn answers_make_the_plan_that_flags_make() {
    let nest = Nest::new();
    let dir = nest.dir().join("opt/storm").display().to_string();
    let flags = ["install", "single", "--dir", &dir, "--slots", "2", "--service", "background", "--dry-run"];
    let planned = run(&nest, &flags);

    let mut wizard = command(&nest, &["install", "single", "--dry-run"]);
    wizard.env("TERM", "xterm");
    let mut terminal = Terminal::spawn(&nest, &wizard, 200, 60);
    let mut answer = |question: &str, text: &str| {
        terminal.wait_for_text(LIMIT, question);
        terminal.type_in(&format!("{text}\r"));
    };
    answer("Folder [", &dir);
    answer("Storm: stormctl's own daemons", "");
    answer("ZooKeeper: embedded, or the archive", "/no/such/file");
    answer("there is no file /no/such/file", "");
    answer("How many workers may run [4]", "2");
    answer("Name by which other machines", "");
    answer("Who keeps the daemons running", "background");
    terminal.wait(LIMIT);
    let screen = terminal.screen();
    assert!(
        screen.contains(&format!("stormctl install single --dir {dir} --slots 2 --service background")),
        "{screen}"
    );
    assert!(planned.stdout.lines().count() > 8, "{planned:?}");
    for line in planned.stdout.lines() {
        assert!(screen.contains(line.trim_end()), "{line:?} is not in\n{screen}");
    }
}

#[test]
fn who_says_no_has_nothing_done() {
    let nest = Nest::new();
    let dir = nest.dir().join("opt/storm");
    let shown = dir.display().to_string();
    let mut args =
        vec!["install".to_owned(), "single".into(), "--dir".into(), shown, "--service".into(), "background".into()];
    args.extend(super::own_ports());
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut terminal = Terminal::spawn(&nest, &command(&nest, &args), 160, 50);
    terminal.wait_for_text(LIMIT, "Do it? [Y/n]");
    terminal.type_in("n\r");
    assert_eq!(terminal.wait(LIMIT).code(), Some(7));
    assert!(!dir.exists() && !dir.parent().expect("a parent").exists());
}

/// `install distributed` in a folder without a description. `ssh` is on PATH with the user's own configuration.
fn distributed(nest: &Nest, more: &[&str]) -> Command {
    let mut wizard = command(nest, &[&["install", "distributed"], more].concat());
    let path = std::env::var("PATH").expect("a PATH");
    wizard.env("TERM", "xterm").env("PATH", format!("{}:{path}", nest.dir().join("bin").display()));
    wizard
}

fn own_ssh(nest: &Nest, hosts: &SshHosts) {
    let config = nest.dir().join("ssh-config");
    let ports = hosts.hosts.iter().map(|host| format!("Host {}\n  Port {}\n", host.address, host.port));
    let text = ports.collect::<String>() + &fs::read_to_string(&hosts.config).expect("there");
    fs::write(&config, text).expect("written");
    let real = nest.run({
        let mut which = Command::new("sh");
        which.args(["-c", "command -v ssh"]);
        which
    });
    let ssh = nest.dir().join("bin/ssh");
    fs::create_dir_all(nest.dir().join("bin")).expect("made");
    fs::write(&ssh, format!("#!/bin/sh\nexec {} -F {} \"$@\"\n", real.ok().trim(), config.display())).expect("written");
    fs::set_permissions(&ssh, fs::Permissions::from_mode(0o755)).expect("a program");
}

#[test]
fn answers_make_the_file_of_three_hosts_and_the_plan_that_it_makes() {
    let nest = Nest::new();
    let hosts = SshHosts::start(&nest, 3);
    own_ssh(&nest, &hosts);
    let zookeeper = archive(&nest).display().to_string();
    let ports = super::own_ports();
    // The slots are asked for.
    let ports: Vec<&str> = ports[..ports.len() - 2].iter().map(String::as_str).collect();
    let mut terminal = Terminal::spawn(&nest, &distributed(&nest, &ports), 240, 220);
    let mut answer = |question: &str, text: &str| {
        terminal.wait_for_text(LIMIT, question);
        terminal.type_in(&format!("{text}\r"));
    };
    answer("Name of the cluster [prod]", "../x");
    answer("use letters, digits and -", "trio");
    answer("Storm: stormctl's own daemons", "");
    answer("Hosts, by the names", "");
    answer("this needs an answer", "127.0.0.2 127.0.0.3 127.0.0.2");
    answer("127.0.0.2 is there twice", "127.0.0.2, 127.0.0.3 127.0.0.4");
    answer("Roles of 127.0.0.2 [zookeeper nimbus supervisor ui logviewer]", "zookeper");
    answer("zookeper is no role", "zookeeper nimbus");
    answer("Roles of 127.0.0.3 [zookeeper nimbus supervisor logviewer]", "");
    answer("Roles of 127.0.0.4 [zookeeper supervisor logviewer]", "");
    answer("Archive of Apache ZooKeeper", "/no/such.tar.gz");
    answer("there is no file /no/such.tar.gz", &zookeeper);
    answer("User for ssh", "");
    answer("through sudo without a password? [y/N]", "");
    answer("Folder on every host [~/storm]", "opt");
    answer("write a whole path", "~/opt/storm");
    answer("How many workers may run on each host [4]", "0");
    answer("write a number from 1 to 1000", "2");
    answer("Write it to cluster.yaml, and go on? [Y/n]", "y");
    answer("Do it? [Y/n]", "n");
    assert_eq!(terminal.wait(LIMIT).code(), Some(7));
    let screen = terminal.screen();
    assert!(screen.contains("stormctl install distributed --file cluster.yaml"), "{screen}");
    assert!(screen.contains("3 ZooKeeper servers survive the failure of 1"), "{screen}");

    // The file makes the same plan, and is not asked for again nor written over.
    let file = nest.dir().join("home/cluster.yaml");
    let text = fs::read_to_string(&file).expect("written");
    for line in text.lines() {
        assert!(screen.contains(line), "{line:?} was not shown:\n{screen}");
    }
    let with_file = [&["--file", "cluster.yaml", "--dry-run"], &ports[..]].concat();
    let planned = nest.run(distributed(&nest, &with_file));
    assert!(planned.stdout.lines().count() > 20, "{planned:?}");
    for line in planned.stdout.lines() {
        assert!(screen.contains(line.trim_end()), "{line:?} is not in\n{screen}");
    }
    let untold = nest.run(distributed(&nest, &[&["--dry-run"], &ports[..]].concat()));
    assert_eq!(untold.stdout, planned.stdout);
    assert_eq!(fs::read_to_string(&file).expect("there"), text);
    for host in &hosts.hosts {
        assert_eq!(fs::read_dir(&host.home).expect("a home").count(), 0, "{}", host.address);
    }
}

#[test]
fn who_leaves_before_the_end_leaves_nothing() {
    let nest = Nest::new();
    let file = nest.dir().join("home/cluster.yaml");
    // Ctrl-C, and the end of the input.
    for (key, status) in [("\x03", None), ("\x04", Some(130))] {
        let mut terminal = Terminal::spawn(&nest, &distributed(&nest, &[]), 160, 60);
        terminal.wait_for_text(LIMIT, "Name of the cluster [prod]");
        terminal.type_in("\r");
        terminal.wait_for_text(LIMIT, "Storm: stormctl's own daemons");
        terminal.type_in(key);
        assert_eq!(terminal.wait(LIMIT).code(), status);
        assert!(!file.exists());
    }
    // A dry run writes nothing either, and says what it would have.
    let mut terminal = Terminal::spawn(&nest, &distributed(&nest, &["--dry-run"]), 160, 80);
    for (question, text) in [
        ("Name of the cluster [prod]", ""),
        ("Storm: stormctl's own daemons", ""),
        ("Hosts, by the names", "a.invalid b.invalid"),
        ("Roles of a.invalid [zookeeper nimbus supervisor ui logviewer]", ""),
        ("Roles of b.invalid [supervisor logviewer]", ""),
        ("ZooKeeper: embedded", ""),
        ("User for ssh", ""),
        ("through sudo", "y"),
        ("Account of the daemons", ""),
        ("Folder on every host [/opt/storm]", ""),
        ("How many workers", ""),
    ] {
        terminal.wait_for_text(LIMIT, question);
        terminal.type_in(&format!("{text}\r"));
    }
    // Nobody has such names.
    assert_eq!(terminal.wait(LIMIT).code(), Some(4));
    let screen = terminal.screen();
    for line in ["two ZooKeeper servers survive no failure", "user: storm", "ssh: {sudo: true}", "It is not written"] {
        assert!(screen.contains(line), "{line} is not in\n{screen}");
    }
    assert!(!file.exists());
}
