//! What is seen of the work: on a terminal one line for each host, that changes; else a line for each step's begin and end.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Instant;

use storm_install::apply::Event;

use crate::printer::Printer;

/// More hosts than this have one line together.
const MOST: usize = 20;

pub(super) struct Progress {
    printer: Printer,
    began: Instant,
    shown: Mutex<Shown>,
}

#[derive(Default)]
struct Shown {
    lines: BTreeMap<String, String>,
    drawn: usize,
}

impl Progress {
    pub(super) fn new(printer: Printer) -> Progress {
        Progress { printer, began: Instant::now(), shown: Mutex::default() }
    }

    pub(super) fn event(&self, event: &Event<'_>) {
        let (host, number, of, state, what) = match event {
            Event::Begun { step, number, of } => (&step.host, number, of, "begin", step.action.words()),
            Event::Going { step, number, of, note } => {
                (&step.host, number, of, "...", format!("{}: {note}", step.action.words()))
            }
            Event::Done { step, number, of, changed, note, took } => {
                let note = if note.is_empty() { String::new() } else { format!(": {note}") };
                let state = if *changed { "ok" } else { "was done" };
                let what = format!("{}{note} ({:.1} s)", step.action.words(), took.as_secs_f64());
                (&step.host, number, of, state, what)
            }
            Event::Failed { step, number, of, trouble } => {
                (&step.host, number, of, "FAILED", format!("{}: {trouble}", step.action.words()))
            }
        };
        let count = format!("{number}/{of}");
        self.line(host, &format!("{count:>7}  {state:<8}  {what}"));
    }

    /// What a host does now.
    pub(super) fn line(&self, host: &str, text: &str) {
        let line = format!("{:>7.1} s  {host:<16} {text}", self.began.elapsed().as_secs_f64());
        if !self.printer.on_terminal() {
            self.printer.note(&line);
            return;
        }
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.lines.insert(host.to_owned(), line);
        self.draw(&mut shown);
    }

    fn draw(&self, shown: &mut Shown) {
        let mut text = if shown.drawn > 0 { format!("\x1b[{}A", shown.drawn) } else { String::new() };
        let width = terminal_width();
        for line in shown.lines.values().take(MOST) {
            let cut: String = line.chars().take(width.saturating_sub(1)).collect();
            text.push_str(&format!("\r\x1b[K{cut}\n"));
        }
        shown.drawn = shown.lines.len().min(MOST);
        if shown.lines.len() > MOST {
            text.push_str(&format!("\r\x1b[Kand {} more\n", shown.lines.len() - MOST));
            shown.drawn += 1;
        }
        self.printer.ask(&text);
    }
}

fn terminal_width() -> usize {
    rustix::termios::tcgetwinsize(std::io::stderr()).map_or(80, |size| usize::from(size.ws_col).max(20))
}
