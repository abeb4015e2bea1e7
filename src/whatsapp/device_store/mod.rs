//! What the WhatsApp library keeps for a session, in our database. One file per trait of the library's `Backend`; where
//! a trait is long, its subjects have files of their own.
//!
//! When a write returns, what it wrote is on the disk, with two exceptions. Messages on their way to the journal stay in memory while
//! WhatsApp would send them again. Ratchets may still be on their way to the disk; nothing that depends on them overtakes them. A
//! statement that failed is an error for the library and the end of its client, which must not send what it encrypted with a
//! ratchet that was not stored, nor refuse a message because its key could not be loaded. Beside these only tokens are kept in
//! memory, and no connection is held.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ConnectionTrait, DbErr, EntityName, ExprTrait};
use tokio::sync::{Mutex, OwnedRwLockReadGuard, RwLock};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use wacore::store::error::StoreError;
use wacore::store::traits::PendingInboundKey;

use crate::db::batch::Batch;
use crate::db::connections::Connections;
use crate::db::write::{Failure, Writer};
use crate::db::{Db, fault};
use crate::error::chain;
use crate::event::entry::{EntryNumber, Failed, Rows};
use crate::event::journal::Journal;
use crate::whatsapp::acks::Acks;
use crate::whatsapp::device_store::first_sync::FirstSyncs;
use crate::whatsapp::device_store::pending_messages::Event;
use crate::whatsapp::device_store::pending_messages::shared::{SharedPendingMessages, clean, key};
use crate::whatsapp::device_store::read_tokens::ReadTokens;
use crate::whatsapp::device_store::under_way::RatchetsUnderWay;
use crate::whatsapp::device_store::unflushed::{HeldMessage, HeldMessages, UnflushedEntry};

mod app_sync;
mod base_key;
mod device;
mod device_list;
mod first_sync;
pub(in crate::whatsapp) mod group_metadata;
pub(in crate::whatsapp) mod lid_mapping;
mod msg_secret;
mod pending_inbound;
mod pending_messages;
mod pre_key;
mod protocol;
mod ratchets;
mod read_tokens;
mod rows;
mod sender_key_device;
mod sent_message;
mod signal;
mod tc_token;
mod under_way;
pub(in crate::whatsapp) mod unflushed;

/// The library's storage for one session. Cheap to make; the session's row must exist before anything is stored.
#[derive(Debug)]
pub struct DeviceStore {
    db: Db,
    /// Writes what has to be written in order with what happened.
    journal: Journal,
    session: SessionId,
    /// Cancelled when the client that this store was made for is given up.
    given_up: CancellationToken,
    /// Held by each write for as long as it takes.
    writing: Arc<RwLock<()>>,
    /// Held by the save of the device that is under way.
    saving: Mutex<()>,
    /// What was decrypted and is not yet in the journal.
    pending_messages: Arc<SharedPendingMessages>,
    /// Messages that wait for their turn to be submitted to the journal.
    held: HeldMessages,
    /// What was submitted to the journal and may not be on the disk yet.
    unflushed: UnflushedEntry,
    /// Ratchets on their way to the disk.
    under_way: RatchetsUnderWay,
    /// What is synced for the first time.
    first_syncs: FirstSyncs,
    /// Tokens that were read.
    tc_tokens: ReadTokens,
    /// Who waits for WhatsApp's answers to messages.
    acks: Arc<Acks>,
    /// Whether it is known that no device is stored, without asking the database.
    is_empty: AtomicBool,
}

impl DeviceStore {
    /// The store of this session.
    pub fn new(db: Db, journal: Journal, session: SessionId) -> Self {
        Self {
            db,
            journal,
            session,
            given_up: CancellationToken::new(),
            writing: Arc::default(),
            saving: Mutex::new(()),
            pending_messages: Arc::default(),
            held: HeldMessages::default(),
            unflushed: UnflushedEntry::default(),
            under_way: RatchetsUnderWay::default(),
            first_syncs: FirstSyncs::default(),
            tc_tokens: ReadTokens::default(),
            acks: Arc::default(),
            is_empty: AtomicBool::new(false),
        }
    }

