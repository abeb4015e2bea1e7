use std::collections::BTreeMap;

use serde_json::json;

use super::{Evidence, Verdict};
use crate::crash::flow::Lane;
use crate::receiver::ledger::Report as Received;
use crate::rest::Event;

fn lane(ids: &[&str]) -> Lane {
    let message_ids = ids.iter().map(|&id| id.to_owned()).collect();
    Lane { session: "s".to_owned(), message_ids }
}

fn event(sequence: u64, kind: &str, message_id: &str) -> Event {
    Event {
        id: format!("evt_{sequence}"),
        session_id: "s".to_owned(),
        event: kind.to_owned(),
        sequence,
        data: json!({ "message_id": message_id }),
    }
}

/// Two phones, three messages, everything where it should be.
fn evidence() -> Evidence {
    let journal =
        vec![event(1, "qr_code", ""), event(2, "message", "a1"), event(3, "message", "b1"), event(4, "message", "a2")];
    let arrivals = (2..=4).map(|sequence| (sequence, format!("evt_{sequence}"))).collect();
    Evidence {
        lanes: vec![lane(&["a1", "a2"]), lane(&["b1"])],
        journals: BTreeMap::from([("s".to_owned(), journal)]),
        arrivals: BTreeMap::from([("s".to_owned(), arrivals)]),
        received: Received { duplicates: 2, ..Received::default() },
    }
}

fn journal(evidence: &mut Evidence) -> &mut Vec<Event> {
    evidence.journals.get_mut("s").unwrap()
}

fn arrivals(evidence: &mut Evidence) -> &mut Vec<(u64, String)> {
    evidence.arrivals.get_mut("s").unwrap()
}

#[test]
fn duplicates_with_the_same_id_and_an_expired_code_are_no_loss() {
    let verdict = Verdict::of(&evidence());
    assert!(verdict.is_clean() && verdict.has_arrived(), "{verdict:?}");
    assert_eq!((verdict.sent, verdict.journaled, verdict.events, verdict.delivered), (3, 3, 4, 3));
    assert_eq!((verdict.duplicates, verdict.undelivered_by_type["qr_code"]), (2, 1));
}

#[test]
fn a_message_that_is_not_in_the_journal_is_lost() {
    let mut evidence = evidence();
    journal(&mut evidence).pop();
    arrivals(&mut evidence).pop();
    let verdict = Verdict::of(&evidence);
    assert_eq!((verdict.lost, verdict.examples), (1, vec!["lost: a2".to_owned()]));
}

#[test]
fn a_message_that_is_there_twice_or_was_never_sent_is_wrong() {
    let mut evidence = evidence();
    journal(&mut evidence).extend([event(5, "message", "a1"), event(6, "message", "x")]);
    let verdict = Verdict::of(&evidence);
    assert_eq!((verdict.journaled_again, verdict.strangers, verdict.undelivered), (1, 1, 2));
    assert!(!verdict.is_clean() && !verdict.has_arrived());
}

#[test]
fn a_hole_in_the_sequence_is_a_gap_and_each_phone_keeps_its_order() {
    let mut evidence = evidence();
    evidence.lanes = vec![lane(&["a2", "a1"]), lane(&["b1"])];
    journal(&mut evidence)[3].sequence = 5;
    let verdict = Verdict::of(&evidence);
    assert_eq!((verdict.gaps, verdict.overtaken), (1, 1));
}

#[test]
fn what_arrives_late_or_under_another_id_is_seen() {
    let mut evidence = evidence();
    let there = arrivals(&mut evidence);
    there.swap(0, 1);
    there[2].1 = "evt_x".to_owned();
    let verdict = Verdict::of(&evidence);
    assert_eq!((verdict.out_of_order, verdict.relabelled, verdict.undelivered), (1, 1, 0));
    assert!(!verdict.is_clean());
}
