//! Plans without hosts: what is wanted and what is said go in, steps come out.

use std::collections::BTreeMap;

use super::{Health, Known, Leaving, Packed, Plan, Sources, back, leave, plan, restart, unit_text, zoo_cfg};
use crate::facts::{Hello, Load, PathFacts, Process, Seen, Slots, Topology};
use crate::site::sha256;
use crate::spec::{Cluster, Role, Service};
use crate::step::{Action, Body, Step, places};

fn cluster(more: &str) -> Cluster {
    let text = format!(
        "name: prod\ndir: /opt/storm\nservice: background\n{more}\nhosts:\n\
         - {{name: n1, roles: [zookeeper, nimbus]}}\n- {{name: n2, roles: [supervisor]}}\n"
    );
    serde_yaml::from_str(&text).unwrap()
}

fn sources() -> Sources {
    Sources { program_sha256: sha256(b"program"), check: true, ..Sources::default() }
}

fn nothing(cluster: &Cluster) -> BTreeMap<String, Known> {
    let known = |h: &crate::spec::Host| {
        let mut known = Known { hello: Hello { home: "/root".into(), ..Hello::default() }, ..Known::default() };
        known.facts.user_exists = true;
        for folder in ["/", "/opt"] {
            known.facts.paths.insert(folder.into(), PathFacts { seen: Seen::Folder, ..PathFacts::default() });
        }
        (h.name.clone(), known)
    };
    cluster.hosts.iter().map(known).collect()
}

/// The hosts after a plan was done on them.
fn after(mut hosts: BTreeMap<String, Known>, plan: &Plan) -> BTreeMap<String, Known> {
    for step in &plan.steps {
        let facts = &mut hosts.get_mut(&step.host).unwrap().facts;
        let manifest = PathFacts { seen: Seen::File { sha256: String::new() }, ours: false, ..PathFacts::default() };
        facts.paths.insert(places::manifest(&step.dir), manifest);
        match &step.action {
            Action::Home { path } | Action::Folder { path, .. } | Action::Unpack { path, .. } => {
                facts.paths.insert(path.clone(), PathFacts { seen: Seen::Folder, ..PathFacts::default() });
            }
            Action::File { path, sha256, body, .. } => {
                let text = if let Body::Text(text) = body { Some(text.clone()) } else { None };
                let seen = Seen::File { sha256: sha256.clone() };
                facts.paths.insert(path.clone(), PathFacts { seen, ours: true, changed: false, text });
            }
            Action::Start { crew } => {
                facts.running.extend(crew.daemons.iter().map(|d| d.role.clone()));
                facts.installed.extend(crew.daemons.iter().map(|d| crew.only(vec![d.clone()])));
            }
            Action::Dismiss { crew, .. } => {
                facts.running.retain(|role| !crew.has(role));
                facts.installed.retain(|one| one.daemons != crew.daemons);
            }
            _ => {}
        }
    }
    hosts
}

fn words(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(|s| format!("{} {}", s.host, s.action.words())).collect()
}

#[test]
fn files_come_first_then_daemons_in_the_order_in_which_they_need_each_other() {
    let cluster = cluster("");
    let hosts = nothing(&cluster);
    let made = plan(&cluster, &hosts, &sources()).unwrap();
    let all = words(&made);
    assert_eq!(all[0], "n1 make the folder /opt/storm");
    let last: Vec<&str> = all[all.len() - 6..].iter().map(String::as_str).collect();
    assert_eq!(
        last,
        [
            "n1 start zookeeper (background)",
            "n1 start nimbus (background)",
            "n2 start supervisor (background)",
            "n1 wait for a leader and 1 supervisors, then count words on the cluster",
            "n1 see that they serve: zookeeper, nimbus (background)",
            "n2 see that they serve: supervisor (background)",
        ]
    );
    assert_eq!(plan(&cluster, &hosts, &sources()).unwrap().id, made.id, "the same plan is the same");

    let hosts = after(hosts, &made);
    assert_eq!(words(&plan(&cluster, &hosts, &sources()).unwrap()), [] as [&str; 0], "done is done");
    let unfinished = Sources { unfinished: true, ..sources() };
    assert_eq!(plan(&cluster, &hosts, &unfinished).unwrap().steps.len(), 3, "but for the checks that did not end");
}

