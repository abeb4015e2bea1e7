//! The key directory: devices publish their keys, check them, and fetch those of others.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, SERVER_JID};

use crate::account::DeviceKeys;
use crate::link::DeviceKey;
use crate::queries::Reply;
use crate::signal::PhoneBundle;
use crate::world::{World, now};
use crate::{letter, pairing, stanza};

/// Below this many one-time keys a device is asked for more.
const FEW_KEYS: usize = 5;

/// A device publishes keys: all of them at first, more one-time keys later.
pub(crate) fn upload(world: &World, key: &DeviceKey, iq: &Node) -> Reply {
    let keys = match read_keys(iq) {
        Ok(keys) => keys,
        Err(error) => {
            world.add_violation(format!("key upload: {error:#}"));
            return Reply::Error(406, "not-acceptable");
        }
    };
    let mut state = world.state.lock();
    let Some(device) = state.device_mut(key) else { return Reply::Error(404, "item-not-found") };
    if (device.identity, device.registration_id) != (keys.identity, keys.registration_id) {
        state.stats.add_violation("key upload: identity or registration id is not the one that was paired".to_owned());
        return Reply::Error(406, "not-acceptable");
    }
    match &mut device.keys {
        Some(known) => {
            known.registration_id = keys.registration_id;
            known.signed_key = keys.signed_key;
            for (id, public) in keys.one_time_keys {
                match known.one_time_keys.iter_mut().find(|(known, _)| *known == id) {
                    Some(known) => known.1 = public,
                    None => known.one_time_keys.push_back((id, public)),
                }
            }
        }
        none => *none = Some(keys),
    }
    Reply::done()
}

/// After an upload: what was waiting for keys can be encrypted now.
pub(crate) fn release_held(world: &Arc<World>, key: &DeviceKey) {
    let (world, key) = (Arc::clone(world), key.clone());
    // A task of its own: the connection that brought the keys may end before the last letter is encrypted.
    world.tasks.clone().spawn(async move { while letter::deliver_held(&world, &key).await {} });
}

/// A device replaces its signed pre-key.
pub(crate) fn rotate(world: &World, key: &DeviceKey, rotate: &Node) -> Reply {
    let mut state = world.state.lock();
    let Some(device) = state.device_mut(key) else { return Reply::Error(404, "item-not-found") };
    let (identity, keys) = (device.identity, device.keys.as_mut());
    match (keys, rotate.get_optional_child("skey").map(|node| read_signed_key(node, &identity))) {
        (Some(keys), Some(Ok(signed_key))) => {
            keys.signed_key = signed_key;
            Reply::done()
        }
        _ => {
            state.stats.add_violation("key rotation: no signed key, or its signature is wrong".to_owned());
            Reply::Error(406, "not-acceptable")
        }
    }
}

/// The keys as the server has them, for the device to compare.
pub(crate) fn digest(world: &World, key: &DeviceKey) -> Reply {
    let mut state = world.state.lock();
    let keys = state.device_mut(key).and_then(|device| device.keys.as_ref());
    let Some(keys) = keys else { return Reply::Error(404, "item-not-found") };
    let (id, public, signature) = &keys.signed_key;
    let publics: Vec<&[u8]> = keys.one_time_keys.iter().map(|(_, key)| key.as_slice()).collect();
    let hash = wacore::prekeys::compute_key_bundle_digest(&keys.identity, public, signature, &publics);
    let ids = keys.one_time_keys.iter().map(|(id, _)| stanza::leaf("id", stanza::key_id(*id)));
    let content = [
        stanza::leaf("registration", keys.registration_id.to_be_bytes()),
        stanza::leaf("type", [5]),
        stanza::leaf("identity", keys.identity),
        signed_key_node(*id, public, signature),
        NodeBuilder::new("list").children(ids).build(),
        stanza::leaf("hash", hash),
    ];
    Reply::with(NodeBuilder::new("digest").children(content).build())
}

/// How many one-time keys of a device are left.
pub(crate) fn count(world: &World, key: &DeviceKey) -> Reply {
    let mut state = world.state.lock();
    let keys = state.device_mut(key).and_then(|device| device.keys.as_ref());
    let count = keys.map_or(0, |keys| keys.one_time_keys.len());
    Reply::with(NodeBuilder::new("count").attr("value", count).build())
}

/// Hands out the keys of devices that somebody wants to write to. Each one-time key is given away once.
pub(crate) async fn hand_out(world: &Arc<World>, request: &Node) -> Reply {
    let mut users = Vec::new();
    for user in stanza::children(request) {
        let Some(jid) = stanza::jid(user, "jid") else { continue };
        let content = hand_out_one(world, &jid).await.unwrap_or_else(|| {
            vec![NodeBuilder::new("error").attr("code", 406_u16).attr("text", "not-acceptable").build()]
        });
        users.push(NodeBuilder::new("user").attr("jid", &jid).children(content).build());
    }
    Reply::with(NodeBuilder::new("list").children(users).build())
}

