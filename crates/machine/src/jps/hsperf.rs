//! What a JVM publishes about itself in `hsperfdata_USER/PID` below the temporary folder.

use std::fs;
use std::path::Path;

use crate::process::Entry;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jvm {
    pub pid: i32,
    /// Main class or jar, and its arguments; `None` when the JVM has not published it (yet).
    pub command: Option<String>,
    pub args: Option<String>,
    pub flags: Option<String>,
}

/// The JVMs of this machine whose files can be read.
pub fn jvms(temp: &Path) -> Vec<Jvm> {
    let mut found = Vec::new();
    for user in fs::read_dir(temp).into_iter().flatten().flatten() {
        if !user.file_name().to_string_lossy().starts_with("hsperfdata_") {
            continue;
        }
        for file in fs::read_dir(user.path()).into_iter().flatten().flatten() {
            let Some(pid) = file.file_name().to_str().and_then(|n| n.parse().ok()) else { continue };
            // A JVM that died hard leaves its file behind.
            if !Entry::of(pid).is_some_and(|e| e.alive()) {
                continue;
            }
            found.push(read(pid, &fs::read(file.path()).unwrap_or_default()));
        }
    }
    found.sort_by_key(|j| j.pid);
    found.dedup_by_key(|j| j.pid);
    found
}

fn read(pid: i32, bytes: &[u8]) -> Jvm {
    let text = |name: &str| string(bytes, name);
    Jvm { pid, command: text("sun.rt.javaCommand"), args: text("java.rt.vmArgs"), flags: text("java.rt.vmFlags") }
}

/// Numbers of the file's own byte order, every one checked against the end.
struct Buffer<'a> {
    bytes: &'a [u8],
    little: bool,
}

impl Buffer<'_> {
    fn int(&self, at: usize) -> Option<usize> {
        let b: [u8; 4] = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        let n = if self.little { u32::from_le_bytes(b) } else { u32::from_be_bytes(b) };
        usize::try_from(n).ok()
    }

    fn until_zero(&self, at: usize, limit: usize) -> Option<String> {
        let end = at.checked_add(limit)?.min(self.bytes.len());
        let field = self.bytes.get(at..end)?;
        let text = field.split(|&b| b == 0).next()?;
        Some(String::from_utf8_lossy(text).into_owned())
    }
}

/// The value of one entry of byte-array type. Layout: a prologue of 32 bytes, then entries of
/// length, name offset, vector length, type, flags, units, variability, data offset.
fn string(bytes: &[u8], name: &str) -> Option<String> {
    if bytes.get(..4)? != [0xca, 0xfe, 0xc0, 0xc0] {
        return None;
    }
    let b = Buffer { bytes, little: *bytes.get(4)? == 1 };
    let (mut at, count) = (b.int(24)?, b.int(28)?);
    for _ in 0..count.min(100_000) {
        let (length, name_offset, vector, data) = (b.int(at)?, b.int(at + 4)?, b.int(at + 8)?, b.int(at + 16)?);
        if length < 20 {
            return None;
        }
        let byte_type = *bytes.get(at + 12)? == b'B';
        if byte_type && b.until_zero(at.checked_add(name_offset)?, name.len() + 1)? == name {
            return b.until_zero(at.checked_add(data)?, vector);
        }
        at = at.checked_add(length)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut bytes = vec![0xca, 0xfe, 0xc0, 0xc0, 1, 2, 0, 1];
        bytes.resize(24, 0);
        bytes.extend(32u32.to_le_bytes());
        bytes.extend((entries.len() as u32).to_le_bytes());
        for (name, value) in entries {
            let data = 20 + name.len() + 1;
            let length = data + value.len() + 1;
            for n in [length, 20, value.len() + 1] {
                bytes.extend((n as u32).to_le_bytes());
            }
            bytes.extend([b'B', 0, 5, 1]);
            bytes.extend((data as u32).to_le_bytes());
            bytes.extend(name.as_bytes());
            bytes.push(0);
            bytes.extend(value.as_bytes());
            bytes.push(0);
        }
        bytes
    }

    #[test]
    fn strings_are_found_and_rubbish_is_survived() {
        let bytes = file(&[("x", "1"), ("sun.rt.javaCommand", "a.b.Main arg"), ("java.rt.vmArgs", "")]);
        let jvm = read(7, &bytes);
        assert_eq!(jvm.command.as_deref(), Some("a.b.Main arg"));
        assert_eq!((jvm.args.as_deref(), jvm.flags), (Some(""), None));
        for cut in 0..bytes.len() {
            read(7, &bytes[..cut]);
        }
        let mut loops = bytes.clone();
        loops[32..36].copy_from_slice(&0u32.to_le_bytes());
        assert_eq!(string(&loops, "x"), None);
        let mut wild = bytes;
        wild[32..36].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(string(&wild, "java.rt.vmArgs"), None);
    }
}
