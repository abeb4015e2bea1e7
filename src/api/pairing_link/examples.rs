//! What the document shows of pairing links. Values, so that a new field breaks the build here.

use entity::ids::PairingLinkId;
use entity::timestamp::Timestamp;
use poem_openapi::types::Example;

use crate::api::pairing_link::rest::{CreatedPairingLink, PairingLinkList};
use crate::pairing_link::types::{NewPairingLink, OpenPairingLink, PairingLink};

/// When the things of the examples were made.
const CREATED: Timestamp = Timestamp::from_millis(1_767_143_203_000);
/// Years ahead, so that the example is good for as long as somebody may read it.
const EXPIRES: Timestamp = Timestamp::from_millis(4_102_444_800_000);

impl Example for NewPairingLink {
    fn example() -> Self {
        Self { expires_in: Some(900) }
    }
}

impl Example for PairingLink {
    fn example() -> Self {
        // No token of anybody: its checksum is wrong.
        Self { url: format!("https://wa.example.com/pair#wpl_{}", "0".repeat(49)), expires_at: EXPIRES }
    }
}

impl Example for CreatedPairingLink {
    fn example() -> Self {
        Self { pairing_link: PairingLink::example() }
    }
}

impl Example for OpenPairingLink {
    fn example() -> Self {
        let id = PairingLinkId::named("lnk_019b9b1f7f7a7c3e8d5c0d6a1b2c3d4e");
        Self { id, created_at: CREATED, expires_at: EXPIRES }
    }
}

impl Example for PairingLinkList {
    fn example() -> Self {
        Self { pairing_links: vec![OpenPairingLink::example()] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::reply::is_written_as_documented;

    #[test]
    fn every_answer_is_written_as_the_document_says() {
        is_written_as_documented::<CreatedPairingLink>();
        is_written_as_documented::<PairingLinkList>();
    }
}
