//! What ZooKeeper is asked: its tree through one session for all views, and its servers one by one.

use std::sync::Arc;
use std::time::Duration;

use storm_thrift::types::{Assignment, StormBase, SupervisorInfo, TopologyStatus};
use storm_thrift::wire::Wire;
use storm_tui::Data;
use storm_tui::data::{Cluster, Ensemble, Nimbus, Supervisor, TopologySummary, ZkNode, ZkServer};
use tokio::sync::Mutex;
use zookeeper_client::{Client, Error};

use super::sources::{Ask, now_ms};
use crate::context::Context;
use crate::failure::Failure;
use crate::zk::node;
use crate::zk::serving;
use crate::zk::session::{Session, address, child, configured_servers};
use crate::zk::thrift::Types;

/// Children that are listed; a directory of more is looked at with `zk ls`.
const MOST: usize = 5000;
const ASK: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub struct Tree {
    ctx: Arc<Context>,
    session: Arc<Mutex<Option<Session>>>,
    types: Arc<Types>,
}

/// What is looked at.
pub enum Look {
    Registry,
    Node(String),
    Ensemble,
}

pub struct TreeAsk {
    pub tree: Tree,
    pub what: Look,
}

impl Ask for TreeAsk {
    async fn ask(&mut self) -> Result<Data, String> {
        match &self.what {
            Look::Registry => self.tree.registry().await,
            Look::Node(path) => self.tree.node(path).await,
            Look::Ensemble => self.tree.ensemble().await,
        }
    }
}

/// A client of the session, and Storm's root.
type Handle = (Client, String);

fn cause(failure: &Failure) -> String {
    let fault = failure.faults.first();
    let text = fault.map(|f| [vec![f.message.clone()], f.evidence.clone()].concat().join(": "));
    text.unwrap_or_else(|| "it failed".to_owned())
}

impl Tree {
    pub fn new(ctx: Arc<Context>) -> Tree {
        Tree { ctx, session: Arc::default(), types: Arc::new(Types::new(false)) }
    }

    async fn handle(&self) -> Result<Handle, String> {
        let mut session = self.session.lock().await;
        if session.is_none() {
            *session = Some(Session::connect(&self.ctx, None).await.map_err(|f| cause(&f))?);
        }
        let session = session.as_ref().ok_or("no session")?;
        Ok((session.client.clone(), session.root.clone()))
    }

    /// A session that fails is given up, and the next question makes a new one.
    async fn failed(&self, path: &str, e: &Error) -> String {
        let lost = !matches!(e, Error::NoNode | Error::NoAuth | Error::BadArguments(_));
        let mut session = self.session.lock().await;
        let text = session.as_ref().map_or_else(|| e.to_string(), |s| cause(&s.failure(path, e)));
        if lost {
            *session = None;
        }
        text
    }

    async fn node(&self, path: &str) -> Result<Data, String> {
        let (client, root) = self.handle().await?;
        match read(&client, path).await {
            Ok((bytes, stat, mut children)) => {
                children.sort_unstable();
                let decoded = node::decode(&self.types, &root, path, &bytes);
                let mut data: Vec<String> = decoded.problem.iter().cloned().collect();
                data.extend(decoded.text().lines().map(str::to_owned));
                Ok(Data::Node(ZkNode {
                    path: path.to_owned(),
                    children,
                    data,
                    kind: decoded.what,
                    version: stat.version.into(),
                    ephemeral: stat.ephemeral_owner != 0,
                    modified_ms: stat.mtime,
                }))
            }
            Err(e) => Err(self.failed(path, &e).await),
        }
    }

    /// Topologies and supervisors as the tree has them: enough to see what should run while no Nimbus answers.
    async fn registry(&self) -> Result<Data, String> {
        let (client, root) = self.handle().await?;
        match registry(&client, &root).await {
            Ok(cluster) => Ok(Data::Cluster(cluster)),
            Err(e) => Err(self.failed(&root, &e).await),
        }
    }

    async fn ensemble(&self) -> Result<Data, String> {
        let mut servers = Vec::new();
        for (host, port) in configured_servers(&self.ctx.conf) {
            let mut server = ZkServer { address: address(&host, port), ..ZkServer::default() };
            match serving::word(&host, port, "srvr", ASK).await {
                Ok((answer, _)) => srvr(&mut server, &answer),
                Err(failure) => server.trouble = Some(cause(&failure)),
            }
            servers.push(server);
        }
        if servers.is_empty() {
            return Err("storm.zookeeper.servers names no server".to_owned());
        }
        Ok(Data::Ensemble(Ensemble { servers }))
    }
}

fn srvr(server: &mut ZkServer, answer: &str) {
    for line in answer.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim().to_owned();
        match name.trim() {
            "Zookeeper version" => server.version = value.split(',').next().unwrap_or_default().to_owned(),
            "Latency min/avg/max" => server.latency = value,
            "Connections" => server.connections = value,
            "Node count" => server.nodes = value,
            "Zxid" => server.zxid = value,
            "Mode" => server.mode = value,
            _ => {}
        }
    }
    if server.mode.is_empty() {
        server.trouble = Some(answer.lines().next().unwrap_or("it says nothing").to_owned());
    }
}

