//! Texts that nobody wrote on purpose: whatever stands there, the rules come to an end and leave whole characters.

use std::time::{Duration, Instant};

use serde_json::json;
use storm_lint::{Subject, edit, lint, mend};

use super::host;

const PIECES: &[&str] = &[
    "storm.zookeeper.servers",
    "ui.port",
    ":",
    ": ",
    "-",
    "- ",
    "\n",
    "\n",
    "\n  ",
    "\t",
    " ",
    "\"",
    "'",
    "“",
    "”",
    "\u{a0}",
    "[",
    "]",
    "{",
    "}",
    ",",
    "#",
    " # ",
    "|\n",
    ">\n",
    "&a ",
    "*a",
    "!t ",
    "zk1",
    "6700",
    "010",
    "~",
    "ü",
    "🌩",
    "\r\n",
    "\r",
    "\u{feff}",
    "\\",
    "=",
    "${x",
    "<root>",
    "</root>",
    "<Policies>",
    "server.1",
    "a:1:2",
    "dataDir",
    "–",
    "%",
    "---",
    "...",
    "<<: ",
    "nimbus:\n  seeds: x\n",
];

/// A generator that is the same on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

#[test]
fn any_text_comes_to_an_end() {
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    for round in 0..3000 {
        let text: String = (0..dice.below(40)).map(|_| PIECES[dice.below(PIECES.len())]).collect();
        for name in ["storm.yaml", "zoo.cfg", "worker.xml"] {
            let subject = Subject::new(name, text.as_str());
            for finding in lint(std::slice::from_ref(&subject), &host()) {
                assert!(
                    finding.mark.line <= text.matches(['\n', '\r']).count() + 1,
                    "round {round}: {finding} in {text:?}"
                );
                for edit in finding.fix.iter().flat_map(|f| &f.edits) {
                    assert!(text.get(edit.range.clone()).is_some(), "round {round}: {finding} cuts {text:?}");
                }
            }
            if round % 4 == 0 {
                let mended = mend(std::slice::from_ref(&subject), 0, &host(), &[]);
                assert_eq!(mended.text == text, mended.mended.is_empty(), "round {round}: {text:?}");
            }
            // Refused or done, but never half.
            for value in [json!("x"), json!([1, "b"]), json!({"k": null})] {
                if let Ok(changed) = edit::set(&subject, "ui.title", &value) {
                    let again = edit::set(&Subject::new(name, changed.as_str()), "ui.title", &value);
                    assert_eq!(again, Ok(changed), "round {round}: {text:?}");
                }
            }
            let _refused = edit::unset(&subject, "ui.port");
        }
    }
}

#[test]
fn a_large_file_takes_no_long() {
    let mut text = String::new();
    for i in 0..3000 {
        text.push_str(&format!("my.key.{i}: “value {i}” # a comment\n"));
    }
    let began = Instant::now();
    let mended = mend(&[Subject::new("storm.yaml", text.as_str())], 0, &host(), &[]);
    assert_eq!(mended.mended.len(), 3000);
    assert!(mended.left.is_empty());
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}
