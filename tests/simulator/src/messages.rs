//! What devices write, one to one: a message is taken as a whole, once, and acknowledged. What is in its copies is for
//! `copies.rs`; what is to go wrong is decided in `message_fault.rs`.

use std::sync::Arc;
use std::time::Duration;

use wacore_binary::{Jid, Node, Server};

use crate::account::Device;
use crate::ledger::{Copy, Verdict};
use crate::link::{DeviceKey, Link};
use crate::message_fault::MessageFault;
use crate::world::{State, World, now};
use crate::{copies, group_send, retries, rules, stanza, usync};

/// A message on its way through the server.
pub(crate) struct Sent {
    pub(crate) id: String,
    pub(crate) from: DeviceKey,
    pub(crate) to: Jid,
    pub(crate) recipient: DeviceKey,
    pub(crate) message: Node,
}

/// A device sends a message. `false` when the stanza is not understood.
pub(crate) async fn receive(world: &Arc<World>, link: &Arc<Link>, message: &Node) -> bool {
    let (Some(from), Some(to), Some(id)) = (link.device(), stanza::jid(message, "to"), stanza::attr(message, "id"))
    else {
        return false;
    };
    if group_send::is_for_many(&to) {
        return group_send::receive(world, link, message).await;
    }
    let Some(recipient) = world.state.lock().device_key(&to) else {
        if !matches!(to.server, Server::Pn | Server::Lid) {
            return false;
        }
        link.reply(refusal(message, 404)).await;
        return true;
    };
    world.state.lock().stats.received += 1;
    let sent = Sent { id, from: from.clone(), to, recipient, message: message.clone() };
    // A task of its own: a message is taken as a whole or not at all, whatever becomes of the connection meanwhile.
    let taking = world.tasks.spawn(take(Arc::clone(world), Arc::clone(link), sent));
    let _ = taking.await; // it never panics
    true
}

async fn take(world: Arc<World>, link: Arc<Link>, sent: Sent) {
    if sent.is_peer() {
        copies::take(&world, &sent, Verdict::Taken).await;
        return link.reply(acknowledgement(&sent.message)).await;
    }
    if sent.is_retry_answer() {
        retries::take_answer(&world, &sent).await;
        return link.reply(acknowledgement(&sent.message)).await;
    }
    let fault = world.state.lock().next_message_fault(&sent.from.phone_number);
    let refusal = match fault {
        MessageFault::DropBeforeTaking => Some(Verdict::Lost),
        MessageFault::Nack { code } => Some(Verdict::Refused(code)),
        _ => rules::refusal(&world, &sent).map(Verdict::Refused),
    };
    let verdict = enter(&world, &sent, refusal);
    let opened = copies::take(&world, &sent, verdict).await;
    rules::judge(&world, &sent, &opened);
    let hash = world.state.lock().hash_of_missed(&sent);
    answer(&world, &link, &sent.message, hash, (verdict, fault)).await;
}

/// Writes the message into the sender's book, which knows whether it is the first of its id.
fn enter(world: &World, sent: &Sent, refusal: Option<Verdict>) -> Verdict {
    let copy = Copy {
        id: &sent.id,
        to: Arc::clone(&sent.recipient.phone_number),
        address: sent.to.to_string(),
        from_device: sent.from.device,
        stanza_type: stanza::attr_or_empty(&sent.message, "type"),
        edit: stanza::attr(&sent.message, "edit"),
        status_setting: None,
        keys: 0,
    };
    let mut state = world.state.lock();
    let is_new_chat = state.is_new_chat(sent);
    let Some(account) = state.accounts.get_mut(&sent.from.phone_number) else { return Verdict::Lost };
    let verdict = account.ledger.enter(copy, refusal, world.settings.inbox_limit);
    if verdict == Verdict::Taken
        && is_new_chat
        && let Some(cap) = &mut account.standing.restrictions.new_chats
    {
        cap.used += 1;
    }
    verdict
}

/// Acknowledges a message, as the fault that was ordered for it wants it. With the hash of the devices that should have got it when that is
/// not the sender's.
pub(crate) async fn answer(
    world: &Arc<World>,
    link: &Arc<Link>,
    message: &Node,
    hash: Option<String>,
    (verdict, fault): (Verdict, MessageFault),
) {
    let mut ack = acknowledgement(message);
    if let Some(hash) = hash {
        ack.attrs.insert("phash", hash);
    }
    match (verdict, fault) {
        (Verdict::Lost, _) | (_, MessageFault::DropAfterTaking) => link.cut.cancel(),
        (Verdict::Refused(code), _) => link.reply(refusal(message, code)).await,
        (_, MessageFault::AckWithheld) => {}
        (_, MessageFault::AckDelayed { ms }) => {
            let (link, stopping) = (Arc::clone(link), world.stopping.clone());
            world.tasks.spawn(async move {
                tokio::select! {
                    () = tokio::time::sleep(Duration::from_millis(ms)) => link.reply(ack).await,
                    () = stopping.cancelled() => {}
                }
            });
        }
        (_, MessageFault::DropOnAck) => {
            link.reply(ack).await;
            link.cut_behind();
        }
        _ => link.reply(ack).await,
    }
}

impl State {
    /// The hash of the recipient's devices, if one of them that has keys gets no copy: the sender does not know of it. Clients compare
    /// it with that of those whom they have written to, and read the list again when it is another.
    fn hash_of_missed(&self, sent: &Sent) -> Option<String> {
        let account = self.accounts.get(&sent.recipient.phone_number)?;
        let copied: Vec<_> = sent.copies().iter().filter_map(|(to, _)| self.device_key(to)).collect();
        let is_missed =
            |device: &Device| device.keys.is_some() && !copied.contains(&device.key) && device.key != sent.from;
        account.devices.values().any(is_missed).then(|| usync::device_hash(account))
    }
}

pub(crate) fn acknowledgement(message: &Node) -> Node {
    let mut ack = stanza::ack("message", message);
    ack.attrs.insert("t", now());
    ack
}

pub(crate) fn refusal(message: &Node, code: u16) -> Node {
    let mut refusal = acknowledgement(message);
    refusal.attrs.insert("error", code);
    refusal
}

impl Sent {
    pub(crate) fn is_peer(&self) -> bool {
        stanza::attr(&self.message, "category").as_deref() == Some("peer")
    }

    /// Whether it is for one device that could not read the message before.
    fn is_retry_answer(&self) -> bool {
        self.message.get_optional_child("enc").is_some_and(|enc| stanza::attr(enc, "count").is_some())
    }

    /// The encrypted copies with the device that each is for.
    pub(crate) fn copies(&self) -> Vec<(Jid, &Node)> {
        let direct = self.message.get_optional_child("enc").map(|enc| (self.to.clone(), enc));
        let participants = self.message.get_optional_child("participants").map(stanza::children).unwrap_or_default();
        let fanned =
            participants.iter().filter_map(|to| Some((stanza::jid(to, "jid")?, to.get_optional_child("enc")?)));
        direct.into_iter().chain(fanned).collect()
    }

    /// How the sender's book names it.
    pub(crate) fn key(&self) -> (Arc<str>, String) {
        (Arc::clone(&self.recipient.phone_number), self.id.clone())
    }
}
