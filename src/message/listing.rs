//! What came and went, as it is shown: newest first, in pages.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::ids::SessionId;
use entity::words::access::Scope;
use entity::words::outgoing::Direction;

use crate::caller::Caller;
use crate::error::{Error, ErrorKind, Result};
use crate::event::index_store::{self, MessageRange};
use crate::message::Messages;
use crate::message::outbox_store;
use crate::message::rules::Person;
use crate::message::shown::shown;
use crate::message::types::{MessageFilter, MessagePage, MessageSlice, MessageWithCursor};
use crate::page::{BYTES_MAX, PAGE_MAX, Slice};

/// What a message takes in JSON beside its text, bytes, at most.
const FIXED_BYTES: usize = 2_048;
/// How a cursor of this list begins.
const CURSOR: &str = "m:";

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
        let before = after.map(|cursor| position("after", &cursor)).transpose()?.map_or(end, |place| place.min(end));
        let range = MessageRange { chats, is_from_me, status, before };
        let mut found = index_store::page(self.db.read(), session, &range, u64::from(limit) + 1).await?;
        let has_next = found.len() > limit as usize;
        found.truncate(limit as usize);
        let ids: Vec<_> = found.iter().map(|stored| stored.message.key.message_id.clone()).collect();
        let rows = outbox_store::find_all(self.db.read(), session, &ids).await?;
        let mut rows: HashMap<_, _> = rows.into_iter().map(|row| (row.message_id.clone(), row)).collect();
        let items = found.into_iter().map(|stored| {
            let cursor = URL_SAFE_NO_PAD.encode(format!("{CURSOR}{}", stored.position));
            let row = rows.remove(&stored.message.key.message_id).filter(|_| stored.message.is_from_me);
            MessageWithCursor { message: shown(stored, row), cursor }
        });
        let slice = Slice { items: items.collect(), has_previous: false, has_next };
        let size = |item: &MessageWithCursor| FIXED_BYTES + item.message.text.as_ref().map_or(0, |text| text.len() * 2);
        let Slice { items, has_previous: _, has_next } = slice.within(BYTES_MAX, false, size);
        Ok(MessageSlice { items, has_next })
    }

    /// The names of a chat: a person has up to two.
    pub(super) async fn chat_names(&self, session: &SessionId, field: &str, chat: &str) -> Result<Vec<String>> {
        match chat.rsplit_once('@') {
            Some((_, "g.us" | "newsletter" | "broadcast")) => Ok(vec![chat.to_owned()]),
            _ => self.outboxes.shared.recipients.names(session, &Person::parse(field, chat)?.jid()).await,
        }
    }
}

fn position(field: &str, cursor: &str) -> Result<i64> {
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        text.strip_prefix(CURSOR)?.parse::<i64>().ok().filter(|position| *position >= 0)
    };
    read().ok_or_else(|| Error::invalid(field, "must be a cursor that a list of messages gave"))
}
