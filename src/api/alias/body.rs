//! What these paths take, in the words of the operations that they are.

use entity::timestamp::Timestamp;
use entity::words::chat::ChatState;
use entity::words::session::AccountPresence;
use poem_openapi::Object;

use crate::error::{Error, Result};
use crate::message::content::{MessageContent, TextContent};
use crate::message::types::{MessagePlace, NewEdit, NewMessage, NewReaction};

/// A text that is to be sent.
#[derive(Object)]
#[oai(example, skip_serializing_if_is_none)]
pub struct TextBody {
    /// To whom: a phone number with its country code in any usual spelling, or a JID of a person or a group.
    pub to: String,
    /// What it says: 1 to 65,536 characters.
    pub text: String,
    /// Id of the message that it answers, which must be in the same chat.
    pub reply_to: Option<String>,
    /// Those whom it mentions, written as `to`; each must be in the chat. The text should have `@15550100077`.
    pub mentions: Option<Vec<String>>,
    /// Whether it mentions all who are in a group. Only in a group.
    pub mention_all: Option<bool>,
    /// When it is to be sent, at most 30 days from now, as RFC 3339 has it: `2026-12-24T09:00:00Z`. At once when absent.
    pub send_at: Option<String>,
}

/// A reaction to a message.
#[derive(Object)]
#[oai(example)]
pub struct ReactionBody {
    /// The chat of the message: a phone number, or a JID.
    pub to: String,
    /// The message's id.
    pub message_id: String,
    /// One emoji, at most 64 bytes. Empty takes the account's reaction back.
    pub emoji: String,
}

/// Another wording for a text of the account.
#[derive(Object)]
#[oai(example)]
pub struct EditBody {
    /// The chat of the message: a phone number, or a JID.
    pub to: String,
    /// The message's id.
    pub message_id: String,
    /// What it says from now on: 1 to 65,536 characters.
    pub text: String,
}

/// A message of the account that is to be removed for everybody.
#[derive(Object)]
#[oai(example, skip_serializing_if_is_none)]
pub struct RevokeBody {
    /// The chat of the message: a phone number, or a JID.
    pub to: String,
    /// The message's id.
    pub message_id: String,
    /// Who sent it. Only needed for a message that this server does not know any more.
    pub original_sender: Option<String>,
}

/// Messages that were read.
#[derive(Object)]
#[oai(example, skip_serializing_if_is_none)]
pub struct ReadBody {
    /// The chat: a phone number, or a JID.
    pub chat_jid: String,
    /// Not needed: who sent the messages is looked up.
    pub sender: Option<String>,
    /// Their ids, 1 to 256.
    pub message_ids: Vec<String>,
}

/// What somebody does in a chat.
#[derive(Object)]
#[oai(example)]
pub struct ChatStateBody {
    /// The chat: a phone number, or a JID.
    pub to: String,
    /// What they do. Say so as well when they stop.
    pub state: ChatState,
}

/// Whether somebody is to be seen to use the account.
#[derive(Object)]
#[oai(example)]
pub struct PresenceBody {
    /// Whether somebody does.
    pub status: AccountPresence,
}

impl TextBody {
    /// The message that it is.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn message(self) -> Result<NewMessage> {
        let Self { to, text, reply_to, mentions, mention_all, send_at } = self;
        let moment = |text: String| Timestamp::parse_rfc3339(&text).map_err(|rule| Error::invalid("send_at", rule));
        let send_at = send_at.map(moment).transpose()?;
        let content = MessageContent::Text(TextContent { text, link_preview: None });
        let mention_all = mention_all.unwrap_or(false);
        Ok(NewMessage {
            to,
            content,
            reply_to,
            mentions,
            mention_all,
            status_recipients: None,
            send_at,
            expires_at: None,
            client_reference: None,
        })
    }

    /// What it calls a field of the message.
    pub fn name(field: &str) -> String {
        if field == "content.text" { "text" } else { field }.to_owned()
    }
}

impl ReactionBody {
    /// The message, and the reaction to it. None takes it back.
    pub fn reaction(self) -> (String, Option<NewReaction>, MessagePlace) {
        let Self { to, message_id, emoji } = self;
        let place = MessagePlace { chat: Some(to), sender: None };
        let MessagePlace { chat, sender } = place.clone();
        let reaction = (!emoji.is_empty()).then_some(NewReaction { emoji, chat, sender });
        (message_id, reaction, place)
    }
}

impl EditBody {
    /// The message, and what it says from now on.
    pub fn edit(self) -> (String, NewEdit) {
        let Self { to, message_id, text } = self;
        (message_id, NewEdit { text, chat: Some(to), sender: None })
    }
}

impl RevokeBody {
    /// The message, and where it is.
    pub fn place(self) -> (String, MessagePlace) {
        let Self { to, message_id, original_sender: sender } = self;
        (message_id, MessagePlace { chat: Some(to), sender })
    }
}

/// What these paths call a field of what is done to a message.
pub fn name_in_action(field: &str) -> String {
    match field {
        "chat" => "to",
        "sender" => "original_sender",
        other => other,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body() -> TextBody {
        let (to, text) = ("15550100077".to_owned(), "tea".to_owned());
        TextBody { to, text, reply_to: None, mentions: None, mention_all: None, send_at: None }
    }

    #[test]
    fn a_moment_is_written_as_the_contract_has_it() {
        let at = |text: &str| TextBody { send_at: Some(text.to_owned()), ..body() }.message();
        for text in ["2026-08-01T09:00:00Z", "2026-08-01T11:00:00+02:00"] {
            let moment = at(text).expect(text).send_at.expect("it has one");
            assert_eq!(moment.to_rfc3339(), "2026-08-01T09:00:00.000Z");
        }
        for text in ["", "tomorrow", "1785574800", "2026-08-01", "1960-01-01T00:00:00Z"] {
            let refusal = at(text).err().expect(text).to_string();
            assert!(refusal.starts_with("`send_at` must be "), "{text}: {refusal}");
        }
    }

    #[test]
    fn all_of_a_group_are_mentioned_only_if_that_is_said() {
        let said = |mention_all| TextBody { mention_all, ..body() }.message().expect("it is one").mention_all;
        assert_eq!([said(None), said(Some(false)), said(Some(true))], [false, false, true]);
    }

    #[test]
    fn an_empty_reaction_is_none() {
        let reaction = |emoji: &str| {
            let (to, message_id) = ("15550100077".to_owned(), "3EB0".to_owned());
            ReactionBody { to, message_id, emoji: emoji.to_owned() }.reaction()
        };
        assert_eq!(reaction("").1, None);
        let (message, new, place) = reaction("\u{1f44d}");
        let new = new.expect("there is one");
        assert_eq!((message.as_str(), &new.chat, &new.sender), ("3EB0", &place.chat, &place.sender));
    }
}
