//! Levels of a topology's loggers.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use storm_thrift::types::{LogConfig, LogLevel, LogLevelAction};

const MEMBER: &str = "namedLoggerLevels";
const LEVELS: [&str; 8] = ["ALL", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF"];

pub fn levels(config: &LogConfig) -> Value {
    let level = |l: &LogLevel| {
        json!({
            "target_level": l.target_log_level,
            "reset_level": l.reset_log_level,
            "timeout": l.reset_log_level_timeout_secs.unwrap_or(0),
            "timeout_epoch": l.reset_log_level_timeout_epoch.unwrap_or(0),
        })
    };
    let all = config.named_logger_level.iter().flatten().map(|(name, l)| (name.clone(), level(l)));
    json!({ MEMBER: all.collect::<Map<String, Value>>() })
}

/// The change that the body of a request describes.
pub fn change_of(body: &[u8]) -> Result<LogConfig, String> {
    let body: Value = serde_json::from_slice(body).map_err(|e| format!("the body is no JSON: {e}"))?;
    let wanted = body.get(MEMBER).and_then(Value::as_object).ok_or_else(|| format!("the body has no {MEMBER}"))?;
    let mut all = BTreeMap::new();
    for (logger, change) in wanted {
        let secs = match change.get("timeout") {
            None | Some(Value::Null) => 0,
            Some(secs) => secs
                .as_i64()
                .and_then(|s| i32::try_from(s).ok())
                .filter(|s| *s >= 0)
                .ok_or_else(|| format!("{logger}: timeout is {secs}; a number of seconds is expected"))?,
        };
        let level = match change.get("target_level") {
            None | Some(Value::Null) => LogLevel { action: LogLevelAction::Remove, ..LogLevel::default() },
            Some(Value::String(level)) if LEVELS.contains(&level.to_ascii_uppercase().as_str()) => LogLevel {
                action: LogLevelAction::Update,
                target_log_level: Some(level.to_ascii_uppercase()),
                reset_log_level_timeout_secs: Some(secs),
                ..LogLevel::default()
            },
            Some(other) => return Err(format!("{logger}: {other} is no level; there are {}", LEVELS.join(", "))),
        };
        all.insert(logger.clone(), level);
    }
    Ok(LogConfig { named_logger_level: Some(all) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_set_or_taken_away() {
        let body = br#"{"namedLoggerLevels":{"a":{"target_level":"debug","timeout":30},"b":{"target_level":null}}}"#;
        let change = change_of(body).unwrap();
        let all = change.named_logger_level.clone().unwrap();
        assert_eq!((all["a"].action, all["b"].action), (LogLevelAction::Update, LogLevelAction::Remove));
        assert_eq!(
            levels(&change)[MEMBER]["a"],
            json!({"target_level": "DEBUG", "reset_level": null, "timeout": 30, "timeout_epoch": 0})
        );
        for bad in [
            &b"{"[..],
            b"{}",
            br#"{"namedLoggerLevels":{"a":{"target_level":"LOUD"}}}"#,
            br#"{"namedLoggerLevels":{"a":{"timeout":-1}}}"#,
        ] {
            assert!(change_of(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }
}
