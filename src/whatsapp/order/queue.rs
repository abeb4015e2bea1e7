//! What stanzas made happen, put into the order in which the stanzas came in. Pure: told everything, the time as well.
//!
//! A stanza is open until everything that it made happen is here. What happened waits for the open stanzas before its own,
//! and never for ever:
//!
//! - A message that became nothing (the library has it already, or it carried only keys) ends when the library is through with it,
//!   or at the latest with the next one of its chat, since it works on a chat's messages one after the other. Should neither
//!   be told: when nothing has ended for [`QUIET`], or it came in [`LONGEST`] ago.
//! - What waited for this device comes in bundles: the library keeps decrypted messages back until it has 400 of them, 4 MiB,
//!   or three seconds' worth. Within a bundle messages are in order, and everything else is behind the messages before it.
//!   Across bundles a message does not wait for one of another chat, because the library takes the next bundle only
//!   once it is rid of this one.
//! - More than [`MOST_OPEN`] open stanzas: the oldest is not waited for any more.
//!
//! Whatever is not waited for stands where it came in late; nothing is lost by it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

/// How long nothing may end before the open stanzas are not waited for any more. A message takes milliseconds.
const QUIET: Duration = Duration::from_secs(2);
/// How long a stanza is waited for at most. WhatsApp gives a client 20 s to answer.
const LONGEST: Duration = Duration::from_secs(10);
/// The same while what waited for this device comes in. No frame waits for it then.
const LONGEST_OFFLINE: Duration = Duration::from_secs(30);
/// Stanzas that are open, at most. WhatsApp sends 200 at once of what waited for this device.
const MOST_OPEN: usize = 4096;

/// The place of a stanza in the order in which they came in.
pub(super) type Number = u64;

/// What happened, in order.
#[derive(Debug)]
pub(super) struct Queue<T> {
    last: Number,
    open: BTreeMap<Number, Open>,
    /// What waits for open stanzas, by its own.
    waiting: BTreeMap<Number, Vec<T>>,
    ready: VecDeque<T>,
    /// The messages that the library has still to take, or is at, by their chats.
    chats: HashMap<Arc<str>, VecDeque<Number>>,
    backlog: Backlog,
    /// When something ended last.
    ended_at: Instant,
}

#[derive(Debug)]
struct Open {
    since: Instant,
    kind: Kind,
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// A stanza that was handed to a task of its own.
    Task,
    /// A message, and the chat whose messages the library takes one after the other. It may be through with one that it keeps
    /// for the next bundle.
    Message { id: String, chat: Arc<str>, is_through: bool },
    /// The end of what waited for this device.
    BacklogEnd,
}

/// What waited for this device while it was away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Backlog {
    /// It comes in.
    Coming,
    /// WhatsApp has said that it was all.
    Ending,
    /// The library is through with it.
    Over,
}

