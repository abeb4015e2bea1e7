//! One connection as the rest of the simulator sees it: a handle that takes stanzas and orders. Never waits, except in
//! `reply`, which only the connection's own reader calls.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wacore_binary::Node;

/// Stanzas that may wait for the socket. The delivery window and a page of backlog fit in with room to spare.
const OUTGOING: usize = 1024;

/// Query ids remembered per connection to notice one that is used twice.
const REMEMBERED_IDS: usize = 256;

/// Names a device: the account's phone number and the device's number in it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct DeviceKey {
    pub(crate) phone_number: Arc<str>,
    pub(crate) device: u16,
}

/// An order to the connection's writer, carried out in turn.
pub(crate) enum Outgoing {
    Stanza(Node),
    /// Close the WebSocket with this status after everything before it was written.
    Close(u16),
    /// Reset the socket after everything before it was written.
    Cut,
}

/// What a query of ours is waiting for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Awaited {
    PairDevice,
    PairSuccess,
}

/// The handle of one connection.
pub(crate) struct Link {
    pub(crate) id: u64,
    outgoing: mpsc::Sender<Outgoing>,
    /// Cancelled to cut the socket without a word.
    pub(crate) cut: CancellationToken,
    silent: AtomicBool,
    delay_ms: AtomicU64,
    device: OnceLock<DeviceKey>,
    awaited: Mutex<HashMap<String, Awaited>>,
    ids: Mutex<RecentIds>,
}

impl Link {
    pub(crate) fn new(id: u64, cut: CancellationToken) -> (Arc<Self>, mpsc::Receiver<Outgoing>) {
        let (outgoing, orders) = mpsc::channel(OUTGOING);
        let link = Self {
            id,
            outgoing,
            cut,
            silent: AtomicBool::new(false),
            delay_ms: AtomicU64::new(0),
            device: OnceLock::new(),
            awaited: Mutex::default(),
            ids: Mutex::default(),
        };
        (Arc::new(link), orders)
    }

    /// Queues a stanza. `false` when there is no room, which after `OUTGOING` stanzas means a reader that has stopped.
    pub(crate) fn post(&self, stanza: Node) -> bool {
        self.outgoing.try_send(Outgoing::Stanza(stanza)).is_ok()
    }

    /// Queues a stanza, waiting for room.
    pub(crate) async fn reply(&self, stanza: Node) {
        let _ = self.outgoing.send(Outgoing::Stanza(stanza)).await; // the connection is gone: nobody to tell
    }

    /// Closes the WebSocket after everything that was posted.
    pub(crate) fn close(&self, status: u16) {
        if self.outgoing.try_send(Outgoing::Close(status)).is_err() {
            self.cut.cancel();
        }
    }

    /// Resets the socket after everything that was posted.
    pub(crate) fn cut_behind(&self) {
        if self.outgoing.try_send(Outgoing::Cut).is_err() {
            self.cut.cancel();
        }
    }

    /// Says goodbye and closes.
    pub(crate) fn dismiss(&self, farewell: Node) {
        self.post(farewell);
        self.close(1000);
    }

    /// From now on nothing is heard and nothing is said, and the socket stays open.
    pub(crate) fn fall_silent(&self) {
        self.silent.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
    }

    /// Every later stanza is written this much later.
    pub(crate) fn slow_down(&self, delay: Duration) {
        self.delay_ms.store(delay.as_millis() as u64, Ordering::Relaxed);
    }

    pub(crate) fn delay(&self) -> Option<Duration> {
        match self.delay_ms.load(Ordering::Relaxed) {
            0 => None,
            delay => Some(Duration::from_millis(delay)),
        }
    }

    /// The device that logged in here. `None` while a connection is only pairing.
    pub(crate) fn device(&self) -> Option<&DeviceKey> {
        self.device.get()
    }

    pub(crate) fn log_in(&self, device: DeviceKey) {
        let _ = self.device.set(device); // a connection logs in once
    }

    /// Remembers that the client owes an answer to query `id`.
    pub(crate) fn expect_answer(&self, id: String, awaited: Awaited) {
        self.awaited.lock().insert(id, awaited);
    }

    pub(crate) fn take_awaited(&self, id: &str) -> Option<Awaited> {
        self.awaited.lock().remove(id)
    }

    /// Whether the client uses this query id for the first time.
    pub(crate) fn is_new_id(&self, id: &str) -> bool {
        self.ids.lock().insert(id)
    }
}

/// The last few query ids of a connection.
#[derive(Default)]
struct RecentIds {
    known: HashSet<String>,
    order: VecDeque<String>,
}

impl RecentIds {
    fn insert(&mut self, id: &str) -> bool {
        if !self.known.insert(id.to_owned()) {
            return false;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > REMEMBERED_IDS
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}
