//! What a caller must be allowed to read before they may say what a webhook gets, and where: nobody reads through a receiver
//! what they may not read themselves.

use entity::words::access::Scope;
use entity::words::event::EventType;

use crate::caller::Caller;
use crate::error::{Error, Result};
use crate::event::types::is_code;
use crate::webhook::row::WebhookRow;

/// Refuses unless the caller may read all that a webhook gets. `all` is without codes for a caller who may not pair.
///
/// # Errors
/// `Forbidden`, with the scope that is missing.
pub fn require(caller: &Caller, webhook: &WebhookRow) -> Result<()> {
    caller.require(Scope::MessagesRead)?;
    if webhook.wants(EventType::QrCode) || webhook.wants(EventType::PairCode) {
        caller.require(Scope::SessionsPair)?;
    }
    Ok(())
}

/// The types of events that a replay delivers: those that were asked for, or, if none were, all that the webhook gets. Events with codes
/// are for callers who may pair: who asks for them without that is refused, and who asks for nothing gets the others.
///
/// # Errors
/// `Invalid` for what the webhook does not get, `Forbidden` as [`require`].
pub fn replayable(caller: &Caller, webhook: &WebhookRow, asked: &[EventType]) -> Result<Vec<EventType>> {
    caller.require(Scope::MessagesRead)?;
    let may_pair = caller.allows(Scope::SessionsPair);
    if asked.is_empty() || asked.contains(&EventType::All) {
        let gets = |event: &EventType| webhook.wants(*event) && (may_pair || !is_code(*event));
        return Ok(EventType::ALL.iter().copied().filter(gets).collect());
    }
    if let Some(other) = asked.iter().find(|event| !webhook.wants(**event)) {
        return Err(Error::invalid("types", format!("has `{other}`, which this webhook does not get")));
    }
    if asked.iter().any(|event| is_code(*event)) {
        caller.require(Scope::SessionsPair)?;
    }
    Ok(asked.to_vec())
}
