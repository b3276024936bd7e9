//! One timer for everything that happens by the clock: tick tuples, message timeouts, statistics.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use crate::hold;
use crate::plan::Plan;
use crate::shared::{Mail, SharedRef, lock};
use crate::stats::Statistics;
use crate::window::ROTATION;

/// Something that happens again and again.
pub(crate) enum Event {
    Tick { task: i32, seconds: i64 },
    Sweep { threads: Vec<usize> },
    Rotate,
    Watch(Arc<Plan>),
}

/// Runs until aborted. Between events it sleeps, so an idle engine costs nothing.
pub(crate) async fn run(shared: SharedRef, statistics: Arc<Mutex<Statistics>>, events: Vec<(Duration, Event)>) {
    let start = Instant::now();
    let mut due: BinaryHeap<Reverse<(Instant, usize)>> =
        events.iter().enumerate().map(|(i, (period, _))| Reverse((start + *period, i))).collect();
    while let Some(Reverse((at, i))) = due.pop() {
        tokio::time::sleep_until(at).await;
        let (period, event) = &events[i];
        match event {
            Event::Tick { task, seconds } => {
                // One at a time: a task that is behind gets no more of them.
                if !shared.is_full(*task) && !shared.task(*task).tick_due.swap(true, Ordering::AcqRel) {
                    shared.post(*task, Mail::Tick { task: *task, seconds: *seconds });
                }
            }
            Event::Sweep { threads } => threads.iter().for_each(|t| shared.threads[*t].post(Mail::Sweep)),
            Event::Watch(plan) => hold::tell_of_the_stuck(&shared, plan),
            Event::Rotate => lock(&statistics).rotate(shared.now_millis()),
        }
        // A machine that slept doesn't get all that it missed.
        due.push(Reverse(((at + *period).max(Instant::now()), i)));
    }
}

/// How often old trees are looked for: so that none lives longer than 1 1/3 of its time.
pub(crate) fn sweep_period(timeout: Duration) -> Duration {
    (timeout / 3).max(Duration::from_millis(100))
}

pub(crate) fn rotation() -> (Duration, Event) {
    (Duration::from_millis(ROTATION), Event::Rotate)
}
