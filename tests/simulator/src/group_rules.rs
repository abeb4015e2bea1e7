//! The server's rules for messages to groups and for the status: who may write, and which devices must be given the key.

use std::collections::HashSet;

use wacore_binary::Server;
use wacore_libsignal::protocol::SenderKeyMessage;
use waproto::whatsapp as wa;

use crate::group::{Addressing, Rank};
use crate::group_send::{GroupSent, is_status};
use crate::link::DeviceKey;
use crate::world::{State, World};
use crate::{rules, stanza};

/// The devices to which a device has given the key of its chain in a chat.
pub(crate) struct KeyHolders {
    chain: u32,
    devices: HashSet<DeviceKey>,
}

/// The error with which the server refuses a message. Only 421 and 479 were seen by others (Baileys#1807, wacore send/group.rs); which codes
/// the others are nobody has written down.
pub(crate) fn refusal(state: &State, sent: &GroupSent) -> Option<u16> {
    let mode = stanza::attr(&sent.message, "addressing_mode");
    if is_status(&sent.chat) {
        return mode.is_some().then_some(479);
    }
    let Some(group) = state.group_of(&sent.chat) else { return Some(404) };
    let Some(rank) = group.members.get(&sent.from.phone_number) else { return Some(403) };
    if group.is_announcement && *rank == Rank::Member {
        return Some(405);
    }
    mode.is_some_and(|mode| mode != group.addressing.word()).then_some(421)
}

/// Records every rule that a message breaks.
pub(crate) fn judge(world: &World, sent: &GroupSent, opened: Option<&wa::Message>) {
    let mut state = world.state.lock();
    let mut broken = state.wrong_addresses(sent);
    broken.extend(state.missing_keys(sent, world));
    if let Some(enc) = sent.enc() {
        let kind = stanza::attr_or_empty(enc, "type");
        if kind != "skmsg" {
            broken.push(format!("what is encrypted for everybody is {kind:?}, not skmsg"));
        }
    }
    if let Some(message) = opened {
        broken.extend(rules::content_rules(&sent.message, message));
        broken.extend(rules::meta_rules(&sent.message, message));
        if message.device_sent_message.is_set() {
            broken.push("it is a DeviceSentMessage, which is for people".to_owned());
        }
    }
    for rule in broken {
        state.stats.add_violation(format!("message {}: {rule}", sent.id));
    }
}

impl State {
    /// Keys that are addressed in another way than the members know each other, to nobody or to a stranger. One for the
    /// sending device itself is allowed, because Baileys sends it.
    fn wrong_addresses(&self, sent: &GroupSent) -> Vec<String> {
        let server = match sent.addressing {
            Addressing::Lid => Server::Lid,
            Addressing::PhoneNumber => Server::Pn,
        };
        let mut wrong = Vec::new();
        for (jid, _) in sent.keys() {
            match self.device_key(&jid) {
                None => wrong.push(format!("a key is for {jid}, who is nobody")),
                Some(key) if !sent.members.contains(&key.phone_number) => {
                    wrong.push(format!("a key is for {jid}, who is not in the group"));
                }
                Some(_) => {}
            }
            if jid.server != server {
                wrong.push(format!("a key is addressed to {jid}, and the group goes by {}", sent.addressing.word()));
            }
        }
        wrong
    }

    /// The devices that were never given the key and should know it. What is given with a message that the server does not take counts: the
    /// sender cannot know.
    fn missing_keys(&mut self, sent: &GroupSent, world: &World) -> Vec<String> {
        let given: Vec<_> = sent.keys().iter().filter_map(|(jid, _)| self.device_key(jid)).collect();
        let sealed = sent.enc().and_then(stanza::bytes).unwrap_or_default();
        let Ok(message) = SenderKeyMessage::try_from(sealed.as_slice()) else { return Vec::new() };
        let hash = stanza::attr(&sent.message, "phash");
        // Whoever goes by an old list is told so by the acknowledgement.
        let is_current = hash.as_ref().is_none_or(|hash| *hash == self.audience_hash(sent));
        let due = if is_current { self.due_devices(sent, world, hash.is_some()) } else { Vec::new() };
        let Some(account) = self.accounts.get_mut(&sent.from.phone_number) else { return Vec::new() };
        let chain = message.chain_id();
        let holders = account.key_holders.entry((sent.chat.to_string(), sent.from.device));
        let holders = holders.or_insert_with(|| KeyHolders { chain, devices: HashSet::new() });
        if holders.chain != chain {
            *holders = KeyHolders { chain, devices: HashSet::new() };
        }
        holders.devices.extend(given);
        let missing = due.into_iter().filter(|device| !holders.devices.contains(device));
        missing.map(|key| format!("device {} of {} has no key to it", key.device, key.phone_number)).collect()
    }

    /// The devices that must be able to read a message. Who sends a hash says that it knows of all of them; others need a moment to learn of
    /// new ones.
    fn due_devices(&self, sent: &GroupSent, world: &World, is_hashed: bool) -> Vec<DeviceKey> {
        let mut due = Vec::new();
        for account in sent.members.iter().filter_map(|number| self.accounts.get(number)) {
            due.push(DeviceKey { phone_number: account.phone_number.clone(), device: 0 });
            let known = account.devices.values().filter(|device| {
                let is_known = is_hashed || device.linked_at.elapsed() >= world.settings.device_list_grace;
                is_known && device.keys.is_some() && account.tells_devices
            });
            due.extend(known.map(|device| device.key.clone()));
        }
        due.retain(|device| *device != sent.from);
        due
    }
}
