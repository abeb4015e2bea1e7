//! What devices write to groups, and as their status: encrypted once for everybody, with the key to it for each device that lacks it. A
//! message is taken as a whole, once, and acknowledged. What is in it is for `group_copies.rs`.

use std::sync::Arc;

use wacore_binary::{Jid, Node, Server};

use crate::account::Account;
use crate::group::Addressing;
use crate::ledger::{Copy, Verdict};
use crate::link::{DeviceKey, Link};
use crate::message_fault::MessageFault;
use crate::messages::{Sent, acknowledgement, answer};
use crate::world::{State, World};
use crate::{group_copies, group_rules, retries, stanza, usync};

/// A message for many on its way through the server.
pub(crate) struct GroupSent {
    pub(crate) id: String,
    pub(crate) from: DeviceKey,
    /// The group, or `status@broadcast`.
    pub(crate) chat: Jid,
    pub(crate) message: Node,
    /// The phone numbers of all that it is for, the sender's own included.
    pub(crate) members: Vec<Arc<str>>,
    /// By which numbers they know each other.
    pub(crate) addressing: Addressing,
}

/// Whether an address is that of a group or of the status.
pub(crate) fn is_for_many(to: &Jid) -> bool {
    to.server == Server::Group || is_status(to)
}

/// Whether an address is that of the status.
pub(crate) fn is_status(to: &Jid) -> bool {
    to.server == Server::Broadcast && to.user.as_str() == "status"
}

/// A device sends a message to many. `false` when the stanza is not understood.
pub(crate) async fn receive(world: &Arc<World>, link: &Arc<Link>, message: &Node) -> bool {
    let (Some(from), Some(chat), Some(id)) = (link.device(), stanza::jid(message, "to"), stanza::attr(message, "id"))
    else {
        return false;
    };
    let sent = {
        let mut state = world.state.lock();
        state.stats.received += 1;
        let (members, addressing) = state.audience(from, &chat, message);
        GroupSent { id, from: from.clone(), chat, message: message.clone(), members, addressing }
    };
    // A task of its own, as for messages to people.
    let taking = world.tasks.spawn(take(Arc::clone(world), Arc::clone(link), sent));
    let _ = taking.await; // it never panics
    true
}

async fn take(world: Arc<World>, link: Arc<Link>, sent: GroupSent) {
    let retry_answer = sent.retry_answer(&world.state.lock());
    if let Some(answer) = retry_answer {
        retries::take_answer(&world, &answer).await;
        return link.reply(acknowledgement(&sent.message)).await;
    }
    let fault = world.state.lock().next_message_fault(&sent.from.phone_number);
    let refusal = match fault {
        MessageFault::DropBeforeTaking => Some(Verdict::Lost),
        MessageFault::Nack { code } => Some(Verdict::Refused(code)),
        _ => group_rules::refusal(&world.state.lock(), &sent).map(Verdict::Refused),
    };
    let verdict = enter(&world, &sent, refusal);
    let opened = group_copies::take(&world, &sent, verdict).await;
    group_rules::judge(&world, &sent, opened.as_ref());
    let hash = world.state.lock().hash_of_others(&sent);
    answer(&world, &link, &sent.message, hash, (verdict, fault)).await;
}

/// Writes the message into the sender's book, which knows whether it is the first of its id.
fn enter(world: &World, sent: &GroupSent, refusal: Option<Verdict>) -> Verdict {
    let (chat, id) = sent.key();
    let copy = Copy {
        id: &id,
        address: chat.to_string(),
        to: chat,
        from_device: sent.from.device,
        stanza_type: stanza::attr_or_empty(&sent.message, "type"),
        edit: stanza::attr(&sent.message, "edit"),
        status_setting: sent.meta("status_setting"),
        keys: sent.keys().len(),
    };
    let mut state = world.state.lock();
    let Some(account) = state.accounts.get_mut(&sent.from.phone_number) else { return Verdict::Lost };
    account.ledger.enter(copy, refusal, world.settings.inbox_limit)
}

impl State {
    /// Whom a message is for, and how they know each other. A status is for those whom its sender lists.
    fn audience(&self, from: &DeviceKey, chat: &Jid, message: &Node) -> (Vec<Arc<str>>, Addressing) {
        if let Some(group) = self.group_of(chat) {
            return (group.members.keys().cloned().collect(), group.addressing);
        }
        if !is_status(chat) {
            return (Vec::new(), Addressing::Lid);
        }
        let listed = message.get_optional_child("participants").map(stanza::children).unwrap_or_default();
        let listed = listed.iter().filter_map(|to| self.device_key(&stanza::jid(to, "jid")?));
        let mut members: Vec<_> = listed.map(|key| key.phone_number).collect();
        members.push(Arc::clone(&from.phone_number));
        members.sort();
        members.dedup();
        (members, Addressing::Lid)
    }

    /// The hash over the devices that should have got a message, when the sender's is another one: then it goes by an old list of members
    /// or devices. Clients that send none are not told.
    fn hash_of_others(&self, sent: &GroupSent) -> Option<String> {
        let said = stanza::attr(&sent.message, "phash")?;
        let hash = self.audience_hash(sent);
        (hash != said).then_some(hash)
    }

    /// The hash over all devices of all that a message is for, the sending one included; src: whatsmeow send.go sendGroup, which hashes the
    /// list before it leaves itself out.
    pub(crate) fn audience_hash(&self, sent: &GroupSent) -> String {
        let members = sent.members.iter().filter_map(|number| self.accounts.get(number));
        let addresses = |account: &Account| usync::device_addresses(account, &sent.addressing.jid(account));
        usync::address_hash(members.flat_map(addresses).collect())
    }
}

impl GroupSent {
    /// The part that is encrypted for everybody.
    pub(crate) fn enc(&self) -> Option<&Node> {
        self.message.get_optional_child("enc")
    }

    /// The encrypted keys with the address of the device that each is for.
    pub(crate) fn keys(&self) -> Vec<(Jid, &Node)> {
        let listed = self.message.get_optional_child("participants").map(stanza::children).unwrap_or_default();
        listed.iter().filter_map(|to| Some((stanza::jid(to, "jid")?, to.get_optional_child("enc")?))).collect()
    }

    /// How the sender's book names it.
    pub(crate) fn key(&self) -> (Arc<str>, String) {
        (self.chat.to_string().into(), self.id.clone())
    }

    fn meta(&self, key: &str) -> Option<String> {
        let mut metas = stanza::children(&self.message).iter().filter(|child| child.tag == "meta");
        metas.find_map(|meta| stanza::attr(meta, key))
    }

    /// It is for one device that could not read a message before.
    fn retry_answer(&self, state: &State) -> Option<Sent> {
        stanza::attr(self.enc()?, "count")?;
        let recipient = state.device_key(&stanza::jid(&self.message, "participant")?)?;
        let (id, from, to) = (self.id.clone(), self.from.clone(), self.chat.clone());
        Some(Sent { id, from, to, recipient, message: self.message.clone() })
    }
}
