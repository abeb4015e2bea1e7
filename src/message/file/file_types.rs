//! What goes out about the file of a message: one struct per thing, for every door.

use async_graphql::SimpleObject;
use entity::long::Long;
use entity::words::message::FileState;

use crate::media::hash::FileHash;

/// The file of a message, as far as it is known without fetching it.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject)]
#[graphql(name = "MessageFile")]
pub struct MessageFileInfo {
    /// The message's id.
    pub message_id: String,
    /// Where its bytes are.
    pub state: FileState,
    /// Its size, bytes. Null when the message does not say and it was not fetched yet.
    pub size: Option<Long>,
    /// SHA-256 of its bytes, hex. Null when the message does not say and it was not fetched yet.
    pub sha256: Option<String>,
    /// Its media type: by its own bytes once it was fetched, until then what its sender says.
    pub mimetype: Option<String>,
    /// What its sender calls it.
    pub file_name: Option<String>,
}

/// The file of a message, here and whole.
#[derive(Debug)]
pub struct OpenedFile {
    /// Its bytes, from the first one on.
    pub file: tokio::fs::File,
    /// How many there are.
    pub size: u64,
    /// What it is called in the store.
    pub hash: FileHash,
    /// What it is, by its own bytes.
    pub mimetype: &'static str,
}
