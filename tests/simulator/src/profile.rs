//! What people show of themselves, and how those who know them learn that it changed: picture, about text, devices.

use std::sync::Arc;

use anyhow::{Context, Result};
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Node, SERVER_JID};

use crate::account::Account;
use crate::delivery::Class;
use crate::link::DeviceKey;
use crate::phone::Phone;
use crate::queries::Reply;
use crate::world::{State, World, now};
use crate::{stanza, usync};

/// What an account shows to others.
#[derive(Default)]
pub(crate) struct Profile {
    /// The text and when it was set, Unix seconds.
    about: Option<(String, u64)>,
    /// The number of the picture.
    picture: Option<u64>,
}

impl Profile {
    pub(crate) fn about_node(&self) -> Node {
        match &self.about {
            Some((about, at)) => NodeBuilder::new("status").attr("t", *at).bytes(about.as_bytes()).build(),
            None => NodeBuilder::new("status").attr("t", 0_u32).build(),
        }
    }
}

/// Answers a device that asks for somebody's picture. Its file does not exist.
pub(crate) fn answer_picture(world: &World, iq: &Node) -> Reply {
    let state = world.state.lock();
    let target = stanza::jid(iq, "target").or_else(|| stanza::jid(iq, "to"));
    let picture = target.and_then(|jid| state.account_of(&jid)).and_then(|account| account.profile.picture);
    let Some(picture) = picture else { return Reply::Error(404, "item-not-found") };
    let path = format!("/v/t61.24694-24/{picture}.jpg");
    let node = NodeBuilder::new("picture")
        .attr("id", picture)
        .attr("type", "image")
        .attr("url", format!("https://media.invalid{path}"))
        .attr("direct_path", path);
    Reply::with(node.build())
}

/// A device changes its account's about text.
pub(crate) fn take_about(world: &World, device: &DeviceKey, status: &Node) -> Reply {
    let text = stanza::bytes(status).unwrap_or_default();
    let Ok(text) = String::from_utf8(text) else { return Reply::Error(400, "bad-request") };
    world.state.lock().set_about(world, &device.phone_number, &text);
    Reply::done()
}

impl State {
    /// Lets two people have each other in their address books.
    pub(crate) fn meet(&mut self, first: &str, second: &str) {
        if first == second {
            return;
        }
        for (one, other) in [(first, second), (second, first)] {
            let Some(other) = self.accounts.get(other).map(|account| Arc::clone(&account.phone_number)) else { return };
            if let Some(account) = self.accounts.get_mut(one) {
                account.contacts.insert(other);
            }
        }
    }

    /// Tells everybody who knows a person; with `is_own`, its own devices as well.
    fn tell_contacts(&mut self, world: &World, phone_number: &str, is_own: bool, stanza: &Node) {
        let Some(account) = self.accounts.get(phone_number) else { return };
        let own = account.phone_number.clone();
        let people = account.contacts.iter().cloned().chain(is_own.then_some(own)).collect::<Vec<_>>();
        let devices: Vec<DeviceKey> = people.iter().flat_map(|number| self.companions(number)).collect();
        self.notify(&devices, Class::Notification, stanza, world);
    }

    fn set_about(&mut self, world: &World, phone_number: &str, about: &str) {
        let Some(account) = self.accounts.get_mut(phone_number) else { return };
        account.profile.about = Some((about.to_owned(), now()));
        let set = NodeBuilder::new("set").bytes(about.as_bytes()).build();
        let stanza = notification(world, account, "status").attr("notify", account.push_name.as_str());
        let stanza = stanza.children([set]).build();
        self.tell_contacts(world, phone_number, true, &stanza);
    }

    fn set_picture(&mut self, world: &World, phone_number: &str, picture: Option<u64>) {
        let Some(account) = self.accounts.get_mut(phone_number) else { return };
        account.profile.picture = picture;
        let jid = stanza::phone_jid(phone_number);
        let change = match picture {
            Some(id) => NodeBuilder::new("set").attr("jid", &jid).attr("id", id),
            None => NodeBuilder::new("delete").attr("jid", &jid),
        };
        let change = change.attr("author", &jid).build();
        let stanza = notification(world, account, "picture").children([change]).build();
        self.tell_contacts(world, phone_number, true, &stanza);
    }

