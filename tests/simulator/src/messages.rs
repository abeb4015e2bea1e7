//! What devices write, one to one: a message is taken as a whole, once, and acknowledged. The copies for phones are
//! opened, those for other devices are passed on. What is to go wrong is decided in `message_fault.rs`.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sha2::{Digest as _, Sha256};
use wacore::messages::MessageUtils;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, Server};
use waproto::whatsapp as wa;
use waproto::whatsapp::message::protocol_message::Type as ProtocolType;

use crate::content::Envelope;
use crate::delivery::Delivery;
use crate::inbox::{InboxMessage, Report};
use crate::ledger::{Copy, Verdict};
use crate::letter::{Letter, Role};
use crate::link::{DeviceKey, Link};
use crate::message_fault::MessageFault;
use crate::signal::open_message;
use crate::summary::Summary;
use crate::world::{World, now};
use crate::{app_state, stanza};

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
        take_copies(&world, &sent, Verdict::Taken).await;
        return link.reply(acknowledgement(&sent.message)).await;
    }
    let fault = world.state.lock().next_message_fault(&sent.from.phone_number);
    let refusal = match fault {
        MessageFault::DropBeforeTaking => Some(Verdict::Lost),
        MessageFault::Nack { code } => Some(Verdict::Refused(code)),
        _ => None,
    };
    let verdict = enter(&world, &sent, refusal);
    take_copies(&world, &sent, verdict).await;
    answer(&world, &link, &sent, verdict, fault).await;
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
    };
    let mut state = world.state.lock();
    let Some(account) = state.accounts.get_mut(&sent.from.phone_number) else { return Verdict::Lost };
    account.ledger.enter(copy, refusal, world.settings.inbox_limit)
}

