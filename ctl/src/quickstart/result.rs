//! What came out: the counts in the sink's file, and how they are shown.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Report;

/// The last count of each word.
#[derive(Debug, Default, PartialEq)]
pub struct Counts(pub BTreeMap<String, i64>);

impl Counts {
    /// Rows of a word and its count so far; the counts of a word only grow.
    pub fn read(path: &Path) -> Result<Counts, Failure> {
        let bytes =
            std::fs::read(path).map_err(|e| Failure::io(format!("cannot read the result {}", path.display()), &e))?;
        let mut counts = BTreeMap::new();
        for (number, row) in bytes.split(|&b| b == b'\n').enumerate() {
            if row.is_empty() {
                continue;
            }
            let text = String::from_utf8_lossy(row);
            let Some((word, count)) = text.rsplit_once('\t').and_then(|(w, c)| Some((w, c.parse::<i64>().ok()?)))
            else {
                return Err(Failure::new(
                    Exit::Failed,
                    "quickstart/result",
                    "the result holds a line that is no count",
                )
                .evidence(format!("{}:{}: {text}", path.display(), number + 1)));
            };
            match counts.get_mut(word) {
                Some(known) => *known = count.max(*known),
                None => drop(counts.insert(word.to_owned(), count)),
            }
        }
        Ok(Counts(counts))
    }

    pub fn words(&self) -> i64 {
        self.0.values().sum()
    }

    /// The most frequent words; of equals, the first in the alphabet.
    fn top(&self, n: usize) -> Vec<(&str, i64)> {
        let mut all: Vec<(&str, i64)> = self.0.iter().map(|(w, c)| (w.as_str(), *c)).collect();
        all.sort_by_key(|(word, count)| (-count, *word));
        all.truncate(n);
        all
    }
}

#[derive(Debug)]
pub struct Outcome {
    pub lines: i64,
    pub counts: Counts,
    pub seconds_to_first_tuple: f64,
    /// From the first tuple to the last.
    pub seconds: f64,
    pub complete_latency_ms: Option<f64>,
    pub top: usize,
    pub logs: String,
    /// How to call `stormctl` for the cluster, if it was kept.
    pub next: Option<String>,
    pub topology: String,
}

impl Outcome {
    fn rate(&self) -> f64 {
        self.counts.words() as f64 / self.seconds.max(0.001)
    }
}

impl Report for Outcome {
    const KIND: &'static str = "WordCount";

    fn fields(&self) -> Map<String, Value> {
        let object = json!({
            "lines": self.lines,
            "words": self.counts.words(),
            "counts": self.counts.0,
            "seconds_to_first_tuple": self.seconds_to_first_tuple,
            "seconds": self.seconds,
            "words_per_second": self.rate(),
            "complete_latency_ms": self.complete_latency_ms,
            "logs": self.logs,
            "kept": self.next.is_some(),
            "topology": self.topology,
        });
        object.as_object().cloned().unwrap_or_default()
    }

    fn text(&self, _wide: bool) -> String {
        let mut text = String::new();
        let top = self.counts.top(self.top);
        let width = top.first().map_or(0, |(_, count)| count.to_string().len());
        for (word, count) in top {
            text.push_str(&format!("{count:>width$}  {word}\n"));
        }
        let latency = self.complete_latency_ms.map_or("unknown".to_owned(), |ms| format!("{ms:.3} ms"));
        text.push_str(&format!(
            "\nlines             {}\nwords             {} ({} different)\n\
             rate              {:.0} words/s\ncomplete latency  {latency}\nfirst tuple       {:.3} s after the start\n",
            self.lines,
            self.counts.words(),
            self.counts.0.len(),
            self.rate(),
            self.seconds_to_first_tuple,
        ));
        if let Some(command) = &self.next {
            text.push_str(&format!("logs              {}\n\nThe cluster goes on. Next:\n", self.logs));
            for verb in ["list", "describe NAME", "logs NAME", "status", "stop"] {
                text.push_str(&format!("  {command} {}\n", verb.replace("NAME", &self.topology)));
            }
        } else {
            text.push_str(&format!("logs              were in {} (--keep leaves the cluster running)\n", self.logs));
        }
        text
    }

    fn names(&self) -> Vec<String> {
        self.counts.top(usize::MAX).into_iter().map(|(word, _)| word.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_count_of_a_word_is_its_number() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("counts");
        std::fs::write(&path, "the\t1\na\t1\nthe\t3\nthe\t2\n").unwrap();
        let counts = Counts::read(&path).unwrap();
        assert_eq!(counts.words(), 4);
        assert_eq!(counts.top(1), [("the", 3)]);
        std::fs::write(&path, "the\t1\nrubbish\n").unwrap();
        let failure = Counts::read(&path).unwrap_err();
        assert!(failure.faults[0].evidence[0].ends_with(":2: rubbish"));
    }

    #[test]
    fn the_result_as_people_read_it() {
        let counts = Counts(BTreeMap::from([("a".to_owned(), 2), ("the".to_owned(), 10), ("b".to_owned(), 2)]));
        let mut outcome = Outcome {
            lines: 5,
            counts,
            seconds_to_first_tuple: 0.5,
            seconds: 0.1,
            complete_latency_ms: Some(1.5),
            top: 2,
            logs: "/tmp/x/logs".into(),
            next: None,
            topology: "wordcount".into(),
        };
        assert_eq!(
            outcome.text(false),
            "10  the\n 2  a\n\nlines             5\nwords             14 (3 different)\n\
             rate              140 words/s\ncomplete latency  1.500 ms\nfirst tuple       0.500 s after the start\n\
             logs              were in /tmp/x/logs (--keep leaves the cluster running)\n"
        );
        outcome.next = Some("stormctl".to_owned());
        assert!(outcome.text(false).contains("  stormctl describe wordcount\n"));
        assert_eq!(outcome.fields()["counts"]["the"], 10);
    }
}
