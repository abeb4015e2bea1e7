//! What a phone does with groups: make them, change who is in them, write to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, Server};
use waproto::whatsapp as wa;

use crate::envelope::Envelope;
use crate::group::{Addressing, Group, GroupInfo, Rank};
use crate::inbox::InboxMessage;
use crate::letter::{self, Letter, Role};
use crate::link::DeviceKey;
use crate::phone::Phone;
use crate::stanza;
use crate::world::{State, now};

impl Phone {
    /// Makes a group of this phone and others, addressed by hidden numbers. Returns its address.
    ///
    /// # Errors
    /// The simulator has no phone with one of the numbers.
    pub fn create_group(&self, subject: &str, members: &[&str]) -> Result<String> {
        self.create_group_addressed(subject, members, Addressing::default())
    }

    /// The same, with the choice of how the members know each other.
    ///
    /// # Errors
    /// The simulator has no phone with one of the numbers.
    pub fn create_group_addressed(&self, subject: &str, members: &[&str], addressing: Addressing) -> Result<String> {
        let mut state = self.world.state.lock();
        let mut all = BTreeMap::from([(Arc::clone(&self.phone_number), Rank::Creator)]);
        for number in members {
            all.entry(known(&state, number)?).or_insert(Rank::Member);
        }
        // The numbers of groups have 18 digits and begin so.
        let id: Arc<str> = format!("120363{:012}", self.world.next_serial()).into();
        let group = Group {
            id: Arc::clone(&id),
            subject: subject.to_owned(),
            subject_by: (Arc::clone(&self.phone_number), now()),
            creator: Arc::clone(&self.phone_number),
            created_at: now(),
            addressing,
            members: all,
            is_announcement: false,
            ephemeral_seconds: 0,
        };
        let create = NodeBuilder::new("create").attr("type", "new").attr("key", self.world.next_id());
        let create = create.children([state.group_node(&group)]).build();
        state.groups.insert(Arc::clone(&id), group);
        let devices = state.group_devices(&id);
        state.tell_group(&self.world, (&id, &self.phone_number), &devices, create);
        Ok(stanza::group_jid(&id).to_string())
    }

    /// Adds people to a group.
    ///
    /// # Errors
    /// This phone is no admin of such a group, or the simulator has no phone with one of the numbers.
    pub fn add_to_group(&self, group: &str, members: &[&str]) -> Result<()> {
        let mut state = self.world.state.lock();
        let id = self.own_group(&state, group, true)?;
        let added = members.iter().map(|number| known(&state, number)).collect::<Result<Vec<_>>>()?;
        let told = state.group_devices(&id);
        if let Some(group) = state.groups.get_mut(&id) {
            group.members.extend(added.iter().map(|number| (Arc::clone(number), Rank::Member)));
        }
        self.tell_members(&mut state, &id, &told, "add", &added);
        // Who was added learns of the whole group.
        let new: Vec<DeviceKey> = added.iter().flat_map(|number| state.companions(number)).collect();
        let create = state.groups.get(&id).map(|group| state.group_node(group));
        let create = NodeBuilder::new("create").attr("reason", "invite").children(create).build();
        state.tell_group(&self.world, (&id, &self.phone_number), &new, create);
        Ok(())
    }

    /// Removes people from a group, or leaves it when it is this phone's own number.
    ///
    /// # Errors
    /// This phone is no admin of such a group, or somebody is not in it.
    pub async fn remove_from_group(&self, group: &str, members: &[&str]) -> Result<()> {
        let remaining = {
            let mut state = self.world.state.lock();
            let is_leaving = members == [&*self.phone_number];
            let id = self.own_group(&state, group, !is_leaving)?;
            let removed = members.iter().map(|number| member(&state, &id, number)).collect::<Result<Vec<_>>>()?;
            // Those who are removed are told, too.
            let told = state.group_devices(&id);
            self.tell_members(&mut state, &id, &told, "remove", &removed);
            let group = state.groups.get_mut(&id).context("the group was there")?;
            group.members.retain(|number, _| !removed.contains(number));
            group.members.keys().map(|number| (Arc::clone(&id), Arc::clone(number))).collect::<Vec<_>>()
        };
        // Whoever is gone must not read what the others write from now on.
        for (id, number) in remaining {
            if let Some(signal) = self.world.signal(&number) {
                signal.lock().await.sender_keys.rotate(&id);
            }
        }
        Ok(())
    }

    /// Makes members admins.
    ///
    /// # Errors
    /// This phone is no admin of such a group, or somebody is not in it.
    pub fn promote(&self, group: &str, members: &[&str]) -> Result<()> {
        self.rank(group, members, "promote", Rank::Admin)
    }

    /// Makes admins members again.
    ///
    /// # Errors
    /// This phone is no admin of such a group, or somebody is not in it.
    pub fn demote(&self, group: &str, members: &[&str]) -> Result<()> {
        self.rank(group, members, "demote", Rank::Member)
    }

