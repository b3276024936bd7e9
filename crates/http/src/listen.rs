//! Where a daemon listens, as the configuration says it.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use serde_json::Value;
use storm_conf::Conf;
use tokio::net::TcpListener;

use crate::error::HttpError;

/// The addresses to try, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    key: &'static str,
    addresses: Vec<SocketAddr>,
}

impl Listen {
    /// `host`, when it is an address that means something else than all; otherwise as every daemon of this host. What is wrong
    /// goes to `mistakes`.
    pub fn of(
        conf: &Conf,
        port_key: &'static str,
        usual: u16,
        host: Option<&str>,
        mistakes: &mut Vec<String>,
    ) -> Listen {
        let port = match conf.get(port_key) {
            None | Some(Value::Null) => usual,
            Some(value) => conf.int(port_key).and_then(|p| u16::try_from(p).ok()).unwrap_or_else(|| {
                mistakes.push(format!("{port_key} is {value}; it must be a port"));
                usual
            }),
        };
        let named = host.map(|h| h.trim_matches(['[', ']'])).filter(|h| !h.is_empty());
        let named = named.map_or_else(Vec::new, |host| {
            resolved(host).unwrap_or_else(|e| {
                mistakes.push(format!("ui.host is {host}, which is no address on which this host could listen: {e}"));
                Vec::new()
            })
        });
        let all = named.is_empty() || named.iter().any(IpAddr::is_unspecified);
        let ips = if all { conf.listen_addresses() } else { named };
        Listen { key: port_key, addresses: ips.into_iter().map(|ip| SocketAddr::from((ip, port))).collect() }
    }

    pub async fn bind(&self) -> Result<(TcpListener, SocketAddr), HttpError> {
        let failed = |source| HttpError::Bind {
            address: self.addresses.first().map_or_else(String::new, ToString::to_string),
            key: self.key,
            source,
        };
        let listener = TcpListener::bind(&self.addresses[..]).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok((listener, address))
    }
}

fn resolved(host: &str) -> std::io::Result<Vec<IpAddr>> {
    Ok((host, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn listen(set: &[(&str, Value)], host: Option<&str>) -> (Vec<String>, Vec<String>) {
        let mut conf = Conf::defaults();
        for (key, value) in set {
            conf.set(key, value.clone());
        }
        let mut mistakes = Vec::new();
        let listen = Listen::of(&conf, "ui.port", 8080, host, &mut mistakes);
        (listen.addresses.iter().map(ToString::to_string).collect(), mistakes)
    }

    #[test]
    fn a_host_that_is_known_by_a_loopback_address_serves_nobody_else() {
        assert_eq!(listen(&[], Some("0.0.0.0")).0, ["[::]:8080", "0.0.0.0:8080"]);
        assert_eq!(listen(&[("storm.local.hostname", json!("localhost"))], Some("0.0.0.0")).0, ["127.0.0.1:8080"]);
        assert_eq!(listen(&[("ui.port", json!(0))], Some("127.0.0.2")).0, ["127.0.0.2:0"]);
        assert!(listen(&[], Some("localhost")).0.contains(&"127.0.0.1:8080".to_owned()));
        assert_eq!(listen(&[], Some("no such host")).1.len(), 1);
        let (_, mistakes) = listen(&[("ui.port", json!(80_000))], None);
        assert_eq!(mistakes, ["ui.port is 80000; it must be a port"]);
    }
}
