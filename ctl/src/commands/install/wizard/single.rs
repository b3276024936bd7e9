//! Questions whose answers are the flags of `install single`.

use std::path::PathBuf;

use super::super::describe::default_dir;
use super::{EMBEDDED, OWN, archive, line, slots};
use crate::cli::install::{Service, Single};
use crate::failure::Failure;
use crate::printer::Printer;

/// Asks for what the flags leave open, and says the command that needs no questions.
pub(in super::super) fn ask(printer: &Printer, mut args: Single) -> Result<Single, Failure> {
    printer.note("A cluster on this machine: ZooKeeper, Nimbus, a Supervisor, the UI and a log viewer. Enter takes what is in brackets.\n");
    let dir = default_dir()?.display().to_string();
    args.dir = Some(line(printer, "Folder", Some(&dir), |text| Ok(PathBuf::from(text)))?);
    let storm = "Storm: stormctl's own daemons, or the archive of a release of Apache's (file or URL)";
    args.storm_archive = line(printer, storm, Some(OWN), archive(OWN))?;
    let zookeeper = "ZooKeeper: embedded, or the archive of a release of Apache's (file or URL)";
    args.zookeeper_archive = line(printer, zookeeper, Some(EMBEDDED), archive(EMBEDDED))?;
    args.slots = Some(line(printer, "How many workers may run", Some("4"), slots)?);
    let name = "Name by which other machines know this one (localhost: only this one)";
    let host = line(printer, name, Some("localhost"), |text| {
        if text.chars().any(char::is_whitespace) { Err("a name has no blanks".to_owned()) } else { Ok(text.to_owned()) }
    })?;
    args.host = (host != "localhost").then_some(host);
    let keeper = "Who keeps the daemons running: auto, systemd, systemd-user, background";
    let service =
        line(printer, keeper, Some("auto"), |text| service(text).ok_or_else(|| "write one of the four".to_owned()))?;
    // What no flag means, too.
    args.service = Some(service).filter(|s| *s != Service::Auto);
    printer.note(&format!("\nThe same without questions:\n  {}\n", command(&args)));
    Ok(args)
}

fn service(text: &str) -> Option<Service> {
    <Service as clap::ValueEnum>::from_str(text, true).ok()
}

/// The command line that makes the same plan.
fn command(args: &Single) -> String {
    let mut words = vec!["stormctl install single".to_owned()];
    let mut flag = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:".contains(c));
            let value = if plain { value } else { format!("'{}'", value.replace('\'', r"'\''")) };
            words.push(format!("--{name} {value}"));
        }
    };
    flag("dir", args.dir.as_ref().map(|d| d.display().to_string()));
    flag("storm-archive", args.storm_archive.clone());
    flag("zookeeper-archive", args.zookeeper_archive.clone());
    flag("slots", args.slots.map(|s| s.to_string()));
    flag("host", args.host.clone());
    let service = args.service.and_then(|s| clap::ValueEnum::to_possible_value(&s));
    flag("service", service.map(|s| s.get_name().to_owned()));
    if args.no_ui {
        words.push("--no-ui".to_owned());
    }
    if args.agent {
        words.push("--agent".to_owned());
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Verb, install::Install};
    use clap::Parser;

    #[test]
    fn the_command_that_is_shown_means_the_same() {
        let line = "stormctl install single --dir /opt/x --storm-archive http://h/s.tgz --slots 2 --host n1 --service background --no-ui --agent";
        let parse = |line: &str| match Cli::try_parse_from(line.split(' ')).unwrap().verb {
            Verb::Install(Install::Single(args)) => *args,
            _ => panic!(),
        };
        assert_eq!(command(&parse(line)), line);
        let odd = Single { dir: Some("/opt/my storm".into()), ..parse("stormctl install single") };
        assert_eq!(command(&odd), "stormctl install single --dir '/opt/my storm'");
    }
}
