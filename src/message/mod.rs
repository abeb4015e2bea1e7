//! The message service, which every door calls: what is sent, and what came and went.
//!
//! A message that is asked for is an intent. It is on the disk before it is tried: its id, its recipient, its bytes and its secret are
//! chosen once, in one transaction with the event that says that it waits and with the client's key for the request
//! (`accepting`). Who sends it is the outbox of its session (`outbox`), which reads it from there. What becomes of it is decided
//! by one pure function ([`transition`](crate::message::store::transition)) and written in one place (`transitions`), with the event that
//! says so.
//!
//! ```text
//! a client ─> Messages::send ──one transaction──> message, outgoing, event
//!                  │                                   │
//!                  └────wakes────> Outbox <──reads─────┤
//!                                    │                 │
//!                 WhatsApp <──gives──┴──writes──> Transitions <──reads── the journal's receipts (receipts)
//!                                                      ^
//!                                   moments that have come (due)
//! ```
//!
//! The folders, from the ground up: `store`, the rows and what they may become; `lookup`, whom a message is for; `file`, what is fetched;
//! `limit`, what holds messages up; `sending`, the outbox; `receipt`, what phones say; on them stands this service, and on it what its
//! callers ask for: `request`, a new message; `action`, what is done to one; `view`, what is shown.
//!
//! A reaction, another text and a removal (`actions`) are messages as well, with ids of their own: they take the same way, behind the
//! message that they are about. So do votes, pins and all else that is done to a message (`voting`, `keeping`). What a message changes
//! here, such as the account's vote or a chat's timer, is written once WhatsApp has it (`effect`).
//!
//! A message to a group is one message for many (`grouping`, `group_mentions`): WhatsApp is asked first whether the account may write
//! there and how its members are named (`groups`); if nobody can be asked, that is done before it is sent (`group_sending`). A status
//! goes the same way, to those whom the client lists. Who is to get such a message is written down (`audience_store`), and what is known
//! of it is the least that is known of any of them (`group_receipts`, `lowest`).
//!
//! Who got, read and played a message is kept beside it (`receipt_store`), from the same receipts.
//! What WhatsApp keeps an account from (`restrictions`) holds those messages only that it would refuse, in their rows (`holding`). They are
//! looked at again when their moment comes, or when it is known that they need not wait (`lifting`).
//! Nothing is sent to a number that WhatsApp was not asked about, unless it is known anyway (`recipients`); what is asked at once is one
//! question (`lookups`). What cannot be made is tried again with growing pauses, without an event for each try, and fails in the end
//! (`preventions`).
//!
//! A message with a file is taken in with the file in the store and made fit for phones (`attaching`), and has no turn in its chat until
//! the file is uploaded (`uploader`): so a long video holds up no text, and a text that is asked for after it may be sent before it. One
//! transaction then gives the message its final bytes (`filling`), its turn, and what it takes to fetch the file again; nothing of it
//! changes once it was tried. A file that several messages carry is uploaded once a day.
//! The files of messages are fetched from WhatsApp when somebody asks for them (`fetches`, `message_files`), or as they come, where a
//! session is to do so (`eager_files`).
//!
//! That a message was taken is told by WhatsApp's acknowledgement, or by a receipt: nothing else counts. After a crash at any point the
//! rows say what is known: what was on its way is in doubt, and is sent again as the same message.

pub mod types;

pub mod action;
pub mod file;
pub mod limit;
mod lookup;
pub mod receipt;
mod request;
mod sending;
pub mod store;
pub mod view;

pub mod content;
pub mod preview;
pub mod rules;
pub mod vcard;

mod in_use;
mod news;
mod retention;
mod shown;
mod typing;

use std::sync::Arc;
use std::time::Duration;

use entity::ids::SessionId;
use entity::words::access::Scope;
use entity::words::message::MessageType;
use entity::words::outgoing::MessageStatus;

use crate::caller::Caller;
use crate::clock::Clock;
use crate::db::Db;
use crate::egress::Egress;
use crate::error::{Error, ErrorKind, Result};
use crate::event::index_store;
use crate::event::journal::Journal;
use crate::lifecycle::Lifecycle;
use crate::lifecycle::last_run::Loop;
use crate::media::Media;
use crate::message::file::eager_files::EagerFiles;
use crate::message::file::fetches::Fetches;
use crate::message::limit::pacing::{Pace, Pacing};
use crate::message::limit::preventions::Preventions;
use crate::message::limit::restrictions::Restrictions;
use crate::message::limit::standings::Standings;
use crate::message::lookup::recipients::Recipients;
use crate::message::preview::Previews;
use crate::message::receipt::receipts::Receipts;
use crate::message::retention::MessageRetention;
use crate::message::sending::due::DueMessages;
use crate::message::sending::groups::Groups;
use crate::message::sending::outbox::Shared;
use crate::message::sending::outboxes::Outboxes;
use crate::message::sending::queues::Queues;
use crate::message::sending::transitions::{Change, Transitions};
use crate::message::sending::uncertain::Written;
use crate::message::sending::uploads::Uploads;
use crate::message::shown::shown;
use crate::message::store::believed::Believed;
use crate::message::store::outgoing::OutgoingRow;
use crate::message::store::transition::Happening;
use crate::message::store::{outbox_store, restriction_store};
use crate::message::types::Message;
use crate::message::typing::Typing;
use crate::session::Sessions;

