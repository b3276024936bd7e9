//! All that is known, put together from the answers.

use std::collections::{BTreeMap, VecDeque};

use crate::data::{
    Cluster, ComponentError, ComponentPage, Ensemble, Finding, Process, Sample, Settings, Topology, Worker, ZkNode,
};
use crate::events::{self, Event};
use crate::logs::LogBuffer;
use crate::rate::{Rate, Series};
use crate::source::{Answer, Data, Source, Standing};

/// Pages that are kept for going back to.
const PAGES: usize = 32;
const EVENTS: usize = 2000;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sampled {
    pub sample: Sample,
    pub at_ms: u64,
    pub emitted: Rate,
    pub acked: Rate,
    pub failed: Rate,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    pub standings: BTreeMap<Source, Standing>,
    pub cluster: Option<Cluster>,
    pub registry: Option<Cluster>,
    pub samples: BTreeMap<String, Sampled>,
    pub topologies: BTreeMap<String, Topology>,
    pub edges: BTreeMap<(String, String, String, String), Rate>,
    pub components: BTreeMap<(String, String), ComponentPage>,
    pub workers: Option<Vec<Worker>>,
    pub ensemble: Option<Ensemble>,
    pub nodes: BTreeMap<String, ZkNode>,
    pub processes: Option<Vec<Process>>,
    /// Share of a processor by process, from two looks.
    pub cpu: BTreeMap<String, (u64, u64, Option<f64>)>,
    pub logs: LogBuffer,
    /// Whose logs those are.
    pub logs_of: Option<Source>,
    pub settings: Option<Settings>,
    pub findings: Option<Vec<Finding>>,
    pub events: VecDeque<Event>,
    /// Events so far.
    told: u64,
    pub emitted: Series,
    pub acked: Series,
    pub failed: Series,
    pub latency: Series,
}

/// What all sampled topologies do together.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Flowing {
    pub emitted: f64,
    pub acked: f64,
    pub failed: f64,
    /// The mean complete latency of the last ten minutes, weighted by what was acked.
    pub latency_ms: Option<f64>,
    /// How many topologies these figures are from, and how many of those have been seen to move or to rest.
    pub measured: usize,
    pub rated: usize,
}

impl Facts {
    pub fn standing(&self, source: &Source) -> Standing {
        self.standings.get(source).cloned().unwrap_or_default()
    }

    /// Nimbus' answer, or while it is silent what ZooKeeper has, whichever is younger.
    pub fn cluster(&self) -> (Option<&Cluster>, Source) {
        let nimbus = self.standing(&Source::Cluster);
        let registry = self.standing(&Source::Registry);
        let younger = registry.good_ms > nimbus.good_ms;
        match &self.registry {
            Some(r) if nimbus.stale() && !registry.stale() && younger => (Some(r), Source::Registry),
            _ => (self.cluster.as_ref(), Source::Cluster),
        }
    }

    pub fn nimbus_lost(&self) -> bool {
        self.standing(&Source::Cluster).stale()
    }

    pub fn take(&mut self, answer: Answer) {
        let before = self.standing(&answer.source);
        let standing = self.standings.entry(answer.source.clone()).or_default();
        standing.note(&answer);
        if matches!(answer.source, Source::Cluster | Source::Ensemble | Source::Node { .. })
            && let Some(event) = events::of_standing(&answer, &before)
        {
            self.event(event);
        }
        let (at_ms, source) = (answer.at_ms, answer.source);
        // What was known before stays when there is no answer.
        if let Ok(data) = answer.result {
            self.keep(source, at_ms, data);
        }
        self.bound();
    }

    /// The youngest stands first; what is learnt of the past takes its place in it.
    fn event(&mut self, event: Event) {
        self.told += 1;
        let at = self.events.partition_point(|e| e.at_ms > event.at_ms);
        self.events.insert(at, Event { number: self.told, ..event });
        self.events.truncate(EVENTS);
    }

