//! Who may do what: authentication schemes `world`, `auth`, `digest`, `ip` and `super`.

use std::collections::HashSet;
use std::net::IpAddr;

use crate::proto::{Acl, Code, Id, Perms};

/// The identity of a client that proves to know `user:password`.
pub fn digest_id(user_and_password: &[u8]) -> Id {
    let text = String::from_utf8_lossy(user_and_password);
    let user = text.split(':').next().unwrap_or_default();
    Id::new("digest", format!("{user}:{}", base64(&sha1_smol::Sha1::from(text.as_bytes()).digest().bytes())))
}

/// May somebody with these identities do something that needs one of the permission bits of `perms`?
pub fn check(acl: &[Acl], perms: i32, ids: &[Id]) -> Result<(), Code> {
    let allowed = acl.is_empty()
        || ids.iter().any(|id| id.scheme == "super")
        || acl.iter().filter(|entry| entry.perms & perms != 0).any(|entry| {
            entry.id.is_anyone() || ids.iter().any(|id| id.scheme == entry.id.scheme && matches(id, &entry.id))
        });
    if allowed { Ok(()) } else { Err(Code::NoAuth) }
}

fn matches(id: &Id, wanted: &Id) -> bool {
    match wanted.scheme.as_str() {
        "ip" => match (id.id.parse::<IpAddr>(), network(&wanted.id)) {
            (Ok(address), Some((network, bits))) => same_network(address, network, bits),
            _ => false,
        },
        _ => id.id == wanted.id,
    }
}

/// The list as it is stored: entries once each, `auth` replaced by the identities of the client; refused when empty
/// or malformed.
///
/// Permission bits without a meaning are dropped. That also bounds what `auth` expands to: a list of many thousand
/// entries that differ in such bits alone would otherwise grow with each identity of the client.
pub fn expand(list: &[Acl], ids: &[Id]) -> Result<Vec<Acl>, Code> {
    let mut result: Vec<Acl> = Vec::new();
    let mut seen = HashSet::new();
    let mut add = |acl: Acl| {
        let acl = Acl { perms: acl.perms & Perms::ALL, ..acl };
        if seen.insert(acl.clone()) {
            result.push(acl);
        }
    };
    for entry in list {
        match entry.id.scheme.as_str() {
            "world" if entry.id.id == "anyone" => add(entry.clone()),
            "auth" => {
                // An address is no proof of who somebody is.
                let mut proven = ids.iter().filter(|id| id.scheme == "digest").peekable();
                if proven.peek().is_none() {
                    return Err(Code::InvalidAcl);
                }
                proven.for_each(|id| add(Acl { perms: entry.perms, id: id.clone() }));
            }
            "digest" if is_digest(&entry.id.id) => add(entry.clone()),
            "ip" if network(&entry.id.id).is_some() => add(entry.clone()),
            _ => return Err(Code::InvalidAcl),
        }
    }
    if result.is_empty() { Err(Code::InvalidAcl) } else { Ok(result) }
}

/// The list without password hashes, for those who may read but not administer a node.
pub fn redact(list: &[Acl]) -> Vec<Acl> {
    list.iter()
        .map(|entry| match entry.id.scheme.as_str() {
            "digest" => {
                let user = entry.id.id.split(':').next().unwrap_or_default();
                Acl { perms: entry.perms, id: Id::new("digest", format!("{user}:x")) }
            }
            _ => entry.clone(),
        })
        .collect()
}

fn is_digest(id: &str) -> bool {
    id.split_once(':').is_some_and(|(_, hash)| !hash.is_empty() && !hash.contains(':'))
}

/// `address` or `address/bits`.
fn network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse::<u32>().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(longest);
    (bits <= longest).then_some((address, bits))
}

fn same_network(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let mask = |value: u128, width: u32| if bits == 0 { 0 } else { value >> (width - bits) };
    match (address.to_canonical(), network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => mask(a.to_bits().into(), 32) == mask(b.to_bits().into(), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => mask(a.to_bits(), 128) == mask(b.to_bits(), 128),
        _ => false,
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = (u32::from(chunk[0]) << 16)
            | (u32::from(chunk.get(1).copied().unwrap_or(0)) << 8)
            | u32::from(chunk.get(2).copied().unwrap_or(0));
        for place in 0..4 {
            if place <= chunk.len() {
                text.push(char::from(ALPHABET[(group >> (18 - 6 * place)) as usize & 63]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_apache_zookeeper() {
        // From the administrator's guide of Apache ZooKeeper.
        assert_eq!(digest_id(b"super:admin").id, "super:xQJmxLMiHGwaqBvst5y6rkB6HQs=");
        assert_eq!(base64(b"a"), "YQ==");
        assert_eq!(base64(b"ab"), "YWI=");
        assert_eq!(base64(b"abc"), "YWJj");
    }

    #[test]
    fn auth_becomes_the_proven_identities() {
        let bob = digest_id(b"bob:secret");
        let ids = [Id::new("ip", "127.0.0.1"), bob.clone()];
        let creator_all = [Acl { perms: Perms::ALL, id: Id::new("auth", "") }];
        assert_eq!(expand(&creator_all, &ids), Ok(vec![Acl { perms: Perms::ALL, id: bob.clone() }]));
        assert_eq!(expand(&creator_all, &ids[..1]), Err(Code::InvalidAcl));
        assert_eq!(expand(&[], &ids), Err(Code::InvalidAcl));
        assert_eq!(expand(&[Acl { perms: 1, id: Id::new("sasl", "storm") }], &ids), Err(Code::InvalidAcl));
        let stored = expand(&creator_all, &ids).unwrap();
        assert_eq!(check(&stored, Perms::WRITE, &ids), Ok(()));
        assert_eq!(check(&stored, Perms::WRITE, &[digest_id(b"bob:wrong")]), Err(Code::NoAuth));
        assert_eq!(check(&stored, Perms::WRITE, &[Id::new("super", "")]), Ok(()));
        assert_eq!(redact(&stored)[0].id.id, "bob:x");
    }

    #[test]
    fn addresses_match_by_network() {
        let from = |address: &str| [Id::new("ip", address)];
        let acl = |id: &str| [Acl { perms: Perms::READ, id: Id::new("ip", id) }];
        assert_eq!(check(&acl("10.1.0.0/16"), Perms::READ, &from("10.1.2.3")), Ok(()));
        assert_eq!(check(&acl("10.1.0.0/16"), Perms::READ, &from("10.2.2.3")), Err(Code::NoAuth));
        assert_eq!(check(&acl("10.1.2.3"), Perms::READ, &from("10.1.2.3")), Ok(()));
        assert_eq!(check(&acl("10.1.2.3"), Perms::READ, &from("10.1.2.4")), Err(Code::NoAuth));
        assert_eq!(check(&acl("0.0.0.0/0"), Perms::READ, &from("10.1.2.4")), Ok(()));
        assert_eq!(check(&acl("fe80::/10"), Perms::READ, &from("fe80::1")), Ok(()));
        assert_eq!(check(&acl("10.1.2.3"), Perms::WRITE, &from("10.1.2.3")), Err(Code::NoAuth));
        assert_eq!(expand(&acl("10.1.2.3/33"), &[]), Err(Code::InvalidAcl));
        assert_eq!(expand(&acl("ten"), &[]), Err(Code::InvalidAcl));
    }
}
