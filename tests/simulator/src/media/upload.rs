//! Uploads: a file is stored when it has the hash that the address says, and everything else is refused. What has arrived
//! of a file whose upload was broken off is kept, and may be gone on with.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use poem::http::StatusCode;
use poem::web::Json;
use poem::{Body, IntoResponse as _, Response};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::media::fault::{MediaFault, MediaOperation};
use crate::media::host::{Call, delay};
use crate::media::stats::MediaRequest;
use crate::media::store::{Partial, UploadKey};
use crate::world::World;

/// The kinds of files that are uploaded; src: wacore download.rs, whatsmeow upload.go.
const KINDS: [&str; 9] = [
    "image",
    "video",
    "audio",
    "document",
    "thumbnail-link",
    "sticker-pack",
    "thumbnail-sticker-pack",
    "md-msg-hist",
    "md-app-state",
];

/// Bytes that are set aside for a file at once; a client may say any length.
const FIRST_BYTES: u64 = 128 * 1024 * 1024;

/// Why an upload is not taken.
enum Refusal {
    /// It is answered with this status, and the rule that it broke is written down.
    Status(StatusCode, Option<String>),
    /// There is nobody to answer, or nobody is to be answered.
    Silence,
}

fn refused(status: StatusCode, rule: impl Into<String>) -> Refusal {
    Refusal::Status(status, Some(rule.into()))
}

/// Answers an upload, or the question how much of one has arrived.
pub(super) async fn answer(world: &Arc<World>, call: &Call, body: Body) -> Response {
    let is_check = call.query.get("resume") == Some("1");
    let operation = if is_check { MediaOperation::ResumeCheck } else { MediaOperation::Upload };
    let fault = world.media.state.lock().next_fault(operation, call.host);
    let mut entry =
        MediaRequest { operation, host: call.host, status: None, token: String::new(), offset: 0, bytes: 0, fault };
    let mut body = std::pin::pin!(body.into_bytes_stream());
    let outcome = attempt(world, call, &mut body, &mut entry).await;
    let (status, answer) = match outcome {
        Ok(answer) => (StatusCode::OK, answer),
        Err(Refusal::Status(status, rule)) => {
            // Whoever is still writing does not read an answer that comes with a reset connection.
            while let Some(Ok(_)) = body.next().await {}
            if let Some(rule) = &rule {
                world.add_violation(format!("upload: {rule}"));
            }
            (status, json!({ "error": rule }))
        }
        Err(Refusal::Silence) => {
            world.media.state.lock().stats.note(entry);
            if !matches!(fault, MediaFault::Stall { .. }) {
                call.cut.cancel();
            }
            // Dropped with the connection, which is cut: an answer might be written before that.
            return std::future::pending().await;
        }
    };
    entry.status = Some(status.as_u16());
    world.media.state.lock().stats.note(entry);
    Json(answer).with_status(status).into_response()
}

async fn attempt<S, E>(
    world: &Arc<World>,
    call: &Call,
    body: &mut S,
    entry: &mut MediaRequest,
) -> Result<Value, Refusal>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    let auth = call.query.get("auth").unwrap_or_default();
    match entry.fault {
        MediaFault::Unauthorized => {
            world.media.state.lock().revoke(auth);
            return Err(Refusal::Status(StatusCode::UNAUTHORIZED, None));
        }
        MediaFault::Status { code } => {
            let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return Err(Refusal::Status(status, None));
        }
        MediaFault::Delayed { ms } if !delay(call, ms).await => return Err(Refusal::Silence),
        _ => {}
    }
    if world.media.state.lock().owner_of(auth).is_none() {
        return Err(Refusal::Status(StatusCode::UNAUTHORIZED, None));
    }
    let key = read_key(call)?;
    entry.token = super::store::token(&key.1);
    match entry.operation {
        MediaOperation::ResumeCheck => Ok(progress(world, call, &key)),
        MediaOperation::Upload | MediaOperation::Download => take(world, call, body, key, entry).await,
    }
}

/// What the address says about the file. It says the hash twice.
fn read_key(call: &Call) -> Result<UploadKey, Refusal> {
    let bad = |rule: &str| refused(StatusCode::BAD_REQUEST, rule);
    let path = call.path.strip_prefix("/mms/").unwrap_or_default();
    let (kind, in_path) = path.split_once('/').ok_or_else(|| bad("the path has no hash"))?;
    if !KINDS.contains(&kind) {
        return Err(bad("the path names no kind of file"));
    }
    let in_query = call.query.get("token").ok_or_else(|| bad("there is no token"))?;
    let read = |text: &str| {
        let hash = BASE64_URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
        hash.and_then(|hash| <[u8; 32]>::try_from(hash).ok())
    };
    let hash = read(in_query).ok_or_else(|| bad("the token is no hash"))?;
    if read(&in_path.replace("%3D", "=")) != Some(hash) {
        return Err(bad("the token is not the hash in the path"));
    }
    Ok((kind.to_owned(), hash))
}

