//! What the document shows of messages with a file. Values, so that a new field breaks the build here.

use poem_openapi::types::Example;

use crate::media::types::MediaReference;
use crate::message::content::album::{AlbumContent, AlbumItem};
use crate::message::content::media::{
    AudioContent, DocumentContent, GifContent, ImageContent, StickerContent, VideoContent, VideoNoteContent,
    VoiceContent,
};

/// A file at an address.
fn at(url: &str) -> MediaReference {
    MediaReference { id: None, url: Some(url.to_owned()), data: None, file_name: None, mimetype: None }
}

impl Example for ImageContent {
    fn example() -> Self {
        let media = at("https://shop.example.com/tea.jpg");
        Self { media, caption: Some("Your tea".to_owned()), view_once: false, keep_metadata: false }
    }
}

impl Example for VideoContent {
    fn example() -> Self {
        let media = at("https://shop.example.com/tea.mp4");
        Self { media, caption: Some("How we make it".to_owned()), view_once: false, thumbnail: None }
    }
}

impl Example for AlbumContent {
    fn example() -> Self {
        Self { items: vec![AlbumItem::Image(ImageContent::example()), AlbumItem::Video(VideoContent::example())] }
    }
}

impl Example for GifContent {
    fn example() -> Self {
        Self { media: at("https://shop.example.com/steam.mp4"), caption: None, thumbnail: None }
    }
}

impl Example for VideoNoteContent {
    fn example() -> Self {
        Self { media: at("https://shop.example.com/hello.mp4"), thumbnail: None }
    }
}

impl Example for AudioContent {
    fn example() -> Self {
        Self { media: at("https://shop.example.com/song.mp3") }
    }
}

impl Example for VoiceContent {
    fn example() -> Self {
        Self { media: at("https://shop.example.com/hello.ogg"), waveform: None, seconds: None, view_once: false }
    }
}

impl Example for DocumentContent {
    fn example() -> Self {
        let media = at("https://shop.example.com/menu.pdf");
        Self { media, file_name: Some("menu.pdf".to_owned()), caption: Some("Our teas".to_owned()) }
    }
}

impl Example for StickerContent {
    fn example() -> Self {
        Self { media: at("https://shop.example.com/cup.webp") }
    }
}
