//! The loop: what comes in, what it makes of the state, what must be done, and when it is drawn.

use std::io::{self, IsTerminal};
use std::time::Duration;

use storm_tui::data::Severity;
use storm_tui::{Answer, Cmd, Done, Model, Msg, Replay, update};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, sleep_until};

use super::act::{self, Stormctl};
use super::clipboard;
use super::foreground;
use super::input::Input;
use super::plain;
use super::record::{self, Recorder};
use super::setup;
use super::sources::{Sources, now_ms};
use super::terminal::Screen;
use crate::agents::Ways;
use crate::cli::tui::Tui;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// At most thirty frames a second; a key is answered sooner.
const FRAME: Duration = Duration::from_millis(33);
const KEY_FRAME: Duration = Duration::from_millis(8);
/// The clocks on the screen go on.
const TICK: Duration = Duration::from_secs(1);

pub fn run(ctx: Context, args: &Tui) -> Result<(), Failure> {
    if args.plain {
        return plain::run(ctx, args);
    }
    let dumb = std::env::var("TERM").is_ok_and(|t| t == "dumb");
    if dumb || !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(Failure::new(Exit::Usage, "tui/no-terminal", "the dashboard needs a terminal")
            .hint(format!("stormctl tui {} --plain      prints the same to a pipe", args.view.join(" "))));
    }
    let mut model = setup::model(&ctx, args)?;
    if let Some(path) = &args.replay {
        model = model.with_replay(Replay::new(record::read(path)?));
    }
    let recorder = args.record.as_deref().map(Recorder::create).transpose()?;
    let stormctl = setup::stormctl(&ctx)?;
    let ways = Ways::of(&ctx.conf)?;
    // The loop has this thread; asking and decoding have another.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).max_blocking_threads(4).enable_all().build();
    let runtime = runtime.map_err(|e| Failure::io("cannot start the runtime", &e))?;
    let ended = runtime.block_on(async {
        let (answers, received) = channel(256);
        let sources = Sources::new(ctx, ways, Duration::ZERO, answers);
        let screen = Screen::open(!args.no_mouse).map_err(|e| Failure::io("cannot use the terminal", &e))?;
        let input = Input::open().map_err(|e| Failure::io("cannot read the terminal", &e))?;
        let (done, jobs) = channel(64);
        let mut dashboard = Dashboard {
            model,
            screen,
            input,
            sources,
            received,
            recorder,
            stormctl,
            done,
            jobs,
            drawn: 0,
            forget: false,
            keep: Vec::new(),
        };
        #[cfg(debug_assertions)]
        dashboard.keep.extend(args.panic_after);
        dashboard.go().await
    });
    // What is still being asked must not keep the user waiting.
    runtime.shutdown_timeout(Duration::from_millis(50));
    ended
}

struct Dashboard {
    model: Model,
    screen: Screen,
    input: Input,
    sources: Sources,
    received: Receiver<Answer>,
    recorder: Option<Recorder>,
    stormctl: Stormctl,
    done: Sender<Done>,
    jobs: Receiver<Done>,
    /// Frames so far.
    drawn: u64,
    /// Another program had the terminal: signals from its keys have come to us as well.
    forget: bool,
    /// The frame at which a test of the panic hook wants one.
    keep: Vec<u64>,
}

struct Signals {
    term: Signal,
    hup: Signal,
    int: Signal,
    cont: Signal,
    size: Signal,
    stop: Signal,
}

impl Signals {
    fn new() -> io::Result<Signals> {
        Ok(Signals {
            term: signal(SignalKind::terminate())?,
            hup: signal(SignalKind::hangup())?,
            int: signal(SignalKind::interrupt())?,
            size: signal(SignalKind::window_change())?,
            cont: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
            stop: signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))?,
        })
    }
}

impl Signals {
    /// Those of Ctrl-C and Ctrl-Z that have come so far.
    async fn forget_keys(&mut self) {
        const COME: Duration = Duration::from_millis(20);
        while tokio::time::timeout(COME, self.int.recv()).await.is_ok() {}
        while tokio::time::timeout(COME, self.stop.recv()).await.is_ok() {}
    }
}

