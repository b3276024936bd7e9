//! The other hosts, as their agents tell of them or ssh does: processes, and what is logged there. What they tell is gathered while
//! the dashboard goes on, and shown as it is.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use storm_agent::Address;
use storm_agent::client::{Agent, AskError};
use storm_agent::proto::{FollowLogsRequest, LogEntry};
use storm_tui::data::{LogLine, Process};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::host::process;
use crate::agents::{self, Agents, Ways};
use crate::cli::Role;
use crate::context::Context;
use crate::logging::iso_time;
use crate::roles::is_this_machine;

/// How long one host may take.
const LIMIT: Duration = Duration::from_secs(2);
/// How long between two questions to one.
const EVERY: Duration = Duration::from_secs(2);
/// Hosts come and go seldom.
const HOSTS: Duration = Duration::from_secs(30);
/// How long after a failure a host is asked for its logs again.
const AGAIN: Duration = Duration::from_secs(5);
/// Lines that wait for the screen; agents wait while there are so many.
const WAITING: usize = 2000;
/// Of what was logged before.
const BEFORE: u32 = 200;

/// With what hosts are asked, which may change meanwhile.
type Asking = watch::Receiver<Agents>;

/// What is known of the hosts.
#[derive(Debug, Default)]
struct Known {
    /// Who there is has been asked.
    looked: bool,
    /// Why nobody can be asked.
    trouble: Option<String>,
    /// Nothing as long as one has not been heard of.
    hosts: BTreeMap<String, Option<Vec<Process>>>,
}

/// The processes of all other hosts.
pub struct Fleet {
    known: watch::Receiver<Known>,
    /// Ends with it.
    _asking: JoinSet<()>,
}

impl Fleet {
    pub fn watch(ctx: Arc<Context>, ways: Option<Arc<Ways>>) -> Fleet {
        let tell = watch::Sender::new(Known::default());
        let known = tell.subscribe();
        let mut asking = JoinSet::new();
        asking.spawn(async move {
            let one = |agents, address| processes(agents, address, tell.clone());
            each_host(&ctx, ways, one, |event| note(&tell, event)).await;
        });
        Fleet { known, _asking: asking }
    }

    /// As they were told last; of a host that does not answer, why. Waits so long for those that have told nothing yet.
    pub async fn processes(&mut self, patience: Duration) -> Vec<Process> {
        let settled = self.known.wait_for(|known| known.looked && known.hosts.values().all(Option::is_some));
        // What is known by then is what there is.
        drop(tokio::time::timeout(patience, settled).await);
        let known = self.known.borrow();
        let trouble = known.trouble.iter().map(|why| lost("other hosts", why));
        trouble.chain(known.hosts.values().flatten().flatten().cloned()).collect()
    }
}

fn lost(host: &str, trouble: &str) -> Process {
    let trouble = trouble.replace('\n', "; ");
    Process { host: host.to_owned(), role: "agent".into(), trouble, ..Process::default() }
}

