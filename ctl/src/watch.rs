//! `--watch`: a verb that only looks, again and again. On a terminal each answer takes the place of the one before; into a
//! pipe goes one document after the other.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Cli, Format};
use crate::dispatch;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Another screen without a cursor, and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// Where the answers go.
#[derive(Debug)]
pub struct Watch {
    pub terminal: bool,
    /// The answer that is being made.
    round: Mutex<Vec<u8>>,
    /// What stands on the screen; whoever draws or leaves holds it.
    shown: Mutex<Vec<u8>>,
}

impl Watch {
    pub fn add(&self, bytes: &[u8]) {
        lock(&self.round).extend_from_slice(bytes);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Milliseconds of the clock on the wall, for those who read the documents.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

/// Runs until it is interrupted, nobody reads any more, or the command line turns out to be wrong.
pub fn run(args: &[String], cli: Cli, every: Duration, printer: Printer) -> ExitCode {
    match repeat(args, cli, every, printer) {
        Ok(()) => Exit::Ok.into(),
        Err(failure) => {
            printer.failure(&failure);
            failure.exit.into()
        }
    }
}

fn repeat(args: &[String], cli: Cli, every: Duration, printer: Printer) -> Result<(), Failure> {
    if !cli.verb.only_looks() {
        return Err(Failure::new(Exit::Usage, "usage/watch", "--watch is for verbs that only look")
            .hint("leave it out; `logs -f` and `monitor` go on by themselves"));
    }
    if every < Duration::from_millis(100) {
        return Err(Failure::new(Exit::Usage, "usage/watch", "--watch looks ten times a second at most")
            .hint("--watch=100ms or more"));
    }
    // It is needed to the end of the process, by the thread that waits for Ctrl-C too.
    let watch: &'static Watch = Box::leak(Box::new(Watch {
        terminal: io::stdout().is_terminal(),
        round: Mutex::default(),
        shown: Mutex::default(),
    }));
    leave_when_interrupted(watch)?;
    if watch.terminal {
        write(ENTER.as_bytes())?;
    }
    let done = rounds(args, cli, every, printer.watched(watch), watch);
    if watch.terminal {
        let shown = lock(&watch.shown);
        write(LEAVE.as_bytes()).and_then(|()| write(&shown))?;
    }
    done
}

fn rounds(args: &[String], first: Cli, every: Duration, printer: Printer, watch: &Watch) -> Result<(), Failure> {
    let title = title(args, every);
    let mut next = Some(first);
    loop {
        let began = Instant::now();
        let cli = match next.take() {
            Some(cli) => cli,
            // It was parsed once.
            None => {
                crate::cli::parse(args.to_vec()).map_err(|e| Failure::new(Exit::Usage, "usage/watch", e.to_string()))?
            }
        };
        match dispatch::run(cli, printer, began) {
            Ok(()) => {}
            Err(failure) if failure.exit == Exit::Usage => return Err(failure),
            // A cluster that is away may come back: that is what one watches for.
            Err(failure) => printer.failure(&failure),
        }
        let round = std::mem::take(&mut *lock(&watch.round));
        if watch.terminal {
            draw(watch, &title, round)?;
        } else {
            write(&round)?;
        }
        std::thread::sleep(every.saturating_sub(began.elapsed()));
    }
}

/// What is watched, without the flag.
fn title(args: &[String], every: Duration) -> String {
    let words: Vec<&str> = args.iter().skip(1).map(String::as_str).filter(|a| !a.starts_with("--watch")).collect();
    format!("stormctl {}      every {} s, Ctrl-C leaves", words.join(" "), every.as_secs_f64())
}

/// Over what is there, line by line, so that nothing flickers; what does not fit is left out.
fn draw(watch: &Watch, title: &str, round: Vec<u8>) -> Result<(), Failure> {
    let (width, height) = ratatui::crossterm::terminal::size().unwrap_or((80, 24));
    let text = String::from_utf8_lossy(&round).into_owned();
    let mut screen = String::from("\x1b[H");
    let lines: Vec<&str> = [title, ""].into_iter().chain(text.lines()).take(usize::from(height)).collect();
    for (i, line) in lines.iter().enumerate() {
        let cut: String = line.chars().take(usize::from(width)).collect();
        screen.push_str(&format!("{}{cut}\x1b[K", if i == 0 { "" } else { "\r\n" }));
    }
    screen.push_str("\x1b[J");
    let mut shown = lock(&watch.shown);
    *shown = round;
    write(screen.as_bytes())
}

fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Err(Failure::nobody_reads()),
        Err(e) => Err(Failure::io("cannot write the result to stdout", &e)),
    }
}

/// The verbs have runtimes of their own and nothing to clean up, so a thread beside them waits for the signal.
fn leave_when_interrupted(watch: &'static Watch) -> Result<(), Failure> {
    let failed = |e: &io::Error| Failure::io("cannot wait for Ctrl-C", e);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| failed(&e))?;
    let wait = {
        let _inside = runtime.enter();
        let [mut interrupt, mut terminate] = [
            signal(SignalKind::interrupt()).map_err(|e| failed(&e))?,
            signal(SignalKind::terminate()).map_err(|e| failed(&e))?,
        ];
        async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
    };
    std::thread::spawn(move || {
        runtime.block_on(wait);
        let shown = lock(&watch.shown);
        if watch.terminal {
            // With nobody to write to there is nothing to restore either.
            let _gone = write(LEAVE.as_bytes()).and_then(|()| write(&shown));
        }
        std::process::exit(Exit::Interrupted as i32);
    });
    Ok(())
}

/// The form in which documents follow one another into a pipe.
pub fn piped(format: Format) -> bool {
    matches!(format, Format::Table | Format::Wide | Format::Json | Format::Jsonl)
}
