//! What every request and every answer must have.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use crate::answer;

/// Of pages, and of the requests for them.
#[derive(Debug)]
pub struct PageHeaders {
    /// The most bytes that the headers of a request may have.
    limit: usize,
    policy: HeaderValue,
}

impl PageHeaders {
    /// A page takes scripts, styles and data from its own server, and nobody may frame it.
    pub fn new(limit: usize) -> Arc<PageHeaders> {
        let policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
        Arc::new(PageHeaders { limit, policy: HeaderValue::from_static(policy) })
    }
}

fn size(headers: &HeaderMap) -> usize {
    // A colon, a blank and a line's end each.
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

/// Refuses requests with too many headers, and adds to each answer what protects its reader.
pub async fn page_headers(State(page): State<Arc<PageHeaders>>, request: Request, next: Next) -> Response {
    let mut response = if size(request.headers()) + request.uri().to_string().len() > page.limit {
        answer::error(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "the headers of the request are too large")
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, page.policy.clone());
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
