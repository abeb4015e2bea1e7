use proptest::prelude::*;

use super::*;

fn new() -> Progress {
    Progress {
        status: MessageStatus::Queued,
        sequence: 1,
        recipient: "15550100077@s.whatsapp.net".to_owned(),
        is_checked: false,
        awaits_upload: false,
        attempts: 0,
        due_at: Timestamp::from_millis(0),
        expires_at: Timestamp::from_millis(1_000),
        sent_at: None,
        code: None,
        upstream_code: None,
    }
}

fn sending() -> Happening {
    Happening::Sending { recipient: "100000000000077@lid".to_owned() }
}

fn taken() -> Happening {
    Happening::Taken { at: Some(Timestamp::from_millis(7_000)) }
}

/// The states that a message goes through. What changes nothing is left out.
fn way(happenings: &[Happening]) -> Vec<MessageStatus> {
    let mut known = new();
    let mut way = Vec::new();
    for happening in happenings {
        if let Some(next) = step(&known, happening) {
            way.push(next.status);
            known = next;
        }
    }
    way
}

#[test]
fn a_message_goes_from_queued_to_read_and_a_late_receipt_takes_nothing_back() {
    use MessageStatus::{Delivered, Read, Sending, Sent};
    let all = [sending(), taken(), Happening::Read, Happening::Delivered, taken(), Happening::Unanswered];
    assert_eq!(way(&all), [Sending, Sent, Read]);
    assert_eq!(way(&[sending(), Happening::Delivered, taken()]), [Sending, Delivered]);
}

#[test]
fn a_message_whose_file_is_not_uploaded_has_no_turn_until_it_is() {
    let waits = Progress { awaits_upload: true, ..new() };
    assert_eq!(step(&waits, &sending()), None);
    let there = step(&waits, &Happening::Uploaded { sequence: 9 }).expect("it has its turn");
    assert_eq!((there.status, there.sequence, there.awaits_upload), (MessageStatus::Queued, 9, false));
    assert_eq!(step(&there, &Happening::Uploaded { sequence: 10 }), None, "it has its place");
    assert!(step(&there, &sending()).is_some());
}

#[test]
fn the_file_of_a_scheduled_message_comes_or_fails_before_its_moment() {
    let waits = Progress { status: MessageStatus::Scheduled, awaits_upload: true, ..new() };
    let there = step(&waits, &Happening::Uploaded { sequence: 9 }).expect("its file is there");
    assert_eq!((there.status, there.awaits_upload), (MessageStatus::Scheduled, false));
    assert_eq!(step(&there, &sending()), None, "its moment has not come");
    let due = step(&there, &Happening::Due { sequence: 10 }).expect("its moment has come");
    assert_eq!((due.status, due.sequence, due.awaits_upload), (MessageStatus::Queued, 10, false));
    let refused = Happening::Refused { code: FailureCode::MediaRefused, upstream_code: None };
    let failed = step(&waits, &refused).expect("it is given up");
    assert_eq!((failed.status, failed.code), (MessageStatus::Failed, Some(FailureCode::MediaRefused)));
    assert_eq!(step(&there, &refused), None, "nothing is refused that was not tried");
}

#[test]
fn a_message_that_is_given_up_before_its_upload_is_uploaded_when_it_is_retried() {
    let waits = Progress { awaits_upload: true, ..new() };
    let gone = Happening::Refused { code: FailureCode::MediaGone, upstream_code: None };
    for over in [Happening::Cancelled, Happening::Expired, gone] {
        let given_up = step(&waits, &over).expect("it is over");
        assert_eq!(step(&given_up, &Happening::Uploaded { sequence: 9 }), None, "{over:?}");
        let now = Timestamp::from_millis(100);
        let retried = Happening::Retried { sequence: 9, expires_at: Timestamp::from_millis(5_000), now };
        let again = step(&given_up, &retried).expect("it is tried again");
        assert_eq!((again.status, again.awaits_upload), (MessageStatus::Queued, true), "{over:?}");
    }
}

#[test]
fn a_message_without_an_answer_is_the_same_message_again_until_it_is_given_up_and_a_receipt_still_proves_it() {
    use MessageStatus::{Delivered, Failed, Sending, Unconfirmed};
    let all = [
        sending(),
        Happening::Unanswered,
        sending(),
        Happening::Unanswered,
        Happening::GivenUp,
        Happening::Expired,
        Happening::Delivered,
    ];
    assert_eq!(way(&all), [Sending, Unconfirmed, Sending, Unconfirmed, Failed, Delivered]);
}

