//! What the document shows for each thing that goes in or out. Values, so that a new field breaks the build here.

use std::collections::BTreeMap;

use entity::ids::{KeyId, PairingLinkId, SessionId};
use entity::timestamp::Timestamp;
use entity::words::{DesiredState, PresenceOnConnect, Scope, SessionStatus, StatusReason};
use poem_openapi::types::Example;

use crate::account::{Device, DeviceProps};
use crate::api::error::{Problem, ProblemSummary};
use crate::api::reply::Done;
use crate::api::rest::keys::RotateBody;
use crate::api::rest::qr::QrReply;
use crate::api::rest::{
    ConnectReply, CreatedPairingLink, CreatedSession, PairBody, PairReply, PairingLinkBody, PairingLinkList,
};
use crate::key::types::{IssuedKey, Key, KeyPage, NewKey, StreamTicket};
use crate::pairing_link::types::{OpenPairingLink, PairingLink};
use crate::session::types::{NewSession, Session, SessionChanges, SessionPage, Status};
use crate::webhook::types::NewWebhook;

/// A number that belongs to nobody.
const PHONE: &str = "15550100001";
const CREATED: Timestamp = Timestamp::from_millis(1_767_143_203_000);
/// Years ahead, so that a key that is made as in the example works.
const EXPIRES: Timestamp = Timestamp::from_millis(4_102_444_800_000);
const LINKED: Timestamp = Timestamp::from_millis(1_767_143_264_000);

fn labels() -> BTreeMap<String, String> {
    [("team".to_owned(), "north".to_owned())].into()
}

impl Example for Session {
    fn example() -> Self {
        Self {
            id: SessionId::parse("shop").expect("it is one"),
            name: Some("Shop".to_owned()),
            phone_number: Some(PHONE.to_owned()),
            push_name: Some("Ada".to_owned()),
            status: SessionStatus::LoggedIn,
            created_at: CREATED,
            updated_at: LINKED,
            last_connected_at: Some(LINKED),
            is_logged_in: true,
            metadata: labels(),
            presence_on_connect: PresenceOnConnect::Unavailable,
        }
    }
}

impl Example for CreatedSession {
    fn example() -> Self {
        let session = Session {
            phone_number: None,
            push_name: None,
            status: SessionStatus::Connecting,
            updated_at: CREATED,
            last_connected_at: None,
            is_logged_in: false,
            ..Session::example()
        };
        Self { session }
    }
}

impl Example for SessionPage {
    fn example() -> Self {
        Self { sessions: vec![Session::example()], total: 1, next_cursor: None }
    }
}

impl Example for Status {
    fn example() -> Self {
        Self {
            status: SessionStatus::LoggedIn,
            is_logged_in: true,
            phone_number: Some(PHONE.to_owned()),
            push_name: Some("Ada".to_owned()),
            reason: StatusReason::Authenticated,
            since: LINKED,
            desired: DesiredState::Online,
            next_retry_at: None,
            banned_until: None,
        }
    }
}

impl Example for Device {
    fn example() -> Self {
        Self {
            device_id: 1,
            phone_number: PHONE.to_owned(),
            lid: Some("100000000000001@lid".to_owned()),
            push_name: Some("Ada".to_owned()),
        }
    }
}

impl Example for DeviceProps {
    fn example() -> Self {
        Self { os: Some("Linux".to_owned()), platform: Some("chrome".to_owned()), version: Some("10.15.7".to_owned()) }
    }
}

impl Example for NewWebhook {
    fn example() -> Self {
        Self {
            url: "https://example.com/webhook".to_owned(),
            events: Some(vec!["message".to_owned(), "connected".to_owned()]),
            secret: Some("webhook-secret".to_owned()),
            headers: None,
            filters: None,
            ordered: None,
        }
    }
}

impl Example for NewSession {
    fn example() -> Self {
        Self {
            id: Some("shop".to_owned()),
            name: Some("Shop".to_owned()),
            webhook: Some(NewWebhook::example()),
            device: Some(DeviceProps::example()),
            metadata: Some(labels().into_iter().collect()),
            presence_on_connect: Some(PresenceOnConnect::Unavailable),
        }
    }
}

