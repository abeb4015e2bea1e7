//! Reads the journal for clients. It never passes over dropped events in silence. An event that cannot be read is left out: one
//! bad row must not stop everybody who reads past it.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;
use tracing::error;

use crate::db::Db;
use crate::error::{Error, ErrorKind, Result, chain};
use crate::event::record::{EventRow, Selection};
use crate::event::store;
use crate::event::types::{Cursor, Event, EventWithCursor};

/// What the bodies of a part may take together, bytes. One alone may take more.
// They are all in memory at once, and a page may have a thousand events of any size.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// Rows that are asked for at once: what is read beyond the bytes is thrown away, and the usual page is one question.
const ROWS: usize = 128;
/// Unreadable events that are logged, at most. Whoever has not acted by then will not act on more.
const REPORTED_MAX: usize = 1_000;

/// Reads what is kept, and turns it into what is shown. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    db: Db,
    /// Positions of the unreadable events that were logged.
    reported: Arc<Mutex<HashSet<i64>>>,
}

/// A part of what is kept, oldest first.
pub(super) struct EventRows {
    /// The events.
    pub(super) rows: Vec<EventRow>,
    /// Whether there are more behind them.
    pub(super) has_next: bool,
}

impl Reader {
    /// Of this database.
    pub(super) fn new(db: Db) -> Self {
        Self { db, reported: Arc::default() }
    }

    /// The position up to which events were dropped, but for those that a delivery needs.
    pub(super) async fn dropped(&self) -> Result<i64> {
        Ok(store::bookmark(self.db.read(), store::PRUNED).await?.unwrap_or(0))
    }

    /// The same cursor.
    ///
    /// # Errors
    /// `CursorExpired`: events behind it are not kept any more.
    pub(super) async fn require_kept(&self, cursor: Cursor) -> Result<Cursor> {
        if cursor.has_lost(self.dropped().await?) {
            let detail = "events behind this cursor are not kept any more; without one, the list begins at the oldest";
            return Err(Error::new(ErrorKind::CursorExpired, detail));
        }
        Ok(cursor)
    }

    /// The selected events behind a cursor and not behind `head`, at most `limit`, and at most so many that their bodies are not
    /// too much. Behind the head there may be events that a power cut would take away again.
    ///
    /// # Errors
    /// `CursorExpired`: others that were behind it are not kept any more.
    pub(super) async fn read(&self, selection: &Selection, from: Cursor, head: i64, limit: usize) -> Result<EventRows> {
        let (mut rows, mut bytes, mut cursor) = (Vec::<EventRow>::new(), 0, from);
        loop {
            // One more than there is room for tells whether there are more.
            let wanted = ROWS.min(limit - rows.len() + 1);
            let found = store::history(self.db.read(), selection, cursor.position(), Some(head), wanted as u64).await?;
            // After the search: what was dropped before it has been marked with it, in one transaction.
            self.require_kept(cursor).await?;
            let is_all = found.len() < wanted;
            for row in found {
                bytes += row.body.len();
                if rows.len() == limit || (bytes > BYTES_MAX && !rows.is_empty()) {
                    return Ok(EventRows { rows, has_next: true });
                }
                cursor = from.at(row.position);
                rows.push(row);
            }
            if is_all {
                return Ok(EventRows { rows, has_next: false });
            }
        }
    }

    /// An event with its cursor, in a list that began here. None if it cannot be read; the log is told once.
    pub(super) fn with_cursor(&self, row: &EventRow, from: Cursor) -> Option<EventWithCursor> {
        let EventRow { position, id, session_id, event_type, .. } = row;
        match Event::try_from(row) {
            Ok(event) => Some(EventWithCursor { event, cursor: from.at(*position) }),
            Err(failure) => {
                let is_news = {
                    let mut reported = self.reported.lock();
                    reported.len() < REPORTED_MAX && reported.insert(*position)
                };
                if is_news {
                    error!(session.id = %session_id, event.id = %id, event.type = %event_type, error = chain(&failure),
                        "event {id} cannot be read and is left out");
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use entity::ids::{EventId, SessionId};
    use entity::timestamp::Timestamp;
    use entity::words::event::EventType;

    use super::*;
    use crate::db::sqlite::Synchronous;

    fn row(position: i64, body: &str) -> EventRow {
        EventRow {
            position,
            id: EventId::generate(),
            session_id: SessionId::parse("shop").expect("it is an id"),
            sequence: position,
            event_type: EventType::Test,
            created_at: Timestamp::from_millis(0),
            body: body.into(),
        }
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_left_out_and_the_log_is_told_of_each_once() {
        let directory = tempfile::tempdir().expect("there is room");
        let db = Db::sqlite(&directory.path().join("waypost.db"), Synchronous::Normal).await.expect("a new file");
        let (reader, from) = (Reader::new(db), Cursor::behind(0));
        let item = reader.with_cursor(&row(3, r#"{"message":"tea"}"#), from).expect("it can be read");
        assert_eq!(item.cursor, Cursor::behind(3));
        for position in [1, 2, 1] {
            assert_eq!(reader.with_cursor(&row(position, r#"{"tea":true}"#), from), None);
        }
        assert_eq!(*reader.reported.lock(), [1, 2].into());
        for position in 0..2_000 {
            reader.with_cursor(&row(position, "tea"), from);
        }
        assert_eq!(reader.reported.lock().len(), REPORTED_MAX);
    }

    #[test]
    fn the_reason_says_where_and_never_what() {
        let failure = Event::try_from(&row(1, r#"{"message":["tea at six"]}"#)).expect_err("it is no text");
        assert_eq!(chain(&failure), "its body is not of its type's shape, at column 11");
    }
}
