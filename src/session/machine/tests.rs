//! The rules, one row each, and the laws that no sequence of happenings may break.

use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_oneof, proptest};

use super::*;
use crate::account::PhoneNumber;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn outside() -> Outside {
    Outside { now: NOW, chance: 0.5 }
}

fn identity() -> Identity {
    let phone_number = PhoneNumber::parse("phone_number", "15550100001").expect("it is one");
    Identity { phone_number, lid: Some("100001".to_owned()), device_id: 1 }
}

fn state(phase: Phase) -> State {
    let is_linked = matches!(phase, Phase::LoggedIn(_) | Phase::Linking);
    let reason = StatusReason::Requested;
    State { desired: DesiredState::Online, is_linked, phase, reason, failures: 0, restarts: 0 }
}

fn logged_in() -> State {
    state(Phase::LoggedIn(NOW))
}

fn qr(seconds: u64) -> Input {
    Input::Signal(Signal::Qr { code: Code::new("2@x"), lives: Duration::from_secs(seconds) })
}

fn authenticated() -> Input {
    Input::Signal(Signal::Authenticated { identity: Some(identity()), push_name: Some("Ada".to_owned()) })
}

fn pair_code() -> Input {
    Input::Signal(Signal::PairCode { code: Code::new("ABCD-EFGH"), lives: Duration::from_secs(180) })
}

/// Feeds the inputs one after the other; gives the last state and everything that was to be done.
fn after(mut state: State, inputs: impl IntoIterator<Item = Input>) -> (State, Vec<Effect>) {
    let mut all = Vec::new();
    for input in inputs {
        let (next, effects) = step(state, input, outside());
        state = next;
        all.extend(effects);
    }
    (state, all)
}

#[test]
fn a_scan_leads_from_the_code_over_the_restart_to_the_login() {
    let inputs = [Input::GoOnline, Input::Signal(Signal::HandshakeDone), qr(60)];
    let (scannable, _) = after(state(Phase::Resting), inputs);
    assert_eq!((scannable.status(), scannable.reason), (SessionStatus::WaitingForQr, StatusReason::QrReady));

    let (linking, effects) = after(scannable, [Input::Signal(Signal::Paired(identity()))]);
    assert_eq!((linking.status(), linking.reason), (SessionStatus::Connected, StatusReason::Paired));
    assert!(effects.contains(&Effect::HideQr) && effects.contains(&Effect::Learn(identity())));

    let restart = [
        Input::Signal(Signal::StreamEnding(StreamEnding::Restart)),
        Input::Signal(Signal::Closed(Closing::Lost)),
        Input::Signal(Signal::HandshakeDone),
    ];
    let (again, effects) = after(linking, restart);
    assert_eq!(again.status(), SessionStatus::Connected);
    assert_eq!(effects, [Effect::Dial]);

    let (done, _) = after(again, [authenticated()]);
    assert_eq!((done.status(), done.reason), (SessionStatus::LoggedIn, StatusReason::Authenticated));
}

#[test]
fn a_refusal_that_only_a_person_can_mend_ends_the_client_and_plans_nothing() {
    let rows = [
        (Refusal::LoggedOut, StatusReason::LoggedOutByPhone, false),
        (Refusal::DeviceRemoved, StatusReason::DeviceRemoved, false),
        (Refusal::AccountLocked, StatusReason::AccountLocked, true),
        (Refusal::ClientOutdated, StatusReason::ClientOutdated, true),
        (Refusal::Replaced, StatusReason::Replaced, true),
        (Refusal::Other, StatusReason::LoginRefused, true),
    ];
    for (refusal, reason, keeps_keys) in rows {
        let inputs = [Input::Signal(Signal::Refused(refusal)), Input::Signal(Signal::Closed(Closing::Lost))];
        let (ended, effects) = after(logged_in(), inputs);
        assert_eq!((ended.status(), ended.reason), (SessionStatus::Disconnected, reason));
        assert_eq!((ended.desired, ended.next_retry_at()), (DesiredState::Offline, None), "{reason}");
        assert_eq!(ended.is_linked, keeps_keys, "{reason}");
        assert_eq!(effects.contains(&Effect::Forget), !keeps_keys, "{reason}");
        assert!(effects.contains(&Effect::Rest) && !effects.contains(&Effect::Dial), "{reason}");
    }
}

