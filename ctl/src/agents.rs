//! The agents of other hosts: which there are, who we are to them, and what became of asking many. Where none answers, the host is
//! asked through [`ssh`].

mod ssh;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use storm_agent::client::{Agent, AskError, Credentials};
use storm_agent::{Address, TlsError};
use storm_conf::Conf;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Fault};

pub use ssh::Ways;

pub const PORT_KEY: &str = "stormctl.agent.port";
pub const LISTEN_KEY: &str = "stormctl.agent.listen";
pub const HOSTS_KEY: &str = "stormctl.agent.hosts";
pub const TLS_KEY: &str = "stormctl.agent.tls.dir";
/// Beside those of Nimbus and supervisors.
const PORT: u16 = 6629;
/// Beside storm.yaml.
const TLS_DIR: &str = "agent-tls";
/// How long one host may take, unless `--timeout` says else.
const LIMIT: Duration = Duration::from_secs(10);
/// Whoever asks for all hosts may know them without Nimbus.
const NIMBUS: Duration = Duration::from_secs(5);
/// Hosts that are asked at a time.
const AT_A_TIME: usize = 64;

/// The port of agents.
pub fn port(conf: &Conf) -> u16 {
    conf.int(PORT_KEY).and_then(|p| u16::try_from(p).ok()).unwrap_or(PORT)
}

/// The folder with the certificates of this host's agent, and of who asks others from here.
pub fn tls_dir(conf: &Conf, file: Option<&Path>) -> PathBuf {
    match conf.str(TLS_KEY).filter(|dir| !dir.is_empty()) {
        Some(dir) => conf.home().join(dir),
        None => match file.and_then(Path::parent) {
            Some(folder) => folder.join(TLS_DIR),
            None => conf.home().join("conf").join(TLS_DIR),
        },
    }
}

/// Who we are to hosts.
#[derive(Clone)]
pub struct Agents {
    /// Or why there are none.
    credentials: Result<Credentials, Arc<TlsError>>,
    ssh: Option<Arc<Ways>>,
}

impl Agents {
    /// Agents, and ssh where they do not answer.
    pub fn open(ctx: &Context) -> Result<Agents, Failure> {
        Agents::through(ctx, Ways::of(&ctx.conf)?.map(Arc::new))?.some()
    }

    /// Agents and nothing else.
    pub fn only(ctx: &Context) -> Result<Agents, Failure> {
        Agents::through(ctx, None)?.some()
    }

    /// Agents, and these connections where they do not answer. That nobody has made certificates is no mistake yet.
    pub fn through(ctx: &Context, ssh: Option<Arc<Ways>>) -> Result<Agents, Failure> {
        let dir = tls_dir(&ctx.conf, ctx.file.as_deref());
        match Credentials::open(&dir, SystemTime::now()) {
            Err(e) if !matches!(e, TlsError::Missing { .. }) => Err(tls_failure(&e)),
            credentials => Ok(Agents { credentials: credentials.map_err(Arc::new), ssh }),
        }
    }

    /// Whether there is any way to ask somebody.
    pub fn any(&self) -> bool {
        self.credentials.is_ok() || self.ssh.is_some()
    }

    fn some(self) -> Result<Agents, Failure> {
        match &self.credentials {
            Err(e) if !self.any() => Err(tls_failure(e)),
            _ => Ok(self),
        }
    }

    pub async fn connect(&self, address: &Address, limit: Duration) -> Result<Agent, AskError> {
        let Some(ssh) = &self.ssh else { return self.directly(address, limit).await };
        if let Some(agent) = ssh.known(address) {
            return Ok(agent);
        }
        // An address that answers nothing must leave time for the other way.
        match self.directly(address, limit / 3).await {
            Err(e @ (AskError::NoCertificate { .. } | AskError::Connect { .. } | AskError::Late { .. })) => {
                ssh.connect(address, e).await
            }
            connected => connected,
        }
    }

    async fn directly(&self, address: &Address, limit: Duration) -> Result<Agent, AskError> {
        match &self.credentials {
            Ok(credentials) => Agent::connect(address, credentials, limit).await,
            Err(e) => Err(AskError::NoCertificate { whom: address.agent(), cause: e.to_string() }),
        }
    }