    fn tell(&mut self, events: Vec<Event>) {
        events.into_iter().for_each(|event| self.event(event));
    }

    fn keep(&mut self, source: Source, at_ms: u64, data: Data) {
        match (source, data) {
            (Source::Registry, Data::Cluster(cluster)) => self.registry = Some(cluster),
            (_, Data::Cluster(cluster)) => {
                let news = match &self.cluster {
                    Some(before) => events::of_cluster(before, &cluster, at_ms),
                    None => events::of_past(&cluster, at_ms),
                };
                self.tell(news);
                self.samples.retain(|id, _| cluster.topologies.iter().any(|t| &t.id == id));
                self.cluster = Some(cluster);
            }
            (_, Data::Samples(samples)) => self.sampled(samples, at_ms),
            (_, Data::Topology(topology)) => {
                for edge in &topology.edges {
                    if let Some(executed) = edge.executed {
                        let key = (topology.id.clone(), edge.from.clone(), edge.stream.clone(), edge.to.clone());
                        self.edges.entry(key).or_default().see(executed, at_ms);
                    }
                }
                self.topologies.insert(topology.id.clone(), *topology);
            }
            (_, Data::Component(page)) => {
                self.components.insert((page.topology_id.clone(), page.id.clone()), *page);
            }
            (_, Data::Workers(workers)) => {
                let news = match &self.workers {
                    Some(before) => events::of_workers(before, &workers, at_ms),
                    None => events::of_past_workers(&workers, at_ms),
                };
                self.tell(news);
                self.workers = Some(workers);
            }
            (_, Data::Ensemble(ensemble)) => {
                let news = self.ensemble.as_ref().map(|before| events::of_ensemble(before, &ensemble, at_ms));
                self.tell(news.unwrap_or_default());
                self.ensemble = Some(ensemble);
            }
            (_, Data::Node(node)) => {
                self.nodes.insert(node.path.clone(), node);
            }
            (_, Data::Processes(processes)) => self.listed(processes, at_ms),
            (source, Data::Logs(batch)) => {
                if batch.anew || self.logs_of.as_ref() != Some(&source) {
                    self.logs.clear();
                    self.logs_of = Some(source);
                }
                self.logs.take(batch);
            }
            (_, Data::Config(settings)) => self.settings = Some(settings),
            (_, Data::Findings(findings)) => self.findings = Some(findings),
        }
    }

    fn sampled(&mut self, samples: Vec<Sample>, at_ms: u64) {
        for sample in samples {
            let known = self.samples.entry(sample.id.clone()).or_default();
            if let Some(all) = sample.windows.get(":all-time") {
                known.emitted.see(all.emitted, at_ms);
                known.acked.see(all.acked, at_ms);
                known.failed.see(all.failed, at_ms);
            }
            let news = events::of_errors(&known.sample, &sample);
            (known.at_ms, known.sample) = (at_ms, sample);
            self.tell(news);
        }
        let flowing = self.flowing();
        self.emitted.push(flowing.emitted);
        self.acked.push(flowing.acked);
        self.failed.push(flowing.failed);
        self.latency.push(flowing.latency_ms.unwrap_or(0.0));
    }

    fn listed(&mut self, processes: Vec<Process>, at_ms: u64) {
        self.cpu.retain(|key, _| processes.iter().any(|p| p.key() == *key));
        for p in &processes {
            let Some(used) = p.cpu_ms else { continue };
            let entry = self.cpu.entry(p.key()).or_insert((used, at_ms, None));
            if at_ms > entry.1 {
                let share = used.saturating_sub(entry.0) as f64 / (at_ms - entry.1) as f64 * 100.0;
                *entry = (used, at_ms, Some(share));
            }
        }
        self.processes = Some(processes);
    }

