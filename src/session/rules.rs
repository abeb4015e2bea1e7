//! The rules that a session's values keep. Each refusal names the field and the rule.

use std::collections::{BTreeMap, HashMap};

use entity::ids::{BadSessionId, SessionId};
use entity::timestamp::Timestamp;
use entity::words::session::PresenceOnConnect;

use crate::account::DeviceProps;
use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::page::SortKey;
use crate::rule;
use crate::session::store::SessionDraft;
use crate::session::types::{MediaFetching, NewMediaFetching, NewSession, SendPace, Session, SessionFilter, Snapshot};
use crate::webhook;

/// An id that no session may have: it is the path below which sessions are searched, where words win over ids.
const SEARCH: &str = "search";
/// Most labels.
pub const METADATA_MAX: usize = 50;
/// Longest name of a label, characters.
pub const LABEL_NAME_MAX: usize = 64;
/// Longest value of a label, characters.
pub const LABEL_VALUE_MAX: usize = 512;
/// Longest operating system that the phone shows, characters.
pub const OS_MAX: usize = 50;
/// Most messages per second that a session may be told to send.
pub const SEND_RATE_MAX: f64 = 1_000.0;
/// Most messages that a session may be told to send at once.
pub const SEND_BURST_MAX: u32 = 1_000;
/// Largest file that a session may be told to fetch as it comes, bytes: that is as large as GraphQL's numbers are.
pub const MEDIA_BYTES_MAX: u32 = 2_147_483_647;
/// Parts of a message per second that a rate is counted in.
const RATE_PARTS: f64 = 1_000.0;
/// The kinds of program that a phone knows how to show.
pub const PLATFORMS: &[&str] = &["chrome", "firefox", "safari", "edge", "opera", "ie", "desktop"];

/// A new session whose every value keeps the rules.
pub fn draft(caller: &Caller, new: NewSession, now: Timestamp) -> Result<SessionDraft> {
    let id = match &new.id {
        Some(id) => SessionId::parse(id)
            .map_err(|BadSessionId| Error::invalid("id", "must match ^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"))?,
        None => SessionId::generate(),
    };
    if id.as_str() == SEARCH {
        return Err(Error::invalid("id", format!("must not be `{SEARCH}`, which is a path of this API")));
    }
    let webhook = |new| webhook::rules::webhook(caller, "webhook.", Some(id.clone()), new, now);
    let webhook = new.webhook.map(webhook).transpose()?;
    Ok(SessionDraft {
        id,
        name: new.name.map(name).transpose()?.flatten(),
        metadata: new.metadata.map(metadata).transpose()?.unwrap_or_default(),
        props: new.device.map(props).transpose()?.unwrap_or_default(),
        presence_on_connect: new.presence_on_connect.unwrap_or(PresenceOnConnect::Unavailable),
        pace: SendPace {
            rate: new.send_rate.map(send_rate).transpose()?,
            burst: new.send_burst.map(send_burst).transpose()?,
        },
        media: new.media.map(media).transpose()?.unwrap_or_default(),
        webhook,
    })
}

/// Messages per second; 0 is as fast as it goes.
pub fn send_rate(rate: f64) -> Result<f64> {
    let parts = rate * RATE_PARTS;
    // What is no number is in no range. Most decimals are no exact binary fractions.
    let is_fine = (0.0..=SEND_RATE_MAX).contains(&rate) && (parts - parts.round()).abs() < 1e-6;
    let rule =
        || Error::invalid("send_rate", format!("must be from 0 to {SEND_RATE_MAX}, with at most three decimals"));
    // Not minus zero, which is one of them.
    is_fine.then(|| parts.round().abs() / RATE_PARTS).ok_or_else(rule)
}

/// Messages that go at once.
pub fn send_burst(burst: u32) -> Result<u32> {
    let rule = || Error::invalid("send_burst", format!("must be from 1 to {SEND_BURST_MAX}"));
    (1..=SEND_BURST_MAX).contains(&burst).then_some(burst).ok_or_else(rule)
}

/// When files are fetched.
pub fn media(NewMediaFetching { fetch, max_bytes }: NewMediaFetching) -> Result<MediaFetching> {
    let is_fine = max_bytes.is_none_or(|bytes| (1..=MEDIA_BYTES_MAX).contains(&bytes));
    let rule = || Error::invalid("media.max_bytes", format!("must be from 1 to {MEDIA_BYTES_MAX}"));
    is_fine.then_some(MediaFetching { fetch, max_bytes }).ok_or_else(rule)
}

/// A name; an empty one is none.
pub fn name(name: String) -> Result<Option<String>> {
    let name = name.trim();
    if name.is_empty() { Ok(None) } else { rule::name("name", name).map(Some) }
}