/// When it is looked for what came of a change whose commit may have been lost. Whoever asked for it waits meanwhile.
const DECIDED_AFTER: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(400), Duration::from_secs(1)];

/// How messages are sent and kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MessageSettings {
    /// How fast each session sends.
    pub pace: Pace,
    /// How long messages are kept; never shorter than their events.
    pub kept: Duration,
    /// Whether messages to new people wait while WhatsApp restricts their account. Otherwise they fail.
    pub holds_when_restricted: bool,
}

/// What the messages stand on.
#[derive(Debug)]
pub struct Deps {
    /// Whose they are.
    pub sessions: Sessions,
    /// Where they are kept.
    pub db: Db,
    /// Where is written what becomes of them.
    pub journal: Journal,
    /// The way to the pages that they link to.
    pub egress: Egress,
    /// The files that they carry.
    pub media: Media,
    /// What time it is.
    pub clock: Clock,
    /// What their tasks end with.
    pub lifecycle: Lifecycle,
}

/// The messages of this server.
#[derive(Clone, Debug)]
pub struct Messages {
    sessions: Sessions,
    db: Db,
    journal: Journal,
    clock: Clock,
    lifecycle: Lifecycle,
    outboxes: Outboxes,
    queues: Arc<Queues>,
    previews: Previews,
    media: Media,
    uploads: Uploads,
    fetches: Fetches,
    /// Who is shown to type, until a moment.
    typing: Typing,
}

