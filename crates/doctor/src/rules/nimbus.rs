//! Nimbus: who leads, and whether clients get there.

use super::{Draft, Rule, When};
use crate::facts::{Facts, Outcome, ProcessRole, SeedAnswer};
use crate::finding::{Severity, Subject};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "nimbus/no-leader",
        severity: Severity::Error,
        when: When::Now,
        about: "no Nimbus leads, so nothing can be submitted, listed or placed",
        check: no_leader,
    },
    Rule {
        code: "nimbus/leader-unreachable",
        severity: Severity::Error,
        when: When::Now,
        about: "a seed answers, but the leader that it names cannot be reached from here",
        check: leader_unreachable,
    },
    Rule {
        code: "nimbus/old-session",
        severity: Severity::Error,
        when: When::Now,
        about: "the leader's place in ZooKeeper belongs to a Nimbus that has gone",
        check: old_session,
    },
    Rule {
        code: "nimbus/not-registered",
        severity: Severity::Error,
        when: When::Now,
        about: "a Nimbus answers, but its node in ZooKeeper is missing",
        check: not_registered,
    },
    Rule {
        code: "nimbus/just-leading",
        severity: Severity::Info,
        when: When::Now,
        about: "the leader is new: until workers have had the time to report, nothing is moved",
        check: just_leading,
    },
    Rule {
        code: "nimbus/strange-peer",
        severity: Severity::Info,
        when: When::Later,
        about: "something that speaks no thrift has knocked at Nimbus' port",
        check: strange_peer,
    },
    Rule {
        code: "nimbus/inbox-escape",
        severity: Severity::Error,
        when: When::Later,
        about: "an entry of Nimbus' inbox leads out of it",
        check: inbox_escape,
    },
];

const SEEDS: &str = "nimbus.seeds";

/// A leader that a client reaches.
fn led(facts: &Facts) -> bool {
    facts.nimbus.seeds.iter().any(|s| matches!(s.answer, SeedAnswer::Names { .. }))
}

fn no_leader(facts: &Facts) -> Vec<Draft> {
    if facts.nimbus.seeds.is_empty() || led(facts) {
        return Vec::new();
    }
    let mut draft = Draft::new(Subject::Cluster, "no Nimbus leads");
    for seed in &facts.nimbus.seeds {
        draft = draft.at(seed.address.clone(), seed.answer.words());
    }
    let seeds = facts.config.conf.strings(SEEDS).join(", ");
    draft = draft.at(facts.config.place(SEEDS), format!("{SEEDS}: [{seeds}]"));
    let here = facts.host.process(|r| *r == ProcessRole::Nimbus);
    if let Some(process) = here {
        draft = draft.at(format!("process {}", process.pid), process.command.clone());
    } else if let Some((place, text)) = last_words(facts, "nimbus") {
        draft = draft.at(place, text);
    }
    let running = facts.host.workers.iter().filter(|w| w.pid.is_some()).count();
    let chosen = facts.config.is_written(SEEDS);
    let alive = facts.nimbus.seeds.iter().any(|s| s.answer.alive());
    let mut cause = match (alive, chosen) {
        (true, _) => {
            "a Nimbus runs and does not lead: it may wait for ZooKeeper, or for the session of the last leader"
                .to_owned()
        }
        (false, true) => "none of the hosts that storm.yaml names runs a Nimbus that answers".to_owned(),
        (false, false) => format!("{SEEDS} was never set on this machine, so only localhost was asked"),
    };
    if running > 0 {
        cause.push_str(&format!("; the {running} workers of this host go on meanwhile"));
    }
    draft = draft.because(cause);
    // Where the seeds are wrong, starting one here would not help.
    let local = facts.nimbus.seeds.iter().any(|s| {
        let host = s.address.rsplit_once(':').map_or(s.address.as_str(), |(host, _)| host);
        host == facts.host.name
            || host == "localhost"
            || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    });
    vec![match (alive, chosen, local) {
        (true, ..) => draft.fix("stormctl zk status      (the Nimbus that runs leads as soon as ZooKeeper lets it)"),
        (false, true, true) => draft.apply(&["start", "nimbus"]),
        (false, true, false) => {
            draft.fix(format!("ssh {} stormctl start nimbus", host_of(&facts.nimbus.seeds[0].address)))
        }
        (false, false, _) => draft.fix(format!(
            "stormctl config set {SEEDS} '[\"HOST-OF-NIMBUS\"]'      (or stormctl start nimbus, if it is to run here)"
        )),
    }]
}

fn host_of(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

/// The last error, else the last line, of a daemon's log.
pub(super) fn last_words<'a>(facts: &'a Facts, of: &str) -> Option<(String, &'a str)> {
    let log = facts.host.log(of)?;
    let error = log.lines.iter().rev().find(|(_, text)| text.contains("ERROR"));
    let (line, text) = error.or(log.lines.last())?;
    Some((log.place(*line), text.as_str()))
}

fn leader_unreachable(facts: &Facts) -> Vec<Draft> {
    let Some((leader, outcome)) = &facts.nimbus.leader else { return Vec::new() };
    if *outcome == Outcome::Answers {
        return Vec::new();
    }
    let mut draft = Draft::new(
        Subject::Nimbus { address: leader.clone() },
        format!("a seed answers, but the leader it names, {leader}, cannot be reached from here"),
    );
    for seed in facts.nimbus.seeds.iter().filter(|s| s.answer.alive()) {
        draft = draft.at(seed.address.clone(), seed.answer.words());
    }
    let host = host_of(leader);
    let fix = match outcome {
        Outcome::Unresolved(_) => format!(
            "echo 'ADDRESS {host}' | sudo tee -a /etc/hosts      (or set storm.local.hostname there to a name that clients know)"
        ),
        _ => format!("ssh {host} stormctl status nimbus      (and open its port to clients)"),
    };
    vec![
        draft
            .at(leader.clone(), outcome.words())
            .because("the leader tells clients the name under which it is known inside, as in a network of containers")
            .fix(fix),
    ]
}

