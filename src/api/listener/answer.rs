//! Answers that no handler gives: that the process lives, that there are too many connections, and what the HTTP library says
//! to a head that it cannot read.

use std::fmt::Write;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use poem::http::StatusCode;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::api::{error, health, request_id};
use crate::clock::Clock;

/// How the library's own refusals begin.
const REFUSAL: &[u8] = b"HTTP/1.1 4";
/// Where their status stands.
const STATUS: std::ops::Range<usize> = 9..12;

/// Answers a health check, whose whole head this is, and ends the connection.
pub(super) async fn liveness(mut tcp: TcpStream, head: &[u8]) {
    let head = String::from_utf8_lossy(head);
    let id = request_id::given_or_made(header(&head, request_id::HEADER.as_str()));
    let answer = written(StatusCode::OK, "application/json; charset=utf-8", &id, health::LIVE, head.starts_with("GET"));
    // Whoever asked and left needs no answer.
    let _ = tcp.write_all(answer.as_bytes()).await;
    let _ = tcp.shutdown().await;
}

/// The answer to a connection for which there is no room.
pub(super) fn crowded() -> Bytes {
    problem(StatusCode::SERVICE_UNAVAILABLE)
}

/// What to say instead of this, if it is the library's own answer to a head that it cannot read: it has no body, and every
/// answer of ours has a name.
pub(super) fn instead_of(written: &[u8]) -> Option<Bytes> {
    if !written.starts_with(REFUSAL) {
        return None;
    }
    let text = std::str::from_utf8(written).ok()?;
    let is_whole = text.ends_with("\r\n\r\n") && header(text, "content-length").is_some_and(|length| length == "0");
    if !is_whole || header(text, request_id::HEADER.as_str()).is_some() {
        return None;
    }
    StatusCode::from_bytes(&written[STATUS]).ok().map(problem)
}

fn problem(status: StatusCode) -> Bytes {
    let id = request_id::given_or_made(None);
    let body = error::unread(status, &id);
    written(status, error::PROBLEM_JSON, &id, &body, true).into()
}

/// A header of this head.
fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// An answer as it goes over the wire. The connection ends with it.
fn written(status: StatusCode, media_type: &str, request_id: &str, body: &str, has_body: bool) -> String {
    let seconds = u64::try_from(Clock::system().now().seconds()).unwrap_or_default();
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
    let mut answer = format!("HTTP/1.1 {status}\r\n");
    let fields = [
        ("content-type", media_type),
        ("content-length", &body.len().to_string()),
        ("x-request-id", request_id),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("connection", "close"),
        ("date", &date),
    ];
    for (name, value) in fields {
        let _ = write!(answer, "{name}: {value}\r\n"); // A string takes everything.
    }
    answer.push_str("\r\n");
    answer.push_str(if has_body { body } else { "" });
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_library_says_itself_is_said_anew() {
        let refusal = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n\r\n";
        let instead = instead_of(refusal).expect("it is the library's");
        assert!(instead.starts_with(b"HTTP/1.1 431 Request Header Fields Too Large\r\n"));
        assert!(instead.ends_with(b"}"), "{instead:?}");
        for ours in [
            "HTTP/1.1 404 Not Found\r\nx-request-id: a\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 4",
        ] {
            assert_eq!(instead_of(ours.as_bytes()), None, "{ours}");
        }
    }
}
