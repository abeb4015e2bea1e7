//! The pictures and videos of an album: each is a message of its own, which is written down together with the album.

use entity::words::message::MessageType;

use crate::error::{Error, Result};
use crate::event::index::{IndexedMessage, MessageKey};
use crate::message::Messages;
use crate::message::lookup::naming::album_ids;
use crate::message::store::outgoing::OutgoingRow;
use crate::message::store::transition::Progress;
use crate::message::store::upload_store::AwaitedUpload;
use crate::whatsapp::compose::{self, Target};

/// A picture or video of an album, which is a message of its own that is sent as the album is.
pub(in crate::message) struct DraftItem {
    pub(in crate::message) message_type: MessageType,
    /// Its protobuf, which does not name its album yet.
    pub(in crate::message) content: Vec<u8>,
    pub(in crate::message) upload: AwaitedUpload,
}

/// What is written of a picture or video of an album.
#[derive(Clone)]
pub(in crate::message) struct ItemIntent {
    pub(in crate::message) row: OutgoingRow,
    pub(in crate::message) indexed: IndexedMessage,
    pub(in crate::message) upload: AwaitedUpload,
}

impl Messages {
    /// What is to be written of the pictures and videos of an album. A request is known by its album alone.
    ///
    /// # Errors
    /// `Internal`: a picture that was just made cannot be read.
    pub(in crate::message) fn album_intents(
        &self,
        row: &OutgoingRow,
        head: &IndexedMessage,
        items: Vec<DraftItem>,
    ) -> Result<Vec<ItemIntent>> {
        let album = Target {
            chat: head.key.chat.clone(),
            message_id: row.message_id.clone(),
            is_from_me: true,
            participant: None,
        };
        let ids = album_ids(&row.message_id, u32::try_from(items.len()).map_err(Error::internal)?);
        let item = |(message_id, item): (String, DraftItem)| {
            let DraftItem { message_type, content, upload } = item;
            let content =
                compose::in_album(&content, &album).ok_or_else(|| Error::internal("an unreadable picture"))?;
            let progress =
                Progress { sequence: self.outboxes.next_sequence(), awaits_upload: true, ..row.progress.clone() };
            let key = MessageKey { message_id: message_id.clone(), ..head.key.clone() };
            Ok(ItemIntent {
                row: OutgoingRow {
                    message_id,
                    progress,
                    client_reference: None,
                    idempotency_key: None,
                    fingerprint: None,
                    ..row.clone()
                },
                indexed: IndexedMessage { key, message_type, quoted_id: None, content, ..head.clone() },
                upload,
            })
        };
        ids.into_iter().zip(items).map(item).collect()
    }
}
