//! Questions whose answers are a cluster.yaml: how many hosts there are decides what is proposed for each.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use storm_install::spec::{Cluster, Role};

use super::{EMBEDDED, OWN, archive, line, slots};
use crate::commands::config::ask::yes_or_no;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Storm's first slot.
const FIRST_SLOT: u16 = 6700;
/// The answer that leaves it to the user's own ssh configuration.
const CONFIG: &str = "config";

/// What was answered.
struct Answers {
    name: String,
    dir: String,
    account: Option<String>,
    storm: Option<String>,
    zookeeper: Option<String>,
    ssh_user: Option<String>,
    sudo: bool,
    slots: u16,
    hosts: Vec<(String, Vec<Role>)>,
}

/// Asks for a description, shows it, and writes it where nothing is yet; with `dry_run` it is only shown.
pub(in super::super) fn ask(printer: &Printer, file: &Path, dry_run: bool) -> Result<Cluster, Failure> {
    printer
        .note(&format!("There is no {}: some questions make one. Enter takes what is in brackets.\n", file.display()));
    let text = answers(printer)?.text();
    let cluster = Cluster::parse(&text, file)?;
    printer.note(&format!("\n{}:\n\n{text}", file.display()));
    let command = format!("stormctl install distributed --file {}", file.display());
    if dry_run {
        printer.note(&format!(
            "It is not written, as this is a dry run. With it, the same without questions:\n  {command}\n"
        ));
        return Ok(cluster);
    }
    if !yes_or_no(printer, &format!("Write it to {}, and go on?", file.display()), true)? {
        return Err(Failure::new(Exit::Refused, "confirm/refused", "nothing was done"));
    }
    write(file, &text).map_err(|e| Failure::io(format!("cannot write {}", file.display()), &e))?;
    printer.note(&format!("Written. The same without questions:\n  {command}\n"));
    Ok(cluster)
}

/// Whole or not at all, and never over something that is there.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let mut new = OpenOptions::new().write(true).create_new(true).open(file)?;
    let written = new.write_all(text.as_bytes()).and_then(|()| new.sync_all());
    if written.is_err() {
        fs::remove_file(file)?;
    }
    written
}

fn answers(printer: &Printer) -> Result<Answers, Failure> {
    let name = line(printer, "Name of the cluster", Some("prod"), name)?;
    let question = "Storm: stormctl's own daemons, or the archive of a release of Apache's (file or URL)";
    let storm = line(printer, question, Some(OWN), archive(OWN))?;
    let question = "Hosts, by the names by which they know each other (node1 node2 node3)";
    let names = line(printer, question, None, hosts)?;
    let hosts = roles(printer, &names)?;
    let servers = hosts.iter().filter(|(_, roles)| roles.contains(&Role::Zookeeper)).count();
    let zookeeper = if servers > 1 {
        printer
            .note(&format!("  {servers} servers need a release of Apache ZooKeeper; the one in stormctl is for one"));
        line(printer, "Archive of Apache ZooKeeper (file or URL)", here().as_deref(), |text| {
            crate::commands::install::archives::there(text).map(|()| Some(text.to_owned()))
        })?
    } else {
        let question = "ZooKeeper: embedded, or the archive of a release of Apache's (file or URL)";
        line(printer, question, Some(EMBEDDED), archive(EMBEDDED))?
    };
    let question = "User for ssh (config: as ~/.ssh/config says)";
    let ssh_user = line(printer, question, Some(CONFIG), |text| Ok(Some(text.to_owned()).filter(|t| t != CONFIG)))?;
    let sudo = yes_or_no(printer, "Is the work there done by root, through sudo without a password?", false)?;
    let root = sudo || ssh_user.as_deref() == Some("root");
    let account = match root {
        true => Some(line(printer, "Account of the daemons, made where it is not", Some("storm"), account)?),
        false => None,
    };
    let dir = line(printer, "Folder on every host", Some(if root { "/opt/storm" } else { "~/storm" }), dir)?;
    let slots = line(printer, "How many workers may run on each host", Some("4"), slots)?;
    Ok(Answers { name, dir, account, storm, zookeeper, ssh_user, sudo, slots, hosts })
}