impl Dashboard {
    async fn go(&mut self) -> Result<(), Failure> {
        let broken = |e: io::Error| Failure::io("the terminal does not take the screen", &e);
        let mut signals = Signals::new().map_err(|e| Failure::io("cannot listen for signals", &e))?;
        let (width, height) = self.screen.size();
        self.take(Msg::Resize(width, height)).await.map_err(broken)?;
        let mut last = Instant::now();
        let mut due: Option<Instant> = Some(last);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        while !self.model.quitting {
            let gap = tokio::select! {
                biased;
                message = self.input.messages.recv() => {
                    let Some(message) = message else {
                        return Err(Failure::new(Exit::Interrupted, "tui/terminal-gone", "the terminal has gone"));
                    };
                    self.take(message).await.map_err(broken)?;
                    if std::mem::take(&mut self.forget) {
                        signals.forget_keys().await;
                    }
                    KEY_FRAME
                }
                _ = signals.term.recv() => return Err(interrupted("SIGTERM")),
                _ = signals.hup.recv() => return Err(interrupted("SIGHUP")),
                _ = signals.int.recv() => return Err(interrupted("SIGINT")),
                _ = signals.stop.recv() => {
                    self.suspend().map_err(broken)?;
                    KEY_FRAME
                }
                _ = signals.cont.recv() => {
                    // Somebody may have stopped us without asking; the shell has set its own modes since.
                    self.screen.enter().map_err(broken)?;
                    self.resized().map_err(broken)?;
                    KEY_FRAME
                }
                _ = signals.size.recv() => {
                    self.resized().map_err(broken)?;
                    KEY_FRAME
                }
                () = sleep_until(due.unwrap_or(last + TICK)), if due.is_some() => {
                    self.draw().map_err(broken)?;
                    (last, due) = (Instant::now(), None);
                    continue;
                }
                Some(done) = self.jobs.recv() => {
                    self.take(Msg::Done(done)).await.map_err(broken)?;
                    KEY_FRAME
                }
                Some(answer) = self.received.recv() => {
                    self.hear(answer).await?;
                    // All that has come meanwhile is one frame.
                    for _ in 0..64 {
                        let Ok(answer) = self.received.try_recv() else { break };
                        self.hear(answer).await?;
                    }
                    FRAME
                }
                _ = tick.tick() => {
                    self.take(Msg::Tick).await.map_err(broken)?;
                    FRAME
                }
            };
            let soonest = (last + gap).max(Instant::now());
            due = Some(due.map_or(soonest, |d| d.min(soonest)));
        }
        Ok(())
    }

    fn draw(&mut self) -> io::Result<()> {
        self.drawn += 1;
        assert!(!self.keep.contains(&self.drawn), "asked to panic at frame {}", self.drawn);
        self.screen.draw(&self.model)
    }

    async fn hear(&mut self, answer: Answer) -> Result<(), Failure> {
        if let Some(recorder) = &mut self.recorder
            && let Err(e) = recorder.keep(&answer)
        {
            self.recorder = None;
            let text = format!("the recording has ended: {e}");
            update(&mut self.model, Msg::Note(Severity::Error, text), now_ms());
        }
        let broken = |e: io::Error| Failure::io("the terminal does not take the screen", &e);
        self.take(Msg::Answer(Box::new(answer))).await.map_err(broken)
    }

    /// One message, and all that follows from it.
    async fn take(&mut self, message: Msg) -> io::Result<()> {
        for cmd in update(&mut self.model, message, now_ms()) {
            self.execute(cmd).await?;
        }
        self.sources.refresh(Duration::from_millis(self.model.options.refresh_ms));
        self.sources.want(&self.model.wants());
        Ok(())
    }

    async fn execute(&mut self, cmd: Cmd) -> io::Result<()> {
        match cmd {
            Cmd::Quit => {}
            Cmd::Ask => self.sources.ask(),
            Cmd::Redraw => self.screen.clear()?,
            Cmd::Run(job) => {
                let (stormctl, done) = (self.stormctl.clone(), self.done.clone());
                // When nobody waits for it any more, its end is nobody's news.
                tokio::spawn(async move { done.send(act::run(stormctl, job).await).await.ok() });
            }
            Cmd::Copy(text) => {
                if !clipboard::copy(&text)? {
                    self.note(Severity::Warning, "too much for the terminal's clipboard: save it instead".to_owned());
                }
            }
            Cmd::Save { path, text } => match std::fs::write(&path, text) {
                Ok(()) => self.note(Severity::Info, format!("written to {path}")),
                Err(e) => self.note(Severity::Error, format!("cannot write {path}: {e}")),
            },
            Cmd::Shell => {
                let shell = std::env::var_os("SHELL").unwrap_or_else(|| "sh".into());
                self.foreground(std::process::Command::new(shell), false)?;
            }
            Cmd::Foreground(arguments) => {
                let command = self.stormctl.command(&arguments);
                self.foreground(command, true)?;
            }
            Cmd::Suspend => self.suspend()?,
        }
        Ok(())
    }

    fn note(&mut self, severity: Severity, text: String) {
        update(&mut self.model, Msg::Note(severity, text), now_ms());
    }

    /// Gives the terminal to a program, and takes it back.
    fn foreground(&mut self, command: std::process::Command, read: bool) -> io::Result<()> {
        self.input.pause();
        self.screen.leave();
        let ended = foreground::run(command);
        if read && let Ok(how) = &ended {
            foreground::until_read(how.as_deref())?;
        }
        self.screen.enter()?;
        self.input.resume();
        match ended {
            Ok(None) => {}
            Ok(Some(how)) => self.note(Severity::Warning, format!("it ended with {how}")),
            Err(e) => self.note(Severity::Error, format!("cannot run it: {e}")),
        }
        // Ctrl-C and Ctrl-Z were meant for the program.
        self.forget = true;
        self.sources.ask();
        self.resized()
    }

    /// Stops until the shell says to go on.
    fn suspend(&mut self) -> io::Result<()> {
        self.input.pause();
        self.screen.leave();
        let me = rustix::process::getpid();
        rustix::process::kill_process(me, rustix::process::Signal::STOP)?;
        self.screen.enter()?;
        self.input.resume();
        self.resized()
    }

    fn resized(&mut self) -> io::Result<()> {
        let (width, height) = self.screen.size();
        update(&mut self.model, Msg::Resize(width, height), now_ms());
        Ok(())
    }
}

fn interrupted(by: &str) -> Failure {
    Failure::new(Exit::Interrupted, "interrupted", format!("ended by {by}"))
}
