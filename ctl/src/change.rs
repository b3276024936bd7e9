//! The answer of a command that changed something: what, and what to type next.

use serde_json::{Map, Value, json};

use crate::printer::Report;

#[derive(Debug, Clone, Default)]
pub struct Change {
    /// What was done, such as `killed`.
    pub action: &'static str,
    /// The names of what it was done to.
    pub names: Vec<String>,
    /// One sentence for people.
    pub message: String,
    /// The next sensible command.
    pub next: Option<String>,
    pub details: Map<String, Value>,
}

impl Report for Change {
    const KIND: &'static str = "Change";

    fn fields(&self) -> Map<String, Value> {
        let mut map = Map::new();
        map.insert("action".into(), json!(self.action));
        map.insert("names".into(), json!(self.names));
        map.extend(self.details.clone());
        map
    }

    fn text(&self, _wide: bool) -> String {
        let next = self.next.as_ref().map(|n| format!("next: {n}\n")).unwrap_or_default();
        format!("{}\n{next}", self.message)
    }

    fn names(&self) -> Vec<String> {
        self.names.clone()
    }
}
