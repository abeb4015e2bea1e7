//! The book of what an account's companions have sent: every copy of every message, whether it was taken or not, and
//! whether its content was the same each time. Decides which copy is the first one; keeps no more than the inboxes do.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use serde::Serialize;

use crate::phone::Phone;
use crate::summary::Summary;
use crate::world::now;

/// Copies of one message whose story is kept; later ones are only counted.
const KEPT_COPIES: usize = 100;

/// A message that a companion has sent, once or more.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SentMessage {
    /// Its id.
    pub id: String,
    /// The phone number that it is for; of a group or the status its address.
    pub to: String,
    /// The address that the companion wrote to.
    pub address: String,
    /// The companion that sent the first copy.
    pub from_device: u16,
    /// What the first copy says that could be opened.
    pub content: Option<Summary>,
    /// The stanza's `type`.
    pub stanza_type: String,
    /// The stanza's `edit`: 1 another text, 2 pinned, 7 taken back, 8 taken back by an admin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edit: Option<String>,
    /// Who is to see it, when it is a status: `contacts`, `allowlist` or `denylist`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_setting: Option<String>,
    /// How many devices were given the key with the first copy, when it is for a group or a status.
    pub keys: usize,
    /// How often the companion has sent it, whatever became of it.
    pub copies: usize,
    /// How many different contents the copies had that could be opened; more than one is a broken promise.
    pub contents: usize,
    /// Whether the server has taken it.
    pub is_taken: bool,
    /// When the server took it, counted over all messages of the account; the order that others see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<u64>,
    /// What became of each copy (the first 100).
    pub outcomes: Vec<Outcome>,
}

/// What became of one copy of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Outcome {
    /// What the server did with it.
    pub verdict: Verdict,
    /// The companion that sent it.
    pub from_device: u16,
    /// When it came, Unix seconds.
    pub timestamp: u64,
}

/// What the server did with a copy of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was the first that was taken, and everybody has it.
    Taken,
    /// One of the same id had been taken before: nobody gets it.
    Repeated,
    /// It was refused with this code.
    Refused(u16),
    /// The socket was reset before it was taken.
    Lost,
}

/// The messages of one account's companions, in the order of their first copies.
#[derive(Default)]
pub(crate) struct Ledger {
    entries: VecDeque<Entry>,
    /// By recipient and id, the number of the entry.
    index: HashMap<(Arc<str>, String), u64>,
    /// The number of the oldest entry that is kept.
    first: u64,
    /// Messages taken.
    taken: u64,
    /// Whom messages were taken for.
    chats: HashSet<Arc<str>>,
}

struct Entry {
    sent: SentMessage,
    key: (Arc<str>, String),
    /// The contents by hash.
    contents: HashSet<[u8; 32]>,
    /// Contents by what they were encrypted to, because the same bytes open only once.
    opened: HashMap<[u8; 32], [u8; 32]>,
}

/// A copy as it comes.
pub(crate) struct Copy<'a> {
    pub(crate) id: &'a str,
    pub(crate) to: Arc<str>,
    pub(crate) address: String,
    pub(crate) from_device: u16,
    pub(crate) stanza_type: String,
    pub(crate) edit: Option<String>,
    pub(crate) status_setting: Option<String>,
    pub(crate) keys: usize,
}

impl Ledger {
    /// Writes a copy down and says what becomes of it: `refusal` when it is not to be taken, otherwise it is taken when
    /// it is the first.
    pub(crate) fn enter(&mut self, copy: Copy<'_>, refusal: Option<Verdict>, limit: usize) -> Verdict {
        let Copy { id, to, address, from_device, stanza_type, edit, status_setting, keys } = copy;
        let key = (to, id.to_owned());
        if !self.index.contains_key(&key) {
            let sent = SentMessage {
                id: id.to_owned(),
                to: key.0.to_string(),
                address,
                from_device,
                content: None,
                stanza_type,
                edit,
                status_setting,
                keys,
                copies: 0,
                contents: 0,
                is_taken: false,
                place: None,
                outcomes: Vec::new(),
            };
            self.add(sent, key.clone(), limit);
        }
        let place = self.taken;
        let Some(Entry { sent, .. }) = self.entry_mut(&key) else { return Verdict::Lost };
        let verdict = match refusal {
            Some(refusal) => refusal,
            None if sent.is_taken => Verdict::Repeated,
            None => Verdict::Taken,
        };
        sent.copies += 1;
        if sent.outcomes.len() < KEPT_COPIES {
            sent.outcomes.push(Outcome { verdict, from_device, timestamp: now() });
        }
        if verdict == Verdict::Taken {
            sent.is_taken = true;
            sent.place = Some(place);
            self.taken += 1;
            self.chats.insert(key.0);
        }
        verdict
    }

    /// Remembers what a copy said: the hashes of its encrypted and of its plain bytes.
    pub(crate) fn note_content(&mut self, key: &(Arc<str>, String), sealed: [u8; 32], plain: [u8; 32], says: Summary) {
        let Some(entry) = self.entry_mut(key) else { return };
        entry.opened.insert(sealed, plain);
        entry.contents.insert(plain);
        entry.sent.contents = entry.contents.len();
        entry.sent.content.get_or_insert(says);
    }

    /// Whether a copy with the same encrypted bytes was opened before.
    pub(crate) fn was_opened(&self, key: &(Arc<str>, String), sealed: &[u8; 32]) -> bool {
        self.entry(key).is_some_and(|entry| entry.opened.contains_key(sealed))
    }

    /// Whether this is the content of the copies that came before.
    pub(crate) fn is_content(&self, key: &(Arc<str>, String), plain: &[u8; 32]) -> bool {
        self.entry(key).is_some_and(|entry| entry.contents.contains(plain))
    }

    /// Whether a message of this id was taken.
    pub(crate) fn is_taken(&self, key: &(Arc<str>, String)) -> bool {
        self.find(key).is_some_and(|sent| sent.is_taken)
    }

    /// Whether a message for somebody was ever taken.
    pub(crate) fn has_written_to(&self, phone_number: &str) -> bool {
        self.chats.contains(phone_number)
    }

    pub(crate) fn find(&self, key: &(Arc<str>, String)) -> Option<&SentMessage> {
        self.entry(key).map(|entry| &entry.sent)
    }

    fn add(&mut self, sent: SentMessage, key: (Arc<str>, String), limit: usize) {
        self.index.insert(key.clone(), self.first + self.entries.len() as u64);
        self.entries.push_back(Entry { sent, key, contents: HashSet::new(), opened: HashMap::new() });
        if self.entries.len() > limit
            && let Some(oldest) = self.entries.pop_front()
        {
            self.first += 1;
            self.index.remove(&oldest.key);
        }
    }

    fn entry(&self, key: &(Arc<str>, String)) -> Option<&Entry> {
        self.entries.get((self.index.get(key)? - self.first) as usize)
    }

    fn entry_mut(&mut self, key: &(Arc<str>, String)) -> Option<&mut Entry> {
        self.entries.get_mut((self.index.get(key)? - self.first) as usize)
    }
}

impl Phone {
    /// Everything that this account's companions have sent, in the order of the first copies.
    pub fn sent(&self) -> Vec<SentMessage> {
        let state = self.world.state.lock();
        let ledger = state.accounts.get(&self.phone_number).map(|account| &account.ledger);
        ledger.into_iter().flat_map(|ledger| &ledger.entries).map(|entry| entry.sent.clone()).collect()
    }
}
