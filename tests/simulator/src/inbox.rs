//! What a phone has received: its messages in the order in which its owner sees them. A phone that is switched off has
//! them later.

use std::sync::Arc;

use serde::Serialize;
use wacore_binary::Jid;
use waproto::whatsapp as wa;

use crate::account::Account;
use crate::addon::Addon;
use crate::media::{FileReference, references};
use crate::phone::Phone;
use crate::settings::Settings;
use crate::stanza;
use crate::summary::Summary;
use crate::world::{State, World, now};

/// A message that the phone itself received.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InboxMessage {
    /// The sender's id of the message.
    pub id: String,
    /// The sender's phone number.
    pub from: String,
    /// The sending device; 0 is the sender's phone.
    pub from_device: u16,
    /// The group that it was written to, or `status@broadcast`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The text; empty when the message is neither a text nor an edit.
    pub text: String,
    /// When the server took it, Unix seconds.
    pub timestamp: u64,
    /// What else it says.
    pub content: Summary,
    /// The stanza's `edit`: 1 another text, 2 pinned, 7 taken back, 8 taken back by an admin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edit: Option<String>,
    /// How often the sender has sent it, whether the server took it or not.
    pub copies: usize,
    /// How many different contents these copies had.
    pub contents: usize,
    /// What it takes to open its file.
    #[serde(skip)]
    pub(crate) file: Option<Arc<FileReference>>,
    /// What it takes to open what is said about it, or what it says about another.
    #[serde(skip)]
    pub(crate) addon: Option<Arc<Addon>>,
}

impl InboxMessage {
    /// A message of a device that came once.
    pub(crate) fn new(id: &str, from: (&str, u16), group: Option<String>, message: &wa::Message) -> Self {
        let content = Summary::of(message);
        Self {
            id: id.to_owned(),
            from: from.0.to_owned(),
            from_device: from.1,
            group,
            text: content.text.clone(),
            timestamp: now(),
            content,
            edit: None,
            copies: 1,
            contents: 1,
            file: references(message).map(Arc::new),
            addon: Addon::of(message).map(Arc::new),
        }
    }

    fn key(&self) -> SeenKey {
        (self.group.clone(), self.from.clone(), self.id.clone())
    }
}

/// What makes a message the same as one before: chat, sender and id.
pub(crate) type SeenKey = (Option<String>, String, String);

/// A message that waits until its phone is switched on, with what the sender is told then.
pub(crate) struct Waiting {
    message: InboxMessage,
    report: Option<Report>,
}

/// Whom to tell that a message has arrived, and under which address.
#[derive(Clone)]
pub(crate) struct Report {
    pub(crate) sender: Arc<str>,
    pub(crate) address: Jid,
}

impl State {
    /// Puts a message into a phone's inbox, once, and tells the sender's devices when a companion wrote it.
    pub(crate) fn store_message(
        &mut self,
        phone_number: &str,
        message: InboxMessage,
        report: Option<Report>,
        world: &World,
    ) {
        let (id, told) = (message.id.clone(), report.clone());
        if self.keep_message(phone_number, message, report, world)
            && let Some(report) = told
        {
            self.report_arrival(world, &report, phone_number, &id);
        }
    }

    /// The same without telling anybody yet. `true` when the phone has it now, and is to be told of.
    pub(crate) fn keep_message(
        &mut self,
        phone_number: &str,
        mut message: InboxMessage,
        report: Option<Report>,
        world: &World,
    ) -> bool {
        if self.accounts.get(phone_number).is_some_and(|account| !account.is_off) {
            self.open_addon(phone_number, &mut message);
        }
        let Some(account) = self.accounts.get_mut(phone_number) else { return false };
        if account.is_off {
            account.waiting.push_back(Waiting { message, report });
            return false;
        }
        account.store(message, &world.settings);
        true
    }

    /// Remembers what an account has sent: the file that phones may ask for, and what opens what others will say about it.
    pub(crate) fn note_sent(&mut self, phone_number: &str, id: &str, message: &wa::Message, world: &World) {
        self.note_file(phone_number, id, message, world);
        self.note_parent(phone_number, (id, phone_number), Addon::of(message));
    }
}

impl Account {
    fn store(&mut self, message: InboxMessage, settings: &Settings) {
        if !self.seen_messages.insert(message.key()) {
            return;
        }
        self.inbox.push_back(message);
        if self.inbox.len() > settings.inbox_limit
            && let Some(oldest) = self.inbox.pop_front()
        {
            self.seen_messages.remove(&oldest.key());
        }
    }
}

impl Phone {
    /// The messages that the phone received, oldest first.
    pub fn inbox(&self) -> Vec<InboxMessage> {
        let state = self.world.state.lock();
        let Some(account) = state.accounts.get(&self.phone_number) else { return Vec::new() };
        let mut inbox: Vec<InboxMessage> = account.inbox.iter().cloned().collect();
        for message in &mut inbox {
            let sender = state.accounts.get(message.from.as_str());
            let to = message.group.as_deref().map_or_else(|| Arc::clone(&self.phone_number), Arc::from);
            let key = (to, message.id.clone());
            if let Some(sent) = sender.and_then(|sender| sender.ledger.find(&key)) {
                (message.copies, message.contents) = (sent.copies, sent.contents);
            }
        }
        inbox
    }

    /// The phone's owner switches it off: what is sent to it waits, and its senders are not told that it arrived.
    pub fn switch_off(&self) {
        if let Some(account) = self.world.state.lock().accounts.get_mut(&self.phone_number) {
            account.is_off = true;
        }
    }

    /// The phone's owner switches it on again: everything that waited arrives.
    pub fn switch_on(&self) {
        let mut state = self.world.state.lock();
        let Some(account) = state.accounts.get_mut(&self.phone_number) else { return };
        account.is_off = false;
        for Waiting { message, report } in std::mem::take(&mut account.waiting) {
            state.store_message(&self.phone_number, message, report, &self.world);
        }
        drop(state);
        self.answer_waiting_requests();
    }

    /// Tells the authors of messages of the inbox once more that they have arrived, as phones do after a lost receipt.
    ///
    /// # Errors
    /// One of the messages is not in the inbox; then nobody is told anything.
    pub fn deliver(&self, ids: &[impl AsRef<str>]) -> anyhow::Result<()> {
        let inbox = self.inbox();
        let find = |id: &str| inbox.iter().find(|message| message.id == id);
        let mut found = Vec::new();
        for id in ids.iter().map(AsRef::as_ref) {
            found.push(find(id).ok_or_else(|| anyhow::anyhow!("the phone has no message {id}"))?);
        }
        let mut state = self.world.state.lock();
        for message in found {
            let address = match message.group.as_deref().and_then(|group| group.parse().ok()) {
                Some(group) => group,
                None => state.chat_jid(&message.from, stanza::phone_jid(&self.phone_number)),
            };
            let report = Report { sender: message.from.as_str().into(), address };
            state.report_arrival(&self.world, &report, &self.phone_number, &message.id);
        }
        Ok(())
    }
}