    /// Gives a group another name.
    ///
    /// # Errors
    /// This phone is not in such a group.
    pub fn rename_group(&self, group: &str, subject: &str) -> Result<()> {
        let mut state = self.world.state.lock();
        let id = self.own_group(&state, group, false)?;
        let (by, at) = (Arc::clone(&self.phone_number), now());
        let mut change = NodeBuilder::new("subject").attr("subject", subject).attr("s_t", at);
        if let (Some(group), Some(account)) = (state.groups.get(&id), state.accounts.get(&by)) {
            change = change.attr("s_o", group.jid(account));
        }
        if let Some(group) = state.groups.get_mut(&id) {
            subject.clone_into(&mut group.subject);
            group.subject_by = (by, at);
        }
        let devices = state.group_devices(&id);
        state.tell_group(&self.world, (&id, &self.phone_number), &devices, change.build());
        Ok(())
    }

    /// The groups that this phone is in, by address.
    pub fn groups(&self) -> Vec<GroupInfo> {
        let state = self.world.state.lock();
        let own = state.groups.values().filter(|group| group.members.contains_key(&self.phone_number));
        own.map(Group::info).collect()
    }

    /// Writes to a group. The phones of the others have it at once, their devices and this phone's own get it encrypted.
    pub(crate) async fn send_to_group(&self, group: &str, id: &str, content: &wa::Message) -> Result<()> {
        let signal = self.world.signal(&self.phone_number).context("a phone without keys")?;
        // Under this lock nothing that was encrypted later overtakes: the devices need the keys in their order.
        let mut signal = signal.lock().await;
        let (group, devices) = {
            let mut state = self.world.state.lock();
            let group = self.own_group(&state, group, false)?;
            let is_for_admins = state.groups.get(&group).is_some_and(|group| group.is_announcement);
            self.own_group(&state, &stanza::group_jid(&group).to_string(), is_for_admins)?;
            self.post_to_group(&mut state, &group, id, content);
            let devices = state.group_devices(&group);
            (group, devices)
        };
        let plaintext = letter::padded(content);
        let parts = Arc::new(signal.sender_keys.encrypt(&group, &plaintext).await?);
        for to in devices {
            let letter = Letter {
                id: id.to_owned(),
                from: Arc::clone(&self.phone_number),
                to,
                timestamp: now(),
                role: Role::Group(Arc::clone(&group), Arc::clone(&parts)),
                envelope: Envelope::of(content),
                plaintext: Arc::clone(&plaintext),
                attempt: 0,
                is_hopeless: false,
            };
            letter::deliver_with(&self.world, &mut signal, letter).await;
        }
        Ok(())
    }

    fn post_to_group(&self, state: &mut State, group: &Arc<str>, id: &str, content: &wa::Message) {
        let members = state.groups.get(group).map(|group| group.members.keys().cloned().collect::<Vec<_>>());
        for number in members.into_iter().flatten().filter(|number| *number != self.phone_number) {
            let group = Some(stanza::group_jid(group).to_string());
            let message = InboxMessage::new(id, (&self.phone_number, 0), group, content);
            state.store_message(&number, message, None, &self.world);
        }
    }

    fn rank(&self, group: &str, members: &[&str], change: &'static str, rank: Rank) -> Result<()> {
        let mut state = self.world.state.lock();
        let id = self.own_group(&state, group, true)?;
        let changed = members.iter().map(|number| member(&state, &id, number)).collect::<Result<Vec<_>>>()?;
        if let Some(group) = state.groups.get_mut(&id) {
            group.members.extend(changed.iter().map(|number| (Arc::clone(number), rank)));
        }
        let told = state.group_devices(&id);
        self.tell_members(&mut state, &id, &told, change, &changed);
        Ok(())
    }

    fn tell_members(
        &self,
        state: &mut State,
        id: &str,
        devices: &[DeviceKey],
        change: &'static str,
        members: &[Arc<str>],
    ) {
        let Some(group) = state.groups.get(id) else { return };
        let members: Vec<Node> = members.iter().filter_map(|number| state.member_node(group, number)).collect();
        let change = NodeBuilder::new(change).children(members).build();
        state.tell_group(&self.world, (id, &self.phone_number), devices, change);
    }

    /// The number of a group that this phone is in, as an admin when that is asked for.
    pub(crate) fn own_group(&self, state: &State, group: &str, is_admin: bool) -> Result<Arc<str>> {
        let jid: Option<Jid> = group.parse().ok();
        let found = jid.and_then(|jid| state.group_of(&jid)).with_context(|| format!("there is no group {group}"))?;
        let rank = found.members.get(&self.phone_number).with_context(|| format!("not a member of {group}"))?;
        ensure!(!is_admin || *rank != Rank::Member, "not an admin of {group}");
        Ok(Arc::clone(&found.id))
    }
}

/// Whether an address is that of a group.
pub(crate) fn is_group(address: &str) -> bool {
    address.parse::<Jid>().is_ok_and(|jid| jid.server == Server::Group)
}

fn known(state: &State, phone_number: &str) -> Result<Arc<str>> {
    let account = state.accounts.get(phone_number).with_context(|| format!("there is no phone {phone_number}"))?;
    Ok(Arc::clone(&account.phone_number))
}

fn member(state: &State, group: &str, phone_number: &str) -> Result<Arc<str>> {
    let found = state.groups.get(group).and_then(|group| group.members.get_key_value(phone_number));
    let (number, _) = found.with_context(|| format!("{phone_number} is not in the group"))?;
    Ok(Arc::clone(number))
}
