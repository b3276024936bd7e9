//! What a task counts. Written by its own thread only, read by whoever asks.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number with one writer: adding needs no locked instruction.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    #[inline]
    pub(crate) fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Of one own stream. On cache lines of its own: what one thread counts must not slow another.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct StreamCounts {
    pub(crate) emitted: Count,
    pub(crate) transferred: Count,
    /// Spouts only.
    pub(crate) acked: Count,
    pub(crate) failed: Count,
    /// Microseconds from emit to ack, of all acked.
    pub(crate) complete_micros: Count,
}

/// Of one input stream.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct InputCounts {
    pub(crate) executed: Count,
    pub(crate) acked: Count,
    pub(crate) failed: Count,
    /// Microseconds inside `execute`, of all executed. Kept in nanoseconds so that short ones add up.
    pub(crate) execute_nanos: Count,
    /// From `execute` to ack, of all acked.
    pub(crate) process_nanos: Count,
}

/// Of one task.
#[derive(Debug)]
pub(crate) struct TaskCounts {
    pub(crate) task: i32,
    pub(crate) is_spout: bool,
    /// In the order of the component's streams.
    pub(crate) streams: Box<[StreamCounts]>,
    /// In the order of the component's inputs.
    pub(crate) inputs: Box<[InputCounts]>,
    /// Times the task held its thread longer than it should.
    pub(crate) overlong: Count,
}

impl TaskCounts {
    pub(crate) fn new(task: i32, is_spout: bool, streams: usize, inputs: usize) -> TaskCounts {
        TaskCounts {
            task,
            is_spout,
            streams: (0..streams).map(|_| StreamCounts::default()).collect(),
            inputs: (0..inputs).map(|_| InputCounts::default()).collect(),
            overlong: Count::default(),
        }
    }
}
