//! Events, as WhatsApp calls appointments, and the account's own answers to them.

use entity::timestamp::Timestamp;
use entity::words::message::Attendance;
use wacore::event::encrypt_event_response_with_secret;
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::event_response_message::EventResponseType;
use waproto::whatsapp::message::{EncEventResponseMessage, EventMessage, EventResponseMessage};

use crate::whatsapp::compose::location::{Location, fixed};
use crate::whatsapp::compose::parts::{Context, SECRET_BYTES, Sealing, Target, key, written};

/// An event to which people are invited.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What it is called.
    pub name: String,
    /// What is said about it.
    pub description: Option<String>,
    /// When it begins.
    pub start_at: Timestamp,
    /// When it ends.
    pub end_at: Option<Timestamp>,
    /// Where people meet.
    pub location: Option<Location>,
    /// The link of the call in which they meet.
    pub call: Option<String>,
}

/// The protobuf of an event. Its own secret opens the answers.
pub fn event(event: &Event, context: &Context) -> Vec<u8> {
    let content = EventMessage {
        name: Some(event.name.clone()),
        description: event.description.clone(),
        start_time: Some(event.start_at.seconds()),
        end_time: event.end_at.map(Timestamp::seconds),
        location: event.location.as_ref().map_or_else(MessageField::none, |place| MessageField::some(fixed(place))),
        join_link: event.call.clone(),
        is_canceled: Some(false),
        context_info: context.info(),
        ..Default::default()
    };
    written(wa::Message { event_message: MessageField::some(content), ..Default::default() }, context.secret)
}

/// The protobuf of an answer to an event. None if the event's secret is none.
pub fn attendance(
    target: &Target,
    sealing: &Sealing<'_>,
    (answer, extra_guests): (Attendance, i32),
    now: Timestamp,
    secret: [u8; SECRET_BYTES],
) -> Option<Vec<u8>> {
    let response = match answer {
        Attendance::Going => EventResponseType::GOING,
        Attendance::NotGoing => EventResponseType::NOT_GOING,
        Attendance::Maybe => EventResponseType::MAYBE,
    };
    let response = EventResponseMessage {
        response: Some(response),
        timestamp_ms: Some(now.millis()),
        extra_guest_count: (extra_guests > 0).then_some(extra_guests),
    };
    let Sealing { secret: of_event, creator, own } = sealing;
    let sealed = encrypt_event_response_with_secret(&response, of_event, &target.message_id, creator, own);
    let (payload, iv) = sealed.ok()?;
    let content = EncEventResponseMessage {
        event_creation_message_key: MessageField::some(key(target)),
        enc_payload: Some(payload),
        enc_iv: Some(iv.to_vec()),
    };
    Some(written(wa::Message { enc_event_response_message: MessageField::some(content), ..Default::default() }, secret))
}

#[cfg(test)]
mod tests {
    use wacore::event::decrypt_event_response_with_secret;
    use waproto::codec::message_decode;

    use super::*;

    #[test]
    fn an_event_says_when_and_where() {
        let place = Location { latitude: 1.5, longitude: 2.5, name: Some("Pier 4".to_owned()), address: None };
        let tea = Event {
            name: "Tea".to_owned(),
            description: Some("With cake".to_owned()),
            start_at: Timestamp::from_millis(1_767_143_264_000),
            end_at: Some(Timestamp::from_millis(1_767_150_464_000)),
            location: Some(place),
            call: Some("https://call.whatsapp.com/voice/x".to_owned()),
        };
        let context = Context { secret: [7; SECRET_BYTES], ..Context::default() };
        let read = message_decode(&event(&tea, &context)).expect("it is a message");
        let sent = &read.event_message;
        assert_eq!((sent.name.as_deref(), sent.description.as_deref()), (Some("Tea"), Some("With cake")));
        assert_eq!((sent.start_time, sent.end_time), (Some(1_767_143_264), Some(1_767_150_464)));
        assert_eq!((sent.location.degrees_latitude, sent.location.name.as_deref()), (Some(1.5), Some("Pier 4")));
        assert_eq!(sent.join_link.as_deref(), Some("https://call.whatsapp.com/voice/x"));
        assert_eq!(read.message_context_info.message_secret.as_deref(), Some(&[7; SECRET_BYTES][..]));
    }

    #[test]
    fn an_answer_opens_with_the_secret_of_its_event() {
        let (chat, message_id) = ("15550100077@s.whatsapp.net".to_owned(), "E1".to_owned());
        let target = Target { chat, message_id, is_from_me: false, participant: None };
        let (creator, own) = ("15550100077@s.whatsapp.net", "15550100001@s.whatsapp.net");
        let sealing = Sealing { secret: &[7; SECRET_BYTES], creator, own };
        let now = Timestamp::from_millis(1_767_143_264_123);
        for (answer, guests, response) in [
            (Attendance::Going, 2, EventResponseType::GOING),
            (Attendance::NotGoing, 0, EventResponseType::NOT_GOING),
            (Attendance::Maybe, 0, EventResponseType::MAYBE),
        ] {
            let sent = attendance(&target, &sealing, (answer, guests), now, [8; SECRET_BYTES]).expect("sealed");
            let read = message_decode(&sent).expect("it is a message").enc_event_response_message;
            assert_eq!(read.event_creation_message_key.id.as_deref(), Some("E1"));
            let (payload, iv) = (read.enc_payload.as_deref(), read.enc_iv.as_deref());
            let (payload, iv) = (payload.expect("it has one"), iv.expect("it has one"));
            let opened = decrypt_event_response_with_secret(payload, iv, sealing.secret, "E1", creator, own);
            let opened = opened.expect("it opens");
            assert_eq!(opened.response, Some(response));
            assert_eq!(opened.extra_guest_count, (guests > 0).then_some(guests));
        }
    }
}
