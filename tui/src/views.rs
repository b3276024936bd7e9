//! The views by name, what each needs to know, and the command line that shows the same.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::data::WINDOWS;
use crate::source::Source;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum View {
    #[default]
    Overview,
    Topologies,
    Topology {
        id: String,
        name: String,
    },
    Component {
        id: String,
        name: String,
        component: String,
    },
    Slots,
    Supervisors,
    Nimbuses,
    Zookeeper {
        path: String,
    },
    Processes,
    Logs {
        topology: Option<String>,
    },
    Config,
    Errors,
    Events,
    Findings,
}

/// A view that can be gone to by name: its names, and what it is.
pub struct Named {
    pub names: &'static [&'static str],
    pub about: &'static str,
    pub make: fn() -> View,
}

pub const NAMED: &[Named] = &[
    Named { names: &["overview", "home"], about: "health, rates, slots, findings", make: || View::Overview },
    Named { names: &["topologies", "topos"], about: "all topologies", make: || View::Topologies },
    Named { names: &["slots", "workers"], about: "workers and slots by host", make: || View::Slots },
    Named { names: &["supervisors", "hosts"], about: "supervisors", make: || View::Supervisors },
    Named { names: &["nimbuses"], about: "nimbuses, and who leads", make: || View::Nimbuses },
    Named {
        names: &["zookeeper", "zk"],
        about: "the ensemble and its tree",
        make: || View::Zookeeper { path: "/".into() },
    },
    Named { names: &["processes", "ps"], about: "processes of this host", make: || View::Processes },
    Named { names: &["logs"], about: "logs of this host's workers", make: || View::Logs { topology: None } },
    Named { names: &["config", "settings"], about: "effective configuration with its sources", make: || View::Config },
    Named { names: &["errors"], about: "last error of every component", make: || View::Errors },
    Named { names: &["events"], about: "what changed, and when", make: || View::Events },
    Named { names: &["findings"], about: "what is wrong, worst first", make: || View::Findings },
];

impl View {
    pub fn of_name(name: &str) -> Option<View> {
        NAMED.iter().find(|n| n.names.contains(&name)).map(|n| (n.make)())
    }

    /// The view that these words name; or one to begin with, and a line to go on with when the cluster is known.
    pub fn of_words(words: &[String]) -> Option<(View, Option<String>)> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let line = || Some(words.iter().map(|w| crate::text::quoted(w)).collect::<Vec<_>>().join(" "));
        match words[..] {
            ["topology", _] | ["component", _, _] => Some((View::Topologies, line())),
            ["zk" | "zookeeper", path] => Some((View::Zookeeper { path: path.to_owned() }, None)),
            ["logs", name] => Some((View::Logs { topology: Some(name.to_owned()) }, None)),
            [name] => View::of_name(name).map(|view| (view, None)),
            _ => None,
        }
    }

    /// What a view can be called, the first name of each.
    pub fn names() -> Vec<&'static str> {
        NAMED.iter().map(|n| n.names[0]).collect()
    }

    pub fn title(&self) -> String {
        match self {
            View::Overview => "overview".into(),
            View::Topologies => "topologies".into(),
            View::Topology { name, .. } => name.clone(),
            View::Component { name, component, .. } => format!("{name} / {component}"),
            View::Slots => "workers and slots".into(),
            View::Supervisors => "supervisors".into(),
            View::Nimbuses => "nimbuses".into(),
            View::Zookeeper { path } => format!("zookeeper {path}"),
            View::Processes => "processes of this host".into(),
            View::Logs { topology: None } => "logs of this host".into(),
            View::Logs { topology: Some(name) } => format!("logs of {name} on this host"),
            View::Config => "configuration".into(),
            View::Errors => "errors".into(),
            View::Events => "events".into(),
            View::Findings => "findings".into(),
        }
    }

    /// What is asked while this view is shown. The first is the one whose age its title shows.
    pub fn sources(&self, window: usize) -> Vec<Source> {
        let window = WINDOWS[window % WINDOWS.len()].0.to_owned();
        match self {
            View::Overview => vec![Source::Cluster, Source::Samples, Source::Ensemble, Source::Findings],
            View::Topologies => vec![Source::Cluster, Source::Samples],
            View::Topology { id, .. } => vec![Source::Topology { id: id.clone(), window }, Source::Cluster],
            View::Component { id, component, .. } => {
                vec![Source::Component { topology: id.clone(), component: component.clone(), window }, Source::Cluster]
            }
            View::Slots => vec![Source::Workers, Source::Cluster],
            View::Supervisors | View::Nimbuses => vec![Source::Cluster],
            View::Zookeeper { path } => vec![Source::Node { path: path.clone() }, Source::Ensemble, Source::Cluster],
            View::Processes => vec![Source::Processes, Source::Cluster],
            View::Logs { topology } => vec![Source::Logs { topology: topology.clone() }, Source::Cluster],
            View::Config => vec![Source::Config, Source::Cluster],
            View::Errors => vec![Source::Samples, Source::Cluster],
            View::Events => vec![Source::Cluster, Source::Samples, Source::Workers, Source::Ensemble],
            View::Findings => vec![Source::Findings, Source::Config, Source::Cluster],
        }
    }

    pub fn wants(&self, window: usize, nimbus_lost: bool) -> BTreeSet<Source> {
        let mut wanted: BTreeSet<Source> = self.sources(window).into_iter().collect();
        // For the line of health above every view.
        wanted.insert(Source::Ensemble);
        if nimbus_lost {
            wanted.insert(Source::Registry);
        }
        wanted
    }

    /// The arguments of `stormctl` that show the same once.
    pub fn command(&self) -> Vec<String> {
        let words: &[&str] = match self {
            View::Overview | View::Findings => &["doctor"],
            View::Topologies => &["list"],
            View::Topology { name, .. } => &["describe", name],
            View::Component { name, component, .. } => &["tui", "component", name, component, "--plain"],
            View::Slots => &["tui", "slots", "--plain"],
            View::Supervisors => &["tui", "supervisors", "--plain"],
            View::Nimbuses => &["tui", "nimbuses", "--plain"],
            View::Errors => &["tui", "errors", "--plain"],
            View::Events => &["tui", "events", "--plain"],
            View::Zookeeper { path } => &["zk", "get", path],
            View::Processes => &["jps", "-o", "wide"],
            View::Logs { topology: Some(name) } => &["logs", name, "-f"],
            View::Logs { topology: None } => &["tui", "logs", "--plain"],
            View::Config => &["config", "list", "--all"],
        };
        words.iter().map(|w| (*w).to_owned()).collect()
    }

    /// The topology that this view is about, by name.
    pub fn topology(&self) -> Option<&str> {
        match self {
            View::Topology { name, .. } | View::Component { name, .. } | View::Logs { topology: Some(name) } => {
                Some(name)
            }
            _ => None,
        }
    }

    /// Panes that Tab goes round.
    pub fn panes(&self) -> usize {
        match self {
            View::Topology { .. } => 2,
            View::Zookeeper { .. } => 2,
            _ => 1,
        }
    }

    /// Whether the main part is a table, which can be filtered, sorted and marked.
    pub fn is_table(&self) -> bool {
        !matches!(self, View::Logs { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_of_one_view_and_every_view_asks_something() {
        let mut names: Vec<&str> = NAMED.iter().flat_map(|n| n.names.iter().copied()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for named in NAMED {
            assert!(!(named.make)().sources(9).is_empty());
        }
        assert!(View::Nimbuses.wants(0, true).contains(&Source::Registry));
    }
}
