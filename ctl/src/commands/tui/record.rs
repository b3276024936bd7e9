//! Recordings: one answer a line, as JSON.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use serde_json::json;
use storm_tui::Answer;

use crate::exit::Exit;
use crate::failure::Failure;

const KIND: &str = "Recording";

pub struct Recorder {
    file: BufWriter<File>,
}

impl Recorder {
    pub fn create(path: &Path) -> Result<Recorder, Failure> {
        let cannot = |e: io::Error| Failure::io(format!("cannot write the recording {}", path.display()), &e);
        let mut file = BufWriter::new(File::create(path).map_err(cannot)?);
        writeln!(file, "{}", json!({"apiVersion": crate::printer::API_VERSION, "kind": KIND})).map_err(cannot)?;
        Ok(Recorder { file })
    }

    /// Flushed each time: the last seconds before the end are the ones that matter.
    pub fn keep(&mut self, answer: &Answer) -> io::Result<()> {
        serde_json::to_writer(&mut self.file, answer)?;
        self.file.write_all(b"\n")?;
        self.file.flush()
    }
}

pub fn read(path: &Path) -> Result<Vec<Answer>, Failure> {
    let cannot = |e: io::Error| Failure::io(format!("cannot read the recording {}", path.display()), &e);
    let wrong = |line: usize, why: String| {
        Failure::new(Exit::Usage, "tui/recording", "this is no recording of the dashboard")
            .evidence(format!("{}:{line}  {why}", path.display()))
            .hint("stormctl tui --record FILE      makes one")
    };
    let mut answers = Vec::new();
    let mut lines = BufReader::new(File::open(path).map_err(cannot)?).lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        let line = line.map_err(cannot)?;
        if number == 0 {
            let header: serde_json::Value = serde_json::from_str(&line).map_err(|e| wrong(1, e.to_string()))?;
            if header["kind"] != KIND || header["apiVersion"] != crate::printer::API_VERSION {
                return Err(wrong(1, "its first line does not say so".to_owned()));
            }
            continue;
        }
        match serde_json::from_str(&line) {
            Ok(answer) => answers.push(answer),
            // Whoever recorded may have been killed in the middle of a line.
            Err(e) if e.is_eof() && lines.peek().is_none() => break,
            Err(e) => return Err(wrong(number + 1, e.to_string())),
        }
    }
    if answers.is_empty() {
        return Err(wrong(2, "nothing was recorded".to_owned()));
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use storm_tui::{Source, Trouble};

    #[test]
    fn what_was_kept_is_read_again_and_other_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r");
        let answer = Answer {
            source: Source::Node { path: "/a".into() },
            at_ms: 7,
            result: Err(Trouble { cause: "x".into(), retry_in_ms: 1 }),
        };
        let mut recorder = Recorder::create(&path).unwrap();
        recorder.keep(&answer).unwrap();
        recorder.keep(&answer).unwrap();
        assert_eq!(read(&path).unwrap(), [answer.clone(), answer.clone()]);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 9]).unwrap();
        assert_eq!(read(&path).unwrap(), [answer]);
        std::fs::write(&path, "{}\n").unwrap();
        assert_eq!(read(&path).unwrap_err().exit, Exit::Usage);
        std::fs::write(&path, text.replace("at_ms", "at")).unwrap();
        assert!(read(&path).unwrap_err().faults[0].evidence[0].contains(":2  "));
    }
}
