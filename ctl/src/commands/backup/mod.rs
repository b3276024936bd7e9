//! `stormctl backup` and `stormctl restore`: Storm's tree and the blobs as one file, and back.

mod archive;
mod decide;
mod node;
mod report;
mod restore;
mod source;
mod tree;

use std::collections::BTreeSet;
use std::time::Duration;

use storm_nimbus::foresee::TopologyBlob;

use self::archive::{FORMAT, Manifest, TREE, Tree, Writer};
use self::report::Packed;
use self::source::Source;
use crate::cli::backup::{Backup, Restore};
use crate::context::Context;
use crate::failure::Failure;
use crate::logging::iso_time;
use crate::watch::now_ms;
use crate::zk::session::Session;

/// As long as it takes; each question has its own limit.
const LIMIT: Duration = Duration::from_secs(7 * 24 * 3600);

pub async fn backup(ctx: &Context, args: &Backup) -> Result<(), Failure> {
    if args.verify {
        let manifest = archive::verify(&args.file)?;
        let bytes = args.file.metadata().map_or(0, |m| m.len());
        return ctx.printer.show(&Packed::new(&args.file, bytes, true, manifest));
    }
    ctx.within(LIMIT, pack(ctx, args)).await
}

pub async fn restore(ctx: &Context, args: &Restore) -> Result<(), Failure> {
    ctx.within(LIMIT, restore::run(ctx, args)).await
}

/// First the blobs, then the tree: what is submitted meanwhile is seen to be incomplete, and what is killed meanwhile leaves only
/// blobs that nobody asks for.
async fn pack(ctx: &Context, args: &Backup) -> Result<(), Failure> {
    let now = now_ms();
    let mut writer = Writer::begin(&args.file, now / 1000)?;
    // Before anything large is read, whether there is a tree at all.
    let session = Session::connect(ctx, None).await?;
    tree::must_exist(&session).await?;
    session.close().await;
    let mut source = Source::open(ctx).await?;
    let mut blobs = Vec::new();
    let keys = source.keys().await?;
    for (at, key) in keys.iter().enumerate() {
        ctx.printer.progress(&format!("blob {} of {}: {key}", at + 1, keys.len()));
        blobs.extend(source.pack(key, &mut writer).await?);
    }
    ctx.printer.progress("the tree in ZooKeeper");
    let session = Session::connect(ctx, None).await?;
    let mut spool = writer.spool()?;
    let (read, mut topologies) = tree::read(&session, &mut spool).await?;
    let (zookeeper, root) = (session.servers.clone(), session.root.clone());
    session.close().await;
    let (bytes, sha256) = writer.add(TREE, spool)?;
    let there: BTreeSet<&str> = blobs.iter().map(|b| b.key.as_str()).collect();
    for topology in &mut topologies {
        let needed = TopologyBlob::ALL.map(|blob| blob.key(&topology.id));
        topology.missing = needed.into_iter().filter(|key| !there.contains(key.as_str())).collect();
    }
    let manifest = Manifest {
        format: FORMAT,
        made: iso_time(now),
        stormctl: env!("CARGO_PKG_VERSION").to_owned(),
        zookeeper,
        root,
        blobs_from: source.name(),
        tree: Tree { bytes, sha256, ..read },
        topologies,
        blobs,
    };
    let size = writer.finish(&manifest)?;
    ctx.printer.progress_end();
    let mut packed = Packed::new(&args.file, size, false, manifest);
    if let Some(folder) = source.folder() {
        packed.notes.insert(0, format!("no Nimbus answers: the blobs are those of {}", folder.display()));
    }
    ctx.printer.show(&packed)
}
