//! `stormctl logs NAME`: what the workers of a topology on this machine have logged, in order of time.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use crate::cli::{self, Format, Role};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// How long between two looks for more, with `-f`.
const LOOK: Duration = Duration::from_millis(100);
/// The most that is taken from one file at a time, so that many gigabytes are followed in little memory.
const CHUNK: u64 = 4 << 20;

pub fn run(ctx: &Context, args: &cli::Logs) -> Result<(), Failure> {
    let mut sources = sources(ctx, &args.name)?;
    let mut lines = merge(&mut sources)?;
    if let Some(tail) = args.tail {
        lines.drain(..lines.len().saturating_sub(tail));
    }
    print(ctx, &lines, sources.len())?;
    if !args.follow {
        return Ok(());
    }
    loop {
        std::thread::sleep(LOOK);
        let lines = merge(&mut sources)?;
        print(ctx, &lines, sources.len())?;
    }
}

/// A file that grows, and where we are in it.
struct Source {
    /// The slot's port, or the daemon's name.
    label: String,
    path: PathBuf,
    file: Option<(File, u64)>,
    /// A line whose end is not written yet.
    rest: String,
}

#[derive(Debug, Clone, PartialEq)]
struct Line {
    time: String,
    label: String,
    text: String,
}

fn sources(ctx: &Context, name: &str) -> Result<Vec<Source>, Failure> {
    let source = |label: &str, path: PathBuf| Source { label: label.to_owned(), path, file: None, rest: String::new() };
    if let Some(role) = Role::of_name(name) {
        let path = role.log_file(&ctx.conf);
        if path.is_file() {
            return Ok(vec![source(role.name(), path)]);
        }
        return Err(Failure::new(Exit::NotFound, "logs/none", format!("{} has no log on this machine", role.name()))
            .evidence(path.display().to_string()));
    }
    let root = ctx.conf.artifacts_dir();
    let Some(id) = newest(&root, name) else {
        return Err(Failure::new(
            Exit::NotFound,
            "logs/none",
            format!("no worker of \"{name}\" has logged on this machine"),
        )
        .evidence(root.display().to_string())
        .hint(format!("stormctl describe {name}      says on which machines its workers run")));
    };
    let mut found = BTreeMap::new();
    for port in fs::read_dir(root.join(&id)).into_iter().flatten().flatten() {
        let path = port.path().join("worker.log");
        if path.is_file() {
            let label = port.file_name().to_string_lossy().into_owned();
            found.insert(label.clone(), source(&label, path));
        }
    }
    if found.is_empty() {
        return Err(Failure::new(Exit::NotFound, "logs/none", format!("the workers of {id} have logged nothing yet"))
            .evidence(root.join(&id).display().to_string()));
    }
    Ok(found.into_values().collect())
}

/// The folder of the topology with this id, else of the youngest with this name (`NAME-NUMBER-SECONDS`).
fn newest(root: &Path, name: &str) -> Option<String> {
    let mut youngest: Option<(u64, String)> = None;
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let id = entry.file_name().to_string_lossy().into_owned();
        if id == name {
            return Some(id);
        }
        let mut parts = id.rsplitn(3, '-');
        let (secs, number, own) = (parts.next(), parts.next(), parts.next());
        let (Some(secs), Some(_)) = (secs.and_then(|s| s.parse().ok()), number.and_then(|n| n.parse::<u64>().ok()))
        else {
            continue;
        };
        if own == Some(name) && youngest.as_ref().is_none_or(|(other, _)| secs > *other) {
            youngest = Some((secs, id));
        }
    }
    youngest.map(|(_, id)| id)
}

