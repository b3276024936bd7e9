//! Many logs as one, in order of time.

use super::entry::Entry;
use super::error::LogError;
use super::source::Source;

#[derive(Default)]
pub struct Merge {
    sources: Vec<(Source, Option<Entry>)>,
}

impl Merge {
    pub fn add(&mut self, source: Source) {
        self.sources.push((source, None));
    }

    pub fn len(&self) -> usize {
        self.sources.len()
    }

    pub fn has(&self, label: &str) -> bool {
        self.sources.iter().any(|(source, _)| source.label() == label)
    }

    /// The oldest entry that no source has given yet; `None` when there is none for now. Of two with the same time the
    /// one of the first source comes first, and what one source wrote stays in its order.
    pub fn next(&mut self) -> Result<Option<Entry>, LogError> {
        for (source, head) in &mut self.sources {
            if head.is_none() {
                *head = source.next()?;
            }
        }
        let oldest = self.sources.iter_mut().filter(|(_, head)| head.is_some());
        let oldest = oldest.min_by_key(|(_, head)| head.as_ref().map(|e| e.millis));
        Ok(oldest.and_then(|(_, head)| head.take()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn logs_are_merged_by_time_and_traces_stay_with_their_line() {
        let dir = tempfile::tempdir().unwrap();
        let mut merge = Merge::default();
        for (label, text) in [
            ("6700", "2026-08-02T10:00:01.000Z a\n  at x\n2026-08-02T10:00:03.000Z c\n"),
            ("6701", "2026-08-02 12:00:02.000 b\n2026-08-02 12:00:03.000 d\n"),
        ] {
            let path = dir.path().join(label);
            fs::write(&path, text).unwrap();
            // Java's worker writes local time, here two hours ahead.
            merge.add(Source::new(label, path, None, 7200));
        }
        let mut order = Vec::new();
        while let Some(entry) = merge.next().unwrap() {
            order.push(entry.text[24.min(entry.text.len())..].trim().to_owned());
        }
        assert_eq!(order, ["a\n  at x", "b", "c", "d"]);
        assert!(merge.has("6700") && !merge.has("6702"));
    }
}
