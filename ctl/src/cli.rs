//! What can be typed. Only types: `commands` runs them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use storm_conf::Reader;

pub mod agent;
pub mod backup;
pub mod config;
pub mod doctor;
pub mod examples;
pub mod install;
mod machine;
pub mod own;
mod reads;
#[cfg(test)]
mod spelled;
pub mod storm;
mod topologies;
pub mod tui;
pub mod zk;

pub use machine::{Component, Daemon, DevZookeeper, Jps, Logs, Restart, Role, Roles, Start, Stop, Worker};
pub use topologies::{Flux, Kill, Local, Name, NameChange, Quickstart, Rebalance, Submit};

#[derive(Debug, Parser)]
#[command(name = "stormctl", version, about = "Apache Storm's cluster, topologies and daemons from the terminal")]
#[command(subcommand_required = true, arg_required_else_help = true, disable_help_subcommand = false)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub verb: Verb,
}

/// Flags that stand before or after any verb.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Read this storm.yaml (or the one in this folder) and no other
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub config: Option<PathBuf>,
    /// Set a key over the file; the value is JSON if it parses as such, else a text
    #[arg(short = 'c', global = true, value_name = "KEY=VALUE", help_heading = "Global options")]
    pub set: Vec<String>,
    /// The form of the result
    #[arg(short, long, global = true, value_enum, default_value_t = Format::Table, help_heading = "Global options")]
    pub output: Format,
    /// The cluster of this name (see `stormctl context`), instead of the current one or $STORMCTL_CLUSTER
    #[arg(long, global = true, value_name = "CLUSTER", conflicts_with = "config", help_heading = "Global options")]
    pub cluster: Option<String>,
    /// What the cluster's name has settled: keys, below those of -c
    #[arg(skip)]
    pub named: Option<crate::contexts::Named>,
    /// Show it again every 2 seconds, or as often as said; for verbs that only look
    #[arg(long, global = true, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "2", value_parser = duration, help_heading = "Global options")]
    pub watch: Option<Duration>,
    /// Give up after this long: 10, 500ms, 2m
    #[arg(long, global = true, value_name = "TIME", value_parser = duration, help_heading = "Global options")]
    pub timeout: Option<Duration>,
    /// Never ask; say which flag is missing
    #[arg(long, global = true, help_heading = "Global options")]
    pub no_input: bool,
    /// Answer every question with yes
    #[arg(long, short = 'y', global = true, help_heading = "Global options")]
    pub yes: bool,
    /// Say by name, in advance, what is lost: for what --yes alone does not do
    #[arg(long, global = true, value_name = "LOST", help_heading = "Global options")]
    pub confirm: Vec<String>,
    /// No colour (as does NO_COLOR)
    #[arg(long, global = true, help_heading = "Global options")]
    pub no_color: bool,
}

impl Global {
    /// Those flags of an unfinished line that say which cluster it is about.
    pub fn before(words: &[String]) -> Global {
        #[derive(Parser)]
        struct Only {
            #[command(flatten)]
            global: Global,
        }
        let mut own = vec!["stormctl".to_owned()];
        let mut words = words.iter().skip(1).peekable();
        while let Some(word) = words.next() {
            match word.as_str() {
                "-c" | "--config" | "--cluster" if words.len() > 1 => {
                    own.push(word.clone());
                    own.extend(words.next().cloned());
                }
                flag if flag.starts_with("--config=") || flag.starts_with("--cluster=") => own.push(word.clone()),
                _ => {}
            }
        }
        Only::try_parse_from(own)
            .or_else(|_| Only::try_parse_from(["stormctl"]))
            .map_or_else(|e| e.exit(), |o| o.global)
    }

