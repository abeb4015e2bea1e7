//! Makes the message that is to be sent of what a client asks for: looks up where it goes, what it answers and whom it mentions, and
//! makes its protobuf.

use std::time::Duration;

use entity::ids::SessionId;
use entity::words::message::MessageType;

use crate::caller::Caller;
use crate::error::{Error, ErrorKind, Result};
use crate::event::index::{IndexedMessage, StoredMessage};
use crate::event::index_store;
use crate::message::Messages;
use crate::message::accepting::{Draft, own};
use crate::message::checked::{Checked, CheckedContent};
use crate::message::lookups::Found;
use crate::message::mentions::{Chat, mentioned};
use crate::message::naming::without_device;
use crate::message::person::Person;
use crate::message::upload_store::AwaitedUpload;
use crate::session::client::Account;
use crate::whatsapp::compose::{self, Context, Quote, Text};

/// Longest wait for WhatsApp to say whether a number is on WhatsApp, before a message is taken in all the same.
const LOOKUP_LIMIT: Duration = Duration::from_secs(5);

impl Messages {
    /// A message, as it is to be sent.
    ///
    /// # Errors
    /// `InvalidRecipient`, `RecipientNotOnWhatsapp`, `MessageNotFound`, `Invalid`, `Unavailable`; those of its file.
    pub(super) async fn draft(
        &self,
        caller: &Caller,
        session: &SessionId,
        account: &Account,
        checked: Checked,
    ) -> Result<Draft> {
        let own = own(account)?;
        let Checked { to, content, reply_to, mentions, send_at, expires_at, .. } = checked;
        if to.is(own) {
            return Err(Error::about(
                ErrorKind::InvalidRecipient,
                "to",
                "must be somebody else than the account itself",
            ));
        }
        let found = self.recipient(session, account, &to).await?;
        let recipient = found.clone().unwrap_or_else(|| to.jid());
        let names = self.outboxes.shared.recipients.names(session, &recipient).await?;
        let quote = match reply_to {
            Some(id) => Some(self.quoted(session, &id, &names).await?),
            None => None,
        };
        let mentions = mentioned(mentions, &Chat { own, to: &to, names: &names })?;
        let quoted_id = quote.as_ref().map(|quote| quote.message_id.clone());
        let expiration = self.timer(session, &names).await?;
        let context = Context { quote, mentions, expiration, secret: rand::random() };
        let (message_type, content, upload) = self.content(caller, content, &context).await?;
        let is_checked = found.is_some();
        let effect = None;
        Ok(Draft {
            recipient,
            is_checked,
            names,
            message_type,
            quoted_id,
            content,
            upload,
            effect,
            send_at,
            expires_at,
        })
    }

    /// What a message is, its protobuf, and its file, if it has one.
    async fn content(
        &self,
        caller: &Caller,
        content: CheckedContent,
        context: &Context,
    ) -> Result<(MessageType, Vec<u8>, Option<AwaitedUpload>)> {
        Ok(match content {
            CheckedContent::Text { text, preview } => {
                let preview = self.previews.make(preview).await;
                (MessageType::Text, compose::text(&Text { text, preview }, context), None)
            }
            CheckedContent::Media(media) => {
                let (message_type, content, upload) = self.attached(caller, *media, context).await?;
                (message_type, content, Some(upload))
            }
            CheckedContent::Location(place) => (MessageType::Location, compose::location(&place, context), None),
            CheckedContent::Contacts(contacts) => (MessageType::Contacts, compose::contacts(&contacts, context), None),
            CheckedContent::Poll(poll) => (MessageType::Poll, compose::poll(&poll, context), None),
            CheckedContent::Event(event) => (MessageType::Appointment, compose::event(&event, context), None),
            CheckedContent::Forward { message_type, content } => {
                (message_type, compose::forward(&content, context), None)
            }
        })
    }

    /// Where somebody is reached. None if that is to be looked up later.
    pub(super) async fn recipient(
        &self,
        session: &SessionId,
        account: &Account,
        to: &Person,
    ) -> Result<Option<String>> {
        let jid = to.jid();
        let found = match self.outboxes.shared.recipients.known(session, &jid).await? {
            Some(found) => Some(found),
            None => {
                let client = account.client.borrow().clone();
                let Some(client) = client else { return Ok(None) };
                let asked =
                    tokio::time::timeout(LOOKUP_LIMIT, self.outboxes.shared.recipients.find(session, &client, &jid));
                // A question without an answer is asked again before the message is sent.
                asked.await.ok().and_then(Result::ok)
            }
        };
        match found {
            Some(Found::At(jid)) => Ok(Some(jid)),
            Some(Found::Nobody) => {
                Err(Error::about(ErrorKind::RecipientNotOnWhatsapp, "to", "must be a number that is on WhatsApp"))
            }
            None => Ok(None),
        }
    }

    /// A message that is answered, which must be in the chat with one of these names.
    async fn quoted(&self, session: &SessionId, message_id: &str, names: &[String]) -> Result<Quote> {
        let found = index_store::with_id(self.db.read(), session, message_id).await?;
        let in_chat = |stored: &StoredMessage| names.contains(&stored.message.key.chat);
        let stored = found.into_iter().find(in_chat).ok_or_else(|| {
            Error::about(ErrorKind::MessageNotFound, "reply_to", "must be the id of a message in the same chat")
        })?;
        let IndexedMessage { key, content, .. } = stored.message;
        Ok(Quote { message_id: key.message_id, sender: without_device(&key.sender), content })
    }
}
