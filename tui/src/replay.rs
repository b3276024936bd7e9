//! Recorded answers, played again with a clock of their own.

use crate::source::Answer;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Replay {
    frames: Vec<Answer>,
    /// The first frame that has not been played.
    next: usize,
    pub now_ms: u64,
    pub playing: bool,
    /// Recorded seconds in a second.
    pub speed: u32,
    /// The real clock at the last tick.
    real_ms: Option<u64>,
}

impl Replay {
    pub fn new(mut frames: Vec<Answer>) -> Replay {
        frames.sort_by_key(|f| f.at_ms);
        let now_ms = frames.first().map_or(0, |f| f.at_ms);
        Replay { frames, next: 0, now_ms, playing: true, speed: 1, real_ms: None }
    }

    pub fn from_ms(&self) -> u64 {
        self.frames.first().map_or(0, |f| f.at_ms)
    }

    pub fn to_ms(&self) -> u64 {
        self.frames.last().map_or(0, |f| f.at_ms)
    }

    pub fn len(&self) -> usize {
        self.frames.len()
    }

    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Goes on with the real clock, and gives the frames that are due.
    pub fn tick(&mut self, real_ms: u64) -> Vec<Answer> {
        let passed = self.real_ms.map_or(0, |before| real_ms.saturating_sub(before));
        self.real_ms = Some(real_ms);
        if self.playing {
            self.now_ms = (self.now_ms + passed * u64::from(self.speed)).min(self.to_ms());
        }
        self.due()
    }

    fn due(&mut self) -> Vec<Answer> {
        let end = self.next + self.frames[self.next..].iter().take_while(|f| f.at_ms <= self.now_ms).count();
        let due = self.frames[self.next..end].to_vec();
        self.next = end;
        due
    }

    /// To another time; `true` when everything known must be forgotten and played anew up to there.
    pub fn seek(&mut self, to_ms: u64) -> bool {
        let to_ms = to_ms.clamp(self.from_ms(), self.to_ms());
        let back = to_ms < self.now_ms;
        self.now_ms = to_ms;
        if back {
            self.next = 0;
        }
        back
    }

    pub fn faster(&mut self, more: bool) {
        self.speed = if more { (self.speed * 2).min(64) } else { (self.speed / 2).max(1) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Cluster;
    use crate::source::{Data, Source};

    #[test]
    fn frames_come_at_their_time_and_again_after_going_back() {
        let frame = |at_ms| Answer { source: Source::Cluster, at_ms, result: Ok(Data::Cluster(Cluster::default())) };
        let mut r = Replay::new(vec![frame(9000), frame(5000), frame(7000)]);
        assert_eq!((r.from_ms(), r.to_ms()), (5000, 9000));
        assert_eq!(r.tick(100).len(), 1);
        r.faster(true);
        assert_eq!(r.tick(1100).iter().map(|f| f.at_ms).collect::<Vec<_>>(), [7000]);
        r.playing = false;
        assert!(r.tick(90_000).is_empty());
        assert!(r.seek(0));
        assert_eq!((r.now_ms, r.tick(90_001).len()), (5000, 1));
        assert!(!r.seek(u64::MAX));
        assert_eq!(r.tick(90_002).len(), 2);
    }
}
