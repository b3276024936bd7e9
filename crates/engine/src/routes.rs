//! Where a task's emits go.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use storm_topology::ValueRef;

use crate::batch::Batch;
use crate::hash::{java_list_hash, java_target};
use crate::plan::{Division, Plan};
use crate::shared::Shared;

/// Where a task is, seen from one thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// On this thread, at this position.
    Here(usize),
    /// On another thread of this worker.
    Thread(usize),
    /// In another worker.
    Remote,
}

/// From one task's stream to one task.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edge {
    pub(crate) to: i32,
    pub(crate) stream: u32,
    pub(crate) width: usize,
    pub(crate) lane: usize,
}

/// From one task to another, for all streams: tuples arrive in the order in which they were emitted, whatever their streams.
pub(crate) struct Lane {
    pub(crate) to: i32,
    pub(crate) place: Place,
    pub(crate) open: Option<Box<Batch>>,
}

pub(crate) enum Divide {
    /// The first `near` edges are in this worker and go first while they keep up.
    Shuffle {
        near: usize,
        next: usize,
        probe: usize,
    },
    Fields(Vec<usize>),
    PartialKey {
        fields: Vec<usize>,
        sent: Vec<u64>,
    },
    All,
    Direct,
}

/// What may wait for a task before a shuffle looks for one with less.
const BUSY: i64 = 512;
/// How many others it looks at.
const PROBES: usize = 8;

/// One component that takes the stream.
pub(crate) struct Group {
    pub(crate) divide: Divide,
    pub(crate) edges: Range<usize>,
    /// The edge that every tuple takes, when there is no choice.
    pub(crate) only: Option<usize>,
}

pub(crate) struct StreamRoute {
    pub(crate) name: Arc<str>,
    pub(crate) width: usize,
    pub(crate) groups: Vec<Group>,
}

/// The way of all tuples of the default stream, when there is only one.
pub(crate) struct Plain {
    pub(crate) stream: usize,
    pub(crate) edge: Edge,
    /// Tuples that went it and have not been counted yet.
    pub(crate) emitted: u64,
}

/// What must have credit before the task may run.
enum Gate {
    All(Vec<i32>),
    Any(Vec<i32>),
}

pub(crate) struct Routes {
    pub(crate) streams: Vec<StreamRoute>,
    pub(crate) edges: Vec<Edge>,
    pub(crate) lanes: Vec<Lane>,
    gates: Vec<Gate>,
    pub(crate) default: Option<usize>,
    pub(crate) plain: Option<Plain>,
    /// Lanes with an open batch, some perhaps twice.
    pub(crate) touched: Vec<usize>,
}

impl Routes {
    /// Routes of a component's task; `place` tells where other tasks are.
    pub(crate) fn new(plan: &Plan, component: usize, load_aware: bool, place: impl Fn(i32) -> Place) -> Routes {
        let mut routes = Routes {
            streams: Vec::new(),
            edges: Vec::new(),
            lanes: Vec::new(),
            gates: Vec::new(),
            default: None,
            plain: None,
            touched: Vec::new(),
        };
        let mut lane_to = BTreeMap::new();
        for &ordinal in &plan.components[component].streams {
            let stream = &plan.streams[ordinal as usize];
            let width = stream.fields.len();
            if &*stream.name == "default" {
                routes.default = Some(routes.streams.len());
            }
            let mut groups = Vec::new();
            for sub in &stream.subscriptions {
                let tasks = &plan.components[sub.component].tasks;
                let (divide, tasks) = divide(&sub.division, tasks, load_aware, &place);
                if !sub.in_loop {
                    routes.gates.push(match divide {
                        Divide::Shuffle { .. } => Gate::Any(tasks.clone()),
                        _ => Gate::All(tasks.clone()),
                    });
                }
                let first = routes.edges.len();
                for to in tasks {
                    let lane = *lane_to.entry(to).or_insert_with(|| {
                        routes.lanes.push(Lane { to, place: place(to), open: None });
                        routes.lanes.len() - 1
                    });
                    routes.edges.push(Edge { to, stream: ordinal, width, lane });
                }
                let edges = first..routes.edges.len();
                let only = (edges.len() == 1 && !matches!(divide, Divide::Direct)).then_some(first);
                groups.push(Group { divide, edges, only });
            }
            routes.streams.push(StreamRoute { name: stream.name.clone(), width, groups });
        }
        if let Some(stream) = routes.default
            && let [Group { only: Some(edge), .. }] = routes.streams[stream].groups.as_slice()
        {
            routes.plain = Some(Plain { stream, edge: routes.edges[*edge], emitted: 0 });
        }
        routes
    }

