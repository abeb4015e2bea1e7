//! What the media servers have lost: the phone is asked to store it once more.

use std::time::Duration;

use whatsapp_rust::Jid;
use whatsapp_rust::features::{MediaRetryResult, MediaReuploadError, MediaReuploadRequest};

use crate::whatsapp::client::{Client, Interrupted, OperationKind, Way};

/// The library gives the phone 30 s.
const ASK_AGAIN: OperationKind = OperationKind { name: "ask_phone_for_file", limit: Duration::from_secs(35) };

/// The file of a message that the media servers have lost.
#[derive(Clone, PartialEq, Eq)]
pub struct LostFile {
    /// The id of the message.
    pub message_id: String,
    /// JID of its chat.
    pub chat: String,
    /// JID of who sent it, in a group.
    pub participant: Option<String>,
    /// Whether the account sent it.
    pub is_from_me: bool,
    /// The key to the file.
    pub media_key: Vec<u8>,
}

/// What the phone answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reupload {
    /// It stored the file once more: its new path.
    Stored(String),
    /// It does not have it any more, or does not give it.
    Refused,
    /// It did not answer: it may be off.
    NoAnswer,
}

impl Client {
    /// Asks the account's phone to store a file once more, and waits for its answer.
    ///
    /// # Errors
    /// The connection ended before the answer came.
    pub async fn ask_again(&self, lost: &LostFile) -> Result<Reupload, Interrupted> {
        let parsed = (lost.chat.parse::<Jid>(), lost.participant.as_deref().map(str::parse::<Jid>).transpose());
        let (Ok(chat), Ok(participant)) = parsed else { return Ok(Reupload::Refused) };
        let (chat, participant) = (chat.to_non_ad(), participant.map(|jid| jid.to_non_ad()));
        self.run_transfer(Way::Asking, &ASK_AGAIN, |library| async move {
            let request = MediaReuploadRequest {
                msg_id: &lost.message_id,
                chat_jid: &chat,
                media_key: &lost.media_key,
                is_from_me: lost.is_from_me,
                participant: participant.as_ref(),
            };
            match library.media_reupload().request(&request).await {
                Ok(MediaRetryResult::Success { direct_path }) => Reupload::Stored(direct_path),
                Err(MediaReuploadError::Timeout | MediaReuploadError::Client(_) | MediaReuploadError::NotLoggedIn) => {
                    Reupload::NoAnswer
                }
                Ok(_) | Err(_) => Reupload::Refused,
            }
        })
        .await
    }
}
