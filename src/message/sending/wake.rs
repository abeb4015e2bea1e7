//! How the outbox of a session learns what is new. What was just written, and has nothing before it in its chat, is handed over instead of
//! being read again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::event::index::IndexedMessage;
use crate::message::sending::known::KnownRow;
use crate::message::store::outgoing::OutgoingRow;

/// Messages of a session that are handed over and not sent yet, at most. The others are read.
const HANDED_OVER: usize = 32;
/// Lanes in which something is new, with the message if it is the only one and was handed over.
pub(in crate::message) type News = BTreeMap<String, Option<Ready>>;

/// A message that was just written, as it is to be sent.
#[derive(Debug)]
pub(in crate::message) struct Ready {
    pub(in crate::message) row: KnownRow,
    pub(in crate::message) sequence: i64,
    /// Who sends it.
    pub(in crate::message) sender: String,
    /// Its protobuf.
    pub(in crate::message) content: Vec<u8>,
    /// Counts it among those that are handed over.
    _counted: Option<Arc<()>>,
}

impl Ready {
    pub(in crate::message) fn new(known: KnownRow, row: &OutgoingRow, message: &IndexedMessage) -> Self {
        let IndexedMessage { key, content, .. } = message.clone();
        Self { row: known, sequence: row.progress.sequence, sender: key.sender, content, _counted: None }
    }
}

/// How the task of a session learns that there is more to send.
#[derive(Debug, Default)]
pub(in crate::message) struct Wake {
    /// Lanes in which something is new. None while nobody sends: who begins to reads all of them.
    lanes: Mutex<Option<News>>,
    /// One for each message that is handed over.
    handed_over: Arc<()>,
    /// Whether something was new since [`take_news`](Self::take_news).
    is_new: AtomicBool,
    notify: Notify,
}

impl Wake {
    /// Something is to be sent in this lane: this, if it was just written.
    pub(in crate::message) fn lane(&self, lane: &str, ready: Option<Ready>) {
        self.is_new.store(true, Ordering::SeqCst);
        if let Some(lanes) = &mut *self.lanes.lock() {
            let has_room = Arc::strong_count(&self.handed_over) <= HANDED_OVER;
            let ready = ready.filter(|_| has_room && !lanes.contains_key(lane));
            let counted = |ready: Ready| Ready { _counted: Some(Arc::clone(&self.handed_over)), ..ready };
            lanes.insert(lane.to_owned(), ready.map(counted));
        }
        self.notify.notify_one();
    }

    /// Whether something was new since this was asked last.
    pub(in crate::message) fn take_news(&self) -> bool {
        self.is_new.swap(false, Ordering::SeqCst)
    }

    /// What was new since this was asked last.
    pub(in crate::message) fn taken(&self) -> News {
        self.lanes.lock().as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Somebody sends from now on.
    pub(in crate::message) fn begin(&self) {
        *self.lanes.lock() = Some(News::new());
    }

    /// Nobody sends any more.
    pub(in crate::message) fn end(&self) {
        *self.lanes.lock() = None;
    }

    /// Ends when something may be new.
    pub(in crate::message) async fn woken(&self) {
        self.notify.notified().await;
    }
}
