//! What a group's admins decide about it: who may write, and after how long messages disappear. On the phone, or on a companion by query.

use std::sync::Arc;

use anyhow::{Result, ensure};
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use crate::group::{Group, Rank};
use crate::link::DeviceKey;
use crate::phone::Phone;
use crate::queries::Reply;
use crate::stanza;
use crate::world::{State, World};

/// A decision about a group.
#[derive(Clone, Copy)]
enum Setting {
    /// Whether only admins may write.
    Announcement(bool),
    /// After how many seconds messages disappear; 0 lets them stay.
    Timer(u32),
}

impl Setting {
    /// What a query asks for. `None` when it is not known.
    fn read(node: &Node) -> Option<Self> {
        Some(match node.tag.as_ref() {
            "announcement" => Self::Announcement(true),
            "not_announcement" => Self::Announcement(false),
            "ephemeral" => Self::Timer(stanza::attr(node, "expiration")?.parse().ok()?),
            "not_ephemeral" => Self::Timer(0),
            _ => return None,
        })
    }

    fn node(self) -> Node {
        match self {
            Self::Announcement(true) => NodeBuilder::new("announcement").build(),
            Self::Announcement(false) => NodeBuilder::new("not_announcement").build(),
            Self::Timer(0) => NodeBuilder::new("not_ephemeral").build(),
            Self::Timer(seconds) => NodeBuilder::new("ephemeral").attr("expiration", seconds).build(),
        }
    }
}

impl Group {
    /// Its settings as they stand behind its members. What is off is not said.
    pub(crate) fn setting_nodes(&self) -> Vec<Node> {
        let settings = [Setting::Announcement(self.is_announcement), Setting::Timer(self.ephemeral_seconds)];
        let is_on = |setting: &Setting| matches!(setting, Setting::Announcement(true) | Setting::Timer(1..));
        settings.into_iter().filter(is_on).map(Setting::node).collect()
    }
}

/// Answers a companion that changes a group. `None` when the change is not known.
pub(crate) fn change(world: &World, device: &DeviceKey, iq: &Node) -> Option<Reply> {
    let setting = Setting::read(stanza::children(iq).first()?)?;
    let mut state = world.state.lock();
    let Some(group) = stanza::jid(iq, "to").and_then(|jid| state.group_of(&jid)) else {
        return Some(Reply::Error(404, "item-not-found"));
    };
    let id = Arc::clone(&group.id);
    match group.members.get(&device.phone_number) {
        None => return Some(Reply::Error(403, "forbidden")),
        Some(Rank::Member) if matches!(setting, Setting::Announcement(_)) => {
            return Some(Reply::Error(401, "not-authorized"));
        }
        Some(_) => {}
    }
    state.decide(world, (&id, &device.phone_number), setting);
    Some(Reply::done())
}

impl State {
    fn decide(&mut self, world: &World, (id, actor): (&str, &str), setting: Setting) {
        let Some(group) = self.groups.get_mut(id) else { return };
        match setting {
            Setting::Announcement(is_on) => group.is_announcement = is_on,
            Setting::Timer(seconds) => group.ephemeral_seconds = seconds,
        }
        let devices = self.group_devices(id);
        self.tell_group(world, (id, actor), &devices, setting.node());
    }
}

impl Phone {
    /// Lets only admins write to a group, or everybody again. Its members are told.
    ///
    /// # Errors
    /// This phone is no admin of such a group.
    pub fn set_announcement(&self, group: &str, is_on: bool) -> Result<()> {
        self.set_group(group, Setting::Announcement(is_on), true)
    }

    /// Sets after how many seconds the messages of a group disappear; 0 lets them stay. Its members are told.
    ///
    /// # Errors
    /// This phone is not in such a group.
    pub fn set_group_timer(&self, group: &str, seconds: u32) -> Result<()> {
        ensure!(seconds <= 31_536_000, "a timer has at most a year");
        self.set_group(group, Setting::Timer(seconds), false)
    }

    fn set_group(&self, group: &str, setting: Setting, is_for_admins: bool) -> Result<()> {
        let mut state = self.world.state.lock();
        let id = self.own_group(&state, group, is_for_admins)?;
        state.decide(&self.world, (&id, &self.phone_number), setting);
        Ok(())
    }
}