#[test]
fn an_end_of_the_stream_is_followed_by_a_new_attempt_that_says_why() {
    let rows = [
        (StreamEnding::Ended, StatusReason::StreamEnded, false),
        (StreamEnding::Unavailable, StatusReason::ServiceUnavailable, true),
        (StreamEnding::RateLimited, StatusReason::RateLimited, true),
    ];
    for (ending, reason, drops) in rows {
        let (ended, effects) = after(logged_in(), [Input::Signal(Signal::StreamEnding(ending))]);
        assert_eq!((ended.status(), ended.reason), (SessionStatus::Connecting, reason));
        assert_eq!(effects.contains(&Effect::DropSocket), drops, "{reason}");
        let (waiting, _) = after(ended, [Input::Signal(Signal::Closed(Closing::Lost))]);
        assert_eq!((waiting.status(), waiting.reason), (SessionStatus::Connecting, reason));
        assert!(waiting.next_retry_at().expect("one is planned") > NOW);
    }
}

#[test]
fn a_restart_is_followed_at_once_but_not_for_ever() {
    let restart =
        [Input::Signal(Signal::StreamEnding(StreamEnding::Restart)), Input::Signal(Signal::Closed(Closing::Lost))];
    let mut now = logged_in();
    for _ in 0..RESTARTS_AT_ONCE {
        let (next, effects) = after(now, restart.clone());
        assert_eq!(effects, [Effect::Dial]);
        now = State { phase: Phase::Open, ..next };
    }
    let (waiting, effects) = after(now, restart);
    assert!(matches!(waiting.phase, Phase::Waiting(_)) && !effects.contains(&Effect::Dial));
}

#[test]
fn a_connection_that_fails_says_how_far_it_came() {
    let rows = [
        (Closing::Unreachable, StatusReason::Unreachable),
        (Closing::VersionUnavailable, StatusReason::VersionUnavailable),
        (Closing::HandshakeFailed, StatusReason::HandshakeFailed),
        (Closing::Lost, StatusReason::ConnectionLost),
        (Closing::Crashed, StatusReason::Crashed),
    ];
    for (closing, reason) in rows {
        let (waiting, _) = after(state(Phase::Dialling), [Input::Signal(Signal::Closed(closing))]);
        assert_eq!((waiting.status(), waiting.reason), (SessionStatus::Connecting, reason));
        assert!(waiting.next_retry_at().is_some());
    }
}

#[test]
fn a_silent_connection_is_given_up_and_a_talking_one_is_not() {
    let (alive, effects) = after(logged_in(), [Input::TimeUp(QUIET_LIMIT - Duration::from_secs(1))]);
    assert_eq!((alive.status(), effects), (SessionStatus::LoggedIn, vec![]));
    let (dead, effects) = after(logged_in(), [Input::TimeUp(QUIET_LIMIT)]);
    assert_eq!((dead.status(), dead.reason), (SessionStatus::Connecting, StatusReason::TimedOut));
    assert!(effects.contains(&Effect::Rest));
}

#[test]
fn a_ban_is_waited_for_and_not_tested_before_its_time() {
    let ban = Refusal::Banned(Duration::from_secs(3600));
    let (banned, _) =
        after(logged_in(), [Input::Signal(Signal::Refused(ban)), Input::GoOnline, Input::TimeUp(Duration::ZERO)]);
    let until = NOW.after(Duration::from_secs(3600));
    assert_eq!((banned.status(), banned.banned_until()), (SessionStatus::Disconnected, Some(until)));
    let (dialling, effects) = step(banned, Input::TimeUp(Duration::ZERO), Outside { now: until, chance: 0.5 });
    assert_eq!((dialling.phase, effects), (Phase::Dialling, vec![Effect::Dial]));
}

