//! How many messages of each session wait to be sent, so that no queue grows without end.

use std::collections::HashMap;
use std::time::Duration;

use entity::ids::SessionId;
use parking_lot::Mutex;

use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::message::store::outbox_store;

/// Messages of a session that wait to be sent, at most.
const QUEUE: u64 = 10_000;
/// When who meets a full queue may come again: at the usual pace one message is sent in that time.
const PAUSE: Duration = Duration::from_secs(1);
/// Sessions whose queues are remembered.
const SESSIONS: usize = 10_000;

/// The queues of all sessions.
#[derive(Debug)]
pub(in crate::message) struct Queues {
    db: Db,
    counts: Mutex<HashMap<SessionId, Count>>,
}

/// What is known of one queue. It is counted in the table only when it may be full: to count it for each message costs more than
/// to write one.
#[derive(Debug, Default)]
struct Count {
    /// It has no more than these.
    at_most: u64,
    /// Messages among them that are being written.
    under_way: u64,
}

/// The place of messages that are being written.
#[derive(Debug)]
pub(in crate::message) struct Place<'a> {
    queues: &'a Queues,
    session: SessionId,
    messages: u64,
}

impl Queues {
    pub(in crate::message) fn new(db: Db) -> Self {
        Self { db, counts: Mutex::default() }
    }

    /// Room for so many more messages.
    ///
    /// # Errors
    /// `QueueFull`, `Unavailable`.
    pub(in crate::message) async fn place(&self, session: &SessionId, messages: u64) -> Result<Place<'_>> {
        if let Some(place) = self.counts.lock().get_mut(session).filter(|count| count.at_most + messages <= QUEUE) {
            place.take(messages);
        } else {
            let open = outbox_store::open_count(self.db.read(), session).await?;
            let mut counts = self.counts.lock();
            if counts.len() >= SESSIONS {
                counts.retain(|_, count| count.under_way > 0);
            }
            let count = counts.entry(session.clone()).or_default();
            count.at_most = open + count.under_way;
            has_room(count.at_most, messages)?;
            count.take(messages);
        }
        Ok(Place { queues: self, session: session.clone(), messages })
    }
}

impl Count {
    const fn take(&mut self, messages: u64) {
        self.at_most += messages;
        self.under_way += messages;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(count) = self.queues.counts.lock().get_mut(&self.session) {
            count.under_way -= self.messages;
        }
    }
}

/// Refuses when so much waits already that there is no room for so many more messages.
///
/// # Errors
/// `QueueFull`.
pub(in crate::message) fn has_room(open: u64, messages: u64) -> Result<()> {
    if open + messages > QUEUE {
        let detail = format!("{QUEUE} messages of this session wait to be sent already");
        return Err(Error::new(ErrorKind::QueueFull, detail).retry_in(PAUSE));
    }
    Ok(())
}