    /// What is laid over the file: the keys of the cluster's name, then those of `-c`.
    pub fn overrides(&self) -> Vec<String> {
        let named = self.named.iter().flat_map(|n| n.settings()).collect::<Vec<_>>();
        [named, self.set.clone()].concat()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    /// A table with more columns
    Wide,
    Json,
    /// One JSON object on each line
    Jsonl,
    Yaml,
    /// Only names
    Name,
    /// What Apache Storm's own command prints
    Storm,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Start a cluster on this machine, count the words of files on it, and stop it
    Quickstart(Quickstart),
    /// Start daemons of this machine in the background
    Start(Start),
    /// Stop daemons of this machine
    Stop(Stop),
    /// Stop and start daemons of this machine, or of a whole cluster host by host; workers go on
    Restart(Restart),
    /// Which daemons of this machine run
    Status(Roles),
    /// Processes by role, Java and native, as the JDK's jps shows them
    Jps(Jps),
    /// ZooKeeper: its server on this machine, and its tree with Storm's own data readable
    #[command(subcommand)]
    Zk(zk::Zk),
    /// Send a topology to the cluster: Flux YAML, topology jar, or Rust topology program
    Submit(Submit),
    /// Run a topology in this process, without a cluster
    Local(Local),
    /// Topologies of the cluster
    List,
    /// One topology: where it runs, what it has done, its errors
    Describe(Name),
    /// Let the spouts of a topology emit again
    Activate(NameChange),
    /// Stop the spouts of a topology; tuples on their way are finished
    Deactivate(NameChange),
    /// Spread a topology over the cluster anew, with other numbers if you like
    Rebalance(Rebalance),
    /// End topologies
    Kill(Kill),
    /// What the workers of a topology have logged (or a daemon: nimbus, supervisor, ui, logviewer, zookeeper, agent)
    Logs(Logs),
    /// What a component of a topology emits, line by line
    Monitor(storm::Monitor),
    /// The last error of each component of a topology, as JSON
    #[command(name = "get-errors", alias = "get_errors")]
    GetErrors(Name),
    /// Levels of loggers in the workers of a topology
    #[command(name = "set-log-level", alias = "set_log_level")]
    SetLogLevel(storm::SetLogLevel),
    /// Looks into the cluster's own state, and repairs of it
    #[command(subcommand)]
    Admin(storm::Admin),
    /// What workers last reported to ZooKeeper
    #[command(subcommand)]
    Heartbeats(storm::Heartbeats),
    /// New credentials for a topology
    #[command(name = "upload-credentials", alias = "upload_credentials")]
    UploadCredentials(storm::UploadCredentials),
    /// The blobs of the cluster
    #[command(subcommand)]
    Blobstore(storm::Blobstore),
    /// Call functions of topologies through a DRPC daemon
    #[command(name = "drpc-client", alias = "drpc_client")]
    DrpcClient(storm::DrpcClient),
    /// Run the health checks of this machine, as its Supervisor does
    #[command(name = "node-health-check", alias = "node_health_check")]
    NodeHealthCheck,
    /// End every worker of this machine; a running Supervisor starts them again
    #[command(name = "kill-workers", alias = "kill_workers")]
    KillWorkers(storm::KillWorkers),
    /// Run a Java class of a topology jar, which may submit a topology
    Jar(storm::Jar),
    /// Pack a folder as a topology's jar, upload it, and run the program that submits the topology
    Shell(own::ShellSubmit),
    /// Was Clojure's
    #[command(hide = true)]
    Repl,
    /// A value of the configuration that client commands of this user have
    Localconfvalue(storm::Key),
    /// A value of the configuration that the daemons of this machine have
    Remoteconfvalue(storm::Key),
    /// The class path of Java topologies on this machine
    Classpath,
    /// The class path of Apache Storm's daemons on this machine
    #[command(name = "server-classpath", alias = "server_classpath")]
    ServerClasspath,
    /// Why a topology does not run or does not keep up, and what to type against it
    Why(doctor::Why),
    /// What is wrong with this machine and its cluster, and what to type against it
    ///
    /// It works when every daemon is down. Exit status 10: something is wrong.
    Doctor(doctor::Doctor),
    /// The whole cluster on one screen, to look at and to act on
    Tui(Box<tui::Tui>),
    /// storm.yaml and zoo.cfg: look, change, check, compare
    #[command(subcommand)]
    Config(config::Config),
    /// Put a cluster on this machine or on others, or make this one a client of it
    #[command(subcommand)]
    Install(install::Install),
    /// What `install distributed` would do; `apply` does it
    Plan(install::Plan),
    /// Do what was planned last, or go on with what was interrupted
    Apply(install::Named),
    /// Take away exactly what an installation has made
    Uninstall(install::Uninstall),
    /// Put this stormctl on the hosts of a cluster, one after the other, while it goes on
    Upgrade(install::Upgrade),
    /// Add hosts to a cluster
    ScaleOut(install::ScaleOut),
    /// Take hosts out of a cluster: what runs there moves to others first
    ScaleIn(install::ScaleIn),
    /// Run a command on every host of a cluster
    Exec(install::Exec),
    /// The whole state of the cluster as one file: Storm's tree in ZooKeeper, and the blobs
    Backup(backup::Backup),
    /// Put back what a backup holds: into a new cluster, or what is missing in this one
    Restore(backup::Restore),
    /// A topology project in this folder: it builds, tests itself in local mode and submits
    New(install::New),
    /// Wait for the cluster, count words on it, and check the counts
    Smoke(install::Smoke),
    /// Clusters by name: which storm.yaml and which keys each stands for
    #[command(subcommand)]
    Context(own::Context),
    /// What an error code, an exit status or a key means, and what to do
    Explain(own::Explain),
    /// The JSON Schema of what a verb prints with -o json
    Schema(own::Schema),
    /// The script that completes stormctl's words in a shell, with the cluster's own names
    Completions(own::Completions),
    /// Manual pages, as man reads them
    Man(own::Man),
    /// Versions
    Version,
    /// The master, in the foreground
    Nimbus(Daemon),
    /// The keeper of this machine's workers, in the foreground
    Supervisor(Daemon),
    /// The web pages and the REST API of the cluster, in the foreground
    Ui(Daemon),
    /// The logs of this host for browsers, in the foreground
    Logviewer(Daemon),
    /// The agent of this host, in the foreground; and the certificates that agents need
    Agent(agent::Agent),
    /// A ZooKeeper server for one machine, in the foreground
    #[command(name = "dev-zookeeper", alias = "dev_zookeeper", alias = "zookeeper")]
    DevZookeeper(DevZookeeper),
    /// A worker; the Supervisor starts it
    #[command(hide = true)]
    Worker(Worker),
    /// What an installation does on this host, as it is told on the standard input
    #[command(hide = true, name = "on-host")]
    OnHost,
    /// What the scripts of `completions` ask
    #[command(name = "__complete", hide = true)]
    Complete(own::Complete),
    /// A built-in component as a multilang child
    #[command(hide = true)]
    Component(Component),
}

pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| "write a number of seconds, or 500ms, 10s, 2m".to_owned())?;
    let unit = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("{unit} is no unit of time; there are ms, s, m, h")),
    };
    Duration::try_from_secs_f64(number * unit).map_err(|e| e.to_string())
}

