//! What a failed statement means: whether to try it again, whether a row stands in its way, or whether it can never work.

use std::borrow::Cow;

use sea_orm::sqlx::error::{DatabaseError, ErrorKind as SqlxKind};
use sea_orm::{DbErr, RuntimeErr};

use crate::error::{Error, ErrorKind};

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The database cannot do its work now: no connection, no disk space, a table that somebody took away. It is worth another
    /// try.
    Unavailable,
    /// A row is there already, or one is missing that it belongs to.
    Conflict,
    /// The database has no place for one of the values, and never will.
    Unwritable,
    /// The statement is wrong, or its answer is not what was expected: our bug.
    Statement,
}

/// What kind of failure this is.
pub fn of(error: &DbErr) -> Fault {
    match error {
        DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)) => of_sqlx(error),
        DbErr::RecordNotInserted | DbErr::RecordNotUpdated | DbErr::RecordNotFound(_) => Fault::Conflict,
        // What we say ourselves: the disk did not take it, the client was given up.
        DbErr::Conn(_) | DbErr::ConnectionAcquire(_) | DbErr::Custom(_) => Fault::Unavailable,
        _ => Fault::Statement,
    }
}

/// No connection could be had.
pub(super) fn connect_error(error: sea_orm::sqlx::Error) -> DbErr {
    DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into()))
}

/// What a failed statement is to who asked for something, unless a row stands in its way that they know of: then the store says so
/// before it comes to this. They learn only whether it is worth another try.
pub fn failed(error: DbErr) -> Error {
    match of(&error) {
        Fault::Unavailable => Error::new(ErrorKind::Unavailable, "the database is unavailable").because(error),
        Fault::Conflict | Fault::Unwritable | Fault::Statement => Error::internal(error),
    }
}

fn of_sqlx(error: &sea_orm::sqlx::Error) -> Fault {
    use sea_orm::sqlx::Error;
    match error {
        Error::Database(error) => of_code(error.code().as_deref().unwrap_or_default(), error.message()),
        Error::Io(_)
        | Error::Tls(_)
        | Error::Protocol(_)
        | Error::PoolTimedOut
        | Error::PoolClosed
        | Error::WorkerCrashed => Fault::Unavailable,
        Error::Encode(_) => Fault::Unwritable,
        _ => Fault::Statement,
    }
}

/// A code of PostgreSQL has five characters, those of SQLite are shorter numbers.
fn of_code(code: &str, message: &str) -> Fault {
    match code.parse::<u32>() {
        Ok(number) if code.len() < 5 => of_sqlite(number, message),
        _ => of_postgres(code),
    }
}

/// src: <https://sqlite.org/rescode.html>; the low byte is the code, the rest says more.
fn of_sqlite(code: u32, message: &str) -> Fault {
    match (code, code & 0xff) {
        // SQLITE_CONSTRAINT_CHECK and _TRIGGER: somebody's rule about the value.
        (275 | 1811, _) => Fault::Unwritable,
        (_, 19) => Fault::Conflict,
        // SQLITE_TOOBIG and SQLITE_MISMATCH.
        (_, 18 | 20) => Fault::Unwritable,
        // SQLITE_ERROR, which is also a table that is not there.
        (_, 1) if message.starts_with("no such table") => Fault::Unavailable,
        // SQLITE_ERROR, SQLITE_MISUSE and SQLITE_RANGE.
        (_, 1 | 21 | 25) => Fault::Statement,
        // The file, its disk, its locks, the memory.
        _ => Fault::Unavailable,
    }
}

/// src: <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn of_postgres(code: &str) -> Fault {
    match (code.get(..2).unwrap_or_default(), code) {
        // A check, or what somebody's trigger says.
        (_, "23514" | "P0001") => Fault::Unwritable,
        ("23", _) => Fault::Conflict,
        // Data exceptions, and what is larger than a row or an index can be.
        ("22" | "54", _) => Fault::Unwritable,
        // No right to it, no such table, no such schema.
        (_, "42501" | "42P01" | "3F000") => Fault::Unavailable,
        ("0A" | "21" | "26" | "42" | "P0", _) => Fault::Statement,
        _ => Fault::Unavailable,
    }
}

/// A failure of a batch that SQLite ran, as the driver of all other statements would tell it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct BatchError(String, u32);

impl BatchError {
    /// With this code of SQLite's; without one a value could not be bound.
    pub(super) fn told(message: String, code: Option<i32>) -> DbErr {
        const MISMATCH: u32 = 20;
        let code = code.and_then(|code| u32::try_from(code).ok()).unwrap_or(MISMATCH);
        let error = sea_orm::sqlx::Error::Database(Box::new(Self(message, code)));
        DbErr::Exec(RuntimeErr::SqlxError(error.into()))
    }
}

impl DatabaseError for BatchError {
    fn message(&self) -> &str {
        &self.0
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some(self.1.to_string().into())
    }

    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> SqlxKind {
        match self.1 {
            787 => SqlxKind::ForeignKeyViolation,
            275 => SqlxKind::CheckViolation,
            _ => SqlxKind::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_is_told_as_what_it_is() {
        let told = |code: &str| of_code(code, "");
        // FULL, IOERR_WRITE, CANTOPEN, BUSY, READONLY, CORRUPT; no connection, no memory, shutting down, read-only.
        for code in ["13", "778", "14", "5", "8", "11", "08006", "53100", "57P01", "25006", "42501", "40P01"] {
            assert_eq!(told(code), Fault::Unavailable, "{code}");
        }
        for code in ["2067", "1555", "787", "1299", "23505", "23503", "23502"] {
            assert_eq!(told(code), Fault::Conflict, "{code}");
        }
        for code in ["18", "20", "275", "22021", "22003", "54000", "23514"] {
            assert_eq!(told(code), Fault::Unwritable, "{code}");
        }
        for code in ["1", "21", "25", "42601", "42703", "26000"] {
            assert_eq!(told(code), Fault::Statement, "{code}");
        }
        assert_eq!(of_code("1", "no such table: session"), Fault::Unavailable);
    }
}
