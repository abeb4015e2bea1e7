//! What can go wrong with the messages that an account's companions send: they are not taken, or taken and not
//! acknowledged. Only decides what is to happen to the next ones; `messages.rs` lets it happen.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::phone::Phone;
use crate::simulator::Simulator;
use crate::world::State;

/// Messages that one call may spoil.
const MOST_FAULTS: usize = 100_000;

/// What becomes of a message instead of being taken and acknowledged.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum MessageFault {
    /// Taken and delivered, but never acknowledged. Receipts still come.
    AckWithheld,
    /// Taken and delivered; the acknowledgement comes late.
    AckDelayed {
        /// How late, milliseconds.
        ms: u64,
    },
    /// Refused: acknowledged with an error and not taken.
    Nack {
        /// The error: 400, 403, 404, 405, 421, 463, 473, 475, 479, 503, ..
        code: u16,
    },
    /// The socket is reset, and nothing was taken.
    DropBeforeTaking,
    /// Taken and delivered; the socket is reset without an acknowledgement.
    DropAfterTaking,
    /// Taken and delivered; the socket is reset right behind the acknowledgement, which may or may not arrive.
    DropOnAck,
    /// Nothing goes wrong. In between others it lets a message pass.
    None,
}

impl State {
    /// What is to become of an account's next message.
    pub(crate) fn next_message_fault(&mut self, phone_number: &str) -> MessageFault {
        let faults = self.accounts.get_mut(phone_number).map(|account| &mut account.message_faults);
        faults.and_then(VecDeque::pop_front).unwrap_or(MessageFault::None)
    }
}

impl Phone {
    /// Lets something go wrong with the next messages that this account's companions send, after those that were
    /// spoiled before. Requests to the own phone and answers to retry receipts do not count.
    pub fn spoil_messages(&self, fault: MessageFault, count: usize) {
        if let Some(account) = self.world.state.lock().accounts.get_mut(&self.phone_number) {
            account.message_faults.extend(std::iter::repeat_n(fault, count.min(MOST_FAULTS)));
        }
    }

    /// Lets nothing go wrong with them after all.
    pub fn clear_message_faults(&self) {
        if let Some(account) = self.world.state.lock().accounts.get_mut(&self.phone_number) {
            account.message_faults.clear();
        }
    }

    /// What is still to go wrong, in order.
    pub fn message_faults(&self) -> Vec<MessageFault> {
        let state = self.world.state.lock();
        let faults = state.accounts.get(&self.phone_number).map(|account| account.message_faults.iter().copied());
        faults.into_iter().flatten().collect()
    }
}

impl Simulator {
    /// Lets something go wrong with the next `count` messages that companions of `phone_number` send; the phone is made
    /// when it does not exist.
    pub fn spoil_messages(&self, phone_number: &str, fault: MessageFault, count: usize) {
        self.phone(phone_number).spoil_messages(fault, count);
    }
}
