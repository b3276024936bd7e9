//! The only place that prints. Results go to stdout, everything else to stderr.

use std::io::{self, IsTerminal, Write};

use serde_json::{Map, Value, json};
use storm_conf::Mistake;

use crate::cli::Format;
use crate::failure::Failure;
use crate::logging::iso_time;
use crate::watch::{self, Watch};

/// The version of everything that programs read from us.
pub const API_VERSION: &str = "stormctl/v1";

/// A result in every form in which it can be asked for.
pub trait Report {
    /// The `kind` of the envelope.
    const KIND: &'static str;

    /// The fields of the object below `apiVersion` and `kind`.
    fn fields(&self) -> Map<String, Value>;

    /// What each line of `-o jsonl` holds.
    fn items(&self) -> Vec<Value> {
        vec![Value::Object(self.fields())]
    }

    fn text(&self, wide: bool) -> String;

    /// What `-o name` prints, one on a line.
    fn names(&self) -> Vec<String>;

    /// Apache Storm's own output, where it has one.
    fn storm(&self) -> Option<String> {
        None
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Printer {
    pub format: Format,
    /// Whether results may have colour, and whether messages may.
    colour_err: bool,
    err_terminal: bool,
    /// Where answers are gathered that are shown again and again.
    watch: Option<&'static Watch>,
}

impl Printer {
    pub fn new(format: Format, no_colour: bool) -> Printer {
        let variable = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb");
        let terminal = io::stderr().is_terminal();
        // Colour alone is forced: a line that takes the place of another needs a terminal all the same.
        let forced = ["FORCE_COLOR", "CLICOLOR_FORCE"].iter().any(|v| variable(v).is_some_and(|v| v != "0"));
        let unwanted = variable("CLICOLOR").is_some_and(|v| v == "0");
        let colour = !no_colour && variable("NO_COLOR").is_none() && (forced || terminal && !dumb && !unwanted);
        Printer { format, colour_err: colour, err_terminal: terminal && !dumb, watch: None }
    }

    /// One whose answers are shown again and again.
    pub fn watched(self, watch: &'static Watch) -> Printer {
        Printer { watch: Some(watch), err_terminal: false, ..self }
    }

    /// Text of a result, as it is.
    pub fn out(&self, text: &str) -> Result<(), Failure> {
        self.bytes(text.as_bytes())
    }

    /// A result that may be no text.
    pub fn bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        if let Some(watch) = self.watch {
            watch.add(bytes);
            return Ok(());
        }
        let mut out = io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.flush()) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Err(Failure::nobody_reads()),
            Err(e) => Err(Failure::io("cannot write the result to stdout", &e)),
        }
    }

    pub fn show<R: Report>(&self, report: &R) -> Result<(), Failure> {
        match self.watch {
            Some(watch) if !watch.terminal && watch::piped(self.format) => {
                let mut document = envelope(report);
                document["time"] = iso_time(watch::now_ms()).into();
                self.out(&format!("{document}\n"))
            }
            Some(watch) if !watch.terminal && self.format == Format::Yaml => {
                self.out(&format!("---\n{}", render(report, self.format)?))
            }
            _ => self.out(&render(report, self.format)?),
        }
    }

    /// A message; when even stderr is gone there is nobody left to tell.
    pub fn note(&self, text: &str) {
        self.err(&format!("{text}\n"));
    }

    /// Beside the results; on a screen that is drawn anew, among them.
    fn err(&self, text: &str) {
        match self.watch {
            Some(watch) if watch.terminal => watch.add(text.as_bytes()),
            _ => {
                let _ = io::stderr().lock().write_all(text.as_bytes());
            }
        }
    }

    /// A question, whose answer follows on its line.
    pub fn ask(&self, text: &str) {
        let mut err = io::stderr().lock();
        let _ = write!(err, "{text}");
        let _ = err.flush();
    }

    /// Something about the configuration that is hardly meant, and that a command goes on with.
    pub fn warning(&self, m: &Mistake) {
        let text = match self.format {
            Format::Json | Format::Jsonl => {
                let place = m.place.to_string();
                let object = json!({"apiVersion": API_VERSION, "kind": "Warning", "code": m.code, "message": m.message,
                    "place": place, "hint": m.fix});
                format!("{object}\n")
            }
            _ => {
                let fix = m.fix.as_ref().map(|f| format!("  fix: {f}\n")).unwrap_or_default();
                format!("{} {}\n  {}\n{fix}", self.paint("33;1", &format!("warning[{}]:", m.code)), m.message, m.place)
            }
        };
        self.err(&text);
    }

    /// Whether messages go to a terminal, where lines can be written over.
    pub fn on_terminal(&self) -> bool {
        self.err_terminal
    }

    /// A line that the next one replaces; nothing when nobody watches.
    pub fn progress(&self, text: &str) {
        if self.err_terminal {
            let mut err = io::stderr().lock();
            let _ = write!(err, "\r\x1b[K{text}");
            let _ = err.flush();
        }
    }

    pub fn progress_end(&self) {
        self.progress("");
    }

    pub fn failure(&self, failure: &Failure) {
        if failure.faults.is_empty() {
            return;
        }
        let text = match self.format {
            Format::Json if self.watch.is_none() => format!("{:#}\n", failure.json()),
            Format::Json | Format::Jsonl => format!("{}\n", failure.json()),
            _ => failure.text(|word| self.paint("31;1", word)),
        };
        self.err(&text);
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colour_err { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn envelope<R: Report>(report: &R) -> Value {
    let mut map = Map::new();
    map.insert("apiVersion".into(), API_VERSION.into());
    map.insert("kind".into(), R::KIND.into());
    let fields = report.fields();
    debug_assert!(!fields.contains_key("kind") && !fields.contains_key("apiVersion"), "{} is hidden", R::KIND);
    map.extend(fields);
    Value::Object(map)
}

fn render<R: Report>(report: &R, format: Format) -> Result<String, Failure> {
    let lines = |lines: Vec<String>| lines.into_iter().map(|l| l + "\n").collect::<String>();
    Ok(match format {
        Format::Table => report.text(false),
        Format::Wide => report.text(true),
        Format::Json => format!("{:#}\n", envelope(report)),
        Format::Jsonl => lines(report.items().iter().map(Value::to_string).collect()),
        Format::Yaml => serde_yaml::to_string(&envelope(report)).map_err(|e| {
            Failure::new(crate::exit::Exit::Failed, "output/yaml", "the result cannot be written as YAML")
                .evidence(e.to_string())
        })?,
        Format::Name => lines(report.names()),
        Format::Storm => report.storm().ok_or_else(|| {
            Failure::new(crate::exit::Exit::Usage, "usage/output", "Apache Storm has no output for this command")
                .hint("use -o table, wide, json, jsonl, yaml or name")
        })?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Two;

    impl Report for Two {
        const KIND: &'static str = "NumberList";

        fn fields(&self) -> Map<String, Value> {
            json!({"items": self.items()}).as_object().cloned().unwrap_or_default()
        }

        fn items(&self) -> Vec<Value> {
            vec![json!({"n": 1}), json!({"n": 2})]
        }

        fn text(&self, wide: bool) -> String {
            format!("1 2 {wide}\n")
        }

        fn names(&self) -> Vec<String> {
            vec!["1".into(), "2".into()]
        }
    }

    #[test]
    fn one_report_in_every_form() {
        let form = |f| render(&Two, f).unwrap();
        assert_eq!(form(Format::Table), "1 2 false\n");
        assert_eq!(form(Format::Wide), "1 2 true\n");
        assert_eq!(form(Format::Jsonl), "{\"n\":1}\n{\"n\":2}\n");
        assert_eq!(form(Format::Name), "1\n2\n");
        assert_eq!(form(Format::Yaml), "apiVersion: stormctl/v1\nkind: NumberList\nitems:\n- n: 1\n- n: 2\n");
        let json: Value = serde_json::from_str(&form(Format::Json)).unwrap();
        assert_eq!(json, json!({"apiVersion": "stormctl/v1", "kind": "NumberList", "items": [{"n": 1}, {"n": 2}]}));
        assert_eq!(render(&Two, Format::Storm).unwrap_err().exit, crate::exit::Exit::Usage);
    }
}
