//! `stormctl doctor`: what is wrong with this host and the cluster, in three levels: explain, propose, apply.

use std::io::{self, BufRead, IsTerminal};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Map, Value, json};
use storm_conf::{LoadOptions, Reader};
use storm_doctor::facts::Unread;
use storm_doctor::gather::{Request, gather};
use storm_doctor::{Facts, Finding, Repair, Rule, Severity, When, examine, rules};

use crate::cli::Global;
use crate::cli::doctor::{Doctor, Level};
use crate::confirm;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{Printer, Report};
use crate::table::{Side, Table};

const LIMIT: Duration = Duration::from_secs(10);

pub async fn run(printer: &Printer, global: &Global, args: &Doctor) -> Result<(), Failure> {
    if args.list {
        return printer.show(&Rules);
    }
    let checkup = Checkup { printer, global, reader: Reader::Operator, level: args.level, asked: None };
    checkup
        .run(&|facts| {
            let findings = examine(facts);
            Ok(Examination { verdict: count(&findings), ..Examination::of(facts, findings) })
        })
        .await
}

/// One look, and what follows from it.
pub struct Checkup<'a> {
    pub printer: &'a Printer,
    pub global: &'a Global,
    pub reader: Reader,
    pub level: Level,
    pub asked: Option<String>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Examination {
    pub topology: Option<String>,
    pub verdict: String,
    pub findings: Vec<Finding>,
    pub unread: Vec<Unread>,
    pub applied: Vec<Applied>,
    /// The configuration that was read.
    pub file: Option<PathBuf>,
}

/// A repair that was run.
#[derive(Debug)]
pub struct Applied {
    command: String,
    exit: Option<i32>,
}

type Examine<'a> = &'a dyn Fn(&Facts) -> Result<Examination, Failure>;

impl Checkup<'_> {
    pub async fn run(&self, examine: Examine<'_>) -> Result<(), Failure> {
        let mut found = self.look(examine).await?;
        if self.level.propose {
            self.printer.show(&Proposal(&found))?;
        } else {
            if self.level.apply {
                let applied = self.apply(&found)?;
                if !applied.is_empty() {
                    found = self.look(examine).await?;
                    found.applied = applied;
                }
            }
            self.printer.show(&found)?;
        }
        let limit = if self.level.strict { Severity::Warning } else { Severity::Error };
        if found.findings.iter().any(|f| f.severity >= limit) { Err(Failure::shown(Exit::Findings)) } else { Ok(()) }
    }

    async fn look(&self, examine: Examine<'_>) -> Result<Examination, Failure> {
        let options = LoadOptions {
            file: self.global.config.clone(),
            overrides: self.global.overrides(),
            reader: self.reader,
            ..LoadOptions::default()
        };
        let mut request = Request::of(&options);
        request.asked = self.asked.clone();
        request.limit = self.global.timeout.unwrap_or(LIMIT);
        let file = request.config.file.clone();
        let facts = gather(request).await;
        Ok(Examination { file, ..examine(&facts)? })
    }

    fn apply(&self, found: &Examination) -> Result<Vec<Applied>, Failure> {
        let mut applied: Vec<Applied> = Vec::new();
        // A note explains what may well be meant so.
        for finding in found.findings.iter().filter(|f| f.severity > Severity::Info) {
            let Some(repair) = &finding.repair else { continue };
            let Some(args) = &repair.apply else {
                self.printer.note(&format!("left to you: {}      ({})", repair.command, finding.code));
                continue;
            };
            // One repair may be that of several findings.
            if applied.iter().any(|a| a.command == repair.command) || !self.agreed(finding, repair)? {
                continue;
            }
            self.printer.note(&format!("running: {}", repair.command));
            applied.push(Applied { command: repair.command.clone(), exit: self.execute(args, found)? });
        }
        Ok(applied)
    }

    fn agreed(&self, finding: &Finding, repair: &Repair) -> Result<bool, Failure> {
        let command = &repair.command;
        if let Some(name) = &repair.confirm {
            let what = format!("{}: {}; `{command}` ends what still lives", finding.code, finding.message);
            return confirm::severe(&what, name, self.global).map(|()| true);
        }
        if self.global.yes {
            return Ok(true);
        }
        if self.global.no_input || !io::stdin().is_terminal() {
            return Err(Failure::new(
                Exit::Refused,
                "confirm/missing",
                "nobody can be asked whether to apply this repair",
            )
            .evidence(format!("{}: {}", finding.code, finding.message))
            .evidence(command.as_str())
            .hint("say --yes to apply every repair, or --propose to see them"));
        }
        self.printer.note(&format!("{}: {}", finding.code, finding.message));
        self.printer.ask(&format!("run `{command}`? [y/N] "));
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).map_err(|e| Failure::io("cannot read the answer", &e))?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }

    /// Runs `stormctl` with the same configuration; what it prints goes to the error stream, for the result is ours.
    fn execute(&self, args: &[String], found: &Examination) -> Result<Option<i32>, Failure> {
        let program = std::env::current_exe().map_err(|e| Failure::io("this program's own path is unknown", &e))?;
        let mut command = Command::new(program);
        if let Some(file) = &found.file {
            command.arg("--config").arg(file);
        }
        for setting in &self.global.overrides() {
            command.args(["-c", setting]);
        }
        let output = command.arg("--yes").args(args).output();
        let output = output.map_err(|e| Failure::io("cannot run the repair", &e))?;
        for text in [&output.stdout, &output.stderr] {
            String::from_utf8_lossy(text).lines().for_each(|line| self.printer.note(&format!("  {line}")));
        }
        Ok(output.status.code())
    }
}

