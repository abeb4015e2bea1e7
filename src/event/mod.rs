//! What happens on the sessions: the journal that it is written to, and the ways to read it.
//!
//! Four numbers say what came before what. A stanza's *number* is its place among those that came in on one connection
//! (`whatsapp::order`). An *entry number* is an entry's place among those that were submitted to the journal. An event's *position* is its place
//! in the journal, among the events of all sessions. Its *sequence* counts the events of its session, without gaps.

pub mod types;

pub mod body;
pub mod deleted_store;
pub mod demand;
pub mod entry;
pub mod file;
mod flusher;
pub mod index;
pub mod index_store;
pub mod journal;
pub mod recent;
pub mod record;
pub mod retention;
pub mod store;
pub mod timer;
pub mod timer_store;
pub mod vote;
pub mod vote_store;

pub mod file_store;
mod reader;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use entity::words::access::Scope;
use entity::words::event::EventType;
use futures::stream::{self, BoxStream, Stream, StreamExt};
use tracing::instrument;

use crate::caller::Caller;
use crate::clock::Clock;
use crate::db::Db;
use crate::error::{Error, ErrorKind, Result};
use crate::event::journal::Journal;
use crate::event::reader::{EventRows, Reader};
use crate::event::record::{EventRow, Selection, Span};
use crate::event::types::{Cursor, EventFilter, EventPage, EventSlice, EventWithCursor, PageSize, is_code};
use crate::lifecycle::Lifecycle;

/// Events that a follower is handed at once.
const FOLLOW_BATCH: usize = 100;

/// The events of this server: what every door calls.
#[derive(Clone, Debug)]
pub struct Events {
    db: Db,
    journal: Journal,
    reader: Reader,
    clock: Clock,
    lifecycle: Lifecycle,
}

impl Events {
    /// The events that this journal keeps.
    pub fn new(db: Db, journal: Journal, clock: Clock, lifecycle: Lifecycle) -> Self {
        let reader = Reader::new(db.clone());
        Self { db, journal, reader, clock, lifecycle }
    }

    /// The events that match, behind a cursor, oldest first. Keys that may not pair get none with codes.
    ///
    /// # Errors
    /// `CursorExpired` when events behind the cursor are not kept any more.
    pub async fn list(
        &self,
        caller: &Caller,
        filter: EventFilter,
        after: Option<Cursor>,
        size: PageSize,
    ) -> Result<EventPage> {
        let EventSlice { events, next, has_next: _ } = self.page(caller, filter, after, size).await?;
        let events = events.into_iter().map(|item| item.event).collect();
        Ok(EventPage { events, next_cursor: next.to_string() })
    }

    /// [`list`](Self::list), of one session.
    ///
    /// # Errors
    /// `SessionNotFound`, and as there.
    pub async fn list_of_session(
        &self,
        caller: &Caller,
        filter: EventFilter,
        after: Option<Cursor>,
        size: PageSize,
    ) -> Result<EventPage> {
        caller.require(Scope::MessagesRead)?;
        for id in &filter.sessions {
            if !caller.reaches(id) || !store::has_session(self.db.read(), id).await? {
                return Err(Error::new(ErrorKind::SessionNotFound, "no session has this id"));
            }
        }
        self.list(caller, filter, after, size).await
    }

    /// The events that match, behind a cursor, oldest first, each with its own.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    #[instrument(level = "debug", name = "list_events", skip_all)]
    pub async fn page(
        &self,
        caller: &Caller,
        filter: EventFilter,
        after: Option<Cursor>,
        size: PageSize,
    ) -> Result<EventSlice> {
        let selection = selection(caller, filter)?;
        let from = match after {
            Some(after) => after,
            None => Cursor::oldest(self.reader.dropped().await?),
        };
        // Before the search: all up to here has been seen when it finds no more. A cursor that stayed at the last event that
        // matches would expire with it, however often it is asked with.
        let newest = *self.journal.recent().head().borrow();
        let mut cursor = from;
        loop {
            let EventRows { rows, has_next } = self.reader.read(&selection, cursor, newest, size.events()).await?;
            let last = rows.last().map_or(cursor.position(), |last| last.position);
            let next = from.at(if has_next { last } else { last.max(newest) });
            let events: Vec<_> = rows.iter().filter_map(|row| self.reader.with_cursor(row, from)).collect();
            // An empty page is the end. Where none of it can be read, it goes on.
            if !events.is_empty() || !has_next {
                return Ok(EventSlice { events, next, has_next });
            }
            cursor = next;
        }
    }

