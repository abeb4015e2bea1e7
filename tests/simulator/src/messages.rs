//! What devices write, one to one: the copies for phones are opened, those for other devices are passed on.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};
use waproto::whatsapp as wa;
use waproto::whatsapp::message::protocol_message::Type as ProtocolType;

use crate::content::Envelope;
use crate::delivery::Delivery;
use crate::letter::{Letter, Role};
use crate::link::{DeviceKey, Link};
use crate::phone::{InboxMessage, text_of};
use crate::signal::open_message;
use crate::world::{State, World, now};
use crate::{app_state, stanza};

/// A device sends a message: open the copies for phones, pass on those for other devices, acknowledge. `false` when the
/// stanza is not understood.
pub(crate) async fn receive(world: &Arc<World>, link: &Arc<Link>, message: &Node) -> bool {
    let (Some(from), Some(to), Some(id)) = (link.device(), stanza::jid(message, "to"), stanza::attr(message, "id"))
    else {
        return false;
    };
    let Some(recipient) = world.state.lock().device_key(&to) else {
        if !matches!(to.server, wacore_binary::Server::Pn | wacore_binary::Server::Lid) {
            return false;
        }
        let mut refusal = stanza::ack("message", message);
        refusal.attrs.insert("error", 404_u16);
        link.reply(refusal).await;
        return true;
    };
    world.state.lock().stats.received += 1;
    let sent = Sent { id, from: from.clone(), to: to.clone(), recipient, message };
    let copies = copies(&to, message);
    if copies.is_empty() {
        world.add_violation("a message without anything encrypted in it".to_owned());
    }
    let mut is_taken = false;
    for (copy_to, enc) in copies {
        match take_copy(world, &sent, &copy_to, enc).await {
            Ok(is_received) => is_taken |= is_received,
            Err(error) => world.add_violation(format!("message to a phone: {error:#}")),
        }
    }
    let mut ack = stanza::ack("message", message);
    ack.attrs.insert("t", now());
    link.reply(ack).await;
    if is_taken {
        let mut state = world.state.lock();
        state.report_arrival(world, &sent.from.phone_number, sent.to.to_non_ad(), &sent.id);
    }
    true
}

/// A message on its way through the server.
struct Sent<'a> {
    id: String,
    from: DeviceKey,
    to: Jid,
    recipient: DeviceKey,
    message: &'a Node,
}

/// The encrypted copies with the device that each is for.
fn copies<'a>(to: &Jid, message: &'a Node) -> Vec<(Jid, &'a Node)> {
    let direct = message.get_optional_child("enc").map(|enc| (to.clone(), enc));
    let participants = message.get_optional_child("participants").map(stanza::children).unwrap_or_default();
    let fanned = participants.iter().filter_map(|to| Some((stanza::jid(to, "jid")?, to.get_optional_child("enc")?)));
    direct.into_iter().chain(fanned).collect()
}

/// Takes one copy. `true` when it was the recipient's phone that got it.
async fn take_copy(world: &Arc<World>, sent: &Sent<'_>, copy_to: &Jid, enc: &Node) -> Result<bool> {
    let target = world.state.lock().device_key(copy_to).with_context(|| format!("nobody is {copy_to}"))?;
    if target.device != 0 {
        pass_on(world, sent, target, enc);
        return Ok(false);
    }
    let kind = stanza::attr_or_empty(enc, "type");
    ensure!(
        kind != "pkmsg" || sent.message.get_optional_child("device-identity").is_some() || is_peer(sent.message),
        "a first message without device-identity"
    );
    let sealed = stanza::bytes(enc).context("an <enc> without bytes")?;
    let signal = world.signal(&target.phone_number).context("a phone without keys")?;
    let opened = signal.lock().await.decrypt(&sent.from, &kind, &sealed).await?;
    let message = open_message(&opened)?;
    if target.phone_number == sent.from.phone_number {
        take_own(world, sent, &message).await?;
        return Ok(false);
    }
    Ok(put_into_inbox(world, sent, &target, &message))
}

fn is_peer(message: &Node) -> bool {
    stanza::attr(message, "category").as_deref() == Some("peer")
}

/// What a device says to its own phone: a copy of what it sent to others, or a request.
async fn take_own(world: &Arc<World>, sent: &Sent<'_>, message: &wa::Message) -> Result<()> {
    if message.device_sent_message.is_set() {
        let destination = message.device_sent_message.destination_jid.as_deref().unwrap_or_default();
        let named: Jid = destination.parse().context("the copy for the phone names no destination")?;
        let is_right = world.state.lock().device_key(&named).map(|key| key.phone_number)
            == Some(Arc::clone(&sent.recipient.phone_number));
        ensure!(is_right, "the copy for the phone names another destination than the message");
        return Ok(());
    }
    if message.protocol_message.r#type == Some(ProtocolType::APP_STATE_SYNC_KEY_REQUEST) {
        app_state::share_key(world, &sent.from).await;
    }
    Ok(())
}

fn put_into_inbox(world: &World, sent: &Sent<'_>, target: &DeviceKey, message: &wa::Message) -> bool {
    let entry = InboxMessage {
        id: sent.id.clone(),
        from: sent.from.phone_number.to_string(),
        from_device: sent.from.device,
        group: None,
        text: text_of(message),
        timestamp: now(),
    };
    let mut state = world.state.lock();
    state.meet(&sent.from.phone_number, &target.phone_number);
    state.store_message(&target.phone_number, entry, &world.settings);
    true
}

impl State {
    /// Puts a message into a phone's inbox, once.
    pub(crate) fn store_message(
        &mut self,
        phone_number: &str,
        message: InboxMessage,
        settings: &crate::settings::Settings,
    ) {
        let Some(account) = self.accounts.get_mut(phone_number) else { return };
        if !account.seen_messages.insert((message.from_device, message.id.clone())) {
            return;
        }
        account.inbox.push_back(message);
        if account.inbox.len() > settings.inbox_limit
            && let Some(oldest) = account.inbox.pop_front()
        {
            account.seen_messages.remove(&(oldest.from_device, oldest.id));
        }
    }
}

/// Passes a copy on to a companion device: of the recipient, or of the sender.
fn pass_on(world: &World, sent: &Sent<'_>, target: DeviceKey, enc: &Node) {
    let mut state = world.state.lock();
    let Some(sender) = state.accounts.get(&sent.from.phone_number) else { return };
    let mut message = NodeBuilder::new("message")
        .attr("from", stanza::phone_jid(&sent.from.phone_number).with_device(sent.from.device))
        .attr("id", sent.id.as_str())
        .attr("t", now())
        .attr("type", stanza::attr_or_empty(sent.message, "type"))
        .attr("notify", sender.push_name.as_str())
        .attr("sender_lid", stanza::lid_jid(&sender.lid).with_device(sent.from.device));
    if target.phone_number == sent.from.phone_number {
        message = message.attr("recipient", sent.to.to_non_ad());
    }
    let identity = sent.message.get_optional_child("device-identity").cloned();
    let stanza = message.children(std::iter::once(enc.clone()).chain(identity)).build();
    let letter = Letter {
        id: sent.id.clone(),
        from: Arc::clone(&sent.from.phone_number),
        to: target,
        timestamp: now(),
        role: Role::Message,
        envelope: Envelope::default(),
        // Only the sender could encrypt it again.
        plaintext: Arc::new([]),
        attempt: 0,
        is_hopeless: false,
    };
    let key = letter.to.clone();
    state.enqueue(&key, Delivery::message(stanza, letter), world);
}
