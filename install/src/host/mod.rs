//! Where steps are done: on this machine, or on another through ssh.

mod ssh;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::site::{Reply, Request, Site};
use crate::spec::Cluster;
use crate::{Kind, Trouble};

pub use ssh::{Control, Remote, Session};

/// A host that is at hand.
pub enum Host {
    Local(Site),
    Remote(Box<Remote>),
}

impl Host {
    pub async fn ask(&mut self, request: Request) -> Result<Reply, Trouble> {
        let reply = match self {
            Host::Local(site) => site.answer(request).await,
            Host::Remote(remote) => remote.ask(&request).await?,
        };
        match reply {
            Reply::Trouble { trouble } => Err(trouble),
            reply => Ok(reply),
        }
    }

    /// Brings a file to the host; the answer is where it is there.
    pub async fn put(&mut self, file: &Path) -> Result<PathBuf, Trouble> {
        match self {
            Host::Local(_) => Ok(file.to_owned()),
            Host::Remote(remote) => remote.put(file).await,
        }
    }
}

/// What a host says that should be gone; nothing when nobody answers there.
pub async fn answer(cluster: &Cluster, host: &crate::spec::Host) -> Result<Option<Vec<String>>, Trouble> {
    if host.local {
        return Ok(Some(vec!["it is this machine".to_owned()]));
    }
    let alone = Cluster { hosts: vec![host.clone()], ..cluster.clone() };
    let troubles = match Hosts::connect(&alone, |_, _| {}).await {
        Ok(hosts) => {
            hosts.close().await;
            return Ok(Some(vec!["it lets stormctl in over ssh".to_owned()]));
        }
        Err(troubles) => troubles,
    };
    let Some(trouble) = troubles.into_iter().next() else { return Ok(None) };
    match trouble.code.as_str() {
        "install/ssh" if trouble.kind == Kind::Unreachable => Ok(None),
        // Whatever is wrong over there, there is somebody.
        "install/ssh" | "install/ssh-login" | "install/sudo" | "install/architecture" => {
            Ok(Some([vec![trouble.message], trouble.evidence].concat()))
        }
        _ => Err(trouble),
    }
}

/// All hosts of a cluster, each used by one at a time.
#[derive(Clone)]
pub struct Hosts {
    hosts: BTreeMap<String, Arc<Mutex<Host>>>,
    control: Arc<Control>,
}

impl Hosts {
    /// Connects to all hosts at once; `tell` hears of each.
    pub async fn connect(cluster: &Cluster, tell: impl Fn(&str, &str)) -> Result<Hosts, Vec<Trouble>> {
        let control = Arc::new(Control::new().map_err(|t| vec![t])?);
        let mut connecting = JoinSet::new();
        for host in cluster.hosts.clone() {
            let (control, ssh, dir) = (control.clone(), cluster.ssh_of(&host), host.dir.clone());
            let dir = dir.unwrap_or_else(|| cluster.dir.clone());
            connecting.spawn(async move {
                let name = host.name.clone();
                let connected = match host.local {
                    true => Ok(Host::Local(Site::default())),
                    false => Remote::connect(&host.name, &ssh, &dir, control)
                        .await
                        .map(|remote| Host::Remote(Box::new(remote))),
                };
                (name, connected)
            });
        }
        let (mut hosts, mut troubles) = (BTreeMap::new(), Vec::new());
        while let Some(joined) = connecting.join_next().await {
            match joined {
                Ok((name, Ok(host))) => {
                    tell(&name, "connected");
                    hosts.insert(name, Arc::new(Mutex::new(host)));
                }
                Ok((name, Err(trouble))) => {
                    tell(&name, "cannot be reached");
                    troubles.push(trouble.on(&name));
                }
                Err(e) => troubles.push(Trouble::new(Kind::Failed, "install/task", e.to_string())),
            }
        }
        if troubles.is_empty() { Ok(Hosts { hosts, control }) } else { Err(troubles) }
    }

    pub fn get(&self, name: &str) -> Result<Arc<Mutex<Host>>, Trouble> {
        let host = self.hosts.get(name).cloned();
        host.ok_or_else(|| Trouble::new(Kind::Wanted, "install/host", format!("there is no host {name}")))
    }

    pub fn names(&self) -> Vec<String> {
        self.hosts.keys().cloned().collect()
    }

    pub async fn ask(&self, name: &str, request: Request) -> Result<Reply, Trouble> {
        let host = self.get(name)?;
        let reply = host.lock().await.ask(request).await;
        reply.map_err(|t| t.on(name))
    }

    /// The same question, or one of its own, to every host at once.
    pub async fn ask_all(&self, question: impl Fn(&str) -> Request) -> BTreeMap<String, Result<Reply, Trouble>> {
        let mut asking = JoinSet::new();
        for name in self.names() {
            let (hosts, request) = (self.clone(), question(&name));
            asking.spawn(async move {
                let reply = hosts.ask(&name, request).await;
                (name, reply)
            });
        }
        asking.join_all().await.into_iter().collect()
    }

    /// Ends the connections.
    pub async fn close(self) {
        for (_, host) in self.hosts {
            if let Ok(host) = Arc::try_unwrap(host)
                && let Host::Remote(remote) = host.into_inner()
            {
                remote.close().await;
            }
        }
        drop(self.control);
    }
}