fn count(findings: &[Finding]) -> String {
    let of = |severity| findings.iter().filter(|f| f.severity == severity).count();
    let words = |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    match findings.is_empty() {
        true => "nothing wrong was found".to_owned(),
        false => format!(
            "{}, {}, {}",
            words(of(Severity::Error), "error", "errors"),
            words(of(Severity::Warning), "warning", "warnings"),
            words(of(Severity::Info), "note", "notes")
        ),
    }
}

fn sign(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "FAIL",
        Severity::Warning => "WARN",
        Severity::Info => "NOTE",
    }
}

impl Examination {
    pub fn of(facts: &Facts, findings: Vec<Finding>) -> Examination {
        Examination { findings, unread: facts.unread.clone(), ..Examination::default() }
    }
}

impl Report for Examination {
    const KIND: &'static str = "FindingList";

    fn fields(&self) -> Map<String, Value> {
        let mut map = Map::new();
        if let Some(topology) = &self.topology {
            map.insert("topology".into(), topology.as_str().into());
        }
        map.insert("verdict".into(), self.verdict.as_str().into());
        map.insert("items".into(), Value::Array(self.items()));
        let unread = self.unread.iter().map(|u| json!({"source": u.source, "place": u.place, "cause": u.cause}));
        map.insert("unread".into(), unread.collect());
        let applied = self.applied.iter().map(|a| json!({"command": a.command, "exit": a.exit}));
        map.insert("applied".into(), applied.collect());
        map
    }

    fn items(&self) -> Vec<Value> {
        self.findings.iter().map(Finding::json).collect()
    }

    fn text(&self, _wide: bool) -> String {
        let mut text = format!("{}\n", self.verdict);
        for applied in &self.applied {
            let end = applied.exit.map_or("was killed".to_owned(), |e| format!("ended with status {e}"));
            text.push_str(&format!("applied: {}  {end}\n", applied.command));
        }
        for finding in &self.findings {
            text.push_str(&format!("\n{}  {}  {}\n", sign(finding.severity), finding.code, finding.message));
            let width = finding.evidence.iter().map(|e| e.place.chars().count()).max().unwrap_or_default().min(60);
            for e in &finding.evidence {
                text.push_str(&format!("      {:<width$}  {}\n", e.place, e.text));
            }
            if let Some(cause) = &finding.cause {
                text.push_str(&format!("      why: {cause}\n"));
            }
            if let Some(repair) = &finding.repair {
                text.push_str(&format!("      fix: {}\n", repair.command));
            }
        }
        for u in &self.unread {
            text.push_str(&format!("\n?     {} at {} could not be read: {}\n", u.source, u.place, u.cause));
        }
        text
    }

    fn names(&self) -> Vec<String> {
        self.findings.iter().map(|f| f.code.to_owned()).collect()
    }
}

/// The commands alone, each once, in the order in which causes come.
struct Proposal<'a>(&'a Examination);

impl Proposal<'_> {
    fn steps(&self) -> Vec<(&Finding, &str, bool)> {
        let mut steps: Vec<(&Finding, &str, bool)> = Vec::new();
        for finding in self.0.findings.iter().filter(|f| f.severity > Severity::Info) {
            if let Some(repair) = &finding.repair
                && !steps.iter().any(|(_, command, _)| *command == repair.command)
            {
                steps.push((finding, &repair.command, repair.apply.is_some()));
            }
        }
        steps
    }
}

