//! `stormctl jps`.

use crate::cli::{self, Format};
use crate::failure::Failure;
use crate::jps;
use crate::printer::Printer;

pub fn run(printer: &Printer, args: &cli::Jps) -> Result<(), Failure> {
    let plain = matches!(printer.format, Format::Table | Format::Name | Format::Storm);
    // Where a JVM puts its files, whatever TMPDIR says.
    printer.show(&jps::list(args, "/tmp".as_ref(), !plain))
}