fn name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match text.chars().all(plain) && !text.starts_with(['.', '-']) {
        true => Ok(text.to_owned()),
        false => Err("use letters, digits and -".to_owned()),
    }
}

fn account(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    match text.chars().all(plain) && text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') {
        true => Ok(text.to_owned()),
        false => Err("use small letters, digits, - and _".to_owned()),
    }
}

fn dir(text: &str) -> Result<String, String> {
    match text.starts_with('/') || text.starts_with("~/") {
        true => Ok(text.to_owned()),
        false => Err("write a whole path: /opt/storm, or ~/storm below the home of the ssh user".to_owned()),
    }
}

fn hosts(text: &str) -> Result<Vec<String>, String> {
    let names: Vec<String> = text.split([' ', ',', '\t']).filter(|n| !n.is_empty()).map(str::to_owned).collect();
    for (index, name) in names.iter().enumerate() {
        if names[..index].contains(name) {
            return Err(format!("{name} is there twice"));
        }
        if name.starts_with('-') || name.contains(['\'', '"', '/', '\\', '@']) {
            return Err(format!("{name} is no name of a host"));
        }
    }
    if names.is_empty() { Err("name at least one host".to_owned()) } else { Ok(names) }
}

/// What is sensible for so many hosts: three ZooKeeper servers as soon as there can be three, two Nimbuses so that one can
/// fail, and on larger fleets neither of them beside workers.
fn proposal(index: usize, count: usize) -> Vec<Role> {
    let servers = if count < 3 { 1 } else { 3 };
    let mut roles = Vec::new();
    if index < servers {
        roles.push(Role::Zookeeper);
    }
    if index == 0 || index == 1 && count > 2 {
        roles.push(Role::Nimbus);
    }
    if count < 5 || index >= servers {
        roles.push(Role::Supervisor);
    }
    if index == 0 {
        roles.push(Role::Ui);
    }
    if roles.contains(&Role::Supervisor) {
        roles.push(Role::Logviewer);
    }
    roles
}

/// The roles of each host, until together they can be a cluster.
fn roles(printer: &Printer, names: &[String]) -> Result<Vec<(String, Vec<Role>)>, Failure> {
    let all = [Role::Zookeeper, Role::Nimbus, Role::Supervisor, Role::Ui, Role::Logviewer];
    let words = |roles: &[Role]| roles.iter().map(|r| r.word()).collect::<Vec<_>>().join(" ");
    printer.note(&format!("  roles: {}", words(&all)));
    if names.len() == 2 {
        printer.note("  two ZooKeeper servers survive no failure, as one does; three, on three hosts, survive one");
    }
    let take = |text: &str| -> Result<Vec<Role>, String> {
        let mut taken = Vec::new();
        for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
            let role = all.iter().find(|role| role.word() == word);
            let role = role.ok_or_else(|| format!("{word} is no role; there are {}", words(&all)))?;
            if !taken.contains(role) {
                taken.push(*role);
            }
        }
        taken.sort_unstable();
        Ok(taken)
    };
    loop {
        let mut hosts = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let proposed = words(&proposal(index, names.len()));
            hosts.push((name.clone(), line(printer, &format!("Roles of {name}"), Some(&proposed), take)?));
        }
        let has = |role: &Role| hosts.iter().any(|(_, roles): &(String, Vec<Role>)| roles.contains(role));
        match [Role::Zookeeper, Role::Nimbus, Role::Supervisor].iter().find(|role| !has(role)) {
            Some(missing) => printer.note(&format!("  no host has the role {}: once more", missing.word())),
            None => return Ok(hosts),
        }
    }
}

/// A release of Apache ZooKeeper in this folder.
fn here() -> Option<String> {
    let files = fs::read_dir(".").into_iter().flatten().flatten();
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("apache-zookeeper-") && name.ends_with("-bin.tar.gz")).max()
}

