//! Plans and their ends as results.

use serde_json::{Map, Value, json};
use storm_install::plan::Plan;
use storm_install::preflight::{Finding, Level};
use storm_install::step::{Action, Body, Step};

use crate::printer::Report;

/// What would be done.
pub(super) struct Planned<'a> {
    pub(super) plan: &'a Plan,
    pub(super) findings: &'a [Finding],
    /// Also what the files hold, secrets and all: somebody asked for it.
    pub(super) files: bool,
}

/// A step for programs: what it writes is left out unless it was asked for, it may hold secrets; keys are always left out.
fn item(step: &Step, files: bool) -> Value {
    let mut action = serde_json::to_value(&step.action).unwrap_or_default();
    if let (Action::File { body, .. }, Some(map)) = (&step.action, action.as_object_mut())
        && (!files || matches!(body, Body::Sealed(_)))
    {
        map.remove("body");
    }
    json!({"host": step.host, "phase": step.phase, "step": action, "seen": step.seen, "words": step.action.words()})
}

impl Planned<'_> {
    /// What was found, and what is said of the plan.
    pub(super) fn remarks(&self) -> String {
        let mut text = String::new();
        for finding in self.findings {
            let level = if finding.level == Level::Error { "FAIL" } else { "WARN" };
            text.push_str(&format!("{level}  {}  [{}] {}\n", finding.host, finding.code, finding.message));
            for line in &finding.evidence {
                text.push_str(&format!("      {line}\n"));
            }
            if let Some(hint) = &finding.hint {
                text.push_str(&format!("      fix: {hint}\n"));
            }
        }
        for note in &self.plan.notes {
            text.push_str(&format!("note: {note}\n"));
        }
        text
    }
}

impl Report for Planned<'_> {
    const KIND: &'static str = "InstallPlan";

    fn fields(&self) -> Map<String, Value> {
        let fields = json!({
            "id": self.plan.id,
            "cluster": self.plan.cluster.name,
            "changed": !self.plan.is_empty(),
            "items": self.items(),
            "notes": self.plan.notes,
            "findings": self.findings,
        });
        fields.as_object().cloned().unwrap_or_default()
    }

    fn items(&self) -> Vec<Value> {
        self.plan.steps.iter().map(|s| item(s, self.files)).collect()
    }

    fn text(&self, _wide: bool) -> String {
        let mut text = self.remarks();
        if self.plan.is_empty() {
            text.push_str(&format!(
                "cluster {}: nothing to do, everything is as it should be\n",
                self.plan.cluster.name
            ));
            return text;
        }
        let width = self.plan.steps.iter().map(|s| s.host.chars().count()).max().unwrap_or_default();
        for (index, step) in self.plan.steps.iter().enumerate() {
            text.push_str(&format!("{:>4}  {:<width$}  {}\n", index + 1, step.host, step.action.words()));
            if let (Action::File { body: Body::Text(body), .. }, true) = (&step.action, self.files) {
                text.extend(body.lines().map(|line| format!("      {:<width$}    {line}\n", "")));
            }
            for line in
                step.diff.iter().flat_map(|d| d.lines()).filter(|l| !l.starts_with("---") && !l.starts_with("+++"))
            {
                text.push_str(&format!("      {:<width$}    {line}\n", ""));
            }
        }
        text
    }

    fn names(&self) -> Vec<String> {
        vec![self.plan.id.clone()]
    }
}
