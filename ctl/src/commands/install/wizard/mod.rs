//! Questions for who sits at a terminal. Their answers are what flags or a file say as well, and make the same plan.

mod distributed;
mod single;

use std::io::{self, BufRead};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

pub(super) use distributed::ask as distributed;
pub(super) use single::ask as single;

/// The answer by which our own daemons are meant.
const OWN: &str = "own";
/// And our own ZooKeeper server.
const EMBEDDED: &str = "embedded";

/// Asks until the answer will do; nothing but Enter is `default`, where there is one.
fn line<T>(
    printer: &Printer,
    question: &str,
    default: Option<&str>,
    take: impl Fn(&str) -> Result<T, String>,
) -> Result<T, Failure> {
    loop {
        match default {
            Some(default) => printer.ask(&format!("{question} [{default}]: ")),
            None => printer.ask(&format!("{question}: ")),
        }
        let mut text = String::new();
        let read = io::stdin().lock().read_line(&mut text).map_err(|e| Failure::io("cannot read the answer", &e))?;
        if read == 0 {
            return Err(Failure::new(
                Exit::Interrupted,
                "install/no-answer",
                "the answers have ended: nothing was done",
            ));
        }
        let taken = match (text.trim(), default) {
            ("", None) => Err("this needs an answer".to_owned()),
            ("", Some(default)) => take(default),
            (answer, _) => take(answer),
        };
        match taken {
            Ok(taken) => return Ok(taken),
            Err(why) => printer.note(&format!("  {why}")),
        }
    }
}

/// `None` for the word that stands for our own.
fn archive(own: &'static str) -> impl Fn(&str) -> Result<Option<String>, String> {
    move |text| {
        if text == own {
            return Ok(None);
        }
        super::archives::there(text).map(|()| Some(text.to_owned()))
    }
}

fn slots(text: &str) -> Result<u16, String> {
    match text.parse::<u16>() {
        Ok(slots @ 1..=1000) => Ok(slots),
        _ => Err("write a number from 1 to 1000".to_owned()),
    }
}
