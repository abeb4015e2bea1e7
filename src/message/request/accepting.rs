//! Takes a message in: checks it, chooses its id and its bytes, and writes it down with the client's key for the request, all in one
//! transaction. The same request again finds the same message.

use std::sync::Arc;
use std::time::Duration;

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::access::Scope;
use entity::words::message::MessageType;
use entity::words::outgoing::MessageStatus;
use futures::FutureExt as _;

use crate::account::Identity;
use crate::caller::Caller;
use crate::crash;
use crate::db::write::Work;
use crate::error::{Error, ErrorKind, Result};
use crate::event::entry::{JournalEntry, NewEvent, Shortcut, Write};
use crate::event::file_store;
use crate::event::index::{IndexedMessage, MessageKey};
use crate::message::lookup::naming::{lane, new_id, own_jid};
use crate::message::request::album::{DraftItem, ItemIntent};
use crate::message::request::checked;
use crate::message::sending::known::KnownRow;
use crate::message::sending::queues::has_room;
use crate::message::sending::transitions::{Watched, status_event};
use crate::message::sending::wake::Ready;
use crate::message::store::audience_store::{self, AudienceRow};
use crate::message::store::effect::Effect;
use crate::message::store::outbox_store;
use crate::message::store::outgoing::OutgoingRow;
use crate::message::store::transition::{Progress, is_open};
use crate::message::store::upload_store::{self, AwaitedUpload};
use crate::message::store::uploaded::UploadedFile;
use crate::message::types::{Accepted, IfOffline, NewMessage, SendOptions};
use crate::message::{Messages, rules};
use crate::session::client::Account;

/// What is asked for, whatever it is: by whom, and what tells it from another request.
pub(in crate::message) struct Asked<'a> {
    pub(in crate::message) caller: &'a Caller,
    pub(in crate::message) session: &'a SessionId,
    pub(in crate::message) account: &'a Account,
    pub(in crate::message) fingerprint: Vec<u8>,
    pub(in crate::message) client_reference: Option<String>,
    pub(in crate::message) options: SendOptions,
}

/// A message that is to be sent, but for its id.
pub(in crate::message) struct Draft {
    /// JID to which it goes.
    pub(in crate::message) recipient: String,
    /// Whether it is known that there is such a recipient.
    pub(in crate::message) is_checked: bool,
    /// The names of who gets it.
    pub(in crate::message) names: Vec<String>,
    /// JIDs of those who are to see it, if it is a status. Of a group, they are looked up when it is sent.
    pub(in crate::message) audience: Vec<String>,
    pub(in crate::message) message_type: MessageType,
    pub(in crate::message) quoted_id: Option<String>,
    pub(in crate::message) content: Vec<u8>,
    /// Its file, which is uploaded before it is sent.
    pub(in crate::message) upload: Option<AwaitedUpload>,
    /// Its file, if that is on WhatsApp's media servers already.
    pub(in crate::message) file: Option<UploadedFile>,
    /// What belongs to it, if it is an album.
    pub(in crate::message) items: Vec<DraftItem>,
    /// What it changes once WhatsApp has it.
    pub(in crate::message) effect: Option<Effect>,
    /// Some if it is to be sent later.
    pub(in crate::message) send_at: Option<Timestamp>,
    pub(in crate::message) expires_at: Timestamp,
}

/// What is written of a message that is taken in.
#[derive(Clone)]
pub(in crate::message) struct Intent {
    pub(in crate::message) row: OutgoingRow,
    pub(in crate::message) indexed: IndexedMessage,
    pub(in crate::message) upload: Option<AwaitedUpload>,
    pub(in crate::message) file: Option<UploadedFile>,
    /// Those who are to see it, if it is a status.
    pub(in crate::message) audience: Option<AudienceRow>,
    /// What belongs to it, if it is an album.
    pub(in crate::message) items: Vec<ItemIntent>,
}

/// A message that was written, and how to learn what becomes of it.
pub(in crate::message) struct Written {
    pub(in crate::message) intent: Intent,
    pub(in crate::message) known: KnownRow,
    pub(in crate::message) watched: Watched,
}

/// What the same request is known by.
struct Mark {
    idempotency_key: Option<String>,
    client_reference: Option<String>,
    fingerprint: Vec<u8>,
}

impl Messages {
    /// Takes a message in, and waits for WhatsApp's answer as long as is asked for. The same request, by its key or its reference, is
    /// the same message.
    ///
    /// # Errors
    /// `SessionNotFound`, `SessionNotConnected`, `Invalid`, `InvalidRecipient`, `MessageNotFound`, `RecipientNotOnWhatsapp`,
    /// `QueueFull`, `IdempotencyKeyReused`, `MediaNotFound`, `MediaTooLarge`, `MediaUnsupported`, `MediaFetchRefused`, `Unavailable`; and,
    /// when WhatsApp refused it meanwhile, what that means.
    #[tracing::instrument(level = "debug", name = "send_message", skip_all, fields(session.id = %session))]
    pub async fn send(
        &self,
        caller: &Caller,
        session: &SessionId,
        new: NewMessage,
        options: SendOptions,
    ) -> Result<Accepted> {
        let account = self.sessions.account(caller, Scope::MessagesSend, session)?;
        let checked = checked::message(new, self.clock.now())?;
        let (fingerprint, client_reference) = (checked.fingerprint.clone(), checked.client_reference.clone());
        let asked = Asked { caller, session, account: &account, fingerprint, client_reference, options };
        self.accept(asked, || self.draft(caller, session, &account, checked).boxed()).boxed().await
    }

