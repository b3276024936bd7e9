//! Questions, where somebody is there to answer.

use std::io::{self, IsTerminal};

use crate::cli::Global;
use crate::failure::Failure;
use crate::printer::Printer;

/// Whether a question can be asked at all.
pub fn possible(global: &Global) -> bool {
    !global.no_input && io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks until the answer is yes or no; nothing but Enter is `default`.
pub fn yes_or_no(printer: &Printer, question: &str, default: bool) -> Result<bool, Failure> {
    loop {
        printer.ask(&format!("{question} {} ", if default { "[Y/n]" } else { "[y/N]" }));
        let mut answer = String::new();
        let read = io::stdin().read_line(&mut answer).map_err(|e| Failure::io("cannot read the answer", &e))?;
        match answer.trim().to_ascii_lowercase().as_str() {
            // The end of the input is no yes.
            "" => return Ok(default && read > 0),
            "y" | "yes" => return Ok(true),
            "n" | "no" => return Ok(false),
            _ => {}
        }
    }
}
