//! The file of a message, for whoever may read the message: what is known of it, and its bytes. Those that are in the store are had
//! without WhatsApp, whether they came or were sent.

use entity::ids::SessionId;
use entity::long::Long;
use entity::words::access::Scope;
use entity::words::message::FileState;

use crate::caller::Caller;
use crate::error::{Error, ErrorKind, Result};
use crate::event::file::StoredFile;
use crate::event::file_store;
use crate::event::index_store;
use crate::media::files::KeptFile;
use crate::media::hash::FileHash;
use crate::message::Messages;
use crate::message::file::fetches::hash_of;
use crate::message::file::file_types::{MessageFileInfo, OpenedFile};
use crate::message::file::opening::{beginning, opened, opened_from};
use crate::whatsapp::compose;

/// The file of a message that somebody asks for.
#[derive(Debug)]
pub struct FoundFile {
    /// What is known of it.
    pub info: MessageFileInfo,
    stored: StoredFile,
    kept: Option<(FileHash, KeptFile)>,
}

impl Messages {
    /// What is known of the file of a message. Nothing is fetched.
    ///
    /// # Errors
    /// `SessionNotFound`, `MessageNotFound`; `MediaNotFound`: the message has none.
    pub async fn file(&self, caller: &Caller, session: &SessionId, message_id: &str) -> Result<FoundFile> {
        self.sessions.account(caller, Scope::MessagesRead, session)?;
        let files = file_store::with_id(self.db.read(), session, message_id).await?;
        let message = index_store::with_id(self.db.read(), session, message_id).await?.into_iter().next();
        let stored = match &message {
            // Of several with the same id it is the one that is shown.
            Some(shown) => files.into_iter().find(|file| file.key == shown.message.key),
            None => files.into_iter().next(),
        };
        let Some(stored) = stored else {
            let is_there = message.is_some();
            let no_file = || Error::new(ErrorKind::MediaNotFound, "the message has no file");
            let no_message = || Error::new(ErrorKind::MessageNotFound, "no message of this session has this id");
            return Err(if is_there { no_file() } else { no_message() });
        };
        let mut kept = None;
        if let Some(hash) = hash_of(&stored).filter(|_| stored.is_verified) {
            kept = self.fetches.media().open(&hash).await?.map(|file| (hash, file));
        }
        let size = kept.as_ref().and_then(|(_, kept)| i64::try_from(kept.size).ok()).or(stored.file.file_length);
        let info = MessageFileInfo {
            message_id: message_id.to_owned(),
            state: if kept.is_some() { FileState::Stored } else { FileState::Remote },
            size: size.map(Long),
            sha256: hash_of(&stored).map(|hash| hash.to_string()),
            mimetype: match &mut kept {
                Some((_, file)) => Some(beginning(file).await?.to_owned()),
                None => stored.file.mimetype.clone(),
            },
            file_name: message.and_then(|shown| compose::reading::file_name(&shown.message.content)),
        };
        Ok(FoundFile { info, stored, kept })
    }

    /// The file itself. It is fetched if it was not before.
    ///
    /// # Errors
    /// `SessionNotConnected`, `MediaGone`, `Upstream`, `Unavailable`, `ShuttingDown`; `UpstreamTimeout`: it takes long, and goes on to
    /// be fetched, or only the phone has it and does not answer.
    #[tracing::instrument(level = "debug", name = "open_message_file", skip_all, fields(session.id = %found.stored.key.session_id))]
    pub async fn open_file(&self, found: FoundFile) -> Result<OpenedFile> {
        let FoundFile { info: _, stored, kept } = found;
        if let Some((hash, kept)) = kept {
            return opened(hash, kept).await;
        }
        let hash = self.fetches.fetch_in_time(stored).await?;
        opened_from(&self.fetches, hash).await
    }
}
