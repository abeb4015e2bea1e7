//! Polls and events that were kept: what they ask, and the secret that seals the answers.

use wacore::proto_helpers::MessageExt as _;
use waproto::codec::message_decode;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::PollCreationMessage;

/// A poll that was asked.
#[derive(Clone, PartialEq, Eq)]
pub struct AskedPoll {
    /// What it asks.
    pub question: String,
    /// What can be chosen.
    pub options: Vec<String>,
    /// How many of them; 0 is any number.
    pub max_choices: u32,
    /// What seals its votes. None if it did not come along.
    pub secret: Option<Vec<u8>>,
}

/// The poll that a message is. None if it is none, or cannot be read.
pub fn poll(content: &[u8]) -> Option<AskedPoll> {
    let message = message_decode(content).ok()?;
    let base = base(&message);
    let forms = [
        &base.poll_creation_message,
        &base.poll_creation_message_v2,
        &base.poll_creation_message_v3,
        &base.poll_creation_message_v5,
        &base.poll_creation_message_v6,
    ];
    let asked: &PollCreationMessage = forms.into_iter().find_map(|form| form.as_option())?;
    Some(AskedPoll {
        question: asked.name.clone().unwrap_or_default(),
        options: asked.options.iter().filter_map(|option| option.option_name.clone()).collect(),
        max_choices: asked.selectable_options_count.unwrap_or(0),
        secret: secret(&message, base),
    })
}

/// What seals the answers to the event that a message is. None if it is none, cannot be read, or it did not come along.
pub fn event_secret(content: &[u8]) -> Option<Vec<u8>> {
    let message = message_decode(content).ok()?;
    let base = base(&message);
    base.event_message.is_set().then(|| secret(&message, base)).flatten()
}

/// The message in its wrappers. One form of a poll, and the picture above an event, are wrappers as well.
fn base(message: &wa::Message) -> &wa::Message {
    let base = message.get_base_message();
    let around = [&base.poll_creation_message_v4, &base.event_cover_image];
    around.into_iter().find_map(|wrapper| wrapper.as_option()?.message.as_option()).unwrap_or(base)
}

fn secret(message: &wa::Message, base: &wa::Message) -> Option<Vec<u8>> {
    let contexts = [message, base].into_iter().filter_map(|message| message.message_context_info.as_option());
    contexts.filter_map(|context| context.message_secret.clone()).next()
}

#[cfg(test)]
mod tests {
    use entity::timestamp::Timestamp;

    use super::*;
    use crate::whatsapp::compose::event::{Event, event};
    use crate::whatsapp::compose::parts::{Context, SECRET_BYTES};
    use crate::whatsapp::compose::poll::{Poll, poll as composed};

    #[test]
    fn what_was_asked_is_read_back() {
        let context = Context { secret: [5; SECRET_BYTES], ..Context::default() };
        let options = ["yes", "no"].map(str::to_owned).to_vec();
        for max_choices in [0, 1, 2] {
            let asked = Poll { question: "tea?".to_owned(), options: options.clone(), max_choices };
            let read = poll(&composed(&asked, &context)).expect("it is one");
            assert_eq!((read.question.as_str(), &read.options, read.max_choices), ("tea?", &options, max_choices));
            assert_eq!(read.secret.as_deref(), Some(&[5; SECRET_BYTES][..]));
            assert!(event_secret(&composed(&asked, &context)).is_none());
        }
        let (name, start_at) = ("Tea".to_owned(), Timestamp::from_millis(1_767_143_264_000));
        let tea = Event { name, description: None, start_at, end_at: None, location: None, call: None };
        let written = event(&tea, &context);
        assert_eq!(event_secret(&written).as_deref(), Some(&[5; SECRET_BYTES][..]));
        assert!(poll(&written).is_none() && poll(b"no message").is_none());
    }
}
