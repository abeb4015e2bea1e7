//! Moves what SQLite has appended to its log into the file itself, on a thread of its own, while others write on: SQLite would
//! do that in the middle of a commit, and whoever writes would wait for the disk.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use rusqlite::{CachedStatement, Connection};
use tracing::warn;

/// `PRAGMA wal_checkpoint(NOOP)` says how long the log is; before 3.51 it would move it.
const _: () = assert!(rusqlite::ffi::SQLITE_VERSION_NUMBER >= 3_051_000);
/// Pages of SQLite's log from which on whoever writes moves them into the file: `checkpoints` does that earlier, but may not
/// keep up.
pub(super) const LOG_PAGES: u32 = 10_000;
/// Pages of the log from which on they are moved.
const PAGES: i64 = 1000;
/// Moves what nobody reads any more, and waits for nobody.
const MOVE: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// The thread, which ends with this.
#[derive(Debug)]
pub(super) struct Checkpoints {
    /// None when it is to end.
    due: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Held by who moves the log: SQLite refuses a second one at once instead of letting it wait.
    turn: Arc<Mutex<()>>,
}

impl Checkpoints {
    /// # Errors
    /// The system gives no thread.
    pub(super) fn on(connection: Connection) -> std::io::Result<Self> {
        let (due, dues) = sync_channel(1);
        let turn = Arc::new(Mutex::new(()));
        let its = Arc::clone(&turn);
        let thread = std::thread::Builder::new().name("checkpoints".to_owned());
        let thread = thread.spawn(move || keep_moving(&connection, &dues, &its))?;
        Ok(Self { due: Some(due), thread: Some(thread), turn })
    }

    /// Lets the log be moved if it has become long. Waits for that if it is too long by now.
    pub(super) fn look(&self, connection: &Connection) {
        let log = checkpoint(connection.prepare_cached("PRAGMA wal_checkpoint(NOOP)"));
        let Ok((pages, moved)) = log else { return };
        if pages >= i64::from(LOG_PAGES) {
            // Whoever writes next begins it anew, unless somebody still reads what is in it: then this is tried again. It waits for
            // no reader, since that may be somebody's backup.
            let _turn = self.turn.lock();
            let _ = checkpoint(connection.prepare_cached(MOVE));
        } else if pages - moved >= PAGES {
            let _ = self.due.as_ref().map(|due| due.try_send(())); // It may be at it.
        }
    }
}

impl Drop for Checkpoints {
    /// Waits for what it is at: nobody has the file open afterwards.
    fn drop(&mut self) {
        self.due = None;
        let _ = self.thread.take().map(JoinHandle::join); // It has said why it panicked.
    }
}

fn keep_moving(connection: &Connection, dues: &Receiver<()>, turn: &Mutex<()>) {
    while dues.recv().is_ok() {
        let _turn = turn.lock();
        if let Err(failure) = checkpoint(connection.prepare_cached(MOVE)) {
            warn!(error = %failure, "the log of the database file could not be moved into it");
        }
    }
}

/// Pages of the log, and how many of them were moved.
fn checkpoint(statement: rusqlite::Result<CachedStatement<'_>>) -> rusqlite::Result<(i64, i64)> {
    statement?.query_row([], |row| Ok((row.get(1)?, row.get(2)?)))
}