/// Labels.
pub fn metadata(labels: HashMap<String, String>) -> Result<BTreeMap<String, String>> {
    if labels.len() > METADATA_MAX {
        return Err(Error::invalid("metadata", format!("must have at most {METADATA_MAX} keys")));
    }
    for (name, value) in &labels {
        if name.is_empty() || name.chars().count() > LABEL_NAME_MAX {
            return Err(Error::invalid("metadata", format!("must have keys of 1 to {LABEL_NAME_MAX} characters")));
        }
        if value.chars().count() > LABEL_VALUE_MAX {
            return Err(Error::invalid(
                "metadata",
                format!("must have values of at most {LABEL_VALUE_MAX} characters"),
            ));
        }
        // PostgreSQL cannot store it.
        if name.contains('\0') || value.contains('\0') {
            return Err(Error::invalid("metadata", "must not have NUL characters"));
        }
    }
    Ok(labels.into_iter().collect())
}

fn props(props: DeviceProps) -> Result<DeviceProps> {
    if let Some(os) = &props.os
        && (os.trim().is_empty() || os.chars().count() > OS_MAX || os.chars().any(char::is_control))
    {
        return Err(Error::invalid("device.os", format!("must have 1 to {OS_MAX} printable characters")));
    }
    if let Some(platform) = &props.platform
        && !PLATFORMS.contains(&platform.as_str())
    {
        return Err(Error::invalid("device.platform", format!("must be one of {}", PLATFORMS.join(", "))));
    }
    if let Some(version) = &props.version {
        let numbers: Vec<_> = version.split('.').collect();
        let is_number = |text: &&str| text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u32>().is_ok();
        if numbers.len() > 3 || !numbers.iter().all(is_number) {
            return Err(Error::invalid("device.version", "must be one to three numbers with dots, such as 10.15.7"));
        }
    }
    Ok(props)
}

/// A filter that keeps the rules. What it looks for is folded by Unicode, as what it is compared with.
pub fn filter(filter: SessionFilter) -> Result<SessionFilter> {
    let SessionFilter { status, query, metadata } = filter;
    let metadata = metadata.map(|labels| self::metadata(labels.into_iter().collect())).transpose()?;
    let query = query.filter(|query| !query.is_empty());
    if query.as_deref().is_some_and(|query| query.contains('\0') || query.chars().count() > rule::NAME_MAX) {
        return Err(Error::invalid("q", format!("must have at most {} characters and no NUL", rule::NAME_MAX)));
    }
    Ok(SessionFilter { status, query: query.map(|query| query.to_lowercase()), metadata })
}

/// Where a session stands in every list.
pub fn sort_key(session: &Session) -> SortKey {
    SortKey { created_at: session.created_at, id: session.id.to_string() }
}

/// Whether a session is one of those that a [`filter`] names.
pub fn matches(filter: &SessionFilter, snapshot: &Snapshot) -> bool {
    let SessionFilter { status, query, metadata } = filter;
    let session = &snapshot.session;
    let contains = |folded: &str, text: Option<&str>| text.is_some_and(|text| text.to_lowercase().contains(folded));
    status.is_none_or(|status| status == snapshot.live.status)
        && query.as_deref().is_none_or(|folded| {
            contains(folded, Some(session.id.as_str()))
                || contains(folded, session.name.as_deref())
                || contains(folded, session.phone_number.as_deref())
        })
        && metadata.iter().flatten().all(|(name, value)| session.metadata.get(name) == Some(value))
}

#[cfg(test)]
mod tests {
    use entity::words::session::MediaFetch;

    use super::*;

    #[test]
    fn a_session_sends_at_a_rate_of_thousandths_and_bursts_of_whole_messages() {
        for rate in [0.0, 0.001, 0.1, 0.7, 2.5, 33.333, 999.999, 1_000.0] {
            assert_eq!(send_rate(rate).ok(), Some(rate));
        }
        assert!(send_rate(-0.0).is_ok_and(f64::is_sign_positive));
        for rate in [-0.001, 0.0001, 1.2345, 1_000.001, f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
            let refused = send_rate(rate).expect_err("it breaks the rule").to_string();
            assert_eq!(refused, "`send_rate` must be from 0 to 1000, with at most three decimals", "{rate}");
        }
        assert_eq!((send_burst(1).ok(), send_burst(1_000).ok()), (Some(1), Some(1_000)));
        for burst in [0, 1_001] {
            let refused = send_burst(burst).expect_err("it breaks the rule").to_string();
            assert_eq!(refused, "`send_burst` must be from 1 to 1000");
        }
    }

    #[test]
    fn files_are_fetched_up_to_a_size_that_every_door_can_say() {
        let fetching = |max_bytes| media(NewMediaFetching { fetch: MediaFetch::Eager, max_bytes });
        for max_bytes in [None, Some(1), Some(2_147_483_647)] {
            assert_eq!(fetching(max_bytes).ok(), Some(MediaFetching { fetch: MediaFetch::Eager, max_bytes }));
        }
        for max_bytes in [0, 2_147_483_648] {
            let refused = fetching(Some(max_bytes)).expect_err("it breaks the rule").to_string();
            assert_eq!(refused, "`media.max_bytes` must be from 1 to 2147483647");
        }
    }
}
