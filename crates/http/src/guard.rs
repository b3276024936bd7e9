//! Whether a request that changes something comes from a page of this very server. A page of somebody else can send a
//! browser here, with all that the browser may reach; only its headers tell. Programs that are no browsers send none of them.

use std::net::IpAddr;

use axum::http::HeaderMap;
use storm_conf::Conf;

/// The names under which browsers may know this server. A name that is none of them may be a stranger's, who has made it
/// point here.
#[derive(Debug, Clone, Default)]
pub struct Names {
    names: Vec<String>,
}

impl Names {
    /// This host's own, and those of a key that lists more.
    pub fn of(conf: &Conf, more: &str) -> Names {
        let host = conf.hostname();
        let short = host.split('.').next().unwrap_or_default().to_owned();
        let mut names = vec!["localhost".to_owned(), host, short];
        names.extend(conf.strings(more));
        names.iter_mut().for_each(|n| n.make_ascii_lowercase());
        Names { names }
    }

    fn know(&self, host: &str) -> bool {
        let bare = host.trim_matches(['[', ']']);
        bare.parse::<IpAddr>().is_ok() || self.names.iter().any(|n| n.eq_ignore_ascii_case(bare))
    }
}

/// Why a request must not change anything; `None` when it may.
pub fn refusal(headers: &HeaderMap, names: &Names) -> Option<String> {
    let header = |name: &str| headers.get(name).map(|v| v.to_str().unwrap_or("?"));
    if let Some(site) = header("sec-fetch-site").filter(|s| !matches!(*s, "same-origin" | "none")) {
        return Some(format!("it comes from a page of another server (Sec-Fetch-Site: {site})"));
    }
    let origin = header("origin")?;
    let own = header("host").unwrap_or_default();
    let from = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    if own.is_empty() || !from.is_some_and(|from| from.eq_ignore_ascii_case(own)) {
        return Some(format!("it comes from a page of another server (Origin: {origin}, Host: {own})"));
    }
    let host = match own.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !port.is_empty() => host,
        _ => own,
    };
    if !names.know(host) {
        return Some(format!("{host} is no name of this host; list it in stormctl.ui.hosts if it is one"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderName;

    fn refused(pairs: &[(&'static str, &'static str)]) -> bool {
        let headers: HeaderMap = pairs.iter().map(|&(k, v)| (HeaderName::from_static(k), v.parse().unwrap())).collect();
        let mut conf = Conf::defaults();
        conf.set("storm.local.hostname", "node1.example.org");
        conf.set("stormctl.ui.hosts", serde_json::json!(["storm.example.org"]));
        refusal(&headers, &Names::of(&conf, "stormctl.ui.hosts")).is_some()
    }

    #[test]
    fn a_page_of_somebody_else_changes_nothing() {
        assert!(!refused(&[]), "a program");
        assert!(!refused(&[("host", "node1:8080")]));
        for own in
            ["127.0.0.1:8080", "[::1]:8080", "localhost:8080", "node1.example.org", "NODE1:8080", "storm.example.org"]
        {
            let origin: &'static str = Box::leak(format!("http://{own}").into_boxed_str());
            assert!(!refused(&[("host", own), ("origin", origin), ("sec-fetch-site", "same-origin")]), "{own}");
        }
        assert!(refused(&[("host", "127.0.0.1:8080"), ("origin", "http://evil.example")]));
        assert!(refused(&[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8081")]));
        assert!(refused(&[("host", "127.0.0.1:8080"), ("origin", "null")]));
        assert!(refused(&[("host", "127.0.0.1:8080"), ("sec-fetch-site", "cross-site")]));
        assert!(refused(&[("host", "127.0.0.1:8080"), ("sec-fetch-site", "same-site")]));
        // A stranger's name that was made to point here: the browser takes it for one server.
        assert!(refused(&[("host", "evil.example:8080"), ("origin", "http://evil.example:8080")]));
    }
}
