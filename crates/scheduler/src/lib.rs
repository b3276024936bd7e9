//! Who runs what, decided without I/O and without a clock: [`schedule`] turns a [`Problem`] into a [`Solution`].
#![forbid(unsafe_code)]

mod default;
mod even;
mod policy;
mod problem;
mod resources;
mod working;

pub use policy::{Policy, UnknownScheduler};
pub use problem::{Executor, Node, Placement, Problem, Slot, Solution, TopologyDetails};
pub use resources::{Request, SharedMemory, component_request};

use working::Working;

/// Places every executor that has no place yet, by the problem's policy.
pub fn schedule(problem: &Problem) -> Solution {
    let mut working = Working::new(problem);
    for topology in &problem.topologies {
        if !working.needs_scheduling(topology) {
            continue;
        }
        match problem.policy {
            Policy::Default => default::schedule(topology, &mut working),
            Policy::Even => even::schedule(topology, &mut working),
        }
    }
    working.into_solution(problem)
}
