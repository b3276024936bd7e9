//! The four-letter words: their names, and a client for them that serves our server and Apache's alike.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// All words Apache ZooKeeper knows.
pub const WORDS: [&str; 18] = [
    "conf", "cons", "crst", "dirs", "dump", "envi", "gtmk", "hash", "isro", "mntr", "ruok", "srst", "srvr", "stat",
    "stmk", "wchc", "wchp", "wchs",
];

/// No answer is longer, unless it is not from a ZooKeeper server.
const LONGEST_ANSWER: u64 = 16 << 20;

/// Why a word got no answer.
#[derive(Debug, thiserror::Error)]
pub enum WordError {
    #[error("\"{0}\" is not a four-letter word of ZooKeeper; known are: {list}", list = WORDS.join(" "))]
    Unknown(String),
    #[error("cannot connect to {address}: {cause}; is a ZooKeeper server running there?")]
    Connect { address: SocketAddr, cause: std::io::Error },
    #[error("{address} broke off the answer to {word}: {cause}")]
    Broken { address: SocketAddr, word: String, cause: std::io::Error },
    #[error("{address} did not answer {word} within {} ms; the server hangs, or something else listens there", after.as_millis())]
    Timeout { address: SocketAddr, word: String, after: Duration },
    #[error("{address} does not answer {word}: add it to 4lw.commands.whitelist in the server's zoo.cfg")]
    NotAllowed { address: SocketAddr, word: String },
    #[error("{address} closed the connection without an answer to {word}; it is probably not a ZooKeeper server")]
    Silent { address: SocketAddr, word: String },
}

impl WordError {
    /// A stable word for scripts and exit codes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "zookeeper/word-unknown",
            Self::Connect { .. } => "zookeeper/word-connect",
            Self::Broken { .. } => "zookeeper/word-broken",
            Self::Timeout { .. } => "zookeeper/word-timeout",
            Self::NotAllowed { .. } => "zookeeper/word-not-allowed",
            Self::Silent { .. } => "zookeeper/word-silent",
        }
    }
}

/// Asks a server a four-letter word, such as `srvr`, and returns its answer.
///
/// `within` bounds the whole exchange.
pub async fn four_letter(address: SocketAddr, word: &str, within: Duration) -> Result<String, WordError> {
    if !WORDS.contains(&word) {
        return Err(WordError::Unknown(word.to_owned()));
    }
    let exchange = async {
        let connecting = TcpStream::connect(address).await;
        let mut stream = connecting.map_err(|cause| WordError::Connect { address, cause })?;
        let broken = |cause| WordError::Broken { address, word: word.to_owned(), cause };
        stream.write_all(word.as_bytes()).await.map_err(broken)?;
        let mut answer = Vec::new();
        stream.take(LONGEST_ANSWER).read_to_end(&mut answer).await.map_err(broken)?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        if answer.is_empty() {
            Err(WordError::Silent { address, word: word.to_owned() })
        } else if answer.contains("is not executed because it is not in the whitelist") {
            Err(WordError::NotAllowed { address, word: word.to_owned() })
        } else {
            Ok(answer)
        }
    };
    let late = WordError::Timeout { address, word: word.to_owned(), after: within };
    timeout(within, exchange).await.unwrap_or(Err(late))
}
