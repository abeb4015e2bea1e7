//! Brings the files of messages from WhatsApp into the store. What several ask for is fetched once. It goes on when all of them have gone,
//! so that whoever asks again finds it there, and it is checked before anybody sees a byte of it.
//!
//! A file that WhatsApp has lost is asked for at the phone, once for each time that somebody wants it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use entity::ids::SessionId;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};
use tracing::{debug, error};

use crate::db::Db;
use crate::error::{Error, ErrorKind, chain};
use crate::event::file::StoredFile;
use crate::event::file_store;
use crate::event::index::MessageKey;
use crate::event::index_store;
use crate::lifecycle::{Lifecycle, ShutdownPhase};
use crate::media::Media;
use crate::media::hash::FileHash;
use crate::message::file::fetch_failure::FetchFailure;
use crate::message::lookup::naming::without_device;
use crate::session::Sessions;
use crate::whatsapp::client::Client;
use crate::whatsapp::operation::media::{LostFile, NotTransferred, Reupload};

/// Largest file that is fetched, bytes: WhatsApp takes none above.
const LARGEST: u64 = 2 * 1024 * 1024 * 1024;
/// Files that are being fetched or wait for it, in the whole process.
const UNDER_WAY: usize = 4_096;
/// Files that have a place in the store at the same time. The store has more, which are for what clients hand in.
const AT_ONCE: usize = 128;

/// Longest wait of a request for a file that is fetched.
const FETCH_WAIT: Duration = Duration::from_secs(60);

/// What came of fetching a file.
pub(in crate::message) type Fetched = Result<FileHash, FetchFailure>;

/// Fetches files. One for the whole process.
#[derive(Clone)]
pub(in crate::message) struct Fetches(Arc<Inner>);

struct Inner {
    sessions: Sessions,
    db: Db,
    media: Media,
    lifecycle: Lifecycle,
    under_way: Mutex<HashMap<FetchKey, watch::Receiver<Option<Fetched>>>>,
    places: Semaphore,
}

/// What is fetched once, however many want it.
#[derive(Clone, PartialEq, Eq, Hash)]
struct FetchKey {
    session: SessionId,
    what: What,
    /// Where it is said to be, and what opens it: another message may say so wrongly.
    place: (String, Option<Vec<u8>>),
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum What {
    /// A file that is known by its hash: several messages may have it.
    File(FileHash),
    /// The file of a message.
    Of(MessageKey),
}

impl std::fmt::Debug for Fetches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetches").field("under_way", &self.0.under_way.lock().len()).finish_non_exhaustive()
    }
}

impl Fetches {
    pub(in crate::message) fn new(sessions: Sessions, db: Db, media: Media, lifecycle: Lifecycle) -> Self {
        let (under_way, places) = (Mutex::default(), Semaphore::new(AT_ONCE));
        Self(Arc::new(Inner { sessions, db, media, lifecycle, under_way, places }))
    }

    /// Where files are kept.
    pub(in crate::message) fn media(&self) -> &Media {
        &self.0.media
    }

    /// Fetches a file that is not in the store, and waits until it is. Whoever stops waiting does not stop it.
    pub(in crate::message) async fn fetch(&self, wanted: StoredFile) -> Fetched {
        let mut fetched = self.begin(wanted)?;
        let outcome = fetched.wait_for(Option::is_some).await.ok().and_then(|outcome| *outcome);
        // It ends without an outcome when the server stops, or if it panicked, which is logged.
        outcome.unwrap_or(Err(FetchFailure::Stopping))
    }

    /// Fetches it for a request, which waits for a minute at most. It goes on to be fetched.
    ///
    /// # Errors
    /// Why it was not fetched; `UpstreamTimeout`: not yet.
    pub(in crate::message) async fn fetch_in_time(&self, wanted: StoredFile) -> Result<FileHash, Error> {
        let Ok(fetched) = tokio::time::timeout(FETCH_WAIT, self.fetch(wanted)).await else {
            let detail = "the file is still being fetched from WhatsApp: ask again";
            return Err(Error::new(ErrorKind::UpstreamTimeout, detail).retry_in(Duration::from_secs(5)));
        };
        Ok(fetched?)
    }

