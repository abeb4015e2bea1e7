//! Albums: a head that says how many pictures and videos follow, and what says of each of these that it belongs to it.

use waproto::buffa::MessageField;
use waproto::codec::{message_decode, message_to_vec};
use waproto::whatsapp as wa;
use waproto::whatsapp::message::AlbumMessage;
use waproto::whatsapp::message_association::AssociationType;

use crate::whatsapp::compose::media::ShownAs;
use crate::whatsapp::compose::parts::{Context, Target, key, written};

/// The protobuf of the head of an album with these pictures and videos.
pub fn album(items: impl Iterator<Item = ShownAs>, context: &Context) -> Vec<u8> {
    let (mut images, mut videos) = (0_u32, 0_u32);
    for item in items {
        match item {
            ShownAs::Image => images = images.saturating_add(1),
            _ => videos = videos.saturating_add(1),
        }
    }
    let head = AlbumMessage {
        expected_image_count: Some(images),
        expected_video_count: Some(videos),
        context_info: context.info(),
    };
    written(wa::Message { album_message: MessageField::some(head), ..Default::default() }, context.secret)
}

/// The same picture or video, as a part of an album. None if it cannot be read.
pub fn in_album(content: &[u8], album: &Target) -> Option<Vec<u8>> {
    let mut message = message_decode(content).ok()?;
    let association = wa::MessageAssociation {
        association_type: Some(AssociationType::MEDIA_ALBUM),
        parent_message_key: MessageField::some(key(album)),
        ..Default::default()
    };
    message.message_context_info.get_or_insert_default().message_association = MessageField::some(association);
    Some(message_to_vec(&message))
}

/// How many pictures and videos belong to an album. None if it is no album.
pub fn album_size(content: &[u8]) -> Option<u32> {
    let message = message_decode(content).ok()?;
    let head = message.album_message.as_option()?;
    let (images, videos) = (head.expected_image_count, head.expected_video_count);
    Some(images.unwrap_or_default().saturating_add(videos.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whatsapp::compose::parts::SECRET_BYTES;
    use crate::whatsapp::compose::{FileContent, media};

    fn context() -> Context {
        Context { expiration: Some(86_400), secret: [3; SECRET_BYTES], ..Context::default() }
    }

    #[test]
    fn a_head_counts_what_follows() {
        let head = album([ShownAs::Image, ShownAs::Video, ShownAs::Image].into_iter(), &context());
        let read = message_decode(&head).expect("it is a message");
        let album = &read.album_message;
        assert_eq!((album.expected_image_count, album.expected_video_count), (Some(2), Some(1)));
        assert_eq!(album.context_info.expiration, Some(86_400));
        assert_eq!(album_size(&head), Some(3));
    }

    #[test]
    fn a_part_names_its_album_and_keeps_all_else() {
        let picture = media(ShownAs::Image, FileContent::default(), &context());
        let target = Target {
            chat: "15550100077@s.whatsapp.net".to_owned(),
            message_id: "A1".to_owned(),
            is_from_me: true,
            participant: None,
        };
        let part = in_album(&picture, &target).expect("it is a message");
        let mut read = message_decode(&part).expect("it is a message");
        let association = read.message_context_info.get_or_insert_default().message_association.take();
        let association = association.expect("it names its album");
        assert_eq!(association.association_type, Some(AssociationType::MEDIA_ALBUM));
        let key = &association.parent_message_key;
        assert_eq!((key.id.as_deref(), key.from_me), (Some("A1"), Some(true)));
        assert_eq!(key.remote_jid.as_deref(), Some("15550100077@s.whatsapp.net"));
        assert_eq!(message_to_vec(&read), picture);
        assert_eq!((album_size(&picture), in_album(&[0xff], &target)), (None, None));
    }
}
