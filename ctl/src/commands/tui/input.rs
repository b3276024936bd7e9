//! Keys and mouse from the terminal, on a thread of its own that can be told to keep its hands off.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use ratatui::crossterm::event::{self, Event};
use storm_tui::Msg;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// How long the thread may go on reading after it was told to stop.
const POLL: Duration = Duration::from_millis(50);

const READING: u8 = 0;
const ASKED: u8 = 1;
const PAUSED: u8 = 2;
const ENDED: u8 = 3;

pub struct Input {
    pub messages: Receiver<Msg>,
    state: Arc<AtomicU8>,
}

impl Input {
    pub fn open() -> std::io::Result<Input> {
        // Who types faster than this is a paste, and waits.
        let (sender, messages) = channel(256);
        let state = Arc::new(AtomicU8::new(READING));
        let shared = state.clone();
        std::thread::Builder::new().name("keys".into()).spawn(move || read(&sender, &shared))?;
        Ok(Input { messages, state })
    }

    /// Returns when the terminal's input belongs to somebody else.
    pub fn pause(&mut self) {
        self.state.store(ASKED, Ordering::SeqCst);
        while self.state.load(Ordering::SeqCst) == ASKED {
            // The thread may be waiting for room.
            while self.messages.try_recv().is_ok() {}
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub fn resume(&self) {
        let _ended = self.state.compare_exchange(PAUSED, READING, Ordering::SeqCst, Ordering::SeqCst);
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.state.store(ENDED, Ordering::SeqCst);
    }
}

fn read(sender: &Sender<Msg>, state: &AtomicU8) {
    loop {
        match state.load(Ordering::SeqCst) {
            ENDED => return,
            ASKED => {
                let _ended = state.compare_exchange(ASKED, PAUSED, Ordering::SeqCst, Ordering::SeqCst);
            }
            PAUSED => std::thread::sleep(Duration::from_millis(10)),
            _ => match event::poll(POLL).and_then(|ready| if ready { event::read().map(Some) } else { Ok(None) }) {
                Ok(None) => {}
                Ok(Some(event)) => {
                    let message = match event {
                        Event::Key(key) => Msg::Key(key),
                        Event::Mouse(mouse) => Msg::Mouse(mouse),
                        Event::Paste(text) => Msg::Paste(text),
                        // A size that comes with a key is not told here: the signal itself is heard elsewhere.
                        Event::Resize(..) | Event::FocusGained | Event::FocusLost => continue,
                    };
                    if sender.blocking_send(message).is_err() {
                        return;
                    }
                }
                // The terminal has gone: the closed channel tells it.
                Err(_) => {
                    state.store(ENDED, Ordering::SeqCst);
                    return;
                }
            },
        }
    }
}
