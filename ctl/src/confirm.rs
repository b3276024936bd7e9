//! Asking before something severe: the name has to be typed. Scripts say `--confirm=NAME`, or `--yes` where that will do.

use std::io::{self, IsTerminal, Write};

use crate::cli::Global;
use crate::exit::Exit;
use crate::failure::Failure;

/// Asks on the terminal; the answer must be `name`. `--yes` and `--confirm=NAME` answer in advance.
pub fn typed_name(what: &str, name: &str, global: &Global) -> Result<(), Failure> {
    if global.yes { Ok(()) } else { asked(what, name, global, "say --yes".to_owned()) }
}

/// The same where a yes to everything is not enough.
pub fn severe(what: &str, name: &str, global: &Global) -> Result<(), Failure> {
    asked(what, name, global, format!("say --confirm={name}"))
}

fn asked(what: &str, name: &str, global: &Global, hint: String) -> Result<(), Failure> {
    if global.confirm.iter().any(|confirmed| confirmed == name) {
        return Ok(());
    }
    let missing =
        || Failure::new(Exit::Refused, "confirm/missing", format!("{what}: this must be confirmed")).hint(hint.clone());
    if global.no_input || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(missing());
    }
    let mut err = io::stderr().lock();
    // When the question cannot be shown there is no answer either.
    write!(err, "{what}. Type {name} to confirm: ").and_then(|()| err.flush()).map_err(|_| missing())?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|e| Failure::io("cannot read the answer", &e))?;
    if answer.trim() == name {
        return Ok(());
    }
    Err(Failure::new(Exit::Refused, "confirm/refused", "nothing was done: that was not the name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_terminal_only_flags_will_do() {
        let global = |flags: &[&str]| {
            let words = [&["stormctl", "list", "--no-input"], flags].concat();
            crate::cli::parse(words.into_iter().map(str::to_owned)).unwrap().global
        };
        let refused = |result: Result<(), Failure>| {
            let failure = result.unwrap_err();
            assert_eq!((failure.exit, failure.code()), (Exit::Refused, "confirm/missing"));
            failure.faults[0].hint.clone().unwrap()
        };
        assert_eq!(typed_name("removes /x", "/x", &global(&["--yes"])), Ok(()));
        assert_eq!(typed_name("removes /x", "/x", &global(&["--confirm=/x"])), Ok(()));
        assert_eq!(refused(typed_name("removes /x", "/x", &global(&[]))), "say --yes");
        assert_eq!(severe("kills x", "x", &global(&["--confirm=y", "--confirm=x"])), Ok(()));
        assert_eq!(refused(severe("kills x", "x", &global(&["--yes"]))), "say --confirm=x");
        assert_eq!(refused(severe("kills x", "x", &global(&["--confirm", "y"]))), "say --confirm=x");
    }
}