type Found = (Vec<u8>, zookeeper_client::Stat, Vec<(String, i64, i64)>);

async fn read(client: &Client, path: &str) -> Result<Found, Error> {
    let (data, children) = (client.get_data(path), client.list_children(path));
    let (bytes, stat) = data.await?;
    let names = children.await?;
    let paths: Vec<String> = names.iter().take(MOST).map(|name| child(path, name)).collect();
    // Sent as one, then awaited one by one.
    let asked: Vec<_> = paths.iter().map(|path| client.check_stat(path)).collect();
    let mut children = Vec::with_capacity(names.len());
    for (name, answer) in names.iter().zip(asked) {
        if let Some(stat) = answer.await? {
            children.push((name.clone(), stat.data_length.into(), stat.num_children.into()));
        }
    }
    Ok((bytes, stat, children))
}

async fn each<T: Wire>(client: &Client, dir: &str) -> Result<Vec<(String, T)>, Error> {
    let names = match client.list_children(dir).await {
        Ok(names) => names,
        Err(Error::NoNode) => Vec::new(),
        Err(e) => return Err(e),
    };
    let paths: Vec<String> = names.iter().map(|name| child(dir, name)).collect();
    let asked: Vec<_> = paths.iter().map(|path| client.get_data(path)).collect();
    let mut found = Vec::new();
    for (name, answer) in names.into_iter().zip(asked) {
        match answer.await {
            // A node that is not what it should be is shown by the tree; here it is left out.
            Ok((bytes, _)) => found.extend(storm_zk::read::<T>(&bytes).ok().map(|value| (name, value))),
            Err(Error::NoNode) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(found)
}

async fn registry(client: &Client, root: &str) -> Result<Cluster, Error> {
    let dir = |name: &str| format!("{root}/{name}");
    let now = (now_ms() / 1000) as i64;
    let assignments = each::<Assignment>(client, &dir("assignments")).await?;
    let topologies = each::<StormBase>(client, &dir("storms")).await?.into_iter().map(|(id, base)| {
        let assignment = assignments.iter().find(|(of, _)| *of == id).map(|(_, a)| a);
        let places = assignment.map(|a| {
            let mut places: Vec<_> = a.executor_node_port.values().map(|n| (n.node.clone(), n.port.clone())).collect();
            places.sort();
            places.dedup();
            places.len()
        });
        let tasks = |e: &Vec<i64>| e.last().copied().unwrap_or(0) - e.first().copied().unwrap_or(0) + 1;
        TopologySummary {
            id,
            name: base.name,
            status: status(base.status).to_owned(),
            workers: places.unwrap_or(0) as i64,
            executors: assignment.map_or(0, |a| a.executor_node_port.len()) as i64,
            tasks: assignment.map_or(0, |a| a.executor_node_port.keys().map(tasks).sum()),
            uptime_secs: base.launch_time_secs.map_or(0, |t| now - i64::from(t)),
            owner: base.owner.unwrap_or_default(),
            placed: "as ZooKeeper has it".to_owned(),
        }
    });
    let topologies = topologies.collect();
    let supervisor = |(id, s): (String, SupervisorInfo)| Supervisor {
        id,
        host: s.hostname,
        version: s.version.unwrap_or_default(),
        uptime_secs: s.uptime_secs.unwrap_or(0),
        slots: s.meta.map_or(0, |m| m.len()) as i64,
        used: s.used_ports.map_or(0, |p| p.len()) as i64,
        ..Supervisor::default()
    };
    let nimbus = |(_, n): (String, storm_thrift::types::NimbusSummary)| Nimbus {
        host: n.host,
        port: n.port,
        leader: n.is_leader,
        version: n.version,
        uptime_secs: n.uptime_secs.into(),
    };
    Ok(Cluster {
        topologies,
        supervisors: each(client, &dir("supervisors")).await?.into_iter().map(supervisor).collect(),
        nimbuses: each(client, &dir("nimbuses")).await?.into_iter().map(nimbus).collect(),
    })
}

fn status(status: TopologyStatus) -> &'static str {
    match status {
        TopologyStatus::Active => "ACTIVE",
        TopologyStatus::Inactive => "INACTIVE",
        TopologyStatus::Rebalancing => "REBALANCING",
        TopologyStatus::Killed => "KILLED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_server() {
        let mut server = ZkServer::default();
        srvr(&mut server, "Zookeeper version: 3.9.5-abc, built on x\nLatency min/avg/max: 0/0.5/9\nMode: follower\n");
        assert_eq!((server.version.as_str(), server.latency.as_str()), ("3.9.5-abc", "0/0.5/9"));
        assert_eq!(server.trouble, None);
        let mut server = ZkServer::default();
        srvr(&mut server, "This ZooKeeper instance is not currently serving requests\n");
        assert!(server.trouble.unwrap().contains("not currently serving"));
    }
}
