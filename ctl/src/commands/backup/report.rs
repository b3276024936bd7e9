//! What backups and restores say.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::archive::{Blob, Manifest, Topology};
use super::decide::Plan;
use crate::cli::backup::Restore;
use crate::printer::Report;

/// What is in an archive.
pub struct Packed {
    file: String,
    bytes: u64,
    /// It was there, and was looked at.
    looked: bool,
    manifest: Manifest,
    /// What should be known of it.
    pub notes: Vec<String>,
}

impl Packed {
    pub fn new(file: &Path, bytes: u64, looked: bool, manifest: Manifest) -> Packed {
        let broken = |t: &Topology| format!("{} cannot run again: there is no blob {}", t.id, t.missing.join(", "));
        let notes = manifest.topologies.iter().filter(|t| !t.missing.is_empty()).map(broken).collect();
        Packed { file: file.display().to_string(), bytes, looked, manifest, notes }
    }
}

/// `3.4 MiB`
fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

fn counted(n: usize, what: &str) -> String {
    match (n, what.strip_suffix('y')) {
        (1, _) => format!("1 {what}"),
        (n, Some(stem)) => format!("{n} {stem}ies"),
        (n, None) => format!("{n} {what}s"),
    }
}

fn topology_json(t: &Topology) -> Value {
    json!({"id": t.id, "name": t.name, "status": t.status, "missing": t.missing})
}

fn blob_json(b: &Blob) -> Value {
    json!({"key": b.key, "bytes": b.bytes, "sha256": b.sha256})
}

impl Report for Packed {
    const KIND: &'static str = "Backup";

    fn fields(&self) -> Map<String, Value> {
        let m = &self.manifest;
        let fields = json!({
            "file": self.file,
            "bytes": self.bytes,
            "made": m.made,
            "zookeeper": m.zookeeper,
            "root": m.root,
            "blobs_from": m.blobs_from,
            "nodes": m.tree.nodes,
            "left_out": m.tree.left_out,
            "topologies": m.topologies.iter().map(topology_json).collect::<Vec<_>>(),
            "blobs": m.blobs.iter().map(blob_json).collect::<Vec<_>>(),
            "notes": self.notes,
        });
        fields.as_object().cloned().unwrap_or_default()
    }

    fn text(&self, wide: bool) -> String {
        let m = &self.manifest;
        let mut text = format!(
            "{} ({}){}: {}, {} of {}{}, {} ({})\n",
            self.file,
            size(self.bytes),
            if self.looked { format!(" is whole, of {}", m.made) } else { String::new() },
            counted(m.topologies.len(), "topology"),
            counted(usize::try_from(m.tree.nodes).unwrap_or(usize::MAX), "node"),
            m.zookeeper,
            m.root,
            counted(m.blobs.len(), "blob"),
            size(m.blob_bytes()),
        );
        for t in &m.topologies {
            text.push_str(&format!("  {}  {}\n", t.id, t.status));
        }
        if wide {
            for b in &m.blobs {
                text.push_str(&format!("  {}  {} bytes  sha256 {}\n", b.key, b.bytes, b.sha256));
            }
        }
        text.push_str(&format!(
            "left out: {}, which go with their sessions\n",
            counted(m.tree.left_out as usize, "node")
        ));
        text.extend(self.notes.iter().map(|n| format!("note: {n}\n")));
        text.push_str(&match self.looked {
            true => format!("next: stormctl restore {} --dry-run\n", self.file),
            false => format!("next: stormctl backup {} --verify      where it is kept\n", self.file),
        });
        text
    }

    fn names(&self) -> Vec<String> {
        vec![self.file.clone()]
    }
}

/// What a restore did, or would do.
pub struct Restored {
    dry_run: bool,
    file: String,
    made: String,
    nimbus: String,
    all_nodes: u64,
    plan: Plan,
    /// Made in ZooKeeper.
    pub nodes: u64,
    /// It does not know the topologies by name before.
    pub restart_nimbus: bool,
}

impl Restored {
    pub fn new(args: &Restore, manifest: &Manifest, nimbus: &str, plan: Plan) -> Restored {
        Restored {
            dry_run: args.dry_run,
            file: args.file.display().to_string(),
            made: manifest.made.clone(),
            nimbus: nimbus.to_owned(),
            all_nodes: manifest.tree.nodes,
            plan,
            nodes: 0,
            restart_nimbus: false,
        }
    }
}

impl Report for Restored {
    const KIND: &'static str = "Restore";

    fn fields(&self) -> Map<String, Value> {
        let ids = |all: &[Topology]| all.iter().map(|t| t.id.clone()).collect::<Vec<_>>();
        let plan = &self.plan;
        let fields = json!({
            "dry_run": self.dry_run,
            "file": self.file,
            "made": self.made,
            "nimbus": self.nimbus,
            "topologies": ids(&plan.topologies),
            "living": ids(&plan.living),
            "broken": ids(&plan.broken),
            "created": plan.create,
            "same": plan.same,
            "updated": plan.way.update,
            "deleted": plan.way.delete,
            "killed": plan.way.kill,
            "nodes": self.nodes,
            "restart_nimbus": self.restart_nimbus,
        });
        fields.as_object().cloned().unwrap_or_default()
    }

    fn text(&self, _wide: bool) -> String {
        let plan = &self.plan;
        let would = if self.dry_run { "would be " } else { "" };
        let mut text = format!("{} of {}, through {}\n", self.file, self.made, self.nimbus);
        for t in &plan.topologies {
            text.push_str(&format!("  {}  {would}restored ({})\n", t.id, t.status));
        }
        for t in &plan.living {
            text.push_str(&format!("  {}  is there, and stays as it is\n", t.id));
        }
        for t in &plan.broken {
            text.push_str(&format!("  {}  left out: the backup has no {}\n", t.id, t.missing.join(", ")));
        }
        text.push_str(&format!("  {} {would}created", counted(plan.create.len(), "blob")));
        if !plan.same.is_empty() {
            text.push_str(&format!(", {} there already", plan.same.len()));
        }
        match self.dry_run {
            true => {
                text.push_str(&format!("; of {} those that are not there\n", counted(self.all_nodes as usize, "node")))
            }
            false => text.push_str(&format!("; {} made in ZooKeeper\n", counted(self.nodes as usize, "node"))),
        }
        for line in plan.way.lines() {
            text.push_str(&format!("  {}{line}\n", if self.dry_run { "--replace would " } else { "" }));
        }
        if !self.dry_run {
            text.push_str(&match self.restart_nimbus {
                true => format!(
                    "next: restart Nimbus on {}: it lists the topologies, and knows them by name only from its start\n",
                    self.nimbus.rsplit_once(':').map_or(self.nimbus.as_str(), |(host, _)| host)
                ),
                false => "next: stormctl list\n".to_owned(),
            });
        }
        text
    }

    fn names(&self) -> Vec<String> {
        self.plan.topologies.iter().map(|t| t.id.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_say_them() {
        assert_eq!((counted(1, "topology"), counted(2, "topology")), ("1 topology".into(), "2 topologies".into()));
        assert_eq!((counted(1, "blob"), counted(0, "blob")), ("1 blob".into(), "0 blobs".into()));
        assert_eq!((size(1023), size(1536), size(3 << 20)), ("1023 bytes".into(), "1.5 KiB".into(), "3.0 MiB".into()));
    }
}