#[test]
fn a_change_restarts_who_reads_it_host_by_host() {
    let before = cluster("");
    let hosts = after(nothing(&before), &plan(&before, &nothing(&before), &sources()).unwrap());
    let changed = plan(&cluster("conf: {ui.title: x}"), &hosts, &sources()).unwrap();
    let all = words(&changed);
    let wanted = [
        "n1 write /opt/storm/conf/storm.yaml",
        "n2 write /opt/storm/conf/storm.yaml",
        "n1 restart nimbus (background)",
        "n2 restart supervisor (background)",
    ];
    assert_eq!(all[..4], wanted);
    assert!(changed.steps[0].diff.as_ref().is_some_and(|d| d.contains("+ui.title: \"x\"")));
    // Another program is for all of them.
    let program = Sources { program_sha256: sha256(b"newer"), ..sources() };
    let all = words(&plan(&before, &hosts, &program).unwrap());
    assert_eq!(all.iter().filter(|w| w.contains("restart")).count(), 3, "{all:?}");
}

#[test]
fn certificates_are_files_that_nobody_is_shown_and_nobody_restarts_for() {
    let cluster = cluster("agents: true");
    let sources = |key: &str| {
        let files = crate::agents::names(&cluster.hosts[0]).into_iter().map(|n| (n, format!("{key} {n}"))).collect();
        let files = crate::agents::HostFiles { files };
        let agents = cluster.hosts.iter().map(|h| (h.name.clone(), files.clone())).collect();
        Sources { agents, ..sources() }
    };
    let made = plan(&cluster, &nothing(&cluster), &sources("old")).unwrap();
    let all = words(&made);
    assert!(all.contains(&"n2 write /opt/storm/conf/agent-tls/agent.key".to_owned()), "{all:?}");
    assert!(all.contains(&"n2 start supervisor, agent (background)".to_owned()), "{all:?}");
    assert!(all.contains(&"n1 start agent (background)".to_owned()), "{all:?}");
    let key = made.steps.iter().find_map(|s| match &s.action {
        Action::File { path, mode, body, .. } if path.ends_with("agent.key") => Some((*mode, body.clone())),
        _ => None,
    });
    assert_eq!(key, Some((0o600, Body::Sealed("old agent.key".into()))));
    let yaml =
        super::storm_yaml(&cluster, &cluster.hosts[1], &super::crew(&cluster, &cluster.hosts[1], &Hello::default()));
    assert!(yaml.contains("stormctl.agent.hosts: [\"n1\",\"n2\"]\n") && yaml.contains("[\"supervisor\",\"agent\"]"));
    let hosts = after(nothing(&cluster), &made);
    let renewed = plan(&cluster, &hosts, &sources("new")).unwrap();
    let all = words(&renewed);
    assert_eq!(all.iter().filter(|w| w.contains("agent-tls")).count(), 8, "{all:?}");
    assert_eq!(all.len(), 11, "and the checks at the end: {all:?}");
    assert!(renewed.steps.iter().all(|s| s.diff.is_none()), "{renewed:?}");
}

#[test]
fn what_is_somebody_elses_is_in_the_way() {
    let cluster = cluster("");
    let yaml = std::path::PathBuf::from("/opt/storm/conf/storm.yaml");
    let with = |facts: PathFacts| {
        let mut hosts = nothing(&cluster);
        hosts.get_mut("n2").unwrap().facts.paths.insert(yaml.clone(), facts);
        plan(&cluster, &hosts, &sources()).unwrap_err().into_iter().map(|t| t.message).collect::<Vec<_>>().join("\n")
    };
    let seen = Seen::File { sha256: "x".into() };
    assert!(
        with(PathFacts { seen: seen.clone(), ..PathFacts::default() })
            .starts_with("n2: /opt/storm/conf/storm.yaml is a file")
    );
    assert!(
        with(PathFacts { seen, changed: true, ..PathFacts::default() }).contains("was changed since stormctl wrote it")
    );
    assert!(
        with(PathFacts { seen: Seen::Folder, ..PathFacts::default() })
            .contains("is a folder that stormctl has not made")
    );
}