#[test]
fn used_up_qr_codes_end_the_client_unless_a_pair_code_is_still_good() {
    let shown = after(state(Phase::Open), [qr(60)]).0;
    let exhausted = Input::Signal(Signal::QrExhausted);
    let (ended, effects) = after(shown.clone(), [exhausted.clone()]);
    assert_eq!((ended.status(), ended.reason), (SessionStatus::Disconnected, StatusReason::QrExpired));
    assert!(effects.contains(&Effect::Rest));

    let (paired, _) = after(shown, [pair_code(), exhausted]);
    assert_eq!(paired.status(), SessionStatus::WaitingForPairCode);
    let late = Outside { now: NOW.after(Duration::from_secs(180)), chance: 0.5 };
    let (ended, _) = step(paired, Input::TimeUp(Duration::ZERO), late);
    assert_eq!((ended.status(), ended.reason), (SessionStatus::Disconnected, StatusReason::PairCodeExpired));
}

#[test]
fn an_expired_pair_code_leaves_the_qr_code_to_scan() {
    let (both, _) = after(state(Phase::Open), [qr(600), pair_code()]);
    let late = Outside { now: NOW.after(Duration::from_secs(180)), chance: 0.5 };
    let (left, effects) = step(both, Input::TimeUp(Duration::ZERO), late);
    assert_eq!((left.status(), left.reason), (SessionStatus::WaitingForQr, StatusReason::PairCodeExpired));
    assert_eq!(effects, [Effect::HidePairCode]);
}

#[test]
fn a_rate_limit_waits_longer_than_a_lost_connection() {
    let close = Input::Signal(Signal::Closed(Closing::Lost));
    let (lost, _) = after(logged_in(), [close.clone()]);
    let (limited, _) = after(logged_in(), [Input::Signal(Signal::StreamEnding(StreamEnding::RateLimited)), close]);
    assert!(limited.next_retry_at() > lost.next_retry_at());
}

#[test]
fn back_off_doubles_to_its_cap_and_a_stable_login_resets_it() {
    assert_eq!(backoff(1, 0.5), Duration::from_secs(1));
    assert_eq!(backoff(4, 0.5), Duration::from_secs(8));
    assert_eq!(backoff(u32::MAX, 0.5), BACKOFF_CAP);
    let long_ago = State { phase: Phase::LoggedIn(NOW), failures: 7, ..logged_in() };
    let later = Outside { now: NOW.after(STABLE_AFTER), chance: 0.5 };
    let (waiting, _) = step(long_ago, Input::Signal(Signal::Closed(Closing::Lost)), later);
    assert_eq!(waiting.failures, 1);
}

fn signals() -> impl Strategy<Value = Signal> {
    let endings = prop_oneof![
        Just(StreamEnding::Restart),
        Just(StreamEnding::Ended),
        Just(StreamEnding::Unavailable),
        Just(StreamEnding::RateLimited),
        Just(StreamEnding::Unknown),
    ];
    let refusals = prop_oneof![
        Just(Refusal::LoggedOut),
        Just(Refusal::Replaced),
        Just(Refusal::Unavailable),
        Just(Refusal::Other),
        Just(Refusal::Banned(Duration::from_secs(60))),
    ];
    let closings = prop_oneof![
        Just(Closing::Unreachable),
        Just(Closing::HandshakeFailed),
        Just(Closing::Lost),
        Just(Closing::Crashed)
    ];
    prop_oneof![
        Just(Signal::HandshakeDone),
        Just(Signal::Qr { code: Code::new("2@x"), lives: Duration::from_secs(20) }),
        Just(Signal::QrExhausted),
        Just(Signal::PairCode { code: Code::new("ABCD-EFGH"), lives: Duration::from_secs(180) }),
        Just(Signal::PairCodeVoid),
        Just(Signal::PairingRejected),
        Just(Signal::Paired(identity())),
        Just(Signal::Authenticated { identity: Some(identity()), push_name: None }),
        endings.prop_map(Signal::StreamEnding),
        refusals.prop_map(Signal::Refused),
        closings.prop_map(Signal::Closed),
    ]
}

