//! Names that only the cluster and the files know. They are asked for in a moment, or not at all: who waits for a Tab
//! wants no error and no delay.

use std::ffi::OsStr;
use std::sync::Arc;
use std::time::Duration;

use clap::{Arg, Command};
use clap_complete::{ArgValueCompleter, CompletionCandidate};
use storm_conf::{Conf, LoadOptions, Reader, load_from, schema};
use storm_install::journal::Store;
use storm_thrift::NimbusClient;
use storm_thrift::types::TopologySummary;

use crate::cli::{self, Global};
use crate::{codes, contexts};

/// For everything that a completion asks of the network.
const LIMIT: Duration = Duration::from_millis(80);

/// What an argument takes. Its name in the help says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Topology,
    TopologyId,
    Component,
    /// `COMPONENT=N`
    ComponentCount,
    Host,
    ZooKeeper,
    Supervisor,
    Path,
    Blob,
    Key,
    /// `KEY=VALUE`
    Setting,
    Level,
    Logger,
    /// `LOGGER=LEVEL`
    LoggerLevel,
    Code,
    Cluster,
    /// A cluster that was installed from here.
    Installed,
    Verb,
    View,
    Theme,
}

impl Source {
    /// By the name that an argument has in the help.
    pub fn of(name: &str) -> Option<Source> {
        Some(match name {
            "NAME" | "NAMES" => Source::Topology,
            "TOPOLOGY-ID" | "TOPOLOGY-ID|FILE" => Source::TopologyId,
            "COMPONENT" => Source::Component,
            "COMPONENT=N" => Source::ComponentCount,
            "HOST" | "HOSTS" | "HOST[:PORT]" => Source::Host,
            "HOST:PORT" | "HOST:PORT,..." | "SERVERS" => Source::ZooKeeper,
            "SUPERVISOR-ID" => Source::Supervisor,
            "PATH" => Source::Path,
            "BLOB" => Source::Blob,
            "KEY" | "KEY VALUE" | "PATTERNS" => Source::Key,
            "KEY=VALUE" => Source::Setting,
            "LEVEL" => Source::Level,
            "LOGGER" => Source::Logger,
            "LOGGER=LEVEL[:SECS]" => Source::LoggerLevel,
            "CODE" => Source::Code,
            "CLUSTER" => Source::Cluster,
            "INSTALLED" => Source::Installed,
            "VERB" => Source::Verb,
            "VIEW" => Source::View,
            "THEME" => Source::Theme,
            _ => return None,
        })
    }
}

/// The name of an argument in the help.
pub fn name(arg: &Arg) -> String {
    match arg.get_value_names() {
        Some([first, ..]) => first.to_string(),
        _ => arg.get_id().as_str().to_uppercase(),
    }
}

/// The definitions with what their arguments can be filled with.
pub fn added(command: Command, words: &[String]) -> Command {
    fn below(command: Command, typed: &Arc<Typed>) -> Command {
        command
            .mut_args(|arg| match Source::of(&name(&arg)) {
                Some(source) if arg.get_action().takes_values() => {
                    let typed = typed.clone();
                    arg.add(ArgValueCompleter::new(move |begun: &OsStr| typed.offer(source, &begun.to_string_lossy())))
                }
                _ => arg,
            })
            .mut_subcommands(|sub| below(sub, typed))
    }
    below(command, &Arc::new(Typed { words: words.to_vec() }))
}

/// What stands before the cursor.
struct Typed {
    words: Vec<String>,
}

impl Typed {
    fn offer(&self, source: Source, begun: &str) -> Vec<CompletionCandidate> {
        let all = self.all(source, begun);
        let fits = all.into_iter().filter(|(name, _)| name.starts_with(begun));
        fits.map(|(name, help)| CompletionCandidate::new(name).help((!help.is_empty()).then(|| help.into()))).collect()
    }