/// The first in the queue does not run any more: its ephemeral node lives until its session ends.
fn old_session(facts: &Facts) -> Vec<Draft> {
    let Some(tree) = &facts.zookeeper.tree else { return Vec::new() };
    let Some(first) = tree.latch.first() else { return Vec::new() };
    let seed = facts.nimbus.seeds.iter().find(|s| s.address == first.participant);
    let gone = match seed {
        Some(seed) => matches!(seed.answer, SeedAnswer::Refused(_)),
        None => false,
    };
    // The same host twice: the one that has gone, and the one that came back.
    let again = tree.latch.iter().skip(1).any(|p| p.participant == first.participant);
    if !gone && !again {
        return Vec::new();
    }
    let limit = facts.config.secs("storm.zookeeper.session.timeout", 20_000) / 1000;
    let mut draft = Draft::new(
        Subject::Nimbus { address: first.participant.clone() },
        format!("leadership is still held for {}, which has gone: for {limit} s at the most", first.participant),
    )
    .at(format!("{}/leader-lock/{}", tree.root, first.node), format!("of {}", first.participant));
    if let Some(seed) = seed.filter(|_| gone) {
        draft = draft.at(seed.address.clone(), seed.answer.words());
    }
    for other in tree.latch.iter().skip(1) {
        draft = draft.at(format!("{}/leader-lock/{}", tree.root, other.node), format!("waits: {}", other.participant));
    }
    draft = draft.because(format!(
        "ZooKeeper ends a session {limit} s after its last sign of life (storm.zookeeper.session.timeout)"
    ));
    vec![if tree.latch.len() > 1 {
        draft.fix(format!("sleep {limit} && stormctl list"))
    } else {
        draft.apply(&["start", "nimbus"])
    }]
}

fn not_registered(facts: &Facts) -> Vec<Draft> {
    let (Some(tree), Some((leader, Outcome::Answers))) = (&facts.zookeeper.tree, &facts.nimbus.leader) else {
        return Vec::new();
    };
    let host = host_of(leader);
    if tree.nimbuses.iter().any(|n| n == host) {
        return Vec::new();
    }
    vec![
        Draft::new(
            Subject::Nimbus { address: leader.clone() },
            format!("Nimbus at {leader} answers, but its node in ZooKeeper is missing"),
        )
        .at(format!("{}/nimbuses/{host}", tree.root), "is not there")
        .because(
            "it was removed, or not made again after a new session: supervisors and other Nimbuses do not see this one",
        )
        .apply(&["restart", "nimbus"]),
    ]
}

fn just_leading(facts: &Facts) -> Vec<Draft> {
    let Some(summary) = &facts.nimbus.summary else { return Vec::new() };
    let grace = facts.config.secs("nimbus.task.launch.secs", 120);
    let Some(leader) = summary.nimbuses.iter().find(|n| n.is_leader && i64::from(n.uptime_secs) < grace) else {
        return Vec::new();
    };
    // With nothing to wait for there is nothing to tell.
    if facts.topologies.is_empty()
        || facts.topologies.iter().all(|t| t.workers.iter().all(|w| w.uptime_secs > 0) && t.placed == t.executors)
    {
        return Vec::new();
    }
    let address = format!("{}:{}", leader.host, leader.port);
    vec![
        Draft::new(
            Subject::Nimbus { address: address.clone() },
            format!(
                "the leader has been up for {} s: workers that have not reported yet count as alive until {grace} s",
                leader.uptime_secs
            ),
        )
        .at(address, format!("uptime {} s", leader.uptime_secs))
        .at(facts.config.place("nimbus.task.launch.secs"), format!("nimbus.task.launch.secs: {grace}"))
        .because("a new leader must not move what only has not had the time to report"),
    ]
}

fn strange_peer(facts: &Facts) -> Vec<Draft> {
    let Some(log) = facts.host.log("nimbus") else { return Vec::new() };
    let Some((line, text)) =
        log.lines.iter().rev().find(|(_, t)| t.contains("connection of") && t.contains("dropped:"))
    else {
        return Vec::new();
    };
    let peer = text.split("connection of ").nth(1).and_then(|t| t.split_whitespace().next()).unwrap_or("somebody");
    vec![
        Draft::new(
            Subject::Nimbus { address: facts.host.name.clone() },
            format!("{peer} has sent Nimbus what is no thrift"),
        )
        .at(log.place(*line), text.clone())
        .because("a port scan, or a program that was given the wrong port: it was dropped, and costs nothing")
        .fix(format!("ss -tnp | grep {}", super::quoted(host_of(peer)))),
    ]
}

fn inbox_escape(facts: &Facts) -> Vec<Draft> {
    let draft = |path: &std::path::PathBuf| {
        Draft::new(
            Subject::Nimbus { address: facts.host.name.clone() },
            format!("{} leads out of Nimbus' inbox", path.display()),
        )
        .at(path.display().to_string(), "a symbolic link")
        .because("a submission that names it would make a file of this host part of a topology; Nimbus refuses it")
        .fix(format!("rm {}", super::quoted(&path.display().to_string())))
    };
    facts.host.inbox_escapes.iter().map(draft).collect()
}
