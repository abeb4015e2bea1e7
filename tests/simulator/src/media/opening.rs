//! Phones that open what they were sent: they get the file from where the message says it is, and check everything that
//! the message says about it.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::media::cipher::{self, Broken};
use crate::media::file::{DeclaredFile, FileReference, hexadecimal};
use crate::media::format::{self, OpusFacts};
use crate::media::mp4::{self, VideoFacts};
use crate::phone::Phone;
use crate::world::World;

/// A file as a phone found it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct OpenedFile {
    /// The message that it came with.
    pub message_id: String,
    /// Whether it is what the message says.
    pub verdict: FileVerdict,
    /// Bytes of it, when it opened.
    pub size_bytes: Option<u64>,
    /// Its hash, hexadecimal, when it opened.
    pub sha256: Option<String>,
    /// Its format by its first bytes: `jpeg`, `png`, `webp`, `mp4`, `ogg`, `pdf`, ..; none for what has no name here.
    pub format: Option<&'static str>,
    /// Width and height of a picture, pixels, by the file itself.
    pub dimensions: Option<[u32; 2]>,
    /// Whether it is a moving WebP picture.
    pub is_animated: bool,
    /// Whether a picture still says where and with what it was taken (EXIF or XMP).
    pub has_metadata: bool,
    /// What is in it, when it is Opus in Ogg.
    pub opus: Option<OpusFacts>,
    /// What the boxes of a video say.
    pub video: Option<VideoFacts>,
    /// What a player may start with before it has the whole file.
    pub sidecar: SidecarVerdict,
    /// The words below it.
    pub caption: Option<String>,
    /// What the message says about it.
    pub declared: DeclaredFile,
}

/// Whether a file is what its message says. The checks are in this order.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileVerdict {
    /// It is.
    Intact,
    /// The message does not say what is needed; `declared.missing` has it.
    Incomplete,
    /// There is nothing where the message says it is, not even something that expired.
    NotFound,
    /// It was uploaded as another kind, so that its path leads phones astray.
    WrongFolder,
    /// What is stored has another hash.
    WrongEncSha256,
    /// It does not open with the key: another key, another kind, or bytes that were touched.
    WrongMac,
    /// It opens, but what is in it has no end.
    WrongPadding,
    /// The file has another hash.
    WrongSha256,
    /// The file has another length.
    WrongLength,
}

/// Whether a sidecar is the one of its file.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SidecarVerdict {
    /// There is none.
    Absent,
    /// It is.
    Right,
    /// It is not.
    Wrong,
}

impl Phone {
    /// Opens the file of a message: of the inbox, or one that this account has sent.
    ///
    /// # Errors
    /// The phone has no such message, or it has no file.
    pub async fn open_file(&self, message_id: &str) -> Result<OpenedFile> {
        let (opened, _) = self.open(message_id).await?;
        Ok(opened)
    }

    /// The content of the file of a message.
    ///
    /// # Errors
    /// The phone has no such message, it has no file, or the file is not what the message says.
    pub async fn file_bytes(&self, message_id: &str) -> Result<Vec<u8>> {
        let (opened, bytes) = self.open(message_id).await?;
        ensure!(opened.verdict == FileVerdict::Intact, "the file is {:?}", opened.verdict);
        Ok(bytes)
    }

    /// The small picture in a message.
    ///
    /// # Errors
    /// The phone has no such message, or there is no file or no small picture in it.
    pub fn thumbnail_bytes(&self, message_id: &str) -> Result<Vec<u8>> {
        self.file_reference(message_id)?.thumbnail.clone().context("the message has no thumbnail")
    }

    async fn open(&self, message_id: &str) -> Result<(OpenedFile, Vec<u8>)> {
        let reference = self.file_reference(message_id)?;
        let (world, id) = (Arc::clone(&self.world), message_id.to_owned());
        Ok(tokio::task::spawn_blocking(move || open(&world, id, &reference)).await?)
    }

    fn file_reference(&self, message_id: &str) -> Result<Arc<FileReference>> {
        let state = self.world.state.lock();
        let account = state.accounts.get(&self.phone_number).context("there is no such phone")?;
        let received = account.inbox.iter().find(|message| message.id == message_id);
        let file = received.and_then(|message| message.file.clone()).or_else(|| account.sent_files.find(message_id));
        file.with_context(|| format!("the phone has no message {message_id} with a file"))
    }
}

fn open(world: &World, message_id: String, reference: &FileReference) -> (OpenedFile, Vec<u8>) {
    let stored = stored(world, reference);
    let outcome = stored.and_then(|stored| check(&stored, reference));
    let (verdict, bytes, sidecar) = match outcome {
        Ok((bytes, sidecar)) => (FileVerdict::Intact, Some(bytes), sidecar),
        Err((verdict, bytes)) => (verdict, bytes, SidecarVerdict::Absent),
    };
    let opened = OpenedFile {
        message_id,
        verdict,
        size_bytes: bytes.as_ref().map(|bytes| bytes.len() as u64),
        sha256: bytes.as_ref().map(|bytes| hexadecimal(&Sha256::digest(bytes))),
        format: bytes.as_deref().and_then(format::of),
        dimensions: bytes.as_deref().and_then(format::dimensions),
        is_animated: bytes.as_deref().is_some_and(format::is_animated),
        has_metadata: bytes.as_deref().is_some_and(format::has_metadata),
        opus: bytes.as_deref().and_then(format::opus),
        video: bytes.as_deref().and_then(mp4::facts),
        sidecar,
        caption: reference.caption.clone(),
        declared: reference.declared.clone(),
    };
    (opened, bytes.unwrap_or_default())
}

type Failure = (FileVerdict, Option<Vec<u8>>);

fn stored(world: &World, reference: &FileReference) -> Result<Bytes, Failure> {
    if !reference.declared.missing.is_empty() {
        return Err((FileVerdict::Incomplete, None));
    }
    let path = reference.declared.direct_path.as_deref().unwrap_or_default();
    let media = world.media.state.lock();
    let file = media.store.find(path).filter(|file| file.direct_path == path && file.lost.is_none());
    let file = file.ok_or((FileVerdict::NotFound, None))?;
    if file.key.0 != reference.declared.kind.folder() {
        return Err((FileVerdict::WrongFolder, None));
    }
    Ok(file.bytes.clone())
}

/// The file, and whether its sidecar fits.
fn check(stored: &[u8], reference: &FileReference) -> Result<(Vec<u8>, SidecarVerdict), Failure> {
    let (key, kind) = (&reference.media_key, reference.declared.kind);
    if *Sha256::digest(stored) != *reference.enc_sha256 {
        return Err((FileVerdict::WrongEncSha256, None));
    }
    let file = cipher::open(stored, key, kind.info()).map_err(|broken| match broken {
        Broken::Length | Broken::Mac => (FileVerdict::WrongMac, None),
        Broken::Padding => (FileVerdict::WrongPadding, None),
    })?;
    if *Sha256::digest(&file) != *reference.sha256 {
        return Err((FileVerdict::WrongSha256, Some(file)));
    }
    if reference.declared.size_bytes != Some(file.len() as u64) {
        return Err((FileVerdict::WrongLength, Some(file)));
    }
    let sidecar = match &reference.sidecar {
        None => SidecarVerdict::Absent,
        Some(sidecar) if cipher::is_sidecar(sidecar, stored, key, kind.info()) => SidecarVerdict::Right,
        Some(_) => SidecarVerdict::Wrong,
    };
    Ok((file, sidecar))
}
