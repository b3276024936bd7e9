//! Before anything is done: what every host says, who reaches whom, and what would go wrong.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::Value;
use storm_conf::Conf;

use crate::agents;
use crate::archive::StormRelease;
use crate::facts::{Busy, Reach};
use crate::host::Hosts;
use crate::plan::{AGENT, Known, crew, look, runs_storm};
use crate::site::{Reply, Request};
use crate::spec::{Cluster, Host, Role, Service};
use crate::{Kind, Trouble};

const CLOCK_WARN_MS: i64 = 500;
const CLOCK_ERROR_MS: i64 = 5000;
const DISK_WARN: u64 = 2 << 30;
const DISK_ERROR: u64 = 200 << 20;
const NOFILE: u64 = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    Error,
    Warning,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub level: Level,
    pub host: String,
    pub code: String,
    pub message: String,
    pub evidence: Vec<String>,
    pub hint: Option<String>,
}

/// All that the hosts have said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Survey {
    pub known: BTreeMap<String, Known>,
    /// By how many milliseconds a host's clock is ahead of ours, and how uncertain that is.
    pub clocks: BTreeMap<String, (i64, i64)>,
    pub busy: BTreeMap<String, Vec<Busy>>,
    pub reached: BTreeMap<String, Vec<Reach>>,
    /// What the archive of Apache Storm is, where one is to be installed.
    pub storm: Option<StormRelease>,
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
}

/// The ports on which daemons of a role listen, with what each is for.
fn ports(cluster: &Cluster, host: &Host, role: Role) -> Vec<(u16, &'static str)> {
    let mut conf = Conf::defaults();
    conf.overlay(&cluster.conf_of(host));
    let port = |key: &str| conf.int(key).and_then(|p| u16::try_from(p).ok());
    match role {
        Role::Zookeeper => {
            let mut ports: Vec<_> = port("storm.zookeeper.port").map(|p| (p, "ZooKeeper")).into_iter().collect();
            if cluster.with(Role::Zookeeper).len() > 1 {
                let [following, electing] = cluster.zookeeper.peer_ports;
                ports.extend([(following, "ZooKeeper's followers"), (electing, "ZooKeeper's election")]);
            }
            ports
        }
        Role::Nimbus => port("nimbus.thrift.port").map(|p| (p, "Nimbus")).into_iter().collect(),
        Role::Supervisor => {
            let mut ports: Vec<_> = port("supervisor.thrift.port").map(|p| (p, "Supervisor")).into_iter().collect();
            let slots = conf.ints("supervisor.slots.ports").into_iter().filter_map(|p| u16::try_from(p).ok());
            ports.extend(slots.map(|p| (p, "a slot")));
            ports
        }
        Role::Ui => port("ui.port").map(|p| (p, "the UI")).into_iter().collect(),
        Role::Logviewer => port("logviewer.port").map(|p| (p, "the log viewer")).into_iter().collect(),
    }
}

/// Asks every host everything.
pub async fn survey(cluster: &Cluster, hosts: &Hosts, pointer: Option<&PathBuf>) -> Result<Survey, Vec<Trouble>> {
    let mut survey = Survey::default();
    let mut troubles = Vec::new();
    for host in &cluster.hosts {
        let before = now_ms();
        match hosts.ask(&host.name, Request::Hello).await {
            Ok(Reply::Hello { hello }) => {
                let after = now_ms();
                survey.clocks.insert(host.name.clone(), (hello.clock_ms - (before + after) / 2, (after - before) / 2));
                survey.known.insert(host.name.clone(), Known { hello, ..Known::default() });
            }
            Ok(_) => troubles.push(odd(&host.name)),
            Err(trouble) => troubles.push(trouble),
        }
    }
    if !troubles.is_empty() {
        return Err(troubles);
    }
    let question = |name: &str| match (cluster.host(name), survey.known.get(name)) {
        (Some(host), Some(known)) => Request::Facts { look: Box::new(look(cluster, host, &known.hello, pointer)) },
        _ => Request::Hello,
    };
    for (name, reply) in hosts.ask_all(question).await {
        match reply {
            Ok(Reply::Facts { facts }) => {
                if let Some(known) = survey.known.get_mut(&name) {
                    known.facts = *facts;
                }
            }
            Ok(_) => troubles.push(odd(&name)),
            Err(trouble) => troubles.push(trouble),
        }
    }
    if !troubles.is_empty() {
        return Err(troubles);
    }
    connections(cluster, hosts, &mut survey).await?;
    Ok(survey)
}

fn odd(host: &str) -> Trouble {
    Trouble::new(Kind::Failed, "install/protocol", "an answer to another question").on(host)
}

