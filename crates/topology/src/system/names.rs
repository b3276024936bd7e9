//! Storm's names for its own components and streams, and the order in which Java sorts names.

use std::cmp::Ordering;

pub const ACKER: &str = "__acker";
pub const EVENT_LOGGER: &str = "__eventlogger";
pub const SYSTEM: &str = "__system";
/// A metrics consumer is called this and its class name.
pub const METRICS_PREFIX: &str = "__metrics_";

pub const DEFAULT_STREAM: &str = "default";
pub const ACK_INIT_STREAM: &str = "__ack_init";
pub const ACK_ACK_STREAM: &str = "__ack_ack";
pub const ACK_FAIL_STREAM: &str = "__ack_fail";
pub const ACK_RESET_STREAM: &str = "__ack_reset_timeout";
pub const METRICS_STREAM: &str = "__metrics";
pub const SYSTEM_STREAM: &str = "__system";
pub const EVENT_LOG_STREAM: &str = "__eventlog";
pub const TICK_STREAM: &str = "__tick";
pub const FLUSH_STREAM: &str = "__flush";
pub const METRICS_TICK_STREAM: &str = "__metrics_tick";
pub const HEARTBEAT_STREAM: &str = "__heartbeat";

/// The task id of [`SYSTEM`], which every worker has and no assignment names.
pub const SYSTEM_TASK: i32 = -1;

pub fn is_system_id(id: &str) -> bool {
    id.starts_with("__")
}

/// Java compares strings by UTF-16 code units, which differs from Rust's order beyond the basic plane.
pub fn java_order(a: &str, b: &str) -> Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}