impl Example for SessionChanges {
    fn example() -> Self {
        Self {
            name: Some("Market".to_owned()),
            metadata: Some(labels().into_iter().collect()),
            presence_on_connect: Some(PresenceOnConnect::Unavailable),
        }
    }
}

impl Example for QrReply {
    fn example() -> Self {
        Self { qr_codes: vec!["2@ABC123...".to_owned()], timeout_seconds: 60, status: SessionStatus::WaitingForQr }
    }
}

impl Example for PairBody {
    fn example() -> Self {
        Self { phone_number: "+1 555 010-0001".to_owned(), show_push_notification: true }
    }
}

impl Example for PairReply {
    fn example() -> Self {
        Self { code: "ABCD-EFGH".to_owned(), timeout_seconds: 160 }
    }
}

impl Example for Done {
    fn example() -> Self {
        Self { success: true, message: "Session deleted".to_owned() }
    }
}

impl Example for Problem {
    fn example() -> Self {
        Self {
            kind: "urn:waypost:problem:session_not_found".to_owned(),
            title: "No such session".to_owned(),
            status: 404,
            detail: "no session has this id".to_owned(),
            code: "session_not_found".to_owned(),
            request_id: "019b7f0c5d5e7a60a5d8c3d1f2a4b6c8".to_owned(),
            error: ProblemSummary::example(),
        }
    }
}

impl Example for ProblemSummary {
    fn example() -> Self {
        Self { code: 404, message: "no session has this id".to_owned() }
    }
}

impl Example for Key {
    fn example() -> Self {
        Self {
            id: KeyId::named("key_019b9b1f7f7a7c3e8d5c0d6a1b2c3d4e"),
            name: "Help desk".to_owned(),
            scopes: vec![Scope::SessionsRead, Scope::SessionsPair],
            sessions: SessionId::parse("shop").ok().map(|id| vec![id]),
            expires_at: Some(EXPIRES),
            last_used_at: Some(LINKED),
            created_at: CREATED,
            created_by: None,
            old_token_expires_at: None,
        }
    }
}

impl Example for NewKey {
    fn example() -> Self {
        Self {
            name: "Help desk".to_owned(),
            scopes: vec![Scope::SessionsRead, Scope::SessionsPair],
            sessions: Some(vec!["shop".to_owned()]),
            expires_at: Some(EXPIRES),
        }
    }
}

impl Example for IssuedKey {
    fn example() -> Self {
        // No token of anybody: its checksum is wrong.
        Self { key: Key { last_used_at: None, ..Key::example() }, token: format!("wp_{}", "0".repeat(49)) }
    }
}

impl Example for ConnectReply {
    fn example() -> Self {
        Self { success: true, message: "Session is connecting or connected".to_owned(), next_retry_at: None }
    }
}

impl Example for StreamTicket {
    fn example() -> Self {
        // Nobody's: it is not even well formed.
        Self { ticket: format!("wpt_{}", "0".repeat(49)), expires_at: EXPIRES }
    }
}

impl Example for KeyPage {
    fn example() -> Self {
        Self { keys: vec![Key::example()], next_cursor: None }
    }
}

impl Example for RotateBody {
    fn example() -> Self {
        Self { overlap_seconds: Some(3600) }
    }
}

impl Example for PairingLinkBody {
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
    use serde_json::Value;

    use super::*;
    use crate::api::reply::Body;

    /// What is sent, and what the document says that is sent.
    fn both<T: Body + Example>(name: &'static str) -> (&'static str, Value, Value) {
        let example = T::example();
        (name, serde_json::to_value(&example).expect("it can be written"), example.to_json().unwrap_or_default())
    }

    #[test]
    fn every_answer_is_written_as_the_document_says() {
        let rows = [
            both::<Session>("Session"),
            both::<CreatedSession>("CreatedSession"),
            both::<SessionPage>("SessionPage"),
            both::<Status>("Status"),
            both::<Device>("Device"),
            both::<PairReply>("PairReply"),
            both::<Done>("Done"),
            both::<Key>("Key"),
            both::<IssuedKey>("IssuedKey"),
            both::<KeyPage>("KeyPage"),
            both::<CreatedPairingLink>("CreatedPairingLink"),
            both::<PairingLinkList>("PairingLinkList"),
        ];
        for (name, sent, documented) in rows {
            assert_eq!(sent, documented, "{name}");
        }
    }
}