    /// Asks all of them at a time, each for as long as `--timeout` lets; the answers are in the order of the hosts.
    pub async fn each<T, W>(
        &self,
        ctx: &Context,
        addresses: &[Address],
        ask: impl Fn(Agent) -> W + Clone + Send + 'static,
    ) -> Vec<(Address, Result<T, AskError>)>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, AskError>> + Send + 'static,
    {
        let (limit, room) = (limit(ctx), Arc::new(Semaphore::new(AT_A_TIME)));
        let mut asking = JoinSet::new();
        for (at, address) in addresses.iter().cloned().enumerate() {
            let (all, room, ask) = (self.clone(), room.clone(), ask.clone());
            asking.spawn(async move {
                // Nobody closes it.
                let _place = room.acquire_owned().await;
                let whom = address.clone();
                let work = async move {
                    let agent = all.connect(&whom, limit).await?;
                    ask(agent).await
                };
                let answer = tokio::time::timeout(limit, work).await;
                (at, answer.unwrap_or_else(|_| Err(AskError::late(&address, limit))))
            });
        }
        let mut answers: Vec<Option<Result<T, AskError>>> = addresses.iter().map(|_| None).collect();
        while let Some(answered) = asking.join_next().await {
            if let Ok((at, answer)) = answered {
                answers[at] = Some(answer);
            }
        }
        let broke = |a: &Address| AskError::Connect { whom: a.agent(), cause: "asking it broke".to_owned() };
        let pair = |(a, answer): (&Address, Option<_>)| (a.clone(), answer.unwrap_or_else(|| Err(broke(a))));
        addresses.iter().zip(answers).map(pair).collect()
    }

    /// Whether a host was asked through ssh.
    fn through_ssh(&self, address: &Address) -> bool {
        self.ssh.as_ref().is_some_and(|ssh| ssh.known(address).is_some())
    }
}

pub fn limit(ctx: &Context) -> Duration {
    ctx.global.timeout.unwrap_or(LIMIT)
}

/// What `--hosts` names: `a,b:6630`, or `all`.
pub async fn named(ctx: &Context, hosts: &str) -> Result<Vec<Address>, Failure> {
    let names: Vec<String> = match hosts {
        "all" => all(ctx).await?,
        _ => hosts.split(',').map(str::trim).filter(|h| !h.is_empty()).map(str::to_owned).collect(),
    };
    let mut addresses: Vec<Address> = Vec::new();
    for name in names {
        let address = address(&ctx.conf, &name)?;
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(Failure::new(Exit::Usage, "usage/hosts", "no host is named").hint("--hosts a,b or --hosts all"));
    }
    Ok(addresses)
}

pub fn address(conf: &Conf, name: &str) -> Result<Address, Failure> {
    Address::parse(name, port(conf)).map_err(|e| Failure::new(Exit::Usage, "usage/hosts", e))
}

/// The hosts that storm.yaml names; else those of Nimbus and of the supervisors that it knows.
async fn all(ctx: &Context) -> Result<Vec<String>, Failure> {
    let named = ctx.conf.strings(HOSTS_KEY);
    if !named.is_empty() {
        return Ok(named);
    }
    let hint = format!("name the hosts: --hosts a,b or {HOSTS_KEY} in storm.yaml");
    let asked = async { Ok::<_, Failure>(ctx.nimbus().await?.get_cluster_info().await?) };
    let cluster = match tokio::time::timeout(NIMBUS.min(limit(ctx)), asked).await {
        Ok(Ok(cluster)) => cluster,
        Ok(Err(failure)) => return Err(failure.hint(hint)),
        Err(_) => {
            let text = "no Nimbus answers, and only it knows all hosts";
            return Err(Failure::new(Exit::Unreachable, "nimbus/late", text).hint(hint));
        }
    };
    let mut hosts = ctx.conf.strings("nimbus.seeds");
    hosts.extend(cluster.supervisors.into_iter().map(|s| s.host));
    Ok(hosts)
}

/// Who was asked, and what went wrong.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Asked {
    hosts: Vec<Host>,
}

#[derive(Debug, Clone, PartialEq)]
struct Host {
    name: String,
    through_ssh: bool,
    fault: Option<(Exit, Fault)>,
}

impl Asked {
    pub fn of<T>(all: &Agents, answers: &[(Address, Result<T, AskError>)]) -> Asked {
        let one = |(address, answer): &(Address, Result<T, AskError>)| {
            let fault = answer.as_ref().err().map(|e| {
                let mut failure = failure(e);
                (failure.exit, failure.faults.remove(0))
            });
            Host { name: address.to_string(), through_ssh: all.through_ssh(address), fault }
        };
        Asked { hosts: answers.iter().map(one).collect() }
    }

    /// Each host, with its error if it has one.
    pub fn json(&self) -> Value {
        let one = |host: &Host| match &host.fault {
            None => json!({"host": host.name, "ok": true, "via": if host.through_ssh { "ssh" } else { "agent" }}),
            Some((_, f)) => {
                json!({"host": host.name, "ok": false, "code": f.code, "message": f.message, "hint": f.hint})
            }
        };
        self.hosts.iter().map(one).collect()
    }

