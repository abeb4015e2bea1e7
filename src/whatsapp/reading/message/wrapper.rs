//! Wrappers: messages with a message in them, which say only how it is to be shown.

use whatsapp_rust::waproto::whatsapp as wa;

/// Wrappers that are taken off one message. Phones put three around each other at most.
const MOST: usize = 16;

/// A message without its wrappers, and what those said.
pub(super) struct Opened<'a> {
    pub(super) message: &'a wa::Message,
    /// Whether it can be seen once only.
    pub(super) is_view_once: bool,
    /// The message below which it is a comment.
    pub(super) comment_on: Option<&'a wa::MessageKey>,
}

/// The message in all its wrappers, whichever there are and in whichever order.
pub(super) fn opened(message: &wa::Message) -> Opened<'_> {
    let mut opened = Opened { message, is_view_once: is_view_once(message), comment_on: None };
    for _ in 0..MOST {
        let Some(inner) = inner(opened.message) else { break };
        let comment = opened.message.comment_message.as_option();
        opened.comment_on =
            opened.comment_on.or_else(|| comment.and_then(|comment| comment.target_message_key.as_option()));
        opened.message = inner;
        opened.is_view_once |= is_view_once(inner);
    }
    opened
}

/// Whether a message is marked, or is a wrapper that marks, as one that can be seen once.
fn is_view_once(message: &wa::Message) -> bool {
    let wrappers = [&message.view_once_message, &message.view_once_message_v2, &message.view_once_message_v2_extension];
    let marks = [
        message.image_message.as_option().and_then(|image| image.view_once),
        message.video_message.as_option().and_then(|video| video.view_once),
        message.audio_message.as_option().and_then(|audio| audio.view_once),
        message.extended_text_message.as_option().and_then(|text| text.view_once),
    ];
    wrappers.into_iter().any(|wrapper| wrapper.is_set()) || marks.contains(&Some(true))
}

fn inner(message: &wa::Message) -> Option<&wa::Message> {
    // All fields of this type that a message has.
    let wrappers = [
        &message.view_once_message,
        &message.ephemeral_message,
        &message.document_with_caption_message,
        &message.view_once_message_v2,
        &message.edited_message,
        &message.view_once_message_v2_extension,
        &message.group_mentioned_message,
        &message.bot_invoke_message,
        &message.lottie_sticker_message,
        &message.event_cover_image,
        &message.status_mention_message,
        &message.poll_creation_option_image_message,
        &message.associated_child_message,
        &message.group_status_mention_message,
        &message.poll_creation_message_v4,
        &message.status_add_yours,
        &message.group_status_message,
        &message.limit_sharing_message,
        &message.bot_task_message,
        &message.question_message,
        &message.group_status_message_v2,
        &message.bot_forwarded_message,
        &message.question_reply_message,
        &message.newsletter_admin_profile_message,
        &message.newsletter_admin_profile_message_v2,
        &message.spoiler_message,
        &message.newsletter_admin_profile_status_message,
    ];
    // What the account sent from another device; and what somebody writes below a message of a channel.
    let sent = message.device_sent_message.as_option().and_then(|sent| sent.message.as_option());
    let comment = message.comment_message.as_option().and_then(|comment| comment.message.as_option());
    sent.or(comment).or_else(|| wrappers.into_iter().find_map(|wrapper| wrapper.as_option()?.message.as_option()))
}
