//! `stormctl completions SHELL`, and what its script asks.

use crate::cli::own::{Complete, Shell};
use crate::completion;
use crate::failure::Failure;
use crate::printer::Printer;

pub fn script(printer: &Printer, shell: Shell) -> Result<(), Failure> {
    printer.out(completion::script(shell))
}

/// Also when it has nothing to say it says so without an error.
pub fn answer(printer: &Printer, args: Complete) -> Result<(), Failure> {
    printer.out(&completion::answer(args.shell, &args.words))
}
