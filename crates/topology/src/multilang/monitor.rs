//! The thread that empties a child's standard error and watches whether a child that owes an answer gives one.

use std::collections::VecDeque;
use std::io::Read;
use std::process::ChildStderr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::context::Waker;

/// How much of the standard error is kept for the report of a death.
const TAIL: usize = 4096;
/// A heartbeat is asked for this often.
const BEAT: Duration = Duration::from_secs(1);

/// What is known about a child's life.
pub(crate) struct Life {
    state: Mutex<State>,
    stderr_done: Condvar,
    stopped: AtomicBool,
    /// A sign of life is to be asked for.
    beat: AtomicBool,
    silence: Duration,
    waker: Waker,
    component: String,
}

#[derive(Default)]
struct State {
    /// Since when an answer is due; nothing is due while this is empty, so the clock does not run.
    due_since: Option<Instant>,
    /// An answer was due for too long.
    silent: bool,
    /// Heartbeats are asked for (bolts, after the handshake).
    beating: bool,
    stderr: VecDeque<u8>,
    stderr_ended: bool,
}

impl Life {
    pub(crate) fn new(component: &str, silence: Duration, waker: Waker) -> Arc<Life> {
        Arc::new(Life {
            state: Mutex::default(),
            stderr_done: Condvar::new(),
            stopped: AtomicBool::new(false),
            beat: AtomicBool::new(false),
            silence,
            waker,
            component: component.to_owned(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Nothing is due any more: something has come, which is a sign of life, or the child is not listened to.
    pub(crate) fn excuse(&self) {
        let mut state = self.lock();
        state.due_since = None;
        state.silent = false;
    }

    /// Whether the child is to be asked for a sign of life now.
    pub(crate) fn takes_beat(&self) -> bool {
        self.beat.swap(false, Ordering::AcqRel)
    }

    pub(crate) fn start_beating(&self) {
        self.lock().beating = true;
    }

    /// Whether the child has owed an answer for too long.
    pub(crate) fn is_silent(&self) -> bool {
        self.lock().silent
    }

    /// The end of the standard error, whole if the child has ended and this does not take too long.
    pub(crate) fn stderr_tail(&self, patience: Duration) -> String {
        let state = self.lock();
        let waited = self.stderr_done.wait_timeout_while(state, patience, |s| !s.stderr_ended);
        let (state, _) = waited.unwrap_or_else(std::sync::PoisonError::into_inner);
        let (a, b) = state.stderr.as_slices();
        String::from_utf8_lossy(&[a, b].concat()).trim().to_owned()
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    /// The thread's work.
    pub(crate) fn watch(&self, stderr: ChildStderr) {
        let mut stderr = Some(stderr);
        let mut line = Vec::new();
        let mut next_beat = Instant::now() + BEAT;
        while !self.stopped.load(Ordering::Acquire) {
            let until_beat = next_beat.saturating_duration_since(Instant::now());
            // Short, so that a stop is noticed.
            let wait = until_beat.min(Duration::from_millis(250));
            match &mut stderr {
                None => std::thread::sleep(wait),
                Some(pipe) => {
                    if readable(pipe, wait) && !self.take_stderr(pipe, &mut line) {
                        stderr = None;
                        self.lock().stderr_ended = true;
                        self.stderr_done.notify_all();
                    }
                }
            }
            if Instant::now() >= next_beat {
                next_beat = Instant::now() + BEAT;
                self.ask_for_beat();
            }
        }
    }

    fn ask_for_beat(&self) {
        let mut state = self.lock();
        if !state.beating {
            return;
        }
        match state.due_since {
            None => {
                state.due_since = Some(Instant::now());
                self.beat.store(true, Ordering::Release);
                drop(state);
                self.waker.wake();
            }
            Some(since) if since.elapsed() > self.silence && !state.silent => {
                state.silent = true;
                self.waker.wake();
            }
            Some(_) => {}
        }
    }

    /// False at the end of the pipe.
    fn take_stderr(&self, pipe: &mut ChildStderr, line: &mut Vec<u8>) -> bool {
        let mut buffer = [0; 4096];
        let n = match pipe.read(&mut buffer) {
            Ok(n) => n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => return true,
            Err(_) => 0,
        };
        let mut state = self.lock();
        state.stderr.extend(&buffer[..n]);
        let surplus = state.stderr.len().saturating_sub(TAIL);
        state.stderr.drain(..surplus);
        drop(state);
        line.extend_from_slice(&buffer[..n]);
        while let Some(end) =
            line.iter().position(|b| *b == b'\n').or((line.len() > TAIL || n == 0).then_some(line.len()))
        {
            if end > 0 {
                tracing::info!(component = %self.component, "{}", String::from_utf8_lossy(&line[..end]));
            }
            line.drain(..line.len().min(end + 1));
            if line.is_empty() {
                break;
            }
        }
        n > 0
    }
}

fn readable(pipe: &ChildStderr, wait: Duration) -> bool {
    let wait = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) };
    let mut fds = [PollFd::new(pipe, PollFlags::IN)];
    matches!(poll(&mut fds, Some(&wait)), Ok(n) if n > 0)
}
