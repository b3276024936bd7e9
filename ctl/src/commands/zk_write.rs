//! `stormctl zk set` and `rm`: changes of ZooKeeper's tree, after a look at what they would break.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use serde_json::{Map, json};
use zookeeper_client::{Acls, CreateMode, Error, Stat};

use crate::change::Change;
use crate::cli::Global;
use crate::cli::zk::{ZkChange, ZkRm, ZkSet};
use crate::confirm;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::zk::guard::{Danger, danger};
use crate::zk::node;
use crate::zk::session::{Session, child, resolve};
use crate::zk::walk::{Found, walk};

/// ZooKeeper takes no larger packet; the path travels in it too.
const LONGEST: u64 = 0xf_ffff;

pub async fn set(
    printer: &Printer,
    session: &Session,
    base: &str,
    args: &ZkSet,
    global: &Global,
) -> Result<(), Failure> {
    let path = resolve(base, &args.path)?;
    let data = match (&args.value, &args.file) {
        (Some(value), _) => value.clone().into_bytes(),
        (None, Some(file)) => contents(file)?,
        (None, None) => return Err(Failure::new(Exit::Usage, "usage/value", "neither a value nor --file is given")),
    };
    let old = session.client.check_stat(&path).await.map_err(|e| session.failure(&path, &e))?;
    let Some(stat) = old else {
        if !args.create {
            return Err(session.failure(&path, &Error::NoNode).hint("say --create to make it"));
        }
        return create(printer, session, &path, &data, args, global).await;
    };
    check_version(session, &path, &stat, &args.change)?;
    guard(session, &path, &[Found { path: path.clone(), stat }], false, &args.change).await?;
    let what = format!("writes {} bytes over the {} bytes of {path}", data.len(), stat.data_length);
    if args.change.dry_run {
        return planned(printer, &path, &what);
    }
    confirm::typed_name(&what, &path, global)?;
    // The version that was looked at: what has changed since was not meant.
    let written = session.client.set_data(&path, &data, Some(args.change.if_version.unwrap_or(stat.version))).await;
    let written = written.map_err(|e| session.failure(&path, &e))?;
    printer.show(&Change {
        action: "written",
        names: vec![path.clone()],
        message: format!("{path} holds {} bytes now, version {}", data.len(), written.version),
        next: None,
        details: Map::from_iter([
            ("version".to_owned(), json!(written.version)),
            ("bytes".to_owned(), json!(data.len())),
        ]),
    })
}

async fn create(
    printer: &Printer,
    session: &Session,
    path: &str,
    data: &[u8],
    args: &ZkSet,
    global: &Global,
) -> Result<(), Failure> {
    if let Some(version) = args.change.if_version {
        return Err(Failure::new(Exit::Conflict, "zk/changed", format!("{path}: there is no version {version}"))
            .evidence("there is no such node"));
    }
    guard(session, path, &[], false, &args.change).await?;
    let what = format!("makes {path} with {} bytes", data.len());
    if args.change.dry_run {
        return planned(printer, path, &what);
    }
    confirm::typed_name(&what, path, global)?;
    let options = CreateMode::Persistent.with_acls(Acls::anyone_all());
    for (at, _) in path.match_indices('/').skip(1) {
        match session.client.create(&path[..at], &[], &options).await {
            Ok(_) | Err(Error::NodeExists) => {}
            Err(e) => return Err(session.failure(&path[..at], &e)),
        }
    }
    session.client.create(path, data, &options).await.map_err(|e| session.failure(path, &e))?;
    printer.show(&Change {
        action: "created",
        names: vec![path.to_owned()],
        message: format!("{path} is made, with {} bytes", data.len()),
        next: None,
        details: Map::from_iter([("version".to_owned(), json!(0)), ("bytes".to_owned(), json!(data.len()))]),
    })
}

