//! What a phone writes: one letter per device, encrypted into the device's queue, and once more when the device could not
//! read it.

use std::sync::Arc;

use anyhow::Result;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;

use crate::account::Device;
use crate::delivery::Delivery;
use crate::envelope::Envelope;
use crate::link::DeviceKey;
use crate::sender_key::SenderKeyParts;
use crate::signal::{Sealed, SignalBox, open_message};
use crate::world::{State, World};
use crate::{keys, stanza};

/// How often a phone answers when a device asks for a message again; src: the clients ask five times.
const MOST_RETRIES: u32 = 5;

/// A message before it is encrypted for one device.
#[derive(Clone)]
pub(crate) struct Letter {
    pub(crate) id: String,
    /// The phone that sends it.
    pub(crate) from: Arc<str>,
    pub(crate) to: DeviceKey,
    pub(crate) timestamp: u64,
    pub(crate) role: Role,
    pub(crate) envelope: Envelope,
    /// The padded message, shared by the letters to all devices of a person. Empty when a companion encrypted it.
    pub(crate) plaintext: Arc<[u8]>,
    /// How often the device has asked for it again.
    pub(crate) attempt: u32,
    /// Whether it never arrives whole, however often the device asks.
    pub(crate) is_hopeless: bool,
}

/// What a letter is to the device that gets it.
#[derive(Clone)]
pub(crate) enum Role {
    /// A message from somebody else.
    Message,
    /// A copy of what the device's own phone sent to this phone number.
    OwnCopy(Arc<str>),
    /// Between a phone and its own device, not for the user's eyes.
    Peer,
    /// A message in the group with this number.
    Group(Arc<str>, Arc<SenderKeyParts>),
}

impl Letter {
    /// Whether a companion encrypted it, which alone can do that again.
    pub(crate) fn is_foreign(&self) -> bool {
        self.plaintext.is_empty() && !self.envelope.is_for_phones
    }
}

/// The padded bytes of a message.
pub(crate) fn padded(message: &wa::Message) -> Arc<[u8]> {
    wacore::messages::MessageUtils::encode_and_pad(message).into()
}

/// The padded bytes of the copy that the sender's own devices get.
pub(crate) fn own_copy(message: &wa::Message, to: &str) -> Arc<[u8]> {
    padded(&wacore::messages::wrap_device_sent(message.clone(), stanza::phone_jid(to).to_string()))
}

/// Encrypts a letter and puts it into the device's queue. Waits with the letter when the device has no keys yet.
pub(crate) async fn deliver(world: &Arc<World>, letter: Letter) {
    let Some(signal) = world.signal(&letter.from) else { return };
    let mut signal = signal.lock().await;
    if let Some(device) = world.state.lock().device_mut(&letter.to)
        && device.held.iter().any(|held| held.from == letter.from)
    {
        // It goes behind those that are on their way out.
        return device.held.push_back(letter);
    }
    deliver_with(world, &mut signal, letter).await;
}

/// Delivers the first of the letters that waited for the device's keys. `false` when there is none.
pub(crate) async fn deliver_held(world: &Arc<World>, key: &DeviceKey) -> bool {
    let first = |device: &mut Device| device.held.front().map(|letter| Arc::clone(&letter.from));
    let Some(from) = world.state.lock().device_mut(key).and_then(first) else { return false };
    let Some(signal) = world.signal(&from) else { return false };
    // Taken out with the account's lock held, so that none overtakes it.
    let mut signal = signal.lock().await;
    let letter = {
        let mut state = world.state.lock();
        let Some(device) = state.device_mut(key).filter(|device| device.keys.is_some()) else { return false };
        if device.held.front().is_none_or(|letter| letter.from != from) {
            return true;
        }
        device.held.pop_front()
    };
    if let Some(letter) = letter {
        deliver_with(world, &mut signal, letter).await;
    }
    true
}

/// The same, with the account's lock held: the queue keeps the order of the ratchet.
pub(crate) async fn deliver_with(world: &Arc<World>, signal: &mut SignalBox, letter: Letter) {
    if letter.envelope.is_for_phones {
        return post(&mut world.state.lock(), world, letter, Vec::new());
    }
    if needs_session(signal, &letter) && !signal.has_session(&letter.to) {
        let bundle = {
            let mut state = world.state.lock();
            let Some(device) = state.device_mut(&letter.to) else { return };
            let bundle = device.take_bundle();
            if bundle.is_none() {
                device.held.push_back(letter);
                return;
            }
            keys::remind(world, &mut state, &letter.to);
            bundle
        };
        if let Some(bundle) = bundle
            && let Err(error) = signal.start_session(&letter.to, &bundle).await
        {
            return world.add_violation(format!("the published keys of a device do not work: {error:#}"));
        }
    }
    let sealed = match seal(signal, &letter).await {
        Ok(sealed) => sealed,
        Err(error) => return world.add_violation(format!("a message could not be encrypted: {error:#}")),
    };
    post(&mut world.state.lock(), world, letter, sealed);
}

/// Puts a letter into the device's queue, broken when that is what was ordered.
fn post(state: &mut State, world: &World, mut letter: Letter, sealed: Vec<Sealed>) {
    let is_broken = state.is_to_break(&mut letter);
    let Some(stanza) = message_stanza(state, &letter, sealed, is_broken) else { return };
    let key = letter.to.clone();
    state.enqueue(&key, Delivery::message(stanza, letter), world);
}

