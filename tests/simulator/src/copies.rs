//! The encrypted copies of a message: those for phones are opened, those for other devices are passed on.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use sha2::{Digest as _, Sha256};
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, Server};
use waproto::buffa::{Message as _, MessageField};
use waproto::whatsapp as wa;
use waproto::whatsapp::message::protocol_message::Type as ProtocolType;

use crate::delivery::Delivery;
use crate::group_copies::foreign_letter;
use crate::group_send::is_for_many;
use crate::inbox::{InboxMessage, Report};
use crate::ledger::Verdict;
use crate::link::DeviceKey;
use crate::messages::Sent;
use crate::rules::Opened;
use crate::signal::open_message;
use crate::summary::Summary;
use crate::world::{State, World, now};
use crate::{app_state, retries, stanza};

/// Looks at every copy; when the message is taken, each goes where it is for.
pub(crate) async fn take(world: &Arc<World>, sent: &Sent, verdict: Verdict) -> Opened {
    let copies = sent.copies();
    if copies.is_empty() {
        world.add_violation("a message without anything encrypted in it".to_owned());
    }
    let mut opened = Opened::default();
    for (copy_to, enc) in copies {
        let outcome = match verdict {
            Verdict::Taken => take_copy(world, sent, &copy_to, enc, &mut opened).await,
            Verdict::Repeated | Verdict::Refused(_) | Verdict::Lost => {
                read_copy(world, sent, &copy_to, enc, &mut opened).await
            }
        };
        if let Err(error) = outcome {
            world.add_violation(format!("message to a phone: {error:#}"));
        }
    }
    opened
}

async fn take_copy(world: &Arc<World>, sent: &Sent, copy_to: &Jid, enc: &Node, opened: &mut Opened) -> Result<()> {
    let target = world.state.lock().device_key(copy_to).with_context(|| format!("nobody is {copy_to}"))?;
    if target.device != 0 {
        pass_on(world, sent, target, enc);
        return Ok(());
    }
    let sealed = sealed(sent, enc)?;
    let is_broken = !sent.is_peer() && world.state.lock().is_copy_broken(&target.phone_number);
    let decrypted = {
        let signal = world.signal(&target.phone_number).context("a phone without keys")?;
        let mut signal = signal.lock().await;
        match is_broken {
            true => signal.peek(&sent.from, &sealed.kind, &sealed.bytes).await,
            false => signal.decrypt(&sent.from, &sealed.kind, &sealed.bytes).await,
        }
    };
    if is_broken || (decrypted.is_err() && !sent.is_peer()) {
        let has_lost_session = world.state.lock().has_lost_session(&target.phone_number, &sent.from);
        retries::ask(world, &target, &sent.from, (&sent.id, sent.to.to_non_ad())).await;
        if !is_broken && has_lost_session {
            // It was written before the companion could know.
            return Ok(());
        }
    }
    let message = note(world, sent, &target, &sealed, &decrypted?)?;
    let is_own = target.phone_number == sent.from.phone_number;
    match (is_broken, is_own) {
        (true, _) => {}
        (false, true) => take_own(world, sent, &message).await?,
        (false, false) => put_into_inbox(world, sent, &target, &message),
    }
    *(if is_own { &mut opened.own } else { &mut opened.theirs }) = Some(message);
    Ok(())
}

/// Reads a copy that nobody gets, to know whether it says the same as the others. The phone never hears of it.
async fn read_copy(world: &Arc<World>, sent: &Sent, copy_to: &Jid, enc: &Node, opened: &mut Opened) -> Result<()> {
    let target = world.state.lock().device_key(copy_to).with_context(|| format!("nobody is {copy_to}"))?;
    if world.state.lock().has_asked(&target, &sent.from, &sent.id) {
        retries::take_copy(world, sent, &target, enc).await;
        return Ok(());
    }
    if target != (DeviceKey { device: 0, ..sent.recipient.clone() }) {
        return Ok(());
    }
    let sealed = sealed(sent, enc)?;
    let was_opened = |account: &crate::account::Account| account.ledger.was_opened(&sent.key(), &sealed.hash());
    if world.state.lock().accounts.get(&sent.from.phone_number).is_some_and(was_opened) {
        return Ok(());
    }
    let signal = world.signal(&target.phone_number).context("a phone without keys")?;
    let decrypted = signal.lock().await.peek(&sent.from, &sealed.kind, &sealed.bytes).await?;
    opened.theirs = Some(note(world, sent, &target, &sealed, &decrypted)?);
    Ok(())
}

/// The encrypted part of a copy.
pub(crate) struct SealedCopy {
    pub(crate) kind: String,
    pub(crate) bytes: Vec<u8>,
}

impl SealedCopy {
    fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.bytes).into()
    }
}

pub(crate) fn sealed(sent: &Sent, enc: &Node) -> Result<SealedCopy> {
    if !sent.is_peer() {
        needs_identity(&sent.message, enc)?;
    }
    let kind = stanza::attr_or_empty(enc, "type");
    Ok(SealedCopy { kind, bytes: stanza::bytes(enc).context("an <enc> without bytes")? })
}

/// The first message to a device must say whose device the sender is.
pub(crate) fn needs_identity(message: &Node, enc: &Node) -> Result<()> {
    let is_first = stanza::attr_or_empty(enc, "type") == "pkmsg";
    ensure!(
        !is_first || message.get_optional_child("device-identity").is_some(),
        "a first message without device-identity"
    );
    Ok(())
}

