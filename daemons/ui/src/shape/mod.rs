//! Documents of the REST API, made of Nimbus' answers. Pure: nothing is asked, and the time is a parameter.

/// An object with these members, in this order.
macro_rules! object {
    ($( $key:literal : $value:expr ),* $(,)?) => {{
        let mut object = serde_json::Map::new();
        $( object.insert($key.to_owned(), serde_json::json!($value)); )*
        object
    }};
}

mod cluster;
mod component;
mod graph;
mod levels;
mod links;
mod owners;
mod supervisor;
mod text;
mod topology;

pub use cluster::{Site, cluster, configuration, nimbuses};
pub use component::{Asked, component};
pub use graph::{graph, stream_boxes};
pub use levels::{change_of, levels};
pub use links::Links;
pub use owners::{owner, owners};
pub use supervisor::{supervisor_page, supervisors};
pub use text::is_window;
pub use topology::{hosts_and_ports, topologies, topology};
