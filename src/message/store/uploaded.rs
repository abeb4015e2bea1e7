//! Files that WhatsApp's media servers have.

use std::time::Duration;

use entity::timestamp::Timestamp;

use crate::event::file::MessageFile;
use crate::whatsapp::compose::FileAddress;

/// How long a file that was uploaded is used again for other messages. The media servers keep it for weeks.
pub(in crate::message) const REUSED: Duration = Duration::from_secs(24 * 60 * 60);

/// A file that was uploaded.
#[derive(Clone)]
pub(in crate::message) struct Uploaded {
    /// Where it is, and what opens it.
    pub(in crate::message) address: FileAddress,
    /// Its size, bytes.
    pub(in crate::message) file_length: i64,
    /// When it was uploaded.
    pub(in crate::message) uploaded_at: Timestamp,
}

/// A file that is on WhatsApp's media servers already, since another message has it.
#[derive(Clone)]
pub(in crate::message) struct UploadedFile {
    /// What it takes to fetch it.
    pub(in crate::message) file: MessageFile,
    /// Whether it is known to have the hash that the message says.
    pub(in crate::message) is_verified: bool,
}
