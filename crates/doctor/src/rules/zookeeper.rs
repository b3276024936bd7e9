//! ZooKeeper: whether it serves, how fast, and what is in it.

use super::{Draft, Rule, When};
use crate::facts::{Facts, ZooKeeperAnswer, ZooKeeperServer};
use crate::finding::{Severity, Subject};

/// Slower than this, heartbeats and elections begin to suffer.
const SLOW_MS: f64 = 200.0;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "zookeeper/unresolved",
        severity: Severity::Error,
        when: When::Now,
        about: "the name of a ZooKeeper server is not known here",
        check: |f| servers(f, unresolved),
    },
    Rule {
        code: "zookeeper/no-process",
        severity: Severity::Error,
        when: When::Now,
        about: "no ZooKeeper runs where one should",
        check: |f| servers(f, no_process),
    },
    Rule {
        code: "zookeeper/port-closed",
        severity: Severity::Error,
        when: When::Now,
        about: "a ZooKeeper process runs, but does not listen on the configured port",
        check: |f| servers(f, port_closed),
    },
    Rule {
        code: "zookeeper/not-zookeeper",
        severity: Severity::Error,
        when: When::Now,
        about: "another program has ZooKeeper's port",
        check: |f| servers(f, not_zookeeper),
    },
    Rule {
        code: "zookeeper/silent",
        severity: Severity::Error,
        when: When::Now,
        about: "something takes connections on ZooKeeper's port and says nothing",
        check: |f| servers(f, silent),
    },
    Rule {
        code: "zookeeper/no-quorum",
        severity: Severity::Error,
        when: When::Now,
        about: "a member of an ensemble runs, but too few others do",
        check: |f| servers(f, no_quorum),
    },
    Rule {
        code: "zookeeper/peer-name",
        severity: Severity::Error,
        when: When::Now,
        about: "zoo.cfg names a member that has no address",
        check: peer_name,
    },
    Rule {
        code: "zookeeper/slow",
        severity: Severity::Warning,
        when: When::Now,
        about: "ZooKeeper answers slowly",
        check: slow,
    },
    Rule {
        code: "zookeeper/foreign-data",
        severity: Severity::Error,
        when: When::Now,
        about: "a node of Storm's tree holds what this version cannot read",
        check: foreign_data,
    },
    Rule {
        code: "zookeeper/acl",
        severity: Severity::Error,
        when: When::Now,
        about: "a node of Storm's tree is closed to this cluster's daemons",
        check: acl,
    },
    Rule {
        code: "zookeeper/autopurge",
        severity: Severity::Warning,
        when: When::Later,
        about: "ZooKeeper keeps every snapshot and log until the disk is full",
        check: autopurge,
    },
];

const SERVERS: &str = "storm.zookeeper.servers";

fn servers(facts: &Facts, check: fn(&Facts, &ZooKeeperServer, Draft) -> Option<Draft>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for server in &facts.zookeeper.servers {
        let base = Draft::new(Subject::ZooKeeper { address: server.address.clone() }, String::new());
        drafts.extend(check(facts, server, base));
    }
    drafts
}

fn say(mut draft: Draft, message: String) -> Draft {
    draft.message = message;
    draft
}

fn start(server: &ZooKeeperServer, draft: Draft) -> Draft {
    if server.here {
        return draft.apply(&["start", "zookeeper"]);
    }
    let host = server.address.rsplit_once(':').map_or(server.address.as_str(), |(host, _)| host);
    draft.fix(format!("ssh {host} stormctl start zookeeper"))
}

fn unresolved(facts: &Facts, server: &ZooKeeperServer, draft: Draft) -> Option<Draft> {
    let ZooKeeperAnswer::Unresolved(why) = &server.answer else { return None };
    let message = format!("the name in {} is not known here", server.address);
    Some(
        say(draft, message)
            .at(facts.config.place(SERVERS), format!("{SERVERS} names it"))
            .at(server.address.clone(), why.clone())
            .fix(format!("stormctl config set {SERVERS} '[\"HOST\"]'")),
    )
}

fn no_process(facts: &Facts, server: &ZooKeeperServer, draft: Draft) -> Option<Draft> {
    let ZooKeeperAnswer::Refused(why) = &server.answer else { return None };
    if server.process.is_some() {
        return None;
    }
    let where_ = if server.here { "on this host" } else { "there, or a firewall refuses" };
    let mut draft = say(draft, format!("no ZooKeeper runs at {}: no process {where_}", server.address))
        .at(server.address.clone(), why.clone())
        .at(facts.config.place(SERVERS), format!("{SERVERS} names it"));
    if let Some((place, text)) = super::nimbus::last_words(facts, "zookeeper").filter(|_| server.here) {
        draft = draft.at(place, text);
    }
    Some(start(
        server,
        draft.because("daemons that run wait for it and go on by themselves; none can start without it"),
    ))
}