    /// Tells those who write to a person that one of its devices came or went, and its other devices which there are.
    pub(crate) fn tell_device(&mut self, world: &World, key: &DeviceKey, is_new: bool) {
        let Some(account) = self.accounts.get(&key.phone_number) else { return };
        let device = NodeBuilder::new("device")
            .attr("jid", stanza::phone_jid(&key.phone_number).with_device(key.device))
            .attr("lid", stanza::lid_jid(&account.lid).with_device(key.device));
        let (change, list) = if is_new {
            (NodeBuilder::new("add"), usync::key_index_list(account))
        } else {
            (NodeBuilder::new("remove"), NodeBuilder::new("key-index-list").attr("ts", now()).build())
        };
        let device = if is_new { device.attr("key-index", u32::from(key.device)) } else { device };
        let change = change.attr("device_hash", usync::device_hash(account)).children([device.build(), list]).build();
        let stanza = notification(world, account, "devices").attr("lid", stanza::lid_jid(&account.lid));
        let stanza = stanza.children([change]).build();
        let own = notification(world, account, "account_sync").children([own_devices(account)]).build();
        let (mut others, tells_devices) = (self.companions(&key.phone_number), account.tells_devices);
        others.retain(|other| other != key);
        if tells_devices {
            self.tell_contacts(world, &key.phone_number, false, &stanza);
        }
        self.notify(&others, Class::Notification, &own, world);
    }
}

fn notification(world: &World, account: &Account, kind: &'static str) -> NodeBuilder {
    NodeBuilder::new("notification")
        .attr("from", stanza::phone_jid(&account.phone_number))
        .attr("type", kind)
        .attr("id", world.next_id())
        .attr("t", now())
}

fn own_devices(account: &Account) -> Node {
    let jid = stanza::phone_jid(&account.phone_number);
    let phone = NodeBuilder::new("device").attr("jid", &jid).build();
    let companions = account.devices.values().map(|device| {
        let jid = stanza::phone_jid(&account.phone_number).with_device(device.key.device);
        NodeBuilder::new("device").attr("jid", jid).attr("key-index", device.key_index).build()
    });
    let devices = std::iter::once(phone).chain(companions).chain([usync::key_index_list(account)]);
    NodeBuilder::new("devices").attr("dhash", usync::device_hash(account)).children(devices).build()
}

impl Phone {
    /// From now on others are not told when a device of this account comes or goes, as happens to those who were not there for long.
    /// They learn it from the hash in the acknowledgement of a message that not all devices got.
    pub fn hide_devices(&self) {
        if let Some(account) = self.world.state.lock().accounts.get_mut(&self.phone_number) {
            account.tells_devices = false;
        }
    }

    /// Puts this phone and another into each other's address books. Writing to each other does so, too.
    ///
    /// # Errors
    /// The simulator has no phone with that number.
    pub fn meet(&self, other: &str) -> Result<()> {
        let mut state = self.world.state.lock();
        state.accounts.get(other).with_context(|| format!("there is no phone {other}"))?;
        state.meet(&self.phone_number, other);
        Ok(())
    }

    /// Gives the phone's owner a picture, a new one each time. Those who know it are told.
    pub fn set_picture(&self) {
        // Pictures are numbered by the moment at which they were set.
        let picture = now() * 1000 + self.world.next_serial() % 1000;
        self.world.state.lock().set_picture(&self.world, &self.phone_number, Some(picture));
    }

    /// Takes the picture away.
    pub fn delete_picture(&self) {
        self.world.state.lock().set_picture(&self.world, &self.phone_number, None);
    }

    /// Changes the about text.
    pub fn set_about(&self, about: &str) {
        self.world.state.lock().set_about(&self.world, &self.phone_number, about);
    }

    /// Lets the server tell everybody who knows this phone that something about it is new, as it does after the owner
    /// has come back to WhatsApp.
    pub fn announce(&self) {
        let mut state = self.world.state.lock();
        let update = NodeBuilder::new("update").attr("jid", stanza::phone_jid(&self.phone_number)).build();
        let stanza = NodeBuilder::new("notification")
            .attr("from", SERVER_JID)
            .attr("type", "contacts")
            .attr("id", self.world.next_id())
            .attr("t", now())
            .children([update]);
        state.tell_contacts(&self.world, &self.phone_number, false, &stanza.build());
    }
}
