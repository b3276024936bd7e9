//! One host's side: everything that is done on a host is done here, on that host.

mod act;
mod facts;
mod manifest;
mod nimbus;
mod rolling;
mod services;
mod undo;

use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::Trouble;
use crate::facts::{Busy, Hello, HostFacts, Look, Reach, Seen};
use crate::step::{Action, Crew};

pub use manifest::{Made, Manifest};
pub use services::{Output, command, run};
pub use undo::Undone;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "ask")]
pub enum Request {
    Hello,
    Facts {
        look: Box<Look>,
    },
    /// Holds these ports, so that others can try to reach them.
    Listen {
        host: String,
        ports: Vec<u16>,
    },
    Release,
    Reach {
        targets: Vec<(String, u16)>,
    },
    Do {
        dir: PathBuf,
        action: Box<Action>,
        seen: Seen,
    },
    Run {
        words: Vec<String>,
    },
    Stop {
        crew: Crew,
    },
    Restart {
        crew: Crew,
    },
    /// What was made there.
    Made {
        dir: PathBuf,
    },
    Undo {
        dir: PathBuf,
        keep_data: bool,
    },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "say")]
pub enum Reply {
    Hello {
        hello: Hello,
    },
    Facts {
        facts: Box<HostFacts>,
    },
    Listening {
        busy: Vec<Busy>,
    },
    Reached {
        reached: Vec<Reach>,
    },
    Done {
        changed: bool,
        note: String,
    },
    /// It has begun and goes on: ask again.
    Going {
        note: String,
    },
    Ran {
        output: Output,
    },
    Made {
        made: Vec<Made>,
    },
    Undone {
        undone: Undone,
    },
    Trouble {
        trouble: Trouble,
    },
}

const TURN: std::time::Duration = std::time::Duration::from_secs(120);

/// What a host remembers between two requests.
#[derive(Debug, Default)]
pub struct Site {
    listening: Vec<TcpListener>,
    moving: nimbus::Moving,
}

impl Site {
    pub async fn answer(&mut self, request: Request) -> Reply {
        match self.reply(request).await {
            Ok(reply) => reply,
            Err(trouble) => Reply::Trouble { trouble },
        }
    }

    async fn reply(&mut self, request: Request) -> Result<Reply, Trouble> {
        Ok(match request {
            Request::Hello => Reply::Hello { hello: facts::hello() },
            Request::Facts { look } => Reply::Facts { facts: Box::new(facts::gather(&look).await?) },
            Request::Listen { host, ports } => Reply::Listening { busy: self.listen(&host, &ports) },
            Request::Release => {
                self.listening.clear();
                Reply::Done { changed: false, note: String::new() }
            }
            Request::Reach { targets } => Reply::Reached { reached: facts::reach(&targets).await },
            Request::Do { dir, action, seen } => {
                let _turn = turn(&dir).await?;
                act::act(&mut self.moving, &dir, &action, &seen).await?
            }
            Request::Run { words } => Reply::Ran { output: run(command(&words)).await? },
            Request::Stop { crew } => {
                services::stop(&crew).await?;
                Reply::Done { changed: true, note: String::new() }
            }
            Request::Restart { crew } => {
                services::restart(&crew).await?;
                Reply::Done { changed: true, note: String::new() }
            }
            Request::Made { dir } => Reply::Made { made: Manifest::read(&dir)?.made },
            Request::Undo { dir, keep_data } => Reply::Undone { undone: undo::undo(&dir, keep_data).await? },
        })
    }

    /// On the address of the host's own name when that is a loopback one, else on all.
    fn listen(&mut self, host: &str, ports: &[u16]) -> Vec<Busy> {
        let named = host.trim_matches(['[', ']']).parse::<IpAddr>().ok().filter(IpAddr::is_loopback);
        let address = named.unwrap_or(IpAddr::from([0, 0, 0, 0]));
        let mut busy = Vec::new();
        for &port in ports {
            match TcpListener::bind(SocketAddr::from((address, port))) {
                Ok(listener) => self.listening.push(listener),
                Err(e) => busy.push(Busy { port, why: e.to_string() }),
            }
        }
        busy
    }
}

/// One step at a time in a folder: a run that was cut off may still be at its last one.
async fn turn(dir: &Path) -> Result<Option<File>, Trouble> {
    // Before there is a folder there is nothing to disagree about: it comes into being at once.
    let Ok(folder) = File::open(dir) else { return Ok(None) };
    let deadline = std::time::Instant::now() + TURN;
    while folder.try_lock().is_err() {
        if std::time::Instant::now() > deadline {
            let what = format!("another run is at work in {}", dir.display());
            return Err(Trouble::new(crate::Kind::Conflict, "install/running", what).hint("wait for its end"));
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    Ok(Some(folder))
}

/// Answers requests, one JSON object a line, until there are no more.
pub async fn serve() -> io::Result<()> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut out = tokio::io::stdout();
    let mut site = Site::default();
    while let Some(line) = lines.next_line().await? {
        let reply = match serde_json::from_str(&line) {
            Ok(request) => site.answer(request).await,
            Err(e) => Reply::Trouble {
                trouble: Trouble::new(crate::Kind::Failed, "install/protocol", "a request that is none")
                    .at(e.to_string()),
            },
        };
        let mut text = serde_json::to_string(&reply)?;
        text.push('\n');
        out.write_all(text.as_bytes()).await?;
        out.flush().await?;
    }
    Ok(())
}

pub fn sha256(bytes: &[u8]) -> String {
    hex(Sha256::digest(bytes).as_slice())
}

pub fn sha256_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(hash.finalize().as_slice())),
            n => hash.update(&buffer[..n]),
        }
    }
}

/// Of this very program; it is large, and does not change.
pub fn own_sha256() -> Result<String, Trouble> {
    static OWN: OnceLock<String> = OnceLock::new();
    if let Some(known) = OWN.get() {
        return Ok(known.clone());
    }
    let own = Path::new("/proc/self/exe");
    let hash = sha256_file(own).map_err(|e| Trouble::io("read", own, &e))?;
    Ok(OWN.get_or_init(|| hash).clone())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
