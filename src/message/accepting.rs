//! Takes a message in: checks it, chooses its id and its bytes, and writes it down with the client's key for the request, all in one
//! transaction. The same request again finds the same message.

use std::sync::Arc;
use std::time::Duration;

use entity::ids::SessionId;
use entity::words::access::Scope;
use entity::words::message::MessageType;
use entity::words::outgoing::{FailureCode, MessageStatus};

use crate::account::Identity;
use crate::caller::Caller;
use crate::crash;
use crate::db::write::Work;
use crate::error::{Error, ErrorKind, Result};
use crate::event::entry::{JournalEntry, NewEvent, Write};
use crate::event::index::{IndexedMessage, MessageKey, StoredMessage};
use crate::event::index_store;
use crate::message::outbox_store::{self, OutgoingRow};
use crate::message::recipients::Found;
use crate::message::rules::{Checked, Person};
use crate::message::transition::{Progress, is_sent};
use crate::message::transitions::status_event;
use crate::message::types::{Accepted, IfOffline, Message, NewMessage, SendOptions};
use crate::message::{Messages, rules};
use crate::session::client::Account;
use crate::whatsapp::compose::{self, Quote, Text};

/// Bytes of chance in the id of a message.
const ID_BYTES: usize = 9;
/// Longest wait for WhatsApp to say whether a number is on WhatsApp, before a message is taken in all the same.
const LOOKUP_LIMIT: Duration = Duration::from_secs(5);

/// Messages of a session that wait to be sent, at most.
const QUEUE: u64 = 10_000;

/// What is written of a message that is taken in.
#[derive(Clone)]
struct Intent {
    row: OutgoingRow,
    indexed: IndexedMessage,
}

impl Messages {
    /// Takes a message in, and waits for WhatsApp's answer as long as is asked for. The same request, by its key or its reference, is
    /// the same message.
    ///
    /// # Errors
    /// `SessionNotFound`, `SessionNotConnected`, `Invalid`, `InvalidRecipient`, `MessageNotFound`, `RecipientNotOnWhatsapp`,
    /// `QueueFull`, `IdempotencyKeyReused`, `Unavailable`; and, when WhatsApp refused it meanwhile, what that means.
    #[tracing::instrument(level = "debug", name = "send_message", skip_all, fields(session.id = %session))]
    pub async fn send(
        &self,
        caller: &Caller,
        session: &SessionId,
        new: NewMessage,
        options: SendOptions,
    ) -> Result<Accepted> {
        let account = self.sessions.account(caller, Scope::MessagesSend, session)?;
        let now = self.clock.now();
        let key = options.idempotency_key.map(|key| rules::key("Idempotency-Key", key)).transpose()?;
        let key = key.map(|key| format!("{}:{key}", caller.grant().map_or("admin", |grant| grant.key.as_str())));
        let checked = rules::message(new, now)?;
        if let Some(row) = self.same_request(session, key.as_deref(), &checked).await? {
            return self.answer(row, true, options.wait).await;
        }
        let is_online = account.client.borrow().is_some();
        if options.if_offline == IfOffline::Fail && !is_online {
            return Err(Error::new(ErrorKind::SessionNotConnected, "the session is not logged in"));
        }
        let intent = self.intent(session, &account, checked.clone(), key.clone()).await?;
        let row = match self.write_intent(intent).await {
            // Of two that came at once, the other was first.
            Err(error) if error.kind() == ErrorKind::IdempotencyKeyReused => {
                let row = self.same_request(session, key.as_deref(), &checked).await?.ok_or(error)?;
                return self.answer(row, true, options.wait).await;
            }
            written => written?,
        };
        let wait = if is_online && checked.send_at.is_none() { options.wait } else { Duration::ZERO };
        self.answer(row, false, wait).await
    }

    /// The message that was asked for with the same key, or is called the same.
    async fn same_request(
        &self,
        session: &SessionId,
        key: Option<&str>,
        checked: &Checked,
    ) -> Result<Option<OutgoingRow>> {
        let by_key = match key {
            Some(key) => outbox_store::by_idempotency_key(self.db.read(), session, key).await?,
            None => None,
        };
        let found = match (by_key, &checked.client_reference) {
            (Some(row), _) => Some((row, "Idempotency-Key")),
            (None, Some(reference)) => {
                let row = outbox_store::by_reference(self.db.read(), session, reference).await?;
                row.map(|row| (row, "client_reference"))
            }
            (None, None) => None,
        };
        match found {
            Some((row, _)) if row.fingerprint.as_ref() == Some(&checked.fingerprint) => Ok(Some(row)),
            Some((_, field)) => {
                Err(Error::about(ErrorKind::IdempotencyKeyReused, field, "was used for another message"))
            }
            None => Ok(None),
        }
    }