/// What has become of the hosts.
enum Event<'a> {
    Came(&'a Address),
    Gone(&'a Address),
    /// Who there is has been asked; why nobody can be asked.
    Looked(Option<String>),
}

fn note(known: &watch::Sender<Known>, event: Event<'_>) {
    known.send_modify(|known| match event {
        Event::Came(address) => drop(known.hosts.insert(address.to_string(), None)),
        Event::Gone(address) => drop(known.hosts.remove(&address.to_string())),
        Event::Looked(trouble) => {
            known.looked = true;
            known.trouble = trouble;
        }
    });
}

/// Asks one host again and again.
async fn processes(mut agents: Asking, address: Address, told: watch::Sender<Known>) {
    let host = address.to_string();
    let mut known: Option<Agent> = None;
    loop {
        let all = agents.borrow_and_update().clone();
        let ask = async {
            let mut agent = match known.take() {
                Some(agent) => agent,
                None => all.connect(&address, LIMIT).await?,
            };
            let seen = agent.processes().await?;
            Ok::<_, AskError>((agent, seen))
        };
        let answer = tokio::time::timeout(LIMIT, ask).await.unwrap_or_else(|_| Err(AskError::late(&address, LIMIT)));
        let processes = match answer {
            Ok((agent, seen)) => {
                known = Some(agent);
                seen.iter().map(|s| Process { host: host.clone(), ..process(s) }).collect()
            }
            Err(e) => vec![lost(&host, &e.to_string())],
        };
        told.send_modify(|known| drop(known.hosts.insert(host.clone(), Some(processes))));
        tokio::time::sleep(EVERY).await;
    }
}

/// Keeps one task for every other host, for ever: looks from time to time who there is, and with what they are asked. Whoever was
/// there stays while nobody can tell.
async fn each_host<W: Future<Output = ()> + Send + 'static>(
    ctx: &Context,
    ways: Option<Arc<Ways>>,
    one: impl Fn(Asking, Address) -> W,
    tell: impl Fn(Event<'_>),
) {
    let mut tasks: BTreeMap<Address, JoinSet<()>> = BTreeMap::new();
    let mut asking: Option<watch::Sender<Agents>> = None;
    loop {
        let mut trouble = None;
        match Agents::through(ctx, ways.clone()) {
            Ok(agents) if agents.any() => {
                let sender = asking.get_or_insert_with(|| watch::Sender::new(agents.clone()));
                sender.send_replace(agents);
                if let Ok(hosts) = agents::named(ctx, "all").await {
                    let own = |a: &Address| a.port == agents::port(&ctx.conf) && is_this_machine(&ctx.conf, &a.host);
                    let hosts: Vec<Address> = hosts.into_iter().filter(|a| !own(a)).collect();
                    tasks.keys().filter(|a| !hosts.contains(a)).for_each(|gone| tell(Event::Gone(gone)));
                    tasks.retain(|address, _| hosts.contains(address));
                    for address in hosts {
                        if let Entry::Vacant(place) = tasks.entry(address) {
                            tell(Event::Came(place.key()));
                            let mut task = JoinSet::new();
                            task.spawn(one(sender.subscribe(), place.key().clone()));
                            place.insert(task);
                        }
                    }
                }
            }
            agents => {
                trouble = agents.err().and_then(|f| f.faults.into_iter().next()).map(|fault| fault.message);
                tasks.keys().for_each(|gone| tell(Event::Gone(gone)));
                tasks.clear();
            }
        }
        tell(Event::Looked(trouble));
        tokio::time::sleep(HOSTS).await;
    }
}

/// Lines from all hosts, as they come; the tasks that listen end with it.
pub struct Lines {
    receiver: mpsc::Receiver<LogLine>,
    _listening: JoinSet<()>,
}

impl Lines {
    /// Of a topology or a daemon; of all daemons when nothing is named.
    pub fn follow(ctx: Arc<Context>, ways: Option<Arc<Ways>>, name: Option<&str>) -> Lines {
        let (sender, receiver) = mpsc::channel(WAITING);
        let names: Vec<String> = match name {
            Some(name) => vec![name.to_owned()],
            None => Role::ALL.map(|role| role.name().to_owned()).into(),
        };
        let mut listening = JoinSet::new();
        listening.spawn(async move {
            let one = move |agents: Asking, address: Address| {
                let (names, sender) = (names.clone(), sender.clone());
                async move {
                    let mut all = JoinSet::new();
                    for name in names {
                        all.spawn(listen(agents.clone(), address.clone(), name, sender.clone()));
                    }
                    while all.join_next().await.is_some() {}
                }
            };
            each_host(&ctx, ways, one, |_| ()).await;
        });
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

/// Listens to one log of one host for ever; a host that has gone, or has nothing of that name yet, is asked again.
async fn listen(mut agents: Asking, address: Address, name: String, sender: mpsc::Sender<LogLine>) {
    let mut tail = BEFORE;
    loop {
        let request =
            FollowLogsRequest { name: name.clone(), tail: Some(tail), follow: true, ..FollowLogsRequest::default() };
        let all = agents.borrow_and_update().clone();
        if let Ok(mut agent) = all.connect(&address, LIMIT).await
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
