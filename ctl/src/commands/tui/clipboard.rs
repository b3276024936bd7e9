//! The clipboard of the terminal in front of the user, also over ssh: OSC 52, or tmux where that stands between.

use std::io::{self, Write};
use std::process::{Command, Stdio};

/// Terminals take no more.
const MOST: usize = 74_000;
/// GNU screen hands on strings that are no longer than this.
const SCREEN: usize = 240;

/// Whether it was small enough to be copied.
pub fn copy(text: &str) -> io::Result<bool> {
    if text.len() > MOST {
        return Ok(false);
    }
    if std::env::var_os("TMUX").is_some() && through_tmux(text).is_ok_and(|taken| taken) {
        return Ok(true);
    }
    let mut out = io::stdout();
    out.write_all(sequence(text, std::env::var_os("STY").is_some()).as_bytes())?;
    out.flush()?;
    Ok(true)
}

/// As it is set up by itself tmux takes no OSC 52 from programs, but a buffer that it then hands on.
fn through_tmux(text: &str) -> io::Result<bool> {
    let mut tmux = Command::new("tmux");
    tmux.args(["load-buffer", "-w", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut tmux = tmux.spawn()?;
    if let Some(mut stdin) = tmux.stdin.take() {
        stdin.write_all(text.as_bytes())?;
    }
    Ok(tmux.wait()?.success())
}

fn sequence(text: &str, screen: bool) -> String {
    let copy = format!("\x1b]52;c;{}\x07", base64(text.as_bytes()));
    if !screen {
        return copy;
    }
    // GNU screen hands on only what is wrapped; the terminal puts the pieces together.
    let mut out = String::new();
    let mut rest = copy.as_str();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(SCREEN));
        out.push_str(&format!("\x1bP{piece}\x1b\\"));
        rest = after;
    }
    out
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let n = chunk.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let letter = LETTERS[(n >> (18 - 6 * i)) as usize & 63] as char;
            out.push(if i <= chunk.len() { letter } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        let cases = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (text, encoded) in cases {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
        assert_eq!(sequence("foo", false), "\x1b]52;c;Zm9v\x07");
        assert_eq!(sequence("foo", true), "\x1bP\x1b]52;c;Zm9v\x07\x1b\\");
        let long = sequence(&"x".repeat(1000), true);
        let pieces: Vec<&str> = long.split("\x1b\\").filter(|p| !p.is_empty()).collect();
        assert!(pieces.len() > 4 && pieces.iter().all(|p| p.starts_with("\x1bP") && p.len() <= SCREEN + 2));
    }
}
