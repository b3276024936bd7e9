//! One call of a component: the engine's side of what it emits into.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use storm_topology::{Collector, Emission, Lineage, Link, MessageId, TupleSource, ValueRef};

use crate::counters::TaskCounts;
use crate::ledger::{Contribution, FLAG_FAIL, FLAG_RESET};
use crate::outbound::Outbound;
use crate::routes::{Divide, Edge, Routes};
use crate::spec::ComponentReport;
use crate::task::Throttle;

/// Who a task is.
pub(crate) struct Identity {
    pub(crate) task: i32,
    pub(crate) component: Arc<str>,
    /// Numbers of the streams it takes, in the order of its counters.
    pub(crate) inputs: Vec<u32>,
}

/// What kind of component is being called.
#[derive(Clone, Copy)]
pub(crate) enum Role<'a> {
    /// A spout, with the position of its ledger and how many trees it may have open there.
    Spout { ledger: usize, max_pending: usize },
    /// A bolt; what it emits by default is anchored to this.
    Bolt { input: Option<&'a Lineage> },
}

pub(crate) struct Call<'a> {
    pub(crate) out: &'a mut Outbound,
    pub(crate) routes: &'a mut Routes,
    pub(crate) counts: &'a TaskCounts,
    pub(crate) identity: &'a Identity,
    pub(crate) role: Role<'a>,
    /// Acks to give for tuples that nobody tracks, with their streams.
    pub(crate) untracked: &'a mut Vec<(usize, MessageId)>,
    /// A mistake in an emit.
    pub(crate) fault: &'a mut Option<String>,
    pub(crate) halt: &'a Cell<bool>,
    pub(crate) throttle: &'a Throttle,
}

impl<'a> Call<'a> {
    /// The same call on behalf of another tuple.
    #[inline]
    pub(crate) fn with_role<'b>(&'b mut self, role: Role<'b>) -> Call<'b> {
        Call {
            out: self.out,
            routes: self.routes,
            counts: self.counts,
            identity: self.identity,
            role,
            untracked: self.untracked,
            fault: self.fault,
            halt: self.halt,
            throttle: self.throttle,
        }
    }

    #[cold]
    fn mistake(&mut self, what: String) {
        self.fault.get_or_insert(what);
        self.halt.set(true);
    }

    /// Chooses the edges of an emit into `out.chosen`; the position of the stream, unless the emit is a mistake.
    fn choose(&mut self, e: &Emission<'_>) -> Option<usize> {
        self.out.chosen.clear();
        let Some(at) = self.routes.find(e.stream) else {
            let name = e.stream.unwrap_or("default");
            self.mistake(format!("emitted on stream `{name}`, which the component does not declare"));
            return None;
        };
        let stream = &mut self.routes.streams[at];
        if e.values.len() != stream.width {
            let what = format!(
                "emitted {} values on stream `{}`, which has {} fields",
                e.values.len(),
                stream.name,
                stream.width
            );
            self.mistake(what);
            return None;
        }
        let chosen = &mut self.out.chosen;
        match e.task {
            None => {
                for group in &mut stream.groups {
                    if matches!(group.divide, Divide::Direct) {
                        let what = format!(
                            "emitted on stream `{}` without naming a task, but it is grouped directly",
                            stream.name
                        );
                        self.mistake(what);
                        return None;
                    }
                    group.choose(e.values, &self.routes.edges, &self.out.shared, chosen);
                }
            }
            Some(task) => {
                for group in &stream.groups {
                    let edge = group.edges.clone().find(|edge| self.routes.edges[*edge].to == task);
                    match (edge, &group.divide) {
                        (Some(edge), Divide::Direct) => chosen.push(edge),
                        (Some(_), _) => {
                            let what = format!(
                                "emitted directly to task {task} on stream `{}`, which that task does not group directly",
                                stream.name
                            );
                            self.mistake(what);
                            return None;
                        }
                        (None, _) => {}
                    }
                }
            }
        }
        Some(at)
    }

    /// Appends the tuple to each chosen edge; `roots` fills `out.roots` for one edge.
    fn deliver(&mut self, e: &Emission<'_>, mut roots: impl FnMut(&mut Outbound)) {
        let mut chosen = std::mem::take(&mut self.out.chosen);
        self.out.roots.clear();
        for &edge in &chosen {
            roots(self.out);
            let list = std::mem::take(&mut self.out.roots);
            self.append(edge, e.values, &list);
            self.out.roots = list;
        }
        chosen.clear();
        self.out.chosen = chosen;
    }

