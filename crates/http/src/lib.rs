//! What Storm's HTTP daemons have in common: where they listen, how many they serve at a time, how they answer and refuse,
//! and who may change something.
#![forbid(unsafe_code)]

mod answer;
mod error;
mod guard;
mod headers;
mod listen;
mod query;
mod server;
mod text;

pub use answer::{Json, error, jsonp};
pub use error::HttpError;
pub use guard::{Names, refusal};
pub use headers::{PageHeaders, page_headers};
pub use listen::Listen;
pub use query::Query;
pub use server::serve;
pub use text::{authority, escape, form_encode};
