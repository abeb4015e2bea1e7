//! Who is there and who is typing. Nothing of it is queued: who is not connected, or has not asked, never learns it.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, Server};

use crate::delivery::Phase;
use crate::group_chat::is_group;
use crate::link::{DeviceKey, Link};
use crate::phone::Phone;
use crate::stanza;
use crate::world::{State, World, now};

/// What a device said of its user that is kept, on one connection.
const KEPT_PRESENCES: usize = 100;

/// Takes a presence. `false` when it is not known.
pub(crate) fn take_presence(world: &World, link: &Link, presence: &Node) -> bool {
    let kind = stanza::attr_or_empty(presence, "type");
    let Some(key) = link.device() else {
        // Some clients are present before they are linked; nobody is told.
        return matches!(kind.as_str(), "" | "available" | "unavailable");
    };
    let mut state = world.state.lock();
    match (kind.as_str(), stanza::jid(presence, "to")) {
        ("" | "available", _) => state.set_available(key, true),
        ("unavailable", _) => state.set_available(key, false),
        ("subscribe", Some(to)) => state.watch(key, &to),
        ("unsubscribe", Some(to)) => {
            let watched = state.device_key(&to).map(|key| key.phone_number);
            if let (Some(device), Some(watched)) = (state.device_mut(key), watched) {
                device.watched.remove(&watched);
            }
        }
        _ => return false,
    }
    true
}

/// Takes a typing notice and passes it on. `false` when it is not known.
pub(crate) fn take_chat_state(world: &World, link: &Link, chat_state: &Node) -> bool {
    let (Some(key), Some(to), Some(what)) =
        (link.device(), stanza::jid(chat_state, "to"), stanza::children(chat_state).first())
    else {
        return false;
    };
    if !matches!(what.tag.as_ref(), "composing" | "paused") {
        return false;
    }
    let group = to.server == Server::Group;
    let state = world.state.lock();
    let number = if group { Some(to.user.as_str().into()) } else { state.device_key(&to).map(|key| key.phone_number) };
    if let Some(number) = number {
        state.pass_on(key, group, &number, what);
    }
    true
}

impl State {
    /// Whether a person uses the phone or one of the companions.
    pub(crate) fn is_online(&self, phone_number: &str) -> bool {
        self.accounts
            .get(phone_number)
            .is_some_and(|account| account.is_online || account.devices.values().any(|device| device.is_available))
    }

    fn set_available(&mut self, key: &DeviceKey, is_available: bool) {
        let before = self.is_online(&key.phone_number);
        if let Some(device) = self.device_mut(key) {
            device.is_available = is_available;
            if device.presences.len() < KEPT_PRESENCES {
                device.presences.push(is_available);
            }
        }
        self.tell_watchers(&key.phone_number, before);
    }

    /// Tells those who watch a person when it came or went.
    pub(crate) fn tell_watchers(&mut self, phone_number: &str, was_online: bool) {
        let is_online = self.is_online(phone_number);
        if is_online == was_online {
            return;
        }
        if let Some(account) = self.accounts.get_mut(phone_number) {
            account.last_seen = Some(now());
        }
        let Some(account) = self.accounts.get(phone_number) else { return };
        for device in self.accounts.values().flat_map(|account| account.devices.values()) {
            if let (Some(link), Some(address)) = (&device.link, device.watched.get(phone_number)) {
                // A client that is not there itself is told nothing.
                if device.is_available {
                    link.post(presence(address, is_online, account.last_seen));
                }
            }
        }
    }

    fn watch(&mut self, key: &DeviceKey, to: &Jid) {
        let Some(account) = self.account_of(to) else { return };
        let (number, last_seen) = (Arc::clone(&account.phone_number), account.last_seen);
        let is_online = self.is_online(&number);
        let Some(device) = self.device_mut(key) else { return };
        device.watched.insert(number, to.to_non_ad());
        if let Some(link) = device.link.as_ref().filter(|_| device.is_available) {
            link.post(presence(&to.to_non_ad(), is_online, last_seen));
        }
    }

