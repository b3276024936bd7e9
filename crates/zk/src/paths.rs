//! Where things are in Storm's tree. All paths are below `storm.zookeeper.root`.

pub(crate) const ASSIGNMENTS: &str = "/assignments";
pub(crate) const STORMS: &str = "/storms";
pub(crate) const SUPERVISORS: &str = "/supervisors";
pub(crate) const WORKERBEATS: &str = "/workerbeats";
pub(crate) const ERRORS: &str = "/errors";
pub(crate) const BACKPRESSURE: &str = "/backpressure";
pub(crate) const NIMBUSES: &str = "/nimbuses";
pub(crate) const BLOBSTORE: &str = "/blobstore";
pub(crate) const BLOB_SEQUENCES: &str = "/blobstoremaxkeysequencenumber";
pub(crate) const CREDENTIALS: &str = "/credentials";
pub(crate) const LOGCONFIGS: &str = "/logconfigs";
pub(crate) const PROFILERCONFIGS: &str = "/profilerconfigs";
pub(crate) const LEADER_LOCK: &str = "/leader-lock";

/// The directories that every process of Storm with cluster state makes at start.
pub(crate) const TOP: [&str; 9] =
    [ASSIGNMENTS, STORMS, SUPERVISORS, WORKERBEATS, ERRORS, BLOBSTORE, NIMBUSES, LOGCONFIGS, BACKPRESSURE];

/// The data of a directory made by Storm.
pub(crate) const DIRECTORY: &[u8] = &[7];

pub(crate) fn child(dir: &str, name: &str) -> String {
    format!("{dir}/{name}")
}

pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

pub(crate) fn worker_heartbeat(topology: &str, node: &str, port: i64) -> String {
    format!("{WORKERBEATS}/{topology}/{node}-{port}")
}

pub(crate) fn component_errors(topology: &str, component: &str) -> String {
    format!("{ERRORS}/{topology}/{}", encode_component(component))
}

pub(crate) fn last_error(topology: &str, component: &str) -> String {
    component_errors(topology, component) + LAST_ERROR
}

pub(crate) const LAST_ERROR: &str = "-last-error";

/// A component id as Java's `URLEncoder.encode(id, "UTF-8")` writes it.
pub fn encode_component(id: &str) -> String {
    let mut out = String::with_capacity(id.len());
    for byte in id.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => out.push(byte as char),
            b' ' => out.push('+'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// The opposite of [`encode_component`]; text that no encoder wrote comes back as far as it makes sense.
pub fn decode_component(name: &str) -> String {
    let bytes = name.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |i: usize| bytes.get(i).and_then(|b| (*b as char).to_digit(16));
        match (bytes[at], hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
                continue;
            }
            (b'+', ..) => out.push(b' '),
            (other, ..) => out.push(other),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn component_ids_are_encoded_as_java_does() {
        // Left: the id; right: what Java's URLEncoder answers.
        for (id, name) in [
            ("count", "count"),
            ("__acker", "__acker"),
            ("my bolt/2", "my+bolt%2F2"),
            ("a.b-c*d_e~f", "a.b-c*d_e%7Ef"),
            ("wörter+%", "w%C3%B6rter%2B%25"),
        ] {
            assert_eq!(encode_component(id), name);
            assert_eq!(decode_component(name), id);
        }
        assert_eq!(decode_component("100%"), "100%");
        assert_eq!(decode_component("%zz"), "%zz");
    }

    #[test]
    fn paths_are_those_of_storm() {
        assert_eq!(worker_heartbeat("wc-1-2", "uuid-127.0.0.1", 6700), "/workerbeats/wc-1-2/uuid-127.0.0.1-6700");
        assert_eq!(component_errors("wc-1-2", "a b"), "/errors/wc-1-2/a+b");
        assert_eq!(last_error("wc-1-2", "a b"), "/errors/wc-1-2/a+b-last-error");
        assert_eq!(parent("/errors/x"), "/errors");
        assert_eq!(parent("/errors"), "");
    }
}