    /// What is to be written of a message.
    async fn intent(
        &self,
        session: &SessionId,
        account: &Account,
        checked: Checked,
        idempotency_key: Option<String>,
    ) -> Result<Intent> {
        let own = account.identity.as_ref().ok_or_else(|| {
            Error::new(ErrorKind::SessionNotConnected, "no phone has linked this session yet, so nobody would send it")
        })?;
        let Checked { to, text, preview, reply_to, mentions, send_at, expires_at, client_reference, fingerprint } =
            checked;
        if to.is(own) {
            return Err(Error::about(
                ErrorKind::InvalidRecipient,
                "to",
                "must be somebody else than the account itself",
            ));
        }
        let found = self.recipient(session, account, &to).await?;
        let recipient = found.clone().unwrap_or_else(|| to.jid());
        let names = self.outboxes.shared.recipients.names(session, &recipient).await?;
        let quote = match reply_to {
            Some(id) => Some(self.quoted(session, &id, &names).await?),
            None => None,
        };
        for mention in &mentions {
            let is_there = mention.is(own) || names.contains(&mention.jid());
            if !is_there {
                return Err(Error::invalid("mentions", "must only have people who are in the chat"));
            }
        }
        let (now, sender) = (self.clock.now(), own_jid(own));
        let mentions = mentions.iter().map(Person::jid).collect();
        let quoted_id = quote.as_ref().map(|quote| quote.message_id.clone());
        let content = compose::text(&Text { text, preview, quote, mentions, secret: rand::random() });
        let progress = Progress {
            status: if send_at.is_some() { MessageStatus::Scheduled } else { MessageStatus::Queued },
            sequence: self.outboxes.next_sequence(),
            recipient: recipient.clone(),
            is_checked: found.is_some(),
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
            client_reference,
            idempotency_key,
            fingerprint: Some(fingerprint),
            created_at: now,
            updated_at: now,
        };
        let key = MessageKey { session_id: session.clone(), chat: recipient, sender, message_id };
        let indexed =
            IndexedMessage { key, is_from_me: true, message_type: MessageType::Text, quoted_id, content, sent_at: now };
        Ok(Intent { row, indexed })
    }

    /// Where somebody is reached. None if that is to be looked up later.
    async fn recipient(&self, session: &SessionId, account: &Account, to: &Person) -> Result<Option<String>> {
        let jid = to.jid();
        let found = match self.outboxes.shared.recipients.known(session, &jid).await? {
            Some(found) => Some(found),
            None => {
                let client = account.client.borrow().clone();
                let Some(client) = client else { return Ok(None) };
                let asked =
                    tokio::time::timeout(LOOKUP_LIMIT, self.outboxes.shared.recipients.find(session, &client, &jid));
                // A question without an answer is asked again before the message is sent.
                asked.await.ok().and_then(Result::ok)
            }
        };
        match found {
            Some(Found::At(jid)) => Ok(Some(jid)),
            Some(Found::Nobody) => {
                Err(Error::about(ErrorKind::RecipientNotOnWhatsapp, "to", "must be a number that is on WhatsApp"))
            }
            None => Ok(None),
        }
    }

    /// A message that is answered, which must be in the chat with one of these names.
    async fn quoted(&self, session: &SessionId, message_id: &str, names: &[String]) -> Result<Quote> {
        let found = index_store::with_id(self.db.read(), session, message_id).await?;
        let in_chat = |stored: &StoredMessage| names.contains(&stored.message.key.chat);
        let stored = found.into_iter().find(in_chat).ok_or_else(|| {
            Error::about(ErrorKind::MessageNotFound, "reply_to", "must be the id of a message in the same chat")
        })?;
        let IndexedMessage { key, content, .. } = stored.message;
        Ok(Quote { message_id: key.message_id, sender: without_device(&key.sender), content })
    }

    /// Writes it, unless too much waits already, and lets it be sent.
    async fn write_intent(&self, intent: Intent) -> Result<OutgoingRow> {
        let this = self.clone();
        self.lifecycle
            .complete(async move {
                let row = intent.row.clone();
                let intent = Arc::new(intent);
                let write: Write = Box::new(move |tx: &Work| {
                    let intent = Arc::clone(&intent);
                    Box::pin(async move { insert(tx, &intent).await })
                });
                let entry = JournalEntry { write: Some(write), ..JournalEntry::default() };
                this.journal.write(entry).await?;
                crash::point("message_accepted");
                match row.progress.status {
                    MessageStatus::Scheduled => this.outboxes.scheduled.notify_one(),
                    _ => this.outboxes.start(&row.session_id, Some(&row.lane)),
                }
                Ok(row)
            })
            .await
    }

