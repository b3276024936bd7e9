//! `stormctl restore`: what is missing in the cluster is put there, blobs through Nimbus, nodes into ZooKeeper, and a topology's
//! base last of all that belongs to it. So a run that was cut off is finished by the next one.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::time::Duration;

use storm_thrift::types::KillOptions;
use storm_thrift::{ClientError, Exception, NimbusClient};

use super::archive::{self, Checked, Manifest, Measure, TREE, key_of, name_of};
use super::decide::{Held, Plan, There, Way, decide};
use super::node::{Node, Part};
use super::report::Restored;
use super::source::{content, meta};
use super::tree;
use crate::cli::backup::Restore;
use crate::commands::blobstore::{self, transfer};
use crate::confirm;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::zk::session::Session;

/// For what Nimbus does by itself: to end a topology, to see another one.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// Nodes that are held while they are on their way.
const BATCH: usize = 512;

pub async fn run(ctx: &Context, args: &Restore) -> Result<(), Failure> {
    let file = args.file.as_path();
    let manifest = archive::verify(file)?;
    let nimbus = ctx.nimbus().await.map_err(|f| match f.exit {
        Exit::Unreachable => {
            f.hint("a restore goes through Nimbus: stormctl start zookeeper nimbus, then the same again")
        }
        _ => f,
    })?;
    let mut job = Job { ctx, file, manifest: &manifest, nimbus };
    let plan = decide(&manifest, &job.there().await?);
    let mut done = Restored::new(args, &manifest, job.nimbus.address(), plan.clone());
    let refused = (!plan.way.is_clear() && !args.replace).then(|| job.refusal(&plan.way));
    if args.dry_run {
        ctx.printer.show(&done)?;
        return refused.map_or(Ok(()), Err);
    }
    if let Some(refusal) = refused {
        return Err(refusal);
    }
    job.clear(&plan.way).await?;
    job.put(&plan, &mut done).await?;
    done.restart_nimbus = !job.known(&plan).await?;
    ctx.printer.show(&done)
}

struct Job<'a> {
    ctx: &'a Context,
    file: &'a Path,
    manifest: &'a Manifest,
    nimbus: NimbusClient,
}

