//! Topologies: how they are described, checked, packed and submitted, and the traits that spouts and bolts implement.
#![forbid(unsafe_code)]

mod component;
mod context;
mod describe;
pub mod jar;
mod output;
mod rows;
pub mod system;
mod tuple;
mod value;

pub use component::{AckMode, Bolt, ComponentError, ComponentFactory, ComponentInstance, MessageId, Progress, Spout};
pub use context::{InputStream, OutputStream, TaskContext, Waker};
pub use describe::{DescriptionError, TopologyDescription};
pub use output::{BoltOutput, Collector, Emission, Link, SpoutOutput};
pub use rows::Rows;
pub use tuple::{Anchor, Fields, Lineage, OwnedTuple, SYSTEM_COMPONENT, TICK_STREAM, Tuple, TupleSource};
pub use value::{Value, ValueRef};
