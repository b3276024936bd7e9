//! `stormctl config lint`.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use storm_conf::{Conf, Level as LoadLevel};
use storm_lint::store::Written;
use storm_lint::{Finding, Format, Level, Subject, lint, mend};
use storm_machine::facts;

use super::place;
use crate::cli::Global;
use crate::cli::config::Lint;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{Printer, Report};

const STDIN: &str = "-";

pub fn run(printer: Printer, global: &Global, args: &Lint) -> Result<(), Failure> {
    for code in &args.allow {
        if storm_lint::code(code).is_none() {
            let failure = Failure::new(Exit::Usage, "usage/allow", format!("there is no code {code}"));
            let near = storm_conf::nearest(code, storm_lint::CODES.iter().map(|c| c.code));
            return Err(near.iter().fold(failure, |f, near| f.hint(format!("did you mean {near}?"))));
        }
    }
    let subjects = subjects(&printer, global, args)?;
    if args.fix { fix(printer, args, subjects) } else { look(printer, args, &subjects) }
}

fn look(printer: Printer, args: &Lint, subjects: &[Subject]) -> Result<(), Failure> {
    let findings = allowed(args, lint(subjects, &facts::of_this_machine(subjects)));
    let counts = findings.iter().any(Finding::counts);
    printer.show(&Linted { files: files(subjects), findings, mended: Vec::new(), dry_run: false })?;
    if counts { Err(Failure::shown(Exit::Findings)) } else { Ok(()) }
}

/// Mends one file after the other; each is written only if it loads then.
fn fix(printer: Printer, args: &Lint, mut subjects: Vec<Subject>) -> Result<(), Failure> {
    let host = facts::of_this_machine(&subjects);
    let mut mended_all = Vec::new();
    for which in 0..subjects.len() {
        let path = subjects[which].path.clone();
        let mended = mend(&subjects, which, &host, &args.allow);
        if mended.mended.is_empty() {
            continue;
        }
        if path == Path::new(STDIN) {
            return Err(Failure::new(Exit::Usage, "usage/fix", "the standard input cannot be mended: name a file"));
        }
        let old = subjects[which].text.as_str().to_owned();
        if !loads(&path, &mended.text) {
            printer.note(&format!(
                "{}: {} of its mistakes can be mended, but nothing was written: it would not load before the rest is mended by hand",
                place::shown(&path),
                mended.mended.len()
            ));
            continue;
        }
        if args.dry_run {
            printer.note(place::difference(&old, &mended.text, &place::shown(&path)).trim_end());
        } else {
            let file = place::read(&path)?;
            if file.text().map_err(|e| place::store_failure(&e))? != old {
                return Err(Failure::new(
                    Exit::Conflict,
                    "config/changed",
                    format!("{} was changed meanwhile", place::shown(&path)),
                ));
            }
            if let Written::Replaced { backup } = place::write(&file, &mended.text, "lint --fix")? {
                printer.note(&format!("{}: mended; backup: {}", place::shown(&path), place::shown(&backup)));
            }
        }
        subjects[which] = subjects[which].with_text(mended.text);
        mended_all.extend(mended.mended);
    }
    let findings = allowed(args, lint(&subjects, &host));
    let counts = findings.iter().any(Finding::counts);
    printer.show(&Linted { files: files(&subjects), findings, mended: mended_all, dry_run: args.dry_run })?;
    if counts { Err(Failure::shown(Exit::Findings)) } else { Ok(()) }
}

/// Whether a daemon would start with this text.
fn loads(path: &Path, text: &str) -> bool {
    Format::of(path) != Format::Storm
        || !storm_conf::check(path, text).iter().any(|(level, _)| *level == LoadLevel::Error)
}

fn allowed(args: &Lint, findings: Vec<Finding>) -> Vec<Finding> {
    findings.into_iter().filter(|f| !args.allow.iter().any(|a| a == f.code)).collect()
}

fn files(subjects: &[Subject]) -> Vec<String> {
    subjects.iter().map(|s| place::shown(&s.path)).collect()
}

/// The files that are named, else those of this machine.
fn subjects(printer: &Printer, global: &Global, args: &Lint) -> Result<Vec<Subject>, Failure> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for named in &args.files {
        if named == Path::new(STDIN) || !named.is_dir() {
            paths.push(named.clone());
            continue;
        }
        let inside = ["storm.yaml", "zoo.cfg"].iter().map(|n| named.join(n)).filter(|p| p.is_file());
        paths.extend(inside.chain(xml_files(named)));
    }
    if args.files.is_empty() {
        if place::storm_yaml(global, args.daemon).is_none() {
            printer.note("there is no storm.yaml, so Storm's defaults count");
        }
        paths = of_this_machine(global, args.daemon);
    }
    paths.iter().map(|path| if path == Path::new(STDIN) { stdin() } else { place::look(path) }).collect()
}

/// storm.yaml, zoo.cfg beside it, and the files of the loggers, as far as they are there.
pub fn of_this_machine(global: &Global, daemon: bool) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = place::storm_yaml(global, daemon).into_iter().collect();
    let zoo = place::zoo_cfg(global);
    if zoo.is_file() && !paths.contains(&zoo) {
        paths.push(zoo);
    }
    paths.extend(log_folder(global, daemon).iter().flat_map(|dir| xml_files(dir)));
    paths
}

