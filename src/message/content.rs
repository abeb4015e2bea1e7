//! What a message can say, for every door. One variant for each kind; what its fields must keep to is in `checked`.

pub mod album;
pub mod contact;
pub mod event;
pub mod location;
pub mod media;
pub mod poll;

use async_graphql::{InputObject, OneofObject};
use poem_openapi::{Object, Union};
use serde::Serialize;

use crate::message::content::album::AlbumContent;
use crate::message::content::contact::ContactContent;
use crate::message::content::event::EventContent;
use crate::message::content::location::LocationContent;
use crate::message::content::media::{
    AudioContent, DocumentContent, GifContent, ImageContent, StickerContent, VideoContent, VideoNoteContent,
    VoiceContent,
};
use crate::message::content::poll::PollContent;

/// What a message says.
#[derive(Clone, PartialEq, Union, OneofObject, Serialize)]
#[oai(discriminator_name = "type", one_of = true)]
#[serde(tag = "type", rename_all = "snake_case")]
#[graphql(name = "MessageContentInput")]
pub enum MessageContent {
    /// Text.
    #[oai(mapping = "text")]
    Text(TextContent),
    /// A picture.
    #[oai(mapping = "image")]
    Image(ImageContent),
    /// A video.
    #[oai(mapping = "video")]
    Video(VideoContent),
    /// A short video that repeats without sound.
    #[oai(mapping = "gif")]
    Gif(GifContent),
    /// A round video.
    #[oai(mapping = "ptv")]
    Ptv(VideoNoteContent),
    /// A piece of music or another recording.
    #[oai(mapping = "audio")]
    Audio(AudioContent),
    /// A voice message.
    #[oai(mapping = "voice")]
    Voice(VoiceContent),
    /// A file of any kind.
    #[oai(mapping = "document")]
    Document(DocumentContent),
    /// A sticker.
    #[oai(mapping = "sticker")]
    Sticker(StickerContent),
    /// Pictures and videos that are shown together.
    #[oai(mapping = "album")]
    Album(AlbumContent),
    /// A place.
    #[oai(mapping = "location")]
    Location(LocationContent),
    /// Contacts.
    #[oai(mapping = "contact")]
    Contact(ContactContent),
    /// A poll.
    #[oai(mapping = "poll")]
    Poll(PollContent),
    /// An event to which people say whether they come.
    #[oai(mapping = "event")]
    Event(EventContent),
}

/// A text.
#[derive(Clone, PartialEq, Object, InputObject, Serialize)]
#[oai(example, skip_serializing_if_is_none)]
#[graphql(name = "TextContentInput")]
pub struct TextContent {
    /// What it says: 1 to 65,536 characters.
    pub text: String,
    /// What is to be shown of a page that it links to. Nothing when absent: no page is fetched unless that is asked for.
    pub link_preview: Option<LinkPreview>,
}

/// What is shown of a page that a text links to: what you give, or what the page says about itself.
#[derive(Clone, PartialEq, Object, InputObject, Serialize)]
#[oai(example, skip_serializing_if_is_none)]
#[graphql(name = "LinkPreviewInput")]
pub struct LinkPreview {
    /// The link, as it stands in the text. Needed unless the page is fetched.
    pub url: Option<String>,
    /// The page's title, at most 300 characters.
    pub title: Option<String>,
    /// What the page says about itself, at most 1,000 characters.
    pub description: Option<String>,
    /// A small JPEG picture, base64, at most 64 KiB of bytes.
    pub thumbnail: Option<String>,
    /// Whether the server fetches the page of the first `http` or `https` link of the text, once, before the message is accepted; then
    /// nothing else may be given. It takes at most 3 seconds, reads 64 KiB of an HTML page (`og:title`, `og:description`, `og:image`, or
    /// else its title and description), follows 3 redirects, and takes a picture only if it is a JPEG of at most 64 KiB. A page that is
    /// none, cannot be reached or takes longer is no failure: the text is sent without a preview.
    #[oai(default)]
    #[graphql(default)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fetch: bool,
}
