//! `stormctl set-log-level`: levels of loggers in the workers of a topology.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, json};
use storm_thrift::types::{LogConfig, LogLevel, LogLevelAction};

use crate::change::Change;
use crate::cli;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

use super::topology;

const LEVELS: [&str; 8] = ["ALL", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF"];

pub async fn run(ctx: &Context, args: &cli::storm::SetLogLevel) -> Result<(), Failure> {
    let config = log_config(args)?;
    ctx.within(Duration::from_secs(30), async {
        let mut nimbus = ctx.nimbus().await?;
        let topology = topology::find(&mut nimbus, &args.name).await?;
        if !args.dry.dry_run {
            nimbus.set_log_config(topology.id.clone(), config.clone()).await?;
        }
        let levels = config.named_logger_level.iter().flatten();
        let text =
            levels.clone().map(|(logger, level)| match (&level.target_log_level, level.reset_log_level_timeout_secs) {
                (Some(to), Some(secs)) if secs > 0 => format!("{logger} {to} for {secs} s"),
                (Some(to), _) => format!("{logger} {to}"),
                (None, _) => format!("{logger} as before"),
            });
        let text: Vec<String> = text.collect();
        let verb = if args.dry.dry_run { "would log" } else { "logs" };
        let json = levels.map(|(logger, level)| {
            json!({"logger": logger, "level": level.target_log_level, "seconds": level.reset_log_level_timeout_secs})
        });
        ctx.printer.show(&Change {
            action: "set-log-level",
            message: format!("{} {verb}: {}", topology.name, text.join(", ")),
            next: Some(format!("stormctl logs {} -f", topology.name)),
            names: vec![topology.name],
            details: Map::from_iter([
                ("levels".to_owned(), json.collect()),
                ("dry_run".to_owned(), json!(args.dry.dry_run)),
            ]),
        })
    })
    .await
}

fn log_config(args: &cli::storm::SetLogLevel) -> Result<LogConfig, Failure> {
    let usage = |text: String| {
        Failure::new(Exit::Usage, "usage/log-level", text).hint("stormctl set-log-level NAME -l ROOT=DEBUG:30")
    };
    if args.levels.is_empty() && args.remove.is_empty() {
        return Err(usage("no logger is named: neither -l nor -r is there".to_owned()));
    }
    let mut levels = BTreeMap::new();
    for text in &args.levels {
        let Some((logger, value)) = text.split_once('=').filter(|(logger, _)| !logger.is_empty()) else {
            return Err(usage(format!("\"{text}\" is not LOGGER=LEVEL or LOGGER=LEVEL:SECS")));
        };
        let (level, secs) = match value.split_once(':') {
            None => (value, 0),
            Some((level, secs)) => {
                let secs: i32 = secs.parse().map_err(|_| usage(format!("\"{secs}\" is no number of seconds")))?;
                (level, secs)
            }
        };
        let level = level.to_uppercase();
        if !LEVELS.contains(&level.as_str()) {
            return Err(usage(format!("\"{level}\" is no level; there are {}", LEVELS.join(", "))));
        }
        let update = LogLevel {
            action: LogLevelAction::Update,
            target_log_level: Some(level),
            reset_log_level_timeout_secs: Some(secs),
            reset_log_level_timeout_epoch: None,
            reset_log_level: None,
        };
        levels.insert(logger.to_owned(), update);
    }
    for logger in &args.remove {
        let remove = LogLevel {
            action: LogLevelAction::Remove,
            target_log_level: None,
            reset_log_level_timeout_secs: None,
            reset_log_level_timeout_epoch: None,
            reset_log_level: None,
        };
        levels.insert(logger.clone(), remove);
    }
    Ok(LogConfig { named_logger_level: Some(levels) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(levels: &[&str], remove: &[&str]) -> cli::storm::SetLogLevel {
        let owned = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
        cli::storm::SetLogLevel {
            name: "t".into(),
            levels: owned(levels),
            remove: owned(remove),
            dry: cli::storm::DryRun::default(),
        }
    }

    #[test]
    fn levels_as_storms_parser_reads_them() {
        let config = log_config(&args(&["ROOT=debug:30", "a.B=WARN"], &["c"])).unwrap();
        let levels = config.named_logger_level.unwrap();
        assert_eq!(levels["ROOT"].target_log_level.as_deref(), Some("DEBUG"));
        assert_eq!(levels["ROOT"].reset_log_level_timeout_secs, Some(30));
        assert_eq!(levels["a.B"].reset_log_level_timeout_secs, Some(0));
        assert_eq!(levels["c"].action, LogLevelAction::Remove);
        for wrong in ["ROOT", "ROOT=LOUD", "ROOT=INFO:soon", "=INFO"] {
            assert_eq!(log_config(&args(&[wrong], &[])).unwrap_err().exit, Exit::Usage, "{wrong}");
        }
        assert_eq!(log_config(&args(&[], &[])).unwrap_err().exit, Exit::Usage);
    }
}