#[test]
fn mistakes_in_keys_are_told_by_host_before_anything_is_planned() {
    let cluster = cluster("conf: {supervisor.slots.ports: many, ui.port: x}");
    let troubles = plan(&cluster, &nothing(&cluster), &sources()).unwrap_err();
    assert_eq!(troubles.len(), 4, "two keys on two hosts: {troubles:?}");
    assert!(troubles[0].message.starts_with("n1: supervisor.slots.ports must be "), "{}", troubles[0].message);
}

#[test]
fn an_ensemble_has_server_lines_and_each_host_its_number() {
    let text = "name: trio\nzookeeper: {archive: /zk.tar.gz}\nhosts:\n- {name: a, roles: [zookeeper, nimbus]}\n\
                - {name: 'fe80::2', roles: [zookeeper, supervisor]}\n- {name: c, roles: [zookeeper], zoo_cfg: {tickTime: 3000}}\n";
    let cluster: Cluster = serde_yaml::from_str(text).unwrap();
    let hello = Hello { home: "/root".into(), ..Hello::default() };
    let ids = super::files::server_ids(&cluster, |_| None);
    let cfg = |n: usize| zoo_cfg(&cluster, &cluster.hosts[n], &super::crew(&cluster, &cluster.hosts[n], &hello), &ids);
    let text = cfg(2);
    for line in ["server.1=a:2888:3888", "server.2=[fe80::2]:2888:3888", "server.3=c:2888:3888", "tickTime=3000"] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
    assert!(text.contains("autopurge.purgeInterval=24\n") && cfg(0).contains("tickTime=2000\n"));
    let made = plan(&cluster, &nothing(&cluster), &sources()).unwrap();
    let ids = made.steps.iter().filter_map(|s| match &s.action {
        Action::File { path, body: Body::Text(text), .. } if path.ends_with("myid") => Some(text.trim().to_owned()),
        _ => None,
    });
    assert_eq!(ids.collect::<Vec<_>>(), ["1", "2", "3"]);
}

#[test]
fn a_unit_keeps_blanks_and_percents_of_a_path() {
    let mut one = cluster("");
    one.dir = "/opt/my %storm".into();
    one.user = Some("storm".into());
    one.service = Service::Systemd;
    let crew = super::crew(&one, &one.hosts[0], &Hello::default());
    let text = unit_text(&one, &crew, &crew.daemons[1]);
    assert!(
        text.contains("ExecStart=\"/opt/my %%storm/bin/stormctl\" --config \"/opt/my %%storm/conf/storm.yaml\" nimbus"),
        "{text}"
    );
    assert!(
        text.contains("User=storm\n") && text.contains("After=network-online.target storm-prod-zookeeper.service\n")
    );
}

