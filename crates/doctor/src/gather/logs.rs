//! The ends of logs.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use crate::facts::LogTail;

/// How much of the end is looked at.
const TAIL: u64 = 64 << 10;
/// Lines of a longer file are not counted: they have the number 0.
const COUNTED: u64 = 16 << 20;
const KEPT: usize = 200;

/// The last lines, with their numbers where counting them is quick.
pub(super) fn tail(of: String, path: &Path) -> Option<LogTail> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    let start = length.saturating_sub(TAIL);
    let mut before = 0;
    if start > 0 && length <= COUNTED {
        let mut reader = BufReader::new((&mut file).take(start));
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).ok()? > 0 {
            before += usize::from(line.ends_with(b"\n"));
            line.clear();
        }
    }
    file.seek(SeekFrom::Start(start)).ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let counted = length <= COUNTED;
    let mut lines: Vec<(usize, String)> = text
        .lines()
        .enumerate()
        .map(|(n, text)| (if counted { before + n + 1 } else { 0 }, text.to_owned()))
        .filter(|(_, text)| !text.trim().is_empty())
        .collect();
    lines.drain(..lines.len().saturating_sub(KEPT));
    (!lines.is_empty()).then(|| LogTail { of, path: path.to_owned(), lines })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_tail_keep_their_numbers() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nimbus.log");
        let text: String = (1..=20_000).map(|n| format!("line {n}\n")).collect();
        std::fs::write(&path, text).unwrap();
        let tail = tail("nimbus".into(), &path).unwrap();
        assert_eq!(tail.lines.len(), KEPT);
        assert_eq!(tail.lines.last(), Some(&(20_000, "line 20000".to_owned())));
        assert!(super::tail("nimbus".into(), &dir.path().join("none")).is_none());
    }
}
