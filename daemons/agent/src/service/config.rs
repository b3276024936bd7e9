//! The configuration of the machine's daemons: what is in force, and putting another file in its place.

use std::path::Path;

use storm_conf::schema;
use storm_lint::store::{Change, File, StoreError, Written};
use storm_lint::{Finding as Found, Level, Subject, lint};
use storm_machine::facts;
use tonic::Status;

use crate::clock;
use crate::digest::sha256;
use crate::options::Options;
use crate::proto::{ConfigFile, Finding, GetConfigResponse, WriteConfigRequest, WriteConfigResponse};

/// No storm.yaml is as large as this.
const LARGEST: usize = 1 << 20;
/// Instead of a password, for who may not see it.
const HIDDEN: &str = "********";

pub(super) fn get(options: &Options, operator: bool) -> Result<GetConfigResponse, Status> {
    let (effective, mistakes) = match storm_conf::load_from(&options.load) {
        Ok(loaded) => {
            let mut map = loaded.conf.into_map();
            if !operator {
                for (key, value) in &mut map {
                    if schema::is_secret(key) && value.as_str().is_some_and(|s| !s.is_empty()) {
                        *value = HIDDEN.into();
                    }
                }
            }
            (Some(serde_json::Value::Object(map).to_string()), Vec::new())
        }
        Err(errors) => (None, errors.mistakes.iter().map(ToString::to_string).collect()),
    };
    let file = match options.load.locate() {
        Some(path) => Some(file(&path, operator)?),
        None => None,
    };
    Ok(GetConfigResponse { effective, file, mistakes })
}

fn file(path: &Path, operator: bool) -> Result<ConfigFile, Status> {
    let content =
        std::fs::read(path).map_err(|e| Status::failed_precondition(format!("cannot read {}: {e}", path.display())))?;
    let sha256 = sha256(&content);
    let content = if operator { content } else { Vec::new() };
    Ok(ConfigFile { path: path.display().to_string(), content, sha256 })
}

pub(super) fn write(options: &Options, who: &str, request: &WriteConfigRequest) -> Result<WriteConfigResponse, Status> {
    if request.content.len() > LARGEST {
        return Err(Status::invalid_argument(format!("a configuration of more than {LARGEST} bytes is not taken")));
    }
    let new = std::str::from_utf8(&request.content)
        .map_err(|e| Status::invalid_argument(format!("the new configuration is not UTF-8: {e}")))?;
    let path = options.load.locate().ok_or_else(|| {
        Status::failed_precondition("this agent's configuration comes from no file, so there is none to write")
    })?;
    let file = File::read(&path).map_err(|e| store_status(&e))?;
    let old = file.text().map_err(|e| store_status(&e))?;
    if sha256(old.as_bytes()) != request.expected_sha256 {
        return Err(Status::aborted(format!(
            "{} is not what it was when it was looked at: somebody has changed it meanwhile",
            path.display()
        )));
    }
    let findings = look(&path, new, file.mode);
    let known = look(&path, old, file.mode);
    // What was wrong before may stay; what is new may not come.
    let worse =
        |f: &&Found| f.level == Level::Error && !known.iter().any(|k| (k.code, &k.message) == (f.code, &f.message));
    let refused = old != new && findings.iter().any(|f| worse(&f));
    let mut response = WriteConfigResponse {
        changed: old != new && !refused,
        refused,
        backup: None,
        sha256: sha256(if refused { old } else { new }.as_bytes()),
        findings: findings.iter().map(finding).collect(),
    };
    if request.dry_run || !response.changed {
        return Ok(response);
    }
    let what = if request.what.is_empty() { "written through the agent" } else { &request.what };
    // Whoever writes the log of changes writes one line.
    let what: String = what.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    match file.replace(new, &Change { now: clock::now(), who, what: &what }).map_err(|e| store_status(&e))? {
        Written::Replaced { backup } => response.backup = Some(backup.display().to_string()),
        Written::Created | Written::Unchanged => {}
    }
    tracing::info!("{} written for {who}: {what}", path.display());
    Ok(response)
}

fn look(path: &Path, text: &str, mode: Option<u32>) -> Vec<Found> {
    let mut subject = Subject::new(path, text);
    subject.mode = mode;
    let subjects = [subject];
    lint(&subjects, &facts::of_this_machine(&subjects))
}

fn finding(f: &Found) -> Finding {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Finding {
        code: f.code.to_owned(),
        level: f.level.word().to_owned(),
        line: number(f.mark.line),
        column: number(f.mark.column),
        message: f.message.clone(),
        hint: f.fix.as_ref().map(|x| x.what.clone()).or_else(|| f.hint.clone()),
    }
}

fn store_status(e: &StoreError) -> Status {
    match e {
        StoreError::Changed { .. } => Status::aborted(e.to_string()),
        StoreError::Owner { .. } => Status::permission_denied(e.to_string()),
        _ => Status::failed_precondition(e.to_string()),
    }
}
