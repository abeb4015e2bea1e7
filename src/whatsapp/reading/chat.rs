//! What happens in and to chats, beside messages. Whether a chat is a group is told by its JID: the library's `is_group` is
//! true for broadcast lists, and false in every receipt.

use entity::timestamp::Timestamp;
use entity::words::chat::{ChatState, ReceiptKind, UndecryptableReason};
use whatsapp_rust::types::events::{Event, Receipt, UnavailableType};
use whatsapp_rust::types::message::MessageInfo;
use whatsapp_rust::types::presence::{ChatPresence, ChatPresenceMedia, ReceiptType};
use whatsapp_rust::wacore_binary::JidExt as _;

use crate::event::body::EventBody;
use crate::event::body::chat::{
    ArchiveUpdateEvent, ChatPresenceEvent, DisappearingUpdateEvent, MarkChatAsReadEvent, MuteUpdateEvent,
    PinUpdateEvent, PresenceEvent, ReceiptEvent, UndecryptableMessageEvent,
};
use crate::event::body::session::{OfflineSyncCompletedEvent, OfflineSyncPreviewEvent};
use crate::whatsapp::reading::party::{name, partner, partner_of, party, sender};

/// None if it is not about a chat, or no news.
pub(super) fn body(event: &Event) -> Option<EventBody> {
    Some(match event {
        Event::Receipt(receipt) => EventBody::Receipt(read_receipt(receipt)?),
        Event::Presence(presence) => EventBody::Presence(PresenceEvent {
            contact: party(&presence.from, None),
            is_online: !presence.unavailable,
            last_seen: presence.last_seen.map(Timestamp::from),
        }),
        Event::ChatPresence(presence) => EventBody::ChatPresence(ChatPresenceEvent {
            chat: name(&presence.source.chat),
            partner: partner_of(&presence.source, None),
            is_group: presence.source.chat.is_group(),
            sender: sender(&presence.source, None),
            state: match (presence.state, presence.media) {
                (ChatPresence::Composing, ChatPresenceMedia::Text) => ChatState::Composing,
                (ChatPresence::Composing, ChatPresenceMedia::Audio) => ChatState::Recording,
                (ChatPresence::Paused, _) => ChatState::Paused,
            },
        }),
        Event::PinUpdate(update) => EventBody::PinUpdate(PinUpdateEvent {
            chat: name(&update.jid),
            partner: partner(&update.jid, None),
            is_pinned: update.action.pinned.unwrap_or(false),
            timestamp: update.timestamp.into(),
        }),
        Event::MuteUpdate(update) => {
            let until = update.action.mute_end_timestamp.filter(|millis| *millis > 0);
            let is_muted = update.action.muted.unwrap_or(false);
            EventBody::MuteUpdate(MuteUpdateEvent {
                chat: name(&update.jid),
                partner: partner(&update.jid, None),
                is_muted,
                muted_until: until.filter(|_| is_muted).map(Timestamp::from_millis),
                timestamp: update.timestamp.into(),
            })
        }
        Event::ArchiveUpdate(update) => EventBody::ArchiveUpdate(ArchiveUpdateEvent {
            chat: name(&update.jid),
            partner: partner(&update.jid, None),
            is_archived: update.action.archived.unwrap_or(false),
            timestamp: update.timestamp.into(),
        }),
        Event::MarkChatAsReadUpdate(update) => EventBody::MarkChatAsRead(MarkChatAsReadEvent {
            chat: name(&update.jid),
            partner: partner(&update.jid, None),
            is_read: update.action.read.unwrap_or(false),
            timestamp: update.timestamp.into(),
        }),
        Event::DisappearingModeChanged(changed) => EventBody::DisappearingUpdate(DisappearingUpdateEvent {
            chat: name(&changed.from),
            partner: partner(&changed.from, None),
            author: Some(party(&changed.from, None)),
            is_default: true,
            seconds: i32::try_from(changed.duration).ok()?,
            timestamp: changed.setting_timestamp.into(),
        }),
        Event::UndecryptableMessage(message) => EventBody::UndecryptableMessage(undecryptable(
            &message.info,
            message.is_unavailable,
            message.unavailable_type,
        )),
        Event::OfflineSyncPreview(preview) => EventBody::OfflineSyncPreview(OfflineSyncPreviewEvent {
            total: preview.total,
            messages: preview.messages,
            receipts: preview.receipts,
            notifications: preview.notifications,
            app_data_changes: preview.app_data_changes,
            calls: preview.calls,
        }),
        Event::OfflineSyncCompleted(completed) => {
            EventBody::OfflineSyncCompleted(OfflineSyncCompletedEvent { count: completed.count })
        }
        _ => return None,
    })
}