impl Messages {
    /// Takes over what the process before was to send: what was on its way is in doubt.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn open(deps: Deps, settings: MessageSettings) -> Result<Self> {
        let MessageSettings { pace, kept, holds_when_restricted } = settings;
        let Deps { sessions, db, journal, egress, media, clock, lifecycle } = deps;
        let shared = Shared {
            db: db.clone(),
            clock: clock.clone(),
            believed: Believed::new(clock.clone()),
            transitions: Transitions::new(db.clone(), journal.clone(), clock.clone(), lifecycle.clone()),
            recipients: Recipients::new(db.clone(), clock.clone(), lifecycle.clone()),
            groups: Groups::new(db.clone()),
            pacing: Pacing::new(pace, sessions.clone()),
            restrictions: Restrictions::new(holds_when_restricted, restriction_store::all(db.read()).await?),
            preventions: Preventions::default(),
            standings: Standings::default(),
            sessions: sessions.clone(),
            lifecycle: lifecycle.clone(),
        };
        let outboxes = Outboxes::open(sessions.clone(), lifecycle.clone(), shared).await?;
        outboxes.go_on().await?;
        let uploads = Uploads::new(outboxes.clone(), media.files().clone());
        uploads.go_on().await?;
        let receipts = Receipts::open(Arc::clone(&outboxes.shared), journal.clone()).await?;
        lifecycle.spawn_loop(Loop::Receipts, |last_run| receipts.run(last_run));
        let due = DueMessages { outboxes: outboxes.clone(), uploads: uploads.clone() };
        lifecycle.spawn_loop(Loop::DueMessages, |last_run| due.run(last_run));
        let (of, at) = (sessions.clone(), clock.clone());
        let retention = MessageRetention { sessions: of, db: db.clone(), clock: at, age: kept };
        lifecycle.spawn_loop(Loop::MessageRetention, |last_run| retention.run(last_run));
        let (queues, previews) = (Arc::new(Queues::new(db.clone())), Previews::new(egress));
        let typing = Typing::default();
        let fetches = Fetches::new(sessions.clone(), db.clone(), media.clone(), lifecycle.clone());
        let (of, to, at) = (sessions.clone(), journal.clone(), clock.clone());
        let eager = EagerFiles { fetches: fetches.clone(), sessions: of, db: db.clone(), journal: to, clock: at };
        lifecycle.spawn_loop(Loop::EagerFiles, |last_run| eager.run(last_run));
        Ok(Self {
            sessions,
            db,
            journal,
            clock,
            lifecycle,
            outboxes,
            queues,
            previews,
            media,
            uploads,
            fetches,
            typing,
        })
    }

    /// One message, whoever sent it. Of several with the same id, the first.
    ///
    /// # Errors
    /// `SessionNotFound`, `MessageNotFound`.
    pub async fn find(&self, caller: &Caller, session: &SessionId, message_id: &str) -> Result<Message> {
        self.sessions.account(caller, Scope::MessagesRead, session)?;
        self.message(session, message_id).await
    }

    /// Takes a message back that is still to be sent.
    ///
    /// # Errors
    /// `SessionNotFound`, `MessageNotFound`; `MessageNotWaiting`: it is on its way, or was sent.
    #[tracing::instrument(level = "debug", name = "cancel_message", skip_all, fields(session.id = %session))]
    pub async fn cancel(&self, caller: &Caller, session: &SessionId, message_id: &str) -> Result<Message> {
        self.sessions.account(caller, Scope::MessagesSend, session)?;
        let Some(row) = self.change(session, message_id, Happening::Cancelled).await? else {
            let detail = "the message does not wait any more: it is on its way, was sent, or was given up";
            return Err(Error::new(ErrorKind::MessageNotWaiting, detail));
        };
        match row.progress.awaits_upload {
            true => self.uploads.withdraw(session),
            // What waited behind it has its turn.
            false => self.outboxes.start(session, Some(&row.lane)),
        }
        Ok(self.message(session, message_id).await?.seen_by(caller))
    }

    /// Sends a message again that was not sent: the same message, with the same id.
    ///
    /// # Errors
    /// `SessionNotFound`, `MessageNotFound`, `QueueFull`; `MessageNotFailed`: it waits, or was sent.
    #[tracing::instrument(level = "debug", name = "retry_message", skip_all, fields(session.id = %session))]
    pub async fn retry(&self, caller: &Caller, session: &SessionId, message_id: &str) -> Result<Message> {
        self.sessions.account(caller, Scope::MessagesSend, session)?;
        let message = self.message(session, message_id).await?;
        let is_late = message.status == Some(MessageStatus::Expired);
        if is_late && matches!(message.message_type, MessageType::Edit | MessageType::Revoke) {
            return Err(Error::new(ErrorKind::MessageTooOld, "the time in which phones take it is over"));
        }
        let now = self.clock.now();
        let _place = self.queues.place(session, 1).await?;
        let (sequence, expires_at) = (self.outboxes.next_sequence(), now.after(rules::EXPIRES_AFTER));
        let happening = Happening::Retried { sequence, expires_at, now };
        let Some(row) = self.change(session, message_id, happening).await? else {
            let detail = "the message waits, is on its way or was sent; or it reached nobody, and WhatsApp would not deliver its id again";
            return Err(Error::new(ErrorKind::MessageNotFailed, detail));
        };
        self.wake(&row);
        Ok(self.message(session, message_id).await?.seen_by(caller))
    }

    /// Lets something happen to a message that was sent through this API. None if that changes nothing.
    async fn change(&self, session: &SessionId, message_id: &str, happening: Happening) -> Result<Option<OutgoingRow>> {
        if outbox_store::find(self.db.read(), session, message_id).await?.is_none() {
            return Err(not_found());
        }
        let (transitions, session) = (self.outboxes.shared.transitions.clone(), session.clone());
        let change = Change { message_id: message_id.to_owned(), happening };
        self.lifecycle
            .complete(async move {
                let (written, mut pauses) = (Written::default(), DECIDED_AFTER.into_iter());
                loop {
                    match transitions.write_noting(&session, vec![change.clone()], &written).await {
                        // It may be written, or still be: the row says what came of it, once that is decided.
                        Err(error) if error.kind() == ErrorKind::Unavailable && written.is_possible() => {
                            tokio::time::sleep(pauses.next().ok_or(error)?).await;
                        }
                        outcome => return Ok(outcome?.pop()),
                    }
                }
            })
            .await
    }

    async fn message(&self, session: &SessionId, message_id: &str) -> Result<Message> {
        let found = index_store::with_id(self.db.read(), session, message_id).await?.into_iter().next();
        let stored = found.ok_or_else(not_found)?;
        let row = outbox_store::find(self.db.read(), session, message_id).await?;
        let changes = self.changes(session, &[message_id.to_owned()]).await?;
        Ok(changes.applied(shown(stored, row)))
    }
}

impl Message {
    /// Without what it says, for who may send and not read.
    fn seen_by(self, caller: &Caller) -> Self {
        let text = self.text.filter(|_| caller.allows(Scope::MessagesRead));
        Self { text, ..self }
    }
}

fn not_found() -> Error {
    Error::new(ErrorKind::MessageNotFound, "no message of this session has this id")
}