impl<T> Queue<T> {
    /// An empty queue of a connection that begins now.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            last: 0,
            open: BTreeMap::new(),
            waiting: BTreeMap::new(),
            ready: VecDeque::new(),
            chats: HashMap::new(),
            backlog: Backlog::Coming,
            ended_at: now,
        }
    }

    /// Another connection begins: no stanza of the one before is waited for.
    pub(super) fn restart(&mut self, now: Instant) {
        self.end_all();
        self.chats.clear();
        (self.backlog, self.ended_at) = (Backlog::Coming, now);
    }

    /// A stanza came in that may make something happen at once, and nothing later.
    pub(super) fn task(&mut self, now: Instant) -> Number {
        self.begin(Kind::Task, now)
    }

    /// A message came in.
    pub(super) fn message(&mut self, id: &str, chat: &Arc<str>, now: Instant) {
        let kind = Kind::Message { id: id.to_owned(), chat: Arc::clone(chat), is_through: false };
        let number = self.begin(kind, now);
        self.chats.entry(Arc::clone(chat)).or_default().push_back(number);
    }

    /// The library is through with the next message of a chat.
    pub(super) fn through(&mut self, chat: &Arc<str>, now: Instant) {
        let Some(messages) = self.chats.get_mut(chat) else { return };
        let number = messages.pop_front();
        if messages.is_empty() {
            self.chats.remove(chat);
        }
        let Some(number) = number else { return };
        self.ended_at = now;
        match self.backlog {
            Backlog::Over => self.end(number),
            Backlog::Coming | Backlog::Ending => {
                if let Some(Open { kind: Kind::Message { is_through, .. }, .. }) = self.open.get_mut(&number) {
                    *is_through = true;
                }
            }
        }
    }

    /// WhatsApp said that this was all that waited.
    pub(super) fn backlog_ends(&mut self, now: Instant) {
        if self.backlog == Backlog::Coming {
            self.backlog = Backlog::Ending;
            self.wait_anew(now);
            self.begin(Kind::BacklogEnd, now);
        }
    }

    /// The library is through with what waited, and says so.
    pub(super) fn backlog_ended(&mut self, said: Option<T>, now: Instant) {
        let end = self.open.iter().find(|(_, open)| open.kind == Kind::BacklogEnd).map(|(number, _)| *number);
        self.backlog = Backlog::Over;
        self.end_those_through();
        self.release(Number::MAX);
        self.wait_anew(now);
        if let Some(said) = said {
            self.happened(end, said);
        }
        if let Some(number) = end {
            self.end(number);
        }
    }

    /// A stanza that was handed to a task has made everything happen.
    pub(super) fn end(&mut self, number: Number) {
        if self.open.remove(&number).is_some() {
            self.release(Number::MAX);
        }
    }

    /// Something happened because of an open stanza, or of none that is known: then it stands behind all that came in.
    pub(super) fn happened(&mut self, of: Option<Number>, what: T) {
        let number = of.unwrap_or_else(|| self.next());
        self.waiting.entry(number).or_default().push(what);
        self.release(Number::MAX);
    }

    /// What became of a message that is not handed over as one.
    pub(super) fn became(&mut self, id: &str, what: T, now: Instant) {
        match self.close(id, now) {
            Some((number, chat)) => {
                self.end_before(number, &chat);
                self.happened(Some(number), what);
            }
            None => self.happened(None, what),
        }
    }

    /// Messages that the library hands over together, by their ids. Of one that says nothing to anybody there is only the id.
    pub(super) fn messages(&mut self, bundle: impl IntoIterator<Item = (String, Option<T>)>, now: Instant) {
        let mut bundle: Vec<_> = bundle.into_iter().map(|(id, what)| (self.close(&id, now), what)).collect();
        // The bundle is all that was kept.
        self.end_those_through();
        bundle.sort_by_key(|(closed, _)| closed.as_ref().map_or(Number::MAX, |(number, _)| *number));
        for (closed, what) in bundle {
            let number = match closed {
                Some((number, chat)) => {
                    self.end_before(number, &chat);
                    number
                }
                None => self.next(),
            };
            // What waited for the ones before goes before this one.
            self.release(number);
            match (what, self.backlog) {
                (Some(what), Backlog::Coming) => self.ready.push_back(what),
                (Some(what), Backlog::Ending | Backlog::Over) => self.waiting.entry(number).or_default().push(what),
                (None, _) => {}
            }
        }
        self.release(Number::MAX);
    }

    /// What may be written now, in order; this many at most.
    pub(super) fn take(&mut self, most: usize) -> Vec<T> {
        let count = most.min(self.ready.len());
        self.ready.drain(..count).collect()
    }

    /// How much may be written now.
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// How much has not been taken.
    pub(super) fn len(&self) -> usize {
        self.ready.len() + self.waiting.values().map(Vec::len).sum::<usize>()
    }

    /// When somebody has to look whether something is waited for too long.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let (number, _) = self.waiting.last_key_value()?;
        self.open.range(..*number).map(|(_, open)| self.limit(open)).min()
    }

    /// Gives up what is waited for too long.
    pub(super) fn expire(&mut self, now: Instant) {
        let late: Vec<_> =
            self.open.iter().filter(|(_, open)| self.limit(open) <= now).map(|(number, _)| *number).collect();
        for number in late {
            self.open.remove(&number);
        }
        self.release(Number::MAX);
    }

    /// Waits for nothing any more.
    pub(super) fn end_all(&mut self) {
        self.open.clear();
        self.release(Number::MAX);
    }

    fn begin(&mut self, kind: Kind, now: Instant) -> Number {
        let number = self.next();
        self.open.insert(number, Open { since: now, kind });
        if self.open.len() > MOST_OPEN {
            self.open.pop_first();
            self.release(Number::MAX);
        }
        number
    }

    fn next(&mut self) -> Number {
        self.last += 1;
        self.last
    }

    fn limit(&self, open: &Open) -> Instant {
        match self.backlog {
            Backlog::Coming => open.since + LONGEST_OFFLINE,
            Backlog::Ending | Backlog::Over => (open.since.max(self.ended_at) + QUIET).min(open.since + LONGEST),
        }
    }

    fn wait_anew(&mut self, now: Instant) {
        self.ended_at = now;
        self.open.values_mut().for_each(|open| open.since = now);
    }

    /// Closes the open message of this id that came in first. Gives its place and its chat.
    fn close(&mut self, id: &str, now: Instant) -> Option<(Number, Arc<str>)> {
        self.ended_at = now;
        let is_it = |open: &Open| matches!(&open.kind, Kind::Message { id: its, .. } if its == id);
        let number = self.open.iter().find(|(_, open)| is_it(open)).map(|(number, _)| *number)?;
        match self.open.remove(&number)?.kind {
            Kind::Message { chat, .. } => Some((number, chat)),
            Kind::Task | Kind::BacklogEnd => None,
        }
    }

    /// Closes the messages that the library is through with.
    fn end_those_through(&mut self) {
        self.open.retain(|_, open| !matches!(open.kind, Kind::Message { is_through: true, .. }));
    }

    /// Closes the messages of this chat that came in before this one: nothing becomes of them any more.
    fn end_before(&mut self, number: Number, chat: &str) {
        let is_before = |of: &Number, open: &Open| {
            *of < number && matches!(&open.kind, Kind::Message { chat: its, .. } if **its == *chat)
        };
        self.open.retain(|of, open| !is_before(of, open));
    }

    /// Lets go what happened because of stanzas before this one and waits for no open stanza any more.
    fn release(&mut self, below: Number) {
        let first_open = self.open.first_key_value().map_or(Number::MAX, |(number, _)| *number);
        while let Some(entry) = self.waiting.first_entry()
            && *entry.key() <= first_open
            && *entry.key() < below
        {
            self.ready.extend(entry.remove());
        }
    }
}
