//! What is told beside messages: that they were read, that somebody types, and whether somebody is there. WhatsApp answers none of
//! it: it counts as done when the socket has taken it.

use std::time::Duration;

use entity::words::chat::ChatState;
use entity::words::session::AccountPresence;
use whatsapp_rust::{ChatStateType, Jid, PresenceError, PresenceStatus};

use crate::error::{Cause, Error, ErrorKind, Result};
use crate::whatsapp::client::{Client, OperationKind};

/// All receipts are given to the socket within 10 s.
const MARK_READ: OperationKind = OperationKind { name: "mark_read", limit: Duration::from_secs(10) };
/// The state is given to the socket within 5 s: later it is not true any more.
const SHOW_CHAT_STATE: OperationKind = OperationKind { name: "show_chat_state", limit: Duration::from_secs(5) };
/// The presence is given to the socket within 5 s.
const SET_PRESENCE: OperationKind = OperationKind { name: "set_presence", limit: Duration::from_secs(5) };

/// Messages of one sender in one chat that were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadMark {
    /// JID of the chat.
    pub chat: String,
    /// JID of who sent them, in a group.
    pub participant: Option<String>,
    /// Their ids, at most 256.
    pub message_ids: Vec<String>,
}

impl Client {
    /// Tells WhatsApp that messages were read. Whether their senders learn it is for the account's privacy settings to say.
    ///
    /// # Errors
    /// `Upstream`, `UpstreamTimeout`: some may have been told.
    pub async fn mark_read(&self, marks: &[ReadMark]) -> Result<()> {
        let told = self.run(&MARK_READ, |library| async move {
            for ReadMark { chat, participant, message_ids } in marks {
                let (chat, sender) = (jid(chat)?, participant.as_deref().map(jid).transpose()?);
                let ids: Vec<_> = message_ids.iter().map(String::as_str).collect();
                library.mark_as_read(&chat, sender.as_ref(), &ids).await.map_err(not_told)?;
            }
            Ok(())
        });
        told.await?
    }

    /// Shows in a chat that somebody types or records, or stopped.
    ///
    /// # Errors
    /// `Upstream`, `UpstreamTimeout`.
    pub async fn show_chat_state(&self, chat: &str, state: ChatState) -> Result<()> {
        let state = match state {
            ChatState::Composing => ChatStateType::Composing,
            ChatState::Recording => ChatStateType::Recording,
            ChatState::Paused => ChatStateType::Paused,
        };
        let told = self.run(&SHOW_CHAT_STATE, |library| async move {
            library.chatstate().send(&jid(chat)?, state).await.map_err(not_told)
        });
        told.await?
    }

    /// Shows whether somebody uses the account.
    ///
    /// # Errors
    /// `Upstream`, `UpstreamTimeout`.
    pub async fn set_presence(&self, presence: AccountPresence) -> Result<()> {
        let status = match presence {
            AccountPresence::Available => PresenceStatus::Available,
            AccountPresence::Unavailable => PresenceStatus::Unavailable,
        };
        // Before it is said: what the library says by itself must not be answered with the opposite afterwards.
        self.said_last().set(presence == AccountPresence::Unavailable);
        let told = self.run(&SET_PRESENCE, |library| async move {
            library.presence().set(status).await.map_err(|error| match error {
                PresenceError::PushNameEmpty => {
                    let detail = "the account's name is not known yet, and WhatsApp takes no presence without it";
                    Error::new(ErrorKind::Upstream, detail)
                }
                other => not_told(other),
            })
        });
        told.await?
    }
}

fn jid(text: &str) -> Result<Jid> {
    text.parse().map_err(|_| Error::new(ErrorKind::Internal, "an unexpected error occurred"))
}

fn not_told(error: impl Into<Cause>) -> Error {
    Error::new(ErrorKind::Upstream, "the connection to WhatsApp did not take it").because(error)
}
