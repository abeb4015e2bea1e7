//! THE table: what each kind of failure is in HTTP. Every answer that is no success leaves from here.

use std::borrow::Cow;

use poem::error::{MethodNotAllowedError, NotFoundError, ParsePathError, ParseQueryError, SizedLimitError};
use poem::http::{StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::Object;
use poem_openapi::error::ParseParamError;
use poem_openapi::types::ToJSON;
use serde_json::Value;
use tracing::{error, warn};

use crate::api::message::location::location;
use crate::api::request_id;
use crate::api::unfit::{TooSlow, UnfitCoding};
use crate::error::{Error, ErrorKind, chain};

/// A failure, as RFC 9457 has it.
#[derive(Debug, Object)]
#[oai(example)]
pub struct Problem {
    /// A URI that names the kind of failure.
    #[oai(rename = "type")]
    pub kind: String,
    /// The kind of failure, for people.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong this time.
    pub detail: String,
    /// The kind of failure, for programs. Stable.
    pub code: String,
    /// The request, as the server's log names it.
    pub request_id: String,
    /// Id of the message that failed, if it was written down before: it can be shown, and tried again. Null otherwise.
    pub message_id: Option<String>,
    /// The same in short, for older clients of this contract.
    pub error: ProblemSummary,
}

/// A failure in short.
#[derive(Debug, Object)]
#[oai(example)]
pub struct ProblemSummary {
    /// The HTTP status.
    pub code: u16,
    /// What went wrong.
    pub message: String,
}

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Status, code and title of each kind.
pub fn row(kind: ErrorKind) -> (StatusCode, &'static str, &'static str) {
    match kind {
        ErrorKind::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated", "A valid key is needed"),
        ErrorKind::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "The key does not allow this"),
        ErrorKind::SessionNotFound => (StatusCode::NOT_FOUND, "session_not_found", "No such session"),
        ErrorKind::KeyNotFound => (StatusCode::NOT_FOUND, "key_not_found", "No such key"),
        ErrorKind::PairingLinkNotFound => (StatusCode::NOT_FOUND, "pairing_link_not_found", "No such pairing link"),
        ErrorKind::PairingLinkExpired => (StatusCode::GONE, "pairing_link_expired", "The pairing link's time is over"),
        ErrorKind::PairingLinkUsed => (StatusCode::GONE, "pairing_link_used", "The pairing link is used up"),
        ErrorKind::TooManyVisitors => (StatusCode::TOO_MANY_REQUESTS, "too_many_visitors", "Too many visitors"),
        ErrorKind::TooManyPairCodes => (StatusCode::TOO_MANY_REQUESTS, "too_many_pair_codes", "Too many pair codes"),
        ErrorKind::TooManyTickets => (StatusCode::TOO_MANY_REQUESTS, "too_many_tickets", "Too many tickets"),
        ErrorKind::TooManyPairingLinks => (StatusCode::CONFLICT, "too_many_pairing_links", "Too many pairing links"),
        ErrorKind::WebhookNotFound => (StatusCode::NOT_FOUND, "webhook_not_found", "No such webhook"),
        ErrorKind::DeliveryNotFound => (StatusCode::NOT_FOUND, "delivery_not_found", "No such delivery"),
        ErrorKind::CursorExpired => (StatusCode::GONE, "cursor_expired", "The events are not kept any more"),
        ErrorKind::DeviceNotLinked => (StatusCode::NOT_FOUND, "device_not_linked", "No phone is linked"),
        ErrorKind::QrNotAvailable => (StatusCode::CONFLICT, "qr_not_available", "There is no QR code now"),
        ErrorKind::SessionExists => (StatusCode::CONFLICT, "session_exists", "The session exists"),
        ErrorKind::AlreadyLoggedIn => (StatusCode::CONFLICT, "already_logged_in", "A phone is linked already"),
        ErrorKind::PairCodeOutstanding => (StatusCode::CONFLICT, "pair_code_outstanding", "A pair code is outstanding"),
        ErrorKind::PublicUrlUnknown => {
            (StatusCode::CONFLICT, "public_url_unknown", "The server's address is not known")
        }
        ErrorKind::SessionNotConnected => {
            (StatusCode::CONFLICT, "session_not_connected", "The session is not logged in")
        }
        ErrorKind::MessageNotFound => (StatusCode::NOT_FOUND, "message_not_found", "No such message"),
        ErrorKind::MessageNotWaiting => (StatusCode::CONFLICT, "message_not_waiting", "The message does not wait"),
        ErrorKind::MessageNotFailed => (StatusCode::CONFLICT, "message_not_failed", "The message has not failed"),
        ErrorKind::MessageTooOld => (StatusCode::UNPROCESSABLE_ENTITY, "message_too_old", "The message is too old"),
        ErrorKind::NotYours => (StatusCode::FORBIDDEN, "not_yours", "The message is somebody else's"),
        ErrorKind::ChatNotFound => (StatusCode::NOT_FOUND, "chat_not_found", "No such chat"),
        ErrorKind::InvalidRecipient => {
            (StatusCode::UNPROCESSABLE_ENTITY, "invalid_recipient", "No message can go there")
        }
        ErrorKind::RecipientNotOnWhatsapp => {
            (StatusCode::UNPROCESSABLE_ENTITY, "recipient_not_on_whatsapp", "The number is not on WhatsApp")
        }
        ErrorKind::RecipientNotFound => {
            (StatusCode::UNPROCESSABLE_ENTITY, "recipient_not_found", "WhatsApp knows no such recipient")
        }
        ErrorKind::RecipientUnreachable => {
            (StatusCode::UNPROCESSABLE_ENTITY, "recipient_unreachable", "No device of the recipient can be reached")
        }
        ErrorKind::AccountRestricted => {
            (StatusCode::TOO_MANY_REQUESTS, "account_restricted", "WhatsApp restricts the account")
        }
        ErrorKind::NewChatLimit => (StatusCode::TOO_MANY_REQUESTS, "new_chat_limit", "No more new chats for now"),
        ErrorKind::QueueFull => (StatusCode::TOO_MANY_REQUESTS, "queue_full", "Too much waits already"),
        ErrorKind::IdempotencyKeyReused => {
            (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", "The key was used for another request")
        }
        ErrorKind::GroupNotFound => (StatusCode::NOT_FOUND, "group_not_found", "No such group"),
        ErrorKind::NotInGroup => (StatusCode::FORBIDDEN, "not_in_group", "The account is not in the group"),
        ErrorKind::GroupAdminsOnly => (StatusCode::FORBIDDEN, "group_admins_only", "Only admins of the group may"),
        ErrorKind::MediaNotFound => (StatusCode::NOT_FOUND, "media_not_found", "No such file"),
        ErrorKind::MediaTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "media_too_large", "The file is too large"),
        ErrorKind::MediaUnsupported => {
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_unsupported", "The file cannot be sent as this")
        }
        ErrorKind::MediaFetchRefused => {
            (StatusCode::UNPROCESSABLE_ENTITY, "media_fetch_refused", "The file could not be fetched")
        }
        ErrorKind::MediaGone => (StatusCode::GONE, "media_gone", "Nobody has the file any more"),
        ErrorKind::InvalidMessage => {
            (StatusCode::BAD_GATEWAY, "invalid_message", "WhatsApp took the message for malformed")
        }
        ErrorKind::NotAllowed => (StatusCode::BAD_GATEWAY, "not_allowed", "WhatsApp does not allow this message"),
        ErrorKind::Rejected => (StatusCode::BAD_GATEWAY, "rejected", "WhatsApp refused the message"),
        ErrorKind::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "A value breaks a rule"),
        ErrorKind::PageSizeLimit => (StatusCode::UNPROCESSABLE_ENTITY, "page_size_limit", "A page cannot be so large"),
        ErrorKind::Upstream => (StatusCode::BAD_GATEWAY, "upstream", "WhatsApp refused or failed"),
        ErrorKind::UpstreamTimeout => (StatusCode::GATEWAY_TIMEOUT, "upstream_timeout", "WhatsApp did not answer"),
        ErrorKind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The database is unavailable"),
        ErrorKind::ShuttingDown => (StatusCode::SERVICE_UNAVAILABLE, "shutting_down", "The server is shutting down"),
        ErrorKind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Unexpected error"),
    }
}

