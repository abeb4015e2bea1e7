//! What is written of a message when its file is uploaded: its final bytes, and where the file is.

use entity::timestamp::Timestamp;

use crate::db::write::Work;
use crate::error::Result;
use crate::event::file::MessageFile;
use crate::event::index::MessageKey;
use crate::event::{file_store, index_store};
use crate::message::store::upload_store;

/// What is known of a message once its file is uploaded.
#[derive(Clone)]
pub(in crate::message) struct Filling {
    /// Which message.
    pub(in crate::message) key: MessageKey,
    /// Its protobuf, as it is sent.
    pub(in crate::message) content: Vec<u8>,
    /// What it takes to fetch its file.
    pub(in crate::message) file: MessageFile,
}

impl Filling {
    /// Writes it, in the transaction that gives the message its turn: what is tried has its final bytes.
    pub(in crate::message) async fn write(&self, tx: &Work, now: Timestamp) -> Result<()> {
        let Self { key, content, file } = self;
        index_store::fill(tx, &key.session_id, &key.message_id, content.clone()).await?;
        file_store::put(tx, key, file, true, now).await?;
        upload_store::delete(tx, &key.session_id, &key.message_id).await
    }
}
