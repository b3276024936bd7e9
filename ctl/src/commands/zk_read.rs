//! `stormctl zk ls`, `get`, `find` and `du`: ZooKeeper's tree, with Storm's own data readable.

use serde_json::{Map, Value, json};
use zookeeper_client::Stat;

use super::zk_usage::Usage;
use crate::cli::Format;
use crate::cli::zk::{ZkDu, ZkFind, ZkGet, ZkLs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{Printer, Report};
use crate::table::{Side, Table, or_dash};
use crate::zk::node::{self, Data};
use crate::zk::session::{Session, child, resolve};
use crate::zk::thrift::Types;
use crate::zk::walk::{Found, read_each, walk};
use crate::zk::{glob, kinds::Kind};

pub async fn ls(printer: &Printer, session: &Session, base: &str, args: &ZkLs) -> Result<(), Failure> {
    let path = resolve(base, &args.path)?;
    let plain = matches!(printer.format, Format::Table | Format::Name) && !args.long;
    let nodes = if args.recursive {
        let all = walk(session, &path).await?;
        all.into_iter().map(|f| Listed { name: f.path.clone(), path: f.path, stat: Some(f.stat) }).collect()
    } else {
        let mut names = session.client.list_children(&path).await.map_err(|e| session.failure(&path, &e))?;
        names.sort_unstable();
        let nodes: Vec<Listed> =
            names.into_iter().map(|name| Listed { path: child(&path, &name), name, stat: None }).collect();
        if plain { nodes } else { with_stats(session, nodes).await? }
    };
    printer.show(&Listing { nodes, long: args.long, root: session.root.clone() })
}

async fn with_stats(session: &Session, mut nodes: Vec<Listed>) -> Result<Vec<Listed>, Failure> {
    for part in nodes.chunks_mut(256) {
        let asked: Vec<_> = part.iter().map(|n| session.client.check_stat(&n.path)).collect();
        let mut answers = Vec::with_capacity(asked.len());
        for answer in asked {
            answers.push(answer.await);
        }
        for (node, answer) in part.iter_mut().zip(answers) {
            node.stat = answer.map_err(|e| session.failure(&node.path, &e))?;
        }
    }
    // One without any has gone meanwhile.
    nodes.retain(|n| n.stat.is_some());
    Ok(nodes)
}

struct Listed {
    path: String,
    name: String,
    stat: Option<Stat>,
}

struct Listing {
    nodes: Vec<Listed>,
    long: bool,
    root: String,
}

impl Listing {
    fn kind(&self, node: &Listed) -> Option<&'static str> {
        Kind::of(&self.root, &node.path).map(Kind::name)
    }
}

impl Report for Listing {
    const KIND: &'static str = "ZNodeList";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), Value::Array(self.items()))])
    }

    fn items(&self) -> Vec<Value> {
        let item = |n: &Listed| {
            let mut map = Map::from_iter([
                ("path".to_owned(), json!(n.path)),
                ("name".to_owned(), json!(n.path.rsplit('/').next())),
                ("type".to_owned(), json!(self.kind(n))),
            ]);
            map.extend(n.stat.as_ref().map(node::stat_fields).unwrap_or_default());
            Value::Object(map)
        };
        self.nodes.iter().map(item).collect()
    }

    fn text(&self, wide: bool) -> String {
        if !wide && !self.long {
            return self.nodes.iter().map(|n| format!("{}\n", n.name)).collect();
        }
        let mut table = Table::new(&[
            ("NAME", Side::Left),
            ("TYPE", Side::Left),
            ("CHILDREN", Side::Right),
            ("BYTES", Side::Right),
            ("VERSION", Side::Right),
            ("MODIFIED", Side::Left),
            ("OWNER", Side::Left),
        ]);
        for n in &self.nodes {
            let stat = n.stat.as_ref();
            table.row([
                n.name.clone(),
                or_dash(self.kind(n)),
                or_dash(stat.map(|s| s.num_children)),
                or_dash(stat.map(|s| s.data_length)),
                or_dash(stat.map(|s| s.version)),
                or_dash(stat.and_then(|s| node::time(s.mtime).as_str().map(str::to_owned))),
                or_dash(stat.and_then(node::owner)),
            ]);
        }
        table.text()
    }

    fn names(&self) -> Vec<String> {
        self.nodes.iter().map(|n| n.path.clone()).collect()
    }
}