/// How much of a file has arrived.
fn progress(world: &World, call: &Call, key: &UploadKey) -> Value {
    let state = world.media.state.lock();
    match state.store.find_upload(key) {
        Some(file) => json!({
            "resume": "complete",
            "url": world.media.url(call.host, &file.direct_path),
            "direct_path": file.direct_path,
        }),
        None => json!({ "resume": state.store.partial_bytes(key).to_string() }),
    }
}

/// Takes a file, or the rest of one.
async fn take<S, E>(
    world: &Arc<World>,
    call: &Call,
    body: &mut S,
    key: UploadKey,
    entry: &mut MediaRequest,
) -> Result<Value, Refusal>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    let length = call.length.ok_or_else(|| refused(StatusCode::LENGTH_REQUIRED, "there is no Content-Length"))?;
    if length == 0 {
        return Err(refused(StatusCode::BAD_REQUEST, "the body is empty"));
    }
    let mut partial = begin(world, call, &key, length)?;
    entry.offset = partial.bytes.len() as u64;
    let is_whole = receive(body, &mut partial, entry).await;
    entry.bytes = partial.bytes.len() as u64 - entry.offset;
    if !is_whole {
        world.media.state.lock().store.keep_partial(key, partial);
        return Err(Refusal::Silence);
    }
    if entry.bytes != length {
        return Err(refused(StatusCode::BAD_REQUEST, "the body has another length than was said"));
    }
    if entry.fault == MediaFault::WrongHash {
        return Err(Refusal::Status(StatusCode::BAD_REQUEST, None));
    }
    let hash: [u8; 32] = partial.hasher.finalize().into();
    if hash != key.1 {
        return Err(refused(StatusCode::BAD_REQUEST, "the body has another hash than the token says"));
    }
    let mut state = world.media.state.lock();
    if state.store.find_upload(&key).is_none() {
        state.stats.stored += 1;
    }
    let direct_path = state.store.put(key, partial.bytes.into());
    Ok(json!({ "url": world.media.url(call.host, &direct_path), "direct_path": direct_path }))
}

/// The beginning of the file that the body goes on with.
fn begin(world: &World, call: &Call, key: &UploadKey, length: u64) -> Result<Partial, Refusal> {
    let offset = match call.query.get("file_offset") {
        Some(offset) => offset.parse().map_err(|_| refused(StatusCode::BAD_REQUEST, "the file_offset is no number"))?,
        None => 0_u64,
    };
    let mut state = world.media.state.lock();
    if offset.saturating_add(length) > state.store.limit_bytes() {
        return Err(Refusal::Status(StatusCode::PAYLOAD_TOO_LARGE, None));
    }
    let arrived = state.store.partial_bytes(key);
    if offset > arrived {
        let rule = format!("it goes on at byte {offset}, but {arrived} have arrived");
        return Err(refused(StatusCode::BAD_REQUEST, rule));
    }
    let kept = state.store.take_partial(key);
    drop(state);
    let mut partial = kept.unwrap_or_else(|| Partial { bytes: Vec::new(), hasher: Sha256::new() });
    if partial.bytes.len() as u64 != offset {
        partial.bytes.truncate(offset as usize);
        partial.hasher = Sha256::new_with_prefix(&partial.bytes);
    }
    partial.bytes.reserve(length.min(FIRST_BYTES) as usize);
    Ok(partial)
}

/// Reads the body. `false` when it is not whole, by the client or by a fault.
async fn receive<S, E>(body: &mut S, partial: &mut Partial, entry: &MediaRequest) -> bool
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    let (is_broken_off, mut left) = match entry.fault {
        MediaFault::Stall { after_bytes } | MediaFault::CutOff { after_bytes } => (true, after_bytes),
        _ => (false, u64::MAX),
    };
    while left > 0
        && let Some(piece) = body.next().await
    {
        let Ok(mut piece) = piece else { return false };
        piece.truncate(left.min(piece.len() as u64) as usize);
        left -= piece.len() as u64;
        partial.hasher.update(&piece);
        partial.bytes.extend_from_slice(&piece);
    }
    !is_broken_off
}