    pub fn flowing(&self) -> Flowing {
        let mut all = Flowing::default();
        let (mut weighted, mut acked) = (0.0, 0.0);
        for s in self.samples.values() {
            all.measured += 1;
            all.rated += usize::from(s.emitted.per_second().is_some());
            all.emitted += s.emitted.per_second().unwrap_or(0.0);
            all.acked += s.acked.per_second().unwrap_or(0.0);
            all.failed += s.failed.per_second().unwrap_or(0.0);
            if let Some(ten) = s.sample.windows.get("600")
                && let Some(ms) = ten.complete_ms
            {
                weighted += ms * ten.acked as f64;
                acked += ten.acked as f64;
            }
        }
        all.latency_ms = (acked > 0.0).then(|| weighted / acked);
        all
    }

    pub fn errors(&self) -> impl Iterator<Item = &ComponentError> {
        self.samples.values().flat_map(|s| &s.sample.errors)
    }

    pub fn edge_rate(&self, topology: &str, from: &str, stream: &str, to: &str) -> Option<f64> {
        let key = (topology.to_owned(), from.to_owned(), stream.to_owned(), to.to_owned());
        self.edges.get(&key)?.per_second()
    }

    /// Old pages go; nothing grows with the hours.
    fn bound(&mut self) {
        let standings = &self.standings;
        let age = |source: &Source| standings.get(source).and_then(|s| s.good_ms).unwrap_or(0);
        if self.nodes.len() > 8 * PAGES {
            let oldest = self.nodes.keys().min_by_key(|p| age(&Source::Node { path: (*p).clone() })).cloned();
            oldest.map(|p| self.nodes.remove(&p));
        }
        if self.topologies.len() > PAGES {
            self.topologies.pop_first();
        }
        if self.components.len() > PAGES {
            self.components.pop_first();
        }
        if self.edges.len() > 20_000 {
            self.edges.clear();
        }
        if self.standings.len() > 16 * PAGES {
            let oldest = self.standings.iter().min_by_key(|(_, s)| s.good_ms).map(|(k, _)| k.clone());
            oldest.map(|k| self.standings.remove(&k));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{TopologySummary, Totals};
    use crate::source::Trouble;

    fn answer(source: Source, at_ms: u64, data: Data) -> Answer {
        Answer { source, at_ms, result: Ok(data) }
    }

    #[test]
    fn zookeeper_stands_in_while_nimbus_is_silent() {
        let mut f = Facts::default();
        let named = |name: &str| Cluster {
            topologies: vec![TopologySummary { id: name.into(), ..Default::default() }],
            ..Default::default()
        };
        f.take(answer(Source::Cluster, 1, Data::Cluster(named("a"))));
        f.take(answer(Source::Registry, 2, Data::Cluster(named("b"))));
        assert_eq!(f.cluster().1, Source::Cluster);
        let trouble = Trouble { cause: "refused".into(), retry_in_ms: 1000 };
        f.take(Answer { source: Source::Cluster, at_ms: 3, result: Err(trouble) });
        assert_eq!(f.cluster().1, Source::Registry);
        assert_eq!(f.cluster().0, Some(&named("b")));
        assert_eq!(f.events.front().map(|e| e.what.as_str()), Some("Nimbus is lost: refused"));
    }

    #[test]
    fn rates_of_all_topologies_add_up() {
        let mut f = Facts::default();
        for (at, n) in [(1000, 0), (2000, 50)] {
            let sample = |id: &str, times: i64| Sample {
                id: id.into(),
                windows: BTreeMap::from([(
                    ":all-time".into(),
                    Totals { emitted: n * times, acked: n, ..Totals::default() },
                )]),
                ..Sample::default()
            };
            f.take(answer(Source::Samples, at, Data::Samples(vec![sample("a", 1), sample("b", 2)])));
        }
        let flowing = f.flowing();
        assert_eq!((flowing.emitted, flowing.acked, flowing.measured), (150.0, 100.0, 2));
    }
}
