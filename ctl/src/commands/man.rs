//! `stormctl man`: manual pages, from the definitions.

use std::io::Write;
use std::path::Path;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use serde_json::{Map, json};

use crate::change::Change;
use crate::cli::{self, examples, own};
use crate::exit::{self, Exit};
use crate::failure::Failure;
use crate::printer::Printer;

/// Of the text of the pages. That of the build would make each build another.
const DATE: &str = "2026-11-28";

pub fn run(printer: &Printer, args: &own::Man) -> Result<(), Failure> {
    let command = built();
    if let Some(dir) = &args.dir {
        return all(printer, &command, dir);
    }
    let Some(verb) = cli::find(&command, &args.verb) else {
        return Err(Failure::new(Exit::Usage, "usage/man", format!("there is no verb \"{}\"", args.verb.join(" ")))
            .hint("stormctl help"));
    };
    printer.bytes(&page(verb, &args.verb.join(" "))?)
}

/// The definitions, each verb with its whole name.
fn built() -> Command {
    fn plain(command: Command) -> Command {
        // The pages have sections of their own for what ends a help text.
        command.disable_help_subcommand(true).after_help("").after_long_help("").mut_subcommands(plain)
    }
    let mut command = plain(cli::command());
    command.build();
    command
}

fn all(printer: &Printer, command: &Command, dir: &Path) -> Result<(), Failure> {
    let cannot = |e: &std::io::Error| Failure::io(format!("cannot write into {}", dir.display()), e);
    std::fs::create_dir_all(dir).map_err(|e| cannot(&e))?;
    let mut verbs = Vec::new();
    cli::walk(command, &mut |path, verb| verbs.push((path.to_owned(), verb)));
    let mut names = Vec::new();
    for (path, verb) in &verbs {
        let name = format!("{}.1", title(path));
        std::fs::write(dir.join(&name), page(verb, path)?).map_err(|e| cannot(&e))?;
        names.push(name);
    }
    let message = format!("wrote {} pages into {}", names.len(), dir.display());
    let next = Some(format!("man -l {}", dir.join("stormctl.1").display()));
    let details = Map::from_iter([("dir".to_owned(), json!(dir))]);
    printer.show(&Change { action: "wrote", names, message, next, details })
}

/// `stormctl-zk-ls`
fn title(path: &str) -> String {
    if path.is_empty() { "stormctl".to_owned() } else { format!("stormctl-{}", path.replace(' ', "-")) }
}

fn page(verb: &Command, path: &str) -> Result<Vec<u8>, Failure> {
    let failed = |e: std::io::Error| Failure::io("cannot make the page", &e);
    let man = Man::new(verb.clone())
        .title(title(path))
        .section("1")
        .date(DATE)
        .source(format!("stormctl {}", env!("CARGO_PKG_VERSION")))
        .manual("Storm in Rust");
    let mut out = Vec::new();
    man.render_title(&mut out).map_err(failed)?;
    man.render_name_section(&mut out).map_err(failed)?;
    man.render_synopsis_section(&mut out).map_err(failed)?;
    man.render_description_section(&mut out).map_err(failed)?;
    if verb.get_subcommands().any(|s| !s.is_hide_set()) {
        man.render_subcommands_section(&mut out).map_err(failed)?;
    }
    man.render_options_section(&mut out).map_err(failed)?;
    out.write_all(ending(path).to_roff().as_bytes()).map_err(failed)?;
    Ok(tidy(&String::from_utf8_lossy(&out)).into_bytes())
}

/// Each section begins with the same two lines, of which one pair is enough; and a line that is skipped needs no breaks around.
fn tidy(page: &str) -> String {
    const QUOTE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";
    format!("{QUOTE}{}", page.replace(QUOTE, "").replace(".br\n\n.br\n", ".sp\n"))
}

/// Examples, and what the exit status means.
fn ending(path: &str) -> Roff {
    let mut roff = Roff::new();
    let shown = examples::of(path);
    if !shown.is_empty() {
        roff.control("SH", ["EXAMPLES"]);
        for (number, (line, what)) in shown.iter().enumerate() {
            if number > 0 {
                roff.control("PP", []);
            }
            roff.text([bold(*line)]);
            if !what.is_empty() {
                roff.control("br", []);
                roff.text([roman(*what)]);
            }
        }
    }
    roff.control("SH", ["EXIT STATUS"]);
    for (exit, meaning) in exit::TABLE {
        roff.control("TP", []);
        roff.text([bold((exit as u8).to_string())]);
        roff.text([roman(meaning)]);
    }
    roff.control("SH", ["SEE ALSO"]);
    let above = path.rsplit_once(' ').map(|(above, _)| above);
    match (path, above) {
        ("", _) => {
            roff.text([roman("Errors are told by stormctl explain CODE, what -o json prints by stormctl schema VERB.")])
        }
        (_, Some(above)) => roff.text([bold(title(above)), roman("(1)")]),
        (_, None) => roff.text([bold("stormctl"), roman("(1)")]),
    };
    roff
}
