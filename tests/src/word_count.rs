//! What the program `word_count` (in `examples`) and the tests that run it agree on: the sentences, the files, and how a run is
//! judged afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::position::Position;
use crate::wait::wait_until;

/// When this file is there, the source sends nothing new.
pub const STOP: &str = "stop";
/// While this file is there, the counters take nothing.
pub const HOLD: &str = "hold";

const SENTENCES: [&str; 4] = [
    "the cow jumped over the moon",
    "an apple a day keeps the doctor away",
    "four score and seven years ago",
    "i am at two with nature",
];

/// The sentence of a number.
pub fn sentence(number: u64) -> &'static str {
    SENTENCES[(number % SENTENCES.len() as u64) as usize]
}

/// The name of the file in which one life of a counter writes.
pub fn recording(task: i32, pid: u32) -> String {
    format!("seen-{task}-{pid}")
}

/// One word as a counter writes it down.
pub fn record(number: u64, place: u64) -> [u8; 8] {
    (number << 8 | place).to_le_bytes()
}

/// Where a half tells its port.
pub fn port_file(dir: &Path, which: usize) -> PathBuf {
    dir.join(format!("port-{which}"))
}

/// How far the source has come, by its own word.
pub fn position(dir: &Path) -> Position {
    Position::read(&Position::file(dir)).unwrap_or_else(|e| panic!("the source's position: {e}"))
}

/// Stops the source and waits until it says that everything was acked; then every word must have been written down. How many
/// sentences there were, and how many words were written more than once.
#[track_caller]
pub fn finish_and_check(dir: &Path, limit: Duration, mut meanwhile: impl FnMut()) -> (u64, u64) {
    fs::write(dir.join(STOP), "").expect("the sign to stop is written");
    wait_until(limit, "every sentence to be acked", || {
        meanwhile();
        position(dir).settled
    });
    let Position { base, promised, strange, .. } = position(dir);
    assert_eq!((base, strange), (promised, 0), "acked below, and acks or failures of what was not under way");
    // A bit for each word of each sentence.
    let mut seen = vec![0_u16; base as usize];
    let mut twice = 0;
    for file in fs::read_dir(dir).expect("the folder of the run") {
        let path = file.expect("its files").path();
        if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("seen-")) {
            continue;
        }
        let bytes = fs::read(&path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()));
        // A killed counter may have left part of a record at the end.
        for record in bytes.as_chunks::<8>().0 {
            let (number, bit) = (u64::from_le_bytes(*record) >> 8, 1_u16 << record[0]);
            let words = seen.get_mut(number as usize).unwrap_or_else(|| panic!("sentence {number} was never sent"));
            twice += u64::from(*words & bit != 0);
            *words |= bit;
        }
    }
    let whole = |number: usize| (1_u16 << sentence(number as u64).split(' ').count()) - 1;
    let lost: Vec<usize> = (0..seen.len()).filter(|number| seen[*number] != whole(*number)).take(20).collect();
    assert!(lost.is_empty(), "acked but not written down, of {base} sentences: {lost:?} and perhaps more");
    (base, twice)
}
