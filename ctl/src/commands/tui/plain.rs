//! What a view shows, printed: for pipes and programs.

use std::time::Duration;

use serde_json::{Map, Value, json};
use storm_tui::{Answer, Cell, Data, Model, Msg, Table as Rows, View, update};
use tokio::sync::mpsc::{Receiver, channel};

use super::setup;
use super::sources::{Sources, now_ms};
use crate::agents::Ways;
use crate::cli::Format;
use crate::cli::tui::Tui;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{Printer, Report};
use crate::table::{Side, Table};

const LIMIT: Duration = Duration::from_secs(30);
/// What is printed once waits so long for other hosts.
const HOSTS: Duration = Duration::from_secs(6);

pub fn run(ctx: Context, args: &Tui) -> Result<(), Failure> {
    let model = setup::model(&ctx, args)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Failure::io("cannot start the runtime", &e))?;
    let ways = Ways::of(&ctx.conf)?;
    let (printer, limit) = (ctx.printer, ctx.global.timeout.unwrap_or(LIMIT));
    let printed = runtime.block_on(async {
        let (answers, received) = channel(256);
        let sources = Sources::new(ctx, ways, HOSTS, answers);
        Plain { model, sources, received, printer }.print(limit).await
    });
    runtime.shutdown_timeout(Duration::from_millis(50));
    printed
}

struct Plain {
    model: Model,
    sources: Sources,
    received: Receiver<Answer>,
    printer: Printer,
}

impl Plain {
    async fn print(mut self, limit: Duration) -> Result<(), Failure> {
        if let View::Logs { .. } = self.model.view() {
            return self.logs().await;
        }
        match tokio::time::timeout(limit, self.all_answers()).await {
            Ok(told) => told?,
            Err(_) => {
                let text = format!("not every answer came within {} s", limit.as_secs_f64());
                return Err(Failure::new(Exit::Deadline, "deadline", text).hint("give it longer with --timeout"));
            }
        }
        if self.model.view() == &View::Events {
            return self.events().await;
        }
        let source = self.model.table_source();
        if let Some(cause) = self.model.trouble(&source) {
            return Err(
                Failure::new(Exit::Unreachable, "tui/lost", format!("{source} does not answer")).evidence(cause)
            );
        }
        self.printer.show(&Shown { view: self.model.view().title(), rows: &self.model.table })
    }

    async fn hear(&mut self) -> Result<Answer, Failure> {
        self.sources.want(&self.model.wants());
        let gone = || Failure::new(Exit::Failed, "tui/sources", "nobody is left to ask");
        self.received.recv().await.ok_or_else(gone)
    }

    /// Until everything that the view wants has answered, or has failed to.
    async fn all_answers(&mut self) -> Result<(), Failure> {
        while !self.model.answered() {
            let answer = self.hear().await?;
            update(&mut self.model, Msg::Answer(Box::new(answer)), now_ms());
            if let Some(unknown) = self.model.unknown() {
                return Err(Failure::new(Exit::NotFound, "usage/topology", unknown).hint("stormctl list"));
            }
        }
        Ok(())
    }

    /// What changed so far, then each change as it is seen.
    async fn events(mut self) -> Result<(), Failure> {
        let mut told = String::new();
        loop {
            let mut rows: Vec<_> = self.model.table.rows.iter().filter(|row| row.key > told).collect();
            // The first time by their times, then as they come.
            if !told.is_empty() {
                rows.sort_by(|a, b| b.key.cmp(&a.key));
            }
            for row in rows.iter().rev() {
                let texts: Vec<&str> = row.cells.iter().map(|c| c.text.as_str()).collect();
                let line = match self.printer.format {
                    Format::Json | Format::Jsonl => object(&self.model.table, &row.cells).to_string(),
                    _ => texts.join("  "),
                };
                self.printer.out(&format!("{line}\n"))?;
            }
            told = rows.iter().map(|row| row.key.clone()).max().unwrap_or(told);
            let answer = self.hear().await?;
            update(&mut self.model, Msg::Answer(Box::new(answer)), now_ms());
        }
    }

    async fn logs(mut self) -> Result<(), Failure> {
        loop {
            let Data::Logs(batch) = self.hear().await?.result.map_err(|t| {
                Failure::new(Exit::Failed, "tui/logs", "the logs of this host cannot be read").evidence(t.cause)
            })?
            else {
                continue;
            };
            for line in batch.lines {
                let text = match self.printer.format {
                    Format::Json | Format::Jsonl => json!({"source": line.source, "text": line.text}).to_string(),
                    _ => format!("{} | {}", line.source, line.text),
                };
                self.printer.out(&format!("{text}\n"))?;
            }
        }
    }
}

struct Shown<'m> {
    view: String,
    rows: &'m Rows,
}

/// `EMIT/S` is `emit_s` to programs.
fn key(title: &str) -> String {
    let words = title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    words.collect::<Vec<_>>().join("_").to_lowercase()
}

fn value(cell: &Cell) -> Value {
    match cell.number {
        _ if cell.text == "-" => Value::Null,
        // What is only sorted by a number is a word.
        Some(n) if !cell.text.starts_with(char::is_alphabetic) => {
            if n.fract() == 0.0 {
                json!(n as i64)
            } else {
                json!(n)
            }
        }
        _ => json!(cell.text),
    }
}

fn object(table: &Rows, cells: &[Cell]) -> Value {
    let fields = table.columns.iter().zip(cells).map(|(c, cell)| (key(c.title), value(cell)));
    Value::Object(fields.collect())
}

impl Report for Shown<'_> {
    const KIND: &'static str = "View";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("view".to_owned(), json!(self.view)), ("items".to_owned(), json!(self.items()))])
    }

    fn items(&self) -> Vec<Value> {
        self.rows.rows.iter().map(|row| object(self.rows, &row.cells)).collect()
    }

    fn text(&self, _wide: bool) -> String {
        let side = |right| if right { Side::Right } else { Side::Left };
        let columns: Vec<_> = self.rows.columns.iter().map(|c| (c.title, side(c.right))).collect();
        let mut table = Table::new(&columns);
        for row in &self.rows.rows {
            table.row(row.cells.iter().map(|c| c.text.clone()));
        }
        table.text()
    }

    fn names(&self) -> Vec<String> {
        self.rows.rows.iter().map(|row| row.key.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_and_cells_become_keys_and_values() {
        assert_eq!([key("EMIT/S"), key("CPU %"), key("EXECUTE MS")], ["emit_s", "cpu", "execute_ms"]);
        assert_eq!(value(&Cell::number("12.3k", 12345.0)), json!(12345));
        assert_eq!(value(&Cell::number("0.25", 0.25)), json!(0.25));
        assert_eq!(value(&Cell::number("FAIL", 2.0)), json!("FAIL"));
        assert_eq!(value(&Cell::text("-")), Value::Null);
        assert_eq!(value(&Cell::text("words")), json!("words"));
    }
}
