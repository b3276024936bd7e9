//! This host: its processes, its configuration, and what the rules find.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use serde_json::Value;
use storm_conf::{LoadOptions, Reader};
use storm_doctor::gather::{Request, gather};
use storm_tui::Data;
use storm_tui::data::{Finding, Process, Setting, Settings, Severity};

use super::sources::Ask;
use crate::cli::{Cli, Verb};
use crate::context::Context;
use crate::jps;
use crate::printer::Report;
use crate::process::Entry;

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
}

impl Ask for HostAsk {
    async fn ask(&mut self) -> Result<Data, String> {
        match self.what {
            About::Processes => processes().await,
            About::Config => config(self.ctx.clone()).await,
            About::Findings => findings(&self.ctx).await,
        }
    }
}

async fn off_loop<T: Send + 'static>(work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|e| e.to_string())?
}

async fn processes() -> Result<Data, String> {
    off_loop(|| {
        // The flags of a plain `jps`, from their only home.
        let cli = Cli::try_parse_from(["stormctl", "jps"]).map_err(|e| e.to_string())?;
        let Verb::Jps(args) = cli.verb else { return Err("jps is no verb any more".to_owned()) };
        let me = std::process::id() as i32;
        let all = jps::list(&args, &std::env::temp_dir(), true).items();
        Ok(Data::Processes(all.iter().map(process).filter(|p| p.pid != me).collect()))
    })
    .await
}

fn process(item: &Value) -> Process {
    let text = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
    let pid = item["pid"].as_i64().and_then(|p| i32::try_from(p).ok()).unwrap_or(0);
    Process {
        pid,
        name: text("name"),
        role: text("role"),
        java: text("kind") == "java",
        topology: text("topology"),
        slot: item["slot"].as_i64(),
        uptime_secs: item["uptime_secs"].as_i64(),
        resident_bytes: item["resident_bytes"].as_u64(),
        cpu_ms: cpu_ms(pid),
        orphan: item["orphan"].as_bool().unwrap_or(false),
        start_ticks: Entry::of(pid).map_or(0, |e| e.start_ticks),
    }
}

/// Processor time of a process, user and system.
fn cpu_ms(pid: i32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(ticks * 1000 / rustix::param::clock_ticks_per_second().max(1))
}

fn load_options(ctx: &Context) -> LoadOptions {
    LoadOptions {
        file: ctx.file.clone().or_else(|| ctx.global.config.clone()),
        overrides: ctx.global.overrides(),
        reader: Reader::Operator,
        ..LoadOptions::default()
    }
}

async fn config(ctx: Arc<Context>) -> Result<Data, String> {
    off_loop(move || {
        let mistake = |m: &storm_conf::Mistake, severity| Finding {
            severity,
            code: m.code.to_owned(),
            message: m.message.clone(),
            evidence: vec![format!("{}  {}", m.place, m.found.as_deref().unwrap_or_default())],
            fix: m.fix.clone(),
        };
        let file = ctx.file.as_deref().map(Path::display).map(|p| p.to_string());
        let loaded = match storm_conf::load_from(&load_options(&ctx)) {
            Ok(loaded) => loaded,
            // The daemons would not start with it; what was read at the start is what is shown.
            Err(errors) => {
                let mistakes = errors.mistakes.iter().map(|m| mistake(m, Severity::Error)).collect();
                let settings = ctx.conf.map().iter().map(|(k, v)| setting(k, v, "as it was at the start")).collect();
                return Ok(Data::Config(Settings { file, settings, mistakes }));
            }
        };
        let settings = loaded.conf.map().iter().map(|(key, value)| match loaded.origins.get(key) {
            Some(place) => setting(key, value, &place.to_string()),
            None => setting(key, value, "default"),
        });
        Ok(Data::Config(Settings {
            settings: settings.collect(),
            mistakes: loaded.warnings.iter().map(|m| mistake(m, Severity::Warning)).collect(),
            file,
        }))
    })
    .await
}

/// A secret is nobody's business, a screen share's least of all.
fn setting(key: &str, value: &Value, source: &str) -> Setting {
    let lower = key.to_lowercase();
    let secret = ["password", "payload", "secret"].iter().any(|w| lower.contains(w)) && value.is_string();
    let value = match value {
        _ if secret => "(hidden)".to_owned(),
        Value::String(text) => text.clone(),
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
