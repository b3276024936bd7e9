//! How entries are shown.

use serde_json::{Map, Value, json};
use storm_machine::logs::Entry;

use super::is_structured;
use crate::cli::Format;
use crate::context::Context;
use crate::failure::Failure;
use crate::logging::iso_time;
use crate::printer::{Printer, Report};

/// Text that waits to be printed.
const BUFFER: usize = 64 << 10;

pub struct Output {
    printer: Printer,
    /// One document at the end, which needs all of them.
    document: Option<Vec<Value>>,
    labels: bool,
    buffer: String,
}

impl Output {
    pub fn new(ctx: &Context, follow: bool) -> Output {
        let whole = matches!(ctx.printer.format, Format::Json | Format::Yaml) && !follow;
        Output { printer: ctx.printer, document: whole.then(Vec::new), labels: false, buffer: String::new() }
    }

    /// Whether each line says whose it is.
    pub fn labels(&mut self, labels: bool) {
        self.labels |= labels;
    }

    pub fn show(&mut self, entry: &Entry) -> Result<(), Failure> {
        if let Some(document) = &mut self.document {
            document.push(json(entry));
            return Ok(());
        }
        if is_structured(self.printer.format) {
            self.buffer.push_str(&format!("{}\n", json(entry)));
        } else {
            // A blank entry is a line as well.
            for line in entry.text.split('\n') {
                if self.labels {
                    self.buffer.push_str(&entry.label);
                    self.buffer.push_str(" | ");
                }
                self.buffer.push_str(line);
                self.buffer.push('\n');
            }
        }
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    pub fn flush(&mut self) -> Result<(), Failure> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.printer.out(&std::mem::take(&mut self.buffer))
    }

    pub fn end(mut self) -> Result<(), Failure> {
        match self.document.take() {
            Some(items) => self.printer.show(&Entries(items)),
            None => self.flush(),
        }
    }
}

/// Of another machine's entry the label has its host in front.
fn json(entry: &Entry) -> Value {
    let time = u64::try_from(entry.millis).ok().filter(|ms| *ms > 0).map(iso_time);
    let (host, source) = match entry.label.split_once('/') {
        Some((host, source)) => (Some(host), source),
        None => (None, entry.label.as_str()),
    };
    let mut json = json!({"time": time, "source": source, "level": entry.level().to_string(), "text": entry.text});
    if let (Some(host), Some(map)) = (host, json.as_object_mut()) {
        map.insert("host".to_owned(), host.into());
    }
    json
}

struct Entries(Vec<Value>);

impl Report for Entries {
    const KIND: &'static str = "LogEntryList";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), Value::Array(self.0.clone()))])
    }

    fn items(&self) -> Vec<Value> {
        self.0.clone()
    }

    fn text(&self, _wide: bool) -> String {
        String::new()
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}
