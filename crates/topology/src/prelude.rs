//! What a topology program needs: `use storm::prelude::*;`.

pub use crate::builder::{Topology, TopologyBuilder};
pub use crate::builtins::Builtin;
pub use crate::component::{AckMode, Bolt, ComponentError, MessageId, Progress, Spout};
pub use crate::context::{TaskContext, Waker};
pub use crate::output::{BoltOutput, Emission, SpoutOutput};
pub use crate::tuple::{Anchor, OwnedTuple, Tuple};
pub use crate::value::{Value, ValueRef};
pub use crate::values;
