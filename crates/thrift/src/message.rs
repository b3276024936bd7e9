//! The envelope of a call and of its answer, and the errors that travel in it.

use crate::types::{
    AlreadyAliveException, AuthorizationException, DRPCExecutionException, IllegalStateException,
    InvalidTopologyException, KeyAlreadyExistsException, KeyNotFoundException, NotAliveException,
};
use crate::wire::{DecodeError, Reader, ttype, write_blob, write_field};

const VERSION_1: u32 = 0x8001_0000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageType {
    Call = 1,
    Reply = 2,
    Exception = 3,
    Oneway = 4,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub name: String,
    pub kind: MessageType,
    pub seq: i32,
}

impl Header {
    pub fn new(name: &str, kind: MessageType, seq: i32) -> Header {
        Header { name: name.to_owned(), kind, seq }
    }

    /// Writes the strict form, as Storm's clients and servers do.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(VERSION_1 | self.kind as u32).to_be_bytes());
        write_blob(out, self.name.as_bytes());
        out.extend_from_slice(&self.seq.to_be_bytes());
    }

    /// Reads the strict form and the old one without a version word.
    pub fn read(r: &mut Reader<'_>) -> Result<Header, DecodeError> {
        let word = r.i32()?;
        let (name, kind) = if word < 0 {
            let word = word as u32;
            if word & 0xffff_0000 != VERSION_1 {
                return Err(DecodeError::Message(format!("bad version word {word:#010x}")));
            }
            (r.text()?.to_owned(), word as u8)
        } else {
            let bytes = r.take(word as usize)?;
            let name = std::str::from_utf8(bytes)
                .map_err(|_| DecodeError::Message("method name is not UTF-8".to_owned()))?
                .to_owned();
            (name, r.byte()?)
        };
        let kind = match kind {
            1 => MessageType::Call,
            2 => MessageType::Reply,
            3 => MessageType::Exception,
            4 => MessageType::Oneway,
            other => return Err(DecodeError::Message(format!("message type {other}"))),
        };
        Ok(Header { name, kind, seq: r.i32()? })
    }
}

/// Numbers of thrift's `TApplicationException`.
pub mod application {
    pub const UNKNOWN_METHOD: i32 = 1;
    pub const BAD_SEQUENCE_ID: i32 = 4;
    pub const MISSING_RESULT: i32 = 5;
    pub const INTERNAL_ERROR: i32 = 6;
    pub const PROTOCOL_ERROR: i32 = 7;
}

/// An error that the called method does not declare.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ApplicationError {
    pub kind: i32,
    pub message: String,
}

impl ApplicationError {
    pub fn new(kind: i32, message: impl Into<String>) -> ApplicationError {
        ApplicationError { kind, message: message.into() }
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        write_field(out, ttype::STRING, 1);
        write_blob(out, self.message.as_bytes());
        write_field(out, ttype::I32, 2);
        out.extend_from_slice(&self.kind.to_be_bytes());
        out.push(ttype::STOP);
    }

    pub fn read(r: &mut Reader<'_>) -> Result<ApplicationError, DecodeError> {
        r.nested(|r| {
            let mut e = ApplicationError { kind: 0, message: String::new() };
            while let Some((code, id)) = r.field()? {
                match (id, code) {
                    (1, ttype::STRING) => e.message = r.text()?.to_owned(),
                    (2, ttype::I32) => e.kind = r.i32()?,
                    _ => r.skip(code)?,
                }
            }
            Ok(e)
        })
    }
}

macro_rules! exceptions {
    ($($name:ident),*) => {
        /// An exception that a method of Storm's services declares.
        #[derive(Debug, Clone, PartialEq, thiserror::Error)]
        pub enum Exception {
            $( #[error("{}", .0.msg)] $name($name), )*
        }

        impl Exception {
            /// The name of its thrift type.
            pub fn name(&self) -> &'static str {
                match self { $( Exception::$name(_) => stringify!($name), )* }
            }

            pub fn msg(&self) -> &str {
                match self { $( Exception::$name(e) => &e.msg, )* }
            }
        }

        $(
            impl From<$name> for Exception {
                fn from(e: $name) -> Exception { Exception::$name(e) }
            }
            impl From<$name> for ServiceError {
                fn from(e: $name) -> ServiceError { ServiceError::Declared(Exception::$name(e)) }
            }
        )*
    };
}
exceptions!(
    AlreadyAliveException,
    NotAliveException,
    AuthorizationException,
    InvalidTopologyException,
    KeyNotFoundException,
    IllegalStateException,
    KeyAlreadyExistsException,
    DRPCExecutionException
);

/// What a handler answers when it does not succeed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ServiceError {
    /// Travels as itself where the method declares it, else as an `INTERNAL_ERROR`.
    #[error("{}: {}", .0.name(), .0.msg())]
    Declared(Exception),
    /// Travels as a `TApplicationException` with this text.
    #[error(transparent)]
    Application(#[from] ApplicationError),
    /// An answer of nothing: the Java client sees `MISSING_RESULT`.
    #[error("no result")]
    NoResult,
}

impl ServiceError {
    /// An undeclared error with its own text.
    pub fn internal(message: impl Into<String>) -> ServiceError {
        ServiceError::Application(ApplicationError::new(application::INTERNAL_ERROR, message))
    }
}