    /// The store of a session that was created a moment ago: nothing is stored, so nothing has to be looked for.
    pub fn empty(db: Db, journal: Journal, session: SessionId) -> Self {
        Self { is_empty: AtomicBool::new(true), ..Self::new(db, journal, session) }
    }

    /// Who waits for WhatsApp's answers to messages.
    pub(super) fn acks(&self) -> &Arc<Acks> {
        &self.acks
    }

    /// Deletes everything that is stored for the session, in one transaction. The session itself stays, and is a fresh
    /// device the next time it is started.
    ///
    /// # Errors
    /// The database failed; then nothing is deleted.
    pub async fn forget(&self) -> crate::error::Result<()> {
        self.pending_messages.clear();
        let work = self.db.write().begin().await?;
        for table in tables() {
            let delete = Query::delete()
                .from_table(table.to_owned())
                .and_where(Expr::col("session_id").eq(self.session.as_str()))
                .to_owned();
            work.execute(&delete).await.map_err(fault::failed)?;
        }
        work.commit().await
    }

    /// Lets nobody write any more, and waits for the writes under way. The library's tasks outlive its client by up to a
    /// minute; what is deleted, or written by the next client, must not be undone by one of them.
    pub async fn retire(&self) {
        // What was taken in is still written. If it cannot be, the client was given up for that.
        let _ = self.flushed().await;
        let _ = self.ratchets_flushed().await;
        self.given_up.cancel();
        drop(self.writing.write().await);
    }

    /// Whether something in a collection of the app state is what its first sync since the link has brought, and so no change. The
    /// library says whether it had to ask for all there is, and the phone when it was done.
    pub fn is_from_first_sync(&self, collection: &str, is_from_all: bool, done_at: Timestamp) -> bool {
        self.first_syncs.has_brought(collection, is_from_all, done_at, Instant::now())
    }

    /// Notes that the stanza of a message came in; nothing is decrypted yet.
    pub fn stanza(&self, id: &str) {
        self.pending_messages.step(Event::StanzaCame { id: clean(id) });
    }

    /// Notes that a message waits for its turn to be submitted to the journal, whatever the library does meanwhile: no frame leaves
    /// before it is submitted, and a ratchet takes it along.
    pub fn hold(&self, chat: &str, sender: &str, id: &str) -> HeldMessage {
        let key = key(PendingInboundKey { chat, sender, id });
        self.pending_messages.step(Event::Held { key: Arc::clone(&key) });
        self.held.hold(key)
    }

    /// Notes that the journal was given a message that waits: a ratchet that is written with it or later need not take it
    /// along.
    pub fn handed_over(&self, held: &HeldMessage, entry_number: EntryNumber) {
        self.pending_messages.step(Event::HandedOver { key: Arc::clone(&held.key), entry_number });
    }