#[test]
fn a_release_of_apache_is_unpacked_named_and_followed_by_another() {
    let with =
        |version: &str| cluster(&format!("storm: {{archive: /x/apache-storm-{version}.tar.gz, java_home: /jdk}}"));
    let before = with("2.8.2");
    let packed = Packed { file: "/cache/apache-storm-2.8.2.tar.gz".into(), sha256: sha256(b"archive") };
    let sources = Sources { storm: Some(packed), ..sources() };
    let made = plan(&before, &nothing(&before), &sources).unwrap();
    let all = words(&made);
    for host in ["n1", "n2"] {
        let unpack = format!("{host} unpack apache-storm-2.8.2.tar.gz to /opt/storm/storm/apache-storm-2.8.2");
        assert!(all.contains(&unpack), "{all:?}");
    }
    let yaml = made.steps.iter().find_map(|s| match &s.action {
        Action::File { path, body: Body::Text(text), .. } if path.ends_with("conf/storm.yaml") => Some(text),
        _ => None,
    });
    for line in [
        "storm.home: \"/opt/storm/storm/apache-storm-2.8.2\"",
        "stormctl.storm.home: \"/opt/storm/storm/apache-storm-2.8.2\"",
        "stormctl.java.home: \"/jdk\"",
        "storm.log.dir: \"/opt/storm/logs\"",
    ] {
        assert!(yaml.unwrap().lines().any(|l| l == line), "{line} is not in\n{}", yaml.unwrap());
    }
    let crew = super::crew(&before, &before.hosts[1], &Hello::default());
    let unit = unit_text(&before, &crew, &crew.daemons[0]);
    assert!(unit.contains("Apache Storm's supervisor") && unit.contains("SuccessExitStatus=143\n"), "{unit}");

    let hosts = after(nothing(&before), &made);
    assert_eq!(words(&plan(&before, &hosts, &sources).unwrap()), [] as [&str; 0], "done is done");
    // This program is none of Apache's daemons; the server of ZooKeeper is it.
    let program = Sources { program_sha256: sha256(b"newer"), ..sources.clone() };
    let all = words(&plan(&before, &hosts, &program).unwrap());
    assert_eq!(all.iter().filter(|w| w.contains("restart")).collect::<Vec<_>>(), ["n1 restart zookeeper (background)"]);
    // Another release comes beside the first, and the daemons go over to it.
    let changed = words(&plan(&with("2.8.3"), &hosts, &sources).unwrap());
    assert!(changed.contains(&"n2 restart supervisor (background)".to_owned()), "{changed:?}");
    assert!(changed.iter().any(|w| w.ends_with("to /opt/storm/storm/apache-storm-2.8.3")), "{changed:?}");
}

const FIVE: &str = "name: prod\ndir: /opt/storm\nservice: background\nzookeeper: {archive: /zk.tar.gz}\nhosts:\n\
    - {name: n1, roles: [zookeeper, nimbus]}\n- {name: n2, roles: [zookeeper, nimbus]}\n- {name: n3, roles: [zookeeper]}\n\
    - {name: n4, roles: [supervisor]}\n- {name: n5, roles: [supervisor]}\n- {name: n6, roles: [supervisor]}\n";

/// Installed and at work: n1 leads the servers and is the leading Nimbus; words runs on n4 and n5.
fn at_work() -> (Cluster, BTreeMap<String, Known>) {
    let cluster: Cluster = serde_yaml::from_str(FIVE).unwrap();
    let nothing = nothing(&cluster);
    let mut hosts = after(nothing.clone(), &plan(&cluster, &nothing, &sources()).unwrap());
    let slots = Slots { offered: 2, used: 1 };
    let supervisors = [("n4", slots), ("n5", slots), ("n6", Slots { used: 0, ..slots })];
    let words = Topology {
        id: "words-1".into(),
        name: "words".into(),
        status: "ACTIVE".into(),
        executors: 8,
        copies: 1,
        workers: [("n4".into(), 1), ("n5".into(), 1)].into(),
    };
    let load = Load {
        leader: "n1".into(),
        nimbuses: ["n1".into(), "n2".into()].into(),
        supervisors: supervisors.map(|(host, slots)| (host.to_owned(), slots)).into(),
        topologies: vec![words],
    };
    for (name, known) in &mut hosts {
        for role in known.facts.running.clone() {
            let process = Process { identity: format!("{name}-{role}"), outdated: false, leads: name == "n1" };
            known.facts.processes.insert(role, process);
        }
    }
    hosts.get_mut("n2").unwrap().facts.load = Some(load);
    (cluster, hosts)
}