fn stdin() -> Result<Subject, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).map_err(|e| Failure::io("cannot read the standard input", &e))?;
    Ok(Subject::new(STDIN, String::from_utf8_lossy(&bytes).into_owned()))
}

/// Where the log4j2 files are, as far as a file that may be broken says.
fn log_folder(global: &Global, daemon: bool) -> Option<PathBuf> {
    const KEY: &str = "storm.log4j2.conf.dir";
    let home = storm_conf::Environment::of_process().home();
    let own = place::storm_yaml(global, daemon).and_then(|p| storm_conf::read_file(&p).ok());
    let root = own.and_then(|(text, _)| storm_conf::read_yaml(&text).0);
    let value = root.as_ref().and_then(|r| r.entry(KEY)).map(|e| e.value.to_value());
    let folder = value.or_else(|| Conf::shared_defaults().get(KEY).cloned())?;
    Some(home.join(folder.as_str()?)).filter(|p| p.is_dir())
}

fn xml_files(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut files: Vec<PathBuf> =
        entries.flatten().map(|e| e.path()).filter(|p| Format::of(p) == Format::Log4j && p.is_file()).collect();
    files.sort();
    files
}

struct Linted {
    files: Vec<String>,
    findings: Vec<Finding>,
    mended: Vec<Finding>,
    dry_run: bool,
}

impl Linted {
    fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|f| f.level == level).count()
    }

    fn summary(&self) -> String {
        let some = |n: usize, what: &str| match n {
            0 => None,
            1 => Some(format!("1 {what}")),
            n => Some(format!("{n} {what}s")),
        };
        let parts: Vec<String> = [(Level::Error, "error"), (Level::Warning, "warning"), (Level::Note, "note")]
            .iter()
            .filter_map(|(level, what)| some(self.count(*level), what))
            .collect();
        let files = self.files.join(", ");
        if parts.is_empty() {
            return format!("nothing is wrong with {files}\n");
        }
        let fixable = self.findings.iter().filter(|f| f.fix.is_some()).count();
        let mend = if fixable > 0 { format!("; --fix mends {fixable}") } else { String::new() };
        format!("{}{mend}\n", parts.join(", "))
    }
}

/// Where it is, as editors and people read it.
pub fn place_of(f: &Finding) -> String {
    let path = place::shown(&f.path);
    if f.mark.line == 0 { path } else { format!("{path}:{}:{}", f.mark.line, f.mark.column) }
}

pub fn json(f: &Finding) -> Value {
    let related = f
        .related
        .as_ref()
        .map(|(path, mark, what)| json!({"path": path, "line": mark.line, "column": mark.column, "what": what}));
    json!({
        "code": f.code,
        "level": f.level.word(),
        "path": f.path,
        "line": f.mark.line,
        "column": f.mark.column,
        "message": f.message,
        "found": f.found,
        "related": related,
        "fix": f.fix.as_ref().map(|x| x.what.as_str()),
        "hint": f.hint,
    })
}

/// One finding for people.
pub fn text(f: &Finding) -> String {
    let found = f.found.as_ref().map(|x| format!(", found {x}")).unwrap_or_default();
    let mut text = format!("{}: {}[{}]: {}{found}\n", place_of(f), f.level, f.code, f.message);
    if let Some((path, mark, what)) = &f.related {
        text.push_str(&format!("  see {}:{}:{} ({what})\n", place::shown(path), mark.line, mark.column));
    }
    if let Some(fix) = &f.fix {
        text.push_str(&format!("  fix: {}\n", fix.what));
    } else if let Some(hint) = &f.hint {
        text.push_str(&format!("  hint: {hint}\n"));
    }
    text
}

impl Report for Linted {
    const KIND: &'static str = "ConfigFindings";

    fn fields(&self) -> Map<String, Value> {
        let fields = json!({
            "files": self.files,
            "items": self.items(),
            "mended": self.mended.iter().map(json).collect::<Vec<_>>(),
            "dry_run": self.dry_run,
            "errors": self.count(Level::Error),
            "warnings": self.count(Level::Warning),
            "notes": self.count(Level::Note),
        });
        fields.as_object().cloned().unwrap_or_default()
    }

    fn items(&self) -> Vec<Value> {
        self.findings.iter().map(json).collect()
    }

    fn text(&self, wide: bool) -> String {
        let mut out = String::new();
        for f in &self.mended {
            let done = if self.dry_run { "would be mended" } else { "mended" };
            let what = f.fix.as_ref().map_or("", |x| x.what.as_str());
            out.push_str(&format!("{}: {done}[{}]: {what}\n", place_of(f), f.code));
        }
        for f in &self.findings {
            out.push_str(&text(f));
            if let Some(code) = storm_lint::code(f.code).filter(|_| wide) {
                out.push_str(&format!("  why: {}\n", code.why));
            }
        }
        out + &self.summary()
    }

    fn names(&self) -> Vec<String> {
        self.findings.iter().map(place_of).collect()
    }
}
