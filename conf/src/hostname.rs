//! The name under which this machine is known to the cluster.

/// The kernel's name of this machine, made canonical by `/etc/hosts` when it lists that name.
pub fn canonical() -> String {
    let uname = rustix::system::uname();
    let node = uname.nodename().to_string_lossy().into_owned();
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let name = in_hosts(&hosts, &node).unwrap_or(node);
    if name.is_empty() { "localhost".to_owned() } else { name }
}

/// The first name of the line of a hosts file that holds `node`: that is what a resolver calls canonical.
fn in_hosts(hosts: &str, node: &str) -> Option<String> {
    hosts.lines().find_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let names: Vec<&str> = line.split_whitespace().skip(1).collect();
        names.contains(&node).then(|| names[0].to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_of_the_line_is_canonical() {
        let hosts = "127.0.0.1 localhost\n# 10.0.0.9 n1\n10.0.0.2 n1.example.org n1 # me\n";
        assert_eq!(in_hosts(hosts, "n1"), Some("n1.example.org".into()));
        assert_eq!(in_hosts(hosts, "n2"), None);
    }
}
