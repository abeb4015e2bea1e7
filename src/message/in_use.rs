//! Which files messages need that are still to be sent. Who deletes old files asks.

use std::collections::HashSet;

use async_trait::async_trait;

use crate::error::Result;
use crate::media::hash::FileHash;
use crate::media::reconciler::InUse;
use crate::message::Messages;
use crate::message::store::upload_store;

/// Files that are asked about in one question.
const FILES: usize = 256;

#[async_trait]
impl InUse for Messages {
    async fn which(&self, hashes: &[FileHash]) -> Result<HashSet<FileHash>> {
        let mut found = HashSet::new();
        for hashes in hashes.chunks(FILES) {
            found.extend(upload_store::in_use(self.db.read(), hashes).await?);
        }
        Ok(found)
    }
}
