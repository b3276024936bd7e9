//! A plan, done: phase by phase, all hosts of a phase at once, each step in the journal before and after.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::host::Hosts;
use crate::journal::{Entry, Run};
use crate::plan::phases;
use crate::site::{Reply, Request};
use crate::step::{Action, Step};
use crate::{Kind, Trouble};

/// What goes on.
#[derive(Debug)]
pub enum Event<'a> {
    Begun { step: &'a Step, number: usize, of: usize },
    Done { step: &'a Step, number: usize, of: usize, changed: bool, note: &'a str, took: Duration },
    Failed { step: &'a Step, number: usize, of: usize, trouble: &'a Trouble },
}

pub type Tell = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    pub changed: usize,
    /// Steps that an earlier run had done.
    pub found_done: usize,
}

/// Does what was planned; when a host fails, the others finish the phase and no later one begins.
pub async fn apply(steps: &[Step], hosts: &Hosts, run: &Arc<Run>, tell: &Tell) -> Result<Summary, Vec<Trouble>> {
    let mut summary = Summary::default();
    for (_, by_host) in phases(steps) {
        let mut working = JoinSet::new();
        for (name, indices) in by_host {
            let own: Vec<(usize, Step)> = indices.into_iter().map(|i| (i, steps[i].clone())).collect();
            let worker = Worker { hosts: hosts.clone(), run: run.clone(), tell: tell.clone(), of: steps.len() };
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
}

impl Worker {
    async fn work(&self, name: &str, steps: Vec<(usize, Step)>) -> Result<Summary, Trouble> {
        let mut summary = Summary::default();
        for (index, step) in steps {
            let (number, of) = (index + 1, self.of);
            (self.tell)(&Event::Begun { step: &step, number, of });
            self.run.write(&Entry::begun(number, &step))?;
            let began = Instant::now();
            match self.one(name, &step).await {
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

    async fn one(&self, name: &str, step: &Step) -> Result<(bool, String), Trouble> {
        let mut action = step.action.clone();
        if let Action::Unpack { archive, .. } = &mut action {
            let host = self.hosts.get(name)?;
            *archive = host.lock().await.put(archive).await.map_err(|t| t.on(name))?;
        }
        let request = Request::Do { dir: step.dir.clone(), action: Box::new(action), seen: step.seen.clone() };
        match self.hosts.ask(name, request).await? {
            Reply::Done { changed, note } => Ok((changed, note)),
            _ => Err(Trouble::new(Kind::Failed, "install/protocol", "an answer to another question").on(name)),
        }
    }
}
