//! What the simulator's book says of texts that end with their number in their chat: which came, how often, and in which
//! order. Pure.

use std::collections::HashMap;

use serde::Serialize;

use crate::rest::message::SentMessage;

/// What the book says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Book {
    /// Messages that the simulator took.
    pub(crate) taken: usize,
    /// Copies of messages that had come before: allowed, and counted.
    pub(crate) repeated: usize,
    /// Messages whose copies do not all say the same.
    pub(crate) changed: usize,
    /// Messages that were taken behind a later one of the same chat.
    pub(crate) out_of_order: usize,
}

impl Book {
    /// Reads what one account has sent.
    pub(crate) fn of<'a>(sent: impl IntoIterator<Item = &'a SentMessage>) -> Self {
        let mut book = Self::default();
        let mut taken: Vec<&SentMessage> = Vec::new();
        for message in sent {
            book.repeated += message.copies.saturating_sub(1);
            book.changed += usize::from(message.contents > 1);
            taken.extend(message.is_taken.then_some(message));
        }
        book.taken = taken.len();
        taken.sort_by_key(|message| message.place);
        let mut highest: HashMap<&str, u64> = HashMap::new();
        for message in taken {
            // What could not be opened has no place in the order.
            let Some(number) = message.text().and_then(number) else { continue };
            let highest = highest.entry(&message.to).or_default();
            book.out_of_order += usize::from(number < *highest);
            *highest = number.max(*highest);
        }
        book
    }
}

/// The last word of a text.
fn number(text: &str) -> Option<u64> {
    text.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::message::Content;

    fn sent(to: &str, text: &str, place: u64) -> SentMessage {
        SentMessage {
            id: text.to_owned(),
            to: to.to_owned(),
            content: Some(Content { text: text.to_owned() }),
            copies: 1,
            contents: 1,
            is_taken: true,
            place: Some(place),
        }
    }

    #[test]
    fn each_chat_has_an_order_of_its_own() {
        let book =
            [sent("1", "a 0", 0), sent("2", "b 1", 1), sent("1", "a 2", 3), sent("2", "b 0", 4), sent("1", "a 1", 2)];
        assert_eq!(Book::of(&book), Book { taken: 5, repeated: 0, changed: 0, out_of_order: 1 });
    }

    #[test]
    fn copies_are_counted_and_must_say_the_same() {
        let repeated = SentMessage { copies: 3, ..sent("1", "a 0", 0) };
        let changed = SentMessage { copies: 2, contents: 2, ..sent("1", "a 1", 1) };
        let lost = SentMessage { is_taken: false, place: None, ..sent("1", "a 2", 2) };
        assert_eq!(Book::of(&[repeated, changed, lost]), Book { taken: 2, repeated: 3, changed: 1, out_of_order: 0 });
    }
}
