//! Chats whose messages disappear: who sets the timer says so in a message, and from then on both phones write it into everything
//! that can carry it, with the moment at which it was set.

use std::sync::Arc;

use wacore::proto_helpers::MessageExt as _;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::protocol_message::Type as ProtocolType;

use crate::phone::Phone;
use crate::world::State;

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

impl State {
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
