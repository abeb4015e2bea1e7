//! What devices say about deliveries: taken, read, or not readable; and what people's phones say about messages.

use std::sync::Arc;

use anyhow::{Context, Result};
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};

use crate::delivery::{Class, Delivery};
use crate::group_send::is_for_many;
use crate::inbox::Report as Arrival;
use crate::letter::{self, Letter};
use crate::link::{DeviceKey, Link};
use crate::phone::Phone;
use crate::world::{State, World, now};
use crate::{keys, media, stanza};

/// A receipt on its way from one who read to the one who wrote.
struct Report<'a> {
    reader: &'a DeviceKey,
    author: &'a str,
    /// The group, or the status, when that is where it was.
    group: Option<Jid>,
    /// `read`, `played`, or these with `-self`; the latter are for the reader's own devices only.
    kind: &'a str,
    ids: &'a [String],
}

/// Takes a receipt. `false` when its type is not known.
pub(crate) async fn take_receipt(world: &Arc<World>, link: &Arc<Link>, receipt: &Node) -> bool {
    let Some(key) = link.device() else { return false };
    let kind = stanza::attr_or_empty(receipt, "type");
    match kind.as_str() {
        "" | "inactive" | "peer_msg" | "sender" | "hist_sync" => {
            acknowledge(world, key, Class::Message, &ids(receipt), None);
        }
        // Reading says nothing about the delivery, which was acknowledged before.
        "read" | "read-self" | "played" | "played-self" => pass_on(world, key, receipt, &kind),
        // Nor does asking for it again: the client acknowledges what it could not read, too.
        "retry" | "enc_rekey_retry" => {}
        "server-error" if media::is_request(receipt) => {}
        _ => return false,
    }
    link.reply(stanza::ack("receipt", receipt)).await;
    match kind.as_str() {
        "retry" => send_again(world, key, receipt).await,
        "server-error" => media::answer_request(world, key, receipt),
        _ => {}
    }
    true
}

/// Takes an acknowledgement of something that the server sent. `false` when its class is not known.
pub(crate) fn take_ack(world: &World, link: &Link, ack: &Node) -> bool {
    let class = match stanza::attr_or_empty(ack, "class").as_str() {
        "message" => Class::Message,
        "receipt" => Class::Receipt,
        "notification" => Class::Notification,
        "call" => Class::Call,
        _ => return false,
    };
    // A connection that is only pairing has no queue.
    let Some(key) = link.device() else { return class != Class::Message };
    if stanza::attr(ack, "error").is_some() {
        world.state.lock().stats.refused_deliveries += 1;
    }
    acknowledge(world, key, class, &ids(ack), stanza::attr(ack, "type").as_deref());
    true
}

fn ids(stanza: &Node) -> Vec<String> {
    let listed = stanza.get_optional_child("list").map(stanza::children).unwrap_or_default();
    let own = stanza::attr(stanza, "id");
    own.into_iter().chain(listed.iter().filter_map(|item| stanza::attr(item, "id"))).collect()
}

fn acknowledge(world: &World, key: &DeviceKey, class: Class, ids: &[String], kind: Option<&str>) {
    let mut state = world.state.lock();
    let Some(device) = state.device_mut(key) else { return };
    let taken = ids.iter().filter(|id| device.acknowledge(class, id, kind, &world.settings)).count() as u64;
    match class {
        Class::Message => state.stats.acknowledged += taken,
        Class::Receipt | Class::Notification | Class::Call => state.stats.acknowledged_notices += taken,
    }
    state.pump(key, &world.settings);
}

/// A device could not read a message: take the keys that it sent along, and have the sender write it again.
async fn send_again(world: &Arc<World>, key: &DeviceKey, receipt: &Node) {
    let unread: Vec<Letter> = {
        let mut state = world.state.lock();
        state.stats.retries += 1;
        let Some(device) = state.device_mut(key) else { return };
        let registration = device.registration_id;
        let wanted = ids(receipt);
        let unread = wanted.iter().filter_map(|id| device.sent_letter(id)).map(|letter| (*letter).clone()).collect();
        if receipt.get_optional_child("retry").is_none() {
            state.stats.add_violation("retry receipt: it does not say what to retry".to_owned());
        }
        if stanza::child_number(receipt, "registration") != Some(registration) {
            state.stats.add_violation("retry receipt: the registration id is not that of the device".to_owned());
        }
        unread
    };
    keys::adopt_retry_keys(world, key, receipt);
    if unread.iter().any(Letter::is_foreign) {
        world.state.lock().hand_on_request(world, key, receipt);
    }
    for letter in unread {
        letter::send_again(world, letter).await;
    }
}

/// A companion says that its user read something: the author learns it, and the user's other devices.
fn pass_on(world: &World, reader: &DeviceKey, receipt: &Node, kind: &str) {
    let mut state = world.state.lock();
    let Some(to) = stanza::jid(receipt, "to") else { return };
    let group = is_for_many(&to).then(|| to.clone());
    let author = if group.is_some() { stanza::jid(receipt, "participant") } else { Some(to) };
    let Some(author) = author.and_then(|author| state.device_key(&author)) else { return };
    let ids = ids(receipt);
    state.report(world, &Report { reader, author: &author.phone_number, group, kind, ids: &ids });
}

