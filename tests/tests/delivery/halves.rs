//! Two workers as processes, with a stretch of network that can be cut in each direction between them.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use storm_tests::built;
use storm_tests::process::{Nest, Process, own_bytes};
use storm_tests::proxy::Proxy;
use storm_tests::wait::{wait_for, wait_until};
use storm_tests::word_count::{self, port_file, position};

pub const LIMIT: Duration = Duration::from_secs(60);
/// Resident memory that no worker of these tests may exceed.
pub const MOST_RESIDENT: u64 = 96 << 20;
/// Sentences that have to go through before anything counts as flow. The source tells how far it has come about as often.
const FLOW: u64 = 3 * 4096;

pub fn program() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| built::build(&["--example", "word_count"], "examples/word_count"))
}

/// Both halves of a word count: the source is in half 0, and each half has a splitter and a counter.
pub struct Halves {
    halves: [Option<Process>; 2],
    /// From half n to the other.
    pub ways: [Proxy; 2],
    dir: PathBuf,
    conf: Value,
    /// Resident memory that no half may exceed.
    pub most_allowed: u64,
    /// The most that one was seen to have.
    most: u64,
    nest: Nest,
}

impl Halves {
    pub fn start(conf: Value) -> Halves {
        let nest = Nest::new();
        let dir = nest.dir().join("run");
        fs::create_dir(&dir).unwrap_or_else(|e| panic!("cannot create {}: {e}", dir.display()));
        let mut halves = Halves {
            halves: [None, None],
            ways: [Proxy::new(), Proxy::new()],
            dir,
            conf,
            most_allowed: MOST_RESIDENT,
            most: 0,
            nest,
        };
        (0..2).for_each(|which| halves.start_half(which));
        halves
    }

    pub fn start_half(&mut self, which: usize) {
        let port_file = port_file(&self.dir, which);
        if port_file.exists() {
            fs::remove_file(&port_file).unwrap_or_else(|e| panic!("cannot remove {}: {e}", port_file.display()));
        }
        let mut conf = json!({ "topology.message.timeout.secs": 20 });
        for (key, value) in self.conf.as_object().expect("an object of settings") {
            conf[key] = value.clone();
        }
        let mut half = Command::new(program());
        half.arg("half").arg(&self.dir).arg(which.to_string());
        half.arg(self.ways[which].address().to_string()).arg(conf.to_string());
        self.halves[which] = Some(self.nest.spawn(&format!("half-{which}"), half));
        let port: u16 = wait_for(LIMIT, "a half to listen", || fs::read_to_string(&port_file).ok()?.parse().ok());
        self.ways[1 - which].lead_to(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }

    pub fn kill(&mut self, which: usize) {
        self.half(which).kill_nine();
        self.halves[which] = None;
    }

    fn half(&mut self, which: usize) -> &mut Process {
        self.halves[which].as_mut().unwrap_or_else(|| panic!("half {which} does not run"))
    }

    /// Tells the parts something, by a file.
    pub fn tell(&self, word: &str) {
        fs::write(self.dir.join(word), "").expect("written");
    }

    pub fn take_back(&self, word: &str) {
        fs::remove_file(self.dir.join(word)).expect("it was there");
    }

    /// No living half has ended, and none has too much memory.
    #[track_caller]
    pub fn check(&mut self) {
        for (which, half) in self.halves.iter_mut().enumerate() {
            let Some(half) = half else { continue };
            assert!(half.ended().is_none(), "half {which} ended by itself: {:?}", half.ended());
            let resident = own_bytes(half.pid());
            self.most = self.most.max(resident);
            assert!(resident < self.most_allowed, "half {which} has grown to {resident} bytes");
        }
    }

    /// Waits until many sentences more have been acked.
    #[track_caller]
    pub fn wait_for_flow(&mut self, what: &str) {
        let before = position(&self.dir).base;
        let start = Instant::now();
        while position(&self.dir).base < before + FLOW {
            self.check();
            assert!(start.elapsed() < LIMIT, "no flow {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until the source has sent nothing for so long: it is held back.
    #[track_caller]
    pub fn wait_for_standstill(&mut self, still: Duration) {
        let mut last = (position(&self.dir).promised, Instant::now());
        wait_until(LIMIT, "the source to be held back", || {
            self.check();
            let promised = position(&self.dir).promised;
            if promised != last.0 {
                last = (promised, Instant::now());
            }
            last.1.elapsed() >= still
        });
    }

    /// Watches for a while.
    #[track_caller]
    pub fn watch(&mut self, span: Duration) {
        let start = Instant::now();
        while start.elapsed() < span {
            self.check();
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until connections go both ways.
    #[track_caller]
    pub fn wait_for_connections(&mut self) {
        wait_until(LIMIT, "both directions to be connected", || {
            self.check();
            self.ways.iter().all(|way| way.connections() > 0)
        });
    }

    /// Ends the stream; then nothing may have been lost.
    #[track_caller]
    pub fn finish(mut self) {
        let dir = self.dir.clone();
        let (sentences, twice) = word_count::finish_and_check(&dir, LIMIT, || self.check());
        let most = self.most >> 20;
        tell(&format!("{sentences} sentences, {twice} words written down more than once, {most} MiB at most"));
    }
}

/// How a run in which nothing was lost has ended, for those who look.
#[expect(clippy::print_stdout, reason = "shown with --nocapture")]
pub fn tell(text: &str) {
    println!("{text}");
}

/// How many rounds of trouble: a few, or as many as `STORM_TEST_DELIVERY_ROUNDS` says.
pub fn rounds(default: u64) -> u64 {
    let variable = "STORM_TEST_DELIVERY_ROUNDS";
    std::env::var(variable).map_or(default, |text| text.parse().unwrap_or_else(|e| panic!("{variable}: {e}")))
}
