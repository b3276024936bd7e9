//! Where an agent is.

use std::fmt;
use std::net::IpAddr;

/// A host, and the port of its agent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    pub host: String,
    pub port: u16,
    /// The port was said, and not the usual one.
    own_port: bool,
}

impl Address {
    /// `host`, `host:port`, `[::1]:port` or `::1`.
    pub fn parse(text: &str, usual: u16) -> Result<Address, String> {
        let whole = |host: &str| Address { host: host.to_owned(), port: usual, own_port: false };
        if text.parse::<IpAddr>().is_ok() {
            return Ok(whole(text));
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']').ok_or_else(|| format!("{text} has a bracket and no other"))?;
                (host, rest.strip_prefix(':'))
            }
            None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        };
        crate::names::check_name(host, true).map_err(|why| format!("\"{host}\" is no host: {why}"))?;
        let Some(port) = port else { return Ok(whole(host)) };
        let port: u16 = port.parse().ok().filter(|p| *p > 0).ok_or_else(|| format!("{port} is no port"))?;
        Ok(Address { host: host.to_owned(), port, own_port: port != usual })
    }

    /// The agent there, as people read it.
    pub fn agent(&self) -> String {
        format!("the agent at {}", self.full())
    }

    /// With its port, always.
    pub fn full(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// As people call it: the host, and its port where that is not the usual one.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.own_port { f.write_str(&self.full()) } else { f.write_str(&self.host) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_and_without_ports() {
        for (text, full, shown) in [
            ("a", "a:7", "a"),
            ("a:7", "a:7", "a"),
            ("a:8", "a:8", "a:8"),
            ("127.0.0.1:8", "127.0.0.1:8", "127.0.0.1:8"),
            ("::1", "[::1]:7", "::1"),
            ("[::1]:8", "[::1]:8", "[::1]:8"),
            ("[::1]", "[::1]:7", "::1"),
        ] {
            let address = Address::parse(text, 7).unwrap();
            assert_eq!((address.full().as_str(), address.to_string().as_str()), (full, shown), "{text}");
        }
        for wrong in ["", "a:", "a:0", "a:x", "a b", "[::1", "a:70000"] {
            assert!(Address::parse(wrong, 7).is_err(), "{wrong}");
        }
    }
}
