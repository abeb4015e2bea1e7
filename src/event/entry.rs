//! What is submitted to the journal: what happened, and what is written in the same transaction.

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::event::EventType;
use futures::future::BoxFuture;

use crate::db::batch::Batch;
use crate::db::rows::Row;
use crate::db::write::Work;
use crate::error::{Error, Result};
use crate::event::body::EventBody;
use crate::event::file::MessageFile;
use crate::event::index::{IndexedMessage, MessageKey};
use crate::event::timer::ChatTimer;
use crate::event::vote::CastVote;

/// Called with the reason when an entry could not be written.
pub type Failed = Box<dyn FnOnce(&Error) + Send + Sync>;

/// What else is to be written in the transaction of an entry, and what happened by it. May be run again after it failed.
pub type Write = Box<dyn for<'a> Fn(&'a Work) -> BoxFuture<'a, Result<Vec<NewEvent>>> + Send + Sync>;

/// What a [`Write`] comes to, by what is known already: used in its place at the first attempt, since it needs no question to the database.
/// If that fails, for whatever reason, what is written is decided by the write, in the transaction.
#[derive(Clone)]
pub struct Shortcut {
    /// What happened by it.
    pub events: Vec<NewEvent>,
    /// What it writes.
    pub rows: Vec<Row>,
}

/// Makes the rows that are to be written in the transaction of an entry, right before it is. Every entry up to the given one is
/// in this transaction or was in an earlier one. May be called again after it failed.
pub type Rows = Box<dyn Fn(EntryNumber) -> Result<Vec<Row>> + Send + Sync>;

/// Adds what is to be run in the transaction of an entry once its events are in the table. May be called again after it failed.
pub type Last = Box<dyn Fn(&mut Batch) + Send + Sync>;

/// The place of an entry in the order in which they are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryNumber(pub(super) u64);

/// Something that happened.
#[derive(Clone)]
pub struct NewEvent {
    /// On which session.
    pub session_id: SessionId,
    /// What.
    pub event_type: EventType,
    /// When.
    pub created_at: Timestamp,
    /// All about it: a JSON object.
    pub body: String,
    /// What it is recognised by when it comes again. For messages only.
    pub message: Option<MessageKey>,
    /// The file that the message has. It is written beside the event, and is no part of it.
    pub file: Option<MessageFile>,
    /// What is written of the message, beside the event, for what refers to it later.
    pub indexed: Option<IndexedMessage>,
    /// What it tells of its chat's timer, if that is news.
    pub timer: Option<ChatTimer>,
    /// The vote that it tells of, as far as it is counted.
    pub vote: Option<CastVote>,
}

impl NewEvent {
    /// An event that is no message.
    ///
    /// # Errors
    /// `Internal`: the body cannot be written as JSON, which no body does.
    pub fn new(session_id: SessionId, body: &EventBody, created_at: Timestamp) -> Result<Self> {
        let (event_type, text) = (body.event_type(), serde_json::to_string(body).map_err(Error::internal)?);
        let (message, file, indexed, timer, vote) = (None, None, None, None, None);
        Ok(Self { session_id, event_type, created_at, body: text, message, file, indexed, timer, vote })
    }
}

/// What is written together, or not at all.
#[derive(Default)]
pub struct JournalEntry {
    /// What happened, in order.
    pub events: Vec<NewEvent>,
    /// The state that it changed; what its change made happen comes behind `events`.
    pub write: Option<Write>,
    /// What `write` comes to, for who knows.
    pub shortcut: Option<Shortcut>,
    /// More of that state, as rows: those of many entries go into their tables together.
    pub rows: Option<Rows>,
    /// What is only to be written behind all events, as the end of what they happened on.
    pub last: Option<Last>,
    /// Told when it cannot be written, before anything that was submitted later is.
    pub failed: Option<Failed>,
    /// Whether it may wait a few milliseconds for others if one was written just before, because nobody waits for it.
    pub can_wait: bool,
}
