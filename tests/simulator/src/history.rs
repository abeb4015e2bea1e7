//! What a phone tells a new companion of the time before: one small blob, inside of the message that announces it. The
//! tokens, the salt and the pairs of numbers in it are what a companion needs to write to people that it already knows.

use std::sync::Arc;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use waproto::buffa::{Message as _, MessageField};
use waproto::whatsapp as wa;
use waproto::whatsapp::history_sync::HistorySyncType;
use waproto::whatsapp::message::protocol_message::Type as ProtocolType;
use waproto::whatsapp::message::{HistorySyncNotification, ProtocolMessage};

use crate::account::Account;
use crate::envelope::Envelope;
use crate::letter::{self, Letter, Role};
use crate::link::DeviceKey;
use crate::phone::Phone;
use crate::stanza;
use crate::world::{State, World, now};

/// Bytes of the largest block of a stream that is not compressed; src: RFC 1951, 3.2.4.
const LARGEST_BLOCK: usize = 65_535;

/// What a phone tells its next companions of the time before.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct History {
    /// Whether it tells anything.
    pub is_sent: bool,
    /// The chats; those with everybody that the phone knows when it is none.
    pub chats: Option<Vec<HistoryChat>>,
    /// Whether the salt is in it that tokens for strangers are made from.
    pub has_salt: bool,
    /// Whether it says which hidden number belongs to which phone number.
    pub has_pairs: bool,
}

/// A chat of the time before.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryChat {
    /// The other one.
    pub phone_number: String,
    /// Whether the token is in it that the other one has given; none when none was.
    #[serde(default = "yes")]
    pub has_token: bool,
    /// After how long messages disappear, seconds.
    pub ephemeral_seconds: Option<u32>,
}

fn yes() -> bool {
    true
}

impl Default for History {
    fn default() -> Self {
        Self { is_sent: true, chats: None, has_salt: true, has_pairs: true }
    }
}

impl HistoryChat {
    /// A chat with a token, if there is one, and without a timer.
    pub fn with(phone_number: &str) -> Self {
        Self { phone_number: phone_number.to_owned(), has_token: true, ephemeral_seconds: None }
    }
}

/// The phone tells a device that was just linked.
pub(crate) async fn send(world: &Arc<World>, to: &DeviceKey) {
    let Some(history) = world.state.lock().history_for(&to.phone_number) else { return };
    let payload = zlib(&history.encode_to_vec());
    let notification = HistorySyncNotification {
        file_length: Some(payload.len() as u64),
        sync_type: Some(wa::message::HistorySyncType::INITIAL_BOOTSTRAP),
        chunk_order: Some(1),
        progress: Some(100),
        initial_hist_bootstrap_inline_payload: Some(payload),
        ..Default::default()
    };
    let protocol = ProtocolMessage {
        r#type: Some(ProtocolType::HISTORY_SYNC_NOTIFICATION),
        history_sync_notification: MessageField::some(notification),
        ..Default::default()
    };
    let message = wa::Message { protocol_message: MessageField::some(protocol), ..Default::default() };
    let letter = Letter {
        id: world.message_id(),
        from: Arc::clone(&to.phone_number),
        to: to.clone(),
        timestamp: now(),
        role: Role::Peer,
        envelope: Envelope::text(),
        plaintext: letter::padded(&message),
        attempt: 0,
        is_hopeless: false,
    };
    letter::deliver(world, letter).await;
}

impl State {
    fn history_for(&self, phone_number: &str) -> Option<wa::HistorySync> {
        let account = self.accounts.get(phone_number).filter(|account| account.history.is_sent)?;
        let everybody = || account.contacts.iter().map(|number| HistoryChat::with(number)).collect();
        let chats = account.history.chats.clone().unwrap_or_else(everybody);
        let people: Vec<(&HistoryChat, &Account)> =
            chats.iter().filter_map(|chat| Some((chat, self.accounts.get(chat.phone_number.as_str())?))).collect();
        let pair = |(_, other): &(&HistoryChat, &Account)| wa::PhoneNumberToLIDMapping {
            pn_jid: Some(stanza::phone_jid(&other.phone_number).to_string()),
            lid_jid: Some(stanza::lid_jid(&other.lid).to_string()),
        };
        let pairs = if account.history.has_pairs { people.iter().map(pair).collect() } else { Vec::new() };
        Some(wa::HistorySync {
            sync_type: HistorySyncType::INITIAL_BOOTSTRAP,
            conversations: people.iter().map(|(chat, other)| conversation(account, chat, other)).collect(),
            chunk_order: Some(1),
            progress: Some(100),
            phone_number_to_lid_mappings: pairs,
            nct_salt: account.history.has_salt.then(|| account.standing.salt.to_vec()),
            ..Default::default()
        })
    }
}

fn conversation(account: &Account, chat: &HistoryChat, other: &Account) -> wa::Conversation {
    let jid = match account.is_migrated {
        true => stanza::lid_jid(&other.lid),
        false => stanza::phone_jid(&other.phone_number),
    };
    let token = other.standing.tokens_given.get(&account.phone_number).filter(|_| chat.has_token);
    let given = account.standing.tokens_given.get(&other.phone_number);
    wa::Conversation {
        id: jid.to_string(),
        conversation_timestamp: Some(now()),
        name: Some(other.push_name.clone()),
        ephemeral_expiration: chat.ephemeral_seconds,
        ephemeral_setting_timestamp: chat.ephemeral_seconds.map(|_| now() as i64),
        tc_token: token.map(|token| token.bytes.clone()),
        tc_token_timestamp: token.map(|token| token.timestamp),
        tc_token_sender_timestamp: given.map(|given| given.timestamp),
        ..Default::default()
    }
}

/// A zlib stream that is not compressed: the blob is small, and every client can read it.
pub(crate) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let blocks = bytes.len().div_ceil(LARGEST_BLOCK).max(1);
    for index in 0..blocks {
        let block = &bytes[index * LARGEST_BLOCK..bytes.len().min((index + 1) * LARGEST_BLOCK)];
        let length = block.len() as u16;
        stream.push(u8::from(index + 1 == blocks));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(block);
    }
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in bytes {
        low = (low + u32::from(*byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    stream.extend((high << 16 | low).to_be_bytes());
    stream
}

impl Phone {
    /// What this phone tells its next companions of the time before; a small blob about everybody it knows by default.
    ///
    /// # Errors
    /// The simulator has no phone with one of the numbers.
    pub fn set_history(&self, history: History) -> Result<()> {
        let mut state = self.world.state.lock();
        for chat in history.chats.iter().flatten() {
            ensure!(state.accounts.contains_key(chat.phone_number.as_str()), "there is no phone {}", chat.phone_number);
        }
        if let Some(account) = state.accounts.get_mut(&self.phone_number) {
            account.history = history;
        }
        Ok(())
    }
}
