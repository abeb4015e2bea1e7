//! Builds and signs one request to a receiver. Pure.
//!
//! It is signed twice: as Standard Webhooks says, and as the contract says. After a rotation the old secret signs, too, for a
//! while.

use std::collections::{BTreeMap, HashMap};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use entity::ids::{EventId, SessionId};
use entity::timestamp::Timestamp;
use entity::words::event::EventType;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::egress::AGENT;
use crate::error::{Error, Result};
use crate::event::body::EventBody;
use crate::event::body::session::TestEvent;
use crate::event::record::EventRow;

/// What a secret of Standard Webhooks begins with.
const PREFIX: &str = "whsec_";
/// Bytes of a secret that is made here.
const SECRET_BYTES: usize = 32;
/// Longest secret of another form, characters.
pub const SECRET_MAX: usize = 256;
/// Most headers of a client's own.
pub const HEADERS_MAX: usize = 20;
/// Longest value of one, characters.
pub const HEADER_MAX: usize = 1024;
/// Headers that are not a client's to set: the connection's, and ours.
const RESERVED: &[&str] = &[
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// Beginnings of headers that are not a client's to set either.
const RESERVED_PREFIXES: &[&str] = &["proxy-", "webhook-", "x-webhook-"];

/// What keys of Standard Webhooks begin with that do not sign here: those of its asymmetric kind, and one with the version of
/// a signature before it. Taken as text they would sign what no library verifies.
const OTHER_PREFIXES: &[&str] = &["whsk_", "whpk_", "v1,", "v1a,"];

/// A secret that a client gave: `whsec_` and base64 of 24 to 64 bytes, or 1 to 256 characters of any other form.
///
/// # Errors
/// `Invalid`, with the field.
pub fn secret(field: &str, text: String) -> Result<SecretString> {
    if let Some(rest) = text.strip_prefix(PREFIX) {
        let is_good = STANDARD.decode(rest).is_ok_and(|bytes| (24..=64).contains(&bytes.len()));
        if !is_good {
            return Err(Error::invalid(field, "must have base64 of 24 to 64 bytes after `whsec_`"));
        }
    } else if let Some(prefix) = OTHER_PREFIXES.iter().find(|prefix| text.starts_with(**prefix)) {
        return Err(Error::invalid(
            field,
            format!("must not begin with `{prefix}`: give `whsec_` and base64, or a text"),
        ));
    } else if text.is_empty() || text.chars().count() > SECRET_MAX || text.contains('\0') {
        return Err(Error::invalid(field, format!("must have 1 to {SECRET_MAX} characters and no NUL")));
    }
    Ok(text.into())
}

/// A new secret.
pub fn new_secret() -> SecretString {
    let bytes: [u8; SECRET_BYTES] = rand::random();
    format!("{PREFIX}{}", STANDARD.encode(bytes)).into()
}

/// Headers that a client wants to be sent, by their names in small letters.
///
/// # Errors
/// `Invalid`, with the field and the name.
pub fn own_headers(field: &str, headers: HashMap<String, String>) -> Result<BTreeMap<String, SecretString>> {
    if headers.len() > HEADERS_MAX {
        return Err(Error::invalid(field, format!("must have at most {HEADERS_MAX} headers")));
    }
    let mut taken = BTreeMap::new();
    for (name, value) in headers {
        let shown: String = name.chars().take(60).collect();
        let Ok(known) = HeaderName::try_from(&name) else {
            return Err(Error::invalid(field, format!("has `{shown}`, which is no name of a header")));
        };
        let known = known.as_str();
        if RESERVED.contains(&known) || RESERVED_PREFIXES.iter().any(|prefix| known.starts_with(prefix)) {
            return Err(Error::invalid(field, format!("has `{shown}`, which is set by the server")));
        }
        if value.chars().count() > HEADER_MAX || HeaderValue::try_from(&value).is_err() {
            let rule = format!("has a value of `{shown}` that is no header: at most {HEADER_MAX} printable characters");
            return Err(Error::invalid(field, rule));
        }
        if taken.insert(known.to_owned(), value.into()).is_some() {
            return Err(Error::invalid(field, format!("has `{shown}` twice")));
        }
    }
    Ok(taken)
}

/// What is posted about an event.
pub fn body(event: &EventRow) -> Vec<u8> {
    let EventRow { position: _, id, session_id, sequence, event_type, created_at, body } = event;
    let timestamp = created_at.seconds();
    // Ids and words are letters, digits and signs that JSON knows; the body is JSON already.
    format!(
        r#"{{"id":"{id}","session_id":"{session_id}","event":"{event_type}","timestamp":{timestamp},"sequence":{sequence},"data":{body}}}"#
    )
    .into_bytes()
}

/// What is posted to try a receiver out. It has no place among the events of a session.
///
/// # Errors
/// `Internal`: it cannot be written as JSON, which it can.
pub fn test_body(id: &EventId, session: Option<&SessionId>, now: Timestamp) -> Result<Vec<u8>> {
    let data = EventBody::Test(TestEvent { message: "This is a test of this webhook.".to_owned() });
    let body = serde_json::json!({
        "id": id, "session_id": session, "event": EventType::Test, "timestamp": now, "sequence": 0, "data": data,
    });
    serde_json::to_vec(&body).map_err(Error::internal)
}

/// What signs a request.
#[derive(Clone, Copy, Debug)]
pub struct Signers<'a> {
    /// The secret.
    pub secret: Option<&'a SecretString>,
    /// The one before it, while it still signs.
    pub old: Option<&'a SecretString>,
}

/// The headers of a request.
pub fn headers(
    id: &str,
    now: Timestamp,
    body: &[u8],
    signers: Signers<'_>,
    own: &BTreeMap<String, SecretString>,
) -> HeaderMap {
    let timestamp = now.seconds().to_string();
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    };
    set("user-agent", AGENT.to_owned());
    for secret in [signers.secret, signers.old].into_iter().zip(["x-webhook-signature", "x-webhook-signature-previous"])
    {
        if let (Some(secret), name) = secret {
            set(name, contract_signature(secret, &timestamp, body));
        }
    }
    let standard = [signers.secret, signers.old].into_iter().flatten();
    let standard: Vec<_> = standard.map(|secret| standard_signature(secret, id, &timestamp, body)).collect();
    if !standard.is_empty() {
        set("webhook-signature", standard.join(" "));
        set("x-webhook-signature-version", "v2".to_owned());
    }
    set("webhook-id", id.to_owned());
    set("webhook-timestamp", timestamp.clone());
    set("x-webhook-timestamp", timestamp);
    for (name, value) in own {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value.expose_secret())) {
            headers.insert(name, value);
        }
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers
}

/// `v1,` and base64 of the HMAC of `{id}.{timestamp}.{body}`. src: standardwebhooks.com
fn standard_signature(secret: &SecretString, id: &str, timestamp: &str, body: &[u8]) -> String {
    let text = secret.expose_secret();
    let decoded = text.strip_prefix(PREFIX).and_then(|rest| STANDARD.decode(rest).ok());
    let key = decoded.as_deref().unwrap_or(text.as_bytes());
    format!("v1,{}", STANDARD.encode(hmac(key, &[id.as_bytes(), b".", timestamp.as_bytes(), b".", body])))
}

/// `sha256=` and hex of the HMAC of `{timestamp}.{body}`. The key is the secret as it is written.
fn contract_signature(secret: &SecretString, timestamp: &str, body: &[u8]) -> String {
    let digest = hmac(secret.expose_secret().as_bytes(), &[timestamp.as_bytes(), b".", body]);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests;
