//! Requests as curl sends them, and what comes back.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use storm_tests::process::Nest;
use storm_tests::wait::wait_until;

pub struct Reply {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|l| {
            let (key, value) = l.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}\n{}", self.head, self.body))
    }
}

/// A server on a port of this machine.
#[derive(Clone, Copy)]
pub struct Server<'a> {
    pub nest: &'a Nest,
    pub port: u16,
}

impl Server<'_> {
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// With arguments of curl's before the address. The path goes out as it is.
    #[track_caller]
    pub fn send(&self, arguments: &[&str], path: &str) -> Reply {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-i", "--path-as-is", "--globoff", "--max-time", "60"]).args(arguments).arg(self.url(path));
        let text = self.nest.run(curl).ok();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer to {path}: {text}"));
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or_else(|| panic!("{head}"));
        Reply { status, head: head.to_owned(), body: body.to_owned() }
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Reply {
        self.send(&[], path)
    }

    /// A document of the API.
    #[track_caller]
    pub fn json(&self, path: &str) -> Value {
        let reply = self.get(&format!("/api/v1{path}"));
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        assert_eq!(reply.header("content-type"), Some("application/json;charset=utf-8"));
        reply.json()
    }

    #[track_caller]
    pub fn post(&self, path: &str) -> Reply {
        self.send(&["-X", "POST"], &format!("/api/v1{path}"))
    }

    /// Waits until it serves.
    #[track_caller]
    pub fn wait(&self) {
        wait_until(Duration::from_secs(30), &format!("port {} to serve", self.port), || {
            std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        });
    }
}
