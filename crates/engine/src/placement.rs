//! Which thread runs which executor. Pure.

use storm_thrift::types::ExecutorInfo;

use crate::plan::{Division, Plan};

/// Executors by thread.
pub(crate) type Placement = Vec<Vec<ExecutorInfo>>;

/// Deals executors out to `shared_threads` threads, and gives each blocking one a thread of its own after those.
///
/// Executors are lined up in layers: the first of each component along the flow of tuples, then the second of each, and so on; the
/// line is cut so that the heaviest part is as light as can be, by a guess at what each does. So a whole pipeline shares a thread as
/// far as that goes, and tuples cross threads seldom.
pub(crate) fn place(
    plan: &Plan,
    executors: &[ExecutorInfo],
    is_blocking: impl Fn(&ExecutorInfo) -> bool,
    shared_threads: usize,
) -> Placement {
    let rank = flow_order(plan);
    let (blocking, others): (Vec<&ExecutorInfo>, Vec<&ExecutorInfo>) = executors.iter().partition(|e| is_blocking(e));
    let mut seen = vec![0_usize; plan.components.len()];
    let mut line: Vec<(usize, usize, &ExecutorInfo)> = Vec::new();
    let mut others = others;
    others.sort();
    for e in others {
        let component = plan.component_of[e.task_start as usize - 1];
        line.push((seen[component], rank[component], e));
        seen[component] += 1;
    }
    line.sort();
    let weights: Vec<usize> =
        line.iter().map(|(_, _, e)| weight(plan, plan.component_of[e.task_start as usize - 1])).collect();
    let mut line = line.into_iter();
    let mut placement: Placement = parts(&weights, shared_threads.max(1))
        .into_iter()
        .map(|count| line.by_ref().take(count).map(|(_, _, e)| e.clone()).collect())
        .collect();
    placement.extend(blocking.into_iter().map(|e| vec![e.clone()]));
    placement
}

/// A guess at the work of an executor. Emitting costs as much as taking a tuple. A bolt that is sent tuples by their fields looks
/// something up for each, and most often it stands behind one that makes many tuples of one.
fn weight(plan: &Plan, component: usize) -> usize {
    let emits = plan.streams.iter().any(|s| s.component == component && !s.subscriptions.is_empty());
    let keyed = |d: &Division| matches!(d, Division::Fields(_) | Division::PartialKey(_));
    let mut inputs = plan.streams.iter().flat_map(|s| &s.subscriptions).filter(|s| s.component == component);
    1 + usize::from(emits) + if inputs.any(|s| keyed(&s.division)) { 2 } else { 0 }
}

/// Cuts a line into at most so many parts, of which the heaviest is as light as can be; how many are in each.
fn parts(weights: &[usize], most: usize) -> Vec<usize> {
    let cut = |limit: usize| {
        let mut parts: Vec<usize> = Vec::new();
        let mut load = 0;
        for w in weights {
            match parts.last_mut() {
                Some(count) if load + w <= limit => {
                    *count += 1;
                    load += w;
                }
                _ => {
                    parts.push(1);
                    load = *w;
                }
            }
        }
        parts
    };
    let heaviest = weights.iter().copied().max().unwrap_or_default();
    (heaviest..).map(cut).find(|parts| parts.len() <= most).unwrap_or_default()
}

/// The place of each component along the flow: spouts first, then by distance from them.
fn flow_order(plan: &Plan) -> Vec<usize> {
    let n = plan.components.len();
    let mut rank = vec![usize::MAX; n];
    let mut layer: Vec<usize> =
        (0..n).filter(|c| plan.components[*c].tasks.first().is_some_and(|t| plan.spout_tasks.contains(t))).collect();
    let mut distance = 0;
    while !layer.is_empty() {
        layer.retain(|c| rank[*c] == usize::MAX);
        layer.iter().for_each(|c| rank[*c] = distance);
        distance += 1;
        layer = plan
            .streams
            .iter()
            .filter(|s| layer.contains(&s.component))
            .flat_map(|s| s.subscriptions.iter().map(|sub| sub.component))
            .collect();
    }
    rank
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn the_heaviest_part_is_as_light_as_can_be() {
        // A chain, a word count, two word counts, a spout with four of a bolt.
        assert_eq!(parts(&[2, 2, 1], 2), [1, 2]);
        assert_eq!(parts(&[2, 2, 3], 2), [2, 1]);
        assert_eq!(parts(&[2, 2, 3, 2, 2, 3], 2), [3, 3]);
        assert_eq!(parts(&[2, 2, 1, 2, 2, 2], 2), [3, 3]);
    }

    #[test]
    fn nobody_is_left_out_and_threads_may_be() {
        assert_eq!(parts(&[], 2), [0; 0]);
        assert_eq!(parts(&[1, 9, 1], 1), [3]);
        assert_eq!(parts(&[1, 9], 8), [1, 1]);
        assert_eq!(parts(&[1, 1, 1, 1], 3), [2, 2]);
    }
}
