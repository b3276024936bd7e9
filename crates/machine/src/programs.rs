//! Programs, found by name as a shell finds them.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Every program of this name in the folders of a PATH, in their order and each once.
pub fn on_path(path: &OsStr, name: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for program in std::env::split_paths(path).map(|folder| folder.join(name)) {
        if is_program(&program) && !found.contains(&program) {
            found.push(program);
        }
    }
    found
}

/// A file that can be run.
pub fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_what_can_be_run_and_once() {
        let dir = tempfile::tempdir().unwrap();
        let [a, b, c] = ["a", "b", "c"].map(|n| dir.path().join(n));
        for (folder, mode) in [(&a, 0o644), (&b, 0o755), (&c, 0o755)] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("storm"), "").unwrap();
            fs::set_permissions(folder.join("storm"), fs::Permissions::from_mode(mode)).unwrap();
        }
        let path = std::env::join_paths([&a, &b, &c, &b]).unwrap();
        assert_eq!(on_path(&path, "storm"), [b.join("storm"), c.join("storm")]);
        assert_eq!(on_path(&path, "java"), [] as [PathBuf; 0]);
    }
}
