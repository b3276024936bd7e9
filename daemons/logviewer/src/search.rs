//! Finding a text in a log of any size.

use std::io::{self, Read};

use memchr::memmem::Finder;

/// Bytes that are shown before and after what was found.
const CONTEXT: usize = 128;
const CHUNK: usize = 64 * 1024;
/// The longest text that is looked for.
pub const LONGEST_TEXT: usize = 1024;

#[derive(Debug, PartialEq, Eq)]
pub struct Match {
    pub offset: u64,
    pub before: String,
    pub after: String,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub matches: Vec<Match>,
    /// Where to go on, when the log does.
    pub next: Option<u64>,
}

/// The first matches of what `reader` gives; `start` is where it stands in the log.
pub fn find(mut reader: impl Read, text: &[u8], start: u64, most: usize) -> io::Result<Found> {
    let finder = Finder::new(text);
    let mut found = Found::default();
    let mut held: Vec<u8> = Vec::new();
    let (mut base, mut from, mut ended) = (start, 0, false);
    while found.matches.len() < most {
        let Some(at) = finder.find(&held[from..]).map(|at| from + at) else {
            if ended {
                return Ok(found);
            }
            // The start of a match may be there, and what is shown before it.
            let kept = from.max((held.len() + 1).saturating_sub(text.len()));
            let gone = kept.saturating_sub(CONTEXT);
            held.drain(..gone);
            base += gone as u64;
            from = kept - gone;
            ended = !more(&mut reader, &mut held)?;
            continue;
        };
        let end = at + text.len();
        while !ended && held.len() < end + CONTEXT {
            ended = !more(&mut reader, &mut held)?;
        }
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        found.matches.push(Match {
            offset: base + at as u64,
            before: lossy(&held[at.saturating_sub(CONTEXT)..at]),
            after: lossy(&held[end..held.len().min(end + CONTEXT)]),
        });
        from = end;
    }
    if from < held.len() || (!ended && more(&mut reader, &mut held)?) {
        found.next = Some(base + from as u64);
    }
    Ok(found)
}

/// Whether there was more.
fn more(reader: &mut impl Read, held: &mut Vec<u8>) -> io::Result<bool> {
    Ok(reader.take(CHUNK as u64).read_to_end(held)? > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let n = self.0.len().min(buf.len()).min(7);
            buf[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    fn offsets(text: &[u8], wanted: &str, start: u64, most: usize) -> (Vec<u64>, Option<u64>) {
        let found = find(Slow(&text[start as usize..]), wanted.as_bytes(), start, most).unwrap();
        (found.matches.iter().map(|m| m.offset).collect(), found.next)
    }

    #[test]
    fn every_match_is_found_once_wherever_it_lies() {
        let mut text = vec![b'.'; 3 * CHUNK];
        let places = [0, CHUNK - 3, 2 * CHUNK - 1, 3 * CHUNK - 6];
        for at in places {
            text[at..at + 6].copy_from_slice(b"needle");
        }
        let all: Vec<u64> = places.iter().map(|p| *p as u64).collect();
        assert_eq!(offsets(&text, "needle", 0, 10), (all.clone(), None));
        assert_eq!(offsets(&text, "needle", 0, 2), (all[..2].to_vec(), Some(CHUNK as u64 + 3)));
        // From where the last answer ended.
        assert_eq!(offsets(&text, "needle", CHUNK as u64 + 3, 2), (all[2..].to_vec(), None));
        assert_eq!(offsets(b"aaaa", "aa", 0, 10), (vec![0, 2], None));
        assert_eq!(offsets(b"aaab", "aa", 0, 1), (vec![0], Some(2)));
        assert_eq!(offsets(b"", "a", 0, 1), (vec![], None));
        assert_eq!(offsets(b"abc", "abcd", 0, 1), (vec![], None));
    }

    #[test]
    fn what_stands_around_is_shown() {
        let text = format!("{}needle{}", "b".repeat(200), "a".repeat(200));
        let found = find(Slow(text.as_bytes()), b"needle", 0, 1).unwrap();
        assert_eq!((found.matches[0].before.len(), found.matches[0].after.len()), (CONTEXT, CONTEXT));
        assert!(found.next.is_some());
        let found = find(Slow(b"<needle>"), b"needle", 0, 5).unwrap();
        assert_eq!((found.matches[0].before.as_str(), found.matches[0].after.as_str()), ("<", ">"));
    }
}