    /// The position of a stream among the component's own; `None` is the default stream.
    #[inline]
    pub(crate) fn find(&self, name: Option<&str>) -> Option<usize> {
        match name {
            None => self.default,
            Some(name) => self.streams.iter().position(|s| &*s.name == name),
        }
    }

    /// Whether the task must wait for credit. Streams of a loop don't count: two tasks that wait for each other would wait for ever.
    pub(crate) fn is_blocked(&self, shared: &Shared) -> bool {
        self.gates.iter().any(|gate| match gate {
            Gate::All(tasks) => tasks.iter().any(|t| shared.is_full(*t)),
            Gate::Any(tasks) => !tasks.is_empty() && tasks.iter().all(|t| shared.is_full(*t)),
        })
    }
}

fn divide(division: &Division, tasks: &[i32], load_aware: bool, place: &impl Fn(i32) -> Place) -> (Divide, Vec<i32>) {
    let mut tasks = tasks.to_vec();
    let divide = match division {
        Division::Shuffle | Division::LocalOrShuffle => {
            let (mut near, far): (Vec<i32>, Vec<i32>) = tasks.iter().partition(|t| place(**t) != Place::Remote);
            let only_near = *division == Division::LocalOrShuffle && !near.is_empty();
            let count = if load_aware { near.len() } else { near.len() + far.len() };
            if !only_near {
                near.extend(far);
            }
            tasks = near;
            Divide::Shuffle { near: count, next: 0, probe: 0 }
        }
        Division::Fields(fields) => Divide::Fields(fields.clone()),
        Division::PartialKey(fields) => Divide::PartialKey { fields: fields.clone(), sent: vec![0; tasks.len()] },
        Division::Global => {
            tasks.truncate(1);
            Divide::All
        }
        Division::All => Divide::All,
        Division::Direct => Divide::Direct,
    };
    (divide, tasks)
}

impl Group {
    /// Whether every tuple takes exactly one edge: [`Group::choose_one`] tells which.
    #[inline]
    pub(crate) fn takes_one(&self) -> bool {
        self.only.is_some() || (!matches!(self.divide, Divide::All | Divide::Direct) && !self.edges.is_empty())
    }

    /// Appends the edges a tuple takes to `out`. A direct group takes none here.
    pub(crate) fn choose(&mut self, values: &[ValueRef<'_>], edges: &[Edge], shared: &Shared, out: &mut Vec<usize>) {
        if self.takes_one() {
            out.push(self.choose_one(values, edges, shared));
        } else if matches!(self.divide, Divide::All) {
            out.extend(self.edges.clone());
        }
    }

    /// The edge a tuple takes, of a group where each takes one.
    #[inline]
    pub(crate) fn choose_one(&mut self, values: &[ValueRef<'_>], edges: &[Edge], shared: &Shared) -> usize {
        self.only.unwrap_or_else(|| self.decide(values, edges, shared))
    }

    fn decide(&mut self, values: &[ValueRef<'_>], edges: &[Edge], shared: &Shared) -> usize {
        let first = self.edges.start;
        let count = self.edges.len();
        match &mut self.divide {
            Divide::Shuffle { near, next, probe } => {
                let pool = if *near > 0 { *near } else { count };
                *next += 1;
                if *next >= pool {
                    *next = 0;
                }
                let mut edge = first + *next;
                if shared.queued(edges[edge].to) >= shared.settings.receive_limit.min(BUSY) {
                    // Ask a few others, near or far.
                    *probe = (*probe + 1) % count;
                    let others = (0..count.min(PROBES)).map(|i| first + (*probe + i) % count);
                    edge = others.chain([edge]).min_by_key(|e| shared.queued(edges[*e].to)).unwrap_or(edge);
                }
                edge
            }
            Divide::Fields(fields) => {
                let hash = java_list_hash(fields.iter().map(|f| values[*f]));
                first + java_target(hash, count)
            }
            Divide::PartialKey { fields, sent } => {
                let hash = java_list_hash(fields.iter().map(|f| values[*f]));
                let (a, b) = two_choices(hash, count);
                let chosen = if sent[a] <= sent[b] { a } else { b };
                sent[chosen] += 1;
                first + chosen
            }
            Divide::All | Divide::Direct => first,
        }
    }
}

/// Two different tasks for a key, when there are two.
fn two_choices(hash: i32, targets: usize) -> (usize, usize) {
    let mut z = u64::from(hash as u32).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    let n = targets as u64;
    let first = (z >> 32) % n;
    let second = if n > 1 { (first + 1 + (z & 0xffff_ffff) % (n - 1)) % n } else { first };
    (first as usize, second as usize)
}
