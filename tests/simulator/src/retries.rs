//! Phones that cannot read what a companion wrote: they ask for it again, with keys for a new session, and check that
//! the answer is the same message.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};
use wacore_libsignal::protocol::PreKeySignalMessage;
use waproto::whatsapp as wa;

use crate::copies::{self, SealedCopy, content_hash, sealed};
use crate::delivery::{Class, Delivery};
use crate::group_send::is_for_many;
use crate::link::DeviceKey;
use crate::messages::Sent;
use crate::phone::Phone;
use crate::summary::Summary;
use crate::world::{State, World, now};
use crate::{group_retries, keys, stanza};

/// How often a phone asks for one message; src: wacore protocol/retry.rs, whatsmeow retry.go.
const MOST_REQUESTS: u32 = 5;

/// A message that a phone has asked for again.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct RetryRequest {
    /// The message.
    pub message_id: String,
    /// The phone number of the account that sent it.
    pub from: String,
    /// The companion that sent it, and is asked.
    pub from_device: u16,
    /// How often the phone has asked.
    pub count: u32,
    /// Answers that came.
    pub answers: u32,
    /// Whether an answer could be read, and said what the message had said.
    pub is_same: bool,
    /// Whether that answer came in a new session.
    pub is_new_session: bool,
    /// The address under which the companion wrote.
    #[serde(skip)]
    pub(crate) address: Jid,
    /// Whether it sends keys with the first request, as phones do that have none for the sender.
    #[serde(skip)]
    pub(crate) has_keys: bool,
    /// The number of the one-time key in the last request.
    #[serde(skip)]
    pub(crate) key_id: u32,
}

/// Copies that a phone cannot open.
#[derive(Clone, Copy, Default)]
pub(crate) struct Unreadable {
    pub(crate) left: usize,
    pub(crate) has_keys: bool,
}

impl State {
    /// Whether the next copy for a phone is one that it cannot open.
    pub(crate) fn is_copy_broken(&mut self, phone_number: &str) -> bool {
        let Some(account) = self.accounts.get_mut(phone_number) else { return false };
        let is_broken = account.unreadable.left > 0;
        account.unreadable.left = account.unreadable.left.saturating_sub(1);
        is_broken
    }

    /// Whether a phone has ever given its session with a device up. Clients have sessions of several addresses with one
    /// phone, and may use one that was lost, too, until they are asked.
    pub(crate) fn has_lost_session(&self, asker: &str, from: &DeviceKey) -> bool {
        self.accounts.get(asker).is_some_and(|account| {
            let is_from = |retry: &RetryRequest| retry.from == *from.phone_number && retry.from_device == from.device;
            account.retries.iter().any(is_from)
        })
    }

    /// Whether a phone has asked a device for this message and has no answer yet.
    pub(crate) fn has_asked(&mut self, asker: &DeviceKey, from: &DeviceKey, id: &str) -> bool {
        asker.device == 0 && self.retry_mut(&asker.phone_number, from, id).is_some_and(|retry| !retry.is_same)
    }

    fn retry_mut(&mut self, asker: &str, from: &DeviceKey, id: &str) -> Option<&mut RetryRequest> {
        let retries = &mut self.accounts.get_mut(asker)?.retries;
        retries.iter_mut().find(|retry| {
            retry.message_id == id && retry.from == *from.phone_number && retry.from_device == from.device
        })
    }
}

/// A phone cannot open its copy of a message: it gives its session with the sender up and asks.
///
/// `message` is its id and the address that it was written to.
pub(crate) async fn ask(world: &Arc<World>, asker: &DeviceKey, from: &DeviceKey, message: (&str, Jid)) {
    let has_keys = {
        let mut state = world.state.lock();
        let Some(account) = state.accounts.get_mut(&asker.phone_number) else { return };
        account.unreadable.has_keys
    };
    if let Some(signal) = world.signal(&asker.phone_number) {
        signal.lock().await.forget(from);
    }
    ask_for(world, asker, from, message, has_keys).await;
}

