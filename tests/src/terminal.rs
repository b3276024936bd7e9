//! A program in a real terminal: a pseudo-terminal of the kernel, and an emulator that reads what it draws.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

use crate::process::Nest;
use crate::wait::{wait_for, wait_until};

pub struct Terminal {
    master: File,
    /// Held open, so that the modes can be read after the program has ended.
    slave: OwnedFd,
    shared: Arc<Mutex<Shared>>,
    child: Child,
    ended: Option<ExitStatus>,
}

struct Shared {
    emulator: vt100::Parser,
    /// All that was written, for what an emulator does not show.
    bytes: Vec<u8>,
}

fn size(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).expect("a terminal has rows and columns")
}

impl Terminal {
    /// Starts the command as the leader of a session whose terminal this is.
    pub fn spawn(nest: &Nest, command: &Command, width: u16, height: u16) -> Terminal {
        let master = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        rustix::pty::grantpt(&master).expect("granted");
        rustix::pty::unlockpt(&master).expect("unlocked");
        let name = rustix::pty::ptsname(&master, Vec::new()).expect("its name");
        let slave = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("its other end");
        let end = || Stdio::from(slave.try_clone().expect("one more"));
        // `setsid` makes the terminal that of the session and becomes the command, with its process id.
        let mut whole = Command::new("setsid");
        whole.arg("--ctty").arg(command.get_program()).args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => whole.env(key, value),
                None => whole.env_remove(key),
            };
        }
        if let Some(dir) = command.get_current_dir() {
            whole.current_dir(dir);
        }
        nest.mark(&mut whole);
        whole.stdin(end()).stdout(end()).stderr(end());
        let master = File::from(master);
        resize(&master, width, height);
        let child = whole.arg0("setsid").spawn().expect("setsid of util-linux starts");
        let emulator = vt100::Parser::new(size(height), size(width), 100);
        let shared = Arc::new(Mutex::new(Shared { emulator, bytes: Vec::new() }));
        let (mut reader, reading) = (master.try_clone().expect("one more"), shared.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 65536];
            // The other end is closed with an error, which is the end of what can be read.
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                let mut shared = reading.lock().unwrap_or_else(PoisonError::into_inner);
                shared.emulator.process(&buffer[..count]);
                shared.bytes.extend_from_slice(&buffer[..count]);
            }
        });
        Terminal { master, slave, shared, child, ended: None }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn type_in(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).expect("the terminal takes keys");
    }

    pub fn resize(&mut self, width: u16, height: u16) {
        self.with(|shared| shared.emulator.set_size(size(height), size(width)));
        resize(&self.master, width, height);
    }

    fn with<T>(&self, look: impl FnOnce(&mut Shared) -> T) -> T {
        look(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is on the screen.
    pub fn screen(&self) -> String {
        self.with(|shared| shared.emulator.screen().contents())
    }

    pub fn look<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        self.with(|shared| look(shared.emulator.screen()))
    }

    /// All that was written so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.with(|shared| shared.bytes.clone())
    }

    /// The modes that the kernel has for it.
    pub fn modes(&self) -> Termios {
        tcgetattr(self.slave.as_fd()).expect("a terminal has modes")
    }

    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("it can be waited for");
        }
        self.ended
    }

    #[track_caller]
    pub fn wait_for_text(&mut self, limit: Duration, text: &str) {
        self.wait_until(limit, &format!("{text:?} on the screen"), |screen| screen.contents().contains(text));
    }

    #[track_caller]
    pub fn wait_until(&mut self, limit: Duration, what: &str, condition: impl Fn(&vt100::Screen) -> bool) {
        let deadline = std::time::Instant::now() + limit;
        while !self.look(&condition) {
            // What it wrote before it ended may still be on its way.
            let over = self.ended().is_some() && {
                std::thread::sleep(Duration::from_millis(300));
                !self.look(&condition)
            };
            assert!(!over, "it ended instead of showing {what}; there is\n{}", self.screen());
            assert!(std::time::Instant::now() < deadline, "waited {limit:?} for {what}; there is\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[track_caller]
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let status = wait_for(limit, "the program to end", || self.ended());
        // What it wrote last may still be on its way.
        let mut before = usize::MAX;
        wait_until(limit, "its last words", || {
            let now = self.with(|shared| shared.bytes.len());
            std::mem::replace(&mut before, now) == now
        });
        status
    }
}

fn resize(master: &File, width: u16, height: u16) {
    let size = Winsize { ws_row: height, ws_col: width, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(master, size).expect("a terminal has a size");
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if self.ended().is_none() {
            crate::process::kill(self.pid(), rustix::process::Signal::KILL);
            let _killed = self.child.wait();
        }
    }
}