/// Host and first word of each step, without the gates.
fn turns(plan: &Plan) -> Vec<Vec<String>> {
    let mut turns: Vec<(u32, Vec<String>)> = Vec::new();
    let waits = |s: &&Step| matches!(s.action, Action::Gate { .. } | Action::Check { .. } | Action::Serve { .. });
    for step in plan.steps.iter().filter(|s| !waits(s)) {
        let what = match &step.action {
            Action::Restart { crew, .. } => crew.daemons.iter().map(|d| d.role.as_str()).collect::<Vec<_>>().join("+"),
            other => other.words().split(' ').next().unwrap_or_default().to_owned(),
        };
        match turns.last_mut() {
            Some((phase, turn)) if *phase == step.phase => turn.push(format!("{} {what}", step.host)),
            _ => turns.push((step.phase, vec![format!("{} {what}", step.host)])),
        }
    }
    turns.into_iter().map(|(_, turn)| turn).collect()
}

#[test]
fn who_leads_restarts_last_and_supervisors_by_batches() {
    let (cluster, hosts) = at_work();
    let all = restart(&cluster, &hosts, &[], &[], 2);
    let wanted: [&[&str]; 7] = [
        &["n2 zookeeper"],
        &["n3 zookeeper"],
        &["n1 zookeeper"],
        &["n2 nimbus"],
        &["n1 nimbus"],
        &["n4 supervisor", "n5 supervisor"],
        &["n6 supervisor"],
    ];
    assert_eq!(turns(&all), wanted);
    let gates: Vec<&Action> =
        all.steps.iter().map(|s| &s.action).filter(|a| matches!(a, Action::Gate { .. })).collect();
    assert_eq!(gates.len(), 7, "one behind each turn");
    let some = restart(&cluster, &hosts, &["supervisor", "nimbus"], &["n1".into(), "n6".into()], 1);
    assert_eq!(turns(&some), [["n1 nimbus"], ["n6 supervisor"]]);
    assert_ne!(some.id, all.id);
}

#[test]
fn another_program_goes_from_host_to_host_and_what_has_it_is_left_alone() {
    let (cluster, mut hosts) = at_work();
    let newer = Sources { program_sha256: sha256(b"newer"), check: false, batch: 3, ..sources() };
    let made = plan(&cluster, &hosts, &newer).unwrap();
    // n3 has nothing but Apache's server, which is another program: it need not restart.
    assert_eq!(
        turns(&made),
        [
            vec!["n3 put"],
            vec!["n2 put", "n2 nimbus"],
            vec!["n1 put", "n1 nimbus"],
            vec!["n4 put", "n4 supervisor", "n5 put", "n5 supervisor", "n6 put", "n6 supervisor"],
        ]
    );
    // Broken off: n2 is done, n1 has the program but its daemon is the old one.
    for name in ["n1", "n2", "n3"] {
        let facts = &mut hosts.get_mut(name).unwrap().facts;
        let program = places::program(std::path::Path::new("/opt/storm"));
        let seen = Seen::File { sha256: newer.program_sha256.clone() };
        facts.paths.insert(program, PathFacts { seen, ours: true, ..PathFacts::default() });
        let former = PathFacts { seen: Seen::File { sha256: sha256(b"program") }, ours: true, ..PathFacts::default() };
        facts.paths.insert(places::former(std::path::Path::new("/opt/storm")), former);
    }
    hosts.get_mut("n1").unwrap().facts.processes.get_mut("nimbus").unwrap().outdated = true;
    let left = plan(&cluster, &hosts, &newer).unwrap();
    assert_eq!(turns(&left)[0], ["n1 nimbus"]);
    assert_eq!(turns(&left).len(), 2);
    let back = back(&cluster, &hosts, 1).unwrap();
    assert_eq!(turns(&back), [vec!["n3 put"], vec!["n2 put", "n2 nimbus"], vec!["n1 put", "n1 nimbus"]]);
}

#[test]
fn the_next_turn_waits_until_the_cluster_is_as_it_was() {
    let (cluster, hosts) = at_work();
    let made = restart(&cluster, &hosts, &["supervisor"], &["n4".into()], 1);
    let Some(Action::Gate { health, .. }) = made.steps.last().map(|s| &s.action) else { panic!("{made:?}") };
    let mut now = hosts["n2"].facts.load.clone().unwrap();
    assert_eq!(health.missing(&now), [] as [&str; 0]);
    now.supervisors.remove("n4");
    now.nimbuses.remove("n2");
    now.topologies[0].executors = 5;
    let wanted = [
        "the Nimbus of n2 is not back",
        "Nimbus does not know the supervisor of n4",
        "3 of 8 executors of words run nowhere",
    ];
    assert_eq!(health.missing(&now), wanted);
    now.topologies.clear();
    assert_eq!(health.missing(&now).len(), 2, "a topology that was killed is missed by nobody");
}

