//! What can be wrong with a topology.

use std::fmt;

/// One mistake in a topology. The texts follow Storm's where Storm has one.
#[allow(missing_docs, reason = "the messages say what each is")]
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TopologyProblem {
    #[error("{id} is not a valid component id: names that start with __ belong to Storm; rename it")]
    ReservedComponent { id: String },
    #[error("{stream} is not a valid stream id (component [{component}]): names that start with __ belong to Storm")]
    ReservedStream { component: String, stream: String },
    #[error("Duplicate component ids: [{id}] is both a spout and a bolt; rename one")]
    DuplicateComponent { id: String },
    #[error("May not declare inputs for a spout: [{spout}] subscribes from [{source_component}]")]
    SpoutWithInputs { spout: String, source_component: String },
    #[error("a topology needs at least one spout; this one has {bolts} bolts and none")]
    NoSpout { bolts: usize },
    #[error("Component: [{component}] subscribes from non-existent component [{missing}]; known are: {known}")]
    MissingComponent { component: String, missing: String, known: String },
    #[error(
        "Component: [{component}] subscribes from non-existent stream: [{stream}] of component \
         [{source_component}]; it declares: {known}"
    )]
    MissingStream { component: String, source_component: String, stream: String, known: String },
    #[error(
        "Component: [{component}] subscribes from stream: [{stream}] of component [{source_component}] with \
         non-existent fields: {missing}; the stream has: {known}"
    )]
    MissingFields { component: String, source_component: String, stream: String, missing: String, known: String },
    #[error(
        "the components {components} take tuples only from one another, in a circle that no spout feeds: nothing would ever \
         come; subscribe one of them to a spout"
    )]
    UnfedCycle { components: String },
    #[error("stream [{stream}] of component [{component}] names the field [{field}] twice")]
    DuplicateField { component: String, stream: String, field: String },
    #[error(
        "component [{component}]: Number of executors must be greater than 0 when number of tasks is greater than 0"
    )]
    NoExecutors { component: String },
    #[error("component [{component}]: {what} is {value}; it must not be negative")]
    Negative { component: String, what: &'static str, value: i64 },
    #[error("the topology has {tasks} tasks; Storm's messages have room for {limit}")]
    TooManyTasks { tasks: i64, limit: i64 },
    #[error("component [{component}]: its configuration is not a JSON object: {cause}")]
    BadComponentConf { component: String, cause: String },
    #[error("{place}: {key} must be a whole number, not {value}")]
    NotANumber { place: String, key: String, value: String },
    #[error("{key} must be a list of maps, each with a class: {value}")]
    BadMetricsConsumers { key: String, value: String },
    #[error("topology name [{name}] is not valid: {why}")]
    BadName { name: String, why: String },
}

/// A topology that cannot run, with everything that is wrong with it.
#[derive(Debug, Clone, PartialEq)]
pub struct InvalidTopology {
    /// Every mistake.
    pub problems: Vec<TopologyProblem>,
}

impl InvalidTopology {
    /// The stable code word.
    pub fn code(&self) -> &'static str {
        "topology/invalid"
    }
}

impl From<TopologyProblem> for InvalidTopology {
    fn from(problem: TopologyProblem) -> Self {
        InvalidTopology { problems: vec![problem] }
    }
}

impl fmt::Display for InvalidTopology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, p) in self.problems.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{p}")?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidTopology {}