    /// Gives the client up because something could not be read or written. What it has in its memory is not what is on
    /// the disk any more: it takes a message for unreadable whose key could not be loaded, and stores a ratchet that has
    /// moved on past a message that was not kept. The next client begins with what is on the disk.
    pub fn give_up(&self, why: &(dyn std::error::Error + 'static)) {
        give_up(&self.given_up, &self.session, why);
    }

    /// No rows, but an error once the client is given up: what was submitted before may not be written, and nothing of the same
    /// client is to be written behind it.
    pub fn unless_given_up(&self) -> Rows {
        let given_up = self.given_up.clone();
        Box::new(move |_| match given_up.is_cancelled() {
            true => Err(fault::failed(DbErr::Custom("the client was given up".to_owned()))),
            false => Ok(Vec::new()),
        })
    }

    /// Gives the client up when an entry of the journal cannot be written.
    pub fn giving_up(&self) -> Failed {
        let (given_up, session) = (self.given_up.clone(), self.session.clone());
        Box::new(move |why| give_up(&given_up, &session, why))
    }

    /// Notes that entries up to this one were submitted to the journal, which has them on the disk when `written` ends. No frame
    /// leaves before: it may acknowledge a message of theirs.
    pub fn submitted(
        &self,
        entry_number: EntryNumber,
        written: impl Future<Output = crate::error::Result<()>> + Send + 'static,
    ) {
        self.unflushed.submitted(entry_number, written);
    }

    /// True if some that the library is done with may be in the table, which they are to leave.
    async fn messages_flushed(&self) -> Result<bool, StoreError> {
        tokio::select! {
            biased;
            () = self.held.handed_over() => {}
            () = self.given_up.cancelled() => {}
        }
        let entry_number = self.unflushed.flushed().await.map_err(|error| StoreError::Database(Box::new(error)))?;
        Ok(entry_number.is_some_and(|entry_number| {
            self.pending_messages.step(Event::JournalWrote { entry_number }).is_table_behind
        }))
    }

    /// What becomes of a failed statement: the client is given up, and the library is told.
    fn failed(&self) -> impl Fn(DbErr) -> StoreError {
        |error| {
            self.give_up(&error);
            match error {
                DbErr::Conn(_) | DbErr::ConnectionAcquire(_) => StoreError::Connection(Box::new(error)),
                _ => StoreError::Database(Box::new(error)),
            }
        }
    }

    /// Cancelled when the client is given up: it is of no use any more.
    pub fn given_up(&self) -> &CancellationToken {
        &self.given_up
    }

    fn read(&self) -> &Connections {
        self.db.read()
    }

    /// For everything that writes but ratchets, behind those; refuses once the client is given up.
    async fn write(&self) -> Result<Guarded<'_>, StoreError> {
        self.ratchets_flushed().await?;
        let writing = Arc::clone(&self.writing).read_owned().await;
        self.refuse_when_given_up()?;
        Ok(Guarded { connection: self.db.write(), writing })
    }

    fn refuse_when_given_up(&self) -> Result<(), StoreError> {
        match self.given_up.is_cancelled() {
            true => Err(StoreError::Validation("the client was given up".into())),
            false => Ok(()),
        }
    }

    /// The key of a row that a session has one of per `name`, which may come from others.
    fn key(&self, name: &str) -> (SessionId, String) {
        (self.session.clone(), clean(name))
    }
}

/// The connection that writes, held against the store's retirement.
struct Guarded<'a> {
    connection: &'a Writer,
    writing: OwnedRwLockReadGuard<()>,
}

impl Guarded<'_> {
    /// Runs a batch. Once it has begun it is written whether or not somebody still waits for it, and the store is not retired before.
    async fn run(self, batch: Batch) -> Result<(), Failure> {
        self.connection.run_holding(batch, self.writing).await
    }
}

impl Deref for Guarded<'_> {
    type Target = Writer;

    fn deref(&self) -> &Writer {
        self.connection
    }
}

fn give_up(given_up: &CancellationToken, id: &SessionId, why: &(dyn std::error::Error + 'static)) {
    if !given_up.is_cancelled() {
        warn!(session.id = %id, error = chain(why), "the storage of session {id} failed: it connects anew");
        given_up.cancel();
    }
}

/// Every table of the device store.
fn tables() -> [&'static str; 20] {
    [
        entity::device::Entity.table_name(),
        entity::identity_key::Entity.table_name(),
        entity::signal_session::Entity.table_name(),
        entity::pre_key_block::Entity.table_name(),
        entity::pre_key_pending::Entity.table_name(),
        entity::signed_pre_key::Entity.table_name(),
        entity::sender_key::Entity.table_name(),
        entity::sync_key::Entity.table_name(),
        entity::sync_version::Entity.table_name(),
        entity::mutation_mac::Entity.table_name(),
        entity::sender_key_device::Entity.table_name(),
        entity::lid_mapping::Entity.table_name(),
        entity::base_key::Entity.table_name(),
        entity::device_list::Entity.table_name(),
        entity::group_metadata::Entity.table_name(),
        entity::tc_token::Entity.table_name(),
        entity::sent_message::Entity.table_name(),
        entity::pending_inbound::Entity.table_name(),
        entity::message_secret::Entity.table_name(),
        // Written beside events, and another account's as soon as another phone links the session.
        entity::chat_timer::Entity.table_name(),
    ]
}

/// A value that does not turn into bytes, or bytes that do not turn into their value.
fn malformed(error: serde_json::Error) -> StoreError {
    StoreError::Serialization(Box::new(error))
}