#[test]
fn a_host_is_emptied_before_it_leaves_and_the_others_keep_their_numbers() {
    let (mut cluster, mut hosts) = at_work();
    let how = Leaving { wait_secs: 2, force: false, lost: false };
    let made = leave(&cluster, &["n4".into()], &hosts, &sources(), how).unwrap();
    assert_eq!(turns(&made), [["n4 offer"], ["n1 move"], ["n4 stop"]]);
    assert_eq!(made.cluster, cluster, "until it is done the host is part of it");
    assert!(made.without_leavers().unwrap().cluster.host("n4").is_none());

    let refusal = |names: &[&str], cluster: &Cluster, hosts: &BTreeMap<String, Known>, force: bool| {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let troubles = leave(cluster, &names, hosts, &sources(), Leaving { force, ..how }).unwrap_err();
        format!("{} {}", troubles[0].message, troubles[0].evidence.join(" "))
    };
    assert!(refusal(&["n4", "n5", "n6"], &cluster, &hosts, true).contains("no host has the role supervisor"));
    assert!(refusal(&["n1", "n2"], &cluster, &hosts, true).contains("no host has the role nimbus"));
    assert!(refusal(&["n2", "n3"], &cluster, &hosts, true).contains("2 ZooKeeper servers would leave at once"));
    assert!(refusal(&["n3"], &cluster, &hosts, false).contains("a majority of 2 survives no failure"));
    let full = &mut hosts.get_mut("n2").unwrap().facts.load.as_mut().unwrap().supervisors;
    full.insert("n6".into(), Slots { offered: 2, used: 2 });
    full.insert("n5".into(), Slots { offered: 1, used: 1 });
    let text = refusal(&["n4"], &cluster, &hosts, false);
    assert!(text.contains("words: 1 of its 2 workers have to move, and 0 slots are left"), "{text}");
    assert!(leave(&cluster, &["n4".into()], &hosts, &sources(), Leaving { force: true, ..how }).is_ok());

    // The second of four servers leaves: the third and the fourth stay the third and the fourth.
    cluster.hosts[4].roles.push(Role::Zookeeper);
    let mut hosts = after(hosts.clone(), &plan(&cluster, &hosts, &sources()).unwrap());
    let made = leave(&cluster, &["n2".into()], &hosts, &sources(), Leaving { force: false, ..how }).unwrap();
    let cfg = made.steps.iter().find_map(|s| match &s.action {
        Action::File { path, body: Body::Text(text), .. } if path.ends_with("zoo.cfg") => Some(text.clone()),
        _ => None,
    });
    let cfg = cfg.unwrap();
    assert!(["server.1=n1:", "server.3=n3:", "server.4=n5:"].iter().all(|l| cfg.contains(l)) && !cfg.contains("n2"));
    assert!(!made.steps.iter().any(|s| s.action.path().is_some_and(|p| p.ends_with("myid"))), "numbers stay");
    hosts.get_mut("n3").unwrap().facts.running.clear();
    hosts.get_mut("n5").unwrap().facts.running.clear();
    assert!(refusal(&["n2"], &cluster, &hosts, false).contains("1 of the 3 other ZooKeeper servers run"));
}

