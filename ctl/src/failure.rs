//! A failed command: what failed, the evidence, the way out, and the exit status.

use std::io;

use serde_json::{Value, json};
use storm_conf::ConfErrors;
use storm_thrift::{ClientError, Exception};

use crate::exit::Exit;
use crate::printer::API_VERSION;

#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    pub exit: Exit,
    pub faults: Vec<Fault>,
}

/// One thing that is wrong; a configuration can have many.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// A stable word such as `nimbus/not-alive`.
    pub code: String,
    pub message: String,
    /// Places and values that show it.
    pub evidence: Vec<String>,
    pub hint: Option<String>,
}

impl Failure {
    pub fn new(exit: Exit, code: &str, message: impl Into<String>) -> Failure {
        let fault = Fault { code: code.to_owned(), message: message.into(), evidence: Vec::new(), hint: None };
        Failure { exit, faults: vec![fault] }
    }

    pub fn evidence(mut self, line: impl Into<String>) -> Failure {
        if let Some(last) = self.faults.last_mut() {
            last.evidence.push(line.into());
        }
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        if let Some(last) = self.faults.last_mut() {
            last.hint = Some(hint.into());
        }
        self
    }

    /// The reader of our output went away: nothing is wrong with us, and nothing is left to say.
    pub fn nobody_reads() -> Failure {
        Failure { exit: Exit::Ok, faults: Vec::new() }
    }

    /// What is wrong has been shown as the result: only the exit status is left to say.
    pub fn shown(exit: Exit) -> Failure {
        Failure { exit, faults: Vec::new() }
    }

    pub fn io(what: impl Into<String>, e: &io::Error) -> Failure {
        Failure::new(Exit::Failed, "io", what).evidence(e.to_string())
    }

    #[cfg(test)]
    pub fn code(&self) -> &str {
        self.faults.first().map_or("", |f| &f.code)
    }

    /// As people read it, on the error stream.
    pub fn text(&self, style: impl Fn(&str) -> String) -> String {
        let mut text = String::new();
        for fault in &self.faults {
            text.push_str(&format!("{} {}\n", style(&format!("error[{}]:", fault.code)), fault.message));
            for line in fault.evidence.iter().flat_map(|e| e.lines()) {
                text.push_str(&format!("  {line}\n"));
            }
            if let Some(hint) = &fault.hint {
                text.push_str(&format!("  fix: {hint}\n"));
            }
        }
        text
    }

    /// As programs read it: the first fault, and all of them when there are more.
    pub fn json(&self) -> Value {
        let one = |f: &Fault| json!({"code": f.code, "message": f.message, "evidence": f.evidence, "hint": f.hint});
        let mut object = json!({"apiVersion": API_VERSION, "kind": "Error", "exit": self.exit as u8});
        if let (Some(map), Some(first)) = (object.as_object_mut(), self.faults.first()) {
            if let Value::Object(fields) = one(first) {
                map.extend(fields);
            }
            if self.faults.len() > 1 {
                map.insert("errors".into(), self.faults.iter().map(one).collect());
            }
        }
        object
    }
}

impl From<ConfErrors> for Failure {
    fn from(errors: ConfErrors) -> Failure {
        let faults = errors.mistakes.into_iter().map(|m| {
            let found = m.found.map(|f| format!("  found {f}")).unwrap_or_default();
            Fault {
                code: m.code.to_owned(),
                message: m.message,
                evidence: vec![format!("{}{found}", m.place)],
                hint: m.fix,
            }
        });
        Failure { exit: Exit::ConfigInvalid, faults: faults.collect() }
    }
}

impl From<ClientError> for Failure {
    fn from(e: ClientError) -> Failure {
        let exit = match &e {
            ClientError::Declared(Exception::NotAliveException(_) | Exception::KeyNotFoundException(_)) => {
                Exit::NotFound
            }
            ClientError::Declared(Exception::AlreadyAliveException(_) | Exception::KeyAlreadyExistsException(_)) => {
                Exit::Conflict
            }
            ClientError::Declared(Exception::AuthorizationException(_)) => Exit::Refused,
            ClientError::Connect { .. } | ClientError::Transport { .. } | ClientError::NoLeader(_) => Exit::Unreachable,
            ClientError::Timeout { .. } => Exit::Deadline,
            _ => Exit::Failed,
        };
        match &e {
            ClientError::NoLeader(causes) => {
                let mut failure = Failure::new(exit, e.code(), "no Nimbus answers");
                for cause in causes.split("; ") {
                    failure = failure.evidence(cause);
                }
                failure.hint("stormctl start nimbus      (or name the cluster's hosts in nimbus.seeds)")
            }
            ClientError::Declared(_) => {
                let message = e.to_string();
                let message = message.lines().next().filter(|l| !l.is_empty()).unwrap_or("Nimbus refused");
                Failure::new(exit, e.code(), message)
            }
            _ => Failure::new(exit, e.code(), e.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_place_cause_and_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("storm.yaml");
        std::fs::write(&file, "storm.zookeeper.servers: zk1\nui.port: x\n").unwrap();
        let options = storm_conf::LoadOptions { file: Some(file.clone()), ..Default::default() };
        let failure = Failure::from(storm_conf::load(&options).unwrap_err());
        assert_eq!(failure.exit, Exit::ConfigInvalid);
        let text = failure.text(str::to_owned).replace(&file.display().to_string(), "conf/storm.yaml");
        assert_eq!(
            text,
            "error[config/list-expected]: storm.zookeeper.servers must be a list of texts\n  \
             conf/storm.yaml:1:26  found the text \"zk1\"\n  fix: write [\"zk1\"]\n\
             error[config/number-expected]: ui.port must be a whole number above 0\n  \
             conf/storm.yaml:2:10  found the text \"x\"\n"
        );
        let json = failure.json();
        assert_eq!(json["code"], "config/list-expected");
        assert_eq!(json["exit"], 6);
        assert_eq!(json["errors"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn answers_of_nimbus_have_their_own_exit_status() {
        let gone = storm_thrift::types::NotAliveException { msg: "x is not alive".into() };
        let failure = Failure::from(ClientError::Declared(Exception::NotAliveException(gone)));
        assert_eq!((failure.exit, failure.code()), (Exit::NotFound, "nimbus/not-alive"));
        let failure = Failure::from(ClientError::NoLeader("cannot connect to a:1: refused; b".into()));
        assert_eq!(failure.exit, Exit::Unreachable);
        assert_eq!(failure.faults[0].evidence, ["cannot connect to a:1: refused", "b"]);
    }
}
