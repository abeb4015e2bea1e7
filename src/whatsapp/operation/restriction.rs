//! What WhatsApp keeps the account from, and until when, which it says when it is asked.

use std::time::Duration;

use entity::timestamp::Timestamp;
use entity::words::outgoing::RestrictionKind;
use serde_json::{Value, json};
use whatsapp_rust::wacore::iq::mex_operations::{fetch_new_chat_message_capping_info, fetch_reachout_timelock};
use whatsapp_rust::{MexError, MexRequest};

use crate::error::{Error, ErrorKind, Result};
use crate::whatsapp::client::{Client, OperationKind};
use crate::whatsapp::operation::query_error;

/// WhatsApp is given 20 s to answer. A chat waits for it.
const ASK: OperationKind = OperationKind { name: "restriction_end", limit: Duration::from_secs(20) };

/// What WhatsApp says of something that it may keep an account from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestrictionAnswer {
    /// When it ends, or the cycle of new chats does. None if WhatsApp names no end.
    pub end: Option<Timestamp>,
    /// Whether WhatsApp says that the account is not kept from it.
    pub is_denied: bool,
    /// How many chats the account may begin. None if WhatsApp does not say that.
    pub quota: Option<NewChatQuota>,
}

/// How many chats an account may begin in a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewChatQuota {
    /// How many it has begun.
    pub used: u32,
    /// How many it may begin.
    pub total: u32,
    /// When the cycle ends.
    pub resets_at: Timestamp,
}

impl Client {
    /// Asks WhatsApp until when nobody new can be written to. None if it names no end.
    ///
    /// # Errors
    /// `Upstream`, `UpstreamTimeout`.
    pub async fn restriction_end(&self, kind: RestrictionKind) -> Result<Option<Timestamp>> {
        Ok(self.restriction(kind).await?.end)
    }

    /// Asks WhatsApp whether it keeps the account from this.
    ///
    /// # Errors
    /// `Upstream`, `UpstreamTimeout`.
    pub async fn restriction(&self, kind: RestrictionKind) -> Result<RestrictionAnswer> {
        let request = match kind {
            RestrictionKind::Timelock => {
                MexRequest::new(fetch_reachout_timelock::NAME, fetch_reachout_timelock::DOC_ID, json!({}))
            }
            RestrictionKind::NewChatLimit => MexRequest::new(
                fetch_new_chat_message_capping_info::NAME,
                fetch_new_chat_message_capping_info::DOC_ID,
                json!({ "input": { "type": "INDIVIDUAL_NEW_CHAT_MSG" } }),
            ),
        };
        let asked = self.run(&ASK, |library| async move { library.mex().query(request).await });
        let refusal = "WhatsApp did not say what it keeps the account from";
        let answer = asked.await?.map_err(|error| match error {
            MexError::Request(error) => query_error(self, error, refusal),
            other => Error::new(ErrorKind::Upstream, refusal).because(other),
        })?;
        Ok(answer.data.as_ref().and_then(|data| said(kind, data)).unwrap_or_default())
    }
}

/// What an answer says. The library's own types want some of its numbers to be texts, and some of its texts to be numbers.
fn said(kind: RestrictionKind, data: &Value) -> Option<RestrictionAnswer> {
    match kind {
        RestrictionKind::Timelock => data.get("xwa2_fetch_account_reachout_timelock").map(timelock),
        RestrictionKind::NewChatLimit => data.get("xwa2_message_capping_info").map(new_chats),
    }
}

fn timelock(lock: &Value) -> RestrictionAnswer {
    let is_active = lock.get("is_active").and_then(Value::as_bool);
    let end = lock.get("time_enforcement_ends").and_then(moment).filter(|_| is_active == Some(true));
    RestrictionAnswer { end, is_denied: is_active == Some(false), quota: None }
}

