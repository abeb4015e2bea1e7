//! Groups on the server: who is in them, what they are called, and what their members are told when that changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};

use crate::account::Account;
use crate::delivery::Class;
use crate::group_send::is_status;
use crate::link::DeviceKey;
use crate::queries::Reply;
use crate::world::{State, World, now};
use crate::{stanza, usync};

/// By which numbers the members of a group know each other.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Addressing {
    /// By hidden numbers, as in every group of today.
    #[default]
    Lid,
    /// By phone numbers, as in old groups.
    PhoneNumber,
}

/// What a member may do.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rank {
    /// Write.
    Member,
    /// Also add, remove and promote others.
    Admin,
    /// Made the group.
    Creator,
}

/// A group as its members see it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct GroupInfo {
    /// The group's address, `..@g.us`.
    pub id: String,
    /// Its name.
    pub subject: String,
    /// By which numbers its members know each other.
    pub addressing: Addressing,
    /// The members' phone numbers and what they may do.
    pub members: BTreeMap<String, Rank>,
    /// Whether only admins may write to it.
    pub is_announcement: bool,
    /// After how many seconds its messages disappear; 0 lets them stay.
    pub ephemeral_seconds: u32,
}

/// One group.
pub(crate) struct Group {
    /// The number in the group's address.
    pub(crate) id: Arc<str>,
    pub(crate) subject: String,
    /// Who named it last, and when, Unix seconds.
    pub(crate) subject_by: (Arc<str>, u64),
    pub(crate) creator: Arc<str>,
    pub(crate) created_at: u64,
    pub(crate) addressing: Addressing,
    /// By phone number.
    pub(crate) members: BTreeMap<Arc<str>, Rank>,
    /// Whether only admins may write.
    pub(crate) is_announcement: bool,
    /// After how many seconds messages disappear; 0 lets them stay.
    pub(crate) ephemeral_seconds: u32,
}

impl Addressing {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Lid => "lid",
            Self::PhoneNumber => "pn",
        }
    }

    /// The address of somebody among those who know each other so.
    pub(crate) fn jid(self, account: &Account) -> Jid {
        match self {
            Self::Lid => stanza::lid_jid(&account.lid),
            Self::PhoneNumber => stanza::phone_jid(&account.phone_number),
        }
    }

    /// The two attributes that say who wrote or acted.
    fn participant(self, account: &Account) -> [(&'static str, Jid); 2] {
        let (pn, lid) = (stanza::phone_jid(&account.phone_number), stanza::lid_jid(&account.lid));
        match self {
            Self::Lid => [("participant", lid), ("participant_pn", pn)],
            Self::PhoneNumber => [("participant", pn), ("participant_lid", lid)],
        }
    }
}

impl Rank {
    fn word(self) -> Option<&'static str> {
        match self {
            Self::Member => None,
            Self::Admin => Some("admin"),
            Self::Creator => Some("superadmin"),
        }
    }
}

impl Group {
    pub(crate) fn info(&self) -> GroupInfo {
        GroupInfo {
            id: stanza::group_jid(&self.id).to_string(),
            subject: self.subject.clone(),
            addressing: self.addressing,
            members: self.members.iter().map(|(number, rank)| (number.to_string(), *rank)).collect(),
            is_announcement: self.is_announcement,
            ephemeral_seconds: self.ephemeral_seconds,
        }
    }

    /// The address under which the group knows somebody.
    pub(crate) fn jid(&self, account: &Account) -> Jid {
        self.addressing.jid(account)
    }

    /// The two attributes that say who wrote or acted.
    pub(crate) fn participant(&self, account: &Account) -> [(&'static str, Jid); 2] {
        self.addressing.participant(account)
    }
}

impl State {
    /// The group with this address. `None` also when it is the address of something else.
    pub(crate) fn group_of(&self, jid: &Jid) -> Option<&Group> {
        self.groups.get(jid.user.as_str()).filter(|_| jid.server == wacore_binary::Server::Group)
    }