async fn ask_for(world: &Arc<World>, asker: &DeviceKey, from: &DeviceKey, message: (&str, Jid), has_keys: bool) {
    let (id, address) = message;
    world.state.lock().count_request(asker, from, (id, address), has_keys);
    let Some(signal) = world.signal(&asker.phone_number) else { return };
    let (bundle, registration) = {
        let mut signal = signal.lock().await;
        (signal.publish(), signal.registration_id())
    };
    let mut state = world.state.lock();
    let Some(retry) = state.retry_mut(&asker.phone_number, from, id) else { return };
    if retry.count > MOST_REQUESTS {
        return;
    }
    retry.key_id = bundle.one_time_key.0;
    let retry = retry.clone();
    let keys = retry.has_keys.then(|| keys::retry_keys(bundle));
    let receipt = state.retry_receipt(asker, &retry, registration, keys);
    state.enqueue(from, Delivery::notice(Class::Receipt, receipt), world);
}

impl State {
    /// Writes down that a phone asks for a message, for the first time or once more.
    fn count_request(&mut self, asker: &DeviceKey, from: &DeviceKey, message: (&str, Jid), has_keys: bool) {
        let (id, address) = message;
        if let Some(retry) = self.retry_mut(&asker.phone_number, from, id) {
            retry.count += 1;
            retry.is_same = false;
            // Whoever was asked without keys and did not help needs them.
            retry.has_keys = true;
            return;
        }
        let Some(account) = self.accounts.get_mut(&asker.phone_number) else { return };
        account.retries.push(RetryRequest {
            message_id: id.to_owned(),
            from: from.phone_number.to_string(),
            from_device: from.device,
            count: 1,
            answers: 0,
            is_same: false,
            is_new_session: false,
            address,
            has_keys,
            key_id: 0,
        });
    }

    fn retry_receipt(&self, asker: &DeviceKey, retry: &RetryRequest, registration: u32, keys: Option<Node>) -> Node {
        let id = retry.message_id.as_str();
        let asked =
            NodeBuilder::new("retry").attr("v", "1").attr("count", retry.count).attr("id", id).attr("t", now()).build();
        let mut receipt = NodeBuilder::new("receipt").attr("id", id).attr("type", "retry").attr("t", now());
        let participant = self.accounts.get(&asker.phone_number);
        let participant = participant.and_then(|account| self.participant_in(&retry.address, account));
        receipt = if let Some([(participant, jid), (other, other_jid)]) = participant {
            receipt.attr("from", &retry.address).attr(participant, jid).attr(other, other_jid)
        } else if *asker.phone_number == *retry.from {
            // The own phone says in which chat it was.
            let own = self.accounts.get(&asker.phone_number);
            let own = match retry.address.server {
                wacore_binary::Server::Lid => own.map(|account| stanza::lid_jid(&account.lid)),
                _ => own.map(|account| stanza::phone_jid(&account.phone_number)),
            };
            let receipt = receipt.attr("recipient", &retry.address);
            match own {
                Some(own) => receipt.attr("from", own),
                None => receipt,
            }
        } else {
            receipt.attr("from", &retry.address)
        };
        let registration = stanza::leaf("registration", registration.to_be_bytes());
        receipt.children([asked, registration].into_iter().chain(keys)).build()
    }
}

/// A companion answers a phone that could not read its message.
pub(crate) async fn take_answer(world: &Arc<World>, sent: &Sent) {
    let Some(enc) = sent.message.get_optional_child("enc") else { return };
    if sent.recipient.device != 0 {
        return copies::pass_on(world, sent, sent.recipient.clone(), enc);
    }
    take_copy(world, sent, &sent.recipient, enc).await;
}

/// A phone that had asked gets its copy, alone or in a message that is for everybody once more.
pub(crate) async fn take_copy(world: &Arc<World>, sent: &Sent, asker: &DeviceKey, enc: &Node) {
    if let Err(error) = check_answer(world, sent, asker, enc).await {
        world.add_violation(format!("answer to a retry receipt for {}: {error:#}", sent.id));
    }
}

