//! Which command lines only look: those that `--watch` may repeat.

use super::agent::AgentVerb;
use super::config::Config;
use super::install::Install;
use super::own::Context;
use super::storm::{Admin, Blobstore};
use super::zk::Zk;
use super::{Reader, Verb};

impl Verb {
    /// Whether it shows something, changes nothing, and comes to an end by itself.
    pub fn only_looks(&self) -> bool {
        match self {
            Verb::Status(_)
            | Verb::Jps(_)
            | Verb::List
            | Verb::Describe(_)
            | Verb::GetErrors(_)
            | Verb::Heartbeats(_)
            | Verb::NodeHealthCheck
            | Verb::Localconfvalue(_)
            | Verb::Remoteconfvalue(_)
            | Verb::Classpath
            | Verb::ServerClasspath
            | Verb::Explain(_)
            | Verb::Schema(_)
            | Verb::Version => true,
            Verb::Logs(args) => !args.follow,
            Verb::Monitor(args) => args.component.is_none(),
            Verb::Install(verb) => matches!(verb, Install::History(_)),
            Verb::Submit(args) => args.dry_run,
            Verb::Rebalance(args) => args.dry_run,
            Verb::Why(args) => !args.level.apply,
            Verb::Doctor(args) => !args.level.apply,
            Verb::Zk(verb) => {
                !matches!(verb, Zk::Start(_) | Zk::Stop(_) | Zk::Restart(_) | Zk::Set(_) | Zk::Rm(_) | Zk::Shell(_))
            }
            Verb::Agent(args) => matches!(args.verb, Some(AgentVerb::List(_) | AgentVerb::Status(_))),
            Verb::Admin(verb) => !matches!(verb, Admin::RemoveCorruptTopologies { .. } | Admin::ZkCli(_)),
            Verb::Blobstore(verb) => match verb {
                Blobstore::List { .. } => true,
                Blobstore::Replication { update, .. } => !update,
                _ => false,
            },
            Verb::Config(verb) => match verb {
                Config::Set(_) | Config::Unset(_) | Config::Edit(_) => false,
                Config::Lint(args) => !args.fix,
                _ => true,
            },
            Verb::Context(verb) => matches!(verb, Context::List | Context::Show { .. }),
            _ => false,
        }
    }

    /// Whether the name of a cluster has a meaning for it.
    pub fn is_about_a_cluster(&self) -> bool {
        match self {
            Verb::Context(verb) => matches!(verb, Context::List | Context::Show { .. }),
            Verb::Version
            | Verb::Explain(_)
            | Verb::Schema(_)
            | Verb::Completions(_)
            | Verb::Complete(_)
            | Verb::Man(_)
            | Verb::Repl => false,
            _ => true,
        }
    }

    /// Who asks for the configuration: that decides which files are looked for, and whether the current cluster counts.
    pub fn reader(&self) -> Reader {
        let daemon_or_client = |daemon: bool| if daemon { Reader::Daemon } else { Reader::Client };
        match self {
            Verb::Logs(_)
            | Verb::Start(_)
            | Verb::Stop(_)
            | Verb::Restart(_)
            | Verb::Status(_)
            | Verb::NodeHealthCheck
            | Verb::KillWorkers(_)
            | Verb::Doctor(_)
            | Verb::Jps(_)
            | Verb::Quickstart(_) => Reader::Operator,
            Verb::Zk(verb) if verb.is_service() => Reader::Operator,
            Verb::Agent(args) if args.verb.is_some() => Reader::Operator,
            Verb::Nimbus(_)
            | Verb::Agent(_)
            | Verb::Supervisor(_)
            | Verb::Ui(_)
            | Verb::Logviewer(_)
            | Verb::DevZookeeper(_)
            | Verb::Worker(_)
            | Verb::Component(_)
            | Verb::Remoteconfvalue(_)
            | Verb::ServerClasspath => Reader::Daemon,
            Verb::Config(verb) => daemon_or_client(match verb {
                Config::List(args) => args.which.daemon,
                Config::Get(args) => args.which.daemon,
                Config::Set(args) => args.which.daemon,
                Config::Unset(args) => args.which.daemon,
                Config::Edit(args) => args.which.daemon,
                Config::Lint(args) => args.daemon,
                Config::Explain(args) => args.daemon,
                Config::Sources(args) => args.daemon,
                Config::Diff(args) => args.daemon,
                Config::Push(_) => false,
            }),
            _ => Reader::Client,
        }
    }
}