#[test]
fn what_may_have_arrived_is_not_said_to_have_expired_nor_taken_back() {
    use MessageStatus::{Cancelled, Expired, Failed, Queued, Sending, Unconfirmed};
    assert_eq!(way(&[Happening::Expired, sending()]), [Expired]);
    assert_eq!(way(&[Happening::Cancelled, sending()]), [Cancelled]);
    let doubtful = [sending(), Happening::Unanswered, Happening::Cancelled, Happening::Expired];
    assert_eq!(way(&doubtful), [Sending, Unconfirmed, Failed]);
    let not_sent = Happening::NotSent { until: Timestamp::from_millis(9) };
    assert_eq!(way(&[sending(), not_sent.clone()]), [Sending, Queued]);
    let second = [sending(), Happening::Unanswered, sending(), not_sent];
    assert_eq!(way(&second), [Sending, Unconfirmed, Sending, Unconfirmed]);
}

#[test]
fn what_is_held_waits_until_then_and_counts_no_attempt() {
    use MessageStatus::{Expired, Queued, Sending, Sent, Unconfirmed};
    let held = || Happening::Held { until: Timestamp::from_millis(500) };
    assert_eq!(way(&[sending(), held(), held(), sending(), taken(), held()]), [Sending, Queued, Sending, Sent]);
    assert_eq!(way(&[held(), held(), Happening::Expired, held()]), [Queued, Expired], "it need not be tried for that");
    let waits = step(&new(), &held()).expect("it waits");
    assert_eq!((waits.due_at, waits.attempts), (Timestamp::from_millis(500), 0));
    let refused = step(&step(&new(), &sending()).expect("it goes"), &held()).expect("it waits");
    assert_eq!((refused.due_at, refused.attempts), (Timestamp::from_millis(500), 0));
    assert!(
        step(&refused, &Happening::Held { until: Timestamp::from_millis(400) }).is_none(),
        "it waits longer already"
    );
    // What was sent before may have arrived.
    let second = [sending(), Happening::Unanswered, held(), sending(), held()];
    assert_eq!(way(&second), [Sending, Unconfirmed, Sending, Unconfirmed]);
}

#[test]
fn what_was_held_goes_when_that_is_over_before_its_moment() {
    let at = Timestamp::from_millis;
    let held = step(&new(), &Happening::Held { until: at(500) }).expect("it waits");
    let released = step(&held, &Happening::Released { now: at(20) }).expect("it waits no more");
    assert_eq!((released.due_at, released.status), (at(20), MessageStatus::Queued));
    assert!(step(&released, &Happening::Released { now: at(30) }).is_none());
    let sent = step(&held, &sending()).expect("it goes");
    assert!(step(&sent, &Happening::Released { now: at(20) }).is_none());
}

#[test]
fn a_refusal_is_final_until_somebody_wants_another_try() {
    use MessageStatus::{Delivered, Failed, Queued, Sending, Sent};
    let refused = Happening::Refused { code: FailureCode::Rejected, upstream_code: Some(500) };
    let again =
        Happening::Retried { sequence: 9, expires_at: Timestamp::from_millis(5_000), now: Timestamp::from_millis(100) };
    assert_eq!(way(&[sending(), refused.clone(), taken(), Happening::Unanswered]), [Sending, Failed]);
    let proven = [sending(), refused.clone(), Happening::Delivered, Happening::Expired];
    assert_eq!(way(&proven), [Sending, Failed, Delivered], "what a phone says is true");
    assert_eq!(way(&[sending(), refused, again, sending(), taken()]), [Sending, Failed, Queued, Sending, Sent]);
}

#[test]
fn a_refusal_of_the_second_try_does_not_say_that_the_first_has_not_arrived() {
    let refused = Happening::Refused { code: FailureCode::NotAllowed, upstream_code: Some(405) };
    let mut known = new();
    for happening in [sending(), Happening::Unanswered, sending(), refused] {
        known = step(&known, &happening).expect("it changes something");
    }
    assert_eq!((known.status, known.code), (MessageStatus::Failed, Some(FailureCode::Unconfirmed)));
    let retried =
        Happening::Retried { sequence: 9, expires_at: Timestamp::from_millis(5_000), now: Timestamp::from_millis(100) };
    let again = step(&known, &retried).expect("it is tried again");
    assert_eq!((again.status, again.attempts), (MessageStatus::Unconfirmed, 1));
    let lost = Happening::Refused { code: FailureCode::RecipientUnreachable, upstream_code: None };
    let lost = step(&step(&new(), &sending()).expect("it is sent"), &lost).expect("it fails");
    assert_eq!(step(&lost, &retried), None, "WhatsApp has its id, and would deliver it to nobody");
}

