//! The files of messages: where they are, and what opens them. Written beside the event and kept as long as its session; in no
//! event, webhook or log, since whoever has it can fetch and read the file.

use entity::words::message::FileKind;

use crate::event::index::MessageKey;

/// The file of a message.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageFile {
    /// What it is.
    pub kind: FileKind,
    /// Where it is on WhatsApp's media servers.
    pub direct_path: String,
    /// The key to it. None in channels.
    pub media_key: Option<Vec<u8>>,
    /// SHA-256 of the file.
    pub file_sha256: Option<Vec<u8>>,
    /// SHA-256 of the file as it is encrypted.
    pub file_enc_sha256: Option<Vec<u8>>,
    /// Its size, bytes.
    pub file_length: Option<i64>,
    /// Its media type.
    pub mimetype: Option<String>,
}

/// The file of a message as it was written down.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Whose it is.
    pub key: MessageKey,
    /// Where it is, and what opens it.
    pub file: MessageFile,
    /// How often it could not be fetched as it came.
    pub attempts: i32,
    /// Whether it is known to have the hash that its message says.
    pub is_verified: bool,
}

impl std::fmt::Debug for StoredFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredFile({} {})", self.key.session_id, self.file.kind)
    }
}

impl std::fmt::Debug for MessageFile {
    /// Only what it is: the rest opens it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MessageFile({})", self.kind)
    }
}
