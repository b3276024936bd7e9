//! What can go wrong before an engine runs.

/// Why an engine could not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The assignment names a task that the topology does not have.
    #[error(
        "the assignment gives this worker task {task}, but the topology has tasks 1 to {tasks}; submit the topology again"
    )]
    UnknownTask {
        /// The task.
        task: i32,
        /// How many tasks the topology has.
        tasks: usize,
    },
    /// A grouping that only Java code could carry out.
    #[error(
        "component `{component}` takes stream `{stream}` of `{source_component}` with a custom grouping ({what}), which this worker \
         cannot run; use one of Storm's own groupings, or run the topology on Apache Storm's worker"
    )]
    UnsupportedGrouping {
        /// Who takes the stream.
        component: String,
        /// Who emits it.
        source_component: String,
        /// The stream.
        stream: String,
        /// What the grouping is.
        what: String,
    },
    /// A fields grouping on a field that the stream does not have.
    #[error(
        "component `{component}` groups stream `{stream}` of `{source_component}` by field `{field}`, which the stream does not have"
    )]
    UnknownField {
        /// Who takes the stream.
        component: String,
        /// Who emits it.
        source_component: String,
        /// The stream.
        stream: String,
        /// The missing field.
        field: String,
    },
    /// More spout tasks than roots can name.
    #[error(
        "the topology has {tasks} spout tasks, more than the {limit} that can be told apart; lower their parallelism"
    )]
    TooManySpouts {
        /// Spout tasks of the topology.
        tasks: usize,
        /// The limit.
        limit: usize,
    },
    /// A component's program could not be made.
    #[error("component `{component}` (task {task}) could not be created: {cause}")]
    Component {
        /// The component.
        component: String,
        /// The task.
        task: i32,
        /// What its factory said.
        cause: String,
    },
    /// A spout's program for a bolt, or the other way round.
    #[error("component `{component}` (task {task}) is a {declared} in the topology, but its program is a {found}")]
    WrongKind {
        /// The component.
        component: String,
        /// The task.
        task: i32,
        /// What the topology says.
        declared: &'static str,
        /// What the factory made.
        found: &'static str,
    },
    /// A thread could not be started.
    #[error("data thread `{name}` could not be started: {cause}; see the limits on threads of this user (ulimit -u)")]
    Thread {
        /// Name of the thread.
        name: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The worker's port could not be used.
    #[error("the worker's listener cannot be used: {cause}")]
    Listener {
        /// What the system said.
        cause: std::io::Error,
    },
}

impl EngineError {
    /// The stable code word.
    pub fn code(&self) -> &'static str {
        match self {
            EngineError::UnknownTask { .. } => "engine-unknown-task",
            EngineError::UnsupportedGrouping { .. } => "engine-custom-grouping",
            EngineError::UnknownField { .. } => "engine-unknown-field",
            EngineError::TooManySpouts { .. } => "engine-too-many-spouts",
            EngineError::Component { .. } => "engine-component",
            EngineError::WrongKind { .. } => "engine-wrong-kind",
            EngineError::Thread { .. } => "engine-thread",
            EngineError::Listener { .. } => "engine-listener",
        }
    }
}
