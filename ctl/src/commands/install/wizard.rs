//! Questions whose answers are the flags of `install single`.

use std::io::{self, BufRead};
use std::path::PathBuf;

use super::describe::default_dir;
use crate::cli::install::{Service, Single};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Asks for what the flags leave open, and says the command that needs no questions.
pub(super) fn ask(printer: &Printer, mut args: Single) -> Result<Single, Failure> {
    printer.note("A cluster on this machine: ZooKeeper, Nimbus, Supervisor, UI and log viewer. Enter takes what is in brackets.\n");
    let dir = default_dir()?.display().to_string();
    args.dir = Some(PathBuf::from(line(printer, "Folder", &dir, |_| Ok(()))?));
    let archive = line(printer, "ZooKeeper: embedded, or the archive of a release of Apache's", "embedded", |text| {
        if text == "embedded" || PathBuf::from(text).is_file() {
            Ok(())
        } else {
            Err(format!("there is no file {text}"))
        }
    })?;
    args.zookeeper_archive = (archive != "embedded").then(|| PathBuf::from(archive));
    let slots = line(printer, "How many workers may run", "4", |text| match text.parse::<u16>() {
        Ok(1..=1000) => Ok(()),
        _ => Err("write a number from 1 to 1000".to_owned()),
    })?;
    args.slots = slots.parse().ok();
    let host =
        line(printer, "Name by which other machines know this one (localhost: only this one)", "localhost", |text| {
            if text.chars().any(char::is_whitespace) { Err("a name has no blanks".to_owned()) } else { Ok(()) }
        })?;
    args.host = (host != "localhost").then_some(host);
    let service =
        line(printer, "Who keeps the daemons running: auto, systemd, systemd-user, background", "auto", |text| {
            service(text).map(drop).ok_or_else(|| "write one of the four".to_owned())
        })?;
    args.service = service_of(&service);
    printer.note(&format!("\nThe same without questions:\n  {}\n", command(&args)));
    Ok(args)
}

fn service(text: &str) -> Option<Service> {
    <Service as clap::ValueEnum>::from_str(text, true).ok()
}

/// `auto` is what no flag means, too.
fn service_of(text: &str) -> Option<Service> {
    service(text).filter(|s| *s != Service::Auto)
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
    flag("zookeeper-archive", args.zookeeper_archive.as_ref().map(|d| d.display().to_string()));
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

/// Asks until the answer will do.
fn line(
    printer: &Printer,
    question: &str,
    default: &str,
    check: impl Fn(&str) -> Result<(), String>,
) -> Result<String, Failure> {
    loop {
        printer.ask(&format!("{question} [{default}]: "));
        let mut text = String::new();
        let read = io::stdin().lock().read_line(&mut text).map_err(|e| Failure::io("cannot read the answer", &e))?;
        if read == 0 {
            return Err(Failure::new(
                Exit::Interrupted,
                "install/no-answer",
                "the answers have ended: nothing was done",
            ));
        }
        let answer = if text.trim().is_empty() { default } else { text.trim() };
        match check(answer) {
            Ok(()) => return Ok(answer.to_owned()),
            Err(why) => printer.note(&format!("  {why}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Verb, install::Install};
    use clap::Parser;

    #[test]
    fn the_command_that_is_shown_means_the_same() {
        let line = "stormctl install single --dir /opt/x --slots 2 --host n1 --service background --no-ui";
        let parse = |line: &str| match Cli::try_parse_from(line.split(' ')).unwrap().verb {
            Verb::Install(Install::Single(args)) => *args,
            _ => panic!(),
        };
        assert_eq!(command(&parse(line)), line);
        let odd = Single { dir: Some("/opt/my storm".into()), ..parse("stormctl install single") };
        assert_eq!(command(&odd), "stormctl install single --dir '/opt/my storm'");
    }
}