fn new_chats(info: &Value) -> RestrictionAnswer {
    let count = |name: &str| info.get(name).and_then(number).and_then(|number| u32::try_from(number).ok());
    let end = info.get("cycle_end_timestamp").and_then(moment);
    let quota = match (count("used_quota"), count("total_quota"), end) {
        (Some(used), Some(total), Some(resets_at)) => Some(NewChatQuota { used, total, resets_at }),
        _ => None,
    };
    let status = info.get("capping_status").and_then(Value::as_str);
    let is_denied = match quota {
        Some(NewChatQuota { used, total, .. }) => used < total && status != Some("CAPPED"),
        None => status == Some("NONE"),
    };
    RestrictionAnswer { end, is_denied, quota }
}

fn moment(value: &Value) -> Option<Timestamp> {
    let seconds = number(value).filter(|seconds| *seconds > 0)?;
    Some(Timestamp::from_millis(seconds.saturating_mul(1_000)))
}

fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECONDS: i64 = 1_770_000_000;

    fn end(kind: RestrictionKind, data: &Value) -> Option<Timestamp> {
        said(kind, data).and_then(|said| said.end)
    }

    #[test]
    fn a_restriction_is_denied_only_where_whatsapp_says_so() {
        let is_denied =
            |kind, name: &str, info: Value| said(kind, &json!({ name: info })).is_some_and(|said| said.is_denied);
        let lock = |info| is_denied(RestrictionKind::Timelock, "xwa2_fetch_account_reachout_timelock", info);
        assert!(lock(json!({ "is_active": false, "time_enforcement_ends": "0" })));
        assert!(!lock(json!({ "is_active": true, "time_enforcement_ends": SECONDS })));
        assert!(!lock(json!({})) && !lock(json!(null)));
        let cap = |used: u32, status: &str| {
            let info = json!({
                "total_quota": "10", "used_quota": used, "cycle_end_timestamp": SECONDS, "capping_status": status,
            });
            let name = "xwa2_message_capping_info";
            let said = said(RestrictionKind::NewChatLimit, &json!({ name: info })).expect("it says something");
            let resets_at = Timestamp::from_millis(SECONDS * 1_000);
            assert_eq!(said.quota, Some(NewChatQuota { used, total: 10, resets_at }));
            said.is_denied
        };
        assert!(cap(9, "SECOND_WARNING") && cap(0, "NONE"));
        assert!(!cap(10, "CAPPED") && !cap(9, "CAPPED") && !cap(10, "NONE"));
        let unlimited = |info| is_denied(RestrictionKind::NewChatLimit, "xwa2_message_capping_info", info);
        assert!(unlimited(json!({ "capping_status": "NONE" })));
        assert!(!unlimited(json!({ "capping_status": "CAPPED" })) && !unlimited(json!({})));
    }

    #[test]
    fn an_end_is_read_as_a_number_or_as_a_text() {
        let at = Some(Timestamp::from_millis(SECONDS * 1_000));
        for seconds in [json!(SECONDS), json!(SECONDS.to_string())] {
            let lock = json!({ "is_active": true, "time_enforcement_ends": seconds });
            let lock = json!({ "xwa2_fetch_account_reachout_timelock": lock });
            assert_eq!(end(RestrictionKind::Timelock, &lock), at);
            assert_eq!(end(RestrictionKind::NewChatLimit, &lock), None);
            let cap = json!({ "total_quota": 10, "used_quota": "10", "cycle_end_timestamp": seconds });
            let cap = json!({ "xwa2_message_capping_info": cap });
            assert_eq!(end(RestrictionKind::NewChatLimit, &cap), at);
        }
    }

    #[test]
    fn what_is_over_or_not_named_has_no_end() {
        for lock in [
            json!(null),
            json!({ "is_active": false, "time_enforcement_ends": SECONDS }),
            json!({ "is_active": true, "time_enforcement_ends": "0" }),
            json!({ "is_active": true, "time_enforcement_ends": null }),
            json!({ "is_active": true, "time_enforcement_ends": "soon" }),
        ] {
            let lock = json!({ "xwa2_fetch_account_reachout_timelock": lock });
            assert_eq!(end(RestrictionKind::Timelock, &lock), None, "{lock}");
        }
        let cap = json!({ "xwa2_message_capping_info": { "capping_status": "NONE" } });
        assert_eq!(end(RestrictionKind::NewChatLimit, &cap), None);
    }
}