pub async fn rm(printer: &Printer, session: &Session, base: &str, args: &ZkRm, global: &Global) -> Result<(), Failure> {
    let path = resolve(base, &args.path)?;
    if path == "/" {
        return Err(Failure::new(Exit::Refused, "zk/root", "the root of ZooKeeper cannot be removed"));
    }
    let found = walk(session, &path).await?;
    let top = found.first().ok_or_else(|| session.failure(&path, &Error::NoNode))?;
    check_version(session, &path, &top.stat, &args.change)?;
    if found.len() > 1 && !args.recursive {
        return Err(session.failure(&path, &Error::NotEmpty));
    }
    guard(session, &path, &found, true, &args.change).await?;
    let what = match found.len() {
        1 => format!("removes {path}"),
        n => format!("removes {path} and the {} nodes below it", n - 1),
    };
    if args.change.dry_run {
        return planned(printer, &path, &what);
    }
    confirm::typed_name(&what, &path, global)?;
    let version = args.change.if_version;
    let removed = if args.recursive {
        remove_tree(session, found, version).await?
    } else {
        session.client.delete(&path, version).await.map_err(|e| session.failure(&path, &e))?;
        1
    };
    printer.show(&Change {
        action: "removed",
        names: vec![path.clone()],
        message: format!("{path} is removed ({removed} nodes)"),
        next: None,
        details: Map::from_iter([("nodes".to_owned(), json!(removed))]),
    })
}

/// Children before their parents; what appears meanwhile goes too.
async fn remove_tree(session: &Session, found: Vec<Found>, version: Option<i32>) -> Result<usize, Failure> {
    let mut waiting: Vec<String> = found.into_iter().map(|f| f.path).collect();
    let top = waiting.first().cloned().unwrap_or_default();
    let mut removed = 0;
    let mut late = 0;
    while let Some(path) = waiting.pop() {
        let wanted = if path == top { version } else { None };
        match session.client.delete(&path, wanted).await {
            Ok(()) => removed += 1,
            Err(Error::NoNode) => {}
            // Somebody makes nodes here all the time: then it is not ours to win.
            Err(Error::NotEmpty) if late < 10_000 => {
                let names = session.client.list_children(&path).await.map_err(|e| session.failure(&path, &e))?;
                late += 1 + names.len();
                waiting.push(path.clone());
                waiting.extend(names.iter().map(|name| child(&path, name)));
            }
            Err(e) => return Err(session.failure(&path, &e).evidence(format!("{removed} nodes are removed already"))),
        }
    }
    Ok(removed)
}

fn check_version(session: &Session, path: &str, stat: &Stat, change: &ZkChange) -> Result<(), Failure> {
    match change.if_version {
        Some(version) if version != stat.version => Err(session
            .failure(path, &Error::BadVersion)
            .evidence(format!("version {} is there, version {version} was asked for", stat.version))),
        _ => Ok(()),
    }
}

/// Refuses what would break something that lives, unless forced.
async fn guard(
    session: &Session,
    path: &str,
    found: &[Found],
    recursive: bool,
    change: &ZkChange,
) -> Result<(), Failure> {
    if change.force {
        return Ok(());
    }
    let owned = |f: &Found| node::owner(&f.stat).map(|s| Danger::Owned { path: f.path.clone(), session: s });
    let live = live_topologies(session).await?;
    match danger(&session.root, path, recursive, &live).or_else(|| found.iter().find_map(owned)) {
        None => Ok(()),
        Some(danger) => {
            Err(Failure::new(Exit::Refused, danger.code(), format!("{path} is left as it is: {}", danger.reason()))
                .hint(danger.hint()))
        }
    }
}

/// The ids under `storms`: what Nimbus counts as living.
async fn live_topologies(session: &Session) -> Result<BTreeSet<String>, Failure> {
    let storms = format!("{}/storms", session.root);
    match session.client.list_children(&storms).await {
        Ok(ids) => Ok(ids.into_iter().collect()),
        Err(Error::NoNode) => Ok(BTreeSet::new()),
        Err(e) => Err(session.failure(&storms, &e)),
    }
}

fn planned(printer: &Printer, path: &str, what: &str) -> Result<(), Failure> {
    printer.show(&Change {
        action: "planned",
        names: vec![path.to_owned()],
        message: format!("this {what}; nothing is done"),
        next: None,
        details: Map::new(),
    })
}

fn contents(file: &Path) -> Result<Vec<u8>, Failure> {
    let cannot = |e: &std::io::Error| Failure::io(format!("cannot read {}", file.display()), e);
    let mut data = Vec::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().lock().take(LONGEST + 1).read_to_end(&mut data)
    } else {
        std::fs::File::open(file).map_err(|e| cannot(&e))?.take(LONGEST + 1).read_to_end(&mut data)
    };
    read.map_err(|e| cannot(&e))?;
    if data.len() as u64 > LONGEST {
        return Err(Failure::new(
            Exit::Failed,
            "zk/too-large",
            format!("{} is larger than a node may be", file.display()),
        )
        .evidence("ZooKeeper takes at most 1 MiB (jute.maxbuffer)"));
    }
    Ok(data)
}
