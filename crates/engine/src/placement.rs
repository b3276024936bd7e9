//! Which thread runs which executor. Pure.

use storm_thrift::types::ExecutorInfo;

use crate::plan::Plan;

/// Executors by thread.
pub(crate) type Placement = Vec<Vec<ExecutorInfo>>;

/// Deals executors out to `shared_threads` threads, and gives each blocking one a thread of its own after those.
///
/// Executors are lined up in layers: the first of each component along the flow of tuples, then the second of each, and so on; the
/// line is cut into equal parts. So a whole pipeline shares a thread as far as that goes, and tuples cross threads seldom.
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
    let threads = shared_threads.clamp(1, line.len().max(1));
    let mut placement: Placement = Vec::new();
    let (size, longer) = (line.len() / threads, line.len() % threads);
    let mut rest = line.as_slice();
    for i in 0..threads {
        let (part, after) = rest.split_at(size + usize::from(i < longer));
        rest = after;
        if !part.is_empty() {
            placement.push(part.iter().map(|(_, _, e)| (*e).clone()).collect());
        }
    }
    placement.extend(blocking.into_iter().map(|e| vec![e.clone()]));
    placement
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
