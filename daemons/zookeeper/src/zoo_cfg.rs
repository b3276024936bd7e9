//! Reads `zoo.cfg`, a Java properties file.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::str::FromStr;

use crate::error::{ConfigFault, ZooKeeperError};
use crate::options::Options;
use crate::words::WORDS;

impl Options {
    /// Reads and checks a `zoo.cfg`; all its mistakes are reported at once.
    pub fn from_zoo_cfg(path: &Path) -> Result<Self, ZooKeeperError> {
        let bytes = fs::read(path).map_err(|cause| ZooKeeperError::ConfigRead { path: path.to_owned(), cause })?;
        Self::parse_zoo_cfg(&String::from_utf8_lossy(&bytes), path)
    }

    /// The same from its text; `path` is for messages.
    pub fn parse_zoo_cfg(text: &str, path: &Path) -> Result<Self, ZooKeeperError> {
        let entries = properties(text);
        if let Some(entry) = entries.iter().find(|entry| is_of_ensemble(entry)) {
            let key = entry.key.clone();
            return Err(ZooKeeperError::Ensemble { path: path.to_owned(), line: entry.line, key });
        }
        let mut reading = Reading { faults: Vec::new() };
        let options = reading.options(&entries);
        match options {
            Some(options) if reading.faults.is_empty() => Ok(options),
            _ => Err(ZooKeeperError::Config { path: path.to_owned(), faults: reading.faults }),
        }
    }
}

/// One setting of a `zoo.cfg`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// From 1.
    pub line: usize,
    pub key: String,
    pub value: String,
}

fn is_of_ensemble(entry: &Entry) -> bool {
    let key = entry.key.as_str();
    ["server.", "group.", "weight."].iter().any(|prefix| key.starts_with(prefix))
        || matches!(key, "dynamicConfigFile" | "peerType")
}

struct Reading {
    faults: Vec<ConfigFault>,
}

impl Reading {
    fn options(&mut self, entries: &[Entry]) -> Option<Options> {
        let mut options = Options::new("", SocketAddr::from((Ipv4Addr::UNSPECIFIED, 2181)));
        // What Apache ZooKeeper assumes when the file does not say; its sample says 2000.
        options.tick_time_ms = 3000;
        let mut address = None;
        let mut port = None;
        for entry in entries {
            match entry.key.as_str() {
                "dataDir" => options.data_dir = entry.value.clone().into(),
                "dataLogDir" => options.data_log_dir = Some(entry.value.clone().into()),
                "clientPort" => port = self.number(entry).or(port),
                "clientPortAddress" => address = self.address(entry).or(address),
                "tickTime" => match self.number(entry) {
                    Some(0) => self.fault(entry, "tickTime must be at least 1 millisecond"),
                    Some(tick) => options.tick_time_ms = tick,
                    None => {}
                },
                "minSessionTimeout" => options.min_session_timeout_ms = self.number_or_default(entry),
                "maxSessionTimeout" => options.max_session_timeout_ms = self.number_or_default(entry),
                "maxClientCnxns" => self.set(entry, &mut options.max_client_cnxns),
                "maxCnxns" => self.set(entry, &mut options.max_cnxns),
                "4lw.commands.whitelist" => options.four_letter_whitelist = self.whitelist(entry),
                "jute.maxbuffer" => self.set(entry, &mut options.jute_max_buffer),
                "snapCount" => self.set(entry, &mut options.snap_count),
                "autopurge.snapRetainCount" => {
                    self.set(entry, &mut options.snap_retain_count);
                    options.snap_retain_count = options.snap_retain_count.max(3);
                }
                "DigestAuthenticationProvider.superDigest" => options.super_digest = Some(entry.value.clone()),
                "extendedTypesEnabled" => self.set(entry, &mut options.extended_types_enabled),
                "znode.container.checkIntervalMs" => self.set(entry, &mut options.container_check_interval_ms),
                "secureClientPort" | "secureClientPortAddress" => {
                    self.fault(entry, "TLS is not offered by this server; remove the key or use Apache ZooKeeper");
                }
                // Purging cannot be turned off here, and nothing else of these concerns a lone server.
                key if is_harmless(key) => {}
                key => options.ignored_keys.push(key.to_owned()),
            }
        }
        if options.data_dir.as_os_str().is_empty() {
            self.faults.push(ConfigFault { line: 0, problem: "dataDir is not set; name a directory".to_owned() });
        }
        if options.min_session_timeout() > options.max_session_timeout() {
            let problem = "minSessionTimeout must not be larger than maxSessionTimeout".to_owned();
            self.faults.push(ConfigFault { line: 0, problem });
        }
        options.bind = SocketAddr::new(address.unwrap_or(options.bind.ip()), port.unwrap_or(options.bind.port()));
        Some(options)
    }

    fn fault(&mut self, entry: &Entry, problem: impl Into<String>) {
        self.faults.push(ConfigFault { line: entry.line, problem: problem.into() });
    }

