//! Topologies: how they are described, checked, packed and submitted, and the traits that spouts and bolts implement.
// One module, `multilang::process`, needs it between fork and exec.
#![deny(unsafe_code)]
#![warn(missing_docs)]

pub mod builder;
pub mod builtins;
mod component;
mod context;
mod describe;
pub mod flux;
pub mod jar;
pub mod multilang;
mod output;
pub mod package;
pub mod prelude;
mod rows;
mod run;
pub mod submit;
pub mod system;
mod tuple;
mod value;

#[doc(hidden)]
pub use component::Watch;
pub use component::{
    AckMode, Bolt, ComponentError, ComponentFactory, ComponentInstance, HOLDS_THREAD, MessageId, Progress, Spout,
};
pub use context::{InputStream, OutputStream, TaskContext, Waker};
pub use describe::{DescriptionError, TopologyDescription};
pub use output::{BoltOutput, Collector, Emission, Link, SpoutOutput};
pub use rows::{Malformed, Rows};
pub use run::{Asked, RowRun, RunEnd};
pub use tuple::{Anchor, Fields, Lineage, OwnedTuple, SYSTEM_COMPONENT, TICK_STREAM, Tuple, TupleSource};
pub use value::{Value, ValueRef};
