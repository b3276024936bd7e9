//! Roots: the 64-bit names of tuple trees.
//!
//! A root says who keeps the tree's account and where: spout task (14 bits, its position among the topology's spout tasks),
//! slot in that task's ledger (22 bits), and the slot's generation (28 bits). No root is 0.

pub(crate) const SLOT_BITS: u32 = 22;
pub(crate) const GENERATION_BITS: u32 = 28;
/// Trees that one spout task can have open.
pub(crate) const MAX_SLOTS: usize = 1 << SLOT_BITS;
const GENERATION_MASK: u32 = (1 << GENERATION_BITS) - 1;

pub(crate) fn root(owner: usize, slot: u32, generation: u32) -> u64 {
    ((owner as u64) << (SLOT_BITS + GENERATION_BITS)) | (u64::from(slot) << GENERATION_BITS) | u64::from(generation)
}

pub(crate) fn owner(root: u64) -> usize {
    (root >> (SLOT_BITS + GENERATION_BITS)) as usize
}

pub(crate) fn slot(root: u64) -> usize {
    (root >> GENERATION_BITS) as usize & (MAX_SLOTS - 1)
}

pub(crate) fn generation(root: u64) -> u32 {
    root as u32 & GENERATION_MASK
}

/// The generation after this one; never 0, so that no root is 0.
pub(crate) fn next_generation(generation: u32) -> u32 {
    match (generation + 1) & GENERATION_MASK {
        0 => 1,
        g => g,
    }
}

/// Edge ids: a counter, mixed so that they look random. XORs of plain small numbers would collide.
pub(crate) struct Edges {
    counter: u64,
}

impl Edges {
    pub(crate) fn new(seed: u64) -> Edges {
        Edges { counter: seed }
    }

    /// The next id; never 0, which would be no edge at all.
    #[inline]
    pub(crate) fn next(&mut self) -> u64 {
        loop {
            self.counter = self.counter.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.counter;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^= z >> 31;
            if z != 0 {
                return z;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back() {
        let r = root(MAX - 1, (MAX_SLOTS - 1) as u32, GENERATION_MASK);
        assert_eq!((owner(r), slot(r), generation(r)), (MAX - 1, MAX_SLOTS - 1, GENERATION_MASK));
        assert_eq!(next_generation(GENERATION_MASK), 1);
    }
    const MAX: usize = crate::plan::MAX_SPOUT_TASKS;
}
