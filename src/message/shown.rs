//! A message as it is shown: what was written down of it, and what is known of it if it was sent through this API.

use entity::words::message::MessageType;
use entity::words::outgoing::{Direction, MessageStatus};

use crate::event::index::{IndexedMessage, MessageKey, StoredMessage};
use crate::message::lookup::naming::album_ids;
use crate::message::store::outgoing::OutgoingRow;
use crate::message::store::transition::is_open;
use crate::message::types::{Message, MessageFailure};
use crate::whatsapp::compose;

/// A message as it was sent.
pub(super) fn shown(stored: StoredMessage, row: Option<OutgoingRow>) -> Message {
    let StoredMessage { message, position: _, created_at } = stored;
    let IndexedMessage { key, is_from_me, message_type, quoted_id, content, sent_at } = message;
    let MessageKey { session_id, chat, sender, message_id } = key;
    let known = row.as_ref().map(|row| &row.progress);
    let waits = known.filter(|known| is_open(known.status));
    let is_failed = known.filter(|known| known.status == MessageStatus::Failed);
    let album_items = (message_type == MessageType::Album && row.is_some())
        .then(|| compose::album_size(&content).map(|count| album_ids(&message_id, count)))
        .flatten();
    Message {
        id: message_id,
        session_id,
        direction: if is_from_me { Direction::Outgoing } else { Direction::Incoming },
        chat: known.map_or(chat, |known| known.recipient.clone()),
        sender,
        message_type,
        text: compose::reading::words(&content),
        target_id: compose::reading::target_id(&content),
        // What is about another message names it there as well.
        reply_to: quoted_id.filter(|_| !matches!(message_type, MessageType::Edit | MessageType::Revoke)),
        album_items,
        edited_at: None,
        revoked_at: None,
        timestamp: known.and_then(|known| known.sent_at).unwrap_or(sent_at),
        status: known.map(|known| known.status),
        failed: is_failed
            .and_then(|known| Some(MessageFailure { code: known.code?, upstream_code: known.upstream_code })),
        attempts: known.map(|known| known.attempts),
        send_at: waits.map(|known| known.due_at).filter(|due_at| *due_at > created_at),
        expires_at: waits.map(|known| known.expires_at),
        client_reference: row.as_ref().and_then(|row| row.client_reference.clone()),
        created_at,
        updated_at: row.map_or(created_at, |row| row.updated_at),
    }
}
