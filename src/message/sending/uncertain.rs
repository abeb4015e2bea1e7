//! Changes of which nobody knows whether they were committed. The journal runs a change again whose commit was lost, and finds that the
//! row is already as it is to be: that was no other's doing, and whoever asked for the change is told that it happened.

use std::sync::Arc;

use entity::ids::SessionId;
use parking_lot::Mutex;

use crate::db::write::Work;
use crate::error::Result;
use crate::message::store::outbox_store;
use crate::message::store::outgoing::OutgoingRow;

/// What one change has written, each time that it was run. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(in crate::message) struct Written(Arc<Mutex<Vec<OutgoingRow>>>);

impl Written {
    /// Whether something may have been committed.
    pub(in crate::message) fn is_possible(&self) -> bool {
        !self.0.lock().is_empty()
    }

    /// Whether this message was, or may have been, changed.
    pub(in crate::message) fn has(&self, message_id: &str) -> bool {
        self.0.lock().iter().any(|row| row.message_id == message_id)
    }

    /// Notes what is about to be committed for the first time.
    pub(in crate::message) fn about_to(&self, rows: Vec<OutgoingRow>) {
        *self.0.lock() = rows;
    }

    /// Notes what is about to be committed, beside what was committed when this was run before: rows that are as they were left then, or
    /// still have one of these places, which the change gave them.
    pub(in crate::message) async fn note(
        &self,
        tx: &Work,
        session: &SessionId,
        mut rows: Vec<OutgoingRow>,
        places: Vec<i64>,
    ) -> Result<()> {
        let mut before = self.0.lock().clone();
        before.retain(|earlier| rows.iter().all(|row| row.message_id != earlier.message_id));
        if !before.is_empty() {
            let ids: Vec<_> = before.iter().map(|row| row.message_id.clone()).collect();
            let found = outbox_store::find_all(tx, session, &ids).await?;
            let was_committed = |row: &OutgoingRow| before.contains(row) || places.contains(&row.progress.sequence);
            rows.extend(found.into_iter().filter(was_committed));
        }
        *self.0.lock() = rows;
        Ok(())
    }

    /// What was written, once it is known that it was.
    pub(in crate::message) fn take(&self) -> Vec<OutgoingRow> {
        std::mem::take(&mut *self.0.lock())
    }
}