/// The definitions with their examples, and the exit statuses at the end of the longest help.
pub fn command() -> Command {
    let end = format!(
        "{}\n\n`stormctl help VERB` tells more, `stormctl man VERB` all.\n\n{}",
        examples::text(examples::of("")),
        crate::exit::help()
    );
    examples::added(Cli::command(), "").after_long_help(end)
}

/// What was typed.
pub fn parse(args: impl IntoIterator<Item = String>) -> Result<Cli, clap::Error> {
    let args = uniform(args);
    // What clap itself has to say is plain text as well.
    let plain = args.iter().take_while(|a| *a != "--").any(|a| a == "--no-color");
    let command = if plain { command().color(clap::ColorChoice::Never) } else { command() };
    Cli::from_arg_matches(&command.try_get_matches_from(args)?)
}

/// Every verb that is shown, with its words: `zk ls`. The program itself has none.
pub fn walk<'c>(command: &'c Command, seen: &mut impl FnMut(&str, &'c Command)) {
    fn below<'c>(command: &'c Command, path: &str, seen: &mut impl FnMut(&str, &'c Command)) {
        seen(path, command);
        for sub in command.get_subcommands().filter(|s| !s.is_hide_set() && s.get_name() != "help") {
            let name = if path.is_empty() { sub.get_name().to_owned() } else { format!("{path} {}", sub.get_name()) };
            below(sub, &name, seen);
        }
    }
    below(command, "", seen);
}

