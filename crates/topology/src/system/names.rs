//! Storm's names for its own components and streams, and the order in which Java sorts names.

use std::cmp::Ordering;

/// The component that tracks trees.
pub const ACKER: &str = "__acker";
/// The component that logs sampled tuples.
pub const EVENT_LOGGER: &str = "__eventlogger";
/// The component that is in every worker.
pub const SYSTEM: &str = "__system";
/// A metrics consumer is called this and its class name.
pub const METRICS_PREFIX: &str = "__metrics_";

/// The stream of an emit that names none.
pub const DEFAULT_STREAM: &str = "default";
/// Spout to acker: a new tree.
pub const ACK_INIT_STREAM: &str = "__ack_init";
/// To the acker: a tuple is acked; from it: a tree is complete.
pub const ACK_ACK_STREAM: &str = "__ack_ack";
/// The same for failures.
pub const ACK_FAIL_STREAM: &str = "__ack_fail";
/// The same for more time.
pub const ACK_RESET_STREAM: &str = "__ack_reset_timeout";
/// Data points for metrics consumers.
pub const METRICS_STREAM: &str = "__metrics";
/// Declared everywhere, used by nobody.
pub const SYSTEM_STREAM: &str = "__system";
/// Sampled tuples for event loggers.
pub const EVENT_LOG_STREAM: &str = "__eventlog";
/// Tick tuples.
pub const TICK_STREAM: &str = "__tick";
/// Flush tuples, inside a worker.
pub const FLUSH_STREAM: &str = "__flush";
/// Ticks for metrics, inside a worker.
pub const METRICS_TICK_STREAM: &str = "__metrics_tick";
/// Heartbeats to multilang bolts.
pub const HEARTBEAT_STREAM: &str = "__heartbeat";

/// The task id of [`SYSTEM`], which every worker has and no assignment names.
pub const SYSTEM_TASK: i32 = -1;

/// Whether a component or a stream of this name is Storm's own.
pub fn is_system_id(id: &str) -> bool {
    id.starts_with("__")
}

/// Java compares strings by UTF-16 code units, which differs from Rust's order beyond the basic plane.
pub fn java_order(a: &str, b: &str) -> Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}