    fn number<T: FromStr>(&mut self, entry: &Entry) -> Option<T> {
        let number = entry.value.parse().ok();
        if number.is_none() {
            self.fault(entry, format!("{} must be a number in range, not \"{}\"", entry.key, entry.value));
        }
        number
    }

    /// -1 stands for the default.
    fn number_or_default(&mut self, entry: &Entry) -> Option<u32> {
        if entry.value == "-1" { None } else { self.number(entry) }
    }

    fn set<T: FromStr>(&mut self, entry: &Entry, field: &mut T) {
        match entry.value.parse() {
            Ok(value) => *field = value,
            Err(_) => self.fault(entry, format!("{} cannot be \"{}\"", entry.key, entry.value)),
        }
    }

    fn address(&mut self, entry: &Entry) -> Option<IpAddr> {
        match (entry.value.as_str(), 0).to_socket_addrs().map(|mut found| found.next()) {
            Ok(Some(address)) => Some(address.ip()),
            Ok(None) => {
                self.fault(entry, format!("{} has no address", entry.value));
                None
            }
            Err(cause) => {
                self.fault(entry, format!("cannot resolve {}: {cause}", entry.value));
                None
            }
        }
    }

    fn whitelist(&mut self, entry: &Entry) -> BTreeSet<String> {
        let mut words = BTreeSet::new();
        for word in entry.value.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            if word == "*" {
                words.extend(WORDS.iter().map(|word| (*word).to_owned()));
            } else {
                words.insert(word.to_owned());
            }
        }
        words
    }
}

fn is_harmless(key: &str) -> bool {
    matches!(
        key,
        "initLimit"
            | "syncLimit"
            | "autopurge.purgeInterval"
            | "standaloneEnabled"
            | "reconfigEnabled"
            | "electionAlg"
            | "preAllocSize"
            | "quorumListenOnAllIPs"
            | "sslQuorum"
    ) || ["admin.", "metricsProvider."].iter().any(|prefix| key.starts_with(prefix))
}

/// Keys and values of a Java properties file; of a key that occurs twice, the last counts.
pub fn properties(text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let mut logical = line.to_owned();
        while logical.ends_with('\\') && !logical.ends_with("\\\\") {
            logical.pop();
            match lines.next() {
                Some((_, more)) => logical.push_str(more.trim_start()),
                None => break,
            }
        }
        let end = logical.find(['=', ':', ' ', '\t']).unwrap_or(logical.len());
        let key = logical[..end].to_owned();
        let value = logical[end..].trim_start().trim_start_matches(['=', ':']).trim().replace("\\\\", "\\");
        entries.retain(|entry| entry.key != key);
        entries.push(Entry { line: index + 1, key, value });
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Options, ZooKeeperError> {
        Options::parse_zoo_cfg(text, Path::new("zoo.cfg"))
    }

    #[test]
    fn the_sample_of_apache_zookeeper_is_read() {
        let options = parse(
            "# The number of milliseconds of each tick\ntickTime=2000\ninitLimit=10\nsyncLimit=5\n\
             dataDir = /tmp/zookeeper\nclientPort: 2182\nclientPortAddress=127.0.0.1\nmaxClientCnxns=0\n\
             4lw.commands.whitelist=mntr, stat\nautopurge.purgeInterval=1\nnoSuchKey=1\n",
        )
        .unwrap();
        assert_eq!(options.data_dir, Path::new("/tmp/zookeeper"));
        assert_eq!(options.bind, "127.0.0.1:2182".parse().unwrap());
        assert_eq!((options.min_session_timeout(), options.max_session_timeout()), (4000, 40_000));
        assert_eq!(options.max_client_cnxns, 0);
        assert_eq!(options.four_letter_whitelist, BTreeSet::from(["mntr".to_owned(), "stat".to_owned()]));
        assert_eq!(options.ignored_keys, ["noSuchKey"]);
    }

    #[test]
    fn an_ensemble_is_refused() {
        let error = parse("dataDir=/d\ntickTime=2000\nserver.1=zk1:2888:3888\n").unwrap_err();
        assert_eq!(error.code(), "zookeeper/ensemble");
        let text = error.to_string();
        assert!(text.starts_with("zoo.cfg:3: server.1") && text.contains("Apache ZooKeeper"), "{text}");
    }

    #[test]
    fn all_mistakes_are_reported_with_their_lines() {
        let error = parse("tickTime=fast\n\nclientPort=70000\nsecureClientPort=2281\n").unwrap_err();
        let text = error.to_string();
        for part in ["zoo.cfg:1: tickTime", "zoo.cfg:3: clientPort", "zoo.cfg:4: TLS", "zoo.cfg: dataDir"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn continued_lines_and_the_last_of_two_keys_count() {
        let options = parse("dataDir=/a\\\n   b\ntickTime=1\ntickTime=7\nmaxSessionTimeout=-1\n").unwrap();
        assert_eq!(options.data_dir, Path::new("/ab"));
        assert_eq!(options.tick_time_ms, 7);
        assert_eq!(options.max_session_timeout(), 140);
    }
}
