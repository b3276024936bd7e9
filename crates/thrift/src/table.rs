//! The macros that turn one table per type into the type, its codec and its description.

/// `required` is the plain type, `optional` and `default` (no word in the IDL) an `Option`, `preset` the plain type with the
/// default of the IDL, which Java writes even when nobody set it.
macro_rules! field_type {
    (required $t:ty) => { $t };
    (preset $t:ty) => { $t };
    (optional $t:ty) => { Option<$t> };
    (default $t:ty) => { Option<$t> };
}

macro_rules! field_word {
    (preset) => {
        "optional"
    };
    ($req:ident) => {
        stringify!($req)
    };
}

macro_rules! field_write {
    (required, $t:ty, $out:ident, $id:literal, $value:expr) => {
        $crate::wire::write_field($out, <$t as $crate::wire::Wire>::TYPE, $id);
        $crate::wire::Wire::write(&$value, $out);
    };
    (preset, $t:ty, $out:ident, $id:literal, $value:expr) => {
        field_write!(required, $t, $out, $id, $value)
    };
    ($req:ident, $t:ty, $out:ident, $id:literal, $value:expr) => {
        if let Some(v) = &$value {
            $crate::wire::write_field($out, <$t as $crate::wire::Wire>::TYPE, $id);
            $crate::wire::Wire::write(v, $out);
        }
    };
}

macro_rules! field_finish {
    (required, $value:ident, $type_name:expr, $wire:expr) => {
        $value.ok_or($crate::wire::DecodeError::Missing { type_name: $type_name, field: $wire })?
    };
    (preset, $value:ident, $type_name:expr, $wire:expr, $preset:expr) => {
        $value.unwrap_or_else(|| $preset)
    };
    ($req:ident, $value:ident, $type_name:expr, $wire:expr) => {
        $value
    };
}

macro_rules! field_default {
    (preset, $preset:expr) => {
        $preset
    };
    ($req:ident) => {
        Default::default()
    };
}

/// Reads the fields of a struct into one `Option` variable each, up to and including the stop byte.
macro_rules! read_fields {
    ($r:ident, $( $id:literal $field:ident $t:ty ),*) => {
        $( let mut $field: Option<$t> = None; )*
        while let Some((code, id)) = $r.field()? {
            match id {
                $( $id if code == <$t as $crate::wire::Wire>::TYPE => $field = Some(<$t as $crate::wire::Wire>::read($r)?), )*
                _ => $r.skip(code)?,
            }
        }
    };
}

macro_rules! field_descs {
    ($( $id:literal $req:expr, $wire:literal $t:ty ),*) => {
        vec![$( $crate::describe::FieldDesc {
            id: $id, name: $wire, type_name: <$t as $crate::wire::Wire>::type_name(), requiredness: $req,
        } ),*]
    };
}

