//! Access lists of blobs as Storm writes them: `u:ann:rwa,o::r--`.

use storm_thrift::types::{AccessControl, AccessControlType};

use crate::exit::Exit;
use crate::failure::Failure;

const RIGHTS: [(char, i32); 3] = [('r', 1), ('w', 2), ('a', 4)];

pub fn parse(text: &str) -> Result<Vec<AccessControl>, Failure> {
    text.split(',').map(entry).collect()
}

/// One part is the right of all others; two are user and right; three are kind, name and right.
fn entry(text: &str) -> Result<AccessControl, Failure> {
    let wrong = |why: String| {
        Failure::new(Exit::Usage, "usage/acl", format!("\"{text}\" is no entry of an access list: {why}"))
            .hint("for example u:ann:rwa,o::r")
    };
    let parts: Vec<&str> = text.split(':').collect();
    let (kind, name, rights) = match parts[..] {
        [rights] => ("other", "", rights),
        [name, rights] => ("user", name, rights),
        [kind, name, rights] => (kind, name, rights),
        _ => return Err(wrong(format!("it has {} parts", parts.len()))),
    };
    let r#type = match kind.to_lowercase().as_str() {
        "other" | "o" => AccessControlType::Other,
        "user" | "u" => AccessControlType::User,
        _ => return Err(wrong(format!("{kind} is neither u (user) nor o (other)"))),
    };
    let mut access = 0;
    for c in rights.chars().filter(|c| *c != '-') {
        match RIGHTS.iter().find(|(letter, _)| *letter == c) {
            Some((_, bit)) => access |= bit,
            None => return Err(wrong(format!("{c} is none of r, w, a"))),
        }
    }
    Ok(AccessControl { r#type, name: Some(name.to_owned()), access })
}

pub fn text(acl: &AccessControl) -> String {
    let kind = match acl.r#type {
        AccessControlType::Other => "o",
        AccessControlType::User => "u",
    };
    let rights: String = RIGHTS.iter().map(|(letter, bit)| if acl.access & bit > 0 { *letter } else { '-' }).collect();
    format!("{kind}:{}:{rights}", acl.name.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_one_two_and_three_parts() {
        let read = |t: &str| parse(t).unwrap().iter().map(text).collect::<Vec<_>>().join(",");
        assert_eq!(read("r"), "o::r--");
        assert_eq!(read("ann:rw"), "u:ann:rw-");
        assert_eq!(read("u:ann:rwa,o::r--,OTHER::-"), "u:ann:rwa,o::r--,o::---");
        for wrong in ["x:ann:r", "u:ann:x", "a:b:c:d"] {
            assert_eq!(parse(wrong).unwrap_err().exit, Exit::Usage, "{wrong}");
        }
    }
}
