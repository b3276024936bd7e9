//! The answer of `stormctl zk du`: nodes and bytes of each subtree.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::printer::Report;
use crate::table::{Side, Table};

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Sum {
    nodes: u64,
    bytes: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Usage {
    /// Subtrees in the order of their paths; the whole is the last.
    subtrees: Vec<(String, Sum)>,
}

impl Usage {
    /// Adds up nodes below `top` by the subtrees of the first `depth` levels.
    pub fn of<'a>(top: &str, depth: usize, nodes: impl Iterator<Item = (&'a str, i32)>) -> Usage {
        let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
        let mut total = Sum::default();
        for (path, bytes) in nodes {
            let add = |sum: &mut Sum| {
                sum.nodes += 1;
                sum.bytes += u64::try_from(bytes).unwrap_or_default();
            };
            add(&mut total);
            let start = if top == "/" { 0 } else { top.len() };
            let ends = path[start..].match_indices('/').map(|(at, _)| start + at).skip(1).chain([path.len()]);
            for end in ends.take(depth).filter(|end| *end > top.len()) {
                add(sums.entry(path[..end].to_owned()).or_default());
            }
        }
        let mut subtrees: Vec<(String, Sum)> = sums.into_iter().collect();
        subtrees.push((top.to_owned(), total));
        Usage { subtrees }
    }
}

impl Report for Usage {
    const KIND: &'static str = "ZNodeUsageList";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), Value::Array(self.items()))])
    }

    fn items(&self) -> Vec<Value> {
        self.subtrees.iter().map(|(path, s)| json!({"path": path, "nodes": s.nodes, "bytes": s.bytes})).collect()
    }

    fn text(&self, _wide: bool) -> String {
        let mut table = Table::new(&[("NODES", Side::Right), ("BYTES", Side::Right), ("PATH", Side::Left)]);
        for (path, s) in &self.subtrees {
            table.row([s.nodes.to_string(), s.bytes.to_string(), path.clone()]);
        }
        table.text()
    }

    fn names(&self) -> Vec<String> {
        self.subtrees.iter().map(|(path, _)| path.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subtrees_add_up() {
        let nodes = [("/s", 1), ("/s/a", 7), ("/s/b", 0), ("/s/a/x", 10), ("/s/a/y", 20), ("/s/a/x/z", 5)];
        let table = |depth| Usage::of("/s", depth, nodes.into_iter()).text(false);
        assert_eq!(table(0), "NODES  BYTES  PATH\n    6     43  /s\n");
        assert_eq!(table(1), "NODES  BYTES  PATH\n    4     42  /s/a\n    1      0  /s/b\n    6     43  /s\n");
        assert!(table(2).contains("    2     15  /s/a/x\n"), "{}", table(2));
        let all = [("/", 0), ("/s", 1), ("/zookeeper", 0), ("/zookeeper/config", 9)];
        let table = Usage::of("/", 1, all.into_iter()).text(false);
        assert_eq!(table, "NODES  BYTES  PATH\n    1      1  /s\n    2      9  /zookeeper\n    4     10  /\n");
    }
}
