//! The rules of the preview that is asked for. Each refusal names the field and the rule.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::{Error, Result};
use crate::message::content::LinkPreview;
use crate::message::preview::link;
use crate::whatsapp::compose::Preview;

/// Longest title of a preview, characters.
pub const TITLE_MAX: usize = 300;
/// Longest description of a preview, characters.
pub const DESCRIPTION_MAX: usize = 1_000;
/// Largest picture of a preview, bytes: it is a part of the message itself.
pub(super) const THUMBNAIL_MAX: usize = 64 * 1024;

/// What is to be shown of a page that a text links to.
#[derive(Clone)]
pub(in crate::message) enum WantedPreview {
    /// This.
    Given(Preview),
    /// What the page with this address says about itself.
    Fetched(String),
}

/// Checks the preview that is asked for with a text. None if the text has no link of which a page could be fetched.
///
/// # Errors
/// `Invalid`.
pub(in crate::message) fn preview(preview: LinkPreview, text: &str) -> Result<Option<WantedPreview>> {
    let LinkPreview { url, title, description, thumbnail, fetch } = preview;
    if fetch {
        if [&url, &title, &description, &thumbnail].into_iter().any(Option::is_some) {
            return Err(Error::invalid("content.link_preview", "must have nothing beside `fetch` when that is true"));
        }
        return Ok(link::first(text).map(|link| WantedPreview::Fetched(link.to_owned())));
    }
    let Some(url) = url else {
        return Err(Error::invalid("content.link_preview.url", "must be there unless the page is fetched"));
    };
    if url.is_empty() || !text.contains(&url) {
        return Err(Error::invalid("content.link_preview.url", "must stand in the text"));
    }
    let short = |field: &str, text: Option<String>, most: usize| match text {
        Some(text) if text.chars().count() > most => {
            Err(Error::invalid(field, format!("must have at most {most} characters")))
        }
        text => Ok(text),
    };
    Ok(Some(WantedPreview::Given(Preview {
        url,
        title: short("content.link_preview.title", title, TITLE_MAX)?,
        description: short("content.link_preview.description", description, DESCRIPTION_MAX)?,
        thumbnail: thumbnail.map(|text| thumbnail_of(&text)).transpose()?,
    })))
}

fn thumbnail_of(text: &str) -> Result<Vec<u8>> {
    let refused = |rule: &str| Error::invalid("content.link_preview.thumbnail", rule);
    let bytes = STANDARD.decode(text).map_err(|_| refused("must be base64"))?;
    if bytes.len() > THUMBNAIL_MAX {
        return Err(refused("must have at most 64 KiB"));
    }
    if !is_jpeg(&bytes) {
        return Err(refused("must be a JPEG picture"));
    }
    Ok(bytes)
}

/// Whether these bytes begin as a JPEG picture does.
pub(in crate::message) fn is_jpeg(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff, 0xd8, 0xff])
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: LinkPreview =
        LinkPreview { url: None, title: None, description: None, thumbnail: None, fetch: false };

    #[test]
    fn a_preview_is_given_or_fetched_and_not_both() {
        let text = "tea: https://shop.example/tea";
        let url = || Some("https://shop.example/tea".to_owned());
        let refusal = |preview| self::preview(preview, text).err().map(|error| error.to_string());
        let none = refusal(NOTHING).expect("it is refused");
        assert_eq!(none, "`content.link_preview.url` must be there unless the page is fetched");
        let both =
            refusal(LinkPreview { fetch: true, title: Some("Tea".to_owned()), ..NOTHING }).expect("it is refused");
        assert_eq!(both, "`content.link_preview` must have nothing beside `fetch` when that is true");
        let Ok(Some(WantedPreview::Given(given))) = preview(LinkPreview { url: url(), ..NOTHING }, text) else {
            panic!("it is given")
        };
        assert_eq!(Some(given.url), url());
        let fetch = || LinkPreview { fetch: true, ..NOTHING };
        let Ok(Some(WantedPreview::Fetched(link))) = preview(fetch(), text) else { panic!("it is fetched") };
        assert_eq!(Some(link), url());
        // Who always asks for it may send a text without a link.
        assert!(matches!(preview(fetch(), "tea"), Ok(None)));
    }

    #[test]
    fn a_picture_is_a_small_jpeg() {
        let refusal = |bytes: &[u8]| thumbnail_of(&STANDARD.encode(bytes)).err().map(|error| error.to_string());
        let mut large = vec![0xff; THUMBNAIL_MAX + 1];
        large[1] = 0xd8;
        assert_eq!(refusal(&large).as_deref(), Some("`content.link_preview.thumbnail` must have at most 64 KiB"));
        assert_eq!(refusal(&large[1..]).as_deref(), Some("`content.link_preview.thumbnail` must be a JPEG picture"));
        assert_eq!(refusal(&large[..THUMBNAIL_MAX]), None);
        assert!(thumbnail_of("?").is_err());
    }
}
