//! What the configuration says about the log viewer, checked as a whole before anything is bound.

use std::path::PathBuf;
use std::time::Duration;

use storm_conf::Conf;
use storm_http::{HttpError, Listen};

use crate::clean::Limits;
use crate::root::Root;

/// As the UI; Storm has no key of its own for the log viewer's.
const HEADER_BYTES: usize = 4096;
const MEGABYTE: f64 = 1024.0 * 1024.0;

#[derive(Debug)]
pub struct Settings {
    pub listen: Listen,
    pub header_bytes: usize,
    /// The logs of workers, by topology and port.
    pub workers: Root,
    /// The logs of daemons.
    pub daemons: Root,
    /// By which name other hosts reach this one.
    pub host: String,
    pub cleaning: Option<Cleaning>,
}

/// When old logs go.
#[derive(Debug, Clone)]
pub struct Cleaning {
    pub every: Duration,
    pub limits: Limits,
    /// Where the supervisor has a folder for each worker.
    pub workers_dir: PathBuf,
    pub artifacts: PathBuf,
}

impl Settings {
    pub fn of(conf: &Conf) -> Result<Settings, HttpError> {
        let mut mistakes = Vec::new();
        let listen = Listen::of(conf, "logviewer.port", 8000, None, &mut mistakes);
        for key in ["logviewer.filter", "ui.filter"] {
            if conf.str(key).is_some_and(|f| !f.is_empty()) {
                mistakes.push(format!(
                    "{key} names a servlet filter, which only a JVM runs: remove it, and let a proxy in front of this log \
                     viewer ask who comes"
                ));
            }
        }
        if conf.int("logviewer.https.port").is_some_and(|p| p > 0) {
            mistakes.push(
                "logviewer.https.port asks for TLS, which this log viewer leaves to a proxy in front of it: remove the key"
                    .to_owned(),
            );
        }
        let cleaning = cleaning(conf, &mut mistakes);
        if !mistakes.is_empty() {
            return Err(HttpError::Config { mistakes });
        }
        Ok(Settings {
            listen,
            header_bytes: HEADER_BYTES,
            workers: Root::new(conf.artifacts_dir()),
            daemons: Root::new(conf.log_dir()),
            host: conf.hostname(),
            cleaning,
        })
    }
}

fn cleaning(conf: &Conf, mistakes: &mut Vec<String>) -> Option<Cleaning> {
    let every = conf.int("logviewer.cleanup.interval.secs");
    let mut positive = |key: &str, usual: f64| match conf.float(key) {
        None => usual,
        Some(number) if number > 0.0 => number,
        Some(number) => {
            mistakes.push(format!("{key} is {number}; it must be more than 0"));
            usual
        }
    };
    let age_mins = positive("logviewer.cleanup.age.mins", 10_080.0);
    let each = positive("logviewer.max.per.worker.logs.size.mb", 2048.0);
    let sum = positive("logviewer.max.sum.worker.logs.size.mb", 4096.0);
    let every = every.and_then(|secs| {
        if secs <= 0 {
            mistakes.push(format!("logviewer.cleanup.interval.secs is {secs}; it must be more than 0"));
        }
        u64::try_from(secs).ok().filter(|secs| *secs > 0)
    })?;
    Some(Cleaning {
        every: Duration::from_secs(every),
        limits: Limits {
            age: Duration::from_secs_f64(age_mins * 60.0),
            // A host's other worker may need the rest: one never gets more than half of all.
            each: (each.min(sum * 0.5) * MEGABYTE) as u64,
            sum: (sum * MEGABYTE) as u64,
        },
        workers_dir: conf.local_dir().join("workers"),
        artifacts: conf.artifacts_dir(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn settings(key: &str, value: Value) -> Result<Settings, HttpError> {
        let mut conf = Conf::defaults();
        conf.set(key, value);
        Settings::of(&conf)
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        for (key, value) in [
            ("logviewer.filter", json!("org.example.Filter")),
            ("logviewer.https.port", json!(8443)),
            ("logviewer.port", json!(-1)),
            ("logviewer.cleanup.age.mins", json!(0)),
            ("logviewer.cleanup.interval.secs", json!(0)),
        ] {
            assert!(settings(key, value).unwrap_err().to_string().contains(key), "{key}");
        }
        assert!(settings("logviewer.port", json!(0)).unwrap().cleaning.is_none(), "only when it is asked for");
        let cleaning = settings("logviewer.cleanup.interval.secs", json!(300)).unwrap().cleaning.unwrap();
        assert_eq!((cleaning.limits.each, cleaning.limits.sum), (2048 << 20, 4096 << 20));
        assert_eq!(cleaning.limits.age, Duration::from_secs(7 * 24 * 3600));
    }
}
