//! The whole state of the dashboard.

use std::collections::{BTreeMap, BTreeSet};

use crate::data::Severity;
use crate::dialog::Mode;
use crate::facts::Facts;
use crate::filter::Filter;
use crate::keys::Keymap;
use crate::message::Run;
use crate::replay::Replay;
use crate::rows;
use crate::source::Source;
use crate::table::{Sort, Table};
use crate::text;
use crate::theme::{Symbols, Theme};
use crate::verb::{Effect, Judge, Verb};
use crate::views::View;

/// Views that `[` can go back to.
const HISTORY: usize = 100;

#[derive(Debug, Clone)]
pub struct Options {
    pub read_only: bool,
    /// How `stormctl` is called so that it means this cluster.
    pub stormctl: Vec<String>,
    /// What the cluster is called in the title.
    pub cluster: String,
    pub theme: Theme,
    pub symbols: Symbols,
    pub keymap: Keymap,
    pub refresh_ms: u64,
    pub verbs: Vec<Verb>,
    pub judge: Judge,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            read_only: false,
            stormctl: vec!["stormctl".into()],
            cluster: "storm".into(),
            theme: Theme::Ansi,
            symbols: Symbols { ascii: false },
            keymap: Keymap::default(),
            refresh_ms: 1000,
            verbs: Vec::new(),
            judge: |_| Ok(Effect::Changes),
        }
    }
}

/// A view with all that was done to it, so that going back finds it as it was left.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Place {
    pub view: View,
    pub filter: String,
    pub sort: Option<Sort>,
    /// The key of the selected row, and where it was when it was last seen.
    pub selected: Option<String>,
    pub cursor: usize,
    pub offset: usize,
    pub pane: usize,
    pub marks: BTreeSet<String>,
    /// How far the second pane is moved.
    pub pan: (usize, usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toast {
    pub text: String,
    pub severity: Severity,
    pub until_ms: u64,
}

/// A job that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    pub run: Run,
    pub since_ms: u64,
}

pub struct Model {
    pub options: Options,
    pub size: (u16, u16),
    pub now_ms: u64,
    pub facts: Facts,
    pub places: Vec<Place>,
    pub at: usize,
    pub last: Option<usize>,
    pub mode: Mode,
    pub table: Table,
    /// Index into `data::WINDOWS`.
    pub window: usize,
    /// Since when nothing new is taken.
    pub frozen_ms: Option<u64>,
    pub toast: Option<Toast>,
    pub jobs: BTreeMap<u64, Running>,
    pub next_job: u64,
    pub replay: Option<Replay>,
    pub quitting: bool,
    /// A line as of `:` that waits for the first answer about the cluster.
    pub pending: Option<String>,
}

impl Model {
    pub fn new(options: Options, start: View) -> Model {
        let mut model = Model {
            options,
            size: (80, 24),
            now_ms: 0,
            facts: Facts::default(),
            places: vec![Place { view: start, ..Place::default() }],
            at: 0,
            last: None,
            mode: Mode::Normal,
            table: Table::default(),
            window: 0,
            frozen_ms: None,
            toast: None,
            jobs: BTreeMap::new(),
            next_job: 1,
            replay: None,
            quitting: false,
            pending: None,
        };
        model.settle();
        model
    }

    /// Goes where a line as of `:` says, as soon as the cluster is known.
    pub fn with_line(self, line: String) -> Model {
        Model { pending: Some(line), ..self }
    }

    pub fn with_replay(self, replay: Replay) -> Model {
        Model { now_ms: replay.from_ms(), replay: Some(replay), ..self }
    }

    pub fn place(&self) -> &Place {
        &self.places[self.at]
    }

    pub fn place_mut(&mut self) -> &mut Place {
        &mut self.places[self.at]
    }

    pub fn view(&self) -> &View {
        &self.place().view
    }

    pub fn theme(&self) -> Theme {
        self.options.theme
    }

    /// What must be asked at the moment.
    pub fn wants(&self) -> BTreeSet<Source> {
        if self.replay.is_some() {
            return BTreeSet::new();
        }
        self.view().wants(self.window, self.facts.nimbus_lost())
    }

