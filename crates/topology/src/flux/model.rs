//! A Flux file as it is written, checked for shape only.

use serde_json::{Map, Value};
use storm_conf::YamlNode;

use super::error::Spot;

#[derive(Default)]
pub(super) struct Definition {
    pub(super) name: Option<String>,
    pub(super) config: Map<String, Value>,
    pub(super) spouts: Vec<Component>,
    pub(super) bolts: Vec<Component>,
    pub(super) streams: Vec<Stream>,
    /// Things only Java can make: what, and where.
    pub(super) javas: Vec<(String, Spot)>,
}

/// A spout or a bolt.
#[derive(Clone)]
pub(super) struct Component {
    pub(super) spot: Spot,
    pub(super) id: String,
    pub(super) class: Located<String>,
    pub(super) arguments: Vec<Located<YamlNode>>,
    pub(super) properties: Vec<(String, Located<Value>)>,
    pub(super) methods: Vec<Method>,
    pub(super) parallelism: i32,
    pub(super) tasks: Option<i32>,
    /// Resource keys of the component's configuration.
    pub(super) loads: Vec<(&'static str, f64)>,
}

#[derive(Clone)]
pub(super) struct Method {
    pub(super) name: Located<String>,
    pub(super) arguments: Vec<Located<YamlNode>>,
}

#[derive(Clone)]
pub(super) struct Stream {
    pub(super) from: Located<String>,
    pub(super) to: Located<String>,
    pub(super) grouping: Located<String>,
    pub(super) stream_id: String,
    pub(super) fields: Vec<Located<String>>,
    /// The class of a CUSTOM grouping.
    pub(super) custom: Option<Located<String>>,
}

#[derive(Clone)]
pub(super) struct Located<T> {
    pub(super) spot: Spot,
    pub(super) value: T,
}

pub(super) fn located<T>(spot: Spot, value: T) -> Located<T> {
    Located { spot, value }
}