/// A text as YAML takes it for one.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let means = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let text_of = begins && text.chars().all(plain) && !means.contains(&text.to_ascii_lowercase().as_str());
    if text_of { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

impl Answers {
    /// The description, as docs/install.md tells of it.
    fn text(&self) -> String {
        let mut text = format!("name: {}\ndir: {}\n", word(&self.name), word(&self.dir));
        if let Some(account) = &self.account {
            text.push_str(&format!("user: {}\n", word(account)));
        }
        if let Some(archive) = &self.storm {
            text.push_str(&format!("storm: {{archive: {}}}\n", word(archive)));
        }
        if let Some(archive) = &self.zookeeper {
            text.push_str(&format!("zookeeper: {{archive: {}}}\n", word(archive)));
        }
        let mut ssh = Vec::new();
        ssh.extend(self.ssh_user.as_ref().map(|user| format!("user: {}", word(user))));
        ssh.extend(self.sudo.then(|| "sudo: true".to_owned()));
        if !ssh.is_empty() {
            text.push_str(&format!("ssh: {{{}}}\n", ssh.join(", ")));
        }
        let ports: Vec<String> = (FIRST_SLOT..FIRST_SLOT + self.slots).map(|port| port.to_string()).collect();
        text.push_str(&format!("conf:\n  supervisor.slots.ports: [{}]\nhosts:\n", ports.join(", ")));
        for (name, roles) in self.hosts.iter().filter(|(_, roles)| !roles.is_empty()) {
            let roles: Vec<&str> = roles.iter().map(|role| role.word()).collect();
            text.push_str(&format!("- {{name: {}, roles: [{}]}}\n", word(name), roles.join(", ")));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposed(count: usize) -> Vec<(String, Vec<Role>)> {
        (0..count).map(|index| (format!("n{index}"), proposal(index, count))).collect()
    }

    fn answers(hosts: Vec<(String, Vec<Role>)>) -> Answers {
        Answers {
            name: "prod".to_owned(),
            dir: "~/my storm".to_owned(),
            account: None,
            storm: None,
            zookeeper: Some("https://h/apache-zookeeper-3.9.5-bin.tar.gz".to_owned()),
            ssh_user: Some("admin".to_owned()),
            sudo: true,
            slots: 2,
            hosts,
        }
    }

    #[test]
    fn what_is_proposed_for_any_number_of_hosts_is_a_cluster() {
        for count in 1..12 {
            let cluster = Cluster::parse(&answers(proposed(count)).text(), Path::new("c.yaml")).unwrap();
            let with = |role| cluster.with(role).len();
            assert_eq!(with(Role::Zookeeper), if count < 3 { 1 } else { 3 }, "{count}");
            assert_eq!(with(Role::Nimbus), if count < 3 { 1 } else { 2 }, "{count}");
            assert_eq!(with(Role::Supervisor), if count < 5 { count } else { count - 3 }, "{count}");
            assert_eq!(cluster.with(Role::Ui).len(), 1);
            assert_eq!(cluster.with(Role::Logviewer).len(), cluster.with(Role::Supervisor).len());
        }
    }

    #[test]
    fn answers_that_yaml_would_take_for_something_else_stay_texts() {
        let hosts = ["10.0.0.1", "fe80::2", "007", "no", "node-4.example"]
            .map(|name| (name.to_owned(), vec![Role::Nimbus, Role::Supervisor, Role::Zookeeper]));
        let cluster = Cluster::parse(&answers(hosts.clone().into()).text(), Path::new("c.yaml")).unwrap();
        let names: Vec<&str> = cluster.hosts.iter().map(|h| h.name.as_str()).collect();
        assert_eq!(names, hosts.each_ref().map(|(name, _)| name.as_str()));
        assert_eq!(cluster.dir, Path::new("~/my storm"));
        assert_eq!((cluster.ssh.user.as_deref(), cluster.ssh.sudo), (Some("admin"), Some(true)));
        assert_eq!(cluster.conf["supervisor.slots.ports"], serde_json::json!([6700, 6701]));
    }

    #[test]
    fn wrong_answers_have_a_reason() {
        assert_eq!(hosts("a, b,a").unwrap_err(), "a is there twice");
        assert!(hosts("-oProxyCommand=x").is_err() && hosts("me@a").is_err() && hosts(",").is_err());
        assert!(name("../x").is_err() && dir("storm").is_err() && account("Storm User").is_err());
    }
}