fn port_closed(facts: &Facts, server: &ZooKeeperServer, draft: Draft) -> Option<Draft> {
    let (ZooKeeperAnswer::Refused(why), Some(process)) = (&server.answer, &server.process) else { return None };
    let mut draft = say(draft, format!("a ZooKeeper runs on this host, but nothing listens at {}", server.address))
        .at(server.address.clone(), why.clone())
        .at("this host", process.clone());
    if let Some(cfg) = &facts.zookeeper.zoo_cfg
        && let Some((line, port)) = cfg.get("clientPort")
    {
        draft = draft.at(format!("{}:{line}", cfg.path.display()), format!("clientPort={port}"));
    }
    let port = facts.config.port("storm.zookeeper.port", 2181);
    Some(
        draft
            .at(facts.config.place("storm.zookeeper.port"), format!("storm.zookeeper.port: {port}"))
            .because("it listens on another port or address, or is still starting")
            .fix("stormctl config set storm.zookeeper.port PORT      (the clientPort of its zoo.cfg)"),
    )
}

fn not_zookeeper(_: &Facts, server: &ZooKeeperServer, draft: Draft) -> Option<Draft> {
    let ZooKeeperAnswer::Strange(what) = &server.answer else { return None };
    let holder = server.holder.clone().unwrap_or_else(|| "another program".to_owned());
    Some(
        say(draft, format!("{} is held by {holder}, which is no ZooKeeper", server.address))
            .at(server.address.clone(), what.clone())
            .fix(format!("ss -ltnp 'sport = :{}'", server.address.rsplit(':').next().unwrap_or_default())),
    )
}

fn silent(_: &Facts, server: &ZooKeeperServer, draft: Draft) -> Option<Draft> {
    let ZooKeeperAnswer::Silent(why) = &server.answer else { return None };
    let draft = say(draft, format!("{} takes connections and says nothing", server.address))
        .at(server.address.clone(), why.clone())
        .because("it hangs, waits for its disk, or speaks TLS only; or the network swallows packets");
    Some(match &server.holder {
        Some(holder) => draft.at("this host", format!("the port is held by {holder}")).fix("stormctl zk restart"),
        None => draft.fix(format!("stormctl zk status {}", server.address)),
    })
}

fn no_quorum(facts: &Facts, server: &ZooKeeperServer, draft: Draft) -> Option<Draft> {
    if server.answer != ZooKeeperAnswer::NotServing {
        return None;
    }
    let mut draft = say(draft, format!("{} runs, but its ensemble has no quorum", server.address))
        .at(server.address.clone(), "This ZooKeeper instance is not currently serving requests");
    for other in facts.zookeeper.servers.iter().filter(|o| o.address != server.address) {
        if let ZooKeeperAnswer::Refused(why) | ZooKeeperAnswer::Unresolved(why) | ZooKeeperAnswer::Silent(why) =
            &other.answer
        {
            draft = draft.at(other.address.clone(), why.clone());
        }
    }
    let mut peers = Vec::new();
    if let Some(cfg) = &facts.zookeeper.zoo_cfg {
        for (line, key, value) in cfg.entries.iter().filter(|(_, key, _)| key.starts_with("server.")) {
            draft = draft.at(format!("{}:{line}", cfg.path.display()), format!("{key}={value}"));
            peers.push(value.split(':').next().unwrap_or(value).to_owned());
        }
    }
    let down = facts.zookeeper.servers.iter().find(|o| matches!(o.answer, ZooKeeperAnswer::Refused(_)));
    let host = down.map(|o| o.address.rsplit_once(':').map_or(o.address.clone(), |(h, _)| h.to_owned()));
    let host = host.or_else(|| peers.into_iter().next_back()).unwrap_or_else(|| "MEMBER".to_owned());
    Some(
        draft
            .because("more than half of the members must run and see each other")
            .fix(format!("ssh {host} zkServer.sh start      (on each member that is down)")),
    )
}

