//! What an album can say.

use async_graphql::{InputObject, OneofObject};
use poem_openapi::{Object, Union};
use serde::Serialize;

use crate::message::content::media::{ImageContent, VideoContent};

/// Pictures and videos that phones show together. Each is a message of its own: it has its own id, its own state and its own failures, and
/// its id is in `album_items` of the answer. The album itself is sent at once, each picture and video as soon as its file is uploaded, one
/// after the other in this order. One that fails is missing in the album, and the others are sent all the same; if the album itself fails,
/// is cancelled or removed, they are still sent, and phones show each by itself. An album cannot be a status. Those in `mentions` are
/// mentioned by each item that has a caption.
#[derive(Clone, PartialEq, Object, InputObject, Serialize)]
#[oai(example)]
#[graphql(name = "AlbumContentInput")]
pub struct AlbumContent {
    /// The pictures and videos, 2 to 30. None of them can be opened only once.
    pub items: Vec<AlbumItem>,
}

/// A picture or video of an album.
#[derive(Clone, PartialEq, Union, OneofObject, Serialize)]
#[oai(discriminator_name = "type", one_of = true)]
#[serde(tag = "type", rename_all = "snake_case")]
#[graphql(name = "AlbumItemInput")]
pub enum AlbumItem {
    /// A picture.
    #[oai(mapping = "image")]
    Image(ImageContent),
    /// A video.
    #[oai(mapping = "video")]
    Video(VideoContent),
}
