//! Whom a message reaches: WhatsApp is asked seldom, about many at once, and what it says is used. A message that cannot be made holds
//! up its chat alone, and not for ever.

use std::time::{Duration, Instant};

use futures::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};
use whatsapp_simulator::{Fault, Settings};

use crate::support::door::Answer;
use crate::support::journal::of_type;
use crate::support::world::{Kind, World};

const SHOP: &str = "15550100001";
const FRIEND: &str = "15550100177";
/// The same with the digit that Brazil once added: WhatsApp names it by the other one.
const FRIEND_WITH_A_NINTH_DIGIT: &str = "155509100177";
const STRANGER: &str = "15550100178";
/// Longest wait for a fact. Far above what it takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

async fn world(kind: Kind) -> (World, u16) {
    let world = World::with(kind, Settings::default(), &["--send-rate", "0"]).await;
    let device = world.linked("shop").await;
    let _ = world.sim.phone(FRIEND);
    (world, device)
}

async fn send(world: &World, to: &str, text: &str, wait: u32) -> Answer {
    let body = json!({ "to": to, "content": { "type": "text", "text": text } });
    world.door.post(&format!("/shop/messages?wait={wait}"), body).await
}

fn id(answer: &Answer) -> String {
    answer.json()["id"].as_str().unwrap_or_else(|| panic!("no id in {}", answer.text())).to_owned()
}

/// The texts that a phone got.
fn got(world: &World, phone: &str) -> Vec<String> {
    world.sim.phone(phone).inbox().into_iter().map(|message| message.text).collect()
}