async fn check_answer(world: &Arc<World>, sent: &Sent, asker: &DeviceKey, enc: &Node) -> Result<()> {
    let retry = {
        let mut state = world.state.lock();
        let retry = state.retry_mut(&asker.phone_number, &sent.from, &sent.id).context("nobody asked for it")?;
        retry.answers += 1;
        retry.clone()
    };
    // Baileys writes to everybody again, and counts nothing then.
    let count = stanza::attr(enc, "count").unwrap_or_else(|| retry.count.to_string());
    ensure!(count == retry.count.to_string(), "its count is {count}, and the phone asked {} times", retry.count);
    let sealed = sealed(sent, enc)?;
    let signal = world.signal(&asker.phone_number).context("a phone without keys")?;
    let mut signal = signal.lock().await;
    let opened = match signal.decrypt(&sent.from, &sealed.kind, &sealed.bytes).await {
        Ok(opened) => opened,
        // It was not told the keys of a new session yet.
        Err(_) if !retry.has_keys => {
            drop(signal);
            ask_for(world, asker, &sent.from, (&sent.id, retry.address), true).await;
            return Ok(());
        }
        Err(error) => bail!("it cannot be read: {error:#}"),
    };
    // Baileys fetches new keys in a group, although some came with the receipt.
    let is_new_session = key_id(&sealed).is_some_and(|id| id >= retry.key_id);
    ensure!(
        is_new_session || !retry.has_keys,
        "it does not come in a new session, from the keys in the receipt or later ones"
    );
    let message = group_retries::opened_with_key(&mut signal, sent, &opened).await?;
    drop(signal);
    let is_own = asker.phone_number == sent.from.phone_number;
    {
        let mut state = world.state.lock();
        ensure!(state.is_same(sent, is_own, &retry, &message)?, "it says something else than the message");
        if let Some(retry) = state.retry_mut(&asker.phone_number, &sent.from, &sent.id) {
            (retry.is_same, retry.is_new_session) = (true, is_new_session);
        }
    }
    if !is_own {
        copies::put_into_inbox(world, sent, asker, &message);
    }
    Ok(())
}

/// The number of the one-time key that a first message was made with.
fn key_id(sealed: &SealedCopy) -> Option<u32> {
    let message = PreKeySignalMessage::try_from(sealed.bytes.as_slice()).ok().filter(|_| sealed.kind == "pkmsg")?;
    message.pre_key_id().map(u32::from)
}

impl State {
    /// How the book of what is sent names an address.
    fn book_name(&self, address: &Jid) -> Result<Arc<str>> {
        if is_for_many(address) {
            return Ok(address.to_string().into());
        }
        Ok(self.device_key(address).context("it was for nobody")?.phone_number)
    }

    /// Whether an answer says what the message had said to the recipient.
    fn is_same(&self, sent: &Sent, is_own: bool, retry: &RetryRequest, message: &wa::Message) -> Result<bool> {
        let sender = self.accounts.get(&sent.from.phone_number).context("nobody sent it")?;
        let key = (self.book_name(&retry.address)?, sent.id.clone());
        let is_known = sender.ledger.find(&key).is_some_and(|first| first.content.is_some());
        if !is_own {
            // What the phone could not open, because it had given its session up before, nobody could.
            return Ok(!is_known || sender.ledger.is_content(&key, &content_hash(message)));
        }
        // The own phone gets a wrapper around it.
        let first = sender.ledger.find(&key).and_then(|first| first.content.clone());
        Ok(first == Some(Summary::of(message)))
    }
}

impl Phone {
    /// This phone cannot open the next copies that companions write to it, its own ones included. It gives its session
    /// up and asks for each of them again: with keys for a new session at once, or only when the first answer did not help.
    pub fn break_outbound(&self, count: usize, has_keys: bool) {
        if let Some(account) = self.world.state.lock().accounts.get_mut(&self.phone_number) {
            account.unreadable = Unreadable { left: count, has_keys };
        }
    }

    /// Asks a companion once more for a message of the inbox, as a phone does that has lost it.
    ///
    /// # Errors
    /// The inbox has no such message of a companion.
    pub async fn ask_again(&self, message_id: &str) -> Result<()> {
        let message = self.inbox().into_iter().find(|message| message.id == message_id);
        let message = message.with_context(|| format!("the phone has no message {message_id}"))?;
        let address: Jid = {
            let state = self.world.state.lock();
            let to = message.group.as_deref().map_or_else(|| Arc::clone(&self.phone_number), Arc::from);
            let key = (to, message_id.to_owned());
            let sender = state.accounts.get(message.from.as_str());
            let sent = sender.and_then(|sender| sender.ledger.find(&key));
            sent.context("no companion sent it")?.address.parse().context("the address was one")?
        };
        let from = DeviceKey { phone_number: message.from.as_str().into(), device: message.from_device };
        ask_for(&self.world, &self.device_key(0), &from, (message_id, address), true).await;
        Ok(())
    }

    /// What this phone has asked for again, oldest first.
    pub fn retries(&self) -> Vec<RetryRequest> {
        let state = self.world.state.lock();
        state.accounts.get(&self.phone_number).map(|account| account.retries.clone()).unwrap_or_default()
    }
}
