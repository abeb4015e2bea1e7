use std::collections::{BTreeMap, HashSet};

use super::{Evidence, Verdict};
use crate::crash::sends::flow::{Intent, Lane};
use crate::rest::message::{Content, Failure, SentMessage, ShownMessage};

fn intent(reference: &str, answers: &[&str]) -> Intent {
    let answers = answers.iter().map(|&id| id.to_owned()).collect();
    Intent { reference: reference.to_owned(), answers, refusal: None }
}

fn shown(id: &str, reference: &str, status: &str) -> ShownMessage {
    ShownMessage {
        id: id.to_owned(),
        status: Some(status.to_owned()),
        failed: None,
        client_reference: Some(reference.to_owned()),
    }
}

fn sent(id: &str, text: &str, place: u64) -> SentMessage {
    SentMessage {
        id: id.to_owned(),
        to: "15559000000".to_owned(),
        content: Some(Content { text: text.to_owned() }),
        copies: 1,
        contents: 1,
        is_taken: true,
        place: Some(place),
    }
}

/// One chat: a text that was answered twice, one without an answer that was accepted, and one that was not.
fn evidence() -> Evidence {
    let intents = vec![intent("0 0", &["A", "A"]), intent("0 1", &[]), intent("0 2", &[])];
    let twice = SentMessage { copies: 2, ..sent("B", "0 1", 1) };
    Evidence {
        lanes: vec![Lane { session: "s".to_owned(), intents }],
        shown: BTreeMap::from([("s".to_owned(), vec![shown("B", "0 1", "sent"), shown("A", "0 0", "delivered")])]),
        sent: BTreeMap::from([("s".to_owned(), vec![sent("A", "0 0", 0), twice])]),
        arrived: HashSet::from(["A".to_owned(), "B".to_owned()]),
    }
}

fn at_server(evidence: &mut Evidence) -> &mut Vec<ShownMessage> {
    evidence.shown.get_mut("s").unwrap()
}

fn at_simulator(evidence: &mut Evidence) -> &mut Vec<SentMessage> {
    evidence.sent.get_mut("s").unwrap()
}

#[test]
fn a_repeated_copy_and_a_post_that_never_arrived_are_no_failure() {
    let verdict = Verdict::of(&evidence());
    assert!(verdict.is_clean(), "{verdict:?}");
    assert_eq!((verdict.posted, verdict.answered, verdict.found, verdict.accepted), (3, 1, 1, 2));
    assert_eq!((verdict.sent, verdict.delivered, verdict.book.taken, verdict.book.repeated), (2, 1, 2, 1));
    assert_eq!(verdict.examples, Vec::<String>::new());
}

#[test]
fn what_was_answered_and_is_nowhere_is_lost() {
    let mut evidence = evidence();
    at_server(&mut evidence).pop();
    at_simulator(&mut evidence).remove(0);
    let verdict = Verdict::of(&evidence);
    assert_eq!((verdict.lost, verdict.accepted, verdict.examples), (1, 2, vec!["forgotten: 0 0".to_owned()]));
}

#[test]
fn what_is_said_to_be_sent_must_be_taken_and_what_is_taken_must_be_said() {
    let mut evidence = evidence();
    at_simulator(&mut evidence)[0].is_taken = false;
    at_server(&mut evidence)[0].status = Some("cancelled".to_owned());
    let verdict = Verdict::of(&evidence);
    assert_eq!((verdict.lost, verdict.untrue), (1, 1), "{:?}", verdict.examples);
    at_server(&mut evidence)[0].status = Some("unconfirmed".to_owned());
    assert_eq!(Verdict::of(&evidence).lost, 2, "what is still to be sent after all patience");
}

#[test]
fn a_message_in_doubt_is_counted_and_is_true_either_way() {
    let mut evidence = evidence();
    let doubtful = &mut at_server(&mut evidence)[0];
    doubtful.status = Some("failed".to_owned());
    doubtful.failed = Some(Failure { code: "unconfirmed".to_owned() });
    let verdict = Verdict::of(&evidence);
    assert!(verdict.is_clean(), "{verdict:?}");
    assert_eq!(verdict.in_doubt, 1);
}

#[test]
fn a_text_under_two_ids_is_found_wherever_they_are() {
    let mut evidence = evidence();
    evidence.lanes[0].intents[0].answers[1] = "X".to_owned();
    assert_eq!(Verdict::of(&evidence).two_ids, 1, "two answers");
    let mut evidence = self::evidence();
    at_simulator(&mut evidence).push(sent("C", "0 1", 2));
    evidence.arrived.insert("C".to_owned());
    assert_eq!(Verdict::of(&evidence).two_ids, 1, "two messages at the simulator");
}

#[test]
fn what_nobody_accepted_must_not_be_sent_and_what_is_delivered_must_be_there() {
    let mut evidence = evidence();
    at_simulator(&mut evidence).push(sent("C", "0 2", 2));
    evidence.arrived = HashSet::from(["B".to_owned(), "C".to_owned()]);
    let verdict = Verdict::of(&evidence);
    assert_eq!((verdict.untrue, verdict.unread), (2, 1), "{:?}", verdict.examples);
}

#[test]
fn the_order_and_the_contents_of_each_chat_are_kept() {
    let mut evidence = evidence();
    (at_simulator(&mut evidence)[0].place, at_simulator(&mut evidence)[1].place) = (Some(1), Some(0));
    at_simulator(&mut evidence)[1].contents = 2;
    let verdict = Verdict::of(&evidence);
    assert_eq!((verdict.book.out_of_order, verdict.book.changed), (1, 1));
    assert!(!verdict.is_clean());
}
