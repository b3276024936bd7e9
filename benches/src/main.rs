//! `storm-benches compare | ladder | soak | report | list`.

use std::process::ExitCode;

fn main() -> ExitCode {
    storm_benches::driver::run()
}
