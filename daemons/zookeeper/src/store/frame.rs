//! Frames: what is written and synced together, with a checksum.
//!
//! A frame begins with its file's salt, a random number that no client knows, so that nothing a client stores can
//! look like a frame. One frame is written and synced before the next is begun. Therefore a bad frame at the end of
//! a file was never acknowledged and may be dropped, and a bad frame with a good one after it was, and may not.

use bytes::Bytes;

/// The number that marks the frames of one file.
pub type Salt = [u8; 4];

const HEAD: usize = 12;

/// What follows the last good frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// Nothing, or the zeros of space reserved in advance.
    Clean,
    /// Bytes of a frame whose writing was cut off.
    Torn,
}

/// The good frames of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    pub frames: Vec<Bytes>,
    /// Where the last good frame ends.
    pub end: usize,
    pub tail: Tail,
}

/// A bad frame with a good one behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanError {
    pub offset: usize,
}

/// Makes a frame of a payload.
pub fn seal(salt: Salt, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    let mut frame = Vec::with_capacity(HEAD + payload.len());
    frame.extend_from_slice(&salt);
    frame.extend_from_slice(&length);
    frame.extend_from_slice(&checksum(salt, length, payload).to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// Takes the good frames from `bytes`, beginning at `start`.
pub fn scan(salt: Salt, bytes: &Bytes, start: usize) -> Result<Scan, ScanError> {
    let mut frames = Vec::new();
    let mut end = start;
    while let Some(payload) = frame_at(salt, bytes, end) {
        end += HEAD + payload.len();
        frames.push(payload);
    }
    let rest = &bytes[end.min(bytes.len())..];
    if rest.iter().all(|byte| *byte == 0) {
        return Ok(Scan { frames, end, tail: Tail::Clean });
    }
    let later = (1..rest.len().saturating_sub(HEAD - 1))
        .filter(|at| rest[*at..].starts_with(&salt))
        .any(|at| frame_at(salt, bytes, end + at).is_some());
    if later { Err(ScanError { offset: end }) } else { Ok(Scan { frames, end, tail: Tail::Torn }) }
}

fn frame_at(salt: Salt, bytes: &Bytes, at: usize) -> Option<Bytes> {
    let head = bytes.get(at..at + HEAD)?;
    let length: [u8; 4] = head[4..8].try_into().ok()?;
    let sum = u32::from_be_bytes(head[8..12].try_into().ok()?);
    let payload_end = (at + HEAD).checked_add(u32::from_be_bytes(length) as usize)?;
    if head[..4] != salt || payload_end > bytes.len() {
        return None;
    }
    let payload = bytes.slice(at + HEAD..payload_end);
    (checksum(salt, length, &payload) == sum).then_some(payload)
}

fn checksum(salt: Salt, length: [u8; 4], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(&salt), &length), payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SALT: Salt = *b"salt";

    fn file(payloads: &[&[u8]]) -> Vec<u8> {
        payloads.iter().flat_map(|payload| seal(SALT, payload)).collect()
    }

    #[test]
    fn cut_at_every_byte_it_keeps_all_whole_frames() {
        let whole = file(&[b"one", b"", b"three", &[0; 40]]);
        let ends: Vec<usize> = [3, 0, 5, 40]
            .iter()
            .scan(0, |end, length| {
                *end += HEAD + length;
                Some(*end)
            })
            .collect();
        for cut in 0..=whole.len() {
            let scan = scan(SALT, &Bytes::copy_from_slice(&whole[..cut]), 0).unwrap();
            let kept = ends.iter().filter(|end| **end <= cut).count();
            assert_eq!(scan.frames.len(), kept, "cut at {cut}");
            assert_eq!(scan.tail == Tail::Clean, cut == scan.end, "cut at {cut}");
        }
    }

    #[test]
    fn reserved_zeros_are_a_clean_end() {
        let mut bytes = file(&[b"one"]);
        let end = bytes.len();
        bytes.resize(end + 1000, 0);
        assert_eq!(
            scan(SALT, &bytes.into(), 0).unwrap(),
            Scan { frames: vec![Bytes::from_static(b"one")], end, tail: Tail::Clean }
        );
    }

    #[test]
    fn a_flipped_bit_anywhere_but_in_the_last_frame_is_damage() {
        let whole = file(&[b"one", b"two", b"three"]);
        let last = whole.len() - HEAD - 5;
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            match scan(SALT, &bytes.into(), 0) {
                Err(error) => assert!(at < last && error.offset <= at, "at {at}"),
                Ok(scan) => assert!(at >= last && scan.tail == Tail::Torn && scan.end == last, "at {at}"),
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>()) {
            let _ = scan(SALT, &bytes.into(), 0);
        }
    }
}