/// The verb of these words.
pub fn find<'c>(command: &'c Command, words: &[String]) -> Option<&'c Command> {
    words.iter().try_fold(command, |c, word| c.find_subcommand(word))
}

/// The command line as typed, made uniform: Storm spells some verbs with `_`, and `-c` counts before the verb too
/// (clap would forget those when there are more behind it).
pub fn uniform(args: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut args = args.into_iter();
    let mut front: Vec<String> = args.next().into_iter().collect();
    let mut settings = Vec::new();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-c" => settings.extend([arg].into_iter().chain(args.next())),
            "--config" | "--cluster" | "--confirm" | "-o" | "--output" | "--timeout" => {
                front.extend([arg].into_iter().chain(args.next()))
            }
            flag if flag.starts_with('-') => front.push(arg),
            _ => {
                front.push(if arg.starts_with('_') { arg } else { arg.replace('_', "-") });
                break;
            }
        }
    }
    let monitor = front.last().is_some_and(|verb| verb == "monitor");
    front.extend(settings);
    // Storm's `monitor --watch FIELD` has nothing to do with ours.
    front.extend(args.map(|arg| if monitor && arg == "--watch" { "--field".to_owned() } else { arg }));
    front
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_are_consistent() {
        command().debug_assert();
    }

    fn parsed(line: &str) -> Cli {
        parse(line.split(' ').map(str::to_owned)).unwrap()
    }

    /// A verb with a flag of the name of a global one would hide it without a word.
    #[test]
    fn no_verb_hides_a_global_flag() {
        let command = command();
        let own = |c: &Command| c.get_arguments().map(|a| a.get_id().to_string()).collect::<Vec<_>>();
        let global: Vec<String> =
            command.get_arguments().filter(|a| a.is_global_set()).map(|a| a.get_id().to_string()).collect();
        walk(&command, &mut |path, verb| {
            let hides = own(verb).into_iter().find(|id| !path.is_empty() && global.contains(id));
            assert_eq!(hides, None, "{path}");
        });
        assert!(global.len() >= 10, "{global:?}");
    }

    #[test]
    fn storms_spellings_and_places_of_flags() {
        let cli = parsed("stormctl -c a=1 kill word_count other -w 5 -i -c b=2 --config x");
        assert_eq!(cli.global.config, Some(PathBuf::from("x")));
        assert_eq!(cli.global.set, ["a=1", "b=2"]);
        let Verb::Kill(kill) = cli.verb else { panic!() };
        assert_eq!(kill.names, ["word_count", "other"]);
        assert_eq!((kill.wait_secs, kill.ignore_errors), (Some(5), true));

        let Verb::Rebalance(r) = parsed("stormctl rebalance t -w 1 -n 3 -e split=4 -e count=2").verb else { panic!() };
        assert_eq!(r.executors, [("split".to_owned(), 4), ("count".to_owned(), 2)]);
        assert!(matches!(parsed("stormctl dev_zookeeper").verb, Verb::DevZookeeper(_)));
        let Verb::Start(start) = parsed("stormctl start dev-zookeeper nimbus").verb else { panic!() };
        assert_eq!(start.roles.roles, [Role::Zookeeper, Role::Nimbus]);
        let Verb::Monitor(m) = parsed("stormctl monitor t -m c --watch transferred").verb else { panic!() };
        assert_eq!(m.field, "transferred");
        assert_eq!(parsed("stormctl monitor t --watch=5s").global.watch, Some(Duration::from_secs(5)));
        let Verb::Jps(jps) = parsed("stormctl jps -lmvV").verb else { panic!() };
        assert!(jps.long && jps.main_args && jps.vm_args && jps.vm_flags && !jps.quiet);
    }

    #[test]
    fn times_have_units() {
        for (text, ms) in [("10", 10_000), ("500ms", 500), ("1.5s", 1500), ("2m", 120_000)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)));
        }
        assert!(duration("fast").is_err());
        assert!(duration("10y").is_err());
    }
}
