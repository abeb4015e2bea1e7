//! The library's events and errors in our words. One match each, nothing else.

use std::time::Duration;

use whatsapp_rust::pair_code::{PairCodeError, PairError};
use whatsapp_rust::types::events::{ConnectFailureReason, Event, EventKind, LoggedOut};
use whatsapp_rust::wacore_binary::{Node, OwnedNodeRef};
use whatsapp_rust::{Client, IqError, Jid};

use crate::account::{Code, Identity, PhoneNumber};
use crate::error::{Error, ErrorKind};
use crate::whatsapp::key_text;
use crate::whatsapp::signal::{Refusal, Signal, StreamEnding};

/// The events that become signals.
pub(super) const KINDS: &[EventKind] = &[
    EventKind::PairingQrCode,
    EventKind::PairingQrCodesExhausted,
    EventKind::PairingCode,
    EventKind::PairingCodeRefresh,
    EventKind::PairSuccess,
    EventKind::PairError,
    EventKind::PairPasskeyRequest,
    EventKind::QrScannedWithoutMultidevice,
    EventKind::SelfPushNameUpdated,
    EventKind::Connected,
    EventKind::LoggedOut,
    EventKind::StreamReplaced,
    EventKind::TemporaryBan,
    EventKind::ClientOutdated,
    EventKind::ConnectFailure,
    EventKind::RawNode,
];

/// The signal that an event means, if it means one.
pub(super) fn signal(client: &Client, event: &Event) -> Option<Signal> {
    Some(match event {
        Event::PairingQrCode(qr) => Signal::Qr { code: Code::new(qr.code.as_str()), lives: qr.timeout },
        Event::PairingQrCodesExhausted(_) => Signal::QrExhausted,
        Event::PairingCode(pair) => Signal::PairCode { code: Code::new(dashed(&pair.code)), lives: pair.timeout },
        Event::PairingCodeRefresh(_) => Signal::PairCodeVoid,
        Event::PairSuccess(paired) => Signal::Paired(identity(&paired.id, Some(&paired.lid))?),
        Event::PairError(_) => Signal::PairingRejected,
        Event::PairPasskeyRequest(_) => Signal::PasskeyRequired,
        Event::QrScannedWithoutMultidevice(_) => Signal::MultideviceRequired,
        Event::SelfPushNameUpdated(name) => Signal::PushName(key_text::name(&name.new_name)?),
        Event::Connected(_) => push_name(client)?,
        Event::LoggedOut(logged_out) => Signal::Refused(logout(logged_out)?),
        Event::StreamReplaced(_) => Signal::Refused(Refusal::Replaced),
        Event::TemporaryBan(ban) => Signal::Refused(Refusal::Banned(ban.expire.to_std().unwrap_or(Duration::ZERO))),
        Event::ClientOutdated(_) => Signal::Refused(Refusal::ClientOutdated),
        Event::ConnectFailure(failure) => Signal::Refused(match failure.reason {
            ConnectFailureReason::InternalServerError | ConnectFailureReason::ServiceUnavailable => {
                Refusal::Unavailable
            }
            _ => Refusal::Other,
        }),
        Event::RawNode(node) => return stanza(client, node),
        _ => return None,
    })
}

/// Stanzas that change the state and of which the library makes no event.
fn stanza(client: &Client, node: &OwnedNodeRef) -> Option<Signal> {
    match node.tag() {
        "success" => {
            Some(Signal::Authenticated { identity: linked_identity(client), push_name: login_name(client, node) })
        }
        "xmlstreamend" => Some(Signal::StreamEnding(StreamEnding::Ended)),
        "stream:error" => {
            let node = node.get();
            if node.get_optional_child("conflict").is_some() {
                return None; // An event follows.
            }
            match node.attrs().optional_string("code").as_deref() {
                Some("515") => Some(Signal::StreamEnding(StreamEnding::Restart)),
                Some("503") => Some(Signal::StreamEnding(StreamEnding::Unavailable)),
                Some("429") => Some(Signal::StreamEnding(StreamEnding::RateLimited)),
                Some("401" | "409" | "516") => None, // An event follows.
                // The library keeps such a stream going, and it often does go on.
                _ => Some(Signal::StreamEnding(StreamEnding::Unknown)),
            }
        }
        _ => None,
    }
}

/// Whom the client is linked as.
pub(super) fn linked_identity(client: &Client) -> Option<Identity> {
    identity(&client.pn()?, client.lid().as_ref())
}

/// The account's name, unless it is not known yet.
fn push_name(client: &Client) -> Option<Signal> {
    key_text::name(&client.push_name()).map(Signal::PushName)
}

/// The account's name at its login: the one that the keys have, or else the one that WhatsApp greets it with. The library
/// learns it only some time after the first login.
fn login_name(client: &Client, success: &OwnedNodeRef) -> Option<String> {
    let greeted = || key_text::name(&success.get().attrs().optional_string("display_name")?);
    key_text::name(&client.push_name()).or_else(greeted)
}

fn identity(phone: &Jid, lid: Option<&Jid>) -> Option<Identity> {
    Some(Identity {
        phone_number: PhoneNumber::parse("jid", &phone.user).ok()?,
        lid: lid.map(|lid| key_text::id(&lid.user).into_owned()).filter(|user| !user.is_empty()),
        device_id: i32::from(phone.device),
    })
}

/// A logout over this API has no stanza; whoever asked for it knows.
fn logout(event: &LoggedOut) -> Option<Refusal> {
    let node: &Node = event.raw.as_ref()?;
    Some(match event.reason {
        ConnectFailureReason::AccountLocked => Refusal::AccountLocked,
        _ if is_removal(node) => Refusal::DeviceRemoved,
        _ => Refusal::LoggedOut,
    })
}

/// A conflict and code 516 say that the device was taken off the phone's list; 401 alone, that the identity is void.
fn is_removal(node: &Node) -> bool {
    node.get_optional_child("conflict").is_some()
        || node.attrs().optional_string("code").is_some_and(|code| code == "516")
}

/// `ABCDEFGH` as people read it.
fn dashed(code: &str) -> String {
    match code.split_at_checked(4) {
        Some((left, right)) if !right.is_empty() && !code.contains('-') => format!("{left}-{right}"),
        _ => code.to_owned(),
    }
}

/// Why no pair code could be had.
pub(super) fn pair_error(error: PairError) -> Error {
    let (kind, detail) = match &error {
        PairError::PairCode(
            PairCodeError::PhoneNumberRequired
            | PairCodeError::PhoneNumberTooShort
            | PairCodeError::PhoneNumberNotInternational,
        ) => (ErrorKind::Invalid, "`phone_number` is not one that WhatsApp takes".to_owned()),
        PairError::PairCode(PairCodeError::CodeAlreadyOutstanding { .. }) => {
            (ErrorKind::PairCodeOutstanding, "another pair code is still outstanding".to_owned())
        }
        PairError::RequestFailed(IqError::Timeout) => {
            (ErrorKind::UpstreamTimeout, "WhatsApp did not answer the request for a pair code in time".to_owned())
        }
        PairError::RequestFailed(IqError::ServerError { code, .. }) => (
            ErrorKind::Upstream,
            format!("WhatsApp refused to make a pair code (code {code}); a number that asked too often gets this too"),
        ),
        _ => (ErrorKind::Upstream, "the connection to WhatsApp ended before it made a pair code".to_owned()),
    };
    Error::new(kind, detail).because(error)
}
