//! The rules of albums. What an item breaks names the item.

use crate::error::{Error, Result};
use crate::message::content::album::{AlbumContent, AlbumItem};
use crate::message::request::checked::media::CheckedMedia;
use crate::message::rules::{ALBUM_MAX, ALBUM_MIN};

/// Checks an album.
///
/// # Errors
/// `Invalid`.
pub(super) fn album(content: AlbumContent) -> Result<Vec<CheckedMedia>> {
    let AlbumContent { items } = content;
    if !(ALBUM_MIN..=ALBUM_MAX).contains(&items.len()) {
        let rule = format!("must have {ALBUM_MIN} to {ALBUM_MAX} pictures and videos");
        return Err(Error::invalid("content.items", rule));
    }
    items.into_iter().enumerate().map(|(index, item)| self::item(item).map_err(|error| of_item(index, error))).collect()
}

fn item(item: AlbumItem) -> Result<CheckedMedia> {
    let media = match item {
        AlbumItem::Image(content) => CheckedMedia::image(content)?,
        AlbumItem::Video(content) => CheckedMedia::video(content)?,
    };
    if media.is_view_once {
        return Err(Error::invalid("content.view_once", "must not be true in an album"));
    }
    Ok(media)
}

/// A refusal of what one item of an album says: its field is the item's.
pub(in crate::message) fn of_item(index: usize, error: Error) -> Error {
    error.renamed(|field| match field.strip_prefix("content.") {
        Some(field) => format!("content.items[{index}].{field}"),
        None => field.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::types::MediaReference;
    use crate::message::content::media::ImageContent;

    fn image(url: Option<&str>, caption: &str, view_once: bool) -> AlbumItem {
        let media =
            MediaReference { id: None, url: url.map(str::to_owned), data: None, file_name: None, mimetype: None };
        AlbumItem::Image(ImageContent { media, caption: Some(caption.to_owned()), view_once, keep_metadata: false })
    }

    fn fine() -> AlbumItem {
        image(Some("https://shop.example.com/tea.jpg"), "tea", false)
    }

    #[test]
    fn what_breaks_a_rule_is_refused_with_the_item_that_does() {
        let url = Some("https://shop.example.com/tea.jpg");
        let number = "`content.items` must have 2 to 30 pictures and videos";
        let long = "x".repeat(65_537);
        let rows = [
            (vec![], number),
            (vec![fine()], number),
            (vec![fine(); 31], number),
            (
                vec![fine(), fine(), image(url, &long, false)],
                "`content.items[2].caption` must have at most 65536 characters",
            ),
            (vec![fine(), image(url, "tea", true)], "`content.items[1].view_once` must not be true in an album"),
        ];
        for (items, refusal) in rows {
            assert_eq!(album(AlbumContent { items }).err().expect(refusal).to_string(), refusal);
        }
        let none =
            album(AlbumContent { items: vec![fine(), image(None, "tea", false)] }).err().expect("it has no file");
        assert!(none.to_string().starts_with("`content.items[1].media"), "{none}");
        assert_eq!(album(AlbumContent { items: vec![fine(); 30] }).expect("it keeps the rules").len(), 30);
    }
}
