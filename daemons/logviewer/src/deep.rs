//! Finding a text in all logs of a topology.

use serde_json::{Map, Value, json};

use crate::files::{self, Slot};
use crate::part;
use crate::root::{Denied, Root};
use crate::search::{self, Match};

/// What is looked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub text: String,
    /// For each worker.
    pub most: usize,
    /// In older parts too.
    pub archived: bool,
    /// How many of the worker's files to leave out, and how many bytes of the next one.
    pub skip_files: usize,
    pub skip_bytes: u64,
}

/// Writes a match for the answer; it knows the address under which it can be read.
pub type Shown<'a> = dyn Fn(&str, &Match) -> Value + 'a;

/// All workers of a topology: a list with an element for each that has logs.
pub fn everywhere(root: &Root, topology: &str, wanted: &Wanted, shown: &Shown<'_>) -> Result<Value, Denied> {
    let mut all = Vec::new();
    let from_start = Wanted { skip_files: 0, skip_bytes: 0, ..wanted.clone() };
    for slot in files::slots(root, Some(topology), None)? {
        all.extend(of_slot(root, &slot, &from_start, shown)?);
    }
    Ok(Value::Array(all))
}

/// One worker; an empty list when it has no logs.
pub fn at_port(root: &Root, slot: &Slot, wanted: &Wanted, shown: &Shown<'_>) -> Result<Value, Denied> {
    Ok(of_slot(root, slot, wanted, shown)?.unwrap_or_else(|| json!([])))
}

fn of_slot(root: &Root, slot: &Slot, wanted: &Wanted, shown: &Shown<'_>) -> Result<Option<Value>, Denied> {
    let mut logs = files::worker_logs(root, slot)?;
    if logs.is_empty() {
        return Ok(None);
    }
    if !wanted.archived {
        logs.truncate(1);
    }
    let mut at = if wanted.archived { wanted.skip_files } else { 0 };
    let (mut found, mut files_with, mut start) = (0, Vec::new(), wanted.skip_bytes);
    for log in logs.iter().skip(at) {
        let name = slot.file(&log.name);
        let here = in_file(root, &name, &wanted.text, start, wanted.most - found)?;
        found += here.matches.len();
        if !here.matches.is_empty() {
            let mut file = Map::new();
            file.insert("fileName".to_owned(), name.clone().into());
            file.insert("port".to_owned(), slot.port.clone().into());
            file.extend(here.members(&name, &wanted.text, start, shown));
            files_with.push(Value::Object(file));
        }
        if found >= wanted.most {
            break;
        }
        start = 0;
        at += 1;
    }
    Ok(Some(json!({ "fileOffset": at, "searchString": wanted.text, "matches": files_with })))
}

/// One file, which may have gone or been cut since it was listed: then nothing is found in it.
fn in_file(root: &Root, name: &str, text: &str, start: u64, most: usize) -> Result<search::Found, Denied> {
    let file = match root.open(name) {
        Ok(file) => file,
        Err(Denied::NotFound) => return Ok(search::Found::default()),
        Err(e) => return Err(e),
    };
    let found = part::from(file, part::is_packed(name), start)
        .and_then(|reader| search::find(reader, text.as_bytes(), start, most));
    // A part that a full disk has cut off is no reason to say nothing of the others.
    Ok(found.unwrap_or_else(|e| {
        tracing::warn!("{name} cannot be searched: {e}");
        search::Found::default()
    }))
}

impl search::Found {
    /// The members of an answer about one file.
    pub fn members(&self, name: &str, text: &str, start: u64, shown: &Shown<'_>) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("searchString".to_owned(), text.into());
        members.insert("startByteOffset".to_owned(), start.into());
        members.insert("matches".to_owned(), self.matches.iter().map(|m| shown(name, m)).collect());
        if let Some(next) = self.next {
            members.insert("nextByteOffset".to_owned(), next.into());
        }
        members
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::time::{Duration, SystemTime};

    #[test]
    fn youngest_first_and_on_from_where_it_ended() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("wc-1-2/6700");
        fs::create_dir_all(&folder).unwrap();
        for (age, (name, text)) in [("worker.log", "one x two x"), ("worker.log.1", "x"), ("worker.log.2.gz", "broken")]
            .into_iter()
            .enumerate()
        {
            fs::write(folder.join(name), text).unwrap();
            let time = SystemTime::now() - Duration::from_secs(60 * age as u64);
            File::options().append(true).open(folder.join(name)).unwrap().set_modified(time).unwrap();
        }
        let root = Root::new(dir.path().to_owned());
        let slot = Slot { topology: "wc-1-2".into(), port: "6700".into() };
        let wanted = |most, archived, skip_files, skip_bytes| Wanted {
            text: "x".into(),
            most,
            archived,
            skip_files,
            skip_bytes,
        };
        let shown = |name: &str, m: &Match| json!(format!("{name}@{}", m.offset));
        let seen = at_port(&root, &slot, &wanted(1, false, 0, 0), &shown).unwrap();
        assert_eq!(seen["fileOffset"], 0);
        assert_eq!(seen["matches"][0]["matches"], json!(["wc-1-2/6700/worker.log@4"]));
        assert_eq!(seen["matches"][0]["nextByteOffset"], 5);
        let seen = at_port(&root, &slot, &wanted(5, true, 0, 5), &shown).unwrap();
        assert_eq!((&seen["fileOffset"], seen["matches"].as_array().unwrap().len()), (&json!(3), 2));
        assert_eq!(seen["matches"][1]["fileName"], "wc-1-2/6700/worker.log.1");
        let seen = at_port(&root, &slot, &wanted(5, true, 1, 0), &shown).unwrap();
        assert_eq!(seen["matches"].as_array().unwrap().len(), 1);
        assert_eq!(everywhere(&root, "wc-1-2", &wanted(9, false, 7, 7), &shown).unwrap()[0]["port"], Value::Null);
        assert_eq!(everywhere(&root, "none", &wanted(1, true, 0, 0), &shown).unwrap(), json!([]));
    }
}