#[test]
fn what_cannot_be_made_is_tried_ever_less_often_and_told_twice_until_it_fails() {
    let (mut known, mut now, mut told, mut pauses) = (new(), Timestamp::from_millis(0), Vec::new(), Vec::new());
    for times in 1.. {
        let recipient = known.recipient.clone();
        let trying = if times == 1 { Happening::Sending { recipient } } else { Happening::SendingAgain { recipient } };
        for happening in [trying, prevented(times, TRIES, now)] {
            let next = step(&known, &happening).expect("it changes something");
            if is_told(&happening) {
                told.push(next.status);
            }
            known = next;
        }
        if !is_open(known.status) {
            break;
        }
        assert_eq!((known.status, known.attempts), (MessageStatus::Queued, 0));
        pauses.push(known.due_at.since(now).as_secs());
        now = known.due_at;
    }
    assert_eq!(told, [MessageStatus::Sending, MessageStatus::Queued, MessageStatus::Failed]);
    assert_eq!(pauses, [5, 15, 45, 135, 405, 1_215, 1_800]);
    assert_eq!((known.code, known.attempts), (Some(FailureCode::RecipientUnreachable), 0));
    // WhatsApp has never seen it, so that it can be tried again.
    let retried =
        Happening::Retried { sequence: 9, expires_at: Timestamp::from_millis(5_000), now: Timestamp::from_millis(100) };
    assert_eq!(step(&known, &retried).expect("it is tried again").status, MessageStatus::Queued);
}

#[test]
fn what_may_have_arrived_before_is_not_said_to_be_unreachable_now() {
    let never = Happening::NeverSent { code: FailureCode::RecipientUnreachable };
    let mut known = new();
    for happening in [sending(), Happening::Unanswered, sending(), never.clone()] {
        known = step(&known, &happening).expect("it changes something");
    }
    assert_eq!((known.status, known.code), (MessageStatus::Failed, Some(FailureCode::Unconfirmed)));
    assert_eq!(step(&new(), &never), None, "nobody has tried it");
    assert_eq!(prevented(2, TRIES_WITHOUT_KEYS, Timestamp::from_millis(0)), never);
}

fn rank(status: MessageStatus) -> u8 {
    match status {
        MessageStatus::Scheduled => 0,
        MessageStatus::Queued | MessageStatus::Sending | MessageStatus::Unconfirmed => 1,
        MessageStatus::Failed | MessageStatus::Cancelled | MessageStatus::Expired => 2,
        MessageStatus::Sent => 3,
        MessageStatus::Delivered => 4,
        MessageStatus::Read => 5,
        MessageStatus::Played => 6,
    }
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        Just(Happening::Due { sequence: 2 }),
        Just(Happening::Uploaded { sequence: 3 }),
        Just(sending()),
        Just(Happening::SendingAgain { recipient: "100000000000077@lid".to_owned() }),
        Just(Happening::NotSent { until: Timestamp::from_millis(9) }),
        Just(Happening::NotSentAgain { until: Timestamp::from_millis(9) }),
        Just(Happening::NeverSent { code: FailureCode::RecipientUnreachable }),
        Just(Happening::Held { until: Timestamp::from_millis(11) }),
        Just(Happening::Released { now: Timestamp::from_millis(10) }),
        Just(taken()),
        Just(Happening::Refused { code: FailureCode::NotAllowed, upstream_code: Some(405) }),
        Just(Happening::Unanswered),
        Just(Happening::GivenUp),
        Just(Happening::Delivered),
        Just(Happening::Read),
        Just(Happening::Played),
        Just(Happening::Cancelled),
        Just(Happening::Expired),
    ]
}

proptest! {
    #[test]
    fn nothing_that_comes_late_or_twice_takes_anything_back(happenings in prop::collection::vec(happening(), 0..24)) {
        let mut known = Progress { status: MessageStatus::Scheduled, ..new() };
        for happening in &happenings {
            if let Some(next) = step(&known, happening) {
                prop_assert!(rank(next.status) >= rank(known.status));
                prop_assert_eq!(next.code.is_some(), next.status == MessageStatus::Failed);
                let is_a_try = matches!(happening, Happening::Sending { .. } | Happening::SendingAgain { .. });
                prop_assert!(step(&next, happening).is_none() || is_a_try, "once is enough");
                known = next;
            }
        }
    }
}