/// A device could not read a message. Its sender encrypts it again, in a new session.
pub(crate) async fn send_again(world: &Arc<World>, mut letter: Letter) {
    letter.attempt += 1;
    if letter.is_foreign() || letter.envelope.is_for_phones || letter.attempt > MOST_RETRIES {
        return;
    }
    let Some(signal) = world.signal(&letter.from) else { return };
    let mut signal = signal.lock().await;
    signal.forget(&letter.to);
    deliver_with(world, &mut signal, letter).await;
}

/// A group's message is encrypted for everybody at once; only the first to a device comes with the key to it.
fn needs_session(signal: &SignalBox, letter: &Letter) -> bool {
    match &letter.role {
        Role::Group(group, _) => letter.attempt > 0 || !signal.sender_keys.has_holder(group, &letter.to),
        Role::Message | Role::OwnCopy(_) | Role::Peer => true,
    }
}

/// The encrypted parts of a letter.
async fn seal(signal: &mut SignalBox, letter: &Letter) -> Result<Vec<Sealed>> {
    let Role::Group(group, parts) = &letter.role else {
        return Ok(vec![signal.encrypt(&letter.to, &letter.plaintext).await?]);
    };
    let mut key = wa::Message::default();
    if letter.attempt > 0 {
        // Asked for again, it is for this device alone.
        key = open_message(&letter.plaintext)?;
    }
    key.sender_key_distribution_message = MessageField::some(wa::message::SenderKeyDistributionMessage {
        group_id: Some(stanza::group_jid(group).to_string()),
        axolotl_sender_key_distribution_message: Some(parts.distribution.clone()),
    });
    if letter.attempt > 0 {
        return Ok(vec![signal.encrypt(&letter.to, &padded(&key)).await?]);
    }
    let message = Sealed { kind: "skmsg", bytes: parts.message.clone() };
    if !signal.sender_keys.add_holder(group, &letter.to) {
        return Ok(vec![message]);
    }
    Ok(vec![signal.encrypt(&letter.to, &padded(&key)).await?, message])
}

fn message_stanza(state: &State, letter: &Letter, sealed: Vec<Sealed>, is_broken: bool) -> Option<Node> {
    let Envelope { kind, meta, edit, is_for_phones, .. } = letter.envelope;
    let sender = state.accounts.get(&letter.from)?;
    let mut message = NodeBuilder::new("message").attr("id", letter.id.as_str()).attr("t", letter.timestamp);
    message = message.attr("type", kind);
    if let Some(edit) = edit {
        message = message.attr("edit", edit);
    }
    let message = match &letter.role {
        Role::Peer => message.attr("from", stanza::phone_jid(&letter.from)).attr("category", "peer"),
        // A person's number stands beside their hidden one, so that the companion knows them by both.
        Role::OwnCopy(to) if sender.is_migrated => message
            .attr("from", stanza::lid_jid(&sender.lid))
            .attr("recipient", stanza::lid_jid(&state.accounts.get(to)?.lid))
            .attr("peer_recipient_pn", stanza::phone_jid(to)),
        Role::OwnCopy(to) => {
            message.attr("from", stanza::phone_jid(&letter.from)).attr("recipient", stanza::phone_jid(to))
        }
        Role::Message => {
            let (pn, lid) = (stanza::phone_jid(&letter.from), stanza::lid_jid(&sender.lid));
            // As the chat is named for the one who gets it; the other number stands beside it.
            let is_moved = state.accounts.get(&letter.to.phone_number).is_some_and(|account| account.is_migrated);
            let [(from, jid), (other, other_jid)] =
                if is_moved { [("from", lid), ("sender_pn", pn)] } else { [("from", pn), ("sender_lid", lid)] };
            message.attr(from, jid).attr(other, other_jid).attr("notify", sender.push_name.as_str())
        }
        Role::Group(group, _) => {
            let group = state.groups.get(group)?;
            let [(participant, jid), (other, other_jid)] = group.participant(sender);
            message
                .attr("from", stanza::group_jid(&group.id))
                .attr("notify", sender.push_name.as_str())
                .attr("addressing_mode", group.addressing.word())
                .attr(participant, jid)
                .attr(other, other_jid)
        }
    };
    let meta = meta.map(|(key, value)| NodeBuilder::new("meta").attr(key, value).build());
    let withheld = is_for_phones.then(|| NodeBuilder::new("unavailable").attr("type", "view_once").build());
    let parts = sealed.into_iter().map(|sealed| enc_node(letter, sealed, is_broken));
    Some(message.children(parts.chain(meta).chain(withheld)).build())
}

fn enc_node(letter: &Letter, mut sealed: Sealed, is_broken: bool) -> Node {
    let Envelope { media, is_failure_hidden, .. } = letter.envelope;
    if is_broken {
        sealed.damage();
    }
    let mut enc = NodeBuilder::new("enc").attr("v", "2").attr("type", sealed.kind);
    if let Some(media) = media {
        enc = enc.attr("mediatype", media);
    }
    if is_failure_hidden {
        enc = enc.attr("decrypt-fail", "hide");
    }
    if letter.attempt > 0 {
        enc = enc.attr("count", letter.attempt);
    }
    enc.bytes(sealed.bytes).build()
}

impl State {
    /// Whether a letter is to arrive broken. Counts the ones that do.
    fn is_to_break(&mut self, letter: &mut Letter) -> bool {
        let is_plain = !matches!(letter.role, Role::Peer) && !letter.envelope.is_for_phones;
        let is_first = letter.attempt == 0 && is_plain;
        let Some(breakage) = self.device_mut(&letter.to).and_then(|device| device.breakage.as_mut()) else {
            return letter.is_hopeless;
        };
        if !is_first || breakage.left == 0 {
            return letter.is_hopeless;
        }
        breakage.left -= 1;
        letter.is_hopeless = !breakage.is_repairable;
        true
    }
}