    /// Words, each with what it is.
    fn all(&self, source: Source, begun: &str) -> Vec<(String, String)> {
        let plain = |names: Vec<String>| names.into_iter().map(|n| (n, String::new())).collect::<Vec<_>>();
        let levels = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF"];
        match source {
            Source::Topology => self.ask(topologies).unwrap_or_default().into_iter().map(|t| (t.0, t.2)).collect(),
            Source::TopologyId => self.ask(topologies).unwrap_or_default().into_iter().map(|t| (t.1, t.2)).collect(),
            Source::Component => plain(self.components()),
            Source::ComponentCount => plain(self.components().into_iter().map(|c| c + "=").collect()),
            Source::Supervisor => self.ask(supervisors).unwrap_or_default(),
            Source::Host => self.hosts(),
            Source::ZooKeeper => plain(self.conf().map(|conf| zookeepers(&conf)).unwrap_or_default()),
            Source::Path => plain(self.paths(begun)),
            Source::Blob => plain(self.ask(blobs).unwrap_or_default()),
            Source::Key => {
                let keys = schema::keys().iter().map(|k| (k.name.to_owned(), k.meaning.to_owned()));
                let zoo = schema::zoo_keys().iter().filter(|k| !k.name.ends_with('*'));
                // Those of zoo.cfg would be too much of a good thing before anything is typed.
                let zoo = zoo.filter(|_| !begun.is_empty() || self.words.iter().any(|w| w == "--zk"));
                keys.chain(zoo.map(|k| (k.name.to_owned(), k.meaning.to_owned()))).collect()
            }
            Source::Setting => schema::keys().iter().map(|k| (format!("{}=", k.name), k.meaning.to_owned())).collect(),
            Source::Level => plain(levels[..5].iter().map(|l| (*l).to_owned()).collect()),
            Source::Logger => plain(vec!["ROOT".to_owned()]),
            Source::LoggerLevel => plain(match begun.split_once('=') {
                Some((logger, _)) => levels.iter().map(|level| format!("{logger}={level}")).collect(),
                None => vec!["ROOT=".to_owned()],
            }),
            Source::Code => codes::all().map(|c| (c.code, c.about)).collect(),
            Source::Cluster => {
                contexts::Contexts::load().map(|c| plain(c.clusters.into_keys().collect())).unwrap_or_default()
            }
            Source::Installed => {
                let state = storm_conf::Environment::of_process().own_state();
                plain(state.map(|state| Store::clusters(&state)).unwrap_or_default())
            }
            Source::Verb => self.verbs(),
            Source::View => storm_tui::NAMED.iter().map(|v| (v.names[0].to_owned(), v.about.to_owned())).collect(),
            Source::Theme => plain(storm_tui::Theme::ALL.iter().map(|(_, name)| (*name).to_owned()).collect()),
        }
    }

    /// The configuration that the command would have.
    fn conf(&self) -> Option<Conf> {
        let mut global = Global::before(&self.words);
        contexts::settle(&mut global, Reader::Client).ok()?;
        let options =
            LoadOptions { file: global.config.clone(), overrides: global.overrides(), ..LoadOptions::default() };
        Some(load_from(&options).ok()?.conf)
    }

    fn ask<T>(&self, question: impl AsyncFnOnce(&mut NimbusClient) -> Option<T>) -> Option<T> {
        let conf = self.conf()?;
        in_time(async {
            let mut nimbus = NimbusClient::leader(&conf).await.ok()?;
            question(&mut nimbus).await
        })
    }

    /// Of the topology that is named before, or of all. As it was submitted: it need not run for that.
    fn components(&self) -> Vec<String> {
        let named = self.topology();
        let components = self.ask(async |nimbus: &mut NimbusClient| {
            let mut found = std::collections::BTreeSet::new();
            for topology in nimbus.get_topology_summaries().await.ok()? {
                if named.as_ref().is_some_and(|n| *n != topology.name && *n != topology.id) {
                    continue;
                }
                let topology = nimbus.get_user_topology(topology.id).await.ok()?;
                found.extend(topology.spouts.into_keys().chain(topology.bolts.into_keys()));
            }
            Some(found.into_iter().collect())
        });
        components.unwrap_or_default()
    }

    fn topology(&self) -> Option<String> {
        let matches = cli::command().ignore_errors(true).try_get_matches_from(self.words.iter().cloned()).ok()?;
        let (_, verb) = matches.subcommand()?;
        verb.try_get_one::<String>("name").ok().flatten().cloned()
    }

    fn hosts(&self) -> Vec<(String, String)> {
        let mut hosts = std::collections::BTreeMap::new();
        if let Some(conf) = self.conf() {
            hosts.extend(conf.strings("nimbus.seeds").into_iter().map(|h| (h, "nimbus".to_owned())));
        }
        let supervisors = self.ask(async |nimbus: &mut NimbusClient| {
            let all = nimbus.get_cluster_info().await.ok()?.supervisors;
            Some(all.into_iter().map(|s| (s.host, "supervisor".to_owned())).collect::<Vec<_>>())
        });
        hosts.extend(supervisors.unwrap_or_default());
        hosts.into_iter().collect()
    }