    /// The message as it is once it is known what became of it, or the wait is over.
    async fn answer(&self, row: OutgoingRow, is_replayed: bool, wait: Duration) -> Result<Accepted> {
        let (session, id) = (&row.session_id, &row.message_id);
        if !wait.is_zero() {
            let mut watched = self.outboxes.shared.transitions.watch(session, id, row.progress.status);
            // What happened before it was watched is in the table.
            let known = outbox_store::find(self.db.read(), session, id).await?;
            let is_known = known.is_some_and(|row| is_answer(row.progress.status));
            if !is_known {
                let answered = watched.status.wait_for(|status| is_answer(*status));
                let _ = tokio::time::timeout(wait, answered).await; // Without an answer it is shown as it is.
            }
        }
        let message = self.message(session, id).await?;
        match refusal(&message) {
            Some(error) if !is_replayed => Err(error),
            _ => Ok(Accepted { message, is_replayed }),
        }
    }
}

impl Accepted {
    /// Whether WhatsApp has it.
    pub fn is_sent(&self) -> bool {
        self.message.status.is_some_and(is_sent)
    }
}

async fn insert(tx: &Work, intent: &Intent) -> Result<Vec<NewEvent>> {
    let row = &intent.row;
    if outbox_store::open_count(tx, &row.session_id).await? >= QUEUE {
        let detail = format!("{QUEUE} messages of this session wait to be sent already");
        return Err(Error::new(ErrorKind::QueueFull, detail));
    }
    outbox_store::insert(tx, row.clone()).await?;
    let event = status_event(row, None, row.created_at)?;
    Ok(vec![NewEvent { indexed: Some(intent.indexed.clone()), ..event }])
}

/// Whether what is known of a message is an answer to who waits for one.
const fn is_answer(status: MessageStatus) -> bool {
    !matches!(status, MessageStatus::Scheduled | MessageStatus::Queued | MessageStatus::Sending)
}

/// What it means that WhatsApp refused a message, for who waits for it.
fn refusal(message: &Message) -> Option<Error> {
    let failed = message.failed.as_ref()?;
    let (kind, detail) = match failed.code {
        FailureCode::Unconfirmed => return None,
        FailureCode::RecipientNotOnWhatsapp => (ErrorKind::RecipientNotOnWhatsapp, "the number is not on WhatsApp"),
        FailureCode::RecipientNotFound => (ErrorKind::RecipientNotFound, "WhatsApp knows no such recipient"),
        FailureCode::RecipientUnreachable => {
            (ErrorKind::RecipientUnreachable, "the message could be encrypted for no device of the recipient")
        }
        FailureCode::AccountChanged => (ErrorKind::SessionNotConnected, "another account is linked to the session now"),
        FailureCode::AccountRestricted => {
            (ErrorKind::AccountRestricted, "WhatsApp allows this account no new chats for now")
        }
        FailureCode::NewChatLimit => {
            (ErrorKind::NewChatLimit, "this account has begun as many chats as WhatsApp allows in this time")
        }
        FailureCode::InvalidMessage => (ErrorKind::InvalidMessage, "WhatsApp took the message for malformed"),
        FailureCode::NotAllowed => (ErrorKind::NotAllowed, "WhatsApp does not allow the account this message"),
        FailureCode::Rejected => (ErrorKind::Rejected, "WhatsApp refused the message"),
    };
    let code = failed.upstream_code.map(|code| format!(" (code {code})")).unwrap_or_default();
    Some(Error::new(kind, format!("{detail}{code}; the message is {}", message.id)))
}

/// The lane of a person with these names: by number if that is known.
fn lane(names: &[String]) -> String {
    let number = names.iter().find(|name| name.ends_with("@s.whatsapp.net"));
    number.or(names.first()).cloned().unwrap_or_default()
}

fn own_jid(own: &Identity) -> String {
    format!("{}@s.whatsapp.net", own.phone_number.digits())
}

/// `15550100077:3@s.whatsapp.net` without the device.
fn without_device(jid: &str) -> String {
    match jid.split_once('@') {
        Some((user, server)) => format!("{}@{server}", user.split(':').next().unwrap_or(user)),
        None => jid.to_owned(),
    }
}

/// A new id, as WhatsApp's own clients make them: nobody else has it.
fn new_id() -> String {
    let bytes: [u8; ID_BYTES] = rand::random();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    format!("3EB0{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_a_client_and_each_is_new() {
        let ids: std::collections::HashSet<_> = (0..1_000).map(|_| new_id()).collect();
        assert_eq!(ids.len(), 1_000);
        assert!(ids.iter().all(|id| id.len() == 22 && id.starts_with("3EB0")));
    }

    #[test]
    fn a_person_has_one_lane_by_either_name() {
        let (number, lid) = ("15550100077@s.whatsapp.net".to_owned(), "100000000000077@lid".to_owned());
        assert_eq!(lane(&[number.clone(), lid.clone()]), number);
        assert_eq!(lane(&[lid.clone(), number.clone()]), number);
        assert_eq!(lane(std::slice::from_ref(&lid)), lid);
        assert_eq!(without_device("15550100077:3@s.whatsapp.net"), number);
    }
}
