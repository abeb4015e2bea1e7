//! What clients hand in to be sent, show and delete again.

use std::time::Duration;

use bytes::Bytes;
use entity::ids::MediaId;
use entity::words::access::Scope;
use futures::stream::{Stream, StreamExt};
use tokio::time::timeout;
use tracing::{Span, field, instrument};

use crate::caller::Caller;
use crate::error::{Error, ErrorKind, Result};
use crate::media::files::IncomingFile;
use crate::media::hash::FileHash;
use crate::media::kind::Beginning;
use crate::media::room::Room;
use crate::media::store::MediaRow;
use crate::media::types::{MediaFile, UploadOptions};
use crate::media::{Media, rules, store};

/// What is told about the bytes of an upload is about this.
const BODY: &str = "the body";
/// How long the disk may take for what came in. The last 256 KiB are left by then, and what the system has not written by itself.
const DISK_LIMIT: Duration = Duration::from_secs(120);
/// How long a file stays that its client deletes: a message may be being written with it.
const LAST_HOUR: Duration = Duration::from_secs(60 * 60);

impl Media {
    /// Keeps a file that a client hands in, piece by piece. What its pieces fail with is told to the client.
    ///
    /// # Errors
    /// `Forbidden`, `Invalid`, `MediaTooLarge`, `Unavailable`; `QueueFull` if the key uploads too many files already.
    #[instrument(level = "debug", name = "upload_media", skip_all, fields(media.id = field::Empty))]
    pub async fn upload<S>(&self, caller: &Caller, options: UploadOptions, pieces: S) -> Result<MediaFile>
    where
        S: Stream<Item = Result<Bytes>> + Send + Unpin,
    {
        caller.require(Scope::MessagesSend)?;
        let UploadOptions { file_name, sha256, length } = options;
        let file_name = file_name.map(|name| rules::file_name("file_name", &name)).transpose()?;
        let sha256 = sha256.map(|text| rules::sha256("sha256", &text)).transpose()?;
        rules::size(BODY, length.unwrap_or(0), self.settings.size_max)?;
        let _upload = self.admit_upload(caller)?;
        let mut room = self.find_room(length.unwrap_or(0)).await?;
        let (file, beginning) = self.take_in(pieces, &mut room).await?;
        let Ok(ended) = timeout(DISK_LIMIT, ended(file, sha256)).await else {
            return Err(Error::new(ErrorKind::Unavailable, "the disk does not take the file in time"));
        };
        let (hash, size) = ended?;
        let now = self.deps.clock.now();
        let row = MediaRow {
            id: MediaId::generate(),
            key: caller.grant().map(|grant| grant.key.clone()),
            hash,
            size: i64::try_from(size).map_err(Error::internal)?,
            mimetype: beginning.mimetype().to_owned(),
            file_name,
            width: None,
            height: None,
            seconds: None,
            created_at: now,
            expires_at: now.after(self.settings.retention),
        };
        Span::current().record("media.id", field::display(&row.id));
        let shown = MediaFile::from(row.clone());
        let _deletion = self.shared.deletion.read().await;
        let tx = self.deps.db.write().begin().await?;
        store::put_file(&tx, hash, size, now).await?;
        store::insert(&tx, row).await?;
        tx.commit().await?;
        self.count(size);
        Ok(shown)
    }

    /// What a client handed in.
    ///
    /// # Errors
    /// `Forbidden`, `MediaNotFound`, `Unavailable`.
    pub async fn find(&self, caller: &Caller, id: &MediaId) -> Result<MediaFile> {
        caller.require(Scope::MessagesSend)?;
        Ok(self.row(caller, id).await?.ok_or_else(not_found)?.into())
    }

    /// Deletes what a client handed in. Messages that are to be sent with it are sent all the same. The file itself goes within the
    /// hours after that, once nothing needs it any more. Gives what there was.
    ///
    /// # Errors
    /// `Forbidden`, `MediaNotFound`, `Unavailable`.
    #[instrument(level = "debug", name = "delete_media", skip_all, fields(media.id = field::Empty))]
    pub async fn delete(&self, caller: &Caller, id: &MediaId) -> Result<MediaFile> {
        caller.require(Scope::MessagesSend)?;
        let row = self.row(caller, id).await?.ok_or_else(not_found)?;
        Span::current().record("media.id", field::display(&row.id));
        let tx = self.deps.db.write().begin().await?;
        if !store::delete(&tx, &row.id).await? {
            return Err(not_found());
        }
        // Who deletes a file does not want it to lie around. If it also came with a message, it can be fetched again.
        let used_at = self.deps.clock.now().before(self.settings.retention).after(LAST_HOUR);
        store::age(&tx, row.hash, used_at).await?;
        tx.commit().await?;
        Ok(row.into())
    }

    /// What the caller handed in under this id. What somebody else did, or what has expired, is not there.
    pub(super) async fn row(&self, caller: &Caller, id: &MediaId) -> Result<Option<MediaRow>> {
        let found = store::find(self.deps.db.read(), id).await?;
        let now = self.deps.clock.now();
        Ok(found.filter(|row| {
            let is_theirs = caller.grant().is_none_or(|grant| row.key.as_ref() == Some(&grant.key));
            is_theirs && now < row.expires_at
        }))
    }

    /// Takes what comes in, and looks at its first bytes.
    async fn take_in<S>(&self, mut pieces: S, room: &mut Room<'_>) -> Result<(IncomingFile, Beginning)>
    where
        S: Stream<Item = Result<Bytes>> + Send + Unpin,
    {
        let mut file = self.files.begin(self.settings.size_max).await?;
        let (mut beginning, mut size) = (Beginning::default(), 0_u64);
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            size = size.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            rules::size(BODY, size, self.settings.size_max)?;
            room.grow(size).await?;
            beginning.take(&piece);
            file.write(&piece).await?;
        }
        if size == 0 {
            return Err(Error::invalid(BODY, "must not be empty: it is the file"));
        }
        Ok((file, beginning))
    }
}

/// Keeps what came in, if it is what it must be. Nothing is left of it otherwise.
async fn ended(file: IncomingFile, sha256: Option<FileHash>) -> Result<(FileHash, u64)> {
    match sha256 {
        None => file.finish().await,
        Some(expected) => match file.finish_as(expected).await? {
            Some(size) => Ok((expected, size)),
            None => Err(Error::invalid("sha256", "is not that of the bytes that came: send the file again")),
        },
    }
}

fn not_found() -> Error {
    Error::new(ErrorKind::MediaNotFound, "no file has this id")
}

impl From<MediaRow> for MediaFile {
    fn from(row: MediaRow) -> Self {
        let MediaRow { id, key: _, hash, size, mimetype, file_name, width, height, seconds, created_at, expires_at } =
            row;
        let sha256 = hash.to_string();
        Self { id, mimetype, size, sha256, file_name, width, height, seconds, created_at, expires_at }
    }
}
