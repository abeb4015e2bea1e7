//! The events of a transition: what happened to a session, told from its state before and its state now. Pure.

use entity::words::session::{SessionStatus, StatusReason};

use crate::event::body::EventBody;
use crate::event::body::session::{
    AccountLockedEvent, ClientOutdatedEvent, ConnectedEvent, DisconnectedEvent, LoggedOutEvent, OwnPushNameUpdateEvent,
    PairCodeEvent, QrCodeEvent, SessionStatusEvent, StreamReplacedEvent, TemporaryBanEvent,
};
use crate::session::types::Live;

/// What happened, in order.
pub(super) fn between(before: &Live, now: &Live) -> Vec<EventBody> {
    let mut happened = Vec::new();
    let state = |live: &Live| (live.status, live.reason, live.desired, live.banned_until);
    let is_reason_news = (before.status, before.reason) != (now.status, now.reason);
    if state(before) != state(now) {
        happened.push(EventBody::SessionStatus(status(now)));
    }
    if is_reason_news {
        happened.extend(reason(now));
    }
    let (was_logged_in, is_logged_in) = (is_logged_in(before), is_logged_in(now));
    if was_logged_in && !is_logged_in {
        let disconnected = DisconnectedEvent { reason: now.reason, next_retry_at: now.next_retry_at };
        happened.push(EventBody::Disconnected(disconnected));
    }
    if is_logged_in && !was_logged_in {
        happened.push(EventBody::Connected(connected(now)));
    }
    if let Some(name) = now.push_name.as_ref().filter(|_| before.push_name != now.push_name) {
        let (push_name, old_push_name) = (name.clone(), before.push_name.clone());
        happened.push(EventBody::OwnPushNameUpdate(OwnPushNameUpdateEvent { push_name, old_push_name }));
    }
    if let Some(qr) = now.qr.as_ref().filter(|_| before.qr != now.qr) {
        let (code, expires_at) = (qr.code.reveal().to_owned(), qr.expires_at);
        happened.push(EventBody::QrCode(QrCodeEvent { code, expires_at }));
    }
    if let Some(pair) = now.pair_code.as_ref().filter(|_| before.pair_code != now.pair_code) {
        happened.push(EventBody::PairCode(PairCodeEvent {
            code: pair.code.reveal().to_owned(),
            phone_number: pair.phone_number.digits().to_owned(),
            expires_at: pair.expires_at,
        }));
    }
    happened
}

fn is_logged_in(live: &Live) -> bool {
    live.status == SessionStatus::LoggedIn
}

fn status(now: &Live) -> SessionStatusEvent {
    SessionStatusEvent {
        status: now.status,
        is_logged_in: is_logged_in(now),
        reason: now.reason,
        since: now.since,
        desired: now.desired,
        next_retry_at: now.next_retry_at,
        banned_until: now.banned_until,
    }
}

fn connected(now: &Live) -> ConnectedEvent {
    let device = now.device();
    ConnectedEvent {
        phone_number: device.as_ref().map(|device| device.phone_number.clone()),
        lid: device.as_ref().and_then(|device| device.lid.clone()),
        push_name: now.push_name.clone(),
        device_id: device.map(|device| device.device_id),
    }
}

/// What has an event of its own beside the change of state.
fn reason(now: &Live) -> Option<EventBody> {
    let since = now.since;
    Some(match now.reason {
        StatusReason::LoggedOut
        | StatusReason::LoggedOutHere
        | StatusReason::LoggedOutByPhone
        | StatusReason::DeviceRemoved => EventBody::LoggedOut(LoggedOutEvent { reason: now.reason }),
        StatusReason::Replaced => EventBody::StreamReplaced(StreamReplacedEvent { since }),
        StatusReason::BannedTemporarily => EventBody::TemporaryBan(TemporaryBanEvent { until: now.banned_until? }),
        StatusReason::AccountLocked => EventBody::AccountLocked(AccountLockedEvent { since }),
        StatusReason::ClientOutdated => EventBody::ClientOutdated(ClientOutdatedEvent { since }),
        StatusReason::Requested
        | StatusReason::Starting
        | StatusReason::ShuttingDown
        | StatusReason::QrReady
        | StatusReason::PairCodeReady
        | StatusReason::Paired
        | StatusReason::Authenticated
        | StatusReason::QrExpired
        | StatusReason::PairCodeExpired
        | StatusReason::PairingRejected
        | StatusReason::PasskeyRequired
        | StatusReason::MultideviceRequired
        | StatusReason::LoginRefused
        | StatusReason::ConnectionLost
        | StatusReason::StreamEnded
        | StatusReason::ServiceUnavailable
        | StatusReason::RateLimited
        | StatusReason::Unreachable
        | StatusReason::HandshakeFailed
        | StatusReason::TimedOut
        | StatusReason::VersionUnavailable
        | StatusReason::StorageFailed
        | StatusReason::Crashed => return None,
    })
}

#[cfg(test)]
mod tests {
    use entity::timestamp::Timestamp;
    use entity::words::event::EventType;
    use entity::words::session::DesiredState;

    use super::*;

    fn live() -> Live {
        Live {
            status: SessionStatus::Disconnected,
            reason: StatusReason::BannedTemporarily,
            since: Timestamp::from_millis(0),
            banned_until: Some(Timestamp::from_millis(5_000)),
            desired: DesiredState::Offline,
            next_retry_at: None,
            identity: None,
            push_name: None,
            qr: None,
            pair_code: None,
        }
    }

    fn told(before: &Live, now: &Live) -> Vec<EventType> {
        between(before, now).iter().map(EventBody::event_type).collect()
    }

    #[test]
    fn what_changes_without_the_status_is_told_too() {
        let before = live();
        assert_eq!(told(&before, &before), []);
        let wanted = Live { desired: DesiredState::Online, ..live() };
        assert_eq!(told(&before, &wanted), [EventType::SessionStatus]);
        let longer = Live { banned_until: Some(Timestamp::from_millis(9_000)), ..live() };
        assert_eq!(told(&before, &longer), [EventType::SessionStatus]);
        let named = Live { push_name: Some("Ada".to_owned()), ..live() };
        assert_eq!(told(&before, &named), [EventType::OwnPushNameUpdate]);
        assert_eq!(told(&named, &before), [], "nobody is linked any more, which has an event of its own");
    }
}