/// Every host listens on the ports of its roles while every host tries them all.
async fn connections(cluster: &Cluster, hosts: &Hosts, survey: &mut Survey) -> Result<(), Vec<Trouble>> {
    let running = |host: &Host, role: Role| {
        survey.known.get(&host.name).is_some_and(|k| k.facts.running.iter().any(|r| r == role.word()))
    };
    let mut listen: BTreeMap<String, Vec<u16>> = BTreeMap::new();
    let mut targets = Vec::new();
    for host in &cluster.hosts {
        for &role in &host.roles {
            let own = ports(cluster, host, role);
            if running(host, role) {
                // Its first port; slots may have no worker, and of an ensemble not every port is open.
                targets.extend(own.first().map(|(port, _)| (host.name.clone(), *port)));
            } else {
                listen.entry(host.name.clone()).or_default().extend(own.iter().map(|(port, _)| *port));
            }
        }
        if cluster.agents {
            let port = agents::port(cluster, host);
            match survey.known.get(&host.name).is_some_and(|k| k.facts.running.iter().any(|r| r == AGENT)) {
                true => targets.push((host.name.clone(), port)),
                false => listen.entry(host.name.clone()).or_default().push(port),
            }
        }
    }
    let mut troubles = Vec::new();
    let open =
        |name: &str| Request::Listen { host: name.to_owned(), ports: listen.get(name).cloned().unwrap_or_default() };
    for (name, reply) in hosts.ask_all(open).await {
        match reply {
            Ok(Reply::Listening { busy }) => {
                let free = listen.get(&name).cloned().unwrap_or_default();
                let free = free.into_iter().filter(|p| !busy.iter().any(|b| b.port == *p));
                targets.extend(free.map(|port| (name.clone(), port)));
                survey.busy.insert(name, busy);
            }
            Ok(_) => troubles.push(odd(&name)),
            Err(trouble) => troubles.push(trouble),
        }
    }
    let others =
        |name: &str| Request::Reach { targets: targets.iter().filter(|(host, _)| host != name).cloned().collect() };
    for (name, reply) in hosts.ask_all(others).await {
        match reply {
            Ok(Reply::Reached { reached }) => drop(survey.reached.insert(name, reached)),
            Ok(_) => troubles.push(odd(&name)),
            Err(trouble) => troubles.push(trouble),
        }
    }
    for (_, reply) in hosts.ask_all(|_| Request::Release).await {
        troubles.extend(reply.err());
    }
    if troubles.is_empty() { Ok(()) } else { Err(troubles) }
}

/// What would go wrong: pure. Errors first.
pub fn examine(cluster: &Cluster, survey: &Survey) -> Vec<Finding> {
    let mut found = Vec::new();
    for host in &cluster.hosts {
        let Some(known) = survey.known.get(&host.name) else { continue };
        let mut add = |level, code: &str, message: String, evidence: Vec<String>, hint: Option<String>| {
            found.push(Finding { level, host: host.name.clone(), code: code.to_owned(), message, evidence, hint });
        };
        machine(cluster, host, known, &mut add);
        if let Some(release) = survey.storm.as_ref().filter(|_| runs_storm(host)) {
            apache_storm(cluster, known, release, &crew(cluster, host, &known.hello).dir, &mut add);
        }
        names(cluster, host, survey, &mut add);
        network(cluster, host, survey, &mut add);
        if let Some((offset, unsure)) = survey.clocks.get(&host.name) {
            let sure = offset.abs() - unsure;
            let level = match sure {
                CLOCK_ERROR_MS.. => Some(Level::Error),
                CLOCK_WARN_MS.. => Some(Level::Warning),
                _ => None,
            };
            if let Some(level) = level {
                let side = if *offset > 0 { "ahead of" } else { "behind" };
                add(
                    level,
                    "clock/offset",
                    format!("the clock is {:.1} s {side} this machine's", sure as f64 / 1000.0),
                    vec!["heartbeats are compared by clocks: hosts would be taken for dead".to_owned()],
                    Some("let chrony or systemd-timesyncd set it: timedatectl set-ntp true".to_owned()),
                );
            }
        }
    }
    found.sort_by_key(|f| f.level);
    found
}

type Add<'a> = dyn FnMut(Level, &str, String, Vec<String>, Option<String>) + 'a;

