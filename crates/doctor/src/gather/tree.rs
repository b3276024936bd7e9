//! Storm's tree in ZooKeeper, read and never written.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use storm_thrift::types::{Assignment, StormBase, SupervisorInfo};
use storm_thrift::wire::Wire;
use zookeeper_client::{Client, Error, Permission, Stat};

use crate::facts::{BaseSeen, Closed, Config, LatchPlace, SupervisorSeen, Tree, Unreadable};

/// The rights of so many nodes are looked at: a wrong one is seldom alone.
const RIGHTS: usize = 300;

struct Looking {
    client: Client,
    root: String,
    reads: u32,
    spent: Duration,
    tree: Tree,
}

/// The tree, and how long one read took on average in milliseconds.
pub(super) async fn tree(config: &Config, limit: Duration) -> Result<(Tree, f64), String> {
    let conf = &config.conf;
    let port = config.port("storm.zookeeper.port", 2181);
    let hosts: Vec<String> = conf
        .strings("storm.zookeeper.servers")
        .iter()
        .map(|h| match h.trim_matches(['[', ']']) {
            bare if bare.matches(':').count() > 1 => format!("[{bare}]:{port}"),
            bare if bare.contains(':') => bare.to_owned(),
            bare => format!("{bare}:{port}"),
        })
        .collect();
    let connector = Client::connector()
        .with_session_timeout(limit.max(Duration::from_secs(4)))
        .with_connection_timeout(limit / 3)
        .with_fail_eagerly();
    let connecting = tokio::time::timeout(limit, connector.connect(&hosts.join(","))).await;
    let client =
        connecting.map_err(|_| format!("no session within {} s", limit.as_secs_f64()))?.map_err(|e| e.to_string())?;
    let root = conf.str("storm.zookeeper.root").unwrap_or("/storm").trim_end_matches('/').to_owned();
    let tree = Tree { root: root.clone(), ..Tree::default() };
    let mut looking = Looking { client, root, reads: 0, spent: Duration::ZERO, tree };
    looking.all(conf.str("storm.zookeeper.auth.scheme").is_none_or(str::is_empty)).await.map_err(|e| e.to_string())?;
    let ms = looking.spent.as_secs_f64() * 1000.0 / f64::from(looking.reads.max(1));
    Ok((looking.tree, ms))
}

impl Looking {
    async fn all(&mut self, open: bool) -> Result<(), Error> {
        self.tree.bases = self
            .decoded::<StormBase, _>("storms", |base, stat| BaseSeen { base, written_at: stat.mtime / 1000 })
            .await?;
        self.tree.assignments = self.decoded::<Assignment, _>("assignments", |a, _| a).await?;
        let seen = |info, stat: &Stat| SupervisorSeen { info, written_at: stat.mtime / 1000 };
        self.tree.supervisors = self.decoded::<SupervisorInfo, _>("supervisors", seen).await?;
        self.tree.nimbuses = self.children("nimbuses").await?;
        self.latch().await?;
        for key in self.children("blobstore").await? {
            let holders = self.children(&format!("blobstore/{key}")).await?;
            let holders =
                holders.iter().filter_map(|h| h.rsplit_once('-')).map(|(holder, _)| holder.to_owned()).collect();
            self.tree.blobs.insert(key, holders);
        }
        if open {
            self.rights().await?;
        }
        Ok(())
    }

    fn path(&self, below: &str) -> String {
        if below.is_empty() { self.root.clone() } else { format!("{}/{below}", self.root) }
    }

    /// A node that is closed is noted, one that is not there is nothing; the rest is for the caller.
    fn outcome<T>(&mut self, below: &str, result: Result<T, Error>) -> Result<Option<T>, Error> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Error::NoNode) => Ok(None),
            Err(Error::NoAuth) => {
                let path = self.path(below);
                if !self.tree.closed.iter().any(|c| c.path == path) {
                    self.tree.closed.push(Closed { path, acl: "no right to read it".to_owned() });
                }
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    async fn children(&mut self, below: &str) -> Result<Vec<String>, Error> {
        let began = Instant::now();
        let result = self.client.list_children(&self.path(below)).await;
        self.count(began);
        let mut names = self.outcome(below, result)?.unwrap_or_default();
        names.sort();
        Ok(names)
    }

    fn count(&mut self, began: Instant) {
        self.reads += 1;
        self.spent += began.elapsed();
    }

    async fn data(&mut self, below: &str) -> Result<Option<(Vec<u8>, Stat)>, Error> {
        let began = Instant::now();
        let result = self.client.get_data(&self.path(below)).await;
        self.count(began);
        self.outcome(below, result)
    }

    /// The children of a folder; those that make no sense are noted.
    async fn decoded<T: Wire, S>(
        &mut self,
        dir: &str,
        seen: impl Fn(T, &Stat) -> S,
    ) -> Result<BTreeMap<String, S>, Error> {
        let mut found = BTreeMap::new();
        for name in self.children(dir).await? {
            let below = format!("{dir}/{name}");
            let Some((data, stat)) = self.data(&below).await? else { continue };
            match storm_zk::read::<T>(&data) {
                Ok(value) => {
                    found.insert(name, seen(value, &stat));
                }
                Err(e) => {
                    let what = std::any::type_name::<T>();
                    let what = what.rsplit("::").next().unwrap_or(what).to_owned();
                    self.tree.unreadable.push(Unreadable { path: self.path(&below), what, why: e.to_string() });
                }
            }
        }
        Ok(found)
    }

    async fn latch(&mut self) -> Result<(), Error> {
        let mut names = self.children("leader-lock").await?;
        names.sort_by(|a, b| sequence(a).cmp(sequence(b)));
        for node in names {
            let Some((data, stat)) = self.data(&format!("leader-lock/{node}")).await? else { continue };
            let text = String::from_utf8_lossy(&data).into_owned();
            // host:port:tls-port
            let participant = text.splitn(3, ':').take(2).collect::<Vec<_>>().join(":");
            self.tree.latch.push(LatchPlace { node, participant, since: stat.ctime / 1000 });
        }
        Ok(())
    }

    /// Without authentication every node is open.
    async fn rights(&mut self) -> Result<(), Error> {
        let dirs = [
            "",
            "assignments",
            "storms",
            "supervisors",
            "workerbeats",
            "errors",
            "blobstore",
            "nimbuses",
            "logconfigs",
            "credentials",
        ];
        let mut nodes: Vec<String> = dirs.map(str::to_owned).to_vec();
        for dir in ["storms", "assignments", "workerbeats", "errors", "credentials", "logconfigs"] {
            nodes.extend(self.children(dir).await?.into_iter().map(|name| format!("{dir}/{name}")));
        }
        for below in nodes.into_iter().take(RIGHTS) {
            let path = self.path(&below);
            let result = self.client.get_acl(if path.is_empty() { "/" } else { &path }).await;
            let Some((acl, _)) = self.outcome(&below, result)? else { continue };
            let all =
                acl.iter().any(|a| a.scheme() == "world" && a.id() == "anyone" && a.permission().has(Permission::ALL));
            if !all && !path.is_empty() {
                let acl: Vec<String> =
                    acl.iter().map(|a| format!("{}:{}:{:?}", a.scheme(), a.id(), a.permission())).collect();
                self.tree.closed.retain(|c| c.path != path);
                self.tree.closed.push(Closed { path, acl: acl.join(", ") });
            }
        }
        Ok(())
    }
}

/// The queue's order: by what follows the last `latch-`.
fn sequence(name: &str) -> &str {
    name.rfind("latch-").map_or(name, |at| &name[at..])
}
