//! What a reliable source keeps of its texts: which have been acked, which have to be sent again. A text is its number. Pure.

use std::collections::VecDeque;

/// Texts between the first that is not acked and the newest; a source that is so far ahead waits.
const MOST_OPEN: u64 = 1 << 26;

#[derive(Debug, Default)]
pub struct Kept {
    /// Number of the first bit in `acked`, a multiple of 64.
    first: u64,
    /// One bit a text, set when it was acked.
    acked: VecDeque<u64>,
    next: u64,
    again: VecDeque<u64>,
}

impl Kept {
    /// Goes on where an earlier life ended: everything below `base` was acked, and nothing from `next` on was ever sent.
    pub fn resume(base: u64, next: u64) -> Kept {
        let first = base / 64 * 64;
        let words = (next - first).div_ceil(64) as usize;
        let mut kept = Kept { first, acked: vec![0; words].into(), next, again: (base..next).collect() };
        if let Some(word) = kept.acked.front_mut() {
            *word = (1 << (base % 64)) - 1;
        }
        kept
    }

    /// A text that has to be sent again.
    pub fn again(&mut self) -> Option<u64> {
        self.again.pop_front()
    }

    /// A text that was never sent, unless too many are open.
    pub fn fresh(&mut self) -> Option<u64> {
        if self.next - self.first >= MOST_OPEN {
            return None;
        }
        let id = self.next;
        self.next += 1;
        if self.next - self.first > self.acked.len() as u64 * 64 {
            self.acked.push_back(0);
        }
        Some(id)
    }

    /// The number of the next fresh text.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Takes an ack; whether there was one to take: the text was sent, and not acked before.
    pub fn ack(&mut self, id: u64) -> bool {
        if !self.is_open(id) {
            return false;
        }
        let at = id - self.first;
        self.acked[(at / 64) as usize] |= 1 << (at % 64);
        while self.acked.front() == Some(&u64::MAX) {
            self.acked.pop_front();
            self.first += 64;
        }
        true
    }

    /// Takes a failure: the text will be sent again. Whether there was anything to fail.
    pub fn fail(&mut self, id: u64) -> bool {
        let open = self.is_open(id);
        if open {
            self.again.push_back(id);
        }
        open
    }

    /// Sent, and not acked.
    fn is_open(&self, id: u64) -> bool {
        let Some(at) = id.checked_sub(self.first).filter(|_| id < self.next) else { return false };
        self.acked[(at / 64) as usize] & (1 << (at % 64)) == 0
    }

    /// Every text below this was acked.
    pub fn base(&self) -> u64 {
        self.first + self.acked.front().map_or(0, |word| u64::from(word.trailing_ones()))
    }

    /// Whether everything that was sent has been acked.
    pub fn is_settled(&self) -> bool {
        self.base() == self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_follows_the_first_that_is_open() {
        let mut kept = Kept::default();
        let sent: Vec<u64> = (0..200).filter_map(|_| kept.fresh()).collect();
        assert_eq!(sent, (0..200).collect::<Vec<_>>());
        assert!(sent.iter().filter(|id| **id != 70).all(|id| kept.ack(*id)));
        assert_eq!((kept.base(), kept.is_settled()), (70, false));
        assert!(kept.fail(70) && kept.again() == Some(70) && kept.again().is_none());
        assert!(kept.ack(70));
        assert_eq!((kept.base(), kept.next(), kept.is_settled()), (200, 200, true));
    }

    #[test]
    fn what_was_never_sent_or_is_done_cannot_be_acked_or_failed() {
        let mut kept = Kept::default();
        assert!(!kept.ack(0) && !kept.fail(0));
        (0..70).for_each(|_| assert!(kept.fresh().is_some()));
        assert!(kept.ack(3) && !kept.ack(3) && !kept.fail(3));
        assert!(!kept.ack(70));
    }

    #[test]
    fn a_new_life_sends_again_what_was_open() {
        for (base, next) in [(0, 0), (0, 64), (70, 200), (128, 128), (127, 129)] {
            let mut kept = Kept::resume(base, next);
            assert_eq!((kept.base(), kept.next()), (base, next));
            let again: Vec<u64> = std::iter::from_fn(|| kept.again()).collect();
            assert_eq!(again, (base..next).collect::<Vec<_>>());
            assert_eq!(kept.fresh(), Some(next));
            assert!(again.iter().chain([&next]).all(|id| kept.ack(*id)), "{base} {next}");
            assert!(kept.is_settled());
        }
    }

    #[test]
    fn one_text_that_never_comes_back_holds_up_the_source_and_not_memory() {
        let mut kept = Kept::default();
        assert_eq!(kept.fresh(), Some(0));
        let mut sent = 1;
        while let Some(id) = kept.fresh() {
            assert!(kept.ack(id));
            sent += 1;
        }
        assert_eq!(sent, MOST_OPEN);
        assert!(kept.ack(0) && kept.is_settled() && kept.fresh() == Some(MOST_OPEN));
    }
}
