//! Forwards messages: what another message says goes to somebody else, as it was kept.

use std::time::Duration;

use entity::ids::SessionId;
use entity::words::access::Scope;
use entity::words::message::MessageType;
use futures::FutureExt as _;
use serde::Serialize;

use crate::caller::Caller;
use crate::error::{Error, ErrorKind, Result};
use crate::event::file::{MessageFile, StoredFile};
use crate::event::file_store;
use crate::media::format::kind::UNKNOWN;
use crate::media::hash::FileHash;
use crate::message::action::action_types::NewForward;
use crate::message::action::target::{Found, Which};
use crate::message::file::fetches::hash_of;
use crate::message::request::accepting::{Asked, own};
use crate::message::request::checked::{self, Forwarded};
use crate::message::store::upload_store::AwaitedUpload;
use crate::message::store::uploaded::UploadedFile;
use crate::message::types::{Accepted, SendOptions};
use crate::message::{Messages, rules};
use crate::whatsapp::compose::{self, Unforwardable};

/// How long a file is certain to be where it was uploaded. src: links age out after two to three weeks (Baileys #2230).
const LINK_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

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
            let message_type = forwardable(found.message_type, &found.content)?;
            let forwarded = self.forwarded(session, message_type, found).boxed().await?;
            self.draft(caller, session, account, checked::forward(to, forwarded, of, self.clock.now())?).await
        };
        self.accept(asked, draft).boxed().await
    }

    /// What is forwarded of a message. Its file stays where it is on the media servers, while it is there for certain. Later it is taken
    /// from the store, fetched into it if it must be, and uploaded again: nobody could open what has a dead link.
    async fn forwarded(&self, session: &SessionId, message_type: MessageType, found: Found) -> Result<Box<Forwarded>> {
        let Found { target, content, sent_at, .. } = found;
        let plain = |content| Box::new(Forwarded { message_type, content, upload: None, file: None });
        let Some(said) = compose::reading::file(&content) else { return Ok(plain(content)) };
        let known = file_store::with_id(self.db.read(), session, &target.message_id).await?;
        // The id is chosen by the sender: another message may have it, too. The key is of this file alone, and what has none has its hash.
        let is_it = |file: &MessageFile| {
            file.media_key == said.media_key && (file.media_key.is_some() || file.file_sha256 == said.file_sha256)
        };
        let Some(stored) = known.into_iter().find(|known| is_it(&known.file)) else {
            return Ok(plain(content));
        };
        if sent_at.is_some_and(|sent_at| sent_at.after(LINK_LIFE) > self.clock.now()) {
            let content = compose::moved(&content, &stored.file.direct_path).unwrap_or(content);
            let file = UploadedFile { file: stored.file, is_verified: stored.is_verified };
            return Ok(Box::new(Forwarded { message_type, content, upload: None, file: Some(file) }));
        }
        let kind = stored.file.kind;
        let mimetype = stored.file.mimetype.clone().unwrap_or_else(|| UNKNOWN.to_owned());
        let hash = self.in_store(stored).await?;
        let upload = AwaitedUpload { hash, kind, mimetype };
        Ok(Box::new(Forwarded { message_type, content, upload: Some(upload), file: None }))
    }

    /// Brings a file into the store, if it is not there, and keeps it there for long enough that a message with it is written.
    async fn in_store(&self, stored: StoredFile) -> Result<FileHash> {
        let media = self.fetches.media();
        let hash = match hash_of(&stored).filter(|_| stored.is_verified) {
            Some(hash) if media.open(&hash).await?.is_some() => hash,
            _ => self.fetches.fetch_in_time(stored).await?,
        };
        let Some(kept) = media.open(&hash).await? else {
            return Err(Error::new(ErrorKind::MediaGone, "the file was removed from the store meanwhile: ask again"));
        };
        media.keep(hash, kept.size).await?;
        Ok(hash)
    }
}

/// What a message is, if it can be forwarded.
fn forwardable(message_type: Option<MessageType>, content: &[u8]) -> Result<MessageType> {
    let refused = |detail: &str| Err(Error::new(ErrorKind::Invalid, detail.to_owned()));
    let Some(message_type) = message_type.filter(|message_type| can_go_on(*message_type)) else {
        return refused("only texts, files, places, contacts and polls can be forwarded");
    };
    match compose::forwardable(content) {
        Ok(()) => Ok(message_type),
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
        let refusal = |message_type, content: &[u8]| forwardable(message_type, content).err().map(|error| error.kind());
        assert_eq!(refusal(Some(MessageType::Text), &content), None);
        for message_type in [None, Some(MessageType::PollVote), Some(MessageType::Unknown), Some(MessageType::Timer)] {
            assert_eq!(refusal(message_type, &content), Some(ErrorKind::Invalid), "{message_type:?}");
        }
        assert_eq!(refusal(Some(MessageType::Text), &[]), Some(ErrorKind::Invalid));
    }
}