    /// Tells a chat that somebody types: the person with this number, or the members of this group.
    fn pass_on(&self, from: &DeviceKey, is_group: bool, to: &str, what: &Node) {
        let Some(sender) = self.accounts.get(&from.phone_number) else { return };
        let mut chat_state = NodeBuilder::new("chatstate");
        let devices = if is_group {
            let Some(group) = self.groups.get(to) else { return };
            let [(participant, jid), _] = group.participant(sender);
            chat_state = chat_state.attr("from", stanza::group_jid(to)).attr(participant, jid);
            self.group_devices(to)
        } else {
            chat_state = chat_state.attr("from", stanza::phone_jid(&from.phone_number));
            self.companions(to)
        };
        let chat_state = chat_state.children([what.clone()]).build();
        for key in devices.iter().filter(|key| key.phone_number != from.phone_number) {
            let device = self.accounts.get(&key.phone_number).and_then(|account| account.devices.get(&key.device));
            if let Some(link) = device
                .filter(|device| device.is_available && device.phase == Phase::Live)
                .and_then(|device| device.link.as_ref())
            {
                link.post(chat_state.clone());
            }
        }
    }
}

fn presence(from: &Jid, is_online: bool, last_seen: Option<u64>) -> Node {
    let presence = NodeBuilder::new("presence").attr("from", from);
    match (is_online, last_seen) {
        (true, _) => presence.attr("type", "available").build(),
        (false, Some(last)) => presence.attr("type", "unavailable").attr("last", last).build(),
        (false, None) => presence.attr("type", "unavailable").attr("last", "deny").build(),
    }
}

impl Phone {
    /// Whether it rings at nothing: somebody is there at one of its companions.
    pub fn is_silent(&self) -> bool {
        let state = self.world.state.lock();
        let account = state.accounts.get(&self.phone_number);
        account.is_some_and(|account| account.devices.values().any(|device| device.is_available))
    }

    /// The phone's owner opens WhatsApp. Those who asked are told.
    pub fn online(&self) {
        self.set_online(true);
    }

    /// The phone's owner puts it away.
    pub fn offline(&self) {
        self.set_online(false);
    }

    /// The phone's owner begins to type to a person or a group.
    ///
    /// # Errors
    /// There is no such phone or group.
    pub fn typing(&self, to: &str) -> Result<()> {
        self.chat_state(to, NodeBuilder::new("composing").build())
    }

    /// The phone's owner begins to record a voice message.
    ///
    /// # Errors
    /// There is no such phone or group.
    pub fn recording(&self, to: &str) -> Result<()> {
        self.chat_state(to, NodeBuilder::new("composing").attr("media", "audio").build())
    }

    /// The phone's owner stops typing or recording.
    ///
    /// # Errors
    /// There is no such phone or group.
    pub fn paused(&self, to: &str) -> Result<()> {
        self.chat_state(to, NodeBuilder::new("paused").build())
    }

    fn set_online(&self, is_online: bool) {
        let mut state = self.world.state.lock();
        let before = state.is_online(&self.phone_number);
        if let Some(account) = state.accounts.get_mut(&self.phone_number) {
            account.is_online = is_online;
        }
        state.tell_watchers(&self.phone_number, before);
    }

    fn chat_state(&self, to: &str, what: Node) -> Result<()> {
        let state = self.world.state.lock();
        let number = if is_group(to) {
            let jid: Jid = to.parse()?;
            state
                .group_of(&jid)
                .map(|group| Arc::clone(&group.id))
                .with_context(|| format!("there is no group {to}"))?
        } else {
            ensure!(state.accounts.contains_key(to), "there is no phone {to}");
            to.into()
        };
        state.pass_on(&self.device_key(0), is_group(to), &number, &what);
        Ok(())
    }
}