/// Reads an opened copy, and remembers what the recipient's phone was told.
fn note(world: &World, sent: &Sent, target: &DeviceKey, sealed: &SealedCopy, opened: &[u8]) -> Result<wa::Message> {
    let message = open_message(opened)?;
    let plain = content_hash(&message);
    if target.phone_number == sent.recipient.phone_number
        && let Some(account) = world.state.lock().accounts.get_mut(&sent.from.phone_number)
    {
        account.ledger.note_content(&sent.key(), sealed.hash(), plain, Summary::of(&message));
    }
    Ok(message)
}

/// The hash of what a message says.
pub(crate) fn content_hash(message: &wa::Message) -> [u8; 32] {
    let mut message = message.clone();
    // The key to a group comes with an answer to a retry receipt.
    message.sender_key_distribution_message = MessageField::none();
    if let Some(context) = message.message_context_info.as_option_mut() {
        // It belongs to the stanza's <reporting>, which an answer to a retry receipt does not have.
        context.reporting_token_version = None;
    }
    Sha256::digest(message.encode_to_vec()).into()
}

/// What a device says to its own phone: a copy of what it sent to others, or a request.
async fn take_own(world: &Arc<World>, sent: &Sent, message: &wa::Message) -> Result<()> {
    if message.device_sent_message.is_set() {
        let destination = message.device_sent_message.destination_jid.as_deref().unwrap_or_default();
        let named: Jid = destination.parse().context("the copy for the phone names no destination")?;
        let is_right = world.state.lock().device_key(&named).map(|key| key.phone_number)
            == Some(Arc::clone(&sent.recipient.phone_number));
        ensure!(is_right, "the copy for the phone names another destination than the message");
        world.state.lock().note_sent(&sent.from.phone_number, &sent.id, message, world);
        return Ok(());
    }
    if message.protocol_message.r#type == Some(ProtocolType::APP_STATE_SYNC_KEY_REQUEST) {
        app_state::share_key(world, &sent.from).await;
    }
    Ok(())
}

pub(crate) fn put_into_inbox(world: &World, sent: &Sent, target: &DeviceKey, message: &wa::Message) {
    let group = is_for_many(&sent.to).then(|| sent.to.to_string());
    let is_direct = group.is_none();
    let entry = InboxMessage {
        edit: stanza::attr(&sent.message, "edit"),
        ..InboxMessage::new(&sent.id, (&sent.from.phone_number, sent.from.device), group, message)
    };
    let report = Report { sender: Arc::clone(&sent.from.phone_number), address: sent.to.to_non_ad() };
    let mut state = world.state.lock();
    if is_direct {
        state.meet(&sent.from.phone_number, &target.phone_number);
        state.hear(&target.phone_number, &sent.from.phone_number);
        state.note_timer([&sent.from.phone_number, &target.phone_number], message);
    }
    state.store_message(&target.phone_number, entry, Some(report), world);
}

/// Passes a copy on to a companion device: of the recipient, or of the sender.
pub(crate) fn pass_on(world: &World, sent: &Sent, target: DeviceKey, enc: &Node) {
    let mut state = world.state.lock();
    let stanza = if is_for_many(&sent.to) {
        state.passed_on(&sent.message, &sent.from, vec![enc.clone()])
    } else {
        state.passed_on_to_one(sent, &target, enc)
    };
    let Some(stanza) = stanza else { return };
    let letter = foreign_letter(&sent.id, &sent.from, target.clone());
    state.enqueue(&target, Delivery::message(stanza, letter), world);
}

impl State {
    fn passed_on_to_one(&self, sent: &Sent, target: &DeviceKey, enc: &Node) -> Option<Node> {
        let sender = self.accounts.get(&sent.from.phone_number)?;
        let pn = stanza::phone_jid(&sent.from.phone_number).with_device(sent.from.device);
        let lid = stanza::lid_jid(&sender.lid).with_device(sent.from.device);
        // The sender is named as the chat is; the other number stands beside it.
        let [(from, jid), (other, other_jid)] = match sent.to.server {
            Server::Lid => [("from", lid), ("sender_pn", pn)],
            _ => [("from", pn), ("sender_lid", lid)],
        };
        let mut message = NodeBuilder::new("message")
            .attr(from, jid)
            .attr("id", sent.id.as_str())
            .attr("t", now())
            .attr("type", stanza::attr_or_empty(&sent.message, "type"))
            .attr("notify", sender.push_name.as_str())
            .attr(other, other_jid);
        if let Some(edit) = stanza::attr(&sent.message, "edit") {
            message = message.attr("edit", edit);
        }
        if target.phone_number == sent.from.phone_number {
            // An answer to a request of an own device says in which chat it was.
            let chat = stanza::jid(&sent.message, "recipient").unwrap_or_else(|| sent.to.to_non_ad());
            message = message.attr("recipient", chat);
            if sent.to.server == Server::Lid {
                message = message.attr("peer_recipient_pn", stanza::phone_jid(&sent.recipient.phone_number));
            }
        }
        let identity = sent.message.get_optional_child("device-identity").cloned();
        Some(message.children(std::iter::once(enc.clone()).chain(identity)).build())
    }
}
