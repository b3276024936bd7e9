//! `worker.log`: Storm's line format, and levels that can be changed while the worker runs.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Mutex;

use storm_thrift::types::{LogConfig, LogLevelAction};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, reload};

use crate::clock::since_epoch;
use crate::rolling::{MAX_BYTES, MAX_FILES, RollingFile};

/// Changes the levels of a running worker.
#[derive(Clone)]
pub struct LogLevels {
    handle: Option<reload::Handle<Targets, Registry>>,
}

impl LogLevels {
    /// For a worker whose logs somebody else takes.
    pub fn fixed() -> LogLevels {
        LogLevels { handle: None }
    }

    pub(crate) fn apply(&self, levels: &BTreeMap<String, LevelFilter>) {
        let Some(handle) = &self.handle else { return };
        if let Err(error) = handle.reload(targets(levels)) {
            tracing::warn!(%error, "log levels cannot be changed");
        }
    }
}

/// Sends all that this process logs, panics too, to the file.
pub fn start(path: &Path) -> io::Result<LogLevels> {
    let file = RollingFile::open(path, MAX_BYTES, MAX_FILES)?;
    let (filter, handle) = reload::Layer::new(targets(&BTreeMap::new()));
    let lines = tracing_subscriber::fmt::layer().event_format(StormLine).with_ansi(false).with_writer(Mutex::new(file));
    tracing_subscriber::registry().with(lines.with_filter(filter)).try_init().map_err(io::Error::other)?;
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    Ok(LogLevels { handle: Some(handle) })
}

/// Levels by logger; `ROOT` is everything else.
fn targets(levels: &BTreeMap<String, LevelFilter>) -> Targets {
    let mut targets = Targets::new().with_default(LevelFilter::INFO);
    for (logger, level) in levels {
        targets =
            if logger == "ROOT" { targets.with_default(*level) } else { targets.with_target(logger.clone(), *level) };
    }
    targets
}

/// The levels that a configuration asks for at this moment (in milliseconds since 1970), and when that changes next.
pub(crate) fn levels_at(config: &LogConfig, now_ms: i64) -> (BTreeMap<String, LevelFilter>, Option<i64>) {
    let mut levels = BTreeMap::new();
    let mut next = None;
    for (logger, level) in config.named_logger_level.iter().flatten() {
        if level.action != LogLevelAction::Update {
            continue;
        }
        let ends = level.reset_log_level_timeout_epoch.filter(|at| *at > 0);
        let name = match ends {
            Some(at) if at <= now_ms => level.reset_log_level.as_deref(),
            _ => {
                next = [next, ends].into_iter().flatten().min();
                level.target_log_level.as_deref()
            }
        };
        if let Some(filter) = name.and_then(level_filter) {
            levels.insert(logger.clone(), filter);
        }
    }
    (levels, next)
}

fn level_filter(name: &str) -> Option<LevelFilter> {
    Some(match name.to_ascii_uppercase().as_str() {
        "OFF" => LevelFilter::OFF,
        "FATAL" | "ERROR" => LevelFilter::ERROR,
        "WARN" => LevelFilter::WARN,
        "INFO" => LevelFilter::INFO,
        "DEBUG" => LevelFilter::DEBUG,
        "TRACE" | "ALL" => LevelFilter::TRACE,
        _ => return None,
    })
}

/// `2024-05-01 12:00:00.000 storm_worker main [INFO] text`, in UTC.
struct StormLine;

impl<S, N> FormatEvent<S, N> for StormLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let meta = event.metadata();
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or("-");
        write!(out, "{} {} {thread} [{}] ", utc(since_epoch().as_millis() as i64), meta.target(), meta.level())?;
        ctx.format_fields(out.by_ref(), event)?;
        writeln!(out)
    }
}

fn utc(ms: i64) -> String {
    let (days, of_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    // Days to a civil date: years begin in March, so that the leap day comes last.
    let z = days + 719_468;
    let (era, doe) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    let (secs, millis) = (of_day / 1000, of_day % 1000);
    let (h, m, s) = (secs / 3600, secs % 3600 / 60, secs % 60);
    format!("{year:04}-{month:02}-{day:02} {h:02}:{m:02}:{s:02}.{millis:03}")
}

#[cfg(test)]
mod tests {
    use storm_thrift::types::LogLevel;

    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // `date -u -d @N '+%F %T'`
        assert_eq!(utc(0), "1970-01-01 00:00:00.000");
        assert_eq!(utc(951_782_400_007), "2000-02-29 00:00:00.007");
        assert_eq!(utc(1_795_600_917_123), "2026-11-25 10:01:57.123");
    }

    #[test]
    fn levels_last_until_their_time() {
        let level = |target: &str, until| LogLevel {
            action: LogLevelAction::Update,
            target_log_level: Some(target.to_owned()),
            reset_log_level_timeout_epoch: until,
            reset_log_level: Some("WARN".to_owned()),
            ..LogLevel::default()
        };
        let mut named = BTreeMap::from([
            ("ROOT".to_owned(), level("DEBUG", Some(1_000))),
            ("storm_engine".to_owned(), level("trace", None)),
            ("odd".to_owned(), level("LOUD", None)),
        ]);
        named.insert("left".to_owned(), LogLevel { action: LogLevelAction::Unchanged, ..level("DEBUG", None) });
        let config = LogConfig { named_logger_level: Some(named) };
        let expect =
            |root| BTreeMap::from([("ROOT".to_owned(), root), ("storm_engine".to_owned(), LevelFilter::TRACE)]);
        assert_eq!(levels_at(&config, 999), (expect(LevelFilter::DEBUG), Some(1_000)));
        assert_eq!(levels_at(&config, 1_000), (expect(LevelFilter::WARN), None));
        assert_eq!(levels_at(&LogConfig::default(), 0), (BTreeMap::new(), None));
    }
}
