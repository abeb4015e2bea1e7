//! After how long what is sent in a chat disappears. Phones show a message that does not keep to their chat's timer as one that stays,
//! and an answer like that breaks it; so it is a part of the message from when it is written down.

use entity::ids::SessionId;

use crate::error::Result;
use crate::event::timer_store;
use crate::message::Messages;

impl Messages {
    /// After how many seconds what is sent in the chat with one of these names disappears. None if it stays, or nobody has told.
    pub(in crate::message) async fn timer(&self, session: &SessionId, names: &[String]) -> Result<Option<u32>> {
        let told = timer_store::newest(self.db.read(), session, names).await?;
        Ok(told.and_then(|timer| u32::try_from(timer.seconds).ok()).filter(|seconds| *seconds > 0))
    }
}