    fn append(&mut self, edge: usize, values: &[ValueRef<'_>], roots: &[(u64, u64)]) {
        let Routes { edges, lanes, touched, .. } = &mut *self.routes;
        let first = roots.first().copied().unwrap_or_default();
        let more = roots.get(1..).unwrap_or_default();
        self.out.append((lanes, touched), (&edges[edge], self.identity.task), values, first, more);
    }

    /// The one edge of these values on the default stream. `None` when they take several or none, or are a mistake; then nothing has
    /// been counted.
    #[inline]
    fn choose_one(&mut self, values: &[ValueRef<'_>]) -> Option<Edge> {
        let at = self.routes.default?;
        let stream = &mut self.routes.streams[at];
        match stream.groups.as_mut_slice() {
            [group] if group.takes_one() && values.len() == stream.width => {
                let edge = group.choose_one(values, &self.routes.edges, &self.out.shared);
                let counts = &self.counts.streams[at];
                counts.emitted.add(1);
                counts.transferred.add(1);
                Some(self.routes.edges[edge])
            }
            _ => None,
        }
    }

    /// Whether nobody takes the default stream, and the values are no mistake.
    #[inline]
    fn is_for_nobody(&self, values: &[ValueRef<'_>]) -> Option<usize> {
        let at = self.routes.default?;
        let stream = &self.routes.streams[at];
        (stream.groups.is_empty() && stream.width == values.len()).then_some(at)
    }

    /// A tree has been opened: the spout may have reached its limit.
    #[inline]
    fn mind_limit(&self, ledger: usize, max_pending: usize) {
        if self.out.ledgers[ledger].open() >= max_pending {
            self.halt.set(true);
        }
    }

    /// An emit on the default stream to several tasks, to none, or by mistake.
    #[inline(never)]
    fn emit_winding(&mut self, values: &[ValueRef<'_>]) {
        match self.is_for_nobody(values) {
            Some(stream) => self.counts.streams[stream].emitted.add(1),
            None => self.emit(Emission::new(values)),
        }
    }

    fn emit_tree(&mut self, e: &Emission<'_>, stream: usize, ledger: usize, id: MessageId) {
        if !self.out.acking || self.out.ledgers[ledger].is_full() {
            // Untracked, it counts as done (Storm's rule without ackers). A spout is not asked while its ledger is full, so the
            // second case is one call that emits millions.
            self.untracked.push((stream, id));
            self.deliver(e, |_| {});
            return;
        }
        let root = self.out.ledgers[ledger].reserve();
        let mut word = 0;
        self.deliver(e, |out| {
            let edge = out.ids.next();
            word ^= edge;
            out.roots.clear();
            out.roots.push((root, edge));
        });
        let now = self.out.now;
        self.out.ledgers[ledger].open_tree(root, word, id, stream as u16, now);
    }

    #[cold]
    pub(crate) fn contribute_all(&mut self, lineage: &Lineage, flags: u8) {
        let children = lineage.children();
        for (root, edge) in lineage.roots() {
            let word = if flags == 0 { edge ^ children } else { 0 };
            self.out.contribute(Contribution { root, word, flags });
        }
    }

    fn input_counts(&self, source: &TupleSource) -> Option<&crate::counters::InputCounts> {
        let at = self.identity.inputs.iter().position(|s| *s == source.key)?;
        self.counts.inputs.get(at)
    }
}

impl Collector for Call<'_> {
    fn emit_default(&mut self, values: &[ValueRef<'_>]) {
        let input = match self.role {
            Role::Bolt { input: Some(input) } if input.is_in_several() => return self.emit(Emission::new(values)),
            Role::Bolt { input } => input.and_then(|input| Some((input, input.first_root()?.0))),
            Role::Spout { .. } => None,
        };
        let edge = match &mut self.routes.plain {
            Some(plain) if values.len() == plain.edge.width => {
                plain.emitted += 1;
                plain.edge
            }
            _ => match self.choose_one(values) {
                Some(edge) => edge,
                None => return self.emit_winding(values),
            },
        };
        let lineage = match input {
            Some((input, root)) => {
                let id = self.out.ids.next();
                input.add_child(id);
                (root, id)
            }
            None => (0, 0),
        };
        let Routes { lanes, touched, .. } = &mut *self.routes;
        self.out.append((lanes, touched), (&edge, self.identity.task), values, lineage, &[]);
    }

    fn emit_root(&mut self, values: &[ValueRef<'_>], id: MessageId) {
        if let Role::Spout { ledger: at, max_pending } = self.role
            && self.out.acking
            && let Routes { lanes, touched, plain: Some(plain), .. } = &mut *self.routes
            && values.len() == plain.edge.width
            && let ledger = &mut self.out.ledgers[at]
            && !ledger.is_full()
        {
            plain.emitted += 1;
            let root = ledger.reserve();
            let word = self.out.ids.next();
            ledger.open_tree(root, word, id, plain.stream as u16, self.out.now);
            if ledger.open() >= max_pending {
                self.halt.set(true);
            }
            self.out.append((lanes, touched), (&plain.edge, self.identity.task), values, (root, word), &[]);
            return;
        }
        self.emit(Emission { link: Link::Message(id), ..Emission::new(values) });
    }

    fn emit(&mut self, mut e: Emission<'_>) {
        let Some(stream) = self.choose(&e) else { return };
        let counts = &self.counts.streams[stream];
        counts.emitted.add(1);
        counts.transferred.add(self.out.chosen.len() as u64);
        if let Some(targets) = e.targets.take() {
            targets.extend(self.out.chosen.iter().map(|edge| self.routes.edges[*edge].to));
        }
        match (std::mem::take(&mut e.link), self.role) {
            (Link::Message(id), Role::Spout { ledger, max_pending }) => {
                self.emit_tree(&e, stream, ledger, id);
                self.mind_limit(ledger, max_pending);
            }
            (Link::Default, Role::Bolt { input: Some(input) }) if input.is_tracked() => self.deliver(&e, |out| {
                let edge = out.ids.next();
                input.add_child(edge);
                out.roots.clear();
                out.roots.extend(input.roots().map(|(root, _)| (root, edge)));
            }),
            (Link::Anchors(anchors), Role::Bolt { .. }) => self.deliver(&e, |out| {
                out.roots.clear();
                for lineage in anchors.iter().map(|a| a.lineage()).filter(|l| l.is_tracked()) {
                    let edge = out.ids.next();
                    lineage.add_child(edge);
                    for (root, _) in lineage.roots() {
                        match out.roots.iter_mut().find(|(r, _)| *r == root) {
                            Some((_, word)) => *word ^= edge,
                            None => out.roots.push((root, edge)),
                        }
                    }
                }
            }),
            (Link::Message(_), Role::Bolt { .. }) => self.mistake("a bolt emitted with a message id".to_owned()),
            (Link::Anchors(_), Role::Spout { .. }) => self.mistake("a spout emitted with anchors".to_owned()),
            (Link::Default | Link::Unanchored, _) => self.deliver(&e, |_| {}),
        }
    }

    fn ack(&mut self, lineage: &Lineage, source: &TupleSource) {
        if !lineage.settle() {
            return;
        }
        self.contribute_all(lineage, 0);
        let now = self.out.shared.micros(Instant::now());
        if let Some(counts) = self.input_counts(source) {
            counts.acked.add(1);
            counts.process_nanos.add(now.saturating_sub(lineage.received()) * 1000);
        }
    }

    fn fail(&mut self, lineage: &Lineage, source: &TupleSource) {
        if !lineage.settle() {
            return;
        }
        self.contribute_all(lineage, FLAG_FAIL);
        if let Some(counts) = self.input_counts(source) {
            counts.failed.add(1);
        }
    }

    fn reset_timeout(&mut self, lineage: &Lineage) {
        self.contribute_all(lineage, FLAG_RESET);
    }

    fn report_error(&mut self, message: &str) {
        if !self.throttle.allows(self.out.now) {
            return;
        }
        self.out.shared.report(ComponentReport {
            component: self.identity.component.to_string(),
            task: self.identity.task,
            message: message.to_owned(),
        });
    }

    fn pending(&self) -> usize {
        match self.role {
            Role::Spout { ledger, .. } => self.out.ledgers[ledger].open(),
            Role::Bolt { .. } => 0,
        }
    }
}
