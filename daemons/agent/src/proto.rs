//! The protocol, made from `proto/agent.proto`.

#![allow(clippy::all, reason = "made by a generator")]

tonic::include_proto!("stormctl.agent.v1");

/// The protocol as the reflection service tells it.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/agent.bin"));
