//! Answers to phones that could not read a message for many: the key comes with the message, or beside it.

use std::sync::Arc;

use anyhow::Result;
use wacore_binary::Node;
use waproto::whatsapp as wa;

use crate::group_send::{GroupSent, is_for_many};
use crate::link::DeviceKey;
use crate::messages::Sent;
use crate::signal::{SignalBox, open_message};
use crate::world::World;
use crate::{retries, stanza};

/// A phone that had asked gets the key in a message that is for everybody, or for it alone, once more.
pub(crate) async fn take_from_many(world: &Arc<World>, sent: &GroupSent, asker: &DeviceKey, enc: &Node) {
    let (id, from, to) = (sent.id.clone(), sent.from.clone(), sent.chat.clone());
    let sent = Sent { id, from, to, recipient: asker.clone(), message: sent.message.clone() };
    retries::take_copy(world, &sent, asker, enc).await;
}

/// What an answer says. In a group the key may come along, or come alone; then the message that it opens stands beside it.
pub(crate) async fn opened_with_key(signal: &mut SignalBox, sent: &Sent, padded: &[u8]) -> Result<wa::Message> {
    let message = open_message(padded)?;
    let chat = sent.to.to_string();
    let key = message.sender_key_distribution_message.axolotl_sender_key_distribution_message.clone();
    let Some(key) = key.filter(|_| is_for_many(&sent.to)) else { return Ok(message) };
    signal.sender_keys.learn(&chat, &sent.from, &key).await?;
    let beside = sent.message.get_optional_child("enc").filter(|enc| stanza::attr_or_empty(enc, "type") == "skmsg");
    let Some(sealed) = beside.and_then(stanza::bytes) else { return Ok(message) };
    open_message(&signal.sender_keys.open(&chat, &sent.from, &sealed).await?)
}
