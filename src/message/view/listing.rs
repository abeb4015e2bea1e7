//! What came and went, as it is shown: newest first, in pages.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::access::Scope;
use entity::words::outgoing::{Direction, MessageStatus};

use crate::caller::Caller;
use crate::error::{Error, ErrorKind, Result};
use crate::event::index::StoredMessage;
use crate::event::index_store::{self, MessageRange, StatusPlace};
use crate::message::Messages;
use crate::message::lookup::person::Person;
use crate::message::shown::shown;
use crate::message::store::outbox_store;
use crate::message::types::{MessageFilter, MessagePage, MessageSlice, MessageWithCursor};
use crate::page::{BYTES_MAX, PAGE_MAX, Slice};

/// What a message takes in JSON beside its text, bytes, at most.
const FIXED_BYTES: usize = 2_048;
/// How a cursor of this list begins.
const CURSOR: &str = "m:";
/// The same of the messages of all chats that have one status: these are found in another order, which differs where two were asked
/// for in the same moment.
const STATUS_CURSOR: &str = "s:";

impl Messages {
    /// The messages of a session that match, newest first, from a cursor on; 100 when no size is asked for.
    ///
    /// # Errors
    /// As [`slice`](Self::slice).
    pub async fn list(
        &self,
        caller: &Caller,
        session: &SessionId,
        filter: MessageFilter,
        limit: Option<u32>,
        after: Option<String>,
    ) -> Result<MessagePage> {
        let MessageSlice { items, has_next } =
            self.slice(caller, session, filter, ("limit", limit.unwrap_or(PAGE_MAX)), after).await?;
        let next_cursor = items.last().filter(|_| has_next).map(|item| item.cursor.clone());
        Ok(MessagePage { messages: items.into_iter().map(|item| item.message).collect(), next_cursor })
    }

    /// The messages of a session that match, newest first, each with its place. `limit` is what the size is called, and the size.
    ///
    /// # Errors
    /// `SessionNotFound`, `PageSizeLimit`, `Unavailable`; `Invalid` for a bad cursor, `InvalidRecipient` for a bad chat.
    pub async fn slice(
        &self,
        caller: &Caller,
        session: &SessionId,
        filter: MessageFilter,
        (field, limit): (&str, u32),
        after: Option<String>,
    ) -> Result<MessageSlice> {
        self.sessions.account(caller, Scope::MessagesRead, session)?;
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(Error::about(ErrorKind::PageSizeLimit, field, format!("must be from 1 to {PAGE_MAX}")));
        }
        let MessageFilter { chat, status, direction } = filter;
        let chats = match chat {
            Some(chat) => self.chat_names(session, "chat", &chat).await?,
            None => Vec::new(),
        };
        let is_from_me = direction.map(|direction| direction == Direction::Outgoing);
        // What is behind the head a power cut could still take away.
        let end = self.journal.recent().head().borrow().saturating_add(1);
        let range = MessageRange { chats, is_from_me, status, before: end };
        let is_by_status = only_status(&range).is_some();
        let mut found = self.found(session, range, after, u64::from(limit) + 1).await?;
        let has_next = found.len() > limit as usize;
        found.truncate(limit as usize);
        let ids: Vec<_> = found.iter().map(|stored| stored.message.key.message_id.clone()).collect();
        let rows = outbox_store::find_all(self.db.read(), session, &ids).await?;
        let mut rows: HashMap<_, _> = rows.into_iter().map(|row| (row.message_id.clone(), row)).collect();
        let changes = self.changes(session, &ids).await?;
        let items = found.into_iter().map(|stored| {
            let cursor = cursor(&stored, is_by_status);
            let row = rows.remove(&stored.message.key.message_id).filter(|_| stored.message.is_from_me);
            MessageWithCursor { message: changes.applied(shown(stored, row)), cursor }
        });
        let slice = Slice { items: items.collect(), has_previous: false, has_next };
        let size = |item: &MessageWithCursor| FIXED_BYTES + item.message.text.as_ref().map_or(0, |text| text.len() * 2);
        let Slice { items, has_previous: _, has_next } = slice.within(BYTES_MAX, false, size);
        Ok(MessageSlice { items, has_next })
    }

    /// What is in this range and behind a cursor.
    async fn found(
        &self,
        session: &SessionId,
        range: MessageRange,
        after: Option<String>,
        limit: u64,
    ) -> Result<Vec<StoredMessage>> {
        if let Some(status) = only_status(&range) {
            let after = after.map(|cursor| status_place("after", &cursor)).transpose()?;
            return index_store::page_of_status(self.db.read(), session, status, after.as_ref(), limit).await;
        }
        let after = after.map(|cursor| position("after", &cursor)).transpose()?;
        let before = after.map_or(range.before, |place| place.min(range.before));
        index_store::page(self.db.read(), session, &MessageRange { before, ..range }, limit).await
    }

    /// The names of a chat: a person has up to two.
    pub(in crate::message) async fn chat_names(
        &self,
        session: &SessionId,
        field: &str,
        chat: &str,
    ) -> Result<Vec<String>> {
        match chat.rsplit_once('@') {
            Some((_, "g.us" | "newsletter" | "broadcast")) => Ok(vec![chat.to_owned()]),
            _ => self.outboxes.shared.recipients.names(session, &Person::parse(field, chat)?.jid()).await,
        }
    }
}

/// The status that all messages in a range have, if it is all that is asked about them.
fn only_status(range: &MessageRange) -> Option<MessageStatus> {
    range.status.filter(|_| range.chats.is_empty() && range.is_from_me != Some(false))
}

fn cursor(stored: &StoredMessage, is_by_status: bool) -> String {
    let StoredMessage { message, position, created_at } = stored;
    URL_SAFE_NO_PAD.encode(match is_by_status {
        true => format!("{STATUS_CURSOR}{}:{}", created_at.millis(), message.key.message_id),
        false => format!("{CURSOR}{position}"),
    })
}

fn position(field: &str, cursor: &str) -> Result<i64> {
    let place = behind(CURSOR, cursor).and_then(|text| text.parse().ok()).filter(|position| *position >= 0);
    place.ok_or_else(|| Error::invalid(field, "must be a cursor that such a list of messages gave"))
}

fn status_place(field: &str, cursor: &str) -> Result<StatusPlace> {
    let read = || {
        let text = behind(STATUS_CURSOR, cursor)?;
        let (millis, message_id) = text.split_once(':')?;
        let created_at = Timestamp::from_millis(millis.parse().ok()?);
        Some(StatusPlace { created_at, message_id: message_id.to_owned() })
    };
    read().ok_or_else(|| Error::invalid(field, "must be a cursor that such a list of messages gave"))
}

/// What a cursor says that begins so.
fn behind(beginning: &str, cursor: &str) -> Option<String> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    text.strip_prefix(beginning).map(str::to_owned)
}
