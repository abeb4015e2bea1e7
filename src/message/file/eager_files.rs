//! Fetches the files of messages as they come, for sessions that are to do so. Which are still to be fetched stands in their rows,
//! written with their messages: a restart forgets none. A failed one is tried again with growing pauses; when they are used up, or when
//! nobody has the file, it is left to whoever asks for it.

use std::time::Duration;

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::session::MediaFetch;
use futures::stream::{self, StreamExt};
use tokio::sync::watch;
use tracing::{error, warn};

use crate::clock::Clock;
use crate::db::Db;
use crate::db::write::Work;
use crate::error::{Result, chain};
use crate::event::body::EventBody;
use crate::event::body::chat::MediaReadyEvent;
use crate::event::entry::{JournalEntry, NewEvent, Write};
use crate::event::file::StoredFile;
use crate::event::file_store;
use crate::event::index::MessageKey;
use crate::event::journal::Journal;
use crate::lifecycle::last_run::LastRun;
use crate::media::hash::FileHash;
use crate::message::file::fetch_failure::FetchFailure;
use crate::message::file::fetches::Fetches;
use crate::message::file::file_types::OpenedFile;
use crate::message::file::opening::opened_from;
use crate::session::Sessions;
use crate::whatsapp::client::Client;

/// How often it looks. While no session that is logged in is to fetch files, the database is not asked.
const PERIOD: Duration = Duration::from_secs(1);
/// Files that are looked at in one turn.
const BATCH: u64 = 64;
/// Sessions whose files are looked for at once.
const SESSIONS: usize = 500;
/// Files that are fetched at the same time. Those that somebody asks for do not wait for these.
const AT_ONCE: usize = 8;
/// How long a turn waits for one file. What takes longer goes on by itself, and is looked at again later.
const WAIT: Duration = Duration::from_secs(30);
/// When a file is looked at again that takes long.
const LATER: Duration = Duration::from_secs(60);
/// The pauses after failures.
const PAUSES: [Duration; 6] = [
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 60 * 60),
    Duration::from_secs(6 * 60 * 60),
];

/// Fetches files as they come.
pub(in crate::message) struct EagerFiles {
    pub(in crate::message) fetches: Fetches,
    pub(in crate::message) sessions: Sessions,
    pub(in crate::message) db: Db,
    pub(in crate::message) journal: Journal,
    pub(in crate::message) clock: Clock,
}

impl EagerFiles {
    pub(in crate::message) async fn run(self, last_run: LastRun) {
        loop {
            if let Err(error) = self.run_once().await {
                error!(error = chain(&error), "the files that are to be fetched could not be looked for");
            }
            last_run.note();
            tokio::time::sleep(PERIOD).await;
        }
    }

    async fn run_once(&self) -> Result<()> {
        let mut sessions = self.sessions.ids();
        sessions.retain(|session| self.is_to_fetch(session));
        for sessions in sessions.chunks(SESSIONS) {
            let due = file_store::due(self.db.read(), sessions, self.clock.now(), BATCH).await?;
            stream::iter(due)
                .for_each_concurrent(AT_ONCE, |stored| async move {
                    if let Err(error) = self.look_at(stored).await {
                        warn!(error = chain(&error), "a file that is to be fetched could not be looked at");
                    }
                })
                .await;
        }
        Ok(())
    }

    /// Whether a session is to fetch files as they come, and can.
    fn is_to_fetch(&self, session: &SessionId) -> bool {
        let fetching = self.sessions.media_fetching(session);
        let is_eager = fetching.is_some_and(|fetching| fetching.fetch == MediaFetch::Eager);
        let is_online = |offered: watch::Receiver<Option<Client>>| {
            offered.borrow().as_ref().is_some_and(|client| !client.has_ended())
        };
        is_eager && self.sessions.client(session).is_some_and(is_online)
    }

    async fn look_at(&self, stored: StoredFile) -> Result<()> {
        let (key, attempts) = (stored.key.clone(), stored.attempts);
        match tokio::time::timeout(WAIT, self.fetches.fetch(stored)).await {
            Ok(Ok(hash)) => self.tell(&key, hash).await,
            // After the next login, or start, it is found again.
            Ok(Err(FetchFailure::Stopping | FetchFailure::Offline)) => Ok(()),
            Ok(Err(FetchFailure::Crowded)) => {
                file_store::put_off(self.db.write(), &key, Some(self.clock.now().after(LATER)), attempts).await
            }
            // It goes on, and may be there when it is looked at next. If it never is, that has an end as well.
            Err(_) => {
                let now = self.clock.now();
                let fetch_at = next(FetchFailure::Interrupted, attempts, now).map(|at| at.max(now.after(LATER)));
                file_store::put_off(self.db.write(), &key, fetch_at, attempts.saturating_add(1)).await
            }
            Ok(Err(failure)) => {
                let fetch_at = next(failure, attempts, self.clock.now());
                file_store::put_off(self.db.write(), &key, fetch_at, attempts.saturating_add(1)).await
            }
        }
    }

    /// Writes that the file is there, and tells it once.
    async fn tell(&self, key: &MessageKey, hash: FileHash) -> Result<()> {
        let OpenedFile { size, mimetype, .. } = opened_from(&self.fetches, hash).await?;
        let now = self.clock.now();
        let body = EventBody::MediaReady(MediaReadyEvent {
            message_id: key.message_id.clone(),
            chat: key.chat.clone(),
            size: i64::try_from(size).unwrap_or(i64::MAX),
            sha256: hash.to_string(),
            mimetype: mimetype.to_owned(),
            timestamp: now,
        });
        let event = NewEvent::new(key.session_id.clone(), &body, now)?;
        let key = key.clone();
        let write: Write = Box::new(move |tx: &Work| {
            let (key, event) = (key.clone(), event.clone());
            Box::pin(async move {
                let is_news = file_store::fetched(tx, &key).await?;
                Ok(if is_news { vec![event] } else { Vec::new() })
            })
        });
        self.journal.write(JournalEntry { write: Some(write), ..JournalEntry::default() }).await
    }
}

/// When it is tried again after it has failed so often before. None: it is left to whoever asks for it.
fn next(failure: FetchFailure, attempts: i32, now: Timestamp) -> Option<Timestamp> {
    let pause = usize::try_from(attempts).ok().and_then(|attempts| PAUSES.get(attempts));
    pause.filter(|_| !failure.is_final()).map(|pause| now.after(*pause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_file_is_tried_again_with_growing_pauses_and_then_left_alone() {
        let now = Timestamp::from_millis(1_000_000);
        let seconds = |failure, attempts| next(failure, attempts, now).map(|at| (at.millis() - now.millis()) / 1_000);
        let pauses: Vec<_> = (0..8).map(|attempts| seconds(FetchFailure::Interrupted, attempts)).collect();
        let expected = [Some(10), Some(60), Some(300), Some(1_800), Some(7_200), Some(21_600), None, None];
        assert_eq!(pauses, expected);
        for failure in [FetchFailure::Gone, FetchFailure::Corrupt] {
            assert_eq!(seconds(failure, 0), None, "{failure:?}");
        }
        assert_eq!(seconds(FetchFailure::NoAnswer, 1), Some(60));
    }
}
