//! The room that is kept for what is coming in, until it is counted as a file: many that come at the same time must not take more
//! together than there is.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::media::{Media, store};

/// When to ask again for room that is not there now: what was needed within the last hour stays.
pub(super) const ROOM_AGAIN: Duration = Duration::from_secs(10 * 60);

/// Room that is kept for a file while it comes in. Given back when this is dropped: what came in whole is counted by then.
#[derive(Debug)]
pub struct Room<'a> {
    media: &'a Media,
    size: u64,
}

impl Room<'_> {
    /// Keeps room for a file of so many bytes, if it has less.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(super) async fn grow(&mut self, size: u64) -> Result<()> {
        if size > self.size {
            self.media.reserve_room(size - self.size).await?;
            self.size = size;
        }
        Ok(())
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.media.release_room(self.size);
    }
}

impl Media {
    /// Keeps room for a file of so many bytes while it comes in, or refuses it, so that nobody fills the disk, whether it is handed in or
    /// comes with a message. What is old goes soon when room is scarce.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn find_room(&self, size: u64) -> Result<Room<'_>> {
        let mut room = Room { media: self, size: 0 };
        room.grow(size).await?;
        Ok(room)
    }

    async fn reserve_room(&self, size: u64) -> Result<()> {
        if self.has_room(size) {
            return Ok(());
        }
        // What is counted may have been kept before.
        self.shared.total.store(store::total(self.deps.db.read()).await?, Ordering::Relaxed);
        if self.has_room(size) {
            return Ok(());
        }
        self.shared.scarce.notify_one();
        let detail =
            "the files that are kept, and those that are coming in, take all the room that --media-quota gives them";
        Err(Error::new(ErrorKind::Unavailable, detail).retry_in(ROOM_AGAIN))
    }

    /// Keeps room for so many bytes, if there is as much. Before there is none left, the reconciler makes some.
    fn has_room(&self, size: u64) -> bool {
        let mut reserved = self.shared.reserved.lock();
        let wanted_here = reserved.saturating_add(size);
        let wanted = self.shared.total.load(Ordering::Relaxed).saturating_add(wanted_here);
        if wanted > self.settings.quota / 10 * 9 {
            self.shared.scarce.notify_one();
        }
        let has_room = wanted <= self.settings.quota;
        if has_room {
            *reserved = wanted_here;
        }
        has_room
    }

    fn release_room(&self, size: u64) {
        let mut reserved = self.shared.reserved.lock();
        *reserved = reserved.saturating_sub(size);
    }
}
