//! What the exit status of `stormctl` means. One table: help, documentation and tests read it.

use std::process::ExitCode;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Ok = 0,
    Failed = 1,
    Usage = 2,
    NotFound = 3,
    Unreachable = 4,
    NotInstalled = 5,
    ConfigInvalid = 6,
    Refused = 7,
    Conflict = 8,
    Partly = 9,
    Findings = 10,
    Deadline = 124,
    Interrupted = 130,
}

/// Every exit status with its meaning.
pub const TABLE: [(Exit, &str); 13] = [
    (Exit::Ok, "done"),
    (Exit::Failed, "failed"),
    (Exit::Usage, "the command line is wrong"),
    (Exit::NotFound, "what was asked for is not running, or does not exist"),
    (Exit::Unreachable, "cannot be reached, so its state is unknown"),
    (Exit::NotInstalled, "something that is needed is not installed"),
    (Exit::ConfigInvalid, "the configuration is invalid"),
    (Exit::Refused, "refused: not allowed, or a confirmation is missing"),
    (Exit::Conflict, "conflict: it exists already, or changed meanwhile"),
    (Exit::Partly, "partly done: some of it failed"),
    (Exit::Findings, "a check has found something wrong"),
    (Exit::Deadline, "not done within the time limit"),
    (Exit::Interrupted, "interrupted"),
];

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// The table as the end of `stormctl --help`.
pub fn help() -> String {
    let mut text = String::from("Exit status:\n");
    for (exit, meaning) in TABLE {
        text.push_str(&format!("  {:>3}  {meaning}\n", exit as u8));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_never_change() {
        let numbers: Vec<u8> = TABLE.iter().map(|(exit, _)| *exit as u8).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 124, 130]);
    }

    #[test]
    fn the_documentation_has_the_same_table() {
        let page = include_str!("../../docs/stormctl.md");
        for (exit, meaning) in TABLE {
            let row = format!("| {} | {meaning} |\n", exit as u8);
            assert!(page.contains(&row), "docs/stormctl.md has no row {row:?}");
        }
    }

    #[test]
    fn every_status_has_a_line_in_the_help() {
        let text = help();
        assert_eq!(text.lines().count(), TABLE.len() + 1);
        assert!(text.contains("  124  not done within the time limit\n"));
    }
}
