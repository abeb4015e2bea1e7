//! Files on WhatsApp's media servers: encrypted and uploaded, fetched and opened, never whole in memory.
//!
//! A file needs the connection to WhatsApp only to learn which servers there are. All the same it ends with the connection, as every
//! operation does: the account may be another one after the next login. Whoever asked tries again then, from the beginning. Nothing
//! limits how long one takes but a day; each piece has a minute.

mod again;
mod download;
mod opening;
mod upload;

pub use again::{LostFile, Reupload};

/// Bytes of a file whose upload goes on where it broke off, if it is encrypted with the same key again. The library asks the servers how
/// much they have only of files of this size.
pub const RESUMABLE_BYTES: u64 = 5 * 1024 * 1024;

/// The key that a file is encrypted with. It belongs to one file, and is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct MediaKey([u8; 32]);

impl MediaKey {
    /// A new one, which nobody can guess.
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// One that was kept. None if these are not the bytes of one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its bytes, to be kept.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Under which of WhatsApp's names a file is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadKind {
    /// A picture, or a sticker.
    Image,
    /// A video.
    Video,
    /// Sound or a voice note.
    Audio,
    /// Any other file.
    Document,
}

/// A file that was fetched, as it was written to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenFile {
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// Its size, bytes.
    pub length: u64,
}

/// A file that WhatsApp's media servers have: what a message says about it.
#[derive(Clone, PartialEq, Eq)]
pub struct UploadedFile {
    /// Its address.
    pub url: String,
    /// Its path on any of the servers.
    pub direct_path: String,
    /// The key to it.
    pub media_key: Vec<u8>,
    /// SHA-256 of the file.
    pub file_sha256: Vec<u8>,
    /// SHA-256 of the file as it is encrypted.
    pub file_enc_sha256: Vec<u8>,
    /// Its size, bytes.
    pub file_length: u64,
}

/// Why a file was not brought over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTransferred {
    /// The connection to WhatsApp ended, its media servers could not be reached or did not go on: another try may succeed.
    Interrupted,
    /// It is not on the servers any more.
    Gone,
    /// What came is not what the message said, or is larger than it may be.
    Corrupt,
    /// The servers do not take it.
    Refused,
    /// It could not be read or written here.
    Local,
}
