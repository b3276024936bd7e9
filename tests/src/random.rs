//! Random values from a seed, the same on every machine: a failing case can be run again.

/// SplitMix64.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    #[allow(clippy::should_implement_trait, reason = "it never ends, so it is no iterator")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub fn bytes(&mut self, at_most: u64) -> Vec<u8> {
        (0..self.below(at_most + 1)).map(|_| self.next() as u8).collect()
    }

    /// Text of letters, signs and characters outside the basic plane.
    pub fn text(&mut self, at_most: u64) -> String {
        const LETTERS: [char; 12] = ['a', 'Z', '0', ' ', '\n', '"', '\\', '\0', 'ß', '語', '\u{fffd}', '🌩'];
        (0..self.below(at_most + 1)).map(|_| LETTERS[self.below(LETTERS.len() as u64) as usize]).collect()
    }
}
