//! Checks events, as WhatsApp calls appointments.

use crate::error::{Error, Result};
use crate::message::content::event::EventContent;
use crate::message::request::checked::location::location as place;
use crate::message::rules::{DESCRIPTION_MAX, EVENT_NAME_MAX, label};
use crate::whatsapp::compose::Event;

/// What the link of a call begins with.
const CALL: &str = "https://call.whatsapp.com/";
/// Longest link of a call, bytes.
const CALL_MAX: usize = 256;

/// An event that can be sent.
///
/// # Errors
/// `Invalid`.
pub(in crate::message) fn event(content: EventContent) -> Result<Event> {
    let EventContent { name, description, start_at, end_at, location, call } = content;
    let name = label("content.name", name, EVENT_NAME_MAX)?;
    let description = match description {
        Some(text) if text.chars().count() > DESCRIPTION_MAX => {
            let rule = format!("must have at most {DESCRIPTION_MAX} characters");
            return Err(Error::invalid("content.description", rule));
        }
        other => other,
    };
    if end_at.is_some_and(|end_at| end_at <= start_at) {
        return Err(Error::invalid("content.end_at", "must be behind `start_at`"));
    }
    let location = location.map(|content| place("content.location", content)).transpose()?;
    let is_link = |call: &String| {
        call.len() <= CALL_MAX
            && call.len() > CALL.len()
            && call.starts_with(CALL)
            && call.bytes().all(|byte| byte.is_ascii_graphic())
    };
    if call.as_ref().is_some_and(|call| !is_link(call)) {
        return Err(Error::invalid("content.call", format!("must be the link of a WhatsApp call: `{CALL}..`")));
    }
    Ok(Event { name, description, start_at, end_at, location, call })
}

#[cfg(test)]
mod tests {
    use entity::timestamp::Timestamp;

    use super::*;

    #[test]
    fn an_event_ends_behind_its_beginning_and_links_to_calls_only() {
        let start_at = Timestamp::from_millis(1_767_143_264_000);
        let content = || EventContent {
            name: "Tea".to_owned(),
            description: None,
            start_at,
            end_at: None,
            location: None,
            call: None,
        };
        let refusal = |content| event(content).err().map(|error| error.to_string());
        let call = |link: &str| EventContent { call: Some(link.to_owned()), ..content() };
        assert_eq!(refusal(content()), None);
        assert_eq!(refusal(call("https://call.whatsapp.com/voice/abc")), None);
        for link in ["https://call.whatsapp.com/", "https://call.whatsapp.com.example/x", "x"] {
            let rule = "`content.call` must be the link of a WhatsApp call: `https://call.whatsapp.com/..`";
            assert_eq!(refusal(call(link)).as_deref(), Some(rule), "{link}");
        }
        let ended = EventContent { end_at: Some(start_at), ..content() };
        assert_eq!(refusal(ended).as_deref(), Some("`content.end_at` must be behind `start_at`"));
        let long = EventContent { description: Some("x".repeat(2_049)), ..content() };
        assert_eq!(refusal(long).as_deref(), Some("`content.description` must have at most 2048 characters"));
    }
}