impl Report for Proposal<'_> {
    const KIND: &'static str = "RepairList";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), Value::Array(self.items()))])
    }

    fn items(&self) -> Vec<Value> {
        let step = |(f, command, applicable): (&Finding, &str, bool)| json!({"code": f.code, "severity": f.severity.word(), "message": f.message, "command": command, "applicable": applicable});
        self.steps().into_iter().map(step).collect()
    }

    fn text(&self, _wide: bool) -> String {
        let steps = self.steps();
        if steps.is_empty() {
            return "# nothing to repair\n".to_owned();
        }
        let step = |(f, command, applicable): (&Finding, &str, bool)| {
            // What needs a human first is no command yet.
            let lead = if applicable { "" } else { "# by hand: " };
            format!("# {}: {}\n{lead}{command}\n", f.code, f.message)
        };
        steps.into_iter().map(step).collect()
    }

    fn names(&self) -> Vec<String> {
        self.steps().into_iter().map(|(_, command, _)| command.to_owned()).collect()
    }
}

/// Every rule.
struct Rules;

impl Report for Rules {
    const KIND: &'static str = "RuleList";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), Value::Array(self.items()))])
    }

    fn items(&self) -> Vec<Value> {
        let rule = |r: &Rule| json!({"code": r.code, "severity": r.severity.word(), "why": r.when == When::Now, "about": r.about});
        rules::all().map(rule).collect()
    }

    fn text(&self, _wide: bool) -> String {
        let mut table = Table::new(&[("RULE", Side::Left), ("SEVERITY", Side::Left), ("WHAT IT FINDS", Side::Left)]);
        for r in rules::all() {
            table.row([r.code.to_owned(), r.severity.word().to_owned(), r.about.to_owned()]);
        }
        table.text()
    }

    fn names(&self) -> Vec<String> {
        rules::all().map(|r| r.code.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use storm_doctor::{Evidence, Subject};

    fn finding(severity: Severity, command: &str, apply: bool) -> Finding {
        Finding {
            code: "ports/slot-taken",
            severity,
            subject: Subject::Slot { host: "h".into(), port: 6700 },
            message: "port 6700 is held by process 7 (nc)".into(),
            evidence: vec![
                Evidence { place: "h:6700".into(), text: "held by process 7 (nc)".into() },
                Evidence { place: "storm.yaml:5".into(), text: "names it".into() },
            ],
            cause: Some("one slot less".into()),
            repair: Some(Repair { command: command.into(), apply: apply.then(|| vec!["start".into()]), confirm: None }),
        }
    }

    #[test]
    fn the_text_has_evidence_cause_and_fix() {
        let found = Examination {
            verdict: "1 error, 0 warnings, 0 notes".into(),
            findings: vec![finding(Severity::Error, "kill 7", false)],
            unread: vec![Unread { source: "nimbus", place: "h:6627".into(), cause: "refused".into() }],
            ..Examination::default()
        };
        assert_eq!(
            found.text(false),
            "1 error, 0 warnings, 0 notes\n\n\
             FAIL  ports/slot-taken  port 6700 is held by process 7 (nc)\n\
             \x20     h:6700        held by process 7 (nc)\n\
             \x20     storm.yaml:5  names it\n\
             \x20     why: one slot less\n\
             \x20     fix: kill 7\n\n\
             ?     nimbus at h:6627 could not be read: refused\n"
        );
        assert_eq!(found.fields()["items"][0]["repair"], json!({"command": "kill 7", "apply": null, "confirm": null}));
    }

    #[test]
    fn a_proposal_names_each_command_once_and_says_what_is_left_to_people() {
        let findings = vec![
            finding(Severity::Error, "stormctl start nimbus", true),
            finding(Severity::Warning, "stormctl start nimbus", true),
            finding(Severity::Warning, "kill 7", false),
        ];
        let found = Examination { findings, ..Examination::default() };
        let message = "# ports/slot-taken: port 6700 is held by process 7 (nc)\n";
        assert_eq!(
            Proposal(&found).text(false),
            format!("{message}stormctl start nimbus\n{message}# by hand: kill 7\n")
        );
        assert_eq!(count(&found.findings), "1 error, 2 warnings, 0 notes");
        assert_eq!(Proposal(&Examination::default()).text(false), "# nothing to repair\n");
    }
}
