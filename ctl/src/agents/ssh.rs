//! The way to hosts on which no agent answers: ssh begins a `stormctl` there that answers as an agent would, on the connection of
//! ssh. There is one to each host, for all who ask.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;
use storm_agent::Address;
use storm_agent::client::{Agent, AskError};
use storm_conf::Conf;
use storm_install::Trouble;
use storm_install::host::Session;
use storm_install::spec::{Ssh, at_home};

use crate::exit::Exit;
use crate::failure::Failure;

const ENABLE_KEY: &str = "stormctl.ssh.enable";
const HOSTS_KEY: &str = "stormctl.ssh.hosts";
/// How long a host that cannot be reached is left alone, which doubles each time,
const AGAIN: Duration = Duration::from_secs(10);
/// up to this: whoever refuses us must not take us for an attack.
const LONGEST: Duration = Duration::from_secs(320);

/// How ssh gets to a host, and where the cluster lies there.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Way {
    dir: Option<PathBuf>,
    user: Option<String>,
    port: Option<u16>,
    address: Option<String>,
    config: Option<PathBuf>,
    sudo: Option<bool>,
}

/// The ways to all hosts.
pub struct Ways {
    ways: BTreeMap<String, Way>,
    lines: Mutex<BTreeMap<Address, Arc<tokio::sync::Mutex<Line>>>>,
}

/// What has become of a host so far.
#[derive(Debug, Default)]
struct Line {
    agent: Option<Agent>,
    failures: u32,
    /// When it failed last, and why.
    failed: Option<(Instant, Lost)>,
}

/// Why ssh does not get there.
#[derive(Debug, Clone)]
struct Lost {
    lines: Vec<String>,
    hint: Option<String>,
}

impl Lost {
    fn new(line: String) -> Lost {
        Lost { lines: vec![line], hint: None }
    }
}

impl From<Trouble> for Lost {
    fn from(trouble: Trouble) -> Lost {
        let mut lost = Lost { hint: trouble.hint, ..Lost::new(trouble.message) };
        lost.lines.extend(trouble.evidence);
        lost
    }
}

impl Ways {
    /// Nothing where they are not wanted.
    pub fn of(conf: &Conf) -> Result<Option<Ways>, Failure> {
        if conf.get(ENABLE_KEY).and_then(Value::as_bool) == Some(false) {
            return Ok(None);
        }
        let said = conf.get(HOSTS_KEY).filter(|said| !said.is_null()).cloned();
        let ways = said.map_or_else(|| Ok(BTreeMap::new()), serde_json::from_value).map_err(|e| {
            Failure::new(Exit::ConfigInvalid, "config/ssh-hosts", format!("{HOSTS_KEY} is not as it should be"))
                .evidence(e.to_string())
                .hint("write HOST: {user: u, port: 22, address: a, config: FILE, sudo: false, dir: /opt/storm}")
        })?;
        Ok(Some(Ways { ways, lines: Mutex::default() }))
    }

    fn line(&self, address: &Address) -> Arc<tokio::sync::Mutex<Line>> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.entry(address.clone()).or_default().clone()
    }

    /// A connection that is there.
    pub fn known(&self, address: &Address) -> Option<Agent> {
        self.line(address).try_lock().ok()?.alive()
    }

    /// Goes there, as no agent answers for this reason. Who stops waiting does not end it: the next one finds it done.
    pub async fn connect(&self, address: &Address, agent: AskError) -> Result<Agent, AskError> {
        let (line, whom) = (self.line(address), address.clone());
        let way = self.ways.get(&address.host).cloned().unwrap_or_default();
        let going = tokio::spawn(async move { line.lock().await.go(&whom, way).await });
        let gone = going.await.unwrap_or_else(|e| Err(Lost::new(e.to_string())));
        gone.map_err(|Lost { lines, hint }| AskError::Nowhere { agent: Box::new(agent), ssh: lines, hint })
    }
}

impl Line {
    fn alive(&self) -> Option<Agent> {
        self.agent.as_ref().filter(|agent| !agent.is_gone()).cloned()
    }

    async fn go(&mut self, address: &Address, way: Way) -> Result<Agent, Lost> {
        if let Some(agent) = self.alive() {
            return Ok(agent);
        }
        if let Some((at, why)) = &self.failed
            && at.elapsed() < (AGAIN * 2u32.pow(self.failures.min(6).saturating_sub(1))).min(LONGEST)
        {
            return Err(why.clone());
        }
        let Way { dir, user, port, address: there, config, sudo } = way;
        let ssh = Ssh { user, port, address: there, config: config.as_deref().map(at_home), sudo };
        let begun = async {
            let session = Session::agent(&address.host, &ssh, dir.as_deref()).await.map_err(Lost::from)?;
            Agent::over(address, format!("{address}, through ssh,"), session)
                .await
                .map_err(|e| Lost::new(e.to_string()))
        };
        match begun.await {
            Ok(agent) => {
                *self = Line { agent: Some(agent.clone()), ..Line::default() };
                Ok(agent)
            }
            Err(why) => {
                self.failures += 1;
                self.failed = Some((Instant::now(), why.clone()));
                Err(why)
            }
        }
    }
}
