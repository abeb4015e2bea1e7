//! Messages that have no word here: which field of the protocol they are.

mod first_field;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use whatsapp_rust::waproto::codec;
use whatsapp_rust::waproto::tags::message as tag;
use whatsapp_rust::waproto::whatsapp as wa;

use crate::event::body::context::MessageUnknown;
use crate::whatsapp::reading::message::unknown::first_field::first_field;

/// Fields that hand keys over, or say something about the others.
pub(super) const SILENT: &[u32] = &[
    tag::SENDER_KEY_DISTRIBUTION_MESSAGE,
    tag::FAST_RATCHET_KEY_SENDER_KEY_DISTRIBUTION_MESSAGE,
    tag::GROUP_ROOT_KEY_SHARE,
    tag::ROOT_SECRET_DISTRIBUTE_MESSAGE,
    tag::MESSAGE_CONTEXT_INFO,
];

/// The greatest number of a field that is looked for: those of two bytes. The newest one is 127.
const LAST: u32 = (1 << 11) - 1;

/// The fields that a message can have, by their numbers, as the library reads them.
pub(super) static FIELDS: LazyLock<BTreeMap<u32, String>> = LazyLock::new(|| {
    let name = |number: u32| Some((number, name(&codec::message_decode(&empty(number)).ok()?)?));
    (1..=LAST).filter_map(name).collect()
});

/// Whether somebody said it. What hands keys over, nobody did; what has nothing in it is of a kind that the library does not
/// know yet.
pub(super) fn is_news(message: &wa::Message) -> bool {
    let fields = fields(message);
    let is_empty = fields.iter().all(|number| *number == tag::MESSAGE_CONTEXT_INFO);
    is_empty || fields.iter().any(|number| !SILENT.contains(number))
}

/// The first field that says something.
pub(super) fn field(message: &wa::Message) -> Option<MessageUnknown> {
    let number = fields(message).into_iter().find(|number| !SILENT.contains(number))?;
    let field = FIELDS.get(&number)?.clone();
    Some(MessageUnknown { field, number: i32::try_from(number).ok()? })
}

/// The name of the field that a message has.
fn name(message: &wa::Message) -> Option<String> {
    first_field(message).map(str::to_owned)
}

/// A message with nothing in this one field.
pub(super) fn empty(number: u32) -> Vec<u8> {
    let tag = (number << 3) | 2;
    // A number is written in groups of seven bits, the least first.
    match u8::try_from(tag) {
        Ok(tag) if tag < 128 => vec![tag, 0],
        _ => vec![(tag & 127 | 128) as u8, (tag >> 7) as u8, 0],
    }
}

/// The numbers of the fields that a message has.
fn fields(message: &wa::Message) -> Vec<u32> {
    let bytes = codec::message_to_vec(message);
    let (mut rest, mut numbers) = (&bytes[..], Vec::new());
    while let Some(tag) = varint(&mut rest) {
        // All fields of a message are texts or messages: a length and so many bytes.
        let Some(length) = varint(&mut rest).and_then(|length| usize::try_from(length).ok()) else { break };
        rest = rest.get(length..).unwrap_or_default();
        numbers.extend(u32::try_from(tag >> 3));
    }
    numbers
}

/// Takes a number off the beginning.
fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (first, behind) = rest.split_first()?;
        *rest = behind;
        number |= u64::from(first & 127) << shift;
        if *first < 128 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests;
