//! JSON answers as Storm gives them, and its errors.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::query::Query;

const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=utf-8");
const SCRIPT: HeaderValue = HeaderValue::from_static("application/javascript;charset=utf-8");
/// As Storm spells them.
const ALLOWED_HEADERS: &str = "Content-Type, Access-Control-Allow-Headers, Access-Controler-Allow-Origin, X-Requested-By, \
                               X-Csrf-Token, Authorization, X-Requested-With";
const LONGEST_CALLBACK: usize = 128;

/// A document.
#[derive(Debug, Clone, PartialEq)]
pub struct Json(pub Value);

impl IntoResponse for Json {
    fn into_response(self) -> Response {
        document(StatusCode::OK, &self.0)
    }
}

fn document(status: StatusCode, value: &Value) -> Response {
    let mut response = (status, value.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, JSON);
    let mut set = |name: HeaderName, value: &'static str| headers.insert(name, HeaderValue::from_static(value));
    set(header::CACHE_CONTROL, "no-cache, no-store");
    set(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    set(header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    response
}

/// An error as clients of Storm expect it.
pub fn error(status: StatusCode, message: &str) -> Response {
    // Jetty's phrase for this one.
    let phrase = match status {
        StatusCode::INTERNAL_SERVER_ERROR => "Server Error",
        other => other.canonical_reason().unwrap_or_default(),
    };
    document(status, &json!({ "error": format!("{} {phrase}", status.as_u16()), "errorMessage": message }))
}

/// Gives JSON to who asks for a script with `callback=NAME`: the way of pages from before cross-origin requests.
pub async fn jsonp(request: Request, next: Next) -> Response {
    let callback = Query::of(request.uri()).text("callback").filter(|name| is_callback(name)).map(str::to_owned);
    let response = next.run(request).await;
    match callback {
        Some(name) if is_json(response.headers()) => called(&name, response).await,
        _ => response,
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE) == Some(&JSON)
}

async fn called(name: &str, response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let text = match to_bytes(body, usize::MAX).await {
        Ok(text) => text,
        Err(e) => return error(StatusCode::INTERNAL_SERVER_ERROR, &e.to_string()),
    };
    parts.headers.insert(header::CONTENT_TYPE, SCRIPT);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from([name.as_bytes(), b"(", &text, b");"].concat()))
}

/// One or more identifiers joined by dots: nothing else may stand in a script.
fn is_callback(name: &str) -> bool {
    let part = |p: &str| {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
        p.starts_with(|c: char| word(c) && !c.is_ascii_digit()) && p.chars().all(word)
    };
    name.len() <= LONGEST_CALLBACK && name.split('.').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_can_be_called() {
        for good in ["f", "jQuery1_2", "$", "a.b.c"] {
            assert!(is_callback(good), "{good}");
        }
        for bad in ["", "1f", "a..b", ".a", "alert(1)//", "a b", "é", &"f".repeat(129)] {
            assert!(!is_callback(bad), "{bad}");
        }
    }

    #[tokio::test]
    async fn errors_say_status_and_reason() {
        let response = error(StatusCode::INTERNAL_SERVER_ERROR, "no");
        assert_eq!(response.status(), 500);
        let called = called("a.b", response).await;
        assert_eq!(called.headers()[header::CONTENT_TYPE], SCRIPT);
        let text = to_bytes(called.into_body(), 1000).await.unwrap();
        assert_eq!(text, "a.b({\"error\":\"500 Server Error\",\"errorMessage\":\"no\"});");
    }
}