#[test]
fn a_host_that_is_lost_is_asked_nothing_and_the_others_learn_it() {
    let (cluster, mut hosts) = at_work();
    let all = hosts.clone();
    let how = Leaving { wait_secs: 2, force: false, lost: true };
    hosts.remove("n4");
    let made = leave(&cluster, &["n4".into()], &hosts, &sources(), how).unwrap();
    assert!(made.steps.iter().all(|s| s.host != "n4"), "{:?}", words(&made));
    assert_eq!(
        words(&made)[..2],
        ["n1 wait until Nimbus has moved what ran on n4", "n1 wait until the cluster is whole"]
    );
    assert_eq!((&made.cluster, &made.lost, made.at_hand().host("n4")), (&cluster, &vec!["n4".to_owned()], None));
    assert!(made.without_leavers().unwrap().lost.is_empty());
    assert!(made.left_behind()[0].contains("remove /opt/storm (there: /opt/storm/bin/stormctl uninstall"), "{made:?}");
    let units = Cluster { service: Service::Systemd, ..cluster.clone() };
    let text = Plan { cluster: units, ..made }.left_behind();
    assert!(text[0].contains("/opt/storm, and the units storm-prod-supervisor.service"), "{text:?}");

    // A server of ZooKeeper that is lost is down: the others must be a majority without it.
    let refusal = |names: &[&str], how: Leaving, down: Option<&str>| {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let mut hosts = all.clone();
        hosts.retain(|host, _| !names.contains(host));
        if let Some(down) = down {
            hosts.get_mut(down).unwrap().facts.running.clear();
        }
        let made = leave(&cluster, &names, &hosts, &sources(), how);
        made.map_err(|troubles| (troubles[0].message.clone(), troubles[0].hint.clone().unwrap_or_default()))
    };
    let (what, hint) = refusal(&["n3"], how, None).unwrap_err();
    assert!(what.contains("a majority of 2 survives no failure") && hint.starts_with("say --force, then"), "{hint}");
    let forced = Leaving { force: true, ..how };
    let made = refusal(&["n3"], forced, None).unwrap();
    let cfg = |s: &&Step| s.action.path().is_some_and(|p| p.ends_with("zoo.cfg"));
    assert_eq!(made.steps.iter().filter(cfg).map(|s| s.host.as_str()).collect::<Vec<_>>(), ["n1", "n2"]);
    let (what, _) = refusal(&["n3"], forced, Some("n1")).unwrap_err();
    assert!(what.contains("1 of the 2 other ZooKeeper servers run: no majority of 3"), "{what}");
    let (what, _) = refusal(&["n2", "n3"], forced, None).unwrap_err();
    assert!(what.contains("1 of 3 ZooKeeper servers would be left, which is no majority"), "{what}");
    let (_, hint) = refusal(&["n4", "n5", "n6"], how, None).unwrap_err();
    assert!(hint.starts_with("describe another host with that role in its place"), "{hint}");
}

#[test]
fn a_role_that_is_gone_is_stopped_and_what_was_made_for_it_goes() {
    let with = cluster("agents: true");
    let hosts = after(nothing(&with), &plan(&with, &nothing(&with), &sources()).unwrap());
    let made = plan(&cluster(""), &hosts, &sources()).unwrap();
    let all = words(&made);
    for host in ["n1", "n2"] {
        let dismiss = format!("{host} stop agent (background), and remove what was installed for it");
        assert!(all.contains(&dismiss), "{all:?}");
    }
    let paths = made.steps.iter().find_map(|s| match &s.action {
        Action::Dismiss { paths, .. } => Some(paths.clone()),
        _ => None,
    });
    assert_eq!(paths.unwrap(), [places::agent_tls(std::path::Path::new("/opt/storm"))]);
    assert!(made.steps.iter().filter(|s| matches!(s.action, Action::File { .. })).all(|s| s.phase == 0), "{all:?}");
    let hosts = after(hosts, &made);
    assert_eq!(words(&plan(&cluster(""), &hosts, &sources()).unwrap()), [] as [&str; 0], "done is done");
}