async fn hand_out_one(world: &Arc<World>, jid: &Jid) -> Option<Vec<Node>> {
    let key = world.state.lock().device_key(jid)?;
    if key.device == 0 {
        let signal = world.signal(&key.phone_number)?;
        return Some(phone_bundle(signal.lock().await.publish()));
    }
    let mut state = world.state.lock();
    let device = state.device_mut(&key)?;
    let identity = stanza::leaf("device-identity", device.signed_identity.clone());
    let keys = device.keys.as_mut()?;
    let one_time_key = keys.one_time_keys.pop_front();
    let (id, public, signature) = &keys.signed_key;
    let mut content = bundle_nodes(keys.registration_id, &keys.identity, signed_key_node(*id, public, signature));
    content.extend(one_time_key.map(|(id, public)| key_node(id, &public)));
    content.push(identity);
    remind(world, &mut state, &key);
    Some(content)
}

/// The keys that a phone sends along when it asks for a message again.
pub(crate) fn retry_keys(bundle: PhoneBundle) -> Node {
    let content = phone_bundle(bundle);
    // The registration id stands beside them.
    let content = content.into_iter().filter(|node| node.tag != "registration");
    NodeBuilder::new("keys").children(content).build()
}

fn phone_bundle(bundle: PhoneBundle) -> Vec<Node> {
    let (id, public, signature) = bundle.signed_key;
    let mut content = bundle_nodes(bundle.registration_id, &bundle.identity, signed_key_node(id, &public, &signature));
    content.push(key_node(bundle.one_time_key.0, &bundle.one_time_key.1));
    content
}

fn bundle_nodes(registration_id: u32, identity: &[u8; 32], signed_key: Node) -> Vec<Node> {
    vec![
        stanza::leaf("registration", registration_id.to_be_bytes()),
        stanza::leaf("type", [5]),
        stanza::leaf("identity", *identity),
        signed_key,
    ]
}

/// Asks a device for more one-time keys when few are left.
pub(crate) fn remind(world: &World, state: &mut crate::world::State, key: &DeviceKey) {
    let Some(device) = state.device_mut(key) else { return };
    let left = device.keys.as_ref().map_or(0, |keys| keys.one_time_keys.len());
    if left >= FEW_KEYS {
        return;
    }
    if let Some(link) = &device.link {
        let count = NodeBuilder::new("count").attr("value", left).build();
        let notification = NodeBuilder::new("notification")
            .attr("from", SERVER_JID)
            .attr("type", "encrypt")
            .attr("id", world.next_id())
            .attr("t", now())
            .children([count]);
        link.post(notification.build());
    }
}

fn key_node(id: u32, public: &[u8; 32]) -> Node {
    let content = [stanza::leaf("id", stanza::key_id(id)), stanza::leaf("value", *public)];
    NodeBuilder::new("key").children(content).build()
}

fn signed_key_node(id: u32, public: &[u8; 32], signature: &[u8]) -> Node {
    let content =
        [stanza::leaf("id", stanza::key_id(id)), stanza::leaf("value", *public), stanza::leaf("signature", signature)];
    NodeBuilder::new("skey").children(content).build()
}

fn read_keys(iq: &Node) -> Result<DeviceKeys> {
    let identity = stanza::child_key(iq, "identity").context("no identity")?;
    ensure!(stanza::child_bytes(iq, "type") == Some(vec![5]), "the key type is not 5");
    let signed_key = read_signed_key(iq.get_optional_child("skey").context("no signed key")?, &identity)?;
    let list = stanza::children(iq.get_optional_child("list").context("no one-time keys")?);
    let one_time_keys = list.iter().map(|key| {
        let id = stanza::child_number(key, "id").context("a key without a number")?;
        Ok((id, stanza::child_key(key, "value").context("a key without its value")?))
    });
    Ok(DeviceKeys {
        registration_id: stanza::child_number(iq, "registration").context("no registration id")?,
        identity,
        signed_key,
        one_time_keys: one_time_keys.collect::<Result<_>>()?,
    })
}

fn read_signed_key(node: &Node, identity: &[u8; 32]) -> Result<(u32, [u8; 32], Vec<u8>)> {
    let id = stanza::child_number(node, "id").context("the signed key has no number")?;
    let public = stanza::child_key(node, "value").context("the signed key has no value")?;
    let signature = stanza::child_bytes(node, "signature").context("the signed key has no signature")?;
    ensure!(pairing::is_key_signed(identity, &public, &signature), "the signature of the signed key is wrong");
    Ok((id, public, signature))
}

/// The keys that a device sends along when it asks for a message again.
pub(crate) fn adopt_retry_keys(world: &World, key: &DeviceKey, receipt: &Node) {
    let Some(sent) = receipt.get_optional_child("keys") else { return };
    let mut state = world.state.lock();
    let Some(device) = state.device_mut(key) else { return };
    let identity = device.identity;
    let one_time_key = sent
        .get_optional_child("key")
        .and_then(|node| Some((stanza::child_number(node, "id")?, stanza::child_key(node, "value")?)));
    let signed_key = sent.get_optional_child("skey").and_then(|node| read_signed_key(node, &identity).ok());
    if let (Some(keys), Some(signed_key)) = (&mut device.keys, signed_key) {
        keys.signed_key = signed_key;
        if let Some(one_time_key) = one_time_key {
            keys.one_time_keys.push_front(one_time_key);
        }
    }
}
