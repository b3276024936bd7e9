//! Where entries come from: the logs of this machine, and the agents of others; and all of them as one, in order of
//! time. Each feed holds a batch or two and then waits, so that memory does not grow with the logs.

use std::collections::VecDeque;
use std::task::Poll;
use std::time::{Duration, Instant};

use storm_agent::client::Stream;
use storm_agent::proto::{FollowLogsResponse, LogEntry};
use storm_machine::logs::{Batch, Entry, Reading};
use tokio::sync::mpsc;

use super::log_failure;
use crate::agents;
use crate::failure::Failure;

const BATCH: usize = 64 << 10;
/// How long between two looks for more, with `-f`.
const LOOK: Duration = Duration::from_millis(100);
/// How long between two looks for workers that have come.
const WORKERS: Duration = Duration::from_secs(2);

/// What a feed tells.
struct Told {
    entries: Vec<Entry>,
    /// What was there at the beginning has been told.
    caught_up: bool,
    /// The entries are of several logs.
    several: bool,
}

pub struct Feed {
    receiver: mpsc::Receiver<Result<Told, Failure>>,
    waiting: VecDeque<Entry>,
    caught_up: bool,
    ended: bool,
}

impl Feed {
    fn new(receiver: mpsc::Receiver<Result<Told, Failure>>) -> Feed {
        Feed { receiver, waiting: VecDeque::new(), caught_up: false, ended: false }
    }

    pub fn local(reading: Reading, follow: bool) -> Feed {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(read(reading, follow, sender));
        Feed::new(receiver)
    }

    pub fn remote(host: String, stream: Stream<FollowLogsResponse>) -> Feed {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(listen(host, stream, sender));
        Feed::new(receiver)
    }
}

async fn read(mut reading: Reading, follow: bool, sender: mpsc::Sender<Result<Told, Failure>>) {
    let mut looked = Instant::now();
    loop {
        let searching = follow && looked.elapsed() >= WORKERS;
        if searching {
            looked = Instant::now();
        }
        let work = tokio::task::spawn_blocking(move || {
            if searching {
                reading.look_for_more();
            }
            let batch = reading.batch(BATCH);
            (reading, batch)
        });
        // It is not awaited when this task is ended, and does not panic.
        let Ok((back, batch)) = work.await else { return };
        reading = back;
        let Batch { entries, end } = match batch {
            Ok(batch) => batch,
            Err(e) => return drop(sender.send(Err(log_failure(&e))).await),
        };
        let told = Told { entries, caught_up: end, several: reading.sources() > 1 };
        if sender.send(Ok(told)).await.is_err() || end && !follow {
            return;
        }
        if end {
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// The labels of its entries have the host in front.
async fn listen(host: String, mut stream: Stream<FollowLogsResponse>, sender: mpsc::Sender<Result<Told, Failure>>) {
    loop {
        let told = match stream.next().await {
            Ok(Some(FollowLogsResponse { entries, caught_up })) => {
                let entry =
                    |e: LogEntry| Entry { millis: e.millis, label: format!("{host}/{}", e.source), text: e.text };
                Ok(Told { entries: entries.into_iter().map(entry).collect(), caught_up, several: true })
            }
            Ok(None) => return,
            Err(e) => Err(agents::failure(&e)),
        };
        let last = told.is_err();
        if sender.send(told).await.is_err() || last {
            return;
        }
    }
}

/// Many feeds as one.
pub struct Feeds {
    feeds: Vec<Feed>,
    /// Lines say whose they are.
    pub labels: bool,
    /// Feeds that broke.
    pub broken: Vec<Failure>,
}

impl Feeds {
    pub fn new(feeds: Vec<Feed>) -> Feeds {
        Feeds { labels: feeds.len() > 1, feeds, broken: Vec::new() }
    }

    fn take(&mut self, at: usize, told: Option<Result<Told, Failure>>) {
        let feed = &mut self.feeds[at];
        match told {
            Some(Ok(told)) => {
                feed.waiting.extend(told.entries);
                feed.caught_up |= told.caught_up;
                self.labels |= told.several;
            }
            Some(Err(failure)) => {
                feed.ended = true;
                self.broken.push(failure);
            }
            None => feed.ended = true,
        }
    }

    /// The oldest entry of what was there at the beginning; `None` when all of it was given. Of two with the same time
    /// that of the first feed comes first.
    pub async fn next_old(&mut self) -> Option<Entry> {
        for at in 0..self.feeds.len() {
            while self.feeds[at].waiting.is_empty() && !self.feeds[at].caught_up && !self.feeds[at].ended {
                let told = self.feeds[at].receiver.recv().await;
                self.take(at, told);
            }
        }
        self.oldest()
    }

    fn oldest(&mut self) -> Option<Entry> {
        let with = self.feeds.iter_mut().filter(|f| !f.waiting.is_empty());
        let feed = with.min_by_key(|f| f.waiting.front().map(|e| e.millis))?;
        feed.waiting.pop_front()
    }

    /// What has come since; waits until something has. `false` when all feeds have ended.
    pub async fn more(&mut self) -> bool {
        let came = std::future::poll_fn(|cx| {
            let mut came = Vec::new();
            let mut open = false;
            for (at, feed) in self.feeds.iter_mut().enumerate().filter(|(_, f)| !f.ended) {
                open = true;
                if let Poll::Ready(told) = feed.receiver.poll_recv(cx) {
                    came.push((at, told));
                }
            }
            if came.is_empty() && open { Poll::Pending } else { Poll::Ready(came) }
        });
        let came = came.await;
        let open = !came.is_empty();
        for (at, told) in came {
            self.take(at, told);
        }
        open
    }

    /// An entry that has come; `None` when there is none for now.
    pub fn next_new(&mut self) -> Option<Entry> {
        self.oldest()
    }
}
