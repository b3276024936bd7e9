//! A node of Storm's tree as a line of the archive, and what becomes of it in a restore. No input or output.

use serde::{Deserialize, Serialize};
use zookeeper_client::{Acl, AuthId, Permission};

/// ZooKeeper's letters, in zkCli's order.
const RIGHTS: [(char, Permission); 5] = [
    ('c', Permission::CREATE),
    ('d', Permission::DELETE),
    ('r', Permission::READ),
    ('w', Permission::WRITE),
    ('a', Permission::ADMIN),
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Below Storm's root; the root's own is empty.
    pub path: String,
    pub data: Vec<u8>,
    pub acl: Vec<Acl>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    path: String,
    data: String,
    acl: Vec<String>,
}

impl Node {
    pub fn line(&self) -> String {
        let line = Line {
            path: self.path.clone(),
            data: storm_agent::authority::hex(&self.data),
            acl: self.acl.iter().map(right).collect(),
        };
        // Texts alone are JSON always.
        serde_json::to_string(&line).unwrap_or_default()
    }

    pub fn parse(line: &str) -> Result<Node, String> {
        let line: Line = serde_json::from_str(line).map_err(|e| e.to_string())?;
        let plain = |name: &str| !name.is_empty() && name != "." && name != ".." && !name.chars().any(char::is_control);
        if !line.path.is_empty() && !line.path.strip_prefix('/').is_some_and(|names| names.split('/').all(plain)) {
            return Err(format!("{:?} is no path", line.path));
        }
        let data = bytes(&line.data).ok_or_else(|| format!("the data of {} are no digits", line.path))?;
        let acl = line.acl.iter().map(|text| parse_right(text)).collect::<Option<Vec<Acl>>>();
        let acl = acl.filter(|acl| !acl.is_empty());
        Ok(Node { acl: acl.ok_or_else(|| format!("{} has no access list", line.path))?, data, path: line.path })
    }

    pub fn part(&self) -> Part<'_> {
        Part::of(&self.path)
    }
}

fn right(acl: &Acl) -> String {
    let letters: String = RIGHTS.iter().filter(|(_, p)| acl.permission().has(*p)).map(|(letter, _)| *letter).collect();
    format!("{}:{}:{letters}", acl.scheme(), acl.id())
}

/// `scheme:id:rights`; an id may hold colons.
fn parse_right(text: &str) -> Option<Acl> {
    let (scheme, rest) = text.split_once(':')?;
    let (id, letters) = rest.rsplit_once(':')?;
    let mut rights = Permission::NONE;
    for letter in letters.chars() {
        rights = rights | RIGHTS.iter().find(|(l, _)| *l == letter)?.1;
    }
    Some(Acl::new(rights, AuthId::new(scheme, id)))
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    if !hex.len().is_multiple_of(2) {
        return None;
    }
    let digit = |b: u8| (b as char).to_digit(16).map(|d| d as u8);
    hex.as_bytes().chunks(2).map(|two| Some(digit(two[0])? << 4 | digit(two[1])?)).collect()
}

/// Whose a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'p> {
    /// What makes a topology one; without it, nobody runs it.
    Base(&'p str),
    /// Of a topology, by its id.
    Topology(&'p str),
    /// What daemons and workers have written about their own life, or will write anew: where executors run, beats, who holds
    /// which blob, what was asked of a worker. Of another time it is wrong.
    Moment,
    /// Folders, and what others keep below Storm's root.
    Rest,
}

impl Part<'_> {
    pub fn of(path: &str) -> Part<'_> {
        let names: Vec<&str> = path.split('/').skip(1).collect();
        match names[..] {
            ["storms", id] => Part::Base(id),
            ["credentials" | "logconfigs" | "errors" | "backpressure" | "storms", id, ..] => Part::Topology(id),
            ["workerbeats", id] | ["secretkeys", _, id, ..] => Part::Topology(id),
            ["workerbeats", _, _, ..] => Part::Moment,
            ["assignments" | "profilerconfigs" | "blobstore" | "blobstoremaxkeysequencenumber", _, ..] => Part::Moment,
            ["supervisors" | "nimbuses", _, ..] | ["leader-lock", ..] | [.., "leader-info"] => Part::Moment,
            _ => Part::Rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_and_its_line() {
        let node = Node {
            path: "/storms/wc-1-2".into(),
            data: vec![0, 0x1f, 0xff],
            acl: vec![
                Acl::new(Permission::ALL, AuthId::anyone()),
                Acl::new(Permission::READ | Permission::ADMIN, AuthId::new("digest", "ann:h4sh=")),
            ],
        };
        let line = node.line();
        let text = r#"{"path":"/storms/wc-1-2","data":"001fff","acl":["world:anyone:cdrwa","digest:ann:h4sh=:ra"]}"#;
        assert_eq!(line, text);
        assert_eq!(Node::parse(&line), Ok(node));
        for (good, bad) in [
            ("/storms/wc-1-2", "storms"),
            ("/storms/wc-1-2", "/storms/../x"),
            ("/storms/wc-1-2", "/storms/"),
            ("001fff", "001ff"),
            ("001fff", "00xf"),
            ("cdrwa", "cdrwx"),
            ("\"world:anyone:cdrwa\",\"digest:ann:h4sh=:ra\"", ""),
        ] {
            assert!(Node::parse(&line.replace(good, bad)).is_err(), "{bad}");
        }
        assert!(Node::parse(r#"{"path":"","data":"","acl":["world:anyone:r"]}"#).is_ok());
    }

    #[test]
    fn whose_a_node_is() {
        for (path, part) in [
            ("", Part::Rest),
            ("/storms", Part::Rest),
            ("/blobstore", Part::Rest),
            ("/notes/of/ann", Part::Rest),
            ("/storms/wc-1-2", Part::Base("wc-1-2")),
            ("/errors/wc-1-2/count-last-error", Part::Topology("wc-1-2")),
            ("/credentials/wc-1-2", Part::Topology("wc-1-2")),
            ("/secretkeys/NIMBUS/wc-1-2/1", Part::Topology("wc-1-2")),
            ("/secretkeys/NIMBUS", Part::Rest),
            ("/workerbeats/wc-1-2", Part::Topology("wc-1-2")),
            ("/workerbeats/wc-1-2/s-6700", Part::Moment),
            ("/assignments/wc-1-2", Part::Moment),
            ("/assignments", Part::Rest),
            ("/blobstore/key", Part::Moment),
            ("/blobstoremaxkeysequencenumber/key", Part::Moment),
            ("/storm/leader-info", Part::Moment),
            ("/leader-lock", Part::Moment),
        ] {
            assert_eq!(Part::of(path), part, "{path}");
        }
    }
}
