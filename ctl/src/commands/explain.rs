//! `stormctl explain NAME`: an error code, an exit status, or a key.

use serde_json::{Map, Value, json};
use storm_conf::Reader;

use super::config::explain as of_key;
use crate::cli::Global;
use crate::cli::config::Explain as Key;
use crate::cli::own::Explain;
use crate::codes::{self, Code};
use crate::contexts;
use crate::exit::{self, Exit};
use crate::failure::Failure;
use crate::printer::{Printer, Report};

pub fn run(printer: Printer, global: &Global, args: &Explain) -> Result<(), Failure> {
    let name = args.name.as_str();
    if let Ok(number) = name.parse::<u8>() {
        let row = exit::TABLE.iter().find(|(exit, _)| *exit as u8 == number);
        return match row {
            Some((_, meaning)) => printer.show(&Status { number, meaning }),
            None => Err(Failure::new(
                Exit::NotFound,
                "config/unknown-code",
                format!("{number} is no exit status of stormctl"),
            )
            .hint("stormctl --help ends with the list")),
        };
    }
    if let Some(code) = codes::find(name) {
        return printer.show(&Page(code));
    }
    if name.contains('/') {
        let failure = Failure::new(Exit::NotFound, "config/unknown-code", format!("there is no code {name}"));
        return Err(match codes::nearest(name) {
            Some(near) => failure.hint(format!("did you mean {near}?")),
            None => failure,
        });
    }
    // Only the value of a key has to do with a cluster.
    let mut global = global.clone();
    contexts::settle(&mut global, Reader::Client)?;
    of_key::run(printer, &global, &Key { name: args.name.clone(), daemon: false })
}

struct Status {
    number: u8,
    meaning: &'static str,
}

impl Report for Status {
    const KIND: &'static str = "ExitStatus";

    fn fields(&self) -> Map<String, Value> {
        let fields = json!({"exit": self.number, "about": self.meaning});
        fields.as_object().cloned().unwrap_or_default()
    }

    fn text(&self, _wide: bool) -> String {
        format!("exit status {}\n  {}\n", self.number, self.meaning)
    }

    fn names(&self) -> Vec<String> {
        vec![self.number.to_string()]
    }
}

struct Page(Code);

impl Report for Page {
    const KIND: &'static str = "ErrorCode";

    fn fields(&self) -> Map<String, Value> {
        let fields = json!({"code": self.0.code, "about": self.0.about, "fix": self.0.fix, "by": self.0.by});
        fields.as_object().cloned().unwrap_or_default()
    }

    fn text(&self, _wide: bool) -> String {
        format!("{}\n  {}\n\n  said by     {}\n  what to do  {}\n", self.0.code, self.0.about, self.0.by, self.0.fix)
    }

    fn names(&self) -> Vec<String> {
        vec![self.0.code.clone()]
    }
}
