//! What happens on the machine, told to whoever watches: processes that come and go, changes of the configuration file,
//! and the agent's own footing. Nobody looks while nobody watches.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use storm_machine::jps::{self, Seen};
use tokio::sync::{Mutex, broadcast, mpsc, watch};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::clock;
use crate::digest::sha256;
use crate::gate::Gate;
use crate::options::Options;
use crate::proto::event::What;
use crate::proto::{ConfigChanged, Event, Health, Trouble};

/// How long between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// Events that wait for a slow watcher; what comes after pushes the oldest out, and the watcher hears how many.
const WAITING: usize = 512;

/// The machine at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
struct Moment {
    processes: BTreeMap<(i32, u64), Seen>,
    config: Option<(PathBuf, String)>,
    troubles: Vec<Trouble>,
}

pub struct Events {
    options: Arc<Options>,
    gate: Option<Arc<Gate>>,
    last: Mutex<Option<Moment>>,
    sender: broadcast::Sender<Event>,
}

impl Events {
    pub fn new(options: Arc<Options>, gate: Option<Arc<Gate>>) -> Events {
        Events { options, gate, last: Mutex::new(None), sender: broadcast::Sender::new(WAITING) }
    }

    pub fn health(&self) -> Health {
        Health { troubles: troubles(&self.options, self.gate.as_deref()) }
    }

    /// Looks again and again, for ever.
    pub async fn look(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let mut last = self.last.lock().await;
            if self.sender.receiver_count() == 0 {
                *last = None;
                continue;
            }
            let Some(now) = self.moment().await else { continue };
            for what in changes(&last.take().unwrap_or_else(|| now.clone()), &now) {
                // Watchers that have gone meanwhile miss nothing.
                let _ = self.sender.send(event(what));
            }
            *last = Some(now);
        }
    }

    /// Everything from now on; the first event tells the health.
    pub async fn watch(
        self: Arc<Self>,
        mut ending: watch::Receiver<bool>,
    ) -> Pin<Box<dyn Stream<Item = Result<Event, Status>> + Send>> {
        let mut receiver = {
            let mut last = self.last.lock().await;
            if last.is_none() {
                *last = self.moment().await;
            }
            self.sender.subscribe()
        };
        let (told, stream) = mpsc::channel(1);
        tokio::spawn(async move {
            let mut next = event(What::Health(self.health()));
            loop {
                let sent = tokio::select! {
                    sent = told.send(Ok(next)) => sent.is_ok(),
                    _ = ending.wait_for(|ending| *ending) => false,
                };
                if !sent {
                    return;
                }
                let heard = tokio::select! {
                    heard = receiver.recv() => heard,
                    () = told.closed() => return,
                    _ = ending.wait_for(|ending| *ending) => return,
                };
                next = match heard {
                    Ok(event) => event,
                    Err(broadcast::error::RecvError::Lagged(missed)) => event(What::Missed(missed)),
                    Err(broadcast::error::RecvError::Closed) => return,
                };
            }
        });
        Box::pin(ReceiverStream::new(stream))
    }

    async fn moment(&self) -> Option<Moment> {
        let (options, gate) = (self.options.clone(), self.gate.clone());
        tokio::task::spawn_blocking(move || moment(&options, gate.as_deref())).await.ok()
    }
}

fn event(what: What) -> Event {
    Event { millis: clock::millis(clock::now()), what: Some(what) }
}

fn moment(options: &Options, gate: Option<&Gate>) -> Moment {
    let processes = jps::list(Path::new("/tmp"), false).into_iter().filter(|s| s.role != "-" && s.role != "jps");
    let digest = |path: PathBuf| {
        let digest = std::fs::read(&path).map_or_else(|_| String::new(), |content| sha256(&content));
        (path, digest)
    };
    Moment {
        processes: processes.map(|s| ((s.pid, s.start_ticks), s)).collect(),
        config: options.load.locate().map(digest),
        troubles: troubles(options, gate),
    }
}

fn troubles(options: &Options, gate: Option<&Gate>) -> Vec<Trouble> {
    let mut troubles = gate.map_or_else(Vec::new, |gate| gate.troubles(clock::now()));
    if let Err(errors) = storm_conf::load_from(&options.load) {
        let mistakes = errors.mistakes.iter();
        troubles.extend(mistakes.map(|m| Trouble { code: m.code.to_owned(), message: m.to_string() }));
    }
    troubles
}

/// What has happened between two moments.
fn changes(before: &Moment, after: &Moment) -> Vec<What> {
    let only = |of: &Moment, not: &Moment| -> Vec<Seen> {
        of.processes.iter().filter(|(id, _)| !not.processes.contains_key(id)).map(|(_, seen)| seen.clone()).collect()
    };
    let mut changes: Vec<What> = only(before, after).iter().map(|s| What::Ended(s.into())).collect();
    changes.extend(only(after, before).iter().map(|s| What::Began(s.into())));
    if before.config != after.config
        && let Some((path, sha256)) = after.config.clone().or_else(|| {
            let (path, _) = before.config.clone()?;
            Some((path, String::new()))
        })
    {
        changes.push(What::ConfigChanged(ConfigChanged { path: path.display().to_string(), sha256 }));
    }
    if before.troubles != after.troubles {
        changes.push(What::Health(Health { troubles: after.troubles.clone() }));
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(pid: i32, role: &str) -> Seen {
        Seen { pid, role: role.to_owned(), start_ticks: 5, ..Seen::default() }
    }

    fn at(processes: &[Seen]) -> Moment {
        Moment {
            processes: processes.iter().map(|s| ((s.pid, s.start_ticks), s.clone())).collect(),
            ..Moment::default()
        }
    }

    #[test]
    fn changes_are_what_differs() {
        let (nimbus, worker) = (seen(1, "nimbus"), seen(2, "worker"));
        assert_eq!(changes(&at(std::slice::from_ref(&nimbus)), &at(std::slice::from_ref(&nimbus))), []);
        // A number that was given to another process is an end and a beginning.
        let reborn = Seen { start_ticks: 9, ..nimbus.clone() };
        let told = changes(&at(&[nimbus.clone(), worker.clone()]), &at(std::slice::from_ref(&reborn)));
        assert_eq!(told, [What::Ended((&nimbus).into()), What::Ended((&worker).into()), What::Began((&reborn).into())]);
        let with =
            |config: Option<&str>| Moment { config: config.map(|c| ("/c".into(), c.into())), ..Moment::default() };
        let changed = |sha256: &str| What::ConfigChanged(ConfigChanged { path: "/c".into(), sha256: sha256.into() });
        assert_eq!(changes(&with(Some("a")), &with(Some("b"))), [changed("b")]);
        assert_eq!(changes(&with(Some("a")), &with(None)), [changed("")]);
        let trouble = Trouble { code: "x".into(), message: "y".into() };
        let ill = Moment { troubles: vec![trouble.clone()], ..Moment::default() };
        assert_eq!(changes(&at(&[]), &ill), [What::Health(Health { troubles: vec![trouble] })]);
    }
}
