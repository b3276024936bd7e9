//! What a path may look like.

/// Why a path is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidPath(&'static str);

/// The rules of Apache ZooKeeper's `PathUtils.validatePath`.
pub fn validate(path: &str) -> Result<(), InvalidPath> {
    if path == "/" {
        return Ok(());
    }
    let Some(rest) = path.strip_prefix('/') else {
        return Err(InvalidPath("a path begins with a slash"));
    };
    if rest.ends_with('/') {
        return Err(InvalidPath("a path does not end with a slash"));
    }
    for name in rest.split('/') {
        match name {
            "" => return Err(InvalidPath("a path has no empty names")),
            "." | ".." => return Err(InvalidPath("a path is not relative")),
            name if name.chars().any(is_forbidden) => return Err(InvalidPath("a path has no control characters")),
            _ => {}
        }
    }
    Ok(())
}

fn is_forbidden(c: char) -> bool {
    // Java sees two surrogates (d800 to dfff) for everything above ffff, and refuses those.
    matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..)
}

/// The path of a path's parent; `/` is its own. `None` if there is no slash in it.
pub fn parent(path: &str) -> Option<&str> {
    match path.rfind('/')? {
        0 => Some("/"),
        slash => Some(&path[..slash]),
    }
}

/// The path of the child `name` of `path`.
pub fn join(path: &str, name: &str) -> String {
    if path == "/" { format!("/{name}") } else { format!("{path}/{name}") }
}

/// The last name of a path.
pub fn name(path: &str) -> &str {
    path.rfind('/').map_or(path, |slash| &path[slash + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_judged_as_by_apache_zookeeper() {
        for good in ["/", "/a", "/a/b", "/a b", "/...", "/a.", "/.a", "/ä/b", "/a..b", "/%2F"] {
            assert_eq!(validate(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "a",
            "/a/",
            "//",
            "/a//b",
            "/.",
            "/..",
            "/a/./b",
            "/a/../b",
            "/a\0",
            "/a\n",
            "/\u{7f}",
            "/\u{e000}",
            "/\u{1f600}",
        ] {
            assert!(validate(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn parents_and_names() {
        assert_eq!(parent("/"), Some("/"));
        assert_eq!(parent("/a"), Some("/"));
        assert_eq!(parent("/a/b"), Some("/a"));
        assert_eq!(parent("a"), None);
        assert_eq!(name("/a/b"), "b");
    }
}