fn peer_name(facts: &Facts) -> Vec<Draft> {
    let Some(cfg) = &facts.zookeeper.zoo_cfg else { return Vec::new() };
    let draft = |(line, host, why): &(usize, String, String)| {
        Draft::new(
            Subject::ZooKeeper { address: host.clone() },
            format!("the ensemble's member {host} has no address on this host"),
        )
        .at(format!("{}:{line}", cfg.path.display()), why.clone())
        .because("a member that starts before its peers have names may never find them")
        .fix(format!("echo 'ADDRESS {host}' | sudo tee -a /etc/hosts && stormctl zk restart"))
    };
    cfg.unresolved_peers.iter().map(draft).collect()
}

fn slow(facts: &Facts) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let ours = facts.zookeeper.operation_ms.filter(|ms| *ms > SLOW_MS);
    for server in &facts.zookeeper.servers {
        let ZooKeeperAnswer::Serving { average_ms, max_ms, fsync_ms, .. } = &server.answer else { continue };
        let theirs = average_ms.filter(|ms| *ms > SLOW_MS);
        if theirs.is_none() && ours.is_none() {
            continue;
        }
        let worst = theirs.or(ours).unwrap_or_default();
        let mut draft = Draft::new(
            Subject::ZooKeeper { address: server.address.clone() },
            format!("ZooKeeper at {} takes {worst:.0} ms to answer", server.address),
        );
        if let Some(average) = average_ms {
            let max = max_ms.map(|m| format!(", at most {m:.0} ms")).unwrap_or_default();
            draft = draft.at(server.address.clone(), format!("average latency {average:.0} ms{max}"));
        }
        if let Some(fsync) = fsync_ms {
            draft = draft.at(server.address.clone(), format!("writing to its disk takes {fsync:.0} ms"));
        }
        if let Some(ours) = ours {
            draft = draft.at("this host", format!("a read took {ours:.0} ms"));
        }
        drafts.push(
            draft
                .because("heartbeats come late and executors look dead: Storm moves them in vain")
                .fix("stormctl config set storm.zookeeper.session.timeout 40000      (and give its dataLogDir a disk of its own)"),
        );
    }
    drafts
}

fn foreign_data(facts: &Facts) -> Vec<Draft> {
    let Some(tree) = &facts.zookeeper.tree else { return Vec::new() };
    let draft = |u: &crate::facts::Unreadable| {
        Draft::new(Subject::Cluster, format!("{} holds no {} that this version can read", u.path, u.what))
            .at(u.path.clone(), u.why.clone())
            .because("an older Storm, or another program, has written it")
            .fix(format!("stormctl zk get {0} > backup && stormctl zk rm {0}", super::quoted(&u.path)))
    };
    tree.unreadable.iter().map(draft).collect()
}

fn acl(facts: &Facts) -> Vec<Draft> {
    let Some(tree) = &facts.zookeeper.tree else { return Vec::new() };
    let draft = |c: &crate::facts::Closed| {
        Draft::new(Subject::Cluster, format!("{} is not open to this cluster's daemons", c.path))
            .at(c.path.clone(), format!("has {}", c.acl))
            .at(
                facts.config.place("storm.zookeeper.auth.scheme"),
                "no authentication is configured, so world:anyone:cdrwa is expected",
            )
            .because("it was made by a secure cluster, or under another name")
            .fix(format!(
                "zkCli.sh -server HOST setAcl {} world:anyone:cdrwa      (as the owner of the node)",
                super::quoted(&c.path)
            ))
    };
    tree.closed.iter().map(draft).collect()
}

fn autopurge(facts: &Facts) -> Vec<Draft> {
    const KEY: &str = "autopurge.purgeInterval";
    let Some(cfg) = &facts.zookeeper.zoo_cfg else { return Vec::new() };
    let set = cfg.get(KEY);
    if set.is_some_and(|(_, value)| value.trim().parse::<u64>().is_ok_and(|hours| hours > 0)) {
        return Vec::new();
    }
    let path = cfg.path.display();
    let (place, text) = match set {
        Some((line, value)) => (format!("{path}:{line}"), format!("{KEY}={value}")),
        None => (path.to_string(), format!("{KEY} is not set, which means never")),
    };
    let mut draft = Draft::new(
        Subject::ZooKeeper { address: facts.host.name.clone() },
        "ZooKeeper never removes its old snapshots and logs",
    )
    .at(place, text);
    if let (Some(bytes), Some((line, dir))) = (cfg.data_bytes, cfg.get("dataDir")) {
        draft = draft.at(format!("{path}:{line}"), format!("{dir} holds {} MB", bytes >> 20));
    }
    vec![
        draft
            .because("its disk fills up, and it ends when that is full")
            .fix(format!("printf 'autopurge.snapRetainCount=3\\n{KEY}=24\\n' >> {path} && stormctl zk restart")),
    ]
}
