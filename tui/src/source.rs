//! Where data comes from, and what is known of each source: its last answer, how old that is, and why there is none.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::data::{
    Cluster, ComponentPage, Ensemble, Finding, LogBatch, Process, Sample, Settings, Topology, Worker, ZkNode,
};

/// A question that is asked again and again while a view needs its answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Source {
    /// Nimbus: the whole cluster in one answer.
    Cluster,
    /// The same as far as ZooKeeper has it, for when Nimbus is down.
    Registry,
    /// A few topologies in turn.
    Samples,
    Topology {
        id: String,
        window: String,
    },
    Component {
        topology: String,
        component: String,
        window: String,
    },
    Workers,
    Ensemble,
    Node {
        path: String,
    },
    Processes,
    /// `None` is everything that is logged on this host.
    Logs {
        topology: Option<String>,
    },
    Config,
    Findings,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Cluster | Source::Samples | Source::Topology { .. } | Source::Component { .. } => "Nimbus",
            Source::Workers => "Nimbus",
            Source::Registry | Source::Node { .. } => "ZooKeeper",
            Source::Ensemble => "ensemble",
            Source::Processes => "processes",
            Source::Logs { .. } => "logs",
            Source::Config => "configuration",
            Source::Findings => "findings",
        })
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Data {
    Cluster(Cluster),
    Samples(Vec<Sample>),
    Topology(Box<Topology>),
    Component(Box<ComponentPage>),
    Workers(Vec<Worker>),
    Ensemble(Ensemble),
    Node(ZkNode),
    Processes(Vec<Process>),
    Logs(LogBatch),
    Config(Settings),
    Findings(Vec<Finding>),
}

/// Why a source has no answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trouble {
    pub cause: String,
    /// How long until it is asked again.
    pub retry_in_ms: u64,
}

/// What a source said, when it said it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    pub source: Source,
    pub at_ms: u64,
    pub result: Result<Data, Trouble>,
}

/// Whether what is on the screen can be believed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Standing {
    /// When the last good answer came.
    pub good_ms: Option<u64>,
    /// The trouble since, and when the next attempt is due.
    pub trouble: Option<(String, u64)>,
}

impl Standing {
    pub fn note(&mut self, answer: &Answer) {
        match &answer.result {
            Ok(_) => *self = Standing { good_ms: Some(answer.at_ms), trouble: None },
            Err(t) => self.trouble = Some((t.cause.clone(), answer.at_ms + t.retry_in_ms)),
        }
    }

    /// A source that has failed shows its last good data dimmed.
    pub fn stale(&self) -> bool {
        self.trouble.is_some()
    }

    /// Such as `2s ago`, or `lost, last 41s ago, retry in 3s`.
    pub fn text(&self, now_ms: u64) -> String {
        let ago = |at: u64| crate::text::age((now_ms.saturating_sub(at) / 1000) as i64);
        match (&self.trouble, self.good_ms) {
            (None, None) => "asking".to_owned(),
            (None, Some(at)) => format!("{} ago", ago(at)),
            (Some((_, due)), good) => {
                let last = good.map(|at| format!(", last {} ago", ago(at))).unwrap_or_default();
                let wait = due.saturating_sub(now_ms).div_ceil(1000);
                let next = if wait == 0 { "asking again".to_owned() } else { format!("retry in {wait}s") };
                format!("lost{last}, {next}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_source_keeps_the_time_of_its_last_answer_and_counts_down() {
        let mut s = Standing::default();
        assert_eq!(s.text(0), "asking");
        let good = Answer { source: Source::Cluster, at_ms: 1000, result: Ok(Data::Cluster(Cluster::default())) };
        s.note(&good);
        assert_eq!((s.text(3500).as_str(), s.stale()), ("2s ago", false));
        let bad = Trouble { cause: "refused".into(), retry_in_ms: 4000 };
        s.note(&Answer { at_ms: 5000, result: Err(bad), ..good.clone() });
        assert_eq!((s.text(6000).as_str(), s.stale()), ("lost, last 5s ago, retry in 3s", true));
        assert_eq!(s.text(9000), "lost, last 8s ago, asking again");
        s.note(&good);
        assert!(!s.stale());
    }
}
