//! The tables behind the types and services, as data: ids, names, types and requiredness, for judges and for `schema`.

use crate::wire::DecodeError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Struct,
    Exception,
    Union,
    Enum,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldDesc {
    pub id: i16,
    /// The name in the IDL (Rust fields are snake case).
    pub name: &'static str,
    /// The type as the IDL writes it, e.g. `map<string,list<i64>>`; structs and enums by name.
    pub type_name: String,
    /// `required`, `optional`, `default` (no word in the IDL) or `union`.
    pub requiredness: &'static str,
}

/// Decodes a value of a type and encodes it again.
pub type Reencode = fn(&[u8]) -> Result<Vec<u8>, DecodeError>;

#[derive(Debug, Clone)]
pub struct TypeDesc {
    pub name: &'static str,
    pub kind: Kind,
    /// Fields in order of their ids; empty for an enum.
    pub fields: Vec<FieldDesc>,
    /// Numbers and names of an enum.
    pub values: Vec<(i32, &'static str)>,
    pub reencode: Option<Reencode>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodDesc {
    pub name: &'static str,
    pub args: Vec<FieldDesc>,
    /// `void` or a type.
    pub returns: String,
    /// Id, field name and type of each declared exception.
    pub throws: Vec<(i16, &'static str, &'static str)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceDesc {
    pub name: &'static str,
    pub methods: Vec<MethodDesc>,
}

/// Implemented by every struct, union, exception and enum of [`crate::types`].
pub trait Described {
    fn describe() -> TypeDesc;
}

/// Every type, in the order of [`crate::types`].
pub fn all_types() -> Vec<TypeDesc> {
    crate::types::all()
}

/// Every service, with its methods.
pub fn all_services() -> Vec<ServiceDesc> {
    vec![
        crate::nimbus::describe(),
        crate::supervisor::describe(),
        crate::drpc::describe(),
        crate::drpc::invocations::describe(),
    ]
}
