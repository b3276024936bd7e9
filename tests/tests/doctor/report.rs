//! What `why` and `doctor` answered, read as a program reads it.

use serde_json::Value;
use storm_tests::process::Finished;

pub struct Answer {
    pub exit: i32,
    pub json: Value,
}

impl Answer {
    /// The standard output is the result and nothing else, so it must be one JSON object.
    #[track_caller]
    pub fn of(finished: Finished) -> Answer {
        let json: Value = serde_json::from_str(&finished.stdout).unwrap_or_else(|e| {
            panic!("no JSON ({e}): {}\n{}\n{}", finished.command, finished.stdout, finished.stderr)
        });
        assert_eq!(json["apiVersion"], "stormctl/v1");
        assert_eq!(json["kind"], "FindingList");
        let answer = Answer { exit: finished.status.code().expect("it ended by itself"), json };
        assert_eq!(answer.exit == 10, answer.severities().contains(&"error"), "{:#}", answer.json);
        answer
    }

    fn items(&self) -> &[Value] {
        self.json["items"].as_array().expect("items")
    }

    fn severities(&self) -> Vec<&str> {
        self.items().iter().filter_map(|f| f["severity"].as_str()).collect()
    }

    pub fn codes(&self) -> Vec<&str> {
        self.items().iter().filter_map(|f| f["code"].as_str()).collect()
    }

    pub fn has(&self, code: &str) -> bool {
        self.codes().contains(&code)
    }

    pub fn verdict(&self) -> &str {
        self.json["verdict"].as_str().unwrap_or_default()
    }

    /// Whether findings of this code say all of these words somewhere.
    pub fn tells(&self, code: &str, words: &[&str]) -> bool {
        let found: String = self.items().iter().filter(|f| f["code"] == code).map(Value::to_string).collect();
        !found.is_empty() && words.iter().all(|word| found.contains(word))
    }

    #[track_caller]
    pub fn says(&self, code: &str, words: &[&str]) -> &Answer {
        assert!(self.has(code), "no {code} among {:?}:\n{:#}", self.codes(), self.json);
        assert!(self.tells(code, words), "{code} does not say {words:?}:\n{:#}", self.json);
        self
    }
}