fn machine(cluster: &Cluster, host: &Host, known: &Known, add: &mut Add<'_>) {
    let (hello, facts) = (&known.hello, &known.facts);
    let crew = crew(cluster, host, hello);
    let free = facts.free_bytes.unwrap_or(u64::MAX);
    if free < DISK_WARN {
        let level = if free < DISK_ERROR { Level::Error } else { Level::Warning };
        let what = format!("{} MiB are free for {}", free >> 20, crew.dir.display());
        add(level, "disk/low", what, Vec::new(), Some("name a folder on a larger disk with dir".to_owned()));
    }
    if facts.nofile < NOFILE && crew.service == Service::Background {
        let what = format!("a process may have {} files open", facts.nofile);
        add(
            Level::Warning,
            "limits/nofile",
            what,
            Vec::new(),
            Some("raise nofile in /etc/security/limits.conf".into()),
        );
    }
    if crew.daemons.iter().any(|d| d.apache) && facts.java.is_none() {
        let (what, hint) = match &cluster.zookeeper.java_home {
            Some(home) => (
                format!("there is no Java in {}", home.display()),
                "name where Java is with zookeeper: {java_home: ...}",
            ),
            None => (
                "there is no Java, and Apache ZooKeeper needs it".to_owned(),
                "install one, for example default-jre-headless, or name it with zookeeper: {java_home: ...}",
            ),
        };
        add(Level::Error, "java/missing", what, Vec::new(), Some(hint.to_owned()));
    }
    if let (Some(user), Some(shut)) = (&crew.user, &facts.shut) {
        let what = format!("{user} cannot enter {}, on the way to {}", shut.display(), crew.dir.display());
        let hint = format!("chmod o+x {}, or name another folder with dir", shut.display());
        add(Level::Error, "account/path", what, Vec::new(), Some(hint));
    }
    if crew.user.is_some() && hello.uid != 0 {
        let what =
            format!("only root can run daemons as {}, and this is {}", crew.user.unwrap_or_default(), hello.user);
        add(
            Level::Error,
            "account/root",
            what,
            Vec::new(),
            Some("say ssh: {sudo: true}, or leave out user".to_owned()),
        );
    }
    match cluster.service {
        Service::Systemd if !hello.systemd => add(
            Level::Error,
            "service/systemd",
            "systemd does not run this machine".to_owned(),
            vec!["/run/systemd/system is not there".to_owned()],
            Some("say service: background".to_owned()),
        ),
        Service::Systemd if hello.uid != 0 => add(
            Level::Error,
            "service/root",
            format!("only root can add units, and this is {}", hello.user),
            Vec::new(),
            Some("say ssh: {sudo: true}, or service: systemd-user".to_owned()),
        ),
        Service::SystemdUser if !hello.systemd_user => add(
            Level::Error,
            "service/systemd-user",
            format!("systemd runs no services of {}", hello.user),
            Vec::new(),
            Some(format!("sudo loginctl enable-linger {}, or say service: background", hello.user)),
        ),
        _ if crew.service == Service::SystemdUser && !hello.lingers => add(
            Level::Warning,
            "service/linger",
            format!("what systemd runs for {0} ends when {0} logs out", hello.user),
            vec![format!("/var/lib/systemd/linger/{} is not there", hello.user)],
            Some(format!("sudo loginctl enable-linger {}, or say service: background", hello.user)),
        ),
        _ => {}
    }
    // Slots are of interest where a supervisor is to come: elsewhere there are none, and one that runs looks after its own.
    let slots = host.roles.contains(&Role::Supervisor) && !facts.running.iter().any(|r| r == Role::Supervisor.word());
    for finding in
        facts.findings.iter().filter(|f| slots || !f["code"].as_str().is_some_and(|c| c.starts_with("ports/")))
    {
        let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        let level = match finding["severity"].as_str() {
            Some("error") => Level::Error,
            Some("warning") => Level::Warning,
            _ => continue,
        };
        let evidence = finding["evidence"].as_array().map_or(&[] as &[Value], |all| all);
        let line = |e: &Value| {
            format!("{}  {}", e["place"].as_str().unwrap_or_default(), e["text"].as_str().unwrap_or_default())
        };
        let hint = finding["repair"]["command"].as_str().map(str::to_owned);
        add(level, &text("code"), text("message"), evidence.iter().map(line).collect(), hint);
    }
}