    /// The source whose age the title of the view shows.
    pub fn main_source(&self) -> Source {
        let source = self.view().sources(self.window).into_iter().next().unwrap_or(Source::Cluster);
        if source == Source::Cluster { self.facts.cluster().1 } else { source }
    }

    /// Whether everything that the view wants has answered once, or has failed to.
    pub fn answered(&self) -> bool {
        let known = |source| {
            let standing = self.facts.standing(source);
            standing.good_ms.is_some() || standing.stale()
        };
        self.pending.is_none() && self.view().wants(self.window, self.facts.nimbus_lost()).iter().all(known)
    }

    /// Why a source does not answer.
    pub fn trouble(&self, source: &Source) -> Option<String> {
        self.facts.standing(source).trouble.map(|(cause, _)| cause)
    }

    /// What was said about a topology that nobody knows.
    pub fn unknown(&self) -> Option<String> {
        let toast = self.toast.as_ref()?;
        (toast.severity > Severity::Info).then(|| toast.text.clone())
    }

    /// The source of the rows of the table.
    pub fn table_source(&self) -> Source {
        if self.view() == &View::Overview { Source::Findings } else { self.main_source() }
    }

    pub fn go(&mut self, view: View) {
        if self.view() == &view {
            return;
        }
        self.places.truncate(self.at + 1);
        self.places.push(Place { view, ..Place::default() });
        if self.places.len() > HISTORY {
            self.places.remove(0);
        }
        let at = self.places.len() - 1;
        self.last = Some(at.saturating_sub(1));
        self.at = at;
        self.arrive();
    }

    pub fn jump(&mut self, at: usize) {
        if at < self.places.len() && at != self.at {
            self.last = Some(self.at);
            self.at = at;
            self.arrive();
        }
    }

    fn arrive(&mut self) {
        let filter = self.place().filter.clone();
        if !self.view().is_table() {
            self.facts.logs.set_filter(Filter::new(&filter));
        }
    }

    /// Brings the table and the cursor in line with what is known; every update ends with it.
    pub fn settle(&mut self) {
        let mut table = if self.view().is_table() { rows::build(self) } else { Table::default() };
        table.total = table.rows.len();
        let filter = Filter::new(&self.place().filter);
        if !filter.is_empty() {
            table.rows.retain(|row| filter.passes(&row.haystack()));
        }
        if let Some(sort) = self.place().sort {
            table.sort(sort);
        }
        self.table = table;
        let page = self.page();
        let rows = &self.table.rows;
        let place = &mut self.places[self.at];
        if let Some(key) = &place.selected
            && let Some(at) = rows.iter().position(|r| &r.key == key)
        {
            place.cursor = at;
        }
        place.cursor = place.cursor.min(rows.len().saturating_sub(1));
        place.selected = rows.get(place.cursor).map(|r| r.key.clone()).or(place.selected.take());
        place.offset = place.offset.min(rows.len().saturating_sub(page)).min(place.cursor);
        if place.cursor >= place.offset + page {
            place.offset = place.cursor + 1 - page;
        }
    }

    /// Rows that are on the screen.
    pub fn page(&self) -> usize {
        crate::view::page(self).max(1)
    }

    pub fn selected(&self) -> Option<&str> {
        self.table.rows.get(self.place().cursor).map(|r| r.key.as_str())
    }

    pub fn toast(&mut self, severity: Severity, text: impl Into<String>) {
        let stay = if severity == Severity::Info { 4000 } else { 10_000 };
        self.toast = Some(Toast { text: text.into(), severity, until_ms: self.now_ms + stay });
    }

    pub fn has_verb(&self, name: &str) -> bool {
        self.options.verbs.iter().any(|v| v.name == name)
    }

    /// How one would type it.
    pub fn command_line(&self, arguments: &[String]) -> String {
        let words: Vec<String> = self.options.stormctl.iter().chain(arguments).map(|w| text::quoted(w)).collect();
        words.join(" ")
    }

    pub fn run_line(&self, run: &Run) -> String {
        match run {
            Run::Stormctl(arguments) => self.command_line(arguments),
            Run::Kill { pid, hard, .. } => format!("kill {}{pid}", if *hard { "-KILL " } else { "" }),
        }
    }
}
