//! After how long messages in a chat disappear, as far as a message tells. Who changes it says so in a message of its own; whoever
//! writes while it is on says it with every message, and some say with it that it is off. That nothing is said says nothing: a program
//! that does not know the timer leaves it out as well.

use entity::timestamp::Timestamp;
use whatsapp_rust::types::message::{MessageInfo, MessageSource};
use whatsapp_rust::wacore_binary::{JidExt as _, Server};

use crate::event::body::EventBody;
use crate::event::timer::ChatTimer;
use crate::whatsapp::reading::message::content::{Content, int};
use crate::whatsapp::reading::party::name;

/// What a message tells beside what it says.
pub(super) fn of_content(content: &Content<'_>, info: &MessageInfo) -> Option<ChatTimer> {
    // Another text for an old message may tell the timer of then.
    let context = content.context.filter(|_| content.edit.is_none())?;
    let sent_at = Timestamp::from(info.timestamp);
    // The setting's own moment, by the clock of who set it. Nobody sends what is set later.
    let set_at = context.ephemeral_setting_timestamp.filter(|seconds| *seconds > 0);
    let set_at = set_at.map_or(sent_at, |seconds| Timestamp::from_millis(seconds.saturating_mul(1000)).min(sent_at));
    timer(&info.source, context.expiration?, set_at)
}

/// What a setting changed.
pub(super) fn of_setting(body: &EventBody, info: &MessageInfo) -> Option<ChatTimer> {
    let EventBody::DisappearingUpdate(update) = body else { return None };
    timer(&info.source, u32::try_from(update.seconds).ok()?, update.timestamp)
}

fn timer(source: &MessageSource, seconds: u32, set_at: Timestamp) -> Option<ChatTimer> {
    let chat = &source.chat;
    // Status updates and channels have none of their own.
    let has_timer = chat.is_group() || matches!(chat.server(), Server::Pn | Server::Lid);
    has_timer.then_some(ChatTimer { chat: name(chat), seconds: int(Some(seconds))?, set_at })
}
