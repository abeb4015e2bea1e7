//! Forwards messages: what another message says goes to somebody else, as it was kept.

use entity::ids::SessionId;
use entity::words::access::Scope;
use entity::words::message::MessageType;
use futures::FutureExt as _;
use serde::Serialize;

use crate::caller::Caller;
use crate::error::{Error, ErrorKind, Result};
use crate::message::action::action_types::NewForward;
use crate::message::action::target::Which;
use crate::message::request::accepting::{Asked, own};
use crate::message::request::checked::{self, CheckedContent};
use crate::message::types::{Accepted, SendOptions};
use crate::message::{Messages, rules};
use crate::whatsapp::compose::{self, Unforwardable};

/// What tells one request from another.
#[derive(Serialize)]
struct Forward<'a> {
    message_id: &'a str,
    chat: Option<&'a str>,
    sender: Option<&'a str>,
    forward_to: &'a str,
}

impl Messages {
    /// Forwards a message, whoever sent it. Whoever may do that may read it: it can be sent to oneself.
    ///
    /// # Errors
    /// As [`send`](Self::send); `Invalid`: it cannot be forwarded.
    #[tracing::instrument(level = "debug", name = "forward_message", skip_all, fields(session.id = %session))]
    pub async fn forward(
        &self,
        caller: &Caller,
        session: &SessionId,
        message_id: &str,
        new: NewForward,
        options: SendOptions,
    ) -> Result<Accepted> {
        let account = self.sessions.account(caller, Scope::MessagesSend, session)?;
        self.sessions.account(caller, Scope::MessagesRead, session)?;
        let NewForward { to, chat, sender } = new;
        let which = Which { message_id, chat: chat.as_deref(), sender: sender.as_deref() };
        let Which { message_id, chat, sender } = which;
        let fingerprint = rules::fingerprint(&Forward { message_id, chat, sender, forward_to: &to })?;
        let (of, client_reference) = (fingerprint.clone(), None);
        let asked = Asked { caller, session, account: &account, fingerprint, client_reference, options };
        let (account, to) = (&account, to.as_str());
        let draft = || async move {
            let found = self.target(session, own(account)?, which).await?;
            if found.is_removed {
                return Err(Error::new(ErrorKind::Invalid, "the message was removed for everybody"));
            }
            let content = forwarded(found.message_type, found.content)?;
            self.draft(caller, session, account, checked::forward(to, content, of, self.clock.now())?).await
        };
        self.accept(asked, draft).boxed().await
    }
}

/// What a message says, if it can be forwarded.
fn forwarded(message_type: Option<MessageType>, content: Vec<u8>) -> Result<CheckedContent> {
    let refused = |detail: &str| Err(Error::new(ErrorKind::Invalid, detail.to_owned()));
    let Some(message_type) = message_type.filter(|message_type| can_go_on(*message_type)) else {
        return refused("only texts, files, places, contacts and polls can be forwarded");
    };
    match compose::forwardable(&content) {
        Ok(()) => Ok(CheckedContent::Forward { message_type, content }),
        Err(Unforwardable::ViewOnce) => refused("what can be seen once only is not forwarded"),
        Err(Unforwardable::Unreadable) => refused("what the message says is not kept: it is too large"),
    }
}

/// Whether a message of this type says the same in another chat.
const fn can_go_on(message_type: MessageType) -> bool {
    match message_type {
        MessageType::Text
        | MessageType::Image
        | MessageType::Video
        | MessageType::Audio
        | MessageType::Voice
        | MessageType::Document
        | MessageType::Sticker
        | MessageType::Location
        | MessageType::Contacts
        | MessageType::Poll => true,
        MessageType::PollVote
        | MessageType::Reaction
        | MessageType::Edit
        | MessageType::Revoke
        | MessageType::Album
        | MessageType::Pin
        | MessageType::GroupInvite
        | MessageType::Order
        | MessageType::Product
        | MessageType::Appointment
        | MessageType::Attendance
        | MessageType::Keep
        | MessageType::Timer
        | MessageType::Unknown => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whatsapp::compose::{Context, Text};

    #[test]
    fn only_what_says_the_same_elsewhere_is_forwarded() {
        let content = compose::text(&Text { text: "tea".to_owned(), preview: None }, &Context::default());
        let refusal =
            |message_type, content: &[u8]| forwarded(message_type, content.to_vec()).err().map(|error| error.kind());
        assert_eq!(refusal(Some(MessageType::Text), &content), None);
        for message_type in [None, Some(MessageType::PollVote), Some(MessageType::Unknown), Some(MessageType::Timer)] {
            assert_eq!(refusal(message_type, &content), Some(ErrorKind::Invalid), "{message_type:?}");
        }
        assert_eq!(refusal(Some(MessageType::Text), &[]), Some(ErrorKind::Invalid));
    }
}
