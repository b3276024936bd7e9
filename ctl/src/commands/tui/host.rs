//! This host: its processes, its configuration, and what the rules find.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use storm_conf::{LoadOptions, Place, Reader};
use storm_doctor::gather::{Request, gather};
use storm_machine::jps::{self, Seen};
use storm_tui::Data;
use storm_tui::data::{Finding, Process, Setting, Settings, Severity};

use super::fleet::Fleet;
use super::sources::Ask;
use crate::cli::Global;
use crate::commands::config::{lint, place, values};
use crate::context::Context;

/// Less than a question may take in all.
const LOOK: Duration = Duration::from_secs(7);

/// What is asked of this host.
pub enum About {
    Processes,
    Config,
    Findings,
}

pub struct HostAsk {
    pub ctx: Arc<Context>,
    pub what: About,
    /// Other hosts, where they are asked for, and how long they are waited for.
    pub fleet: Option<(Fleet, Duration)>,
}

impl Ask for HostAsk {
    async fn ask(&mut self) -> Result<Data, String> {
        match self.what {
            About::Processes => {
                let mut all = processes().await?;
                if let Some((fleet, patience)) = &mut self.fleet {
                    all.extend(fleet.processes(*patience).await);
                }
                Ok(Data::Processes(all))
            }
            About::Config => settings(self.ctx.clone()).await,
            About::Findings => findings(&self.ctx).await,
        }
    }
}

async fn off_loop<T: Send + 'static>(work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|e| e.to_string())?
}

async fn processes() -> Result<Vec<Process>, String> {
    off_loop(|| {
        let me = std::process::id() as i32;
        let all = jps::list(&std::env::temp_dir(), true);
        Ok(all.iter().filter(|p| p.pid != me).map(process).collect())
    })
    .await
}

pub fn process(seen: &Seen) -> Process {
    Process {
        pid: seen.pid,
        name: seen.short().unwrap_or_default().to_owned(),
        role: seen.role.clone(),
        java: seen.java,
        topology: seen.slot.as_ref().map_or_else(String::new, |s| s.topology.clone()),
        slot: seen.slot.as_ref().and_then(|s| s.port).map(i64::from),
        uptime_secs: seen.uptime_secs,
        resident_bytes: seen.resident_bytes,
        cpu_ms: seen.cpu_secs.map(|secs| (secs * 1000.0) as u64),
        orphan: seen.orphan.is_some(),
        start_ticks: seen.start_ticks,
        ..Process::default()
    }
}

fn load_options(ctx: &Context) -> LoadOptions {
    LoadOptions {
        file: ctx.file.clone().or_else(|| ctx.global.config.clone()),
        overrides: ctx.global.overrides(),
        reader: Reader::Operator,
        ..LoadOptions::default()
    }
}

async fn settings(ctx: Arc<Context>) -> Result<Data, String> {
    off_loop(move || {
        let file = ctx.file.as_deref().map(Path::display).map(|p| p.to_string());
        let mistakes = mistakes(&ctx);
        let settings = match storm_conf::load_from(&load_options(&ctx)) {
            Ok(loaded) => {
                let setting = |(key, value): (&String, &Value)| match loaded.origins.get(key) {
                    // As `lint` names it.
                    Some(Place::File { path, line, column }) => {
                        setting(key, value, &format!("{}:{line}:{column}", place::shown(path)))
                    }
                    Some(option) => setting(key, value, &option.to_string()),
                    None => setting(key, value, "default"),
                };
                loaded.conf.map().iter().map(setting).collect()
            }
            // The daemons would not start with it; what was read at the start is what is shown.
            Err(_) => ctx.conf.map().iter().map(|(k, v)| setting(k, v, "as it was at the start")).collect(),
        };
        Ok(Data::Config(Settings { file, settings, mistakes }))
    })
    .await
}

/// What `stormctl config lint` says, worst first.
fn mistakes(ctx: &Context) -> Vec<Finding> {
    let global = Global { config: ctx.file.clone().or_else(|| ctx.global.config.clone()), ..ctx.global.clone() };
    let mut found = Vec::new();
    let mut subjects = Vec::new();
    for path in lint::of_this_machine(&global, false) {
        match place::look(&path) {
            Ok(subject) => subjects.push(subject),
            Err(failure) => found.extend(failure.faults.iter().map(|fault| Finding {
                severity: Severity::Error,
                code: fault.code.clone(),
                message: format!("{}: {}", path.display(), fault.message),
                evidence: fault.evidence.clone(),
                fix: fault.hint.clone(),
            })),
        }
    }
    let all = storm_lint::lint(&subjects, &storm_machine::facts::of_this_machine(&subjects));
    found.extend(all.into_iter().map(|f| Finding {
        severity: match f.level {
            storm_lint::Level::Note => Severity::Info,
            storm_lint::Level::Warning => Severity::Warning,
            storm_lint::Level::Error => Severity::Error,
        },
        code: f.code.to_owned(),
        message: format!("{}: {}", lint::place_of(&f), f.message),
        evidence: f.found.iter().map(|found| format!("found {found}")).collect(),
        fix: match &f.fix {
            Some(fix) => Some(format!("stormctl config lint --fix      {}", fix.what)),
            None => f.hint.clone(),
        },
    }));
    found.sort_by_key(|f| std::cmp::Reverse(f.severity));
    found
}

/// A secret is nobody's business, a screen share's least of all.
fn setting(key: &str, value: &Value, source: &str) -> Setting {
    let value = match values::guarded(key, value, false) {
        Value::String(text) => text,
        other => other.to_string(),
    };
    Setting { key: key.to_owned(), value, source: source.to_owned() }
}

async fn findings(ctx: &Context) -> Result<Data, String> {
    let options = load_options(ctx);
    let mut request = off_loop(move || Ok(Request::of(&options))).await?;
    request.limit = LOOK;
    let facts = gather(request).await;
    let finding = |f: storm_doctor::Finding| Finding {
        severity: match f.severity {
            storm_doctor::Severity::Info => Severity::Info,
            storm_doctor::Severity::Warning => Severity::Warning,
            storm_doctor::Severity::Error => Severity::Error,
        },
        code: f.code.to_owned(),
        message: format!("{}: {}", f.subject, f.message),
        evidence: f.evidence.iter().map(ToString::to_string).chain(f.cause).collect(),
        fix: f.repair.map(|r| r.command),
    };
    Ok(Data::Findings(storm_doctor::examine(&facts).into_iter().map(finding).collect()))
}
