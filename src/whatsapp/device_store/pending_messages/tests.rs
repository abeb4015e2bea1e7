//! The power fails between any two steps of the library, the report writer, the journal and the disk, and nothing is lost that
//! WhatsApp does not bring again. What the library leaves open by itself is excused, and only that: see [`client`].

mod client;
mod disk;
mod world;

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};
use proptest::test_runner::TestCaseError;

use self::world::World;
use super::{Event, Key, PendingMessages, StepNumber};

/// Chats, each with one sender: few, so that their messages meet.
const CHATS: usize = 3;
/// Messages of one chat, at most.
const MESSAGES: u32 = 24;
/// Longest sequence of steps.
const STEPS: usize = 200;

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Id {
    chat: usize,
    number: u32,
}

impl Id {
    fn bit(self) -> u64 {
        1 << self.number
    }

    /// Whether it says nothing to anybody, and so does not go to the journal.
    fn is_silent(self) -> bool {
        self.number % 6 == 5
    }
}

/// Messages, a bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ids([u64; CHATS]);

impl Ids {
    fn contains(&self, id: Id) -> bool {
        self.0[id.chat] & id.bit() != 0
    }

    fn insert(&mut self, id: Id) {
        self.0[id.chat] |= id.bit();
    }

    fn remove(&mut self, id: Id) {
        self.0[id.chat] &= !id.bit();
    }

    fn iter(&self) -> impl Iterator<Item = Id> {
        let ids = (0..CHATS).flat_map(|chat| (0..MESSAGES).map(move |number| Id { chat, number }));
        ids.filter(|id| self.contains(*id))
    }
}

/// What somebody does next, unless there is nothing to do for him.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The stanza of a message comes in: one that was sent before, or a new one.
    StanzaComes { chat: usize },
    /// The library decrypts the next message of a chat.
    Opens { chat: usize },
    /// It goes on with that message.
    GoesOn { chat: usize },
    /// While it reads what waited for it: it begins with what it has kept back.
    BeginsBatch,
    /// It goes on with that.
    GoesOnWithBatch,
    /// It has read all that waited.
    EndsBacklog,
    /// It stores the ratchets of some chats, as bits.
    StoresRatchets { chats: u8 },
    /// The store brings what was stored to the journal.
    Brings,
    /// The report writer gives messages to the journal, this many at most.
    Reports { most: usize },
    /// It says that it did.
    NotesReport,
    /// The journal makes up a transaction of this many entries at most. If it fails, each is in one of its own.
    Writes { most: usize, fails: bool },
    /// The disk has the next transaction.
    Syncs,
    /// A frame gets on: it waits for what was stored, then leaves with the acknowledgements.
    Sends,
    /// Somebody waits for the ratchets.
    WaitsForRatchets,
    /// The connection is lost; WhatsApp brings again what was not acknowledged.
    Reconnects,
    /// Everybody does one thing after the other, but for some, as bits. The library stores no ratchets then, with which messages
    /// would go along.
    AllDo { times: u8, but: u32 },
    /// The power fails: of the transactions that the disk did not say to have, it has so many.
    PowerFails { kept: usize },
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..CHATS).prop_map(|chat| Step::StanzaComes { chat }),
        8 => (0..CHATS).prop_map(|chat| Step::Opens { chat }),
        24 => (0..CHATS).prop_map(|chat| Step::GoesOn { chat }),
        3 => any::<()>().prop_map(|()| Step::BeginsBatch),
        12 => any::<()>().prop_map(|()| Step::GoesOnWithBatch),
        2 => any::<()>().prop_map(|()| Step::EndsBacklog),
        12 => (0..1u8 << CHATS).prop_map(|chats| Step::StoresRatchets { chats }),
        10 => any::<()>().prop_map(|()| Step::Brings),
        8 => (1..4usize).prop_map(|most| Step::Reports { most }),
        8 => any::<()>().prop_map(|()| Step::NotesReport),
        8 => (1..4usize, prop::bool::weighted(0.2)).prop_map(|(most, fails)| Step::Writes { most, fails }),
        8 => any::<()>().prop_map(|()| Step::Syncs),
        12 => any::<()>().prop_map(|()| Step::Sends),
        2 => any::<()>().prop_map(|()| Step::WaitsForRatchets),
        1 => any::<()>().prop_map(|()| Step::Reconnects),
        // Otherwise hardly anything would get through.
        30 => (1..10u8, any::<u32>(), any::<u32>()).prop_map(|(times, some, others)| {
            Step::AllDo { times, but: some & others }
        }),
        3 => (0..4usize).prop_map(|kept| Step::PowerFails { kept }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_power_cut_loses_what_was_acknowledged_or_cannot_be_opened_again(
        steps in prop::collection::vec(steps(), 1..STEPS)
    ) {
        let mut world = World::new();
        for step in steps {
            world.step(step).map_err(TestCaseError::fail)?;
        }
        world.run_out().map_err(TestCaseError::fail)?;
        prop_assert_eq!(world.left().collect::<Vec<_>>(), Vec::<String>::new());
    }
}

fn key(id: &str) -> Key {
    Arc::new(("chat".to_owned(), "sender".to_owned(), id.to_owned()))
}

/// Ratchets are written. Gives the messages that go along.
fn ratchets_are_written(messages: &mut PendingMessages<u64>) -> Vec<Key> {
    let came = messages.step(Event::RatchetsCame).sequence;
    table_takes(messages, Some(came))
}

fn table_takes(messages: &mut PendingMessages<u64>, ratchets_of: Option<StepNumber>) -> Vec<Key> {
    let changes = messages.step(Event::TransactionBegan { newest: None, ratchets_of }).changes;
    changes.into_iter().map(|change| change.key).collect()
}

fn stored(ids: &[&str]) -> Event<u64> {
    Event::Stored { messages: ids.iter().map(|id| (key(id), Bytes::new())).collect(), stored_at: 0 }
}

#[test]
fn all_messages_that_are_stored_together_are_late_when_ratchets_were_written_meanwhile() {
    let mut messages = PendingMessages::default();
    for id in ["a", "b"] {
        messages.step(Event::StanzaCame { id: id.to_owned() });
    }
    assert_eq!(ratchets_are_written(&mut messages), Vec::<Key>::new());
    assert!(messages.step(stored(&["a", "b"])).is_table_behind);
    assert_eq!(table_takes(&mut messages, None), [key("a"), key("b")]);
}

#[test]
fn a_message_that_is_under_way_stays_late_when_its_stanza_comes_again() {
    let mut messages = PendingMessages::default();
    messages.step(Event::StanzaCame { id: "a".to_owned() });
    assert_eq!(ratchets_are_written(&mut messages), Vec::<Key>::new());
    messages.step(Event::StanzaCame { id: "a".to_owned() });
    assert!(messages.step(stored(&["a"])).is_table_behind);
    assert_eq!(table_takes(&mut messages, None), [key("a")]);
}