    /// Begins to fetch it, unless somebody has.
    fn begin(&self, wanted: StoredFile) -> Result<watch::Receiver<Option<Fetched>>, FetchFailure> {
        let what = hash_of(&wanted).map_or_else(|| What::Of(wanted.key.clone()), What::File);
        let place = (wanted.file.direct_path.clone(), wanted.file.media_key.clone());
        let key = FetchKey { session: wanted.key.session_id.clone(), what, place };
        let mut under_way = self.0.under_way.lock();
        // One that panicked is still there, and gives no outcome.
        if let Some(fetched) = under_way.get(&key).filter(|fetched| fetched.has_changed().is_ok()) {
            return Ok(fetched.clone());
        }
        if under_way.len() >= UNDER_WAY {
            return Err(FetchFailure::Crowded);
        }
        let (outcome, fetched) = watch::channel(None);
        under_way.insert(key.clone(), fetched.clone());
        let (this, stop) = (self.clone(), self.0.lifecycle.sessions().clone());
        self.0.lifecycle.spawn(ShutdownPhase::Sessions, "media fetch", async move {
            let brought = stop.run_until_cancelled(this.bring(wanted)).await;
            this.0.under_way.lock().remove(&key);
            if let Some(brought) = brought {
                outcome.send_replace(Some(brought));
            }
        });
        Ok(fetched)
    }

    async fn bring(&self, mut wanted: StoredFile) -> Fetched {
        let session = wanted.key.session_id.clone();
        if let Some(hash) = hash_of(&wanted).filter(|_| wanted.is_verified)
            && self.0.media.open(&hash).await.map_err(|error| not_kept(&error))?.is_some()
        {
            // It came while this was asked for.
            return Ok(hash);
        }
        let offered = self.0.sessions.client(&session).and_then(|offered| offered.borrow().clone());
        let client = offered.filter(|client| !client.has_ended()).ok_or(FetchFailure::Offline)?;
        let brought = match self.download(&client, &wanted).await {
            Err(FetchFailure::Gone) => {
                wanted.file.direct_path = self.ask_phone(&client, &wanted).await?;
                self.download(&client, &wanted).await
            }
            brought => brought,
        };
        debug!(session.id = %session, kind = %wanted.file.kind, is_here = brought.is_ok(), "a file was fetched");
        brought
    }

    async fn download(&self, client: &Client, wanted: &StoredFile) -> Fetched {
        let length = wanted.file.file_length.and_then(|length| u64::try_from(length).ok()).unwrap_or_default();
        let _room = self.0.media.find_room(length).await.map_err(|error| not_kept(&error))?;
        let _place = self.0.places.acquire().await.map_err(|_| FetchFailure::Stopping)?;
        let incoming = self.0.media.files().begin(LARGEST).await.map_err(|error| not_kept(&error))?;
        let written = match client.download(&wanted.file, incoming.path(), LARGEST).await {
            Ok(written) => written,
            Err(NotTransferred::Local) => {
                error!(session.id = %wanted.key.session_id, "the disk did not take a file that came in");
                return Err(FetchFailure::NotKept);
            }
            Err(why) => return Err(why.into()),
        };
        let (hash, size) = (FileHash(written.sha256), written.length);
        incoming.finish_written(hash, size).await.map_err(|error| not_kept(&error))?;
        self.0.media.keep(hash, size).await.map_err(|error| not_kept(&error))?;
        let written = file_store::verified(self.0.db.write(), &wanted.key, &hash.0).await;
        written.map_err(|error| not_kept(&error))?;
        Ok(hash)
    }

    /// Has the phone store the file once more. Gives its new path, which is written down.
    async fn ask_phone(&self, client: &Client, wanted: &StoredFile) -> Result<String, FetchFailure> {
        // What is not encrypted is in a channel, and no phone has it.
        let media_key = wanted.file.media_key.clone().ok_or(FetchFailure::Gone)?;
        let key = &wanted.key;
        let found = index_store::with_id(self.0.db.read(), &key.session_id, &key.message_id).await;
        let found = found.map_err(|error| not_kept(&error))?;
        let is_from_me = found.iter().any(|stored| stored.message.key == *key && stored.message.is_from_me);
        let is_of_two = key.chat.ends_with("@s.whatsapp.net") || key.chat.ends_with("@lid");
        let lost = LostFile {
            message_id: key.message_id.clone(),
            chat: key.chat.clone(),
            participant: (!is_of_two).then(|| without_device(&key.sender)),
            is_from_me,
            media_key,
        };
        let path = match client.ask_again(&lost).await {
            Ok(Reupload::Stored(path)) => path,
            Ok(Reupload::Refused) => return Err(FetchFailure::Gone),
            Ok(Reupload::NoAnswer) => return Err(FetchFailure::NoAnswer),
            Err(_) => return Err(FetchFailure::Interrupted),
        };
        file_store::set_path(self.0.db.write(), key, &path).await.map_err(|error| not_kept(&error))?;
        Ok(path)
    }
}

/// The hash that the message gives its file.
pub(in crate::message) fn hash_of(stored: &StoredFile) -> Option<FileHash> {
    FileHash::from_bytes(stored.file.file_sha256.as_deref()?)
}

fn not_kept(failure: &Error) -> FetchFailure {
    error!(error = chain(failure), "a file that came in could not be kept");
    FetchFailure::NotKept
}
