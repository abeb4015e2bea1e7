//! The socket to WhatsApp: what became of the dialling, and no frame that outruns the disk.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use anyhow::ensure;
use async_trait::async_trait;
use bytes::Bytes;
use wacore::store::traits::DeviceStore as _;
use whatsapp_rust::Client;
use whatsapp_rust::transport::{Transport, TransportEvent, TransportFactory};

use crate::whatsapp::device_store::DeviceStore;
use crate::whatsapp::signal::Closing;
use crate::whatsapp::sockets::Sockets;

/// How far the present connection has come. Written where it happens, read when it is over.
#[derive(Debug, Default)]
pub(super) struct Progress {
    reached: AtomicU8,
    version_failed: AtomicBool,
}

const DIALLING: u8 = 0;
const OPEN: u8 = 1;
const SECURED: u8 = 2;

impl Progress {
    /// A new connection begins.
    pub(super) fn restart(&self) {
        self.reached.store(DIALLING, Ordering::Release);
        self.version_failed.store(false, Ordering::Release);
    }

    /// The encrypted channel stands.
    pub(super) fn secured(&self) {
        self.reached.store(SECURED, Ordering::Release);
    }

    /// The version could not be learnt.
    pub(super) fn version_failed(&self) {
        self.version_failed.store(true, Ordering::Release);
    }

    /// What the end of the connection means, seen from how far it had come.
    pub(super) fn closing(&self) -> Closing {
        match self.reached.load(Ordering::Acquire) {
            SECURED => Closing::Lost,
            _ if self.version_failed.load(Ordering::Acquire) => Closing::VersionUnavailable,
            OPEN => Closing::HandshakeFailed,
            _ => Closing::Unreachable,
        }
    }
}

/// Dials for one session through the process's shared factory.
pub(super) struct Dialler {
    pub(super) shared: Arc<Sockets>,
    pub(super) progress: Arc<Progress>,
    /// Set once the client exists; the client in turn owns this dialler.
    pub(super) client: Arc<OnceLock<Weak<Client>>>,
    pub(super) store: Arc<DeviceStore>,
}

#[async_trait]
impl TransportFactory for Dialler {
    async fn create_transport(
        &self,
    ) -> anyhow::Result<(Arc<dyn Transport>, whatsapp_rust::async_channel::Receiver<TransportEvent>)> {
        let (socket, events) = self.shared.create_transport().await?;
        self.progress.reached.store(OPEN, Ordering::Release);
        let client = self.client.get().and_then(Weak::upgrade);
        // A linked device has nothing to lose here: its identity is on disk.
        let pairing = client.filter(|client| client.pn().is_none()).map(|client| Arc::downgrade(&client));
        Ok((Arc::new(Socket { socket, pairing, store: Arc::clone(&self.store) }), events))
    }
}

/// A socket that says nothing that the disk does not know.
///
/// What was stored or submitted to the journal before a frame is on the disk when it leaves: the ratchet that it was encrypted
/// with, the message that it acknowledges. Once the storage has failed, no frame goes out: whatever the library makes of the
/// failure, an acknowledgement or a request to send a message again, would be a lie.
///
/// While a device pairs, every frame from the link on waits until the device is saved. The library sends the answer that
/// completes the link and saves the new identity at its leisure; a crash in between would leave a device on the phone that
/// nobody has the keys of. Before the link there is nothing to lose: a device that no phone has linked is as good as a new
/// one.
struct Socket {
    socket: Arc<dyn Transport>,
    /// The client on whose connection a device may be linked.
    pairing: Option<Weak<Client>>,
    store: Arc<DeviceStore>,
}

#[async_trait]
impl Transport for Socket {
    async fn send(&self, data: Bytes) -> anyhow::Result<()> {
        if let Some(client) = self.pairing.as_ref().and_then(Weak::upgrade)
            && client.pn().is_some()
        {
            // Not by the library's own flush: its saver may have begun that save and not ended it, and then flushing has
            // nothing to do.
            self.store.save(&client.persistence_manager().get_device_snapshot()).await?;
        }
        self.store.flushed().await?;
        ensure!(!self.store.given_up().is_cancelled(), "the client was given up");
        self.socket.send(data).await
    }

