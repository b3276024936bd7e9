//! Logs of daemons: lines like Storm's, in a file that is rolled by size, or on stderr.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

/// Levels by module, such as `info,storm_nimbus=debug`.
pub const LEVEL_VARIABLE: &str = "STORM_LOG";

/// As Storm's log4j2 configuration for daemons: 100 MB, nine old files.
const FILE_BYTES: u64 = 100 * 1000 * 1000;
const OLD_FILES: usize = 9;

/// Sends what the daemons log to the file, or to stderr without one.
pub fn start(file: Option<&Path>) -> io::Result<()> {
    start_at(tracing::Level::INFO, file)
}

/// Warnings and worse, on stderr: for commands, whose user did not ask for a log.
pub fn start_quietly() -> io::Result<()> {
    start_at(tracing::Level::WARN, None)
}

fn start_at(level: tracing::Level, file: Option<&Path>) -> io::Result<()> {
    let levels = levels(&std::env::var(LEVEL_VARIABLE).unwrap_or_default(), level);
    let layer = tracing_subscriber::fmt::layer().event_format(Lines).with_ansi(false);
    let registry = tracing_subscriber::registry().with(levels);
    let set = match file {
        Some(path) => {
            let file = Rolled::open(path, FILE_BYTES, OLD_FILES)?;
            tracing::subscriber::set_global_default(registry.with(layer.with_writer(Mutex::new(file))))
        }
        None => tracing::subscriber::set_global_default(registry.with(layer.with_writer(io::stderr))),
    };
    set.map_err(io::Error::other)
}

/// What cannot be read as levels is not worth a daemon that does not start.
fn levels(text: &str, unsaid: tracing::Level) -> Targets {
    let unsaid = Targets::new().with_default(unsaid);
    if text.trim().is_empty() { unsaid } else { text.parse().unwrap_or(unsaid) }
}

/// `2026-08-02T10:02:21.991Z storm_nimbus::leader main [INFO] what happened`
struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut w: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let meta = event.metadata();
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or("-");
        write!(w, "{} {} {thread} [{}] ", iso_time(now.as_millis() as u64), meta.target(), meta.level())?;
        ctx.format_fields(w.by_ref(), event)?;
        writeln!(w)
    }
}

/// UTC with milliseconds, of milliseconds since 1970.
pub fn iso_time(millis: u64) -> String {
    let (secs, ms) = (millis / 1000, millis % 1000);
    let (days, day) = (secs / 86_400, secs % 86_400);
    // Days since 0000-03-01, in eras of 400 years, so that a leap day is the last day of a year.
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (d, m) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    let y = yoe + era * 400 + u64::from(m <= 2);
    format!("{y:04}-{m:02}-{d:02}T{:02}:{:02}:{:02}.{ms:03}Z", day / 3600, day / 60 % 60, day % 60)
}

/// A file that moves to `NAME.1` (and that to `NAME.2`, ...) when it has grown to its limit.
struct Rolled {
    path: PathBuf,
    file: File,
    bytes: u64,
    limit: u64,
    old_files: usize,
}

impl Rolled {
    fn open(path: &Path, limit: u64, old_files: usize) -> io::Result<Rolled> {
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Rolled { path: path.to_owned(), file, bytes, limit, old_files })
    }

    fn old(&self, n: usize) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{n}"));
        PathBuf::from(name)
    }

    fn roll(&mut self) -> io::Result<()> {
        for n in (1..self.old_files).rev() {
            if self.old(n).exists() {
                fs::rename(self.old(n), self.old(n + 1))?;
            }
        }
        fs::rename(&self.path, self.old(1))?;
        *self = Rolled::open(&self.path, self.limit, self.old_files)?;
        Ok(())
    }
}

impl Write for Rolled {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.bytes >= self.limit {
            self.roll()?;
        }
        let written = self.file.write(line)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_info_unless_said() {
        let info = |text: &str| levels(text, tracing::Level::INFO).would_enable("storm_nimbus", &tracing::Level::INFO);
        assert!(info("") && info("nonsense=loud") && info("info,storm_nimbus=debug"));
        assert!(!info("warn"));
    }

    #[test]
    fn times_are_iso() {
        assert_eq!(iso_time(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso_time(951_782_400_123), "2000-02-29T00:00:00.123Z");
        assert_eq!(iso_time(1_785_664_941_991), "2026-08-02T10:02:21.991Z");
    }

    #[test]
    fn files_roll_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("logs/x.log");
        let mut file = Rolled::open(&path, 10, 2).unwrap();
        for n in 0..5 {
            file.write_all(format!("line {n} abc\n").as_bytes()).unwrap();
        }
        let read = |name: &str| fs::read_to_string(dir.path().join("logs").join(name)).unwrap();
        assert_eq!([read("x.log"), read("x.log.1"), read("x.log.2")], ["line 4 abc\n", "line 3 abc\n", "line 2 abc\n"]);
        assert!(!dir.path().join("logs/x.log.3").exists());
        drop(file);
        let mut file = Rolled::open(&path, 10, 2).unwrap();
        file.write_all(b"after\n").unwrap();
        assert_eq!(read("x.log"), "after\n");
    }
}
