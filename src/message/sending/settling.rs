//! Writes what came of an upload, for all messages that wait for the file.

use std::collections::{HashMap, HashSet};

use entity::words::outgoing::FailureCode;

use crate::error::{ErrorKind, Result};
use crate::event::file::MessageFile;
use crate::event::index::StoredMessage;
use crate::event::index_store;
use crate::message::sending::transitions::Change;
use crate::message::sending::uploader::Uploader;
use crate::message::store::filling::Filling;
use crate::message::store::transition::Happening;
use crate::message::store::upload_store::{self, UploadKey, WaitingMessage};
use crate::message::store::uploaded::Uploaded;
use crate::whatsapp::compose;

/// Messages that get their turn in one transaction.
const CHUNK: u64 = 32;

impl Uploader {
    /// Writes where the file is into all messages that wait for it, and gives them their turns. Says whether none is left.
    pub(in crate::message) async fn fill(&self, key: &UploadKey, uploaded: &Uploaded) -> Result<bool> {
        loop {
            let waiting = self.waiting(key).await?;
            if waiting.is_empty() {
                return Ok(true);
            }
            let (fillings, unreadable) = self.fillings(key, uploaded, &waiting).await?;
            let mut changed = self.refuse_these(unreadable, FailureCode::InvalidMessage).await?;
            let outboxes = &self.shared.outboxes;
            let sequence = || outboxes.next_sequence();
            let written = outboxes.shared.transitions.write_filled(&self.session, fillings, sequence).await;
            if written.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unavailable) {
                outboxes.doubt();
            }
            // Also if the answer was lost: they may have their turns.
            for message in &waiting {
                outboxes.start(&self.session, Some(&message.lane));
            }
            changed += written?.len();
            if changed == 0 {
                // They were taken back meanwhile. If not, they are not looked at all the time.
                return Ok(false);
            }
        }
    }

    /// Writes that the file will never be there, for all messages that wait for it. Says whether none is left.
    pub(in crate::message) async fn refuse(&self, key: &UploadKey, code: FailureCode) -> Result<bool> {
        loop {
            let waiting = self.waiting(key).await?;
            if waiting.is_empty() {
                return Ok(true);
            }
            if self.refuse_these(waiting, code).await? == 0 {
                return Ok(false);
            }
        }
    }

    /// The first messages that wait for the file.
    pub(in crate::message) async fn waiting(&self, key: &UploadKey) -> Result<Vec<WaitingMessage>> {
        let shared = &self.shared.outboxes.shared;
        upload_store::waiting(shared.db.read(), &self.session, key, shared.clock.now(), CHUNK).await
    }

    /// Writes that these messages are not sent. Says of how many of them that was news.
    pub(in crate::message) async fn refuse_these(
        &self,
        waiting: Vec<WaitingMessage>,
        code: FailureCode,
    ) -> Result<usize> {
        if waiting.is_empty() {
            return Ok(0);
        }
        let refused = |WaitingMessage { message_id, .. }| {
            let happening = Happening::Refused { code, upstream_code: None };
            Change { message_id, happening }
        };
        let changes = waiting.into_iter().map(refused).collect();
        Ok(self.shared.outboxes.shared.transitions.write(&self.session, changes).await?.len())
    }

    /// Those of these messages that another account was to send.
    pub(in crate::message) async fn of_others(
        &self,
        waiting: &[WaitingMessage],
        account: &str,
    ) -> Result<Vec<WaitingMessage>> {
        let ids: Vec<_> = waiting.iter().map(|message| message.message_id.clone()).collect();
        let stored = index_store::own(self.shared.outboxes.shared.db.read(), &self.session, &ids).await?;
        let keys = stored.into_iter().map(|stored| stored.message.key);
        let others: HashSet<_> = keys.filter(|key| key.sender != account).map(|key| key.message_id).collect();
        Ok(waiting.iter().filter(|message| others.contains(&message.message_id)).cloned().collect())
    }

    /// What is to be written of these messages, and those that cannot be read.
    async fn fillings(
        &self,
        key: &UploadKey,
        uploaded: &Uploaded,
        waiting: &[WaitingMessage],
    ) -> Result<(Vec<Filling>, Vec<WaitingMessage>)> {
        let ids: Vec<_> = waiting.iter().map(|message| message.message_id.clone()).collect();
        let stored = index_store::own(self.shared.outboxes.shared.db.read(), &self.session, &ids).await?;
        let mut stored: HashMap<_, _> =
            stored.into_iter().map(|stored| (stored.message.key.message_id.clone(), stored)).collect();
        let (mut fillings, mut unreadable) = (Vec::new(), Vec::new());
        for message in waiting {
            let filling = stored
                .remove(&message.message_id)
                .and_then(|stored| filling(stored, key, uploaded, message.mimetype.clone()));
            match filling {
                Some(filling) => fillings.push(filling),
                None => unreadable.push(message.clone()),
            }
        }
        Ok((fillings, unreadable))
    }
}

/// What is to be written of a message whose file is there. None if it cannot be read.
fn filling(stored: StoredMessage, key: &UploadKey, uploaded: &Uploaded, mimetype: String) -> Option<Filling> {
    let Uploaded { address, file_length, uploaded_at } = uploaded;
    let content = compose::filled(&stored.message.content, address, *uploaded_at)?;
    let file = MessageFile {
        kind: key.kind,
        direct_path: address.direct_path.clone(),
        media_key: Some(address.media_key.clone()),
        file_sha256: Some(key.hash.0.to_vec()),
        file_enc_sha256: Some(address.file_enc_sha256.clone()),
        file_length: Some(*file_length),
        mimetype: Some(mimetype),
    };
    Some(Filling { key: stored.message.key, content, file })
}
