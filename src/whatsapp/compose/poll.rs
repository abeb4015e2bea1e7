//! Polls, and the account's own votes in them.

use entity::timestamp::Timestamp;
use wacore::poll::{compute_option_hash, encrypt_poll_vote_with_secret};
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::poll_creation_message::Option as PollOption;
use waproto::whatsapp::message::{PollCreationMessage, PollEncValue, PollUpdateMessage};

use crate::whatsapp::compose::parts::{Context, SECRET_BYTES, Sealing, Target, key, written};

/// A poll that is to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poll {
    /// What it asks.
    pub question: String,
    /// What can be chosen.
    pub options: Vec<String>,
    /// How many of them; 0 is any number.
    pub max_choices: u32,
}

/// The protobuf of a poll. Its own secret opens the votes.
pub fn poll(poll: &Poll, context: &Context) -> Vec<u8> {
    let option = |name: &String| PollOption { option_name: Some(name.clone()), ..Default::default() };
    let content = MessageField::some(PollCreationMessage {
        name: Some(poll.question.clone()),
        options: poll.options.iter().map(option).collect(),
        selectable_options_count: Some(poll.max_choices),
        context_info: context.info(),
        ..Default::default()
    });
    // As WhatsApp's own clients: those of which one option is chosen have a form of their own.
    let message = match poll.max_choices {
        1 => wa::Message { poll_creation_message_v3: content, ..Default::default() },
        _ => wa::Message { poll_creation_message: content, ..Default::default() },
    };
    written(message, context.secret)
}

/// The protobuf of a vote for these options; none of them takes the vote back. None if the poll's secret is none.
pub fn vote(
    target: &Target,
    sealing: &Sealing<'_>,
    options: &[String],
    now: Timestamp,
    secret: [u8; SECRET_BYTES],
) -> Option<Vec<u8>> {
    let hashes: Vec<_> = options.iter().map(|option| compute_option_hash(option).to_vec()).collect();
    let Sealing { secret: of_poll, creator, own } = sealing;
    let sealed = encrypt_poll_vote_with_secret(&hashes, of_poll, &target.message_id, creator, own);
    let (payload, iv) = sealed.ok()?;
    let update = PollUpdateMessage {
        poll_creation_message_key: MessageField::some(key(target)),
        vote: MessageField::some(PollEncValue { enc_payload: Some(payload), enc_iv: Some(iv.to_vec()) }),
        sender_timestamp_ms: Some(now.millis()),
        ..Default::default()
    };
    Some(written(wa::Message { poll_update_message: MessageField::some(update), ..Default::default() }, secret))
}

/// SHA-256 of an option's words, hex: that is all that a vote names.
pub fn option_sha256(option: &str) -> String {
    compute_option_hash(option).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use wacore::poll::{PollVoteCiphertext, decrypt_poll_vote_with_secret};
    use waproto::codec::message_decode;

    use super::*;

    fn asked(max_choices: u32) -> wa::Message {
        let options = ["yes", "no", "later"].map(str::to_owned).to_vec();
        let asked = Poll { question: "tea?".to_owned(), options, max_choices };
        let context = Context { secret: [5; SECRET_BYTES], expiration: Some(86_400), ..Context::default() };
        message_decode(&poll(&asked, &context)).expect("it is a message")
    }

    #[test]
    fn a_poll_with_one_choice_has_another_form_than_one_with_several() {
        let (one, two, any) = (asked(1), asked(2), asked(0));
        assert!(one.poll_creation_message_v3.is_set() && !one.poll_creation_message.is_set());
        for (poll, most) in [(&two, 2), (&any, 0)] {
            assert!(poll.poll_creation_message.is_set() && !poll.poll_creation_message_v3.is_set());
            assert_eq!(poll.poll_creation_message.selectable_options_count, Some(most));
        }
        let content = &one.poll_creation_message_v3;
        assert_eq!((content.name.as_deref(), content.selectable_options_count), (Some("tea?"), Some(1)));
        let options: Vec<_> = content.options.iter().filter_map(|option| option.option_name.as_deref()).collect();
        assert_eq!((options, content.context_info.expiration), (vec!["yes", "no", "later"], Some(86_400)));
        assert_eq!(one.message_context_info.message_secret.as_deref(), Some(&[5; SECRET_BYTES][..]));
    }

    #[test]
    fn a_vote_opens_with_the_secret_of_its_poll_and_the_names_of_both() {
        let target = Target {
            chat: "15550100077@s.whatsapp.net".to_owned(),
            message_id: "P1".to_owned(),
            is_from_me: false,
            participant: None,
        };
        let (creator, own) = ("15550100077@s.whatsapp.net", "15550100001@s.whatsapp.net");
        let sealing = Sealing { secret: &[5; SECRET_BYTES], creator, own };
        let now = Timestamp::from_millis(1_767_143_264_123);
        let sent = vote(&target, &sealing, &["no".to_owned()], now, [6; SECRET_BYTES]).expect("it is sealed");
        let read = message_decode(&sent).expect("it is a message");
        let update = &read.poll_update_message;
        assert_eq!(update.poll_creation_message_key.id.as_deref(), Some("P1"));
        assert_eq!(update.sender_timestamp_ms, Some(1_767_143_264_123));
        assert!(!update.metadata.is_set());
        let (payload, iv) = (update.vote.enc_payload.as_deref(), update.vote.enc_iv.as_deref());
        let sealed = PollVoteCiphertext { enc_payload: payload.expect("it has"), enc_iv: iv.expect("it has") };
        let opened = decrypt_poll_vote_with_secret(sealed, &[5; SECRET_BYTES], "P1", creator, own);
        assert_eq!(opened.expect("it opens"), [compute_option_hash("no").to_vec()]);
        let sealing = Sealing { secret: &[5; 3], creator, own };
        assert!(vote(&target, &sealing, &[], now, [6; SECRET_BYTES]).is_none());
    }
}
