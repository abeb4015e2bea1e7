//! Until when WhatsApp keeps the account from something, which it says when it is asked.

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

impl Client {
    /// Asks WhatsApp until when nobody new can be written to. None if it names no end.
    ///
    /// # Errors
    /// `Upstream`, `UpstreamTimeout`.
    pub async fn restriction_end(&self, kind: RestrictionKind) -> Result<Option<Timestamp>> {
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
        Ok(answer.data.as_ref().and_then(|data| end(kind, data)))
    }
}

/// The end that an answer names. The library's own types want some of its numbers to be texts, and some of its texts to be numbers.
fn end(kind: RestrictionKind, data: &Value) -> Option<Timestamp> {
    let seconds = match kind {
        RestrictionKind::Timelock => {
            let lock = data.get("xwa2_fetch_account_reachout_timelock")?;
            lock.get("is_active").filter(|is_active| **is_active == Value::Bool(true))?;
            number(lock.get("time_enforcement_ends")?)?
        }
        RestrictionKind::NewChatLimit => number(data.get("xwa2_message_capping_info")?.get("cycle_end_timestamp")?)?,
    };
    (seconds > 0).then(|| Timestamp::from_millis(seconds.saturating_mul(1_000)))
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
