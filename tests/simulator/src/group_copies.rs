//! What is in a message for many: phones take the key that came for them, open the message with it and have it in their inbox; other
//! devices get both parts passed on.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest as _, Sha256};
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use waproto::whatsapp as wa;

use crate::copies::{content_hash, needs_identity};
use crate::delivery::Delivery;
use crate::envelope::Envelope;
use crate::group_send::{GroupSent, is_status};
use crate::inbox::{InboxMessage, Report};
use crate::ledger::Verdict;
use crate::letter::{Letter, Role};
use crate::link::DeviceKey;
use crate::signal::{SignalBox, open_message};
use crate::summary::Summary;
use crate::world::{State, World, now};
use crate::{group_retries, retries, stanza};

/// Looks at a message; when it is taken everybody gets it. Returns what it says, if a phone could open it.
pub(crate) async fn take(world: &Arc<World>, sent: &GroupSent, verdict: Verdict) -> Option<wa::Message> {
    let Some(sealed) = sent.enc().and_then(stanza::bytes) else {
        world.add_violation(format!("message {}: nothing in it is encrypted for everybody", sent.id));
        return None;
    };
    match verdict {
        Verdict::Taken => spread(world, sent, &sealed).await,
        Verdict::Repeated | Verdict::Refused(_) | Verdict::Lost => read(world, sent, &sealed).await,
    }
}

/// Everybody gets the message.
async fn spread(world: &Arc<World>, sent: &GroupSent, sealed: &[u8]) -> Option<wa::Message> {
    let keys = world.state.lock().keys_of(sent);
    world.state.lock().pass_on_to_many(world, sent, &keys);
    let mut opened = None;
    let mut arrived = Vec::new();
    for number in &sent.members {
        let phone = DeviceKey { phone_number: Arc::clone(number), device: 0 };
        match open(world, sent, (&phone, keys.get(&phone).copied()), sealed).await {
            Ok(message) => {
                if put(world, sent, &phone, &message) {
                    arrived.push(Arc::clone(number));
                }
                opened = Some(message);
            }
            Err(error) => {
                tracing::debug!(error = %format!("{error:#}"), "a phone cannot read a message and asks for it again");
                retries::ask(world, &phone, &sent.from, (&sent.id, sent.chat.clone())).await;
            }
        }
    }
    if let Some(message) = &opened {
        note(world, sent, sealed, message);
    }
    world.state.lock().report_arrivals(world, sent, &arrived);
    opened
}

/// A phone opens a message: first the key, if one came for it.
async fn open(
    world: &World,
    sent: &GroupSent,
    (phone, key): (&DeviceKey, Option<&Node>),
    sealed: &[u8],
) -> Result<wa::Message> {
    let is_broken = world.state.lock().is_copy_broken(&phone.phone_number);
    let signal = world.signal(&phone.phone_number).context("a phone without keys")?;
    let mut signal = signal.lock().await;
    if is_broken {
        if let Some(enc) = key {
            open_key(&mut signal, sent, enc, true).await?;
        }
        bail!("this is what was ordered");
    }
    if let Some(enc) = key {
        learn(world, &mut signal, sent, (phone, enc)).await?;
    }
    let padded = signal.sender_keys.open(&sent.chat.to_string(), &sent.from, sealed).await;
    if let (Err(error), true) = (&padded, key.is_some()) {
        world.add_violation(format!("message {}: a phone cannot open it with its key: {error:#}", sent.id));
    }
    open_message(&padded?)
}

/// A phone takes the key that came with a message.
async fn learn(
    world: &World,
    signal: &mut SignalBox,
    sent: &GroupSent,
    (phone, enc): (&DeviceKey, &Node),
) -> Result<()> {
    let learned = match open_key(signal, sent, enc, false).await {
        Ok(distribution) => signal.sender_keys.learn(&sent.chat.to_string(), &sent.from, &distribution).await,
        Err(error) => Err(error),
    };
    // What was written before the companion could know that the session is lost breaks no rule.
    if let Err(error) = &learned
        && !world.state.lock().has_lost_session(&phone.phone_number, &sent.from)
    {
        world.add_violation(format!("message {}: the key for a phone: {error:#}", sent.id));
    }
    learned
}

/// Opens the key that came for a device.
async fn open_key(signal: &mut SignalBox, sent: &GroupSent, enc: &Node, is_peek: bool) -> Result<Vec<u8>> {
    needs_identity(&sent.message, enc)?;
    let kind = stanza::attr_or_empty(enc, "type");
    let bytes = stanza::bytes(enc).context("an <enc> without bytes")?;
    let padded = match is_peek {
        true => signal.peek(&sent.from, &kind, &bytes).await?,
        false => signal.decrypt(&sent.from, &kind, &bytes).await?,
    };
    let message = open_message(&padded)?;
    let key = message.sender_key_distribution_message.as_option().context("it holds no key")?;
    let (chat, group) = (sent.chat.to_string(), key.group_id.clone().unwrap_or_default());
    ensure!(group == chat, "it is the key of {group}");
    key.axolotl_sender_key_distribution_message.clone().context("its key is empty")
}

