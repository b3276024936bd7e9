//! A piece of a log, packed or not.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use flate2::read::MultiGzDecoder;

/// What is shown when no length is asked for.
pub const USUAL_LENGTH: u64 = 51_200;
pub const LONGEST: u64 = 10_485_760;

pub fn is_packed(name: &str) -> bool {
    name.ends_with(".gz")
}

#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    pub bytes: Vec<u8>,
    pub start: u64,
    /// Of the whole log; of a packed one what its end says, which is the rest of a division by 4 GB.
    pub total: u64,
}

impl Part {
    pub fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

/// The length of a log as it reads.
pub fn length(file: &mut File, packed: bool) -> io::Result<u64> {
    let len = file.metadata()?.len();
    if !packed || len < 4 {
        return Ok(len);
    }
    let mut last = [0; 4];
    file.seek(SeekFrom::End(-4))?;
    file.read_exact(&mut last)?;
    file.rewind()?;
    Ok(u32::from_le_bytes(last).into())
}

/// A reader of a log from a place on.
pub fn from(mut file: File, packed: bool, start: u64) -> io::Result<Box<dyn Read + Send>> {
    if !packed {
        file.seek(SeekFrom::Start(start))?;
        return Ok(Box::new(file));
    }
    let mut reader = MultiGzDecoder::new(io::BufReader::new(file));
    io::copy(&mut (&mut reader).take(start), &mut io::sink())?;
    Ok(Box::new(reader))
}

/// The piece from `start`, or the last one.
pub fn read(mut file: File, packed: bool, start: Option<u64>, length_wanted: u64) -> io::Result<Part> {
    let total = length(&mut file, packed)?;
    let wanted = length_wanted.clamp(1, LONGEST);
    let start = start.unwrap_or_else(|| total.saturating_sub(wanted));
    let mut bytes = Vec::new();
    from(file, packed, start)?.take(wanted).read_to_end(&mut bytes)?;
    Ok(Part { bytes, start, total })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn pieces_of_plain_and_packed_logs() {
        let dir = tempfile::tempdir().unwrap();
        let text = "0123456789".repeat(10);
        std::fs::write(dir.path().join("a"), &text).unwrap();
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(text.as_bytes()).unwrap();
        std::fs::write(dir.path().join("b.gz"), packer.finish().unwrap()).unwrap();
        for name in ["a", "b.gz"] {
            let piece = |start, length| {
                let file = File::open(dir.path().join(name)).unwrap();
                let part = read(file, is_packed(name), start, length).unwrap();
                assert_eq!(part.total, 100, "{name}");
                (part.start, part.end(), String::from_utf8(part.bytes).unwrap())
            };
            assert_eq!(piece(None, 5), (95, 100, "56789".into()), "{name}");
            assert_eq!(piece(Some(3), 4), (3, 7, "3456".into()), "{name}");
            assert_eq!(piece(Some(98), 50), (98, 100, "89".into()), "{name}");
            assert_eq!(piece(Some(500), 50), (500, 500, String::new()), "{name}");
            assert_eq!(piece(None, u64::MAX).0, 0, "{name}");
        }
        std::fs::write(dir.path().join("c.gz"), "no gzip").unwrap();
        assert!(read(File::open(dir.path().join("c.gz")).unwrap(), true, Some(0), 5).is_err());
    }
}
