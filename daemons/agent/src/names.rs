//! Names that may stand in a certificate.

use std::net::IpAddr;

/// Says why a name cannot be that of a host, or of somebody who asks agents. Names become names of folders, too.
pub fn check_name(name: &str, host: bool) -> Result<(), &'static str> {
    if name.is_empty() || name.len() > 64 && !host || name.len() > 253 {
        return Err("it is empty or too long");
    }
    if host && name.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    let allowed =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') || !host && matches!(c, '@' | '+');
    if !name.chars().all(allowed) {
        return Err("only letters, digits, dots and hyphens are allowed");
    }
    let fits = |label: &str| (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
    if host && !name.split('.').all(fits) {
        return Err("it is no name of a host");
    }
    if name.starts_with('.') {
        return Err("it begins with a dot");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_hosts_and_folders_can_have() {
        for good in ["zk1.example.com", "127.0.0.1", "::1", "storm_1", "a"] {
            assert_eq!(check_name(good, true), Ok(()), "{good}");
        }
        for bad in ["", "a b", "a/b", "..", ".a", "-a", "a..b", "ü", "ann@x", &"x".repeat(64), "*.a"] {
            assert!(check_name(bad, true).is_err(), "{bad}");
        }
        assert_eq!(check_name("ann@example.com", false), Ok(()));
        assert!(check_name("../ann", false).is_err() && check_name("..", false).is_err());
    }
}
