//! What messages, chats and accounts are called.

use sha2::{Digest as _, Sha256};

use crate::account::Identity;
use crate::event::body::party::Party;

/// Bytes of chance in the id of a message.
const ID_BYTES: usize = 9;

/// The lane of a person with these names: by number if that is known.
pub(in crate::message) fn lane(names: &[String]) -> String {
    let number = names.iter().find(|name| name.ends_with("@s.whatsapp.net"));
    number.or(names.first()).cloned().unwrap_or_default()
}

/// The JID of the account.
pub(in crate::message) fn own_jid(own: &Identity) -> String {
    format!("{}@s.whatsapp.net", own.phone_number.digits())
}

/// Whether this is the JID of a person, and not of a group or a channel.
pub(in crate::message) fn is_person(jid: &str) -> bool {
    jid.ends_with("@s.whatsapp.net") || jid.ends_with("@lid")
}

/// The JID of somebody: by number if that is known.
pub(in crate::message) fn party_jid(party: &Party) -> String {
    match (&party.phone_number, &party.lid) {
        (Some(number), _) => format!("{number}@s.whatsapp.net"),
        (None, Some(lid)) => lid.clone(),
        (None, None) => without_device(&party.id),
    }
}

/// `15550100077:3@s.whatsapp.net` without the device.
pub(in crate::message) fn without_device(jid: &str) -> String {
    match jid.split_once('@') {
        Some((user, server)) => format!("{}@{server}", user.split(':').next().unwrap_or(user)),
        None => jid.to_owned(),
    }
}

/// A new id, as WhatsApp's own clients make them: nobody else has it.
pub(in crate::message) fn new_id() -> String {
    let bytes: [u8; ID_BYTES] = rand::random();
    written_id(&bytes)
}

/// The ids of so many messages that belong to an album. They follow from the album's own, so that nobody has to remember them.
pub(in crate::message) fn album_ids(album_id: &str, count: u32) -> Vec<String> {
    let hash = |index: u32| Sha256::new().chain_update(album_id).chain_update(index.to_be_bytes()).finalize();
    (0..count).map(|index| written_id(&hash(index)[..ID_BYTES])).collect()
}

fn written_id(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    format!("3EB0{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_a_client_and_each_is_new() {
        let ids: std::collections::HashSet<_> = (0..1_000).map(|_| new_id()).collect();
        assert_eq!(ids.len(), 1_000);
        assert!(ids.iter().all(|id| id.len() == 22 && id.starts_with("3EB0")));
    }

    #[test]
    fn the_ids_of_an_album_follow_from_its_own() {
        let ids = album_ids("3EB0A", 3);
        assert_eq!(ids, album_ids("3EB0A", 3));
        assert_eq!(ids[..2], album_ids("3EB0A", 2));
        let all: std::collections::HashSet<_> = ids.into_iter().chain(album_ids("3EB0B", 3)).collect();
        assert_eq!(all.len(), 6);
        assert!(all.iter().all(|id| id.len() == 22 && id.starts_with("3EB0")));
    }

    #[test]
    fn a_person_has_one_lane_by_either_name() {
        let (number, lid) = ("15550100077@s.whatsapp.net".to_owned(), "100000000000077@lid".to_owned());
        assert_eq!(lane(&[number.clone(), lid.clone()]), number);
        assert_eq!(lane(&[lid.clone(), number.clone()]), number);
        assert_eq!(lane(std::slice::from_ref(&lid)), lid);
        assert_eq!(without_device("15550100077:3@s.whatsapp.net"), number);
    }
}
