//! What is late, and what goes along then.

use std::sync::Arc;

use bytes::Bytes;

use super::{Event, Key, PendingMessages, Sequence};

fn key(id: &str) -> Key {
    Arc::new(("chat".to_owned(), "sender".to_owned(), id.to_owned()))
}

/// Ratchets are written. Gives the messages that go along.
fn ratchets_are_written(messages: &mut PendingMessages<u64>) -> Vec<Key> {
    let came = messages.step(Event::RatchetsCame).sequence;
    table_takes(messages, Some(came))
}

fn table_takes(messages: &mut PendingMessages<u64>, ratchets_of: Option<Sequence>) -> Vec<Key> {
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
