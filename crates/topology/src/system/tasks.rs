//! Tasks dealt out to executors.

use storm_thrift::types::ExecutorInfo;

/// The executors of one component: its tasks, in order, in `count` runs of which the longer ones come first.
///
/// Runs that would be empty are left out, so there are never more executors than tasks.
pub fn executors_of(tasks: &[i32], count: i32) -> Vec<ExecutorInfo> {
    let count = usize::try_from(count).unwrap_or(0).min(tasks.len());
    if count == 0 {
        return Vec::new();
    }
    let (size, longer) = (tasks.len() / count, tasks.len() % count);
    let mut rest = tasks;
    let mut out = Vec::with_capacity(count);
    for i in 0..count {
        let (run, after) = rest.split_at(size + usize::from(i < longer));
        rest = after;
        if let (Some(&task_start), Some(&task_end)) = (run.first(), run.last()) {
            out.push(ExecutorInfo { task_start, task_end });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(tasks: std::ops::RangeInclusive<i32>, count: i32) -> Vec<(i32, i32)> {
        executors_of(&tasks.collect::<Vec<_>>(), count).into_iter().map(|e| (e.task_start, e.task_end)).collect()
    }

    #[test]
    fn longer_runs_come_first() {
        assert_eq!(runs(5..=14, 4), [(5, 7), (8, 10), (11, 12), (13, 14)]);
        assert_eq!(runs(1..=4, 2), [(1, 2), (3, 4)]);
    }

    #[test]
    fn never_more_executors_than_tasks() {
        assert_eq!(runs(1..=2, 5), [(1, 1), (2, 2)]);
        assert_eq!(runs(1..=3, 0), []);
        assert_eq!(runs(1..=3, -1), []);
        assert_eq!(executors_of(&[], 3), []);
    }
}
