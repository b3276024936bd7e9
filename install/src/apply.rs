//! A plan, done: phase by phase, all hosts of a phase at once, each step in the journal before and after.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::host::Hosts;
use crate::journal::{Entry, Run};
use crate::plan::phases;
use crate::site::{Reply, Request};
use crate::step::{Action, Step};
use crate::{Kind, Trouble};

/// What goes on.
#[derive(Debug)]
pub enum Event<'a> {
    Begun {
        step: &'a Step,
        number: usize,
        of: usize,
    },
    /// It takes its time; the note says what is waited for.
    Going {
        step: &'a Step,
        number: usize,
        of: usize,
        note: &'a str,
    },
    Done {
        step: &'a Step,
        number: usize,
        of: usize,
        changed: bool,
        note: &'a str,
        took: Duration,
    },
    Failed {
        step: &'a Step,
        number: usize,
        of: usize,
        trouble: &'a Trouble,
    },
}

pub type Tell = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    pub changed: usize,
    /// Steps that an earlier run had done.
    pub found_done: usize,
}

/// How often what takes its time is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Does what was planned; when a host fails, the others finish the phase and no later one begins. What is waited for may take
/// as long as `limit`.
pub async fn apply(
    steps: &[Step],
    hosts: &Hosts,
    run: &Arc<Run>,
    tell: &Tell,
    limit: Duration,
) -> Result<Summary, Vec<Trouble>> {
    let mut summary = Summary::default();
    for (_, by_host) in phases(steps) {
        let mut working = JoinSet::new();
        for (name, indices) in by_host {
            let own: Vec<(usize, Step)> = indices.into_iter().map(|i| (i, steps[i].clone())).collect();
            let worker = Worker { hosts: hosts.clone(), run: run.clone(), tell: tell.clone(), of: steps.len(), limit };
            working.spawn(async move { worker.work(&name, own).await });
        }
        let mut troubles = Vec::new();
        while let Some(joined) = working.join_next().await {
            match joined {
                Ok(Ok(done)) => {
                    summary.changed += done.changed;
                    summary.found_done += done.found_done;
                }
                Ok(Err(trouble)) => troubles.push(trouble),
                Err(e) => troubles.push(Trouble::new(Kind::Failed, "install/task", e.to_string())),
            }
        }
        if !troubles.is_empty() {
            return Err(troubles);
        }
    }
    Ok(summary)
}

struct Worker {
    hosts: Hosts,
    run: Arc<Run>,
    tell: Tell,
    of: usize,
    limit: Duration,
}

impl Worker {
    async fn work(&self, name: &str, steps: Vec<(usize, Step)>) -> Result<Summary, Trouble> {
        let mut summary = Summary::default();
        for (index, step) in steps {
            let (number, of) = (index + 1, self.of);
            (self.tell)(&Event::Begun { step: &step, number, of });
            self.run.write(&Entry::begun(number, &step))?;
            let began = Instant::now();
            match self.one(name, &step, number).await {
                Ok((changed, note)) => {
                    summary.changed += usize::from(changed);
                    summary.found_done += usize::from(!changed);
                    self.run.write(&Entry::done(number, &step, changed))?;
                    let took = began.elapsed();
                    (self.tell)(&Event::Done { step: &step, number, of, changed, note: &note, took });
                }
                Err(trouble) => {
                    self.run.write(&Entry::failed(number, &step, &trouble))?;
                    (self.tell)(&Event::Failed { step: &step, number, of, trouble: &trouble });
                    return Err(trouble);
                }
            }
        }
        Ok(summary)
    }

    async fn one(&self, name: &str, step: &Step, number: usize) -> Result<(bool, String), Trouble> {
        let mut action = step.action.clone();
        if let Action::Unpack { archive, .. } = &mut action {
            let host = self.hosts.get(name)?;
            *archive = host.lock().await.put(archive).await.map_err(|t| t.on(name))?;
        }
        let request = Request::Do { dir: step.dir.clone(), action: Box::new(action), seen: step.seen.clone() };
        let began = Instant::now();
        let mut last = String::new();
        loop {
            match self.hosts.ask(name, request.clone()).await? {
                Reply::Done { changed, note } => return Ok((changed || !last.is_empty(), note)),
                Reply::Going { note } if began.elapsed() < self.limit => {
                    if note != last {
                        (self.tell)(&Event::Going { step, number, of: self.of, note: &note });
                        last = note;
                    }
                }
                Reply::Going { note } => {
                    let secs = self.limit.as_secs_f64();
                    let what = format!("not done within {secs} s: {}", step.action.words());
                    return Err(Trouble::new(Kind::Deadline, "install/deadline", what).at(note).on(name));
                }
                _ => {
                    return Err(
                        Trouble::new(Kind::Failed, "install/protocol", "an answer to another question").on(name)
                    );
                }
            }
            sleep(LOOK).await;
        }
    }
}