    /// The two attributes that name somebody in a group, or below a status. `None` elsewhere.
    pub(crate) fn participant_in(&self, chat: &Jid, account: &Account) -> Option<[(&'static str, Jid); 2]> {
        match self.group_of(chat) {
            Some(group) => Some(group.participant(account)),
            None => is_status(chat).then(|| Addressing::Lid.participant(account)),
        }
    }

    /// The companion devices of all members.
    pub(crate) fn group_devices(&self, group: &str) -> Vec<DeviceKey> {
        let members = self.groups.get(group).map(|group| group.members.keys()).into_iter().flatten();
        members.flat_map(|number| self.companions(number)).collect()
    }

    /// A member as the others get it told.
    pub(crate) fn member_node(&self, group: &Group, phone_number: &str) -> Option<Node> {
        let account = self.accounts.get(phone_number)?;
        let mut node = NodeBuilder::new("participant").attr("jid", group.jid(account));
        node = match group.addressing {
            Addressing::Lid => node.attr("phone_number", stanza::phone_jid(phone_number)),
            Addressing::PhoneNumber => node.attr("lid", stanza::lid_jid(&account.lid)),
        };
        if let Some(rank) = group.members.get(phone_number).and_then(|rank| rank.word()) {
            node = node.attr("type", rank);
        }
        Some(node.build())
    }

    /// The hash over the members, as a client has it that asks whether they are still the same.
    fn member_hash(&self, group: &Group) -> String {
        let members =
            group.members.keys().filter_map(|number| self.accounts.get(number)).map(|account| group.jid(account));
        usync::address_hash(members.map(|jid| format!("{}.0:0@{}", jid.user, jid.server.as_str())).collect())
    }

    /// The group with all its members.
    pub(crate) fn group_node(&self, group: &Group) -> Node {
        let members: Vec<Node> = group.members.keys().filter_map(|number| self.member_node(group, number)).collect();
        let mut node = NodeBuilder::new("group")
            .attr("id", &*group.id)
            .attr("subject", group.subject.as_str())
            .attr("s_t", group.subject_by.1)
            .attr("creation", group.created_at)
            .attr("size", members.len())
            .attr("addressing_mode", group.addressing.word());
        if let Some(creator) = self.accounts.get(&group.creator) {
            node = node.attr("creator", group.jid(creator));
            if group.addressing == Addressing::Lid {
                node = node.attr("creator_pn", stanza::phone_jid(&creator.phone_number));
            }
        }
        if let Some(owner) = self.accounts.get(&group.subject_by.0) {
            node = node.attr("s_o", group.jid(owner));
        }
        node.children(members.into_iter().chain(group.setting_nodes())).build()
    }

    /// A change as the members are told of it.
    fn group_notification(&self, group: &Group, actor: &str, change: Node, id: String) -> Option<Node> {
        let actor = self.accounts.get(actor)?;
        let [(participant, jid), (other, other_jid)] = group.participant(actor);
        let notification = NodeBuilder::new("notification")
            .attr("from", stanza::group_jid(&group.id))
            .attr("type", "w:gp2")
            .attr("id", id)
            .attr("t", now())
            .attr("notify", actor.push_name.as_str())
            .attr("addressing_mode", group.addressing.word())
            .attr(participant, jid)
            .attr(other, other_jid)
            .children([change]);
        Some(notification.build())
    }

    /// Tells devices of a change in a group.
    pub(crate) fn tell_group(
        &mut self,
        world: &World,
        (group, actor): (&str, &str),
        devices: &[DeviceKey],
        change: Node,
    ) {
        let told =
            self.groups.get(group).and_then(|group| self.group_notification(group, actor, change, world.next_id()));
        if let Some(stanza) = told {
            self.notify(devices, Class::Notification, &stanza, world);
        }
    }
}

/// Answers a device that asks for a group.
pub(crate) fn answer(world: &World, device: &DeviceKey, iq: &Node) -> Reply {
    let state = world.state.lock();
    let Some(group) = stanza::jid(iq, "to").and_then(|jid| state.group_of(&jid)) else {
        return Reply::Error(404, "item-not-found");
    };
    if !group.members.contains_key(&device.phone_number) {
        return Reply::Error(403, "forbidden");
    }
    let known = stanza::children(iq).first().and_then(|query| stanza::attr(query, "phash"));
    if known.is_some_and(|hash| hash == state.member_hash(group)) {
        // The client has these members already; src: wacore iq/groups.rs, after WhatsApp Web.
        return Reply::done();
    }
    Reply::with(state.group_node(group))
}

/// Answers a device that asks for all its groups.
pub(crate) fn answer_all(world: &World, device: &DeviceKey) -> Reply {
    let state = world.state.lock();
    let own = state.groups.values().filter(|group| group.members.contains_key(&device.phone_number));
    let groups: Vec<Node> = own.map(|group| state.group_node(group)).collect();
    Reply::with(NodeBuilder::new("groups").children(groups).build())
}
