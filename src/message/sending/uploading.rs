//! Uploads one file for all messages that wait for it. It is not begun for messages of another account, and ends once nobody waits for it
//! any more. A large file whose upload breaks off goes on where it was, also in the next process: it keeps its key until it is uploaded.

use std::path::Path;
use std::time::Duration;

use entity::words::message::FileKind;
use entity::words::outgoing::FailureCode;
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::crash;
use crate::error::{Error, ErrorKind, Result};
use crate::message::lookup::naming::own_jid;
use crate::message::sending::uploader::Uploader;
use crate::message::store::upload_key_store;
use crate::message::store::upload_store::{self, UploadKey};
use crate::message::store::uploaded::{REUSED, Uploaded};
use crate::whatsapp::client::Client;
use crate::whatsapp::compose::FileAddress;
use crate::whatsapp::operation::media::{MediaKey, NotTransferred, RESUMABLE_BYTES, UploadKind, UploadedFile};

/// How often it is looked whether messages still wait for an upload: they may have expired.
const LOOK_PERIOD: Duration = Duration::from_secs(5);

/// What came of an upload.
enum Outcome {
    /// The media servers have the file.
    There(Uploaded),
    /// They never will.
    Never(FailureCode),
    /// Not now.
    Later,
    /// No message waits for it.
    Unwanted,
}

impl Uploader {
    /// Uploads a file for all that wait for it. Says whether nothing more is to be done about it.
    pub(in crate::message) async fn upload(&self, client: &Client, key: UploadKey) -> (UploadKey, bool) {
        let done = match self.uploaded(client, &key).await {
            Ok(Outcome::There(uploaded)) => self.fill(&key, &uploaded).await,
            Ok(Outcome::Never(code)) => self.refuse(&key, code).await,
            Ok(Outcome::Later) => Ok(false),
            // Whoever waits for it by now lets it begin anew, without a pause.
            Ok(Outcome::Unwanted) => Ok(true),
            Err(error) => Err(error),
        };
        let is_done = done.unwrap_or_else(|error| {
            if error.kind() != ErrorKind::ShuttingDown {
                self.failed("the file of a message could not be uploaded for now", &error);
            }
            false
        });
        (key, is_done)
    }

    /// Where the file is: what is known of it, or after it was uploaded.
    async fn uploaded(&self, client: &Client, key: &UploadKey) -> Result<Outcome> {
        let shared = &self.shared.outboxes.shared;
        let Some(account) = shared.sessions.identity(&self.session).as_ref().map(own_jid) else {
            return Ok(Outcome::Later);
        };
        let withdrawals = self.news.withdrawals();
        if let Some(outcome) = self.refuse_others(key, &account).await? {
            return Ok(outcome);
        }
        let after = shared.clock.now().before(REUSED);
        let known = upload_store::uploaded(shared.db.read(), &self.session, key, &account, after).await?;
        if let Some(known) = known {
            return Ok(Outcome::There(known));
        }
        let Some(path) = self.shared.files.path(&key.hash).await? else {
            return Ok(Outcome::Never(FailureCode::MediaGone));
        };
        let sent = tokio::select! {
            // In this order: a file that is there is not uploaded once more.
            biased;
            sent = self.send(client, key, &account, &path) => sent?,
            () = self.unwanted(key, withdrawals) => {
                info!(session.id = %self.session, "an upload was stopped, since no message waits for it");
                return Ok(Outcome::Unwanted);
            }
        };
        let file = match sent {
            Ok(file) if file.file_sha256 == key.hash.0 => file,
            Ok(_) => {
                error!(session.id = %self.session, "a file in the store is not what it is called");
                return Ok(Outcome::Never(FailureCode::MediaGone));
            }
            Err(NotTransferred::Refused) => return Ok(Outcome::Never(FailureCode::MediaRefused)),
            Err(reason) => {
                warn!(session.id = %self.session, ?reason, "the file of a message was not uploaded");
                return Ok(Outcome::Later);
            }
        };
        crash::point("uploaded");
        let UploadedFile { url, direct_path, media_key, file_sha256: _, file_enc_sha256, file_length } = file;
        let uploaded = Uploaded {
            address: FileAddress { url, direct_path, media_key, file_enc_sha256 },
            file_length: i64::try_from(file_length).map_err(Error::internal)?,
            uploaded_at: shared.clock.now(),
        };
        upload_store::put_uploaded(shared.db.write(), &self.session, key, &account, &uploaded).await?;
        if file_length >= RESUMABLE_BYTES {
            upload_key_store::delete(shared.db.write().without_fsync(), &self.session, key).await?;
        }
        Ok(Outcome::There(uploaded))
    }