    async fn disconnect(&self) {
        self.socket.disconnect().await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use entity::ids::SessionId;
    use parking_lot::Mutex;
    use tempfile::TempDir;
    use wacore::store::traits::SignalStore;

    use super::*;
    use crate::clock::Clock;
    use crate::db::Db;
    use crate::db::sqlite::Synchronous;
    use crate::error::Error;
    use crate::event::entry::{JournalEntry, Write};
    use crate::event::journal::Journal;
    use crate::lifecycle::Lifecycle;

    #[derive(Default)]
    struct Sent(Mutex<Vec<Bytes>>);

    #[async_trait]
    impl Transport for Sent {
        async fn send(&self, data: Bytes) -> anyhow::Result<()> {
            self.0.lock().push(data);
            Ok(())
        }

        async fn disconnect(&self) {}
    }

    /// A socket of a session that does not exist.
    struct Line {
        db: Db,
        journal: Journal,
        store: Arc<DeviceStore>,
        sent: Arc<Sent>,
        socket: Socket,
        _directory: TempDir,
    }

    impl Line {
        async fn new() -> Self {
            let directory = tempfile::tempdir().expect("there is room");
            let path = directory.path().join("waypost.db");
            let db = Db::sqlite(&path, Synchronous::Normal).await.expect("a file");
            db.migrate().await.expect("tables");
            let journal = Journal::open(db.clone(), Clock::system(), &Lifecycle::new()).await.expect("a journal");
            let session = SessionId::parse("nobody").expect("it is one");
            let store = Arc::new(DeviceStore::new(db.clone(), journal.clone(), session));
            let sent = Arc::new(Sent::default());
            let socket = Socket { socket: Arc::clone(&sent) as _, pairing: None, store: Arc::clone(&store) };
            Self { db, journal, store, sent, socket, _directory: directory }
        }

        async fn send(&self, frame: &'static str) -> anyhow::Result<()> {
            self.socket.send(Bytes::from_static(frame.as_bytes())).await
        }

        async fn is_held_up(&self, frame: &'static str) {
            tokio::time::timeout(Duration::from_millis(50), self.send(frame)).await.expect_err("it has to wait");
        }

        /// As the inbox does it.
        async fn submit(&self, entry: JournalEntry) {
            let failed = Some(self.store.giving_up());
            let (entry_number, written) =
                self.journal.submit(JournalEntry { failed, ..entry }).await.expect("it takes it");
            self.store.submitted(entry_number, written);
        }

        fn sent(&self) -> Vec<Bytes> {
            self.sent.0.lock().clone()
        }
    }

    #[tokio::test]
    async fn a_frame_waits_for_the_ratchet_before_it_and_stays_if_that_is_not_written() {
        let line = Line::new().await;
        line.send("first").await.expect("nothing is in its way");
        // Nobody else can write as long as this one does.
        let other = line.db.write().begin().await.expect("it begins");
        line.store.put_session("1@s", b"ratchet").await.expect("it is taken in");
        line.is_held_up("second").await;
        drop(other);
        line.send("third").await.expect_err("the ratchet could not be written");
        assert_eq!(line.sent(), ["first"]);
    }

    #[tokio::test]
    async fn a_frame_waits_for_the_messages_before_it_and_stays_if_one_is_not_written() {
        let line = Line::new().await;
        let other = line.db.write().begin().await.expect("it begins");
        line.submit(JournalEntry::default()).await;
        line.submit(JournalEntry::default()).await;
        line.is_held_up("early").await;
        drop(other);
        line.send("first").await.expect("both are written");
        // What is behind it and of this client stays away, too; anybody else's is written.
        let other = line.db.write().begin().await.expect("it begins");
        let write: Write = Box::new(|_| Box::pin(async { Err(Error::internal("it cannot")) }));
        line.submit(JournalEntry { write: Some(write), ..JournalEntry::default() }).await;
        let behind = JournalEntry { rows: Some(line.store.unless_given_up()), ..JournalEntry::default() };
        let (_, behind) = line.journal.submit(behind).await.expect("it takes it");
        line.submit(JournalEntry::default()).await;
        line.is_held_up("early").await;
        drop(other);
        line.send("second").await.expect_err("a message could not be written");
        behind.await.expect_err("it would come before the one that could not be written");
        assert_eq!(line.sent(), ["first"]);
    }
}