/// Waits until this is known of a message.
async fn becomes(world: &World, id: &str, status: &str) -> Value {
    let begun = Instant::now();
    loop {
        let message = world.door.get(&format!("/shop/messages/{id}")).await.ok();
        if message["status"] == status {
            return message;
        }
        assert!(begun.elapsed() < LIMIT, "it is not {status} in time but {message}");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

/// The states that the journal tells of a message, in order.
async fn told(world: &World, id: &str) -> Vec<String> {
    let events = of_type(world, "message_status", 0).await;
    let of_message = events.iter().filter(|event| event["data"]["message_id"] == id);
    of_message.map(|event| event["data"]["status"].as_str().expect("a word").to_owned()).collect()
}

/// The numbers that the table has an answer about, in order.
async fn answers(world: &World) -> Vec<String> {
    world.tables().await.texts("SELECT phone_number FROM recipient ORDER BY phone_number").await
}

/// Lets the server's answers be older, as it starts again.
async fn restart_later(world: &mut World, by: Duration) {
    world.server.stop();
    world.tables().await.run(&format!("UPDATE recipient SET checked_at = checked_at - {}", by.as_millis())).await;
    world.start_again();
    world.reaches("shop", "logged_in").await;
}

#[rstest]
#[tokio::test]
async fn numbers_that_are_asked_about_at_once_are_few_questions(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (world, device) = world(kind).await;
    let people: Vec<_> = (180..190).map(|last| format!("15550100{last}")).collect();
    for person in &people {
        let _ = world.sim.phone(person);
    }
    // A question is under way for a while, and the other requests come meanwhile.
    world.sim.fault(SHOP, device, Fault::SlowReplies { delay_ms: 100 }).await.expect("the device is there");
    let sent = join_all(people.iter().map(|person| send(&world, person, "hello", 0))).await;
    for answer in &sent {
        assert!([201, 202].contains(&answer.status), "{}", answer.text());
    }
    let stats = world.sim.stats();
    assert!(stats.lookups <= 5, "{} questions", stats.lookups);
    assert_eq!(stats.looked_up, 10, "each number is asked about once");
    world.eventually("everybody has it", || people.iter().all(|person| got(&world, person) == ["hello"])).await;
    assert_eq!(world.sim.stats().looked_up, 10, "what is known is not asked again");
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn what_whatsapp_said_about_a_number_outlives_the_process_and_goes_with_its_time(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let (mut world, _) = world(kind).await;
    world.sim.add_alias(FRIEND_WITH_A_NINTH_DIGIT, FRIEND);
    let nobody = (422, "recipient_not_on_whatsapp".to_owned());
    for round in 0..2 {
        assert_eq!(send(&world, STRANGER, "hello", 10).await.problem(), nobody, "round {round}");
        let sent = send(&world, FRIEND_WITH_A_NINTH_DIGIT, "hello", 10).await;
        assert_eq!(sent.status, 201, "{}", sent.text());
        assert!(sent.json()["chat"].as_str().expect("a JID").starts_with(FRIEND), "{}", sent.text());
        assert_eq!(world.sim.stats().looked_up, 2, "round {round}");
        world.server.stop();
        world.start_again();
        world.reaches("shop", "logged_in").await;
    }
    assert_eq!(got(&world, FRIEND), ["hello", "hello"]);
    assert_eq!(answers(&world).await, [STRANGER, FRIEND_WITH_A_NINTH_DIGIT]);
    // The stranger comes to WhatsApp, and is asked about again after an hour; the friend is known.
    let _ = world.sim.phone(STRANGER);
    restart_later(&mut world, Duration::from_secs(60 * 60)).await;
    for person in [STRANGER, FRIEND_WITH_A_NINTH_DIGIT] {
        assert_eq!(send(&world, person, "again", 10).await.status, 201, "{person}");
    }
    assert_eq!((got(&world, STRANGER), world.sim.stats().looked_up), (vec!["again".to_owned()], 3));
    restart_later(&mut world, Duration::from_secs(30 * 24 * 60 * 60)).await;
    // What is not used any more is dropped.
    let begun = Instant::now();
    while !answers(&world).await.is_empty() {
        assert!(begun.elapsed() < LIMIT, "it is still there");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    assert_eq!(send(&world, FRIEND_WITH_A_NINTH_DIGIT, "at last", 10).await.status, 201);
    assert_eq!(world.sim.stats().looked_up, 4);
    assert_eq!(answers(&world).await, [FRIEND_WITH_A_NINTH_DIGIT]);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn who_was_nobody_and_has_written_since_is_answered_at_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (world, _) = world(kind).await;
    assert_eq!(send(&world, STRANGER, "hello", 10).await.problem().0, 422);
    world.sim.phone(STRANGER).send(SHOP, "here I am").await.expect("it is sent");
    of_type(&world, "message", 1).await;
    assert_eq!(send(&world, STRANGER, "welcome", 30).await.status, 201);
    assert_eq!(got(&world, STRANGER), ["welcome"]);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_question_that_fails_is_asked_again_before_the_message_is_sent(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let (world, _) = world(kind).await;
    // What the library asks about the account itself is asked by then.
    assert_eq!(send(&world, FRIEND, "hello", 30).await.status, 201);
    let _ = world.sim.phone(STRANGER);
    world.phone().refuse_queries("usync", 500, 1);
    let sent = send(&world, STRANGER, "hello", 30).await;
    assert_eq!(sent.status, 201, "{}", sent.text());
    assert_eq!(got(&world, STRANGER), ["hello"]);
    world.finish().await;
}

#[tokio::test]
async fn a_message_that_cannot_be_made_is_told_once_and_goes_when_it_can() {
    let (world, _) = world(Kind::Sqlite).await;
    assert_eq!(send(&world, FRIEND, "hello", 30).await.status, 201);
    let _ = world.sim.phone(STRANGER);
    let asked = || world.sim.stats().stanzas.get("iq/get/encrypt/key").copied().unwrap_or_default();
    let before = asked();
    world.phone().refuse_queries("encrypt", 500, 1_000);
    let waiting = id(&send(&world, STRANGER, "good morning", 0).await);
    // Its second try is the one that nobody is told of.
    world.eventually("it is tried", || asked() > before).await;
    let first = async {
        while told(&world, &waiting).await != ["queued", "sending", "queued"] {
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
        asked()
    };
    let first = tokio::time::timeout(LIMIT, first).await.expect("the first try is told");
    world.eventually("it is tried again", || asked() > first).await;
    // Nobody else is held up.
    assert_eq!(send(&world, FRIEND, "tea", 30).await.status, 201);
    world.phone().answer_queries();
    let sent = becomes(&world, &waiting, "delivered").await;
    assert_eq!(sent["attempts"], 1, "nothing was given to WhatsApp before");
    assert_eq!(told(&world, &waiting).await, ["queued", "sending", "queued", "sent", "delivered"]);
    assert_eq!(got(&world, STRANGER), ["good morning"]);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn who_has_no_keys_is_unreachable_and_can_be_tried_again(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let (world, _) = world(kind).await;
    assert_eq!(send(&world, FRIEND, "hello", 30).await.status, 201);
    let _ = world.sim.phone(STRANGER);
    world.phone().refuse_queries("encrypt", 406, 1_000);
    let refused = send(&world, STRANGER, "good morning", 40).await;
    assert_eq!(refused.problem(), (422, "recipient_unreachable".to_owned()));
    let failed = world.door.get("/shop/messages?status=failed").await.ok()["messages"][0].clone();
    assert_eq!((&failed["failed"]["code"], &failed["attempts"]), (&json!("recipient_unreachable"), &json!(0)));
    world.phone().answer_queries();
    let failed = failed["id"].as_str().expect("an id");
    world.door.post(&format!("/shop/messages/{failed}/retry"), Value::Null).await.ok();
    becomes(&world, failed, "delivered").await;
    assert_eq!(told(&world, failed).await[..4], ["queued", "sending", "queued", "failed"]);
    assert_eq!(got(&world, STRANGER), ["good morning"]);
    world.finish().await;
}

/// The library compares the hash in an acknowledgement with that of the devices that it wrote to, and reads the list again. That we read
/// acknowledgements as well takes nothing away from it.
#[tokio::test]
async fn a_device_of_which_nobody_was_told_gets_what_is_sent_after_the_next_message() {
    let (world, _) = world(Kind::Sqlite).await;
    assert_eq!(send(&world, FRIEND, "before", 30).await.status, 201);
    world.sim.phone(FRIEND).hide_devices();
    world.door.create("friend").await;
    world.link("friend", &world.sim.phone(FRIEND)).await;
    let begun = Instant::now();
    let came = async || world.door.get("/friend/messages?direction=incoming").await.ok()["messages"].clone();
    let mut count = 0;
    // The message that makes the list be read again does not reach the new device.
    while came().await.as_array().is_none_or(Vec::is_empty) {
        assert!(begun.elapsed() < LIMIT, "the new device gets nothing");
        count += 1;
        assert_eq!(send(&world, FRIEND, &format!("after {count}"), 30).await.status, 201);
    }
    assert!(count > 1, "somebody had told of the new device");
    assert_eq!(got(&world, FRIEND).len(), count + 1, "the phone got all of them");
    world.finish().await;
}
