//! One to three command lines for each verb. Help and manual pages show them, and a test runs every one of them.

use clap::Command;

/// A command line, and what it is for.
pub type Example = (&'static str, &'static str);

/// The examples of a verb, by its words: `zk ls`; the program's own have none.
pub fn of(path: &str) -> &'static [Example] {
    ALL.iter().find(|(verb, _)| *verb == path).map_or(&[], |(_, examples)| examples)
}

/// As the end of a help text.
pub fn text(examples: &[Example]) -> String {
    let width = examples.iter().map(|(line, _)| line.len()).max().unwrap_or_default();
    let lines = examples.iter().map(|(line, what)| match what.is_empty() {
        true => format!("\n  {line}"),
        false => format!("\n  {line:<width$}  {what}"),
    });
    format!("Examples:{}", lines.collect::<String>())
}

/// The definitions with the examples behind each verb's help.
pub fn added(command: Command, path: &str) -> Command {
    let examples = of(path);
    let command = if examples.is_empty() { command } else { command.after_help(text(examples)) };
    command.mut_subcommands(|sub| {
        let name = if path.is_empty() { sub.get_name().to_owned() } else { format!("{path} {}", sub.get_name()) };
        added(sub, &name)
    })
}

pub const ALL: &[(&str, &[Example])] = &[
    (
        "",
        &[
            ("stormctl quickstart README.md", "a cluster on this machine counts the words of a file"),
            ("stormctl submit topology.yaml", "send a topology to the cluster"),
            ("stormctl list", "what runs there"),
            ("stormctl kill wordcount -w 0", "end it now"),
        ],
    ),
    (
        "quickstart",
        &[
            ("stormctl quickstart README.md", "counts its words, and leaves nothing behind"),
            ("stormctl quickstart README.md --top 3 -o json", "for programs"),
        ],
    ),
    ("start", &[("stormctl start", "the daemons of this machine"), ("stormctl start nimbus --dry-run", "")]),
    (
        "stop",
        &[
            ("stormctl stop", "the daemons of this machine, and its workers"),
            ("stormctl stop supervisor", "its workers go on; the next Supervisor adopts them"),
        ],
    ),
    (
        "restart",
        &[
            ("stormctl restart supervisor", "after a change of storm.yaml"),
            ("stormctl restart --rolling prod --role supervisor --batch 2", "of a whole cluster, two hosts at a time"),
        ],
    ),
    ("status", &[("stormctl status", ""), ("stormctl status nimbus -o json", "")]),
    (
        "jps",
        &[
            ("stormctl jps", "as the JDK's"),
            ("stormctl jps -lm", "with full names and arguments"),
            ("stormctl jps -o wide", "with role, topology, slot, memory, orphans"),
            ("stormctl jps --hosts all", "of every host that has an agent"),
        ],
    ),
    (
        "zk",
        &[
            ("stormctl zk status", "whether it serves, and the evidence"),
            ("stormctl zk ls", "Storm's tree"),
            ("stormctl zk find --name 'wordcount*'", ""),
        ],
    ),
    ("zk start", &[("stormctl zk start", ""), ("stormctl zk start --dry-run", "which server that would be")]),
    ("zk stop", &[("stormctl zk stop --dry-run", "which process would be ended")]),
    ("zk restart", &[("stormctl zk restart --dry-run", "")]),
    ("zk status", &[("stormctl zk status", ""), ("stormctl zk status -o json", "")]),
    (
        "zk ls",
        &[
            ("stormctl zk ls", "below storm.zookeeper.root"),
            ("stormctl zk ls assignments -l", "with versions, times and owners"),
            ("stormctl zk ls / -R", "the whole tree"),
        ],
    ),
    (
        "zk get",
        &[
            ("stormctl zk get nimbuses -s", "with its versions and times"),
            ("stormctl zk get /zookeeper -o json", "for programs"),
        ],
    ),
    (
        "zk set",
        &[
            ("stormctl zk set /notes hello --create --dry-run", "what would be done"),
            ("stormctl zk set /notes hello --create --yes", ""),
        ],
    ),
    ("zk rm", &[("stormctl zk rm /notes --dry-run", ""), ("stormctl zk rm /notes --yes", "")]),
    (
        "zk find",
        &[
            ("stormctl zk find --name 'wordcount*'", "nodes by name"),
            ("stormctl zk find storms --text ACTIVE", "by what `get` shows of them"),
            ("stormctl zk find / --ephemeral -o name", "those that end with a session"),
        ],
    ),
    ("zk du", &[("stormctl zk du", ""), ("stormctl zk du / -d 2", "two levels of the whole tree")]),
    ("zk shell", &[("echo 'ls' | stormctl zk shell", "from a terminal, or from a pipe")]),
    ("zk srvr", &[("stormctl zk srvr", "every server of storm.zookeeper.servers")]),
    ("zk mntr", &[("stormctl zk mntr", ""), ("stormctl zk mntr -o json", "")]),
    ("zk stat", &[("stormctl zk stat", "")]),
    ("zk ruok", &[("stormctl zk ruok", "")]),
    ("zk conf", &[("stormctl zk conf", "")]),
    ("zk cons", &[("stormctl zk cons", "")]),
    ("zk dump", &[("stormctl zk dump", "")]),
    ("zk envi", &[("stormctl zk envi", "")]),
    ("zk isro", &[("stormctl zk isro", "")]),
    ("zk wchs", &[("stormctl zk wchs", "")]),
    (
        "submit",
        &[
            ("stormctl submit topology.yaml --dry-run", "where its executors would go, and what would not fit"),
            ("stormctl submit topology.yaml other", "by another name"),
            ("stormctl submit topology.yaml --replace -w 0", "in the place of the one that runs"),
        ],
    ),
    ("local", &[("stormctl local topology.yaml --seconds 1", "in this process, without a cluster")]),
    (
        "list",
        &[
            ("stormctl list", ""),
            ("stormctl list -o name", "only the names"),
            ("stormctl list --watch", "again every 2 seconds"),
        ],
    ),
    ("describe", &[("stormctl describe wordcount", ""), ("stormctl describe wordcount -o json", "for programs")]),
    ("activate", &[("stormctl activate wordcount", "")]),
    ("deactivate", &[("stormctl deactivate wordcount", ""), ("stormctl deactivate wordcount --dry-run", "")]),
    (
        "rebalance",
        &[
            ("stormctl rebalance wordcount -n 2 --dry-run", "where its executors would go on two workers"),
            ("stormctl rebalance wordcount -w 0 -e count=2", "two executors for one component"),
        ],
    ),
    (
        "kill",
        &[
            ("stormctl kill wordcount --dry-run", ""),
            ("stormctl kill wordcount -w 0 --wait", "now, and return when it is gone"),
        ],
    ),
    (
        "logs",
        &[
            ("stormctl logs wordcount -n 20", "the last lines of its workers"),
            ("stormctl logs wordcount -f --level WARN", "warnings and worse, as they come"),
            ("stormctl logs wordcount --since 10m --grep Exception", "entries of ten minutes, traces included"),
            ("stormctl logs nimbus --hosts all", "of every host that has an agent"),
        ],
    ),
    (
        "monitor",
        &[
            ("stormctl monitor wordcount", "which components there are"),
            ("stormctl monitor wordcount -m lines -i 1 --count 2", "what one of them emits"),
        ],
    ),
    ("get-errors", &[("stormctl get-errors wordcount", ""), ("stormctl get-errors wordcount -o wide", "a table")]),
    (
        "set-log-level",
        &[
            ("stormctl set-log-level wordcount -l ROOT=DEBUG:30", "for 30 seconds"),
            ("stormctl set-log-level wordcount -r ROOT", "back to what it was"),
        ],
    ),
    ("admin", &[("stormctl admin print_super", "what the supervisors say of themselves")]),
    (
        "admin remove_corrupt_topologies",
        &[("stormctl admin remove_corrupt_topologies --dry-run", "which have no blob left")],
    ),
    ("admin creds", &[("stormctl admin creds wordcount-1-1700000000", "the keys, never the values")]),
    ("admin print_topo", &[("stormctl admin print_topo wordcount", "by name or id, or from a stormcode.ser")]),
    ("admin print_super", &[("stormctl admin print_super", ""), ("stormctl admin print_super -o json", "")]),
    ("admin print_assignment", &[("stormctl admin print_assignment", "")]),
    ("admin zk_cli", &[("stormctl admin zk_cli ls /", "one command"), ("echo 'ls /' | stormctl admin zk_cli", "")]),
    ("heartbeats", &[("stormctl heartbeats list /", "the topologies that have reported")]),
    ("heartbeats list", &[("stormctl heartbeats list /", "")]),
    ("heartbeats get", &[("stormctl heartbeats get /wordcount-1-1700000000/h1-6700", "")]),
    (
        "upload-credentials",
        &[
            ("stormctl upload-credentials wordcount user ann --dry-run", ""),
            ("stormctl upload-credentials wordcount -f creds.properties", "from a file, so that no secret is typed"),
        ],
    ),
    ("blobstore", &[("stormctl blobstore list", "")]),
    ("blobstore list", &[("stormctl blobstore list", ""), ("stormctl blobstore list -o json", "")]),
    (
        "blobstore create",
        &[
            ("stormctl blobstore create words.txt -f README.md", ""),
            ("echo hello | stormctl blobstore create greeting -a o::rwa", "from a pipe, with an access list"),
        ],
    ),
    (
        "blobstore cat",
        &[("stormctl blobstore cat words.txt", ""), ("stormctl blobstore cat words.txt -f copy.txt", "")],
    ),
    ("blobstore update", &[("stormctl blobstore update words.txt -f README.md", "")]),
    ("blobstore set-acl", &[("stormctl blobstore set-acl words.txt -s o::rwa", "")]),
    ("blobstore replication", &[("stormctl blobstore replication words.txt", "how many Nimbuses hold it")]),
    ("blobstore delete", &[("stormctl blobstore delete words.txt --dry-run", "")]),
    ("drpc-client", &[("stormctl drpc-client -f reach 5", "")]),
    ("node-health-check", &[("stormctl node-health-check", ""), ("stormctl node-health-check -o json", "")]),
    ("kill-workers", &[("stormctl kill-workers --dry-run", "which processes would be ended")]),
    ("jar", &[("stormctl jar topology.jar org.example.Main wordcount --dry-run", "the Java command that would run")]),
    (
        "shell",
        &[("stormctl shell --dry-run resources/ python3 topology.py", "what would be packed, and what would run")],
    ),
    ("localconfvalue", &[("stormctl localconfvalue nimbus.seeds", "")]),
    ("remoteconfvalue", &[("stormctl remoteconfvalue supervisor.slots.ports", "")]),
    ("classpath", &[("stormctl classpath", "")]),
    ("server-classpath", &[("stormctl server-classpath", "")]),
    (
        "why",
        &[
            ("stormctl why wordcount", "why it does not run, or does not keep up"),
            ("stormctl why wordcount -o json", "the same for programs"),
            ("stormctl why wordcount --propose", "only the commands that would repair it"),
        ],
    ),
    (
        "doctor",
        &[
            ("stormctl doctor", "what is wrong, what shows it, and what to type"),
            ("stormctl doctor --propose", "only the commands, in order"),
            ("stormctl doctor --list", "every rule"),
        ],
    ),
    ("tui", &[("stormctl tui", ""), ("stormctl tui slots --read-only", "begin with a view, and forbid changes")]),
    (
        "config",
        &[("stormctl config list", "what the file and -c set"), ("stormctl config lint", "what is wrong with it")],
    ),
    (
        "config list",
        &[
            ("stormctl config list", "what the file and -c set"),
            ("stormctl config list --all slots", "every key with `slots` in its name, defaults too"),
        ],
    ),
    ("config get", &[("stormctl config get nimbus.seeds", ""), ("stormctl config get --zk dataDir", "from zoo.cfg")]),
    (
        "config set",
        &[
            ("stormctl config set ui.port 8081", ""),
            ("stormctl config set supervisor.slots.ports 6700 6701 --dry-run", "a list, and only the difference"),
            ("stormctl config set --zk autopurge.purgeInterval 24", "in zoo.cfg"),
        ],
    ),
    ("config unset", &[("stormctl config unset ui.port", "so that its default counts")]),
    ("config edit", &[("EDITOR=cat stormctl config edit", "any editor; what it leaves is checked")]),
    (
        "config lint",
        &[
            ("stormctl config lint", "the files of this machine"),
            ("stormctl config lint conf/storm.yaml conf/zoo.cfg", ""),
            ("stormctl config lint --fix --dry-run", "what would be mended"),
        ],
    ),
    (
        "config explain",
        &[("stormctl config explain nimbus.seeds", ""), ("stormctl config explain config/tab", "a code of lint")],
    ),
    ("config sources", &[("stormctl config sources", ""), ("stormctl config sources nimbus.seeds", "")]),
    (
        "config diff",
        &[
            ("stormctl config diff a.yaml b.yaml", ""),
            ("stormctl config diff conf/storm.yaml", "against what the running Nimbus uses"),
            ("stormctl config diff zk1 zk2", "what two hosts have in force, told by their agents"),
        ],
    ),
    (
        "config push",
        &[
            ("stormctl config push --hosts all --dry-run", "this host's storm.yaml: what would change where"),
            ("stormctl config push a.yaml --hosts zk1,zk2 --yes", "another, on two hosts"),
        ],
    ),
    ("version", &[("stormctl version", ""), ("stormctl version -o json", "")]),
    (
        "context",
        &[
            ("stormctl context set test --config conf/storm.yaml", "a name for a cluster"),
            ("stormctl list --cluster test", "one command about it"),
            ("stormctl context use test", "all commands, from now on"),
        ],
    ),
    ("context list", &[("stormctl context list", "")]),
    ("context show", &[("stormctl context show test", "")]),
    (
        "context set",
        &[
            ("stormctl context set test --config conf/storm.yaml", ""),
            ("stormctl context set prod -c nimbus.seeds='[\"n1\",\"n2\"]'", "without a file of its own"),
        ],
    ),
    ("context use", &[("stormctl context use test", "")]),
    ("context rm", &[("stormctl context rm test --dry-run", ""), ("stormctl context rm test", "")]),
    (
        "install",
        &[
            ("stormctl install single --dry-run", "what a cluster on this machine would be"),
            ("stormctl install client --nimbus node1", "this machine submits and watches"),
        ],
    ),
    (
        "install single",
        &[
            ("stormctl install single --dry-run", "what would be done"),
            ("stormctl install single --dir /opt/storm --dry-run --show-files", "and what the files would hold"),
            ("stormctl install single --storm-archive apache-storm-2.8.3.tar.gz", "Apache's own daemons"),
        ],
    ),
    (
        "install distributed",
        &[("stormctl install distributed --file cluster.yaml --dry-run", "looks at every host, changes none")],
    ),
    ("install client", &[("stormctl install client --nimbus node1", "one Nimbus is enough, it names the others")]),
    ("install dev", &[("stormctl install dev words --lang flux", "")]),
    ("install adopt", &[("stormctl install adopt /opt/apache-storm --dry-run", "")]),
    ("install history", &[("stormctl install history", "of every cluster that was installed from here")]),
    ("plan", &[("stormctl plan --file cluster.yaml", "")]),
    ("apply", &[("stormctl apply prod", "what was planned, or what is left of it")]),
    (
        "uninstall",
        &[("stormctl uninstall prod --dry-run", "what would go"), ("stormctl uninstall prod --confirm=prod", "")],
    ),
    (
        "upgrade",
        &[
            ("stormctl upgrade prod --dry-run", "who gets this program when"),
            ("stormctl upgrade prod --yes", "or go on with what was interrupted"),
            ("stormctl upgrade prod --back --yes", "the program that was there before"),
        ],
    ),
    (
        "scale-out",
        &[
            ("stormctl scale-out prod --file cluster.yaml --yes", "the hosts that the file has more"),
            ("stormctl scale-out prod --host node5 --role supervisor --dry-run", ""),
        ],
    ),
    (
        "scale-in",
        &[
            ("stormctl scale-in prod node4 --dry-run", "what would move and what would go"),
            ("stormctl scale-in prod node4 --confirm=node4", ""),
            ("stormctl scale-in prod node4 --lost --confirm=node4", "it has burned down: the others go on without it"),
        ],
    ),
    ("exec", &[("stormctl exec --name prod -- uptime", "")]),
    (
        "backup",
        &[
            ("stormctl backup storm.tar.gz", "the tree in ZooKeeper and all blobs"),
            ("stormctl backup storm.tar.gz --verify", "whether it is whole, and what is in it"),
        ],
    ),
    ("restore", &[("stormctl restore storm.tar.gz --dry-run", "what it would change")]),
    ("new", &[("stormctl new wordcount-flux --lang flux", "YAML alone"), ("stormctl new words-py --lang python", "")]),
    ("smoke", &[("stormctl smoke", ""), ("stormctl smoke --supervisors 1 --only-wait", "")]),
    (
        "explain",
        &[
            ("stormctl explain nimbus/no-leader", "an error code"),
            ("stormctl explain 7", "an exit status"),
            ("stormctl explain ui.port", "a key"),
        ],
    ),
    ("schema", &[("stormctl schema list", "what `list -o json` prints"), ("stormctl schema", "which verbs have one")]),
    (
        "completions",
        &[
            ("source <(stormctl completions bash)", "in ~/.bashrc"),
            ("source <(stormctl completions zsh)", "in ~/.zshrc, after compinit"),
            ("stormctl completions fish | source", "in ~/.config/fish/config.fish"),
        ],
    ),
    ("man", &[("stormctl man zk ls | man -l -", "one page"), ("stormctl man --dir man1", "all pages, one file each")]),
    ("nimbus", &[("stormctl nimbus", "in the foreground, for systemd and its like")]),
    ("supervisor", &[("stormctl supervisor", "")]),
    ("ui", &[("stormctl ui", "in the foreground; start ui does it in the background")]),
    ("logviewer", &[("stormctl logviewer", "")]),
    (
        "agent",
        &[
            ("stormctl agent init-ca", "the authority of certificates, once for a cluster"),
            ("stormctl agent issue 127.0.0.1", "for this host"),
            ("stormctl agent", "its agent, in the foreground"),
        ],
    ),
    ("agent init-ca", &[("stormctl agent init-ca --ca other-ca", "in a folder of your choice")]),
    (
        "agent issue",
        &[
            ("stormctl agent issue worker1 worker2 --out certs", "a folder for each host"),
            ("stormctl agent issue worker3 --san 10.0.0.7 --out certs", "that is known by its address, too"),
            ("stormctl agent issue --operator ann", "for who asks agents from here"),
        ],
    ),
    ("agent renew", &[("stormctl agent renew --out certs --dry-run", "what is due")]),
    ("agent revoke", &[("stormctl agent revoke worker2 --out certs", "")]),
    (
        "agent list",
        &[("stormctl agent list", "what is valid, and until when"), ("stormctl agent list --all -o wide", "")],
    ),
    ("agent status", &[("stormctl agent status", "of all hosts"), ("stormctl agent status --hosts 127.0.0.1", "")]),
    ("agent events", &[("stormctl agent events --hosts 127.0.0.1", "processes that come and go, and more")]),
    ("dev-zookeeper", &[("stormctl dev-zookeeper", ""), ("stormctl dev-zookeeper zoo.cfg", "as a zoo.cfg says")]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_one_to_three_examples_of_itself() {
        let mut verbs = Vec::new();
        crate::cli::walk(&crate::cli::command(), &mut |path, _| verbs.push(path.to_owned()));
        for verb in &verbs {
            let examples = of(verb);
            assert!((1..=4).contains(&examples.len()), "{verb:?} has {} examples", examples.len());
            let named = |line: &str| verb.is_empty() || line.contains(&format!("stormctl {verb}"));
            assert!(examples.iter().any(|(line, _)| named(line)), "no example of {verb:?} shows it");
        }
        for (verb, _) in ALL {
            assert!(verbs.iter().any(|v| v == verb), "{verb:?} is no verb");
        }
    }
}