    /// Takes in what is drafted for a request, unless the same was asked for before, and waits for WhatsApp's answer as long as is
    /// asked for.
    ///
    /// # Errors
    /// As [`send`](Self::send), and those of the draft.
    pub(in crate::message) async fn accept<F>(&self, asked: Asked<'_>, draft: impl FnOnce() -> F) -> Result<Accepted>
    where
        F: Future<Output = Result<Draft>> + Send,
    {
        let Asked { caller, session, account, fingerprint, client_reference, options } = asked;
        let key = options.idempotency_key.map(|key| rules::key("Idempotency-Key", key)).transpose()?;
        let owner = caller.grant().map_or("admin", |grant| grant.key.as_str());
        let idempotency_key = key.map(|key| format!("{owner}:{key}"));
        let mark = Mark { idempotency_key, client_reference, fingerprint };
        if let Some(row) = self.same_request(session, &mark).await? {
            self.wake(&row);
            return self.answer(row, options.wait).await;
        }
        let is_online = account.online().is_ok();
        if options.if_offline == IfOffline::Fail && !is_online {
            return Err(Error::new(ErrorKind::SessionNotConnected, "the session is not logged in"));
        }
        // Boxed: the compiler does not follow what is in it through all that is around it.
        let intent = self.intent(session, own(account)?, draft().boxed().await?, &mark)?;
        // Before it is submitted: one that fails in the journal makes all that is written with it be written singly.
        let place = self.queues.place(session, intent.messages()).await?;
        let is_at_once = intent.row.progress.status == MessageStatus::Queued;
        let written = match self.write_intent(intent).await {
            // Of two that came at once, the other was first.
            Err(error) if error.kind() == ErrorKind::IdempotencyKeyReused => {
                let row = self.same_request(session, &mark).await?.ok_or(error)?;
                self.wake(&row);
                return self.answer(row, options.wait).await;
            }
            written => written?,
        };
        drop(place);
        let wait = if is_online && is_at_once { options.wait } else { Duration::ZERO };
        self.outcome(written, wait).await
    }

    /// The message that was asked for with the same key, or is called the same.
    async fn same_request(&self, session: &SessionId, mark: &Mark) -> Result<Option<OutgoingRow>> {
        let by_key = match &mark.idempotency_key {
            Some(key) => outbox_store::by_idempotency_key(self.db.read(), session, key).await?,
            None => None,
        };
        let found = match (by_key, &mark.client_reference) {
            (Some(row), _) => Some((row, "Idempotency-Key")),
            (None, Some(reference)) => {
                let row = outbox_store::by_reference(self.db.read(), session, reference).await?;
                row.map(|row| (row, "client_reference"))
            }
            (None, None) => None,
        };
        match found {
            Some((row, _)) if row.fingerprint.as_ref() == Some(&mark.fingerprint) => Ok(Some(row)),
            Some((_, field)) => {
                Err(Error::about(ErrorKind::IdempotencyKeyReused, field, "was used for another message"))
            }
            None => Ok(None),
        }
    }

    /// What is to be written of a message: now it has its id.
    fn intent(&self, session: &SessionId, own: &Identity, draft: Draft, mark: &Mark) -> Result<Intent> {
        let Draft {
            recipient,
            is_checked,
            names,
            audience,
            message_type,
            quoted_id,
            content,
            upload,
            file,
            items,
            effect,
            send_at,
            expires_at,
        } = draft;
        let now = self.clock.now();
        let progress = Progress {
            status: if send_at.is_some() { MessageStatus::Scheduled } else { MessageStatus::Queued },
            sequence: self.outboxes.next_sequence(),
            recipient: recipient.clone(),
            is_checked,
            awaits_upload: upload.is_some(),
            attempts: 0,
            due_at: send_at.unwrap_or(now),
            expires_at,
            sent_at: None,
            code: None,
            upstream_code: None,
        };
        let message_id = new_id();
        let row = OutgoingRow {
            session_id: session.clone(),
            message_id: message_id.clone(),
            lane: lane(&names),
            progress,
            client_reference: mark.client_reference.clone(),
            idempotency_key: mark.idempotency_key.clone(),
            fingerprint: Some(mark.fingerprint.clone()),
            effect,
            created_at: now,
            updated_at: now,
        };
        let audience = (!audience.is_empty())
            .then(|| AudienceRow::new(session.clone(), message_id.clone(), recipient.clone(), audience, now));
        let key = MessageKey { session_id: session.clone(), chat: recipient, sender: own_jid(own), message_id };
        let indexed = IndexedMessage { key, is_from_me: true, message_type, quoted_id, content, sent_at: now };
        let items = self.album_intents(&row, &indexed, items)?;
        Ok(Intent { row, indexed, upload, file, audience, items })
    }

    /// Writes it, and lets it be sent.
    async fn write_intent(&self, intent: Intent) -> Result<Written> {
        let this = self.clone();
        self.lifecycle
            .complete(async move {
                let Intent { row, indexed, upload, file, audience, items } = &intent;
                let transitions = &this.outboxes.shared.transitions;
                let known = transitions.known(&row.session_id, &row.message_id);
                let mut slot = known.lock().await;
                // From before it is sent.
                let watched = transitions.watch(&row.session_id, &row.message_id, row.progress.status);
                let mut rows = vec![outbox_store::new_row(row)];
                rows.extend(audience.iter().flat_map(audience_store::new_rows));
                let shortcut = match (upload, file) {
                    (None, None) if items.is_empty() => Some(Shortcut { events: vec![event(row, indexed)?], rows }),
                    _ => None,
                };
                let of = Arc::new(intent.clone());
                let write: Write = Box::new(move |tx: &Work| {
                    let intent = Arc::clone(&of);
                    Box::pin(async move { insert(tx, &intent).await })
                });
                let entry = JournalEntry { write: Some(write), shortcut, ..JournalEntry::default() };
                let written = this.journal.write(entry).await;
                crash::point("message_accepted");
                *slot = written.is_ok().then(|| row.clone());
                drop(slot);
                match row.progress.status {
                    MessageStatus::Queued if written.is_ok() && upload.is_none() => {
                        let ready = Ready::new(transitions.known(&row.session_id, &row.message_id), row, indexed);
                        this.outboxes.hand_over(&row.session_id, &row.lane, ready);
                    }
                    // Also if the answer was lost: it may be there.
                    _ => {
                        if written.is_err() {
                            this.outboxes.doubt();
                        }
                        this.wake(row);
                    }
                }
                // They wait for their files one after the other: who looks at the first one finds them all.
                if let Some(first) = items.first() {
                    this.wake(&first.row);
                }
                written.map(|()| Written { intent, known, watched })
            })
            .await
    }

    /// Lets somebody look at a message that is to be sent.
    pub(in crate::message) fn wake(&self, row: &OutgoingRow) {
        match row.progress.status {
            MessageStatus::Scheduled => self.outboxes.scheduled.notify_one(),
            status if is_open(status) && row.progress.awaits_upload => self.uploads.start(&row.session_id),
            status if is_open(status) => self.outboxes.start(&row.session_id, Some(&row.lane)),
            _ => {}
        }
    }
}

/// Writes it within the transaction, unless it was written before or too much waits already.
async fn insert(tx: &Work, intent: &Intent) -> Result<Vec<NewEvent>> {
    let row = &intent.row;
    // Run once more after the answer of its commit was lost: nobody else has its id.
    if outbox_store::find(tx, &row.session_id, &row.message_id).await?.is_some() {
        return Ok(Vec::new());
    }
    has_room(outbox_store::open_count(tx, &row.session_id).await?, intent.messages())?;
    outbox_store::insert(tx, row.clone()).await?;
    if let Some(upload) = &intent.upload {
        upload_store::insert(tx, &row.session_id, &row.message_id, upload, None, row.created_at).await?;
    }
    if let Some(UploadedFile { file, is_verified }) = &intent.file {
        file_store::put(tx, &intent.indexed.key, file, *is_verified, row.created_at).await?;
    }
    if let Some(audience) = &intent.audience {
        audience_store::put(tx, audience.clone()).await?;
    }
    let mut events = vec![event(row, &intent.indexed)?];
    let mut after = None;
    for ItemIntent { row, indexed, upload } in &intent.items {
        outbox_store::insert(tx, row.clone()).await?;
        upload_store::insert(tx, &row.session_id, &row.message_id, upload, after, row.created_at).await?;
        events.push(event(row, indexed)?);
        after = Some(row.message_id.as_str());
    }
    Ok(events)
}

impl Intent {
    /// How many messages it is.
    fn messages(&self) -> u64 {
        u64::try_from(self.items.len()).unwrap_or(u64::MAX).saturating_add(1)
    }
}

/// The event that says that it waits, with the message itself beside it.
fn event(row: &OutgoingRow, indexed: &IndexedMessage) -> Result<NewEvent> {
    let event = status_event(row, None, row.created_at)?;
    Ok(NewEvent { indexed: Some(indexed.clone()), ..event })
}

/// Who the account is.
///
/// # Errors
/// `SessionNotConnected`: no phone has linked it yet.
pub(in crate::message) fn own(account: &Account) -> Result<&Identity> {
    account.identity.as_ref().ok_or_else(|| {
        Error::new(ErrorKind::SessionNotConnected, "no phone has linked this session yet, so nobody would send it")
    })
}