/// None for a kind that tells nothing of a message.
fn read_receipt(receipt: &Receipt) -> Option<ReceiptEvent> {
    Some(ReceiptEvent {
        chat: name(&receipt.source.chat),
        partner: partner_of(&receipt.source, None),
        is_group: receipt.source.chat.is_group(),
        sender: sender(&receipt.source, None),
        message_ids: receipt.message_ids.clone(),
        kind: receipt_kind(&receipt.r#type)?,
        timestamp: receipt.timestamp.into(),
        offline: receipt.offline,
    })
}

fn undecryptable(info: &MessageInfo, is_unavailable: bool, kind: UnavailableType) -> UndecryptableMessageEvent {
    UndecryptableMessageEvent {
        message_id: info.id.clone(),
        chat: name(&info.source.chat),
        partner: partner_of(&info.source, info.peer_recipient_pn.as_ref()),
        is_from_me: info.source.is_from_me,
        is_group: info.source.chat.is_group(),
        sender: sender(&info.source, Some(&info.push_name)),
        reason: match kind {
            UnavailableType::ViewOnce => UndecryptableReason::ViewOnce,
            _ if is_unavailable => UndecryptableReason::Unavailable,
            _ => UndecryptableReason::Failed,
        },
        timestamp: info.timestamp.into(),
    }
}

/// What became of a message. What devices say to each other about keys, and that one of them asks for media to be uploaded once
/// more, is no news.
fn receipt_kind(kind: &ReceiptType) -> Option<ReceiptKind> {
    Some(match kind {
        ReceiptType::Delivered | ReceiptType::Inactive => ReceiptKind::Delivered,
        ReceiptType::Read => ReceiptKind::Read,
        ReceiptType::ReadSelf => ReceiptKind::ReadSelf,
        ReceiptType::Played => ReceiptKind::Played,
        ReceiptType::PlayedSelf => ReceiptKind::PlayedSelf,
        ReceiptType::Sent => ReceiptKind::Failed,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use whatsapp_rust::types::message::MessageSource;

    use super::*;

    /// The chats of one person, a group, a broadcast list and the status updates, with what the library says of them.
    fn sources() -> [(MessageSource, bool); 4] {
        let source = |chat: &str, is_group| MessageSource {
            chat: chat.parse().expect("it is a JID"),
            sender: "15550100077@s.whatsapp.net".parse().expect("it is a JID"),
            is_group,
            ..Default::default()
        };
        [
            (source("15550100077@s.whatsapp.net", false), false),
            (source("120363000000000001@g.us", false), true),
            (source("1767143264@broadcast", true), false),
            (source("status@broadcast", true), false),
        ]
    }

    #[test]
    fn a_receipt_is_from_a_group_when_its_chat_is_one() {
        for (source, is_group) in sources() {
            let receipt = Receipt::builder()
                .message_ids(vec!["M1".to_owned()])
                .source(source)
                .timestamp(Default::default())
                .r#type(ReceiptType::Read)
                .offline(false)
                .build();
            let Some(EventBody::Receipt(receipt)) = body(&Event::Receipt(receipt)) else { panic!("it is news") };
            assert_eq!(receipt.is_group, is_group, "{}", receipt.chat);
        }
    }

    #[test]
    fn what_cannot_be_read_is_from_a_group_when_its_chat_is_one() {
        for (source, is_group) in sources() {
            let info = MessageInfo { source, ..Default::default() };
            let event = undecryptable(&info, false, UnavailableType::Unknown);
            assert_eq!(event.is_group, is_group, "{}", event.chat);
        }
    }

    #[test]
    fn what_cannot_be_read_says_whether_the_account_sent_it() {
        for is_from_me in [true, false] {
            let source = MessageSource { is_from_me, ..Default::default() };
            let event = undecryptable(&MessageInfo { source, ..Default::default() }, false, UnavailableType::Unknown);
            assert_eq!(event.is_from_me, is_from_me);
        }
    }

    #[test]
    fn what_devices_say_about_keys_and_uploads_is_no_news() {
        assert_eq!(receipt_kind(&ReceiptType::Retry), None);
        assert_eq!(receipt_kind(&ReceiptType::ServerError), None);
        assert_eq!(receipt_kind(&ReceiptType::Other("new".to_owned())), None);
        assert_eq!(receipt_kind(&ReceiptType::Read), Some(ReceiptKind::Read));
    }
}
