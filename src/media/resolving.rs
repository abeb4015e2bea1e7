//! From what a message says of a file to the file, in the store: before the message is written, so that a file that cannot be had is
//! refused at once.

use std::time::Duration;

use entity::ids::MediaId;
use tokio::time::Instant;

use crate::caller::Caller;
use crate::error::{Error, ErrorKind, Result};
use crate::media::files::IncomingFile;
use crate::media::kind::Beginning;
use crate::media::types::{MediaSource, StoredMedia};
use crate::media::{Media, NOTE_AGAIN, rules, store};

/// How long a file may take to be fetched. A request has 75 s, and who sends waits for WhatsApp's answer with what is left.
const FETCH_LIMIT: Duration = Duration::from_secs(45);

impl Media {
    /// The file that a message is to carry, in the store: one that was uploaded before, one at an address, or one given as it is.
    /// `field` is what the client calls it, for refusals. Whether the caller may send is known by now.
    ///
    /// # Errors
    /// `MediaNotFound`, `Invalid`, `MediaTooLarge`, `MediaFetchRefused`, `Unavailable`; `QueueFull` if too many files are fetched for
    /// the key already.
    pub async fn resolve(&self, caller: &Caller, field: &str, source: MediaSource) -> Result<StoredMedia> {
        match source {
            MediaSource::Id(id) => self.uploaded(caller, &format!("{field}.id"), &MediaId::named(&id)).await,
            MediaSource::Url(url) => self.fetched(caller, &format!("{field}.url"), &url).await,
            MediaSource::Data(bytes) => self.given(&format!("{field}.data"), &bytes).await,
        }
    }

    async fn uploaded(&self, caller: &Caller, field: &str, id: &MediaId) -> Result<StoredMedia> {
        let not_found = || Error::about(ErrorKind::MediaNotFound, field, "names no file that is there");
        let row = self.row(caller, id).await?.ok_or_else(not_found)?;
        let kept = self.open(&row.hash).await?.ok_or_else(not_found)?;
        let expires_at = self.deps.clock.now().after(self.settings.retention);
        // Not with each of a thousand messages that are sent with it.
        if expires_at.since(row.expires_at) >= NOTE_AGAIN {
            store::extend(self.deps.db.write(), &row.id, expires_at).await?;
        }
        Ok(StoredMedia { hash: row.hash, size: kept.size, mimetype: row.mimetype, file_name: row.file_name })
    }

    async fn fetched(&self, caller: &Caller, field: &str, url: &str) -> Result<StoredMedia> {
        let refused =
            |why: String| Error::about(ErrorKind::MediaFetchRefused, field, format!("could not be fetched: {why}"));
        let _fetch = self.admit_fetch(caller)?;
        let until = Instant::now() + FETCH_LIMIT;
        let mut download = self.deps.egress.download(url, until).await.map_err(refused)?;
        let length = download.length().unwrap_or(0);
        rules::size(field, length, self.settings.size_max)?;
        let mut room = self.find_room(length).await?;
        let mut file = self.files.begin(self.settings.size_max).await?;
        let (mut beginning, mut size) = (Beginning::default(), 0_u64);
        while let Some(piece) = download.next().await.map_err(refused)? {
            size = size.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            rules::size(field, size, self.settings.size_max)?;
            room.grow(size).await?;
            beginning.take(&piece);
            file.write(&piece).await?;
        }
        if size == 0 {
            return Err(refused("the server answered with nothing".to_owned()));
        }
        self.stored(file, &beginning).await
    }

    async fn given(&self, field: &str, bytes: &[u8]) -> Result<StoredMedia> {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if bytes.is_empty() {
            return Err(Error::invalid(field, "must not be empty"));
        }
        rules::size(field, size, self.settings.size_max)?;
        let _room = self.find_room(size).await?;
        let mut file = self.files.begin(self.settings.size_max).await?;
        let mut beginning = Beginning::default();
        beginning.take(bytes);
        file.write(bytes).await?;
        self.stored(file, &beginning).await
    }

    /// Keeps a file that nobody holds: it stays for as long as the message needs it, and then as others do.
    async fn stored(&self, file: IncomingFile, beginning: &Beginning) -> Result<StoredMedia> {
        let (hash, size) = file.finish().await?;
        self.keep(hash, size).await?;
        Ok(StoredMedia { hash, size, mimetype: beginning.mimetype().to_owned(), file_name: None })
    }
}