#[test]
fn a_supervisor_is_emptied_before_its_host_is_none_any_more() {
    let (cluster, mut hosts) = at_work();
    let without = |host: usize, role: Role| {
        let mut changed = cluster.clone();
        changed.hosts[host].roles.retain(|r| *r != role);
        changed.hosts[host].roles.push(Role::Logviewer);
        changed
    };
    let made = plan(&without(3, Role::Supervisor), &hosts, &sources()).unwrap();
    let shown = turns(&made);
    assert_eq!(shown[..3], [["n4 offer"], ["n2 move"], ["n4 stop"]], "{shown:?}");
    // What its storm.yaml is when it is written is what the withdrawal has left.
    let yaml = made.steps.iter().find_map(|s| match &s.action {
        Action::Withdraw { yaml, .. } => Some(yaml.clone()),
        _ => None,
    });
    let yaml = yaml.unwrap();
    assert!(yaml.contains("supervisor.slots.ports: []\n") && yaml.contains("\"supervisor\""), "{yaml}");
    let written =
        made.steps.iter().find(|s| s.host == "n4" && s.action.path().is_some_and(|p| p.ends_with("storm.yaml")));
    assert_eq!(written.unwrap().seen, Seen::File { sha256: sha256(yaml.as_bytes()) });
    let gates = made.steps.iter().filter_map(|s| match &s.action {
        Action::Gate { health, .. } => Some(health),
        _ => None,
    });
    assert!(gates.clone().count() > 0 && gates.clone().all(|h| !h.supervisors.contains("n4")), "nobody waits for it");

    let refusal = |changed: &Cluster, hosts: &BTreeMap<String, Known>| {
        let trouble = plan(changed, hosts, &sources()).unwrap_err().remove(0);
        format!("{} {} {}", trouble.code, trouble.message, trouble.hint.unwrap_or_default())
    };
    // A server may go when the others decide without it; the Nimbus of a host goes when all have heard of it.
    let made = plan(&without(2, Role::Zookeeper), &hosts, &sources()).unwrap();
    assert_eq!(turns(&made)[0], ["n3 stop"]);
    let mut two = without(2, Role::Zookeeper);
    two.hosts[1].roles = vec![Role::Nimbus];
    assert!(refusal(&two, &hosts).contains("2 ZooKeeper servers would leave at once"));
    let made = plan(&without(0, Role::Nimbus), &hosts, &sources()).unwrap();
    let last = turns(&made).pop().unwrap();
    assert_eq!(last, ["n1 stop"], "{:?}", words(&made));
    // Before it goes another one must have what topologies are made of.
    let gates = made.steps[made.steps.len() - 10..].iter().filter_map(|s| match &s.action {
        Action::Gate { health, .. } => Some(health),
        _ => None,
    });
    let gates: Vec<&Health> = gates.collect();
    assert_eq!(gates.iter().map(|h| h.copies).collect::<Vec<_>>(), [2, 0], "{:?}", words(&made));
    let missing = gates[0].missing(hosts["n2"].facts.load.as_ref().unwrap());
    assert!(missing[0].contains("what words is made of is on 1 Nimbus, and 2 are needed"), "{missing:?}");

    let load = hosts.get_mut("n2").unwrap().facts.load.as_mut().unwrap();
    load.supervisors.retain(|host, _| host == "n4");
    assert!(refusal(&without(3, Role::Supervisor), &hosts).starts_with("scale-in/no-slots "));
    hosts.get_mut("n2").unwrap().facts.load = None;
    assert!(refusal(&without(3, Role::Supervisor), &hosts).starts_with("scale-in/no-leader "));
    hosts.get_mut("n4").unwrap().facts.running.clear();
    let made = plan(&without(3, Role::Supervisor), &hosts, &sources()).unwrap();
    assert_eq!(turns(&made)[0], ["n4 stop"], "what does not run has nothing to move");

    // The only server cannot go over to another host: what it holds would be lost.
    let small: Cluster = serde_yaml::from_str(
        "name: x\nhosts:\n- {name: a, roles: [zookeeper, nimbus]}\n- {name: b, roles: [supervisor]}\n",
    )
    .unwrap();
    let hosts = after(nothing(&small), &plan(&small, &nothing(&small), &sources()).unwrap());
    let mut moved = small.clone();
    moved.hosts[0].roles = vec![Role::Nimbus];
    moved.hosts[1].roles.push(Role::Zookeeper);
    assert!(refusal(&moved, &hosts).contains("0 of 1 ZooKeeper servers would be left"));
}
