//! The states that a session came into, as the journal has them: newest first, as far back as it goes.

use entity::ids::SessionId;
use entity::words::access::Scope;
use tracing::error;

use crate::caller::Caller;
use crate::error::{Error, ErrorKind, Result};
use crate::event::body::session::SessionStatusEvent;
use crate::event::record::EventRow;
use crate::event::store;
use crate::event::types::Cursor;
use crate::page::PAGE_MAX;
use crate::session::Sessions;
use crate::session::types::{Timeline, Transition};

impl Sessions {
    /// The states that a session came into, newest first, from a cursor on; 100 when no size is asked for.
    ///
    /// # Errors
    /// `SessionNotFound`, `PageSizeLimit`, `Unavailable`; `Invalid` for a bad cursor.
    pub async fn timeline(
        &self,
        caller: &Caller,
        id: &SessionId,
        limit: Option<u32>,
        after: Option<String>,
    ) -> Result<Timeline> {
        let created_at = self.reach(caller, Scope::SessionsRead, id)?.look(|snapshot| snapshot.session.created_at);
        let limit = limit.unwrap_or(PAGE_MAX);
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(Error::about(ErrorKind::PageSizeLimit, "limit", format!("must be from 1 to {PAGE_MAX}")));
        }
        let after = after.map(|text| Cursor::parse("after", &text)).transpose()?;
        // What is behind the head a power cut could still take away.
        let end = self.deps.journal.recent().head().borrow().saturating_add(1);
        let before = after.map_or(end, |after| after.position().min(end));
        // One more than there is room for tells whether there are more.
        // The end of an earlier session with this id may be dropped before its states are, which a delivery can still need.
        let after = Cursor::before(created_at).position();
        let mut found = store::transitions(self.deps.db.read(), id, after..before, u64::from(limit) + 1).await?;
        let has_next = found.len() > limit as usize;
        found.truncate(limit as usize);
        let next_cursor = found.last().filter(|_| has_next).map(cursor_of);
        let entries = found.iter().filter_map(|record| Some((transition(record)?, cursor_of(record)))).collect();
        Ok(Timeline { entries, next_cursor })
    }
}

fn cursor_of(record: &EventRow) -> String {
    Cursor::behind(record.position).to_string()
}

/// What the event says. None if it cannot be read: one row must not hide all others.
fn transition(record: &EventRow) -> Option<Transition> {
    match serde_json::from_str(&record.body) {
        Ok(SessionStatusEvent { status, is_logged_in: _, reason, since: _, desired, next_retry_at, banned_until }) => {
            Some(Transition { at: record.created_at, status, reason, desired, next_retry_at, banned_until })
        }
        Err(failure) => {
            let (session, event) = (&record.session_id, &record.id);
            error!(session.id = %session, event.id = %event, column = failure.column(),
                "event {event} cannot be read and is left out of the timeline");
            None
        }
    }
}