    /// The events that match as they are written, from a cursor on, or from now on: none is left out, none comes twice.
    /// Ends when the key does, or the server stops; with `CursorExpired` when events are dropped before they are taken.
    ///
    /// # Errors
    /// `CursorExpired` when events behind the cursor are not kept any more.
    #[instrument(level = "debug", name = "follow_events", skip_all)]
    pub async fn follow(
        &self,
        caller: &Caller,
        filter: EventFilter,
        after: Option<Cursor>,
    ) -> Result<BoxStream<'static, Result<EventWithCursor>>> {
        let selection = selection(caller, filter)?;
        let from = match after {
            Some(after) => self.reader.require_kept(after).await?,
            None => Cursor::behind(*self.journal.recent().head().borrow()),
        };
        let demand = self.journal.demand().follow(&selection);
        let ended = caller.clone().ended(self.clock.clone());
        let stopping = self.lifecycle.doors().clone().cancelled_owned();
        let events = follow(self.reader.clone(), self.journal.clone(), selection, from);
        let reader = self.reader.clone();
        let events = events.filter_map(move |row| {
            let _ = &demand; // Held as long as somebody follows.
            std::future::ready(row.map(|row| reader.with_cursor(&row, from)).transpose())
        });
        Ok(events.take_until(ended).take_until(stopping).boxed())
    }
}

/// What of the journal this caller may read of what it asks for.
fn selection(caller: &Caller, filter: EventFilter) -> Result<Selection> {
    caller.require(Scope::MessagesRead)?;
    let EventFilter { sessions, types } = filter;
    let asked = (!sessions.is_empty()).then_some(sessions);
    let sessions = match (caller.sessions(), asked) {
        (None, asked) => asked,
        (Some(own), None) => Some(own.iter().cloned().collect()),
        (Some(own), Some(asked)) => Some(asked.into_iter().filter(|id| own.contains(id)).collect()),
    };
    let types = match types.is_empty() || types.contains(&EventType::All) {
        false => Some(types),
        true if caller.allows(Scope::SessionsPair) => None,
        true => Some(EventType::ALL.to_vec()),
    };
    let types = types.map(|types| {
        let may_see = |event: &EventType| caller.allows(Scope::SessionsPair) || !is_code(*event);
        types.into_iter().filter(may_see).collect()
    });
    Ok(Selection { sessions, types, span: Span::default() })
}

/// The selected events behind a cursor, for ever. What is recent comes from memory, what is not from the table.
fn follow(
    reader: Reader,
    journal: Journal,
    selection: Selection,
    from: Cursor,
) -> impl Stream<Item = Result<Arc<EventRow>>> + Send + 'static {
    let state = (reader, journal, selection, from);
    let batches = stream::try_unfold(state, |(reader, journal, selection, from)| async move {
        let mut head = journal.recent().head();
        let newest = *head.borrow_and_update();
        let (events, after) = match journal.recent().since(from.position(), FOLLOW_BATCH) {
            Some(recent) if recent.is_empty() => {
                // The journal lives as long as the server.
                let _ = head.changed().await;
                (Vec::new(), from.position())
            }
            Some(recent) => {
                let last = recent.last().map_or(from.position(), |last| last.position);
                (recent.into_iter().filter(|event| selection.has(event)).collect(), last)
            }
            None => {
                let EventRows { rows, has_next } = reader.read(&selection, from, newest, FOLLOW_BATCH).await?;
                let last = rows.last().map_or(from.position(), |last| last.position);
                // All that was there when the search began has been seen.
                (rows.into_iter().map(Arc::new).collect(), if has_next { last } else { last.max(newest) })
            }
        };
        let events = stream::iter(events.into_iter().map(Ok));
        Ok::<_, Error>(Some((events, (reader, journal, selection, from.at(after)))))
    });
    futures::stream::TryStreamExt::try_flatten(batches)
}
