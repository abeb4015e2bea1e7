//! What a failed transaction of the journal means for the entry that failed, and for those behind it.

use metrics::counter;
use sea_orm::sqlx::error::ErrorKind as SqlxKind;
use sea_orm::{DbErr, RuntimeErr};
use tracing::error;

use crate::db::fault::{self, Fault};
use crate::error::{Error, ErrorKind, chain};
use crate::event::entry::{JournalEntry, NewEvent};

/// Leaves events out that can never be written. Says what and why, and nothing of what is in them.
pub(super) fn set_aside(entry: &JournalEntry, why: &Error) {
    for NewEvent { session_id, event_type, .. } in &entry.events {
        error!(session.id = %session_id, event.type = %event_type, error = chain(why),
            "an event of session {session_id} is left out: the database has no place for it");
        counter!("waypost_set_aside_total", "what" => "event").increment(1);
    }
}

/// Whether it will fail in the same way however often it is tried.
pub(super) fn is_permanent(error: &Error) -> bool {
    match std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<DbErr>()) {
        Some(cause) => fault::of(cause) == Fault::Unwritable,
        // What it is to be made of cannot be made, or making it panics.
        None => error.kind() == ErrorKind::Internal,
    }
}

/// Whether something is, or may be, there already, or belongs to a deleted session.
pub(super) fn is_duplicate(error: &Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<DbErr>());
    cause.is_some_and(|cause| match cause {
        DbErr::RecordNotInserted => true,
        DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)) => {
            let kind = error.as_database_error().map(|error| error.kind());
            matches!(kind, Some(SqlxKind::UniqueViolation | SqlxKind::NotNullViolation))
        }
        _ => false,
    })
}

/// Whether the next entry would fail in the same way.
pub(super) fn is_outage(error: &Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<DbErr>());
    matches!(cause, Some(DbErr::Conn(_) | DbErr::ConnectionAcquire(_)))
}
