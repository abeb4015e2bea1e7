//! Chats whose messages disappear: who sets the timer says so in a message, and from then on both phones write it into everything
//! that can carry it, with the moment at which it was set.

use std::collections::BTreeMap;
use std::sync::Arc;

use wacore::proto_helpers::MessageExt as _;
use wacore_binary::Node;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::protocol_message::Type as ProtocolType;

use crate::link::DeviceKey;
use crate::phone::Phone;
use crate::queries::Reply;
use crate::stanza;
use crate::summary::unwrapped;
use crate::world::{State, World, now};

/// The timer of a chat.
#[derive(Clone, Copy)]
pub(crate) struct Timer {
    pub(crate) seconds: u32,
    /// Unix seconds.
    pub(crate) set_at: i64,
}

impl Timer {
    /// What a message sets, if it is one that does.
    fn set_by(message: &wa::Message) -> Option<Self> {
        let protocol = message.protocol_message.as_option()?;
        let is_setting = protocol.r#type == Some(ProtocolType::EPHEMERAL_SETTING);
        is_setting.then(|| Self {
            seconds: protocol.ephemeral_expiration.unwrap_or_default(),
            set_at: protocol.ephemeral_setting_timestamp.unwrap_or_default(),
        })
    }

    /// The message as a phone writes it while this timer is on.
    fn on(self, mut message: wa::Message) -> wa::Message {
        // A bare text becomes one that can carry it. What cannot, such as a reaction, stays as it is.
        if self.seconds > 0
            && message.set_ephemeral_expiration(self.seconds)
            && let Some(text) = message.extended_text_message.as_option_mut()
            && let Some(context) = text.context_info.as_option_mut()
        {
            context.ephemeral_setting_timestamp = Some(self.set_at);
        }
        message
    }
}

impl Phone {
    /// What this phone writes when its owner sends this to a person.
    pub(crate) fn timed(&self, to: &str, content: wa::Message) -> wa::Message {
        let mut state = self.world.state.lock();
        if let Some(timer) = Timer::set_by(&content) {
            state.set_timer([&self.phone_number, to], timer);
            return content;
        }
        let account = state.accounts.get(&self.phone_number);
        match account.and_then(|account| account.timers.get(to)).copied() {
            Some(timer) => timer.on(content),
            None => content,
        }
    }
}

/// A companion sets after how many seconds the messages of new chats disappear.
pub(crate) fn take_default(world: &World, device: &DeviceKey, mode: &Node) -> Reply {
    let seconds = stanza::attr(mode, "duration").and_then(|seconds| seconds.parse().ok());
    let mut state = world.state.lock();
    match (seconds, state.accounts.get_mut(&device.phone_number)) {
        (Some(seconds), Some(account)) => {
            account.default_timer = seconds;
            Reply::done()
        }
        _ => Reply::Error(400, "bad-request"),
    }
}

impl Phone {
    /// The timer of this phone's chat with somebody, seconds; 0 when its messages stay. `None` when it was never set.
    pub fn chat_timer(&self, with: &str) -> Option<u32> {
        let state = self.world.state.lock();
        state.accounts.get(&self.phone_number)?.timers.get(with).map(|timer| timer.seconds)
    }

    /// The timers of this phone's chats that were ever set, by phone number, in seconds.
    pub fn chat_timers(&self) -> BTreeMap<String, u32> {
        let state = self.world.state.lock();
        let timers = state.accounts.get(&self.phone_number).map(|account| account.timers.iter());
        timers.into_iter().flatten().map(|(with, timer)| (with.to_string(), timer.seconds)).collect()
    }

    /// After how many seconds the messages of this account's new chats disappear; 0 when they stay.
    pub fn default_timer(&self) -> u32 {
        let state = self.world.state.lock();
        state.accounts.get(&self.phone_number).map_or(0, |account| account.default_timer)
    }

    /// What this phone writes to a group whose messages disappear.
    pub(crate) fn timed_in_group(&self, group: &str, content: wa::Message) -> wa::Message {
        let state = self.world.state.lock();
        let seconds =
            group.parse().ok().and_then(|jid| state.group_of(&jid)).map_or(0, |group| group.ephemeral_seconds);
        Timer { seconds, set_at: now() as i64 }.on(content)
    }
}

impl State {
    /// Two phones learn of a timer that a companion sets for their chat.
    pub(crate) fn note_timer(&mut self, chat: [&str; 2], message: &wa::Message) {
        if let Some(timer) = Timer::set_by(unwrapped(message)) {
            self.set_timer(chat, timer);
        }
    }

    /// Both phones of a chat know its timer.
    fn set_timer(&mut self, chat: [&str; 2], timer: Timer) {
        let [one, other] = chat;
        for (own, partner) in [(one, other), (other, one)] {
            if let Some(account) = self.accounts.get_mut(own) {
                account.timers.insert(Arc::from(partner), timer);
            }
        }
    }
}
