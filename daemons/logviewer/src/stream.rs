//! Files on their way to a client, piece by piece: however long one is, little of it is in memory.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use axum::body::{Body, Bytes};
use axum::http::header::{self, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

const PIECE: usize = 64 * 1024;
/// Pieces that wait for a slow client.
const WAITING: usize = 4;

/// What of a file is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    All,
    Some(Range<u64>),
    /// Nothing that it has.
    Beyond,
}

/// One range, as clients that go on with a broken download ask for it; other forms mean the whole.
fn asked(headers: &HeaderMap, len: u64) -> Asked {
    let range = headers.get(header::RANGE).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("bytes="));
    let Some((first, last)) = range.filter(|r| !r.contains(',')).and_then(|r| r.trim().split_once('-')) else {
        return Asked::All;
    };
    let number = |text: &str| (!text.is_empty()).then(|| text.parse::<u64>());
    let range = match (number(first), number(last)) {
        (Some(Ok(first)), None) => first..len,
        (Some(Ok(first)), Some(Ok(last))) if first <= last => first..last.saturating_add(1).min(len),
        (None, Some(Ok(last))) => len.saturating_sub(last)..len,
        _ => return Asked::All,
    };
    if range.start >= range.end { Asked::Beyond } else { Asked::Some(range) }
}

/// Sends a file to be kept under a name.
pub fn attachment(file: File, name: &str, headers: &HeaderMap) -> io::Result<Response> {
    let len = file.metadata()?.len();
    let (status, range) = match asked(headers, len) {
        Asked::All => (StatusCode::OK, 0..len),
        Asked::Some(range) => (StatusCode::PARTIAL_CONTENT, range),
        Asked::Beyond => {
            let all = format!("bytes */{len}");
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, all)]).into_response());
        }
    };
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let name: String = name.chars().map(plain).collect();
    let size = range.end - range.start;
    let place = format!("bytes {}-{}/{len}", range.start, range.end.saturating_sub(1));
    let body = Body::from_stream(ReceiverStream::new(pieces(file, range)));
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_LENGTH, size.into());
    let mut set = |key, text: String| HeaderValue::try_from(text).map(|value| headers.insert(key, value));
    let said = set(header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""));
    let said = said
        .and_then(|_| if status == StatusCode::PARTIAL_CONTENT { set(header::CONTENT_RANGE, place) } else { Ok(None) });
    said.map_err(io::Error::other)?;
    Ok(response)
}

/// As many bytes as were promised; a file that has become shorter breaks the answer off, so that nobody takes it for whole.
fn pieces(mut file: File, range: Range<u64>) -> mpsc::Receiver<io::Result<Bytes>> {
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::task::spawn_blocking(move || {
        let mut left = range.end - range.start;
        let mut at_start = file.seek(SeekFrom::Start(range.start)).map(drop);
        while left > 0 {
            let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
            let read = std::mem::replace(&mut at_start, Ok(())).and_then(|()| file.read_exact(&mut piece));
            left -= piece.len() as u64;
            let failed = read.is_err();
            // Nobody waits for it any more.
            if sender.blocking_send(read.map(|()| piece.into())).is_err() || failed {
                return;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_understood() {
        let of = |text: &str| {
            let headers = HeaderMap::from_iter([(header::RANGE, text.parse().unwrap())]);
            asked(&headers, 100)
        };
        assert_eq!(of("bytes=10-19"), Asked::Some(10..20));
        assert_eq!(of("bytes=90-"), Asked::Some(90..100));
        assert_eq!(of("bytes=-10"), Asked::Some(90..100));
        assert_eq!(of("bytes=-500"), Asked::Some(0..100));
        assert_eq!(of("bytes=0-18446744073709551615"), Asked::Some(0..100));
        assert_eq!(of("bytes=100-"), Asked::Beyond);
        assert_eq!(of("bytes=-0"), Asked::Beyond);
        for other in ["bytes=5-4", "bytes=1-2,5-6", "lines=1-2", "bytes=a-b", "bytes=-"] {
            assert_eq!(of(other), Asked::All, "{other}");
        }
        assert_eq!(asked(&HeaderMap::new(), 0), Asked::All);
    }
}
