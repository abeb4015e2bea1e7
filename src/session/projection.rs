//! What everybody sees of a session: the machine's state and its effects as a `Live`, and the way back. Pure.

use entity::timestamp::Timestamp;
use entity::words::session::SessionStatus;

use crate::account::PhoneNumber;
use crate::session::machine::{Effect, Phase, State};
use crate::session::types::{Live, PairCode, QrCode};

/// What is seen after a step. A pair code is shown with the number that it was asked for.
pub(super) fn next(
    before: &Live,
    state: &State,
    effects: &[Effect],
    pairing: Option<&PhoneNumber>,
    now: Timestamp,
) -> Live {
    let mut live = before.clone();
    live.status = state.status();
    live.reason = state.reason;
    live.desired = state.desired;
    live.banned_until = state.banned_until();
    live.next_retry_at = state.next_retry_at();
    for effect in effects {
        change(&mut live, effect, pairing);
    }
    if (live.status, live.reason) != (before.status, before.reason) {
        live.since = now;
    }
    live
}

fn change(live: &mut Live, effect: &Effect, pairing: Option<&PhoneNumber>) {
    match effect {
        Effect::ShowQr(code, expires_at) => {
            live.qr = Some(QrCode { code: code.clone(), expires_at: *expires_at });
        }
        Effect::ShowPairCode(code, expires_at) => {
            live.pair_code = pairing.map(|phone_number| PairCode {
                code: code.clone(),
                phone_number: phone_number.clone(),
                expires_at: *expires_at,
            });
        }
        Effect::HideQr => live.qr = None,
        Effect::HidePairCode => live.pair_code = None,
        Effect::Learn(identity) => live.identity = Some(identity.clone()),
        Effect::Name(name) => live.push_name = Some(name.clone()),
        Effect::Forget => {
            live.identity = None;
            live.push_name = None;
        }
        Effect::Dial | Effect::DropSocket | Effect::Rest => {}
    }
}

/// Where a session stands when its actor starts.
pub(super) fn initial(live: &Live, now: Timestamp) -> State {
    State {
        desired: live.desired,
        is_linked: live.identity.is_some(),
        phase: match live.banned_until {
            Some(until) if until > now => Phase::Banned(until),
            _ => Phase::Resting,
        },
        reason: live.reason,
        failures: 0,
        restarts: 0,
    }
}

/// The part of a state that is written.
pub(super) fn durable(live: &Live) -> impl PartialEq {
    let Live { status, reason, since, banned_until, desired, identity, push_name, .. } = live.clone();
    (status, reason, since, banned_until, desired, identity, push_name)
}

/// Whether somebody who waits for a QR code has no answer yet.
pub fn is_connecting(live: &Live) -> bool {
    live.status == SessionStatus::Connecting
}
