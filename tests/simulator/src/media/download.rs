//! Downloads: a file, or a part of it, to whoever knows its path with the signature in it. No token is asked for, as the
//! official clients send none.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use poem::http::{Method, StatusCode, header};
use poem::{Body, Response};
use tokio_util::sync::CancellationToken;

use crate::media::fault::{MediaFault, MediaOperation};
use crate::media::host::{Call, Query, delay};
use crate::media::stats::MediaRequest;
use crate::media::store::{StoredFile, token};
use crate::world::World;

/// Bytes that are written at once where a download goes wrong.
const PIECE: usize = 64 * 1024;

/// How long what is buffered may take to be written before a connection is ended in the middle of a body.
const FLUSH_TIME: Duration = Duration::from_millis(50);

/// The numbers of the first and the last byte of a part.
type Part = (usize, usize);

/// Answers a download.
pub(super) async fn answer(world: &Arc<World>, call: &Call) -> Response {
    let operation = MediaOperation::Download;
    let fault = world.media.state.lock().next_fault(operation, call.host);
    let file = world.media.state.lock().store.find(&call.path).cloned();
    let mut entry = MediaRequest {
        operation,
        host: call.host,
        status: None,
        token: file.as_ref().map(|file| token(&file.key.1)).unwrap_or_default(),
        offset: 0,
        bytes: 0,
        fault,
    };
    if let MediaFault::Delayed { ms } = fault
        && !delay(call, ms).await
    {
        return StatusCode::SERVICE_UNAVAILABLE.into();
    }
    let outcome = match refusal(world, call, fault, file.as_ref()) {
        Some(status) => Err(status),
        None => file.ok_or(StatusCode::NOT_FOUND),
    };
    let response = match outcome {
        Ok(file) => send(call, &file, &mut entry),
        Err(status) => status.into(),
    };
    entry.status = Some(response.status().as_u16());
    world.media.state.lock().stats.note(entry);
    response
}

/// The status with which a download is refused.
fn refusal(world: &World, call: &Call, fault: MediaFault, file: Option<&StoredFile>) -> Option<StatusCode> {
    match fault {
        MediaFault::Unauthorized => {
            world.media.state.lock().revoke(call.query.get("auth").unwrap_or_default());
            return Some(StatusCode::UNAUTHORIZED);
        }
        MediaFault::Status { code } => return StatusCode::from_u16(code).ok(),
        _ => {}
    }
    let file = file?;
    let given_out = Query::parse(file.direct_path.split_once('?').map_or("", |(_, query)| query));
    if ["oh", "oe"].into_iter().any(|name| call.query.get(name) != given_out.get(name)) {
        world.add_violation("download: the path is not signed".to_owned());
        return Some(StatusCode::FORBIDDEN);
    }
    // Clients have two names for it, and may leave it out.
    let hashes = ["hash", "token"].into_iter().filter_map(|name| call.query.get(name));
    if hashes.map(|hash| hash.trim_end_matches('=')).any(|hash| hash != token(&file.key.1)) {
        world.add_violation("download: the hash is not that of the file".to_owned());
        return Some(StatusCode::FORBIDDEN);
    }
    file.lost.and_then(|status| StatusCode::from_u16(status).ok())
}

fn send(call: &Call, file: &StoredFile, entry: &mut MediaRequest) -> Response {
    let length = file.bytes.len();
    let response = Response::builder()
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::ACCEPT_RANGES, "bytes");
    let (first, last, response) = match part(call.range.as_deref(), length) {
        Ok(None) => (0, length - 1, response),
        Ok(Some((first, last))) => {
            let range = format!("bytes {first}-{last}/{length}");
            (first, last, response.status(StatusCode::PARTIAL_CONTENT).header(header::CONTENT_RANGE, range))
        }
        Err(()) => {
            let range = format!("bytes */{length}");
            return response.status(StatusCode::RANGE_NOT_SATISFIABLE).header(header::CONTENT_RANGE, range).finish();
        }
    };
    let body = file.bytes.slice(first..=last);
    let response = response.header(header::CONTENT_LENGTH, body.len());
    entry.offset = first as u64;
    if call.method == Method::HEAD {
        return response.finish();
    }
    entry.bytes = body.len() as u64;
    response.body(spoiled(body, entry.fault, call.cut.clone()))
}

fn spoiled(bytes: Bytes, fault: MediaFault, cut: CancellationToken) -> Body {
    match fault {
        MediaFault::CutOff { after_bytes } => {
            let end = stream::once(async move {
                // What was not written yet goes down with the connection.
                tokio::time::sleep(FLUSH_TIME).await;
                Err(std::io::ErrorKind::UnexpectedEof.into())
            });
            Body::from_bytes_stream(beginning(&bytes, after_bytes).chain(end))
        }
        MediaFault::Stall { after_bytes } => {
            let silence = stream::once(async move {
                cut.cancelled().await;
                Err(std::io::ErrorKind::ConnectionReset.into())
            });
            Body::from_bytes_stream(beginning(&bytes, after_bytes).chain(silence))
        }
        MediaFault::WrongHash => {
            let mut wrong = bytes.to_vec();
            let middle = wrong.len() / 2;
            if let Some(byte) = wrong.get_mut(middle) {
                *byte ^= 1;
            }
            Body::from(wrong)
        }
        _ => Body::from(bytes),
    }
}

/// The first bytes of a file, in pieces of which only a few wait for the socket at the same time.
fn beginning(bytes: &Bytes, count: u64) -> impl Stream<Item = std::io::Result<Bytes>> + Send + use<> {
    let bytes = bytes.slice(..bytes.len().min(count as usize));
    let starts = (0..bytes.len()).step_by(PIECE);
    stream::iter(starts.map(move |start| Ok(bytes.slice(start..bytes.len().min(start + PIECE)))))
}

/// The part that the header `Range` asks for. `None` when there is none that is understood, an error when there is no
/// such part; src: RFC 9110, 14.
fn part(range: Option<&str>, length: usize) -> Result<Option<Part>, ()> {
    let asked = range.and_then(|range| range.strip_prefix("bytes=")).and_then(|range| range.split_once('-'));
    let Some((from, to)) = asked else { return Ok(None) };
    let number = |text: &str| text.trim().parse::<usize>();
    match (number(from), number(to)) {
        (Ok(first), _) if first >= length => Err(()),
        (Ok(first), Ok(last)) if first <= last => Ok(Some((first, last.min(length - 1)))),
        (Ok(first), Err(_)) if to.trim().is_empty() => Ok(Some((first, length - 1))),
        (Err(_), Ok(0)) if from.trim().is_empty() => Err(()),
        (Err(_), Ok(count)) if from.trim().is_empty() => Ok(Some((length.saturating_sub(count), length - 1))),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn parts_are_those_of_the_standard() {
        let cases = [
            (None, Ok(None)),
            (Some("bytes=0-"), Ok(Some((0, 99)))),
            (Some("bytes=10-19"), Ok(Some((10, 19)))),
            (Some("bytes=90-500"), Ok(Some((90, 99)))),
            (Some("bytes=-10"), Ok(Some((90, 99)))),
            (Some("bytes=-500"), Ok(Some((0, 99)))),
            (Some("bytes=100-"), Err(())),
            (Some("bytes=-0"), Err(())),
            (Some("bytes=19-10"), Ok(None)),
            (Some("bytes=0-1,5-6"), Ok(None)),
            (Some("lines=0-1"), Ok(None)),
        ];
        for (range, expected) in cases {
            assert_eq!(part(range, 100), expected, "{range:?}");
        }
    }
}