/// The message is in a phone's inbox, or among what the own account has sent. `true` when the sender is to hear that it arrived.
fn put(world: &World, sent: &GroupSent, phone: &DeviceKey, message: &wa::Message) -> bool {
    let mut state = world.state.lock();
    if phone.phone_number == sent.from.phone_number {
        state.note_sent(&phone.phone_number, &sent.id, message, world);
        return false;
    }
    let entry = InboxMessage {
        edit: stanza::attr(&sent.message, "edit"),
        ..InboxMessage::new(&sent.id, (&sent.from.phone_number, sent.from.device), Some(sent.chat.to_string()), message)
    };
    let report = Report { sender: Arc::clone(&sent.from.phone_number), address: sent.chat.clone() };
    state.keep_message(&phone.phone_number, entry, Some(report), world)
}

fn note(world: &World, sent: &GroupSent, sealed: &[u8], message: &wa::Message) {
    if let Some(account) = world.state.lock().accounts.get_mut(&sent.from.phone_number) {
        let hash = Sha256::digest(sealed).into();
        account.ledger.note_content(&sent.key(), hash, content_hash(message), Summary::of(message));
    }
}

/// Reads a message that nobody gets, to know whether it says the same as the others of its id. Only phones that have asked for it take it.
async fn read(world: &Arc<World>, sent: &GroupSent, sealed: &[u8]) -> Option<wa::Message> {
    let hash: [u8; 32] = Sha256::digest(sealed).into();
    let keys = world.state.lock().keys_of(sent);
    for (phone, enc) in &keys {
        if world.state.lock().has_asked(phone, &sent.from, &sent.id) {
            group_retries::take_from_many(world, sent, phone, enc).await;
        }
    }
    let was_opened = |account: &crate::account::Account| account.ledger.was_opened(&sent.key(), &hash);
    if world.state.lock().accounts.get(&sent.from.phone_number).is_some_and(was_opened) {
        return None;
    }
    // The own phone has the key, or gets it with the message. Whoever is not in the group has nobody to read it.
    let own = DeviceKey { phone_number: Arc::clone(&sent.from.phone_number), device: 0 };
    let signal = world.signal(&own.phone_number)?;
    let mut signal = signal.lock().await;
    let distribution = match keys.get(&own) {
        Some(enc) => open_key(&mut signal, sent, enc, true).await.ok(),
        None => None,
    };
    let chat = sent.chat.to_string();
    let padded = signal.sender_keys.peek(&chat, &sent.from, distribution.as_deref(), sealed).await.ok()?;
    let message = open_message(&padded).ok()?;
    note(world, sent, sealed, &message);
    Some(message)
}

impl State {
    /// The companions of all get the message, each with the key that came for it.
    fn pass_on_to_many(&mut self, world: &World, sent: &GroupSent, keys: &HashMap<DeviceKey, &Node>) {
        let devices: Vec<_> = sent.members.iter().flat_map(|number| self.companions(number)).collect();
        for target in devices.into_iter().filter(|target| *target != sent.from) {
            let parts = keys.get(&target).copied().into_iter().chain(sent.enc()).cloned().collect();
            let Some(stanza) = self.passed_on(&sent.message, &sent.from, parts) else { return };
            let letter = foreign_letter(&sent.id, &sent.from, target.clone());
            self.enqueue(&target, Delivery::message(stanza, letter), world);
        }
    }

    /// The keys by the device that each is for.
    fn keys_of<'a>(&self, sent: &'a GroupSent) -> HashMap<DeviceKey, &'a Node> {
        sent.keys().into_iter().filter_map(|(jid, enc)| Some((self.device_key(&jid)?, enc))).collect()
    }

    /// A message for many as a companion gets it.
    pub(crate) fn passed_on(&self, message: &Node, from: &DeviceKey, parts: Vec<Node>) -> Option<Node> {
        let sender = self.accounts.get(&from.phone_number)?;
        let chat = stanza::jid(message, "to")?;
        let [(participant, jid), (other, other_jid)] = self.participant_in(&chat, sender)?;
        let mut stanza = NodeBuilder::new("message")
            .attr("from", &chat)
            .attr("id", stanza::attr_or_empty(message, "id"))
            .attr("t", now())
            .attr("type", stanza::attr_or_empty(message, "type"))
            .attr("notify", sender.push_name.as_str())
            .attr(participant, jid.with_device(from.device))
            .attr(other, other_jid.with_device(from.device));
        if let Some(group) = self.group_of(&chat) {
            stanza = stanza.attr("addressing_mode", group.addressing.word());
        }
        if let Some(edit) = stanza::attr(message, "edit") {
            stanza = stanza.attr("edit", edit);
        }
        let also = |child: &&Node| child.tag == "device-identity" || (child.tag == "meta" && !is_status(&chat));
        Some(stanza.children(parts.into_iter().chain(stanza::children(message).iter().filter(also).cloned())).build())
    }
}

/// A message that a companion encrypted for another one: only it could do that again.
pub(crate) fn foreign_letter(id: &str, from: &DeviceKey, to: DeviceKey) -> Letter {
    Letter {
        id: id.to_owned(),
        from: Arc::clone(&from.phone_number),
        to,
        timestamp: now(),
        role: Role::Message,
        envelope: Envelope::default(),
        plaintext: Arc::new([]),
        attempt: 0,
        is_hopeless: false,
    }
}