/// What a release needs on a host.
fn apache_storm(cluster: &Cluster, known: &Known, release: &StormRelease, dir: &Path, add: &mut Add<'_>) {
    let Some(storm) = &cluster.storm else { return };
    let StormRelease { version, java: needed } = release;
    let name_java = format!("install Java {needed} or later, or name it with storm: {{java_home: ...}}");
    match &known.facts.storm_java {
        None => {
            let what = match &storm.java_home {
                Some(home) => format!("there is no Java in {}", home.display()),
                None => "there is no Java, and Apache Storm needs it".to_owned(),
            };
            add(Level::Error, "java/missing", what, Vec::new(), Some(name_java));
        }
        Some(java) if java.major().is_some_and(|major| major < *needed) => {
            let what = format!("Apache Storm {version} needs Java {needed}, and here is an older one");
            let seen = format!("{}: {}", java.program.display(), java.version);
            add(Level::Error, "java/old", what, vec![seen], Some(name_java));
        }
        Some(_) => {}
    }
    if known.facts.python.is_none() {
        let (what, hint) = match &storm.python {
            Some(python) => (format!("{} is no Python 3", python.display()), "name another with storm: {python: ...}"),
            None => (
                "there is no python3, and bin/storm of Apache Storm is a program for it".to_owned(),
                "install python3, or name it with storm: {python: ...}",
            ),
        };
        add(Level::Error, "python/missing", what, Vec::new(), Some(hint.to_owned()));
    }
    if dir.to_string_lossy().contains(char::is_whitespace) {
        let what = format!("bin/storm of Apache Storm does not take a blank in its path, and {dir:?} has one");
        add(Level::Error, "storm/blank", what, Vec::new(), Some("name another folder with dir".to_owned()));
    }
}

fn names(cluster: &Cluster, host: &Host, survey: &Survey, add: &mut Add<'_>) {
    let Some(known) = survey.known.get(&host.name) else { return };
    for other in &cluster.hosts {
        let Some(name) = known.facts.names.get(&other.name) else { continue };
        if let Some(why) = &name.unknown {
            let what = format!("{} does not know the name {}", host.name, other.name);
            let hint = format!("add {} to the name service or to /etc/hosts of {}", other.name, host.name);
            add(Level::Error, "names/unresolved", what, vec![why.clone()], Some(hint));
            continue;
        }
        let literal = other.name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
        let loopback = name.addresses.first().is_some_and(|ip| ip.is_loopback());
        if loopback && !literal && cluster.hosts.len() > 1 {
            let what = format!("on {} the name {} means {}", host.name, other.name, name.addresses[0]);
            let hint = format!("give {} its address in /etc/hosts of {}", other.name, host.name);
            add(Level::Error, "names/loopback", what, vec!["other hosts cannot reach that".to_owned()], Some(hint));
        }
        // Told once, by the host whose name it is.
        let theirs = survey.known.get(&other.name).and_then(|k| k.facts.names.get(&other.name));
        if let Some(theirs) = theirs.filter(|t| !t.addresses.is_empty() && other.name != host.name)
            && !theirs.addresses.iter().any(|ip| name.addresses.contains(ip))
        {
            let list = |ips: &[std::net::IpAddr]| ips.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let what = format!("{} means {} here", other.name, list(&name.addresses));
            let there = format!("on {}: {}", other.name, list(&theirs.addresses));
            add(Level::Warning, "names/differ", what, vec![there], Some("make the hosts files alike".to_owned()));
        }
        if other.name == host.name && !literal && !name.reverse.iter().any(|n| n.eq_ignore_ascii_case(&other.name)) {
            let address = name.addresses.first().map(ToString::to_string).unwrap_or_default();
            let is = if name.reverse.is_empty() { "has no name".to_owned() } else { name.reverse.join(", ") };
            let what = format!("{address} does not lead back to {}", other.name);
            add(Level::Warning, "names/reverse", what, vec![format!("{address}: {is}")], None);
        }
    }
}