    /// Uploads the file when there is a place for it.
    async fn send(
        &self,
        client: &Client,
        key: &UploadKey,
        account: &str,
        path: &Path,
    ) -> Result<Result<UploadedFile, NotTransferred>> {
        let _permit = tokio::select! {
            permit = self.shared.permits.acquire() => permit.map_err(Error::internal)?,
            _ = client.ended() => return Ok(Err(NotTransferred::Interrupted)),
        };
        let media_key = self.media_key(key, account, path).await?;
        Ok(client.upload(path, upload_kind(key.kind), media_key).await)
    }

    /// The key to encrypt the file with: that of an upload that broke off, if the servers may have a part of it.
    async fn media_key(&self, key: &UploadKey, account: &str, path: &Path) -> Result<MediaKey> {
        let length = tokio::fs::metadata(path).await.map_err(Error::internal)?.len();
        if length < RESUMABLE_BYTES {
            return Ok(MediaKey::random());
        }
        let shared = &self.shared.outboxes.shared;
        let now = shared.clock.now();
        let after = now.before(REUSED);
        if let Some(kept) = upload_key_store::find(shared.db.read(), &self.session, key, account, after).await? {
            return Ok(kept);
        }
        let new = MediaKey::random();
        // What a power cut takes away is uploaded from its beginning.
        let db = shared.db.write().without_fsync();
        upload_key_store::put(db, &self.session, key, account, &new, now).await?;
        Ok(new)
    }

    /// Refuses the messages that another account was to send: sent by this one, they would come from somebody else. Gives
    /// nothing if messages of this account wait for the file.
    async fn refuse_others(&self, key: &UploadKey, account: &str) -> Result<Option<Outcome>> {
        loop {
            let waiting = self.waiting(key).await?;
            if waiting.is_empty() {
                return Ok(Some(Outcome::Unwanted));
            }
            let others = self.of_others(&waiting, account).await?;
            let is_awaited = others.len() < waiting.len();
            let refused = self.refuse_these(others, FailureCode::AccountChanged).await?;
            if is_awaited {
                return Ok(None);
            }
            if refused == 0 {
                // They were taken back meanwhile. If not, they are not looked at all the time.
                return Ok(Some(Outcome::Later));
            }
        }
    }

    /// Ends once no message waits for the file any more.
    async fn unwanted(&self, key: &UploadKey, mut withdrawals: watch::Receiver<u64>) {
        loop {
            match self.waiting(key).await {
                Ok(waiting) if waiting.is_empty() => return,
                Ok(_) => {}
                Err(error) => self.failed("it could not be read whether a file is still to be uploaded", &error),
            }
            // Either is a reason to look. The sender is in the news, which this has.
            let _ = tokio::time::timeout(LOOK_PERIOD, withdrawals.changed()).await;
        }
    }
}

const fn upload_kind(kind: FileKind) -> UploadKind {
    match kind {
        FileKind::Image | FileKind::Sticker => UploadKind::Image,
        FileKind::Video => UploadKind::Video,
        FileKind::Audio => UploadKind::Audio,
        FileKind::Document | FileKind::StickerPack => UploadKind::Document,
    }
}