impl Job<'_> {
    async fn session(&self) -> Result<Session, Failure> {
        Session::connect(self.ctx, None).await
    }

    fn refusal(&self, way: &Way) -> Failure {
        let what = "the cluster is not empty: something is there that is not in the backup";
        let failure = Failure::new(Exit::Conflict, "restore/not-empty", what);
        let failure = way.lines().iter().fold(failure, |f, line| f.evidence(format!("would {line}")));
        failure.hint(format!("if that may be lost: stormctl restore {} --replace", self.file.display()))
    }

    async fn there(&mut self) -> Result<There, Failure> {
        let session = self.session().await?;
        let topologies = tree::living(&session).await?;
        session.close().await;
        let mut blobs = Vec::new();
        for key in blobstore::all_keys(&mut self.nimbus).await? {
            let held = self.held(&key).await?;
            blobs.push((key, held));
        }
        Ok(There { topologies, blobs })
    }

    async fn held(&mut self, key: &str) -> Result<Held, Failure> {
        let Some(blob) = self.manifest.blob(key) else { return Ok(Held::Other) };
        let half = |e: &ClientError| {
            let gone = matches!(e, ClientError::Declared(Exception::KeyNotFoundException(_)));
            gone || matches!(e, ClientError::Application { .. })
        };
        let now = match self.nimbus.get_blob_meta(key.to_owned()).await {
            Ok(meta) => meta.settable,
            Err(e) if half(&e) => return Ok(Held::Half),
            Err(e) => return Err(blobstore::of(e, key)),
        };
        let begun = match self.nimbus.begin_blob_download(key.to_owned()).await {
            Ok(begun) => begun,
            Err(e) if half(&e) => return Ok(Held::Half),
            Err(e) => return Err(blobstore::of(e, key)),
        };
        let mut measure = Measure::default();
        content(&mut self.nimbus, key, begun.session, &mut measure).await?;
        let same = now.acl == meta(blob).acl && measure.end() == (blob.bytes, blob.sha256.clone());
        Ok(if same { Held::Same } else { Held::Other })
    }

    /// Takes away what is in the way, once it was said that it may be lost.
    async fn clear(&mut self, way: &Way) -> Result<(), Failure> {
        if way.is_clear() {
            return Ok(());
        }
        let session = self.session().await?;
        let (place, what) = (format!("{}{}", session.servers, session.root), way.lines().join(", "));
        session.close().await;
        confirm::severe(&format!("this will {what}"), &place, &self.ctx.global)?;
        let names = self.nimbus.get_topology_summaries().await?;
        for topology in names.into_iter().filter(|t| way.kill.contains(&t.id)) {
            self.ctx.printer.progress(&format!("killing {}", topology.id));
            let options = KillOptions { wait_secs: Some(0) };
            match self.nimbus.kill_topology_with_opts(topology.name, options).await {
                Ok(()) | Err(ClientError::Declared(Exception::NotAliveException(_))) => {}
                Err(e) => return Err(e.into()),
            }
        }
        self.eventually("restore/not-killed", "topologies that are in the way do not end", async |job: &mut Self| {
            let session = job.session().await?;
            let left = tree::living(&session).await?;
            session.close().await;
            Ok::<bool, Failure>(!left.iter().any(|id| way.kill.contains(id)))
        })
        .await?;
        for key in &way.delete {
            match self.nimbus.delete_blob(key.clone()).await {
                // Those of a topology go with it.
                Ok(()) | Err(ClientError::Declared(Exception::KeyNotFoundException(_))) => {}
                Err(e) => return Err(blobstore::of(e, key)),
            }
        }
        Ok(())
    }

    async fn put(&mut self, plan: &Plan, done: &mut Restored) -> Result<(), Failure> {
        let wanted: BTreeSet<String> = plan.create.iter().chain(&plan.way.update).cloned().collect();
        self.upload(&wanted).await?;
        let (nodes, bases) = self.nodes(plan).await?;
        done.nodes = nodes;
        // Nimbus takes blobs whose topology does not live for left over, after a while: they must be there now.
        let there: BTreeSet<String> = blobstore::all_keys(&mut self.nimbus).await?.into_iter().collect();
        let lost: BTreeSet<String> =
            self.manifest.blobs.iter().map(|b| b.key.clone()).filter(|k| !there.contains(k)).collect();
        self.upload(&lost).await?;
        let session = self.session().await?;
        done.nodes += tree::write(&session, &bases).await?;
        session.close().await;
        Ok(())
    }

    /// Brings these blobs from the archive to Nimbus.
    async fn upload(&mut self, wanted: &BTreeSet<String>) -> Result<(), Failure> {
        if wanted.is_empty() {
            return Ok(());
        }
        let there: BTreeSet<String> = blobstore::all_keys(&mut self.nimbus).await?.into_iter().collect();
        let mut archive = archive::open(self.file)?;
        let mut count = 0;
        for entry in archive.entries().map_err(|e| self.changed(&e))? {
            let entry = entry.map_err(|e| self.changed(&e))?;
            let name = name_of(&entry).map_err(|e| self.changed(&e))?;
            let Some(blob) = key_of(&name).filter(|k| wanted.contains(*k)).and_then(|k| self.manifest.blob(k)) else {
                continue;
            };
            count += 1;
            self.ctx.printer.progress(&format!("blob {count} of {}: {}", wanted.len(), blob.key));
            let content = transfer::Content::of(Checked::new(entry, blob), self.file.display().to_string());
            if there.contains(&blob.key) {
                transfer::update(&mut self.nimbus, &blob.key, content).await?;
                let set = self.nimbus.set_blob_meta(blob.key.clone(), meta(blob)).await;
                set.map_err(|e| blobstore::of(e, &blob.key))?;
            } else {
                transfer::create(&mut self.nimbus, &blob.key, meta(blob), content).await?;
            }
        }
        self.ctx.printer.progress_end();
        Ok(())
    }

    fn changed(&self, e: &io::Error) -> Failure {
        Failure::io(format!("{} cannot be read any more", self.file.display()), e)
    }

    /// Writes the tree but for the bases, which are given back; tells how many nodes were made.
    async fn nodes(&mut self, plan: &Plan) -> Result<(u64, Vec<Node>), Failure> {
        let revived: BTreeSet<&str> = plan.topologies.iter().map(|t| t.id.as_str()).collect();
        let session = self.session().await?;
        let mut archive = archive::open(self.file)?;
        let (mut batch, mut bases, mut made) = (Vec::new(), Vec::new(), 0);
        for entry in archive.entries().map_err(|e| self.changed(&e))? {
            let entry = entry.map_err(|e| self.changed(&e))?;
            if name_of(&entry).map_err(|e| self.changed(&e))? != TREE {
                continue;
            }
            for node in archive::nodes(entry) {
                let node = node.map_err(|e| self.changed(&e))?;
                match node.part() {
                    Part::Base(id) if revived.contains(id) => bases.push(node),
                    Part::Topology(id) if revived.contains(id) => batch.push(node),
                    Part::Rest => batch.push(node),
                    Part::Base(_) | Part::Topology(_) | Part::Moment => {}
                }
                if batch.len() == BATCH {
                    made += tree::write(&session, &std::mem::take(&mut batch)).await?;
                }
            }
        }
        made += tree::write(&session, &batch).await?;
        session.close().await;
        Ok((made, bases))
    }

    /// Waits until Nimbus lists the topologies. False when it does not know them by name, too: Apache's learns names when it
    /// becomes the leader, and not before.
    async fn known(&mut self, plan: &Plan) -> Result<bool, Failure> {
        self.eventually("restore/not-listed", "Nimbus does not list all that was restored", async |job: &mut Self| {
            let all = job.nimbus.get_topology_summaries().await?;
            Ok::<bool, Failure>(plan.topologies.iter().all(|t| all.iter().any(|l| l.id == t.id)))
        })
        .await?;
        for topology in plan.topologies.iter().chain(&plan.living) {
            // The name of a topology that is known cannot be taken once more.
            if self.nimbus.is_topology_name_allowed(topology.name.clone()).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn eventually(
        &mut self,
        code: &str,
        what: &str,
        mut is_so: impl AsyncFnMut(&mut Self) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !is_so(self).await? {
            if tokio::time::Instant::now() >= deadline {
                return Err(Failure::new(Exit::Deadline, code, format!("{what}, after {} s", PATIENCE.as_secs()))
                    .evidence(format!("asked: {}", self.nimbus.address()))
                    .hint(
                        "stormctl logs nimbus      says why; then the same restore again, which goes on where it was",
                    ));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }
}