pub async fn get(printer: &Printer, session: &Session, base: &str, args: &ZkGet) -> Result<(), Failure> {
    let path = resolve(base, &args.path)?;
    let (bytes, stat) = session.client.get_data(&path).await.map_err(|e| session.failure(&path, &e))?;
    if args.raw {
        if Kind::of(&session.root, &path).is_some_and(Kind::is_secret) && !args.show_secrets {
            return Err(Failure::new(Exit::Refused, "zk/secret", format!("{path} holds secrets"))
                .hint("say --show-secrets to have them as they are"));
        }
        return printer.bytes(&bytes);
    }
    let data = node::decode(&Types::new(args.show_secrets), &session.root, &path, &bytes);
    if let Some(problem) = &data.problem {
        printer.note(&format!("{path}: {problem}"));
    }
    printer.show(&Node { path, stat, data, with_stat: args.stat })
}

struct Node {
    path: String,
    stat: Stat,
    data: Data,
    with_stat: bool,
}

impl Report for Node {
    const KIND: &'static str = "ZNode";

    fn fields(&self) -> Map<String, Value> {
        let mut map = Map::new();
        map.insert("path".into(), self.path.clone().into());
        map.insert("type".into(), self.data.what.clone().into());
        map.insert("encoding".into(), self.data.encoding.into());
        map.insert("stat".into(), node::stat_fields(&self.stat).into());
        map.insert("data".into(), self.data.value.clone());
        if let Some(problem) = &self.data.problem {
            map.insert("problem".into(), problem.clone().into());
        }
        map
    }

    fn text(&self, wide: bool) -> String {
        let mut text = String::new();
        if wide || self.with_stat {
            // Comments, so that the whole is YAML still.
            text.push_str(&format!("# {}: {}\n", self.path, self.data.what));
            for (key, value) in node::stat_fields(&self.stat) {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                text.push_str(&format!("# {key}: {}\n", if value == "null" { "-" } else { &value }));
            }
        }
        text + &self.data.text()
    }

    fn names(&self) -> Vec<String> {
        vec![self.path.clone()]
    }
}

pub async fn find(printer: &Printer, session: &Session, base: &str, args: &ZkFind) -> Result<(), Failure> {
    let path = resolve(base, &args.path)?;
    let fits = |found: &Found| {
        let by_name = args.name.as_deref().is_none_or(|pattern| {
            let whole = pattern.contains('/');
            glob::matches(pattern, if whole { &found.path } else { found.path.rsplit('/').next().unwrap_or_default() })
        });
        by_name && (!args.ephemeral || node::owner(&found.stat).is_some())
    };
    let named: Vec<Found> = walk(session, &path).await?.into_iter().filter(fits).collect();
    let Some(text) = &args.text else {
        let hits = named.into_iter().map(|f| Hit { path: f.path, line: None }).collect();
        return printer.show(&Hits(hits));
    };
    let case = |text: &str| if args.ignore_case { text.to_lowercase() } else { text.to_owned() };
    let (types, wanted, mut hits) = (Types::new(args.show_secrets), case(text), Vec::new());
    read_each(session, &named, |found, bytes| {
        let data = node::decode(&types, &session.root, &found.path, &bytes);
        let lines = data.lines().into_iter().filter(|line| case(line).contains(&wanted));
        hits.extend(lines.map(|line| Hit { path: found.path.clone(), line: Some(line.trim().to_owned()) }));
    })
    .await?;
    printer.show(&Hits(hits))
}

struct Hit {
    path: String,
    line: Option<String>,
}

struct Hits(Vec<Hit>);

impl Report for Hits {
    const KIND: &'static str = "ZNodeMatchList";

    fn fields(&self) -> Map<String, Value> {
        Map::from_iter([("items".to_owned(), Value::Array(self.items()))])
    }

    fn items(&self) -> Vec<Value> {
        self.0.iter().map(|h| json!({"path": h.path, "line": h.line})).collect()
    }

    fn text(&self, _wide: bool) -> String {
        let line = |h: &Hit| match &h.line {
            Some(line) => format!("{}: {line}\n", h.path),
            None => format!("{}\n", h.path),
        };
        self.0.iter().map(line).collect()
    }

    fn names(&self) -> Vec<String> {
        let mut paths: Vec<String> = self.0.iter().map(|h| h.path.clone()).collect();
        paths.dedup();
        paths
    }
}

pub async fn du(printer: &Printer, session: &Session, base: &str, args: &ZkDu) -> Result<(), Failure> {
    let path = resolve(base, &args.path)?;
    let nodes = walk(session, &path).await?;
    printer.show(&Usage::of(&path, args.depth, nodes.iter().map(|f| (f.path.as_str(), f.stat.data_length))))
}