fn inputs() -> impl Strategy<Value = Input> {
    prop_oneof![
        1 => Just(Input::GoOnline),
        1 => Just(Input::GoOffline),
        1 => any::<bool>().prop_map(|is_confirmed| Input::Unlinked { is_confirmed }),
        1 => Just(Input::Crashed),
        1 => Just(Input::Shutdown),
        8 => signals().prop_map(Input::Signal),
        2 => any::<u8>().prop_map(|seconds| Input::TimeUp(Duration::from_secs(u64::from(seconds)))),
    ]
}

proptest! {
    #[test]
    fn no_sequence_breaks_the_laws(inputs in prop::collection::vec(inputs(), 1..60), seconds in 0u64..90) {
        let mut now = state(Phase::Resting);
        let mut outside = outside();
        for input in inputs {
            let before = now.clone();
            let (next, effects) = step(now, input.clone(), outside);

            let entered = next.status() == SessionStatus::LoggedIn && before.status() != SessionStatus::LoggedIn;
            let is_login = matches!(input, Input::Signal(Signal::Authenticated { .. }));
            prop_assert!(!entered || is_login);
            // Rest is left only when a client of the API, or the start of the server, asks; or after a panic, if that was asked.
            let is_asked = matches!(input, Input::GoOnline | Input::Boot | Input::Crashed);
            prop_assert!(!before.is_resting() || next.is_resting() || is_asked);
            // Whoever rests or waits shows no codes; whoever pairs is not linked.
            if matches!(next.phase, Phase::Resting | Phase::Waiting(_)) && matches!(before.phase, Phase::Pairing { .. }) {
                prop_assert!(effects.contains(&Effect::HideQr) && effects.contains(&Effect::HidePairCode));
            }
            // Every phase but rest has an end.
            prop_assert!(next.is_resting() || time_limit(&next.phase, outside.now).is_some());
            prop_assert!(effects.iter().filter(|effect| **effect == Effect::Dial).count() <= 1);
            if next.desired == DesiredState::Offline {
                prop_assert!(next.is_resting(), "offline is wanted, so nothing goes on: {next:?}");
            }
            now = next;
            outside.now = outside.now.after(Duration::from_secs(seconds));
        }
    }

    #[test]
    fn without_a_word_from_the_api_attempts_never_come_fast(closings in prop::collection::vec(0u8..3, 5..40)) {
        let mut now = state(Phase::Dialling);
        let (mut at_once, mut outside) = (0, outside());
        for closing in closings {
            let closing = [Closing::Unreachable, Closing::HandshakeFailed, Closing::Lost][usize::from(closing)];
            let (next, effects) = step(now, Input::Signal(Signal::Closed(closing)), outside);
            at_once += usize::from(effects.contains(&Effect::Dial));
            let Some(until) = next.next_retry_at() else { now = next; continue };
            prop_assert!(until.remaining(outside.now) >= Duration::from_millis(800));
            outside.now = until;
            now = step(next, Input::TimeUp(Duration::ZERO), outside).0;
        }
        prop_assert!(at_once <= RESTARTS_AT_ONCE as usize);
    }
}

#[test]
fn a_panic_ends_the_client_before_another_is_planned_and_later_each_time() {
    for phase in [Phase::LoggedIn(NOW), Phase::Resting, Phase::Dialling, Phase::Linking, Phase::Ending(1)] {
        let (after_one, effects) = after(state(phase), [Input::Crashed]);
        assert_eq!((after_one.status(), after_one.reason), (SessionStatus::Connecting, StatusReason::Crashed));
        assert!(effects.contains(&Effect::Rest) && !effects.contains(&Effect::Dial), "{effects:?}");
        let (after_two, _) = after(after_one.clone(), [Input::Crashed]);
        assert!(after_two.next_retry_at() > after_one.next_retry_at());
    }
}

#[test]
fn a_panic_brings_nobody_online_who_is_to_be_offline_and_ends_no_ban() {
    let offline = State { desired: DesiredState::Offline, ..logged_in() };
    let (resting, effects) = after(offline, [Input::Crashed]);
    assert_eq!((resting.phase, resting.reason), (Phase::Resting, StatusReason::Crashed));
    assert!(effects.contains(&Effect::Rest));
    let banned = state(Phase::Banned(NOW));
    assert_eq!(after(banned.clone(), [Input::Crashed]), (banned, vec![Effect::Rest]));
}
