//! The clipboard of the terminal in front of the user, also over ssh: OSC 52.

use std::io::{self, Write};

/// Terminals take no more.
const MOST: usize = 74_000;

/// Whether it was small enough to be copied.
pub fn copy(text: &str) -> io::Result<bool> {
    if text.len() > MOST {
        return Ok(false);
    }
    let mut out = io::stdout();
    out.write_all(sequence(text, std::env::var("TERM").as_deref() == Ok("screen")).as_bytes())?;
    out.flush()?;
    Ok(true)
}

fn sequence(text: &str, screen: bool) -> String {
    let copy = format!("\x1b]52;c;{}\x07", base64(text.as_bytes()));
    // GNU screen hands on only what is wrapped. tmux, whose TERM may be `screen` too, knows the sequence itself.
    if screen && std::env::var_os("TMUX").is_none() { format!("\x1bP{copy}\x1b\\") } else { copy }
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
    }
}
