//! Asking before something severe: the name has to be typed. Scripts say `--yes`.

use std::io::{self, IsTerminal, Write};

use crate::exit::Exit;
use crate::failure::Failure;

/// Asks on the terminal; the answer must be `name`. `yes` answers in advance, `no_input` forbids the question.
pub fn typed_name(what: &str, name: &str, yes: bool, no_input: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let missing =
        || Failure::new(Exit::Refused, "confirm/missing", format!("{what}: this must be confirmed")).hint("say --yes");
    if no_input || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
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
    fn without_a_terminal_only_yes_will_do() {
        assert_eq!(typed_name("removes /x", "/x", true, true), Ok(()));
        let refused = typed_name("removes /x", "/x", false, true).unwrap_err();
        assert_eq!((refused.exit, refused.code()), (Exit::Refused, "confirm/missing"));
    }
}