    /// Nodes of ZooKeeper, down to the next slash.
    fn paths(&self, begun: &str) -> Vec<String> {
        let Some(conf) = self.conf() else { return Vec::new() };
        let folder = begun.rfind('/').map_or("", |at| &begun[..=at]);
        let root = conf.str("storm.zookeeper.root").unwrap_or("/storm").to_owned();
        let whole = if begun.starts_with('/') { folder.to_owned() } else { format!("{root}/{folder}") };
        let whole = match whole.trim_end_matches('/') {
            "" => "/".to_owned(),
            path => path.to_owned(),
        };
        let names = in_time(async {
            let servers = zookeepers(&conf).join(",");
            let client = zookeeper_client::Client::connect(&servers).await.ok()?;
            client.list_children(&whole).await.ok()
        });
        let mut paths: Vec<String> = names.unwrap_or_default().iter().map(|name| format!("{folder}{name}")).collect();
        paths.sort();
        paths
    }

    /// The verbs below those that are typed already.
    fn verbs(&self) -> Vec<(String, String)> {
        let command = cli::command();
        let before = self.words.iter().skip(1).skip_while(|w| !matches!(w.as_str(), "man" | "schema")).skip(1);
        let before: Vec<String> = before.filter(|w| !w.starts_with('-')).cloned().collect();
        let typed = before.split_last().map_or(&before[..], |(_, typed)| typed);
        let Some(command) = cli::find(&command, typed) else { return Vec::new() };
        let shown = command.get_subcommands().filter(|c| !c.is_hide_set());
        shown.map(|c| (c.get_name().to_owned(), c.get_about().map(ToString::to_string).unwrap_or_default())).collect()
    }
}

/// The answer, if it comes in time.
fn in_time<T>(work: impl Future<Output = Option<T>>) -> Option<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let answer = runtime.block_on(async { tokio::time::timeout(LIMIT, work).await.ok().flatten() });
    // A name that is still being looked up must not hold the shell.
    runtime.shutdown_background();
    answer
}

/// Name, id and what it is about.
async fn topologies(nimbus: &mut NimbusClient) -> Option<Vec<(String, String, String)>> {
    let all = nimbus.get_topology_summaries().await.ok()?;
    let about =
        |t: &TopologySummary| format!("{}, {} workers, {} tasks", t.status.to_lowercase(), t.num_workers, t.num_tasks);
    Some(all.into_iter().map(|t| (t.name.clone(), t.id.clone(), about(&t))).collect())
}

async fn supervisors(nimbus: &mut NimbusClient) -> Option<Vec<(String, String)>> {
    let all = nimbus.get_cluster_info().await.ok()?.supervisors;
    Some(all.into_iter().map(|s| (s.supervisor_id, s.host)).collect())
}

async fn blobs(nimbus: &mut NimbusClient) -> Option<Vec<String>> {
    crate::commands::blobstore::all_keys(nimbus).await.ok()
}

fn zookeepers(conf: &Conf) -> Vec<String> {
    let port = conf.int("storm.zookeeper.port").unwrap_or(2181);
    let address = |host: String| if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    conf.strings("storm.zookeeper.servers").into_iter().map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an argument takes is free text, a number, a file, or one of a few words.
    const FREE: &[&str] = &[
        "TIME",
        "SECS",
        "N",
        "JSON",
        "REGEX",
        "LINES",
        "PATTERN",
        "TEXT",
        "ACL",
        "VALUE",
        "USER",
        "CLASS",
        "ARGS",
        "COMMAND",
        "SECONDS",
        "TOP",
        "FUNCTION",
        "FUNCTION ARGUMENT",
        "STREAM",
        "JARS",
        "ARTIFACTS",
        "ARTIFACT_REPOSITORIES",
        "MAVEN_LOCAL",
        "PROXY_URL",
        "PROXY_USER",
        "MS",
        "DEPTH",
        "FRAMES",
        "PID",
        "PORT",
        "LOST",
        "BEAT",
        "CREDENTIAL VALUE",
        "ALIAS",
        "USER",
        "SUBJECT",
        "DAYS",
        "SECONDS",
    ];

    #[test]
    fn every_argument_can_be_completed_or_is_free() {
        let command = cli::command();
        cli::walk(&command, &mut |path, verb| {
            for arg in verb.get_arguments().filter(|a| a.get_action().takes_values() && !a.is_hide_set()) {
                let name = name(arg);
                let words = !arg.get_possible_values().is_empty();
                let file = !matches!(arg.get_value_hint(), clap::ValueHint::Unknown);
                let known = Source::of(&name).is_some() || words || file || FREE.contains(&name.as_str());
                assert!(known, "{path}: nobody knows what {name} can be filled with");
            }
        });
    }
}
