//! What the document shows of sessions. Values, so that a new field breaks the build here.

use std::collections::BTreeMap;

use entity::ids::SessionId;
use entity::timestamp::Timestamp;
use entity::words::session::{DesiredState, MediaFetch, PresenceOnConnect, SessionStatus, StatusReason};
use poem_openapi::types::Example;

use crate::account::{Device, DeviceProps};
use crate::api::session::pair_code::PairReply;
use crate::api::session::qr::QrReply;
use crate::api::session::rest::{ConnectReply, CreatedSession};
use crate::session::setting::Setting;
use crate::session::types::{
    MediaFetching, NewMediaFetching, NewSession, PairBody, Session, SessionChanges, SessionPage, Status, Transition,
    TransitionPage,
};
use crate::webhook::types::NewWebhook;

/// A number that belongs to nobody.
const PHONE: &str = "15550100001";
/// When the things of the examples were made.
const CREATED: Timestamp = Timestamp::from_millis(1_767_143_203_000);
/// A minute later.
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
            send_rate: None,
            send_burst: None,
            media: MediaFetching::example(),
        }
    }
}

impl Example for MediaFetching {
    fn example() -> Self {
        Self { fetch: MediaFetch::Eager, max_bytes: Some(20_000_000) }
    }
}

impl Example for NewMediaFetching {
    fn example() -> Self {
        Self { fetch: MediaFetch::Eager, max_bytes: Some(20_000_000) }
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

impl Example for Transition {
    fn example() -> Self {
        Self {
            at: LINKED,
            status: SessionStatus::LoggedIn,
            reason: StatusReason::Authenticated,
            desired: DesiredState::Online,
            next_retry_at: None,
            banned_until: None,
        }
    }
}

impl Example for TransitionPage {
    fn example() -> Self {
        Self { transitions: vec![Transition::example()], next_cursor: None }
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

impl Example for NewSession {
    fn example() -> Self {
        Self {
            id: Some("shop".to_owned()),
            name: Some("Shop".to_owned()),
            webhook: Some(NewWebhook::example()),
            device: Some(DeviceProps::example()),
            metadata: Some(labels().into_iter().collect()),
            presence_on_connect: Some(PresenceOnConnect::Unavailable),
            send_rate: Some(0.5),
            send_burst: Some(3),
            media: Some(NewMediaFetching::example()),
        }
    }
}

impl Example for SessionChanges {
    fn example() -> Self {
        Self {
            name: Some("Market".to_owned()),
            metadata: Some(labels().into_iter().collect()),
            presence_on_connect: Some(PresenceOnConnect::Unavailable),
            send_rate: Setting::Given(0.5),
            send_burst: Setting::Given(3),
            media: Some(NewMediaFetching::example()),
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

impl Example for ConnectReply {
    fn example() -> Self {
        Self { success: true, message: "Session is connecting or connected".to_owned(), next_retry_at: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::reply::is_written_as_documented;

    #[test]
    fn every_answer_is_written_as_the_document_says() {
        is_written_as_documented::<MediaFetching>();
        is_written_as_documented::<Session>();
        is_written_as_documented::<CreatedSession>();
        is_written_as_documented::<SessionPage>();
        is_written_as_documented::<Status>();
        is_written_as_documented::<TransitionPage>();
        is_written_as_documented::<Device>();
        is_written_as_documented::<PairReply>();
        is_written_as_documented::<ConnectReply>();
    }
}