/// Status, code and title of each way in which a kind of failure is told: what time does not heal, as far as anybody knows, has a
/// status of its own.
pub fn rows(kind: ErrorKind) -> impl Iterator<Item = (StatusCode, &'static str, &'static str)> {
    let (status, code, title) = row(kind);
    let endless = (kind == ErrorKind::AccountRestricted).then_some((StatusCode::FORBIDDEN, code, title));
    std::iter::once((status, code, title)).chain(endless)
}

/// The status of this failure.
fn status(error: &Error) -> StatusCode {
    let mut rows = rows(error.kind()).map(|(status, _, _)| status);
    let first = rows.next().unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    rows.next().filter(|_| error.retry_after().is_none()).unwrap_or(first)
}

/// The failures of HTTP itself: status, code, title and detail.
const HTTP: &[(StatusCode, &str, &str)] = &[
    (StatusCode::BAD_REQUEST, "malformed_request", "The request cannot be read"),
    (StatusCode::NOT_FOUND, "not_found", "There is nothing at this path"),
    (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "The path does not take this method"),
    (StatusCode::NOT_ACCEPTABLE, "not_acceptable", "The answer has no such form"),
    (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", "The body is too large"),
    (StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", "The file has no such part"),
    (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "The body's type is not taken here"),
    (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "A value breaks a rule"),
    (StatusCode::GATEWAY_TIMEOUT, "request_timeout", "The request took too long"),
];

/// Status, code and title of a failure of HTTP itself.
pub fn http_row(status: StatusCode) -> Option<(StatusCode, &'static str, &'static str)> {
    HTTP.iter().copied().find(|(known, _, _)| *known == status)
}

/// The failure of a connection for which there is no room: status, code and title.
const CROWDED: (StatusCode, &str, &str) =
    (StatusCode::SERVICE_UNAVAILABLE, "too_many_connections", "There are too many connections");

/// Every code that an answer can carry.
pub fn codes() -> impl Iterator<Item = &'static str> {
    let http = HTTP.iter().chain([&CROWDED]).map(|(_, code, _)| *code);
    ErrorKind::ALL.iter().map(|kind| row(*kind).1).chain(http)
}

/// The answer to a failure, whoever it comes from.
pub fn answer(failure: &poem::Error) -> Response {
    if let Some(error) = failure.downcast_ref::<Error>() {
        return ours(error);
    }
    // A parameter that does not parse is a value that breaks a rule.
    if let Some(ParseParamError { name, reason }) = failure.downcast_ref() {
        return ours(&Error::invalid(name, rule_in(reason)));
    }
    let status = match failure {
        _ if failure.is::<SizedLimitError>() => StatusCode::PAYLOAD_TOO_LARGE,
        _ if failure.is::<TooSlow>() => StatusCode::GATEWAY_TIMEOUT,
        _ if failure.is::<ParseQueryError>() => StatusCode::UNPROCESSABLE_ENTITY,
        _ => failure.status(),
    };
    let is_plain = failure.is::<NotFoundError>() || failure.is::<MethodNotAllowedError>();
    let mut answer = http(status, if is_plain { None } else { Some(failure.to_string()) });
    if failure.is::<UnfitCoding>() {
        answer.headers_mut().insert(header::ACCEPT_ENCODING, header::HeaderValue::from_static("identity"));
    }
    answer
}

/// The answer to a failure at a path in which this parameter is no text, if one is not: what is no text names nothing.
pub(super) fn answer_at(failure: &poem::Error, unreadable: Option<&str>) -> Response {
    let missing = unreadable.filter(|_| failure.is::<ParsePathError>()).and_then(missing);
    missing.map_or_else(|| answer(failure), |error| ours(&error))
}

/// What is not there when this parameter of a path names nothing: for `key_id` what has the code `key_not_found`, and for `link_id`
/// what ends in `_link_not_found`.
pub(super) fn missing(parameter: &str) -> Option<Error> {
    let code = format!("_{}_not_found", parameter.strip_suffix("_id")?);
    let kind = *ErrorKind::ALL.iter().find(|kind| format!("_{}", row(**kind).1).ends_with(&code))?;
    let noun = row(kind).1.strip_suffix("_not_found")?.replace('_', " ");
    Some(Error::new(kind, format!("no {noun} has this id")))
}

/// The rule in the framework's words about a value that does not parse: `failed to parse "type": rule (occurred ..)`.
pub fn rule_in(reason: &str) -> &str {
    let reason = reason.split(" (occurred while parsing").next().unwrap_or(reason);
    reason.split_once("\": ").map_or(reason, |(_, rule)| rule)
}

/// The answer to one of our own failures.
fn ours(error: &Error) -> Response {
    let (status, (_, code, title)) = (status(error), row(error.kind()));
    log(error, &request_id::current());
    let failed = error.message();
    let message_id = failed.map(|failed| failed.message_id.clone());
    let problem = Problem { message_id, ..described(status, code, title, Cow::Owned(error.to_string())) };
    let mut response = sent(status, problem.to_json().unwrap_or_default());
    if let Some(location) = failed.and_then(|failed| location(&failed.session_id, &failed.message_id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if let Some(seconds) = retry_after_seconds(error) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// Whole seconds until the same request may succeed, if that is known: who comes back then is not too early.
pub fn retry_after_seconds(error: &Error) -> Option<u64> {
    let wait = error.retry_after()?;
    Some((wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1))
}

/// One of our own failures for another door, which spells fields in its own way: its code, and what the client may read.
pub fn shown(error: &Error, request_id: &str, spelling: impl FnOnce(&str) -> String) -> (&'static str, String) {
    log(error, request_id);
    (row(error.kind()).1, error.told(spelling))
}

/// A failure is logged here, where it stops travelling.
fn log(error: &Error, request_id: &str) {
    let code = row(error.kind()).1;
    match error.kind() {
        ErrorKind::Internal | ErrorKind::Unavailable => {
            error!(request.id = request_id, error = chain(error), code, "a request failed");
        }
        ErrorKind::Upstream
        | ErrorKind::UpstreamTimeout
        | ErrorKind::InvalidMessage
        | ErrorKind::NotAllowed
        | ErrorKind::Rejected => {
            warn!(request.id = request_id, error = chain(error), code, "WhatsApp failed a request");
        }
        ErrorKind::Unauthenticated
        | ErrorKind::Forbidden
        | ErrorKind::SessionNotFound
        | ErrorKind::KeyNotFound
        | ErrorKind::PairingLinkNotFound
        | ErrorKind::PairingLinkExpired
        | ErrorKind::PairingLinkUsed
        | ErrorKind::TooManyVisitors
        | ErrorKind::TooManyPairCodes
        | ErrorKind::TooManyTickets
        | ErrorKind::TooManyPairingLinks
        | ErrorKind::WebhookNotFound
        | ErrorKind::DeliveryNotFound
        | ErrorKind::CursorExpired
        | ErrorKind::DeviceNotLinked
        | ErrorKind::QrNotAvailable
        | ErrorKind::SessionExists
        | ErrorKind::AlreadyLoggedIn
        | ErrorKind::PairCodeOutstanding
        | ErrorKind::PublicUrlUnknown
        | ErrorKind::SessionNotConnected
        | ErrorKind::MessageNotFound
        | ErrorKind::MessageNotWaiting
        | ErrorKind::MessageNotFailed
        | ErrorKind::MessageTooOld
        | ErrorKind::NotYours
        | ErrorKind::ChatNotFound
        | ErrorKind::InvalidRecipient
        | ErrorKind::RecipientNotOnWhatsapp
        | ErrorKind::RecipientNotFound
        | ErrorKind::RecipientUnreachable
        | ErrorKind::AccountRestricted
        | ErrorKind::NewChatLimit
        | ErrorKind::QueueFull
        | ErrorKind::IdempotencyKeyReused
        | ErrorKind::GroupNotFound
        | ErrorKind::NotInGroup
        | ErrorKind::GroupAdminsOnly
        | ErrorKind::MediaNotFound
        | ErrorKind::MediaTooLarge
        | ErrorKind::MediaUnsupported
        | ErrorKind::MediaFetchRefused
        | ErrorKind::MediaGone
        | ErrorKind::Invalid
        | ErrorKind::PageSizeLimit
        | ErrorKind::ShuttingDown => {}
    }
}

/// The answer to a failure of HTTP itself.
pub fn http(status: StatusCode, detail: Option<String>) -> Response {
    match HTTP.iter().find(|(known, _, _)| *known == status) {
        Some((_, code, title)) => problem(status, code, title, detail.map_or(Cow::Borrowed(*title), Cow::Owned)),
        None if status.is_client_error() => {
            let title = status.canonical_reason().unwrap_or("The request cannot be served");
            problem(status, "malformed_request", title, Cow::Borrowed(title))
        }
        None => {
            error!(request.id = request_id::current(), error = detail, "a request failed in an unexpected way");
            let (status, code, title) = row(ErrorKind::Internal);
            problem(status, code, title, Cow::Borrowed("an unexpected error occurred"))
        }
    }
}

/// The body of the answer where no request could be read or taken.
pub(super) fn unread(status: StatusCode, request_id: &str) -> String {
    let known = HTTP.iter().chain([&CROWDED]).find(|(known, _, _)| *known == status);
    let unknown = (status, "malformed_request", status.canonical_reason().unwrap_or("The request cannot be read"));
    let (_, code, title) = known.copied().unwrap_or(unknown);
    let problem = described(status, code, title, Cow::Borrowed(title));
    Problem { request_id: request_id.to_owned(), ..problem }.to_json_string()
}

/// The answer to the question whether the server is ready, when it is not: a problem that names each part's state.
pub fn not_ready(error: &Error, parts: Value) -> Response {
    let (status, code, title) = row(error.kind());
    let mut body = described(status, code, title, Cow::Owned(error.to_string())).to_json().unwrap_or_default();
    if let (Value::Object(body), Value::Object(parts)) = (&mut body, parts) {
        // Members of its own, as RFC 9457 allows; the problem's are not to be overwritten.
        for (name, part) in parts {
            body.entry(name).or_insert(part);
        }
    }
    sent(status, body)
}

fn problem(status: StatusCode, code: &str, title: &str, detail: Cow<'_, str>) -> Response {
    sent(status, described(status, code, title, detail).to_json().unwrap_or_default())
}

fn described(status: StatusCode, code: &str, title: &str, detail: Cow<'_, str>) -> Problem {
    Problem {
        kind: format!("urn:waypost:problem:{code}"),
        title: title.to_owned(),
        status: status.as_u16(),
        detail: detail.clone().into_owned(),
        code: code.to_owned(),
        request_id: request_id::current(),
        message_id: None,
        error: ProblemSummary { code: status.as_u16(), message: detail.into_owned() },
    }
}

fn sent(status: StatusCode, body: Value) -> Response {
    let mut response = body.to_string().into_response();
    response.set_status(status);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(PROBLEM_JSON));
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
    }
    response
}

/// A failure of ours on its way through the framework.
impl From<Error> for poem::Error {
    fn from(error: Error) -> Self {
        let status = status(&error);
        Self::new(error, status)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_has_a_code_of_its_own() {
        let codes: HashSet<_> = ErrorKind::ALL.iter().map(|kind| row(*kind).1).collect();
        assert_eq!(codes.len(), ErrorKind::ALL.len());
    }
}