fn network(cluster: &Cluster, host: &Host, survey: &Survey, add: &mut Add<'_>) {
    let purpose = |host: &Host, port: u16| {
        let agent = cluster.agents.then(|| (agents::port(cluster, host), "the agent"));
        let all = host.roles.iter().flat_map(|role| ports(cluster, host, *role));
        all.chain(agent).find(|(p, _)| *p == port).map_or("a daemon", |(_, what)| what)
    };
    let told = survey.known.get(&host.name).map(|k| k.facts.findings.clone()).unwrap_or_default();
    for busy in survey.busy.get(&host.name).into_iter().flatten() {
        let subject = format!("{}:{}", host.name, busy.port);
        if told.iter().any(|f| f["code"] == "ports/slot-taken" && f["subject"]["name"] == subject.as_str()) {
            continue;
        }
        let what = format!("port {}, for {}, is taken", busy.port, purpose(host, busy.port));
        let hint = format!("ss -ltnp 'sport = :{}' shows by whom; or set another port in conf", busy.port);
        add(Level::Error, "ports/taken", what, vec![busy.why.clone()], Some(hint));
    }
    for reach in survey.reached.get(&host.name).into_iter().flatten() {
        let Some(why) = &reach.failed else { continue };
        let what = cluster.host(&reach.host).map_or("a daemon", |h| purpose(h, reach.port));
        let message = format!("{} cannot reach {}:{}, for {what}", host.name, reach.host, reach.port);
        let hint = format!("open port {} of {} for {}", reach.port, reach.host, host.name);
        add(Level::Error, "network/unreachable", message, vec![why.clone()], Some(hint));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Hello, HostFacts, Java, Name};

    fn cluster() -> Cluster {
        serde_yaml::from_str(
            "name: x\nhosts:\n- {name: n1, roles: [zookeeper, nimbus]}\n- {name: n2, roles: [supervisor]}\n",
        )
        .unwrap()
    }

    fn survey() -> Survey {
        let known = || {
            let name = |ip: &str, own: &str| {
                let address = ip.parse().unwrap();
                (own.to_owned(), Name { addresses: vec![address], reverse: vec![own.to_owned()], unknown: None })
            };
            let names = [name("10.0.0.1", "n1"), name("10.0.0.2", "n2")].into();
            let facts = HostFacts { names, nofile: 65536, user_exists: true, ..HostFacts::default() };
            Known { hello: Hello { uid: 0, ..Hello::default() }, facts }
        };
        let known = [("n1".to_owned(), known()), ("n2".to_owned(), known())].into();
        Survey { known, ..Survey::default() }
    }

    fn codes(survey: &Survey) -> Vec<String> {
        examine(&cluster(), survey).iter().map(|f| format!("{} {}", f.host, f.code)).collect()
    }

    #[test]
    fn healthy_hosts_have_no_findings() {
        assert_eq!(codes(&survey()), [] as [&str; 0]);
    }

    #[test]
    fn each_fault_is_told_on_its_host() {
        let mut s = survey();
        s.clocks = [("n1".to_owned(), (-7000, 100)), ("n2".to_owned(), (900, 500))].into();
        assert_eq!(codes(&s), ["n1 clock/offset"]);
        let message = &examine(&cluster(), &s)[0].message;
        assert_eq!(message, "the clock is 6.9 s behind this machine's");

        let mut s = survey();
        let names = &mut s.known.get_mut("n1").unwrap().facts.names;
        names.get_mut("n2").unwrap().unknown = Some("no such name".into());
        names.get_mut("n1").unwrap().addresses = vec!["127.0.1.1".parse().unwrap()];
        assert_eq!(codes(&s), ["n1 names/loopback", "n1 names/unresolved", "n2 names/differ"]);

        let mut s = survey();
        s.busy.insert("n2".into(), vec![Busy { port: 6701, why: "Address already in use".into() }]);
        let failed = Some("Connection refused".to_owned());
        s.reached.insert("n2".into(), vec![Reach { host: "n1".into(), port: 2181, failed }]);
        let found = examine(&cluster(), &s);
        assert_eq!(found[0].message, "port 6701, for a slot, is taken");
        assert_eq!(found[1].message, "n2 cannot reach n1:2181, for ZooKeeper");

        let mut apache = cluster();
        apache.storm = serde_yaml::from_str("archive: /x/apache-storm-2.8.3.tar.gz").unwrap();
        apache.dir = "/opt/my storm".into();
        let mut s = survey();
        s.storm = Some(StormRelease { version: "2.8.3".into(), java: 17 });
        let n2 = &mut s.known.get_mut("n2").unwrap().facts;
        n2.storm_java = Some(Java { program: "/usr/bin/java".into(), version: "openjdk version \"11.0.2\"".into() });
        n2.python = Some("Python 3.13.5".into());
        let found: Vec<String> = examine(&apache, &s).iter().map(|f| format!("{} {}", f.host, f.code)).collect();
        let wanted = ["n1 java/missing", "n1 python/missing", "n1 storm/blank", "n2 java/old", "n2 storm/blank"];
        assert_eq!(found, wanted);

        let mut s = survey();
        s.known.get_mut("n1").unwrap().facts.free_bytes = Some(1 << 20);
        s.known.get_mut("n2").unwrap().facts.nofile = 1024;
        assert_eq!(codes(&s), ["n1 disk/low", "n2 limits/nofile"]);
    }

    #[test]
    fn the_port_of_an_agent_is_looked_at_too() {
        let mut s = survey();
        s.busy.insert("n2".into(), vec![Busy { port: 6629, why: "Address already in use".into() }]);
        let cluster = Cluster { agents: true, ..cluster() };
        assert_eq!(examine(&cluster, &s)[0].message, "port 6629, for the agent, is taken");
    }
}
