//! The rules that a webhook's values keep. Each refusal names the field and the rule.

use std::collections::{BTreeMap, HashMap};

use entity::ids::{SessionId, WebhookId};
use entity::timestamp::Timestamp;
use entity::words::access::Scope;
use entity::words::event::EventType;
use secrecy::SecretString;

use crate::caller::Caller;
use crate::egress;
use crate::error::{Error, Result};
use crate::event::types;
use crate::webhook::authority;
use crate::webhook::delivery::request;
use crate::webhook::row::WebhookRow;
use crate::webhook::types::NewWebhook;

/// Longest address, characters.
pub const URL_MAX: usize = 2048;

/// A new webhook whose every value keeps the rules, and which gets nothing that the caller may not read. `field` is where it
/// stands in the request: `webhook.` or nothing.
pub fn webhook(
    caller: &Caller,
    field: &str,
    session_id: Option<SessionId>,
    new: NewWebhook,
    now: Timestamp,
) -> Result<WebhookRow> {
    let NewWebhook { url, events, secret, headers, filters, ordered } = new;
    let webhook = WebhookRow {
        id: WebhookId::generate(),
        session_id,
        url: self::url(field, url)?,
        events: self::events(field, events.unwrap_or_default())?,
        gets_codes: caller.allows(Scope::SessionsPair),
        secret: secret.map(|secret| request::secret(&format!("{field}secret"), secret)).transpose()?,
        old_secret: None,
        headers: self::headers(field, headers.unwrap_or_default())?,
        filters: filters.unwrap_or_default(),
        is_ordered: ordered.unwrap_or(true),
        disabled: None,
        failing_since: None,
        last_error: None,
        after_position: 0,
        until_position: None,
        created_at: now,
        updated_at: now,
    };
    authority::require(caller, &webhook)?;
    Ok(webhook)
}

/// Whether a text has the form of our ids: the prefix and 32 hexadecimal digits. PostgreSQL cannot be asked for every other.
pub fn is_id(prefix: &str, text: &str) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.strip_prefix(prefix).is_some_and(|digits| digits.len() == 32 && digits.bytes().all(is_digit))
}

/// An address to post to.
pub fn url(field: &str, url: String) -> Result<SecretString> {
    if !egress::is_web_address(&url) || url.chars().count() > URL_MAX {
        let rule = format!("must be an http or https address of at most {URL_MAX} characters");
        return Err(Error::invalid(&format!("{field}url"), rule));
    }
    Ok(url.into())
}

/// The events to deliver; none is all.
pub fn events(field: &str, words: Vec<String>) -> Result<Vec<EventType>> {
    let mut events = types::types(&format!("{field}events"), words)?;
    if events.is_empty() {
        events.push(EventType::All);
    }
    Ok(events)
}

/// The headers to send with each request.
pub fn headers(field: &str, headers: HashMap<String, String>) -> Result<BTreeMap<String, SecretString>> {
    request::own_headers(&format!("{field}headers"), headers)
}
