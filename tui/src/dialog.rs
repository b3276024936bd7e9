//! What can be open over a view, and takes the keys while it is.

use tui_input::{Input, InputRequest};

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::keys::Action;
use crate::message::Run;

#[derive(Debug, Clone, Default)]
pub enum Mode {
    #[default]
    Normal,
    /// A filter as it is typed, and what it was before.
    Filter {
        input: Input,
        before: String,
    },
    /// What to mark in the log lines.
    Highlight {
        input: Input,
    },
    Goto {
        input: Input,
        pick: usize,
    },
    Help {
        scroll: usize,
        input: Input,
    },
    Menu {
        items: Vec<MenuItem>,
        cursor: usize,
    },
    Confirm(Confirm),
    Form(Form),
    /// The command line of this screen.
    CommandLine(String),
    Output {
        title: String,
        lines: Vec<String>,
        scroll: usize,
        /// What Enter goes on to, after a preview.
        then: Option<Box<Confirm>>,
        /// The job whose output is waited for.
        job: Option<u64>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct MenuItem {
    pub action: Action,
    pub text: String,
    /// Why it cannot be done now.
    pub refused: Option<String>,
}

/// How much must be typed before something happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Severity {
    /// `y`.
    Ask,
    /// This word.
    Type(String),
}

#[derive(Debug, Clone)]
pub struct Confirm {
    pub title: String,
    pub lines: Vec<String>,
    pub severity: Severity,
    pub input: Input,
    pub runs: Vec<Run>,
    /// Whether what they print is shown also when they succeed.
    pub show: bool,
}

impl Confirm {
    pub fn ask(title: impl Into<String>, lines: Vec<String>, runs: Vec<Run>) -> Confirm {
        Confirm { title: title.into(), lines, severity: Severity::Ask, input: Input::default(), runs, show: false }
    }

    pub fn typed(self, word: impl Into<String>) -> Confirm {
        Confirm { severity: Severity::Type(word.into()), ..self }
    }
}

#[derive(Debug, Clone)]
pub struct Field {
    pub label: &'static str,
    pub help: &'static str,
    pub input: Input,
}

impl Field {
    pub fn new(label: &'static str, help: &'static str, value: impl Into<String>) -> Field {
        Field { label, help, input: Input::new(value.into()) }
    }
}

/// What the fields of a form are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    Rebalance { name: String },
    Kill { names: Vec<String>, active: bool },
    LogLevel { name: String },
    SetConfig,
    Submit,
    Role { verb: &'static str },
    Save,
}

#[derive(Debug, Clone)]
pub struct Form {
    pub title: String,
    pub fields: Vec<Field>,
    pub focus: usize,
    pub purpose: Purpose,
    /// What is wrong with what was typed.
    pub trouble: Option<String>,
}

impl Form {
    pub fn new(title: impl Into<String>, purpose: Purpose, fields: Vec<Field>) -> Form {
        Form { title: title.into(), fields, focus: 0, purpose, trouble: None }
    }

    pub fn value(&self, at: usize) -> &str {
        self.fields.get(at).map_or("", |f| f.input.value().trim())
    }
}

/// A key of a line that is typed; false when it is none.
pub fn edit(input: &mut Input, key: &KeyEvent) -> bool {
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    let request = match key.code {
        KeyCode::Char('u') if ctrl => InputRequest::DeleteLine,
        KeyCode::Char('w') if ctrl => InputRequest::DeletePrevWord,
        KeyCode::Char('a') if ctrl => InputRequest::GoToStart,
        KeyCode::Char('e') if ctrl => InputRequest::GoToEnd,
        KeyCode::Char(c) if !ctrl && !key.modifiers.contains(KeyModifiers::ALT) => {
            // A line that nobody wants to read is not typed either.
            if input.value().len() > 4096 {
                return true;
            }
            InputRequest::InsertChar(c)
        }
        KeyCode::Backspace => InputRequest::DeletePrevChar,
        KeyCode::Delete => InputRequest::DeleteNextChar,
        KeyCode::Left => InputRequest::GoToPrevChar,
        KeyCode::Right => InputRequest::GoToNextChar,
        KeyCode::Home => InputRequest::GoToStart,
        KeyCode::End => InputRequest::GoToEnd,
        _ => return false,
    };
    // Whether it moved does not matter: the line is drawn again either way.
    let _ = input.handle(request);
    true
}

pub fn insert(input: &mut Input, text: &str) {
    for c in text.chars().filter(|c| !c.is_control()).take(4096) {
        let _ = input.handle(InputRequest::InsertChar(c));
    }
}
