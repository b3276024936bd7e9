//! The driver's standard output and standard error.

use std::io::Write;

/// A line of the result. Where nobody reads any more nothing is left to do; the results are in their file too.
pub fn line(text: &str) {
    let _nobody = writeln!(std::io::stdout(), "{text}");
}

/// A line about what is going on.
pub fn note(text: &str) {
    let _nobody = writeln!(std::io::stderr(), "{text}");
}
