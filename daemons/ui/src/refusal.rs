//! Why a request has no answer.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use storm_thrift::{ClientError, Exception};

#[derive(Debug)]
pub enum Refusal {
    Nimbus(ClientError),
    /// What was asked for makes no sense.
    Request(String),
    /// It is not done here.
    Forbidden(String),
}

impl From<ClientError> for Refusal {
    fn from(e: ClientError) -> Refusal {
        Refusal::Nimbus(e)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Refusal::Nimbus(e) => {
                let status = match e.declared() {
                    Some(Exception::AuthorizationException(_)) => StatusCode::UNAUTHORIZED,
                    _ => StatusCode::INTERNAL_SERVER_ERROR,
                };
                tracing::debug!(code = e.code(), "{e}");
                storm_http::error(status, &e.to_string())
            }
            // Storm answers a number that is none with this status too.
            Refusal::Request(what) => storm_http::error(StatusCode::INTERNAL_SERVER_ERROR, &what),
            Refusal::Forbidden(why) => storm_http::error(StatusCode::FORBIDDEN, &why),
        }
    }
}