macro_rules! thrift_struct {
    ($(#[$m:meta])* $kind:ident $name:ident $([$($extra:ident),*])? {
        $( $(#[$fm:meta])* $id:literal $req:ident $field:ident $wire:literal $t:ty $(= $preset:expr)?; )*
    }) => {
        $(#[$m])*
        #[derive(Debug, Clone, PartialEq $($(, $extra)*)?)]
        pub struct $name { $( $(#[$fm])* pub $field: field_type!($req $t), )* }

        impl $crate::wire::Wire for $name {
            const TYPE: u8 = $crate::wire::ttype::STRUCT;
            fn type_name() -> String { stringify!($name).to_owned() }
            fn write(&self, out: &mut Vec<u8>) {
                $( field_write!($req, $t, out, $id, self.$field); )*
                out.push($crate::wire::ttype::STOP);
            }
            fn read(r: &mut $crate::wire::Reader<'_>) -> Result<Self, $crate::wire::DecodeError> {
                r.nested(|r| {
                    read_fields!(r, $( $id $field $t ),*);
                    Ok($name { $( $field: field_finish!($req, $field, stringify!($name), $wire $(, $preset)?), )* })
                })
            }
        }

        impl $crate::describe::Described for $name {
            fn describe() -> $crate::describe::TypeDesc {
                $crate::describe::TypeDesc {
                    name: stringify!($name),
                    kind: $crate::describe::Kind::$kind,
                    fields: field_descs!($( $id field_word!($req), $wire $t ),*),
                    values: Vec::new(),
                    reencode: Some(|b| $crate::wire::from_bytes::<$name>(b).map(|v| $crate::wire::to_bytes(&v))),
                }
            }
        }
    };
}

macro_rules! thrift_default {
    ($name:ident { $( $field:ident $req:ident $(= $preset:expr)? ),* }) => {
        impl Default for $name {
            fn default() -> $name {
                $name { $( $field: field_default!($req $(, $preset)?), )* }
            }
        }
    };
}

macro_rules! thrift_union {
    ($(#[$m:meta])* $name:ident { $( $(#[$fm:meta])* $id:literal $variant:ident $wire:literal $t:ty; )* }) => {
        $(#[$m])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $name { $( $(#[$fm])* $variant($t), )* }

        impl $crate::wire::Wire for $name {
            const TYPE: u8 = $crate::wire::ttype::STRUCT;
            fn type_name() -> String { stringify!($name).to_owned() }
            fn write(&self, out: &mut Vec<u8>) {
                match self {
                    $( $name::$variant(v) => {
                        $crate::wire::write_field(out, <$t as $crate::wire::Wire>::TYPE, $id);
                        $crate::wire::Wire::write(v, out);
                    } )*
                }
                out.push($crate::wire::ttype::STOP);
            }
            fn read(r: &mut $crate::wire::Reader<'_>) -> Result<Self, $crate::wire::DecodeError> {
                r.nested(|r| {
                    let mut value = None;
                    while let Some((code, id)) = r.field()? {
                        match id {
                            $( $id if code == <$t as $crate::wire::Wire>::TYPE => {
                                value = Some($name::$variant(<$t as $crate::wire::Wire>::read(r)?));
                            } )*
                            _ => r.skip(code)?,
                        }
                    }
                    value.ok_or($crate::wire::DecodeError::EmptyUnion { type_name: stringify!($name) })
                })
            }
        }

        impl $crate::describe::Described for $name {
            fn describe() -> $crate::describe::TypeDesc {
                $crate::describe::TypeDesc {
                    name: stringify!($name),
                    kind: $crate::describe::Kind::Union,
                    fields: field_descs!($( $id "union", $wire $t ),*),
                    values: Vec::new(),
                    reencode: Some(|b| $crate::wire::from_bytes::<$name>(b).map(|v| $crate::wire::to_bytes(&v))),
                }
            }
        }
    };
}

macro_rules! thrift_enum {
    ($(#[$m:meta])* $name:ident { $first:ident = $first_n:literal $first_wire:literal, $( $variant:ident = $n:literal $wire:literal, )* }) => {
        $(#[$m])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub enum $name { #[default] $first = $first_n, $( $variant = $n, )* }

        impl $name {
            /// The name as the IDL spells it, e.g. `ACTIVE`.
            pub fn name(self) -> &'static str {
                match self { $name::$first => $first_wire, $( $name::$variant => $wire, )* }
            }
        }

        impl $crate::wire::Wire for $name {
            const TYPE: u8 = $crate::wire::ttype::I32;
            fn type_name() -> String { stringify!($name).to_owned() }
            fn write(&self, out: &mut Vec<u8>) {
                $crate::wire::Wire::write(&(*self as i32), out);
            }
            fn read(r: &mut $crate::wire::Reader<'_>) -> Result<Self, $crate::wire::DecodeError> {
                match r.i32()? {
                    $first_n => Ok($name::$first),
                    $( $n => Ok($name::$variant), )*
                    value => Err($crate::wire::DecodeError::Enum { type_name: stringify!($name), value }),
                }
            }
        }

        impl $crate::describe::Described for $name {
            fn describe() -> $crate::describe::TypeDesc {
                $crate::describe::TypeDesc {
                    name: stringify!($name),
                    kind: $crate::describe::Kind::Enum,
                    fields: Vec::new(),
                    values: vec![($first_n, $first_wire), $( ($n, $wire) ),*],
                    reencode: None,
                }
            }
        }
    };
}
