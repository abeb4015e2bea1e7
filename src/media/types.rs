//! What goes in and out of the media service: one struct per thing, for every door.

use std::fmt;

use async_graphql::{ComplexObject, ID, InputObject, SimpleObject};
use entity::ids::{IdText, MediaId};
use entity::long::Long;
use entity::timestamp::Timestamp;
use poem_openapi::Object;
use serde::Serialize;

use crate::media::hash::FileHash;

/// Where a file comes from that a message is to carry.
#[derive(Clone, PartialEq, Eq)]
pub enum MediaSource {
    /// It was uploaded before: its id.
    Id(String),
    /// It is fetched from there, once, before the message is accepted.
    Url(String),
    /// Its bytes.
    Data(Vec<u8>),
}

impl fmt::Debug for MediaSource {
    /// Neither bytes nor addresses, which may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => f.debug_tuple("Id").field(id).finish(),
            Self::Url(_) => f.debug_tuple("Url").finish_non_exhaustive(),
            Self::Data(bytes) => write!(f, "Data({} bytes)", bytes.len()),
        }
    }
}

/// A file that is kept, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMedia {
    /// What it is called.
    pub hash: FileHash,
    /// Its size, bytes.
    pub size: u64,
    /// What it is, by its own bytes; `application/octet-stream` if they do not say.
    pub mimetype: String,
    /// What its giver calls it.
    pub file_name: Option<String>,
}

/// A file that a message is to carry: one that was uploaded before (`id`), one that the server fetches (`url`), or its bytes (`data`).
/// Exactly one of these three.
#[derive(Clone, PartialEq, Eq, Object, InputObject, Serialize)]
#[oai(example, skip_serializing_if_is_none)]
#[graphql(name = "MediaReferenceInput")]
pub struct MediaReference {
    /// The id that the upload of the file gave.
    pub id: Option<IdText>,
    /// An `http` or `https` address. The server fetches the file once, before the message is accepted: no redirects, at most 45 seconds,
    /// never larger than an upload may be.
    pub url: Option<String>,
    /// The bytes, base64: at most 8 MiB of bytes.
    pub data: Option<String>,
    /// What the file is called, 1 to 255 characters. What it was called when it was uploaded when absent.
    pub file_name: Option<String>,
    /// The media type, such as `text/csv`, of a file whose bytes do not say what it is. What they say counts otherwise.
    pub mimetype: Option<String>,
}

/// A [`MediaReference`] that keeps the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedReference {
    /// Where the file comes from.
    pub source: MediaSource,
    /// What it is to be called, if that was said.
    pub file_name: Option<String>,
    /// What it is if its bytes do not say, if that was said.
    pub mimetype: Option<String>,
}

/// What is said of an upload beside its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadOptions {
    /// What the file is called.
    pub file_name: Option<String>,
    /// The SHA-256 that it must have, hex.
    pub sha256: Option<String>,
    /// How many bytes there are, if that is known before.
    pub length: Option<u64>,
}

/// A file that was handed in to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Object, SimpleObject, Serialize)]
#[oai(example)]
#[graphql(complex)]
pub struct MediaFile {
    /// Generated id, by which messages name it.
    #[graphql(skip)]
    pub id: MediaId,
    /// Its media type by its own bytes, whatever was said of it; `application/octet-stream` if they do not say.
    pub mimetype: String,
    /// Its size, bytes.
    #[graphql(skip)]
    pub size: i64,
    /// SHA-256 of its bytes, hex.
    pub sha256: String,
    /// What it is called. Null if nobody said.
    pub file_name: Option<String>,
    /// Its width, pixels. Null if it has none or it is not known yet.
    pub width: Option<i32>,
    /// Its height, pixels. Null if it has none or it is not known yet.
    pub height: Option<i32>,
    /// How long it plays, seconds. Null if it does not or it is not known yet.
    pub seconds: Option<i32>,
    /// When it was handed in.
    pub created_at: Timestamp,
    /// Until when it is kept at least, unless the server runs out of room for files. Each use moves that.
    pub expires_at: Timestamp,
}

#[ComplexObject]
impl MediaFile {
    /// Generated id, by which messages name it.
    async fn id(&self) -> ID {
        ID(self.id.to_string())
    }

    /// Its size, bytes.
    async fn size(&self) -> Long {
        Long(self.size)
    }
}
