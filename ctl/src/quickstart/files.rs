//! The files whose words are counted.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Debug, PartialEq)]
pub struct Input {
    /// Absolute: workers have folders of their own.
    pub paths: Vec<PathBuf>,
    pub lines: i64,
}

/// Finds the files and counts their lines, so that it is known when all have gone through.
pub fn read(files: &[PathBuf]) -> Result<Input, Failure> {
    let mut input = Input { paths: Vec::new(), lines: 0 };
    for file in files {
        input.lines += count_lines(file).map_err(|e| {
            Failure::new(Exit::Failed, "quickstart/file", format!("cannot read {}", file.display()))
                .evidence(e.to_string())
                .hint("stormctl quickstart FILE...      counts the words of files that exist")
        })?;
        input.paths.push(std::path::absolute(file).unwrap_or_else(|_| file.clone()));
    }
    Ok(input)
}

/// A last line counts without its line feed too.
fn count_lines(path: &Path) -> std::io::Result<i64> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 128 << 10];
    let (mut lines, mut last) = (0, b'\n');
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            return Ok(lines + i64::from(last != b'\n'));
        }
        lines += buffer[..n].iter().filter(|&&b| b == b'\n').count() as i64;
        last = buffer[n - 1];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_as_the_spout_emits_them() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let all = [file("a", "1\n2"), file("b", "\n\n"), file("c", "")];
        assert_eq!(read(&all).unwrap().lines, 4);
        let failure = read(&[dir.path().join("none")]).unwrap_err();
        assert_eq!(failure.code(), "quickstart/file");
    }
}
