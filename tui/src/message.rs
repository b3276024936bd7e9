//! What comes into the dashboard and what it wants done: the only words between it and the world.

use ratatui::crossterm::event::{KeyEvent, MouseEvent};

use crate::data::Severity;
use crate::source::Answer;

#[derive(Debug, Clone, PartialEq)]
pub enum Msg {
    Key(KeyEvent),
    Mouse(MouseEvent),
    Paste(String),
    Resize(u16, u16),
    /// Time went on.
    Tick,
    Answer(Box<Answer>),
    /// A job has ended.
    Done(Done),
    Note(Severity, String),
}

/// A command that is run for the user, and shown to him as what he could have typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub id: u64,
    pub what: Run,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Run {
    /// `stormctl` with these arguments.
    Stormctl(Vec<String>),
    /// A signal to the very process that was listed.
    Kill { pid: i32, start_ticks: u64, hard: bool },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    pub id: u64,
    pub ok: bool,
    pub output: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cmd {
    Quit,
    Run(Job),
    /// Into the clipboard of the terminal, by OSC 52.
    Copy(String),
    /// The user's shell, in the place of the dashboard until it ends.
    Shell,
    /// `stormctl` with these arguments, in the place of the dashboard until it ends.
    Foreground(Vec<String>),
    /// Stop as Ctrl-Z does everywhere.
    Suspend,
    Redraw,
    Save {
        path: String,
        text: String,
    },
    /// Ask all sources at once.
    Ask,
}
