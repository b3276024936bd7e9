//! Is an operation lawful, and if so, exactly what does it change? Nothing is changed here.
//!
//! The order of the checks is Apache ZooKeeper's, so that a request with two faults gets the same error.

use bytes::Bytes;

use crate::proto::{Acl, Code, CreateKind, Id, Operation, Perms};
use crate::tree::acl;
use crate::tree::data::Tree;
use crate::tree::node::{Lifetime, Node};
use crate::tree::path;
use crate::txn::Op;

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Requester<'a> {
    pub session: i64,
    pub ids: &'a [Id],
}

/// What the configuration allows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules {
    /// `extendedTypesEnabled`: nodes with a time to live.
    pub ttl_nodes: bool,
}

/// The longest time to live: 40 bits of milliseconds, about 34 years.
const LONGEST_TTL: i64 = 0xff_ffff_ffff;

/// The change that `operation` asks for; `None` for a check that holds.
pub fn prepare(tree: &Tree, who: Requester<'_>, rules: Rules, operation: &Operation) -> Result<Option<Op>, Code> {
    match operation {
        Operation::Create { kind, path, data, acl, flags } => {
            create(tree, who, rules, *kind, path, data.as_ref(), acl, *flags).map(Some)
        }
        Operation::Delete { path, version } => delete(tree, who, path, *version).map(Some),
        Operation::SetData { path, data, version } => {
            let node = existing(tree, path)?;
            acl::check(&node.acl, Perms::WRITE, who.ids)?;
            let version = next_version(node.version, *version)?;
            let data = data.as_deref().map(Bytes::copy_from_slice);
            Ok(Some(Op::SetData { path: path.clone(), data, version }))
        }
        Operation::SetAcl { path, acl, version } => {
            path::validate(path).map_err(|_| Code::BadArguments)?;
            let acl = acl::expand(acl, who.ids)?;
            let node = tree.get(path).ok_or(Code::NoNode)?;
            acl::check(&node.acl, Perms::ADMIN, who.ids)?;
            let version = next_version(node.aversion, *version)?;
            Ok(Some(Op::SetAcl { path: path.clone(), acl, version }))
        }
        Operation::Check { path, version } => {
            let node = existing(tree, path)?;
            acl::check(&node.acl, Perms::READ, who.ids)?;
            next_version(node.version, *version)?;
            Ok(None)
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "the fields of one request")]
fn create(
    tree: &Tree,
    who: Requester<'_>,
    rules: Rules,
    kind: CreateKind,
    path: &str,
    data: Option<&Bytes>,
    acl: &[Acl],
    flags: i32,
) -> Result<Op, Code> {
    let (ephemeral, sequential, ttl_flag) = match flags {
        0 | 4 => (false, false, false),
        1 => (true, false, false),
        2 => (false, true, false),
        3 => (true, true, false),
        5 => (false, false, true),
        6 => (false, true, true),
        _ => return Err(Code::BadArguments),
    };
    if ttl_flag && !rules.ttl_nodes {
        return Err(Code::Unimplemented);
    }
    let lifetime = match kind {
        CreateKind::Ttl(ttl) if ttl_flag && (1..=LONGEST_TTL).contains(&ttl) => Lifetime::Ttl(ttl),
        CreateKind::Ttl(_) => return Err(Code::BadArguments),
        _ if ttl_flag => return Err(Code::BadArguments),
        CreateKind::Container => Lifetime::Container,
        CreateKind::Plain | CreateKind::WithStat if ephemeral => Lifetime::Ephemeral(who.session),
        CreateKind::Plain | CreateKind::WithStat => Lifetime::Persistent,
    };
    if path.contains('\0') {
        return Err(Code::BadArguments);
    }
    let parent_path = path::parent(path).ok_or(Code::BadArguments)?;
    let acl = acl::expand(acl, who.ids)?;
    let parent = tree.get(parent_path).ok_or(Code::NoNode)?;
    acl::check(&parent.acl, Perms::CREATE, who.ids)?;
    let path = if sequential { format!("{path}{:010}", parent.cversion) } else { path.to_owned() };
    path::validate(&path).map_err(|_| Code::BadArguments)?;
    if tree.get(&path).is_some() {
        return Err(Code::NodeExists);
    }
    if matches!(parent.lifetime, Lifetime::Ephemeral(_)) {
        return Err(Code::NoChildrenForEphemerals);
    }
    Ok(Op::Create { path, data: data.map(|data| Bytes::copy_from_slice(data)), acl, lifetime })
}

fn delete(tree: &Tree, who: Requester<'_>, path: &str, version: i32) -> Result<Op, Code> {
    if path.contains('\0') || Tree::is_special(path) {
        return Err(Code::BadArguments);
    }
    let parent = tree.get(path::parent(path).ok_or(Code::BadArguments)?).ok_or(Code::NoNode)?;
    acl::check(&parent.acl, Perms::DELETE, who.ids)?;
    let node = tree.get(path).ok_or(Code::NoNode)?;
    next_version(node.version, version)?;
    if !node.children.is_empty() {
        return Err(Code::NotEmpty);
    }
    Ok(Op::Delete { path: path.to_owned() })
}

fn existing<'a>(tree: &'a Tree, path: &str) -> Result<&'a Node, Code> {
    path::validate(path).map_err(|_| Code::BadArguments)?;
    tree.get(path).map(AsRef::as_ref).ok_or(Code::NoNode)
}

/// The version after `current`, if the client expects `current` or anything (-1).
fn next_version(current: i32, expected: i32) -> Result<i32, Code> {
    if expected != -1 && expected != current {
        return Err(Code::BadVersion);
    }
    // -1 means "any" on the wire, so no node ever has it.
    Ok(match current.wrapping_add(1) {
        -1 => 0,
        next => next,
    })
}
