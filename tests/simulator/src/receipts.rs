//! What devices say about deliveries: taken, read, or not readable. A delivery stays in the queue until it is taken.

use std::sync::Arc;

use wacore_binary::Node;

use crate::account::Delivery;
use crate::link::{DeviceKey, Link};
use crate::world::World;
use crate::{keys, messages, stanza};

/// Takes a receipt. `false` when its type is not known.
pub(crate) async fn take_receipt(world: &Arc<World>, link: &Arc<Link>, receipt: &Node) -> bool {
    let Some(key) = link.device() else { return false };
    let kind = stanza::attr_or_empty(receipt, "type");
    match kind.as_str() {
        "" | "inactive" | "peer_msg" | "sender" | "hist_sync" => acknowledge(world, key, ids(receipt)),
        // Reading says nothing about the delivery, which was acknowledged before.
        "read" | "read-self" | "played" | "played-self" => {}
        "retry" | "enc_rekey_retry" => {}
        _ => return false,
    }
    link.reply(stanza::ack("receipt", receipt)).await;
    if kind == "retry" {
        send_again(world, key, receipt).await;
    }
    true
}

/// Takes an acknowledgement of something that the server sent. `false` when its class is not known.
pub(crate) fn take_ack(world: &World, link: &Link, ack: &Node) -> bool {
    match (stanza::attr_or_empty(ack, "class").as_str(), link.device()) {
        ("notification" | "receipt" | "call", _) => true,
        ("message", Some(key)) => {
            acknowledge(world, key, ids(ack));
            true
        }
        _ => false,
    }
}

fn ids(stanza: &Node) -> Vec<String> {
    let listed = stanza.get_optional_child("list").map(stanza::children).unwrap_or_default();
    let own = stanza::attr(stanza, "id");
    own.into_iter().chain(listed.iter().filter_map(|item| stanza::attr(item, "id"))).collect()
}

fn acknowledge(world: &World, key: &DeviceKey, ids: Vec<String>) {
    let mut state = world.state.lock();
    let Some(device) = state.device_mut(key) else { return };
    let taken = ids.iter().filter(|id| device.acknowledge(id, &world.settings)).count();
    state.stats.acknowledged += taken as u64;
    state.pump(key, &world.settings);
}

/// A device could not read a message: start a new session with the keys it sent along, and send the message again.
async fn send_again(world: &Arc<World>, key: &DeviceKey, receipt: &Node) {
    let wanted = ids(receipt);
    let unread: Vec<Delivery> = {
        let mut state = world.state.lock();
        state.stats.retries += 1;
        let Some(device) = state.device_mut(key) else { return };
        wanted.iter().filter_map(|id| device.take_back(id)).collect()
    };
    keys::adopt_retry_keys(world, key, receipt);
    for delivery in unread {
        let letter = (*delivery.letter).clone();
        // A copy that another device encrypted can only be asked for there.
        if letter.plaintext.is_empty() {
            continue;
        }
        if let Some(signal) = world.signal(&letter.from) {
            signal.lock().await.forget(key);
        }
        messages::deliver(world, letter).await;
    }
}