impl Source {
    /// What was written since the last time. A file that was rolled or cut off is read from its new beginning.
    fn more(&mut self) -> Result<String, Failure> {
        let cannot = |e: std::io::Error| Failure::io(format!("cannot read {}", self.path.display()), &e);
        let mut text = Vec::new();
        if let Some((file, at)) = &mut self.file {
            file.seek(SeekFrom::Start(*at)).map_err(cannot)?;
            *at += file.take(CHUNK).read_to_end(&mut text).map_err(cannot)? as u64;
        }
        let moved = match (&self.file, fs::metadata(&self.path)) {
            (Some((file, at)), Ok(now)) => {
                let old = file.metadata().map_err(cannot)?;
                old.ino() != now.ino() && text.is_empty() || now.ino() == old.ino() && now.len() < *at
            }
            (None, Ok(_)) => true,
            (_, Err(_)) => false,
        };
        if moved {
            let mut file = File::open(&self.path).map_err(cannot)?;
            let read = (&mut file).take(CHUNK).read_to_end(&mut text).map_err(cannot)?;
            self.file = Some((file, read as u64));
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// The lines that are complete; one without a time of its own belongs to the one before.
    fn lines(&mut self) -> Result<Vec<Line>, Failure> {
        let mut all = Vec::new();
        loop {
            let more = self.more()?;
            if more.is_empty() {
                return Ok(all);
            }
            self.rest.push_str(&more);
            let Some(end) = self.rest.rfind('\n') else { continue };
            let complete: String = self.rest.drain(..=end).collect();
            for text in complete.lines() {
                let own = time(text);
                let time = own.or_else(|| all.last().map(|l: &Line| l.time.clone())).unwrap_or_default();
                all.push(Line { time, label: self.label.clone(), text: text.to_owned() });
            }
        }
    }
}

/// The time at the beginning of a line of ours or of Java Storm's, made comparable.
fn time(line: &str) -> Option<String> {
    let stamp = line.get(..23)?;
    let shape = stamp.bytes().zip(b"0000-00-00T00:00:00.000").all(|(c, form)| match form {
        b'0' => c.is_ascii_digit(),
        b'T' => c == b'T' || c == b' ',
        b'.' => c == b'.' || c == b',',
        other => c == *other,
    });
    shape.then(|| stamp.replace(' ', "T").replace(',', "."))
}

fn merge(sources: &mut [Source]) -> Result<Vec<Line>, Failure> {
    let mut all = Vec::new();
    for source in sources {
        all.extend(source.lines()?);
    }
    // Stable: what one worker wrote stays in its order.
    all.sort_by(|a, b| a.time.cmp(&b.time));
    Ok(all)
}

fn print(ctx: &Context, lines: &[Line], sources: usize) -> Result<(), Failure> {
    let mut text = String::new();
    for line in lines {
        match ctx.printer.format {
            Format::Json | Format::Jsonl | Format::Yaml => {
                let object = json!({"time": line.time, "source": line.label, "text": line.text});
                text.push_str(&format!("{object}\n"));
            }
            _ if sources > 1 => text.push_str(&format!("{} | {}\n", line.label, line.text)),
            _ => text.push_str(&format!("{}\n", line.text)),
        }
    }
    ctx.printer.out(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn source(dir: &Path, label: &str) -> Source {
        Source { label: label.into(), path: dir.join(label), file: None, rest: String::new() }
    }

    #[test]
    fn logs_are_merged_by_time_and_traces_stay_with_their_line() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("6700"), "2026-08-02T10:00:01.000Z a\n  at x\n2026-08-02T10:00:03.000Z c\n").unwrap();
        fs::write(dir.path().join("6701"), "2026-08-02 10:00:02.000 b\nhalf").unwrap();
        let mut sources = [source(dir.path(), "6700"), source(dir.path(), "6701")];
        let texts =
            |lines: Vec<Line>| lines.into_iter().map(|l| l.text[l.text.len() - 1..].to_owned()).collect::<String>();
        assert_eq!(texts(merge(&mut sources).unwrap()), "axbc");
        assert_eq!(merge(&mut sources).unwrap(), []);
        File::options().append(true).open(dir.path().join("6701")).unwrap().write_all(b" line\n").unwrap();
        assert_eq!(merge(&mut sources).unwrap()[0].text, "half line");
    }

    #[test]
    fn a_rolled_file_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("w");
        fs::write(&path, "1\n2\n").unwrap();
        let mut one = source(dir.path(), "w");
        assert_eq!(one.lines().unwrap().len(), 2);
        fs::rename(&path, dir.path().join("w.1")).unwrap();
        fs::write(&path, "3\n").unwrap();
        assert_eq!(one.lines().unwrap()[0].text, "3");
        fs::write(&path, "").unwrap();
        assert_eq!(one.lines().unwrap(), []);
    }

    #[test]
    fn a_name_means_the_youngest_topology() {
        let dir = tempfile::tempdir().unwrap();
        for id in ["wc-1-100", "wc-2-200", "wc-x-9-300", "wc-2-old"] {
            fs::create_dir(dir.path().join(id)).unwrap();
        }
        assert_eq!(newest(dir.path(), "wc").as_deref(), Some("wc-2-200"));
        assert_eq!(newest(dir.path(), "wc-x").as_deref(), Some("wc-x-9-300"));
        assert_eq!(newest(dir.path(), "wc-1-100").as_deref(), Some("wc-1-100"));
        assert_eq!(newest(dir.path(), "w"), None);
    }

    #[test]
    fn only_a_time_is_a_time() {
        assert_eq!(time("2026-08-02 10:00:02,000 b").as_deref(), Some("2026-08-02T10:00:02.000"));
        assert_eq!(time("2026-08-02"), None);
        assert_eq!(time("    at org.apache.storm.Foo.bar(Foo.java)"), None);
    }
}
