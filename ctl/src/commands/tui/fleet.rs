//! The other hosts, as their agents tell of them: processes, and what is logged there. Where nobody has made certificates
//! there are no agents, and nothing is asked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use storm_agent::Address;
use storm_agent::client::{Agent, AskError};
use storm_agent::proto::{FollowLogsRequest, LogEntry};
use storm_tui::data::{LogLine, Process};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::host::process;
use crate::agents::{self, Agents};
use crate::cli::Role;
use crate::context::Context;
use crate::logging::iso_time;
use crate::roles::is_this_machine;

/// How long one host may take, so that one that is silent holds up nobody.
const LIMIT: Duration = Duration::from_secs(2);
/// Hosts come and go seldom.
const HOSTS: Duration = Duration::from_secs(30);
/// How long after a failure a host is asked for its logs again.
const AGAIN: Duration = Duration::from_secs(5);
/// Lines that wait for the screen; agents wait while there are so many.
const WAITING: usize = 2000;
/// Of what was logged before.
const BEFORE: u32 = 200;

/// The hosts, and a connection to each that answers.
#[derive(Default)]
pub struct Fleet {
    agents: Option<Arc<Agents>>,
    hosts: Vec<Address>,
    looked: Option<Instant>,
    connected: BTreeMap<Address, Agent>,
    /// Why nobody can be asked, although there are certificates.
    trouble: Option<String>,
}

impl Fleet {
    /// Looks from time to time who there is; whoever was there stays while nobody can tell.
    async fn look(&mut self, ctx: &Context) {
        if self.looked.is_some_and(|at| at.elapsed() < HOSTS) {
            return;
        }
        self.looked = Some(Instant::now());
        let agents = match Agents::open_if_any(ctx) {
            Ok(Some(agents)) => agents,
            opened => {
                let trouble = opened.err().and_then(|f| f.faults.into_iter().next()).map(|fault| fault.message);
                *self = Fleet { looked: self.looked, trouble, ..Fleet::default() };
                return;
            }
        };
        self.trouble = None;
        self.agents = Some(Arc::new(agents));
        if let Ok(hosts) = agents::named(ctx, "all").await {
            let own = |a: &Address| a.port == agents::port(&ctx.conf) && is_this_machine(&ctx.conf, &a.host);
            self.hosts = hosts.into_iter().filter(|a| !own(a)).collect();
        }
    }

    /// The processes of all of them; of one that does not answer, why.
    pub async fn processes(&mut self, ctx: &Context) -> Vec<Process> {
        self.look(ctx).await;
        let lost =
            |host: String, trouble: String| Process { host, role: "agent".into(), trouble, ..Process::default() };
        let Some(agents) = &self.agents else {
            return self.trouble.iter().map(|why| lost("other hosts".into(), why.clone())).collect();
        };
        let mut asking = JoinSet::new();
        for address in self.hosts.clone() {
            let (agents, known) = (agents.clone(), self.connected.remove(&address));
            asking.spawn(async move {
                let ask = async {
                    let mut agent = match known {
                        Some(agent) => agent,
                        None => agents.connect(&address, LIMIT).await?,
                    };
                    let seen = agent.processes().await?;
                    Ok::<_, AskError>((agent, seen))
                };
                let answer = tokio::time::timeout(LIMIT, ask).await;
                let answer = answer.unwrap_or_else(|_| Err(AskError::late(&address, LIMIT)));
                (address, answer)
            });
        }
        let mut found = Vec::new();
        while let Some(Ok((address, answer))) = asking.join_next().await {
            let host = address.to_string();
            match answer {
                Ok((agent, seen)) => {
                    self.connected.insert(address, agent);
                    found.extend(seen.iter().map(|s| Process { host: host.clone(), ..process(s) }));
                }
                Err(e) => found.push(lost(host, e.to_string())),
            }
        }
        found.sort_by(|a, b| (&a.host, a.pid).cmp(&(&b.host, b.pid)));
        found
    }
}

/// Lines from all hosts, as they come; the tasks that listen end with it.
pub struct Lines {
    receiver: mpsc::Receiver<LogLine>,
    _listening: JoinSet<()>,
}

impl Lines {
    /// Of a topology or a daemon; of all daemons when nothing is named.
    pub fn follow(ctx: Arc<Context>, name: Option<&str>) -> Lines {
        let (sender, receiver) = mpsc::channel(WAITING);
        let names: Vec<String> = match name {
            Some(name) => vec![name.to_owned()],
            None => Role::ALL.map(|role| role.name().to_owned()).into(),
        };
        let mut listening = JoinSet::new();
        listening.spawn(everywhere(ctx, names, sender));
        Lines { receiver, _listening: listening }
    }

    /// What has come, and no more than this.
    pub fn take(&mut self, most: usize) -> Vec<LogLine> {
        let mut lines = Vec::new();
        while lines.len() < most {
            match self.receiver.try_recv() {
                Ok(line) => lines.push(line),
                Err(_) => break,
            }
        }
        lines
    }
}

async fn everywhere(ctx: Arc<Context>, names: Vec<String>, sender: mpsc::Sender<LogLine>) {
    let mut fleet = Fleet::default();
    fleet.look(&ctx).await;
    let Some(agents) = fleet.agents else { return };
    let mut all = JoinSet::new();
    for address in &fleet.hosts {
        for name in &names {
            all.spawn(listen(agents.clone(), address.clone(), name.clone(), sender.clone()));
        }
    }
    while all.join_next().await.is_some() {}
}

/// Listens to one log of one host for ever; a host that has gone, or has nothing of that name yet, is asked again.
async fn listen(agents: Arc<Agents>, address: Address, name: String, sender: mpsc::Sender<LogLine>) {
    let mut tail = BEFORE;
    loop {
        let request =
            FollowLogsRequest { name: name.clone(), tail: Some(tail), follow: true, ..FollowLogsRequest::default() };
        if let Ok(mut agent) = agents.connect(&address, LIMIT).await
            && let Ok(mut stream) = agent.follow_logs(request).await
        {
            while let Ok(Some(told)) = stream.next().await {
                for line in told.entries.into_iter().flat_map(|entry| lines(&address, entry)) {
                    if sender.send(line).await.is_err() {
                        return;
                    }
                }
                // What was told once is not told again after the connection was lost.
                tail = 0;
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

fn lines(address: &Address, entry: LogEntry) -> Vec<LogLine> {
    let time = u64::try_from(entry.millis).ok().filter(|ms| *ms > 0).map(iso_time).unwrap_or_default();
    let time = time.trim_end_matches('Z').to_owned();
    let source = format!("{address}/{}", entry.source);
    let line = |text: &str| LogLine { time: time.clone(), source: source.clone(), text: text.to_owned() };
    entry.text.split('\n').map(line).collect()
}