    /// How a command ends that has shown what the others have answered.
    pub fn end(self) -> Result<(), Failure> {
        let all = self.hosts.len();
        let faults: Vec<(Exit, Fault)> = self.hosts.into_iter().filter_map(|host| host.fault).collect();
        let Some(first) = faults.first().map(|(exit, _)| *exit) else { return Ok(()) };
        let exit = if faults.len() < all { Exit::Partly } else { first };
        Err(Failure { exit, faults: faults.into_iter().map(|(_, fault)| fault).collect() })
    }
}

pub fn failure(e: &AskError) -> Failure {
    let text = e.to_string();
    let mut lines = text.lines();
    let failure = Failure::new(exit(e), e.code(), lines.next().unwrap_or_default());
    let failure = lines.fold(failure, Failure::evidence);
    match e {
        AskError::NoCertificate { .. } => failure.hint(issue()),
        AskError::Connect { .. } => failure.hint("stormctl start agent      on that host"),
        AskError::Trust { .. } => failure.hint("stormctl agent list      says which certificates are valid"),
        AskError::Late { .. } => failure.hint("give it longer with --timeout"),
        AskError::Refused { .. } => failure,
        AskError::Nowhere { hint, .. } => {
            let or = hint.as_deref().map(|hint| format!("; or {hint}")).unwrap_or_default();
            failure.hint(format!("stormctl start agent      on that host{or}"))
        }
    }
}

fn exit(e: &AskError) -> Exit {
    use storm_agent::client::Code;
    match e {
        AskError::NoCertificate { .. } => Exit::NotInstalled,
        AskError::Connect { .. } => Exit::Unreachable,
        AskError::Trust { .. } => Exit::Refused,
        AskError::Late { .. } => Exit::Deadline,
        AskError::Refused { status, .. } => match status.code() {
            Code::PermissionDenied | Code::Unauthenticated => Exit::Refused,
            Code::NotFound => Exit::NotFound,
            Code::InvalidArgument => Exit::Usage,
            Code::Aborted => Exit::Conflict,
            Code::DeadlineExceeded => Exit::Deadline,
            _ => Exit::Failed,
        },
        AskError::Nowhere { agent, .. } => match **agent {
            AskError::NoCertificate { .. } => Exit::Unreachable,
            _ => exit(agent),
        },
    }
}

fn issue() -> String {
    format!("stormctl agent issue      makes certificates; {TLS_KEY} in storm.yaml names their folder")
}

pub fn tls_failure(e: &TlsError) -> Failure {
    let exit = match e {
        TlsError::Missing { .. } => Exit::NotInstalled,
        _ => Exit::ConfigInvalid,
    };
    let failure = Failure::new(exit, e.code(), e.to_string());
    match e {
        TlsError::Missing { .. } => failure.hint(issue()),
        TlsError::Exposed { path, .. } => failure.hint(format!("chmod 600 {}", path.display())),
        TlsError::Expired { .. } => failure.hint("stormctl agent renew      where the authority is"),
        _ => failure.hint("stormctl agent issue      makes new ones"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_that_fail_are_partly_and_all_are_what_they_are() {
        let late = AskError::Late { whom: "b:1".into(), limit: LIMIT };
        let at = |text: &str| Address::parse(text, 1).unwrap();
        let all = Agents { credentials: Err(Arc::new(TlsError::Missing { path: "x".into() })), ssh: None };
        let asked = Asked::of(&all, &[(at("a"), Ok(1)), (at("b"), Err(late.clone()))]);
        assert_eq!(asked.json()[1]["code"], "agent/late");
        assert_eq!(asked.end().unwrap_err().exit, Exit::Partly);
        assert_eq!(Asked::of(&all, &[(at("b"), Err::<(), _>(late))]).end().unwrap_err().exit, Exit::Deadline);
        assert_eq!(Asked::of(&all, &[(at("a"), Ok(1))]).end(), Ok(()));
    }

    #[test]
    fn certificates_are_beside_storm_yaml_unless_said() {
        let mut conf = Conf::defaults();
        conf.set("storm.home", "/h");
        assert_eq!(tls_dir(&conf, Some(Path::new("/etc/storm/storm.yaml"))), Path::new("/etc/storm/agent-tls"));
        assert_eq!(tls_dir(&conf, None), Path::new("/h/conf/agent-tls"));
        conf.set(TLS_KEY, "x/y");
        assert_eq!(tls_dir(&conf, None), Path::new("/h/x/y"));
    }
}