impl State {
    fn report(&mut self, world: &World, report: &Report<'_>) {
        let own: Vec<DeviceKey> =
            self.companions(&report.reader.phone_number).into_iter().filter(|key| key != report.reader).collect();
        if let Some(stanza) = self.receipt(report, true) {
            self.notify(&own, Class::Receipt, &stanza, world);
        }
        if !report.kind.ends_with("-self")
            && let Some(stanza) = self.receipt(report, false)
        {
            let theirs = self.companions(report.author);
            self.notify(&theirs, Class::Receipt, &stanza, world);
        }
    }

    fn receipt(&self, report: &Report<'_>, is_own: bool) -> Option<Node> {
        let (first, others) = report.ids.split_first()?;
        let mut receipt =
            NodeBuilder::new("receipt").attr("id", first.as_str()).attr("type", report.kind).attr("t", now());
        let reader = self.accounts.get(&report.reader.phone_number)?;
        receipt = match &report.group {
            Some(group) => {
                let [(participant, jid), (other, other_jid)] = self.participant_in(group, reader)?;
                let jid = jid.with_device(report.reader.device);
                receipt.attr("from", group).attr(participant, jid).attr(other, other_jid)
            }
            None => {
                let from = stanza::phone_jid(&reader.phone_number);
                let device = report.reader.device;
                receipt.attr("from", if is_own { from.with_device(device) } else { self.chat_jid(report.author, from) })
            }
        };
        if is_own && report.group.is_none() {
            let chat = self.chat_jid(&report.reader.phone_number, stanza::phone_jid(report.author));
            receipt = receipt.attr("recipient", chat);
        }
        let items = others.iter().map(|id| NodeBuilder::new("item").attr("id", id.as_str()).build());
        let list = (!others.is_empty()).then(|| NodeBuilder::new("list").children(items).build());
        Some(receipt.children(list).build())
    }

    /// Tells all devices of a sender that a message has arrived at somebody's phone.
    pub(crate) fn report_arrival(&mut self, world: &World, report: &Arrival, reader: &str, id: &str) {
        let mut receipt = NodeBuilder::new("receipt").attr("from", &report.address).attr("id", id).attr("t", now());
        if is_for_many(&report.address) {
            let reader = self.accounts.get(reader).and_then(|reader| self.participant_in(&report.address, reader));
            let Some([(participant, jid), (other, other_jid)]) = reader else { return };
            receipt = receipt.attr(participant, jid).attr(other, other_jid);
        }
        let receipt = receipt.build();
        for key in self.companions(&report.sender) {
            self.enqueue(&key, Delivery::notice(Class::Receipt, receipt.clone()), world);
        }
    }
}

impl Phone {
    /// The phone's owner reads messages of its inbox. Their authors are told, and this account's own devices.
    ///
    /// # Errors
    /// One of the messages is not in the inbox; then nobody is told anything.
    pub fn read(&self, ids: &[impl AsRef<str>]) -> Result<()> {
        self.report("read", ids)
    }

    /// The same with read receipts switched off: only this account's own devices are told.
    ///
    /// # Errors
    /// One of the messages is not in the inbox; then nobody is told anything.
    pub fn read_unseen(&self, ids: &[impl AsRef<str>]) -> Result<()> {
        self.report("read-self", ids)
    }

    /// The phone's owner listens to voice messages of its inbox.
    ///
    /// # Errors
    /// One of the messages is not in the inbox; then nobody is told anything.
    pub fn play(&self, ids: &[impl AsRef<str>]) -> Result<()> {
        self.report("played", ids)
    }

    fn report(&self, kind: &str, ids: &[impl AsRef<str>]) -> Result<()> {
        let mut state = self.world.state.lock();
        let inbox = &state.accounts.get(&self.phone_number).context("there is no such phone")?.inbox;
        let mut found: Vec<(String, Option<String>, Vec<String>)> = Vec::new();
        for id in ids.iter().map(AsRef::as_ref) {
            let message = inbox.iter().find(|message| message.id == id);
            let message = message.with_context(|| format!("the phone has no message {id}"))?;
            // One receipt for each author and chat.
            match found.iter_mut().find(|(from, group, _)| *from == message.from && *group == message.group) {
                Some((_, _, ids)) => ids.push(id.to_owned()),
                None => found.push((message.from.clone(), message.group.clone(), vec![id.to_owned()])),
            }
        }
        let reader = self.device_key(0);
        for (author, group, ids) in found {
            let group = group.and_then(|group| group.parse().ok());
            let report = Report { reader: &reader, author: &author, group, kind, ids: &ids };
            state.report(&self.world, &report);
        }
        Ok(())
    }
}