async fn answer(world: &Arc<World>, link: &Arc<Link>, sent: &Sent, verdict: Verdict, fault: MessageFault) {
    let ack = acknowledgement(&sent.message);
    match (verdict, fault) {
        (Verdict::Lost, _) | (_, MessageFault::DropAfterTaking) => link.cut.cancel(),
        (Verdict::Refused(code), _) => link.reply(refusal(&sent.message, code)).await,
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

fn acknowledgement(message: &Node) -> Node {
    let mut ack = stanza::ack("message", message);
    ack.attrs.insert("t", now());
    ack
}

fn refusal(message: &Node, code: u16) -> Node {
    let mut refusal = acknowledgement(message);
    refusal.attrs.insert("error", code);
    refusal
}

impl Sent {
    fn is_peer(&self) -> bool {
        stanza::attr(&self.message, "category").as_deref() == Some("peer")
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

/// Looks at every copy; when the message is taken, each goes where it is for.
async fn take_copies(world: &Arc<World>, sent: &Sent, verdict: Verdict) {
    let copies = sent.copies();
    if copies.is_empty() {
        world.add_violation("a message without anything encrypted in it".to_owned());
    }
    for (copy_to, enc) in copies {
        let outcome = match verdict {
            Verdict::Taken => take_copy(world, sent, &copy_to, enc).await,
            Verdict::Repeated | Verdict::Refused(_) | Verdict::Lost => read_copy(world, sent, &copy_to, enc).await,
        };
        if let Err(error) = outcome {
            world.add_violation(format!("message to a phone: {error:#}"));
        }
    }
}

async fn take_copy(world: &Arc<World>, sent: &Sent, copy_to: &Jid, enc: &Node) -> Result<()> {
    let target = world.state.lock().device_key(copy_to).with_context(|| format!("nobody is {copy_to}"))?;
    if target.device != 0 {
        pass_on(world, sent, target, enc);
        return Ok(());
    }
    let sealed = sealed(sent, enc)?;
    let signal = world.signal(&target.phone_number).context("a phone without keys")?;
    let opened = signal.lock().await.decrypt(&sent.from, &sealed.kind, &sealed.bytes).await?;
    let message = note(world, sent, &target, &sealed, &opened)?;
    if target.phone_number == sent.from.phone_number {
        return take_own(world, sent, &message).await;
    }
    put_into_inbox(world, sent, &target, &message);
    Ok(())
}

/// Reads a copy that nobody gets, to know whether it says the same as the others. The phone never hears of it.
async fn read_copy(world: &Arc<World>, sent: &Sent, copy_to: &Jid, enc: &Node) -> Result<()> {
    let target = world.state.lock().device_key(copy_to).with_context(|| format!("nobody is {copy_to}"))?;
    if target != (DeviceKey { device: 0, ..sent.recipient.clone() }) {
        return Ok(());
    }
    let sealed = sealed(sent, enc)?;
    let was_opened = |account: &crate::account::Account| account.ledger.was_opened(&sent.key(), &sealed.hash());
    if world.state.lock().accounts.get(&sent.from.phone_number).is_some_and(was_opened) {
        return Ok(());
    }
    let signal = world.signal(&target.phone_number).context("a phone without keys")?;
    let opened = signal.lock().await.peek(&sent.from, &sealed.kind, &sealed.bytes).await?;
    note(world, sent, &target, &sealed, &opened)?;
    Ok(())
}

/// The encrypted part of a copy.
struct SealedCopy {
    kind: String,
    bytes: Vec<u8>,
}

impl SealedCopy {
    fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.bytes).into()
    }
}

fn sealed(sent: &Sent, enc: &Node) -> Result<SealedCopy> {
    let kind = stanza::attr_or_empty(enc, "type");
    ensure!(
        kind != "pkmsg" || sent.message.get_optional_child("device-identity").is_some() || sent.is_peer(),
        "a first message without device-identity"
    );
    Ok(SealedCopy { kind, bytes: stanza::bytes(enc).context("an <enc> without bytes")? })
}

/// Reads an opened copy, and remembers what the recipient's phone was told.
fn note(world: &World, sent: &Sent, target: &DeviceKey, sealed: &SealedCopy, opened: &[u8]) -> Result<wa::Message> {
    let message = open_message(opened)?;
    let plain = Sha256::digest(MessageUtils::unpad_message_ref(opened, 2)?).into();
    if target.phone_number == sent.recipient.phone_number
        && let Some(account) = world.state.lock().accounts.get_mut(&sent.from.phone_number)
    {
        account.ledger.note_content(&sent.key(), sealed.hash(), plain, Summary::of(&message));
    }
    Ok(message)
}

/// What a device says to its own phone: a copy of what it sent to others, or a request.
async fn take_own(world: &Arc<World>, sent: &Sent, message: &wa::Message) -> Result<()> {
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

fn put_into_inbox(world: &World, sent: &Sent, target: &DeviceKey, message: &wa::Message) {
    let entry = InboxMessage {
        edit: stanza::attr(&sent.message, "edit"),
        ..InboxMessage::new(&sent.id, (&sent.from.phone_number, sent.from.device), None, message)
    };
    let report = Report { sender: Arc::clone(&sent.from.phone_number), address: sent.to.to_non_ad() };
    let mut state = world.state.lock();
    state.meet(&sent.from.phone_number, &target.phone_number);
    state.store_message(&target.phone_number, entry, Some(report), world);
}

/// Passes a copy on to a companion device: of the recipient, or of the sender.
fn pass_on(world: &World, sent: &Sent, target: DeviceKey, enc: &Node) {
    let mut state = world.state.lock();
    let Some(sender) = state.accounts.get(&sent.from.phone_number) else { return };
    let mut message = NodeBuilder::new("message")
        .attr("from", stanza::phone_jid(&sent.from.phone_number).with_device(sent.from.device))
        .attr("id", sent.id.as_str())
        .attr("t", now())
        .attr("type", stanza::attr_or_empty(&sent.message, "type"))
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
