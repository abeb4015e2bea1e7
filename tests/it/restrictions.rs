//! What WhatsApp keeps an account from: strangers without a token, new people for a while, too many new people, asking too often. What
//! is held for that goes when its time is over, and holds nobody else.

use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::{Value, json};
use waypost::clock::Clock;
use whatsapp_simulator::{History, HistoryChat, NewChatCap, Restrictions, Settings, Timelock, TokenRule};

use crate::support::door::Answer;
use crate::support::journal::of_type;
use crate::support::world::{Kind, World};

const SHOP: &str = "15550100001";
const FRIEND: &str = "15550100077";
const STRANGER: &str = "15550100078";
const OTHER_STRANGER: &str = "15550100079";
/// Of another account that is linked later.
const ANOTHER: &str = "15550100002";
/// Longest wait for a fact. Far above what it takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);
/// Seconds that a restriction lasts here: long enough to be seen on a busy machine.
const LASTS: u64 = 10;
/// The setting by which clients show the tokens that they were given.
const SENDS_TOKENS: u32 = 10_518;
/// The setting by which an account is moved to LIDs.
const HAS_LIDS: u32 = 9_435;

async fn world(kind: Kind, flags: &[&str]) -> World {
    let flags = [&["--send-rate", "0"], flags].concat();
    World::with(kind, Settings::default(), &flags).await
}

async fn text(world: &World, to: &str, text: &str) -> Answer {
    let body = json!({ "to": to, "content": { "type": "text", "text": text } });
    world.door.post("/shop/messages?wait=30", body).await
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

/// How often WhatsApp saw a message, taken or not.
fn copies(world: &World, id: &str) -> usize {
    world.phone().sent().iter().filter(|sent| sent.id == id).map(|sent| sent.copies).sum()
}

/// The texts that a phone got.
fn got(world: &World, phone: &str) -> Vec<String> {
    world.sim.phone(phone).inbox().into_iter().map(|message| message.text).collect()
}

/// A session that is logged in, a friend who has written, and two people who have not.
async fn acquainted(kind: Kind, flags: &[&str]) -> World {
    let world = world(kind, flags).await;
    world.linked("shop").await;
    let _ = (world.sim.phone(STRANGER), world.sim.phone(OTHER_STRANGER));
    world.sim.phone(FRIEND).send(SHOP, "is there tea?").await.expect("it is sent");
    of_type(&world, "message", 1).await;
    world
}

/// Unix seconds.
fn now() -> u64 {
    u64::try_from(Clock::system().now().seconds()).expect("it is later than 1970")
}

fn id(message: &Value) -> String {
    message["id"].as_str().unwrap_or_else(|| panic!("no id in {message}")).to_owned()
}

/// The message that is held until then, which is answered at once.
fn held(answer: &Answer, until: u64) -> String {
    assert_eq!(answer.status, 202, "{}", answer.text());
    let message = answer.json();
    assert_eq!((&message["status"], &message["send_at"]), (&json!("queued"), &json!(until)), "{message}");
    assert!(now() < until, "it was answered when it was over");
    id(&message)
}

/// Sends texts until one is taken: what the phone tells of the time before comes behind the login.
async fn taken(world: &World, to: &str) -> Value {
    let begun = Instant::now();
    loop {
        let answer = text(world, to, "hello again").await;
        if answer.status == 201 {
            return answer.json();
        }
        assert!(begun.elapsed() < LIMIT, "{}", answer.text());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[rstest]
#[tokio::test]
async fn a_session_that_was_just_linked_writes_to_those_who_gave_the_account_a_token(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(false, true)] has_lids: bool,
) {
    let world = world(kind, &[]).await;
    let (phone, friend) = (world.phone(), world.sim.phone(FRIEND));
    world.sim.set_ab_prop(SENDS_TOKENS, Some("1"));
    if has_lids {
        phone.migrate();
        world.sim.set_ab_prop(HAS_LIDS, Some("1"));
    }
    world.sim.require_tokens(TokenRule::Strangers);
    friend.give_token(SHOP).expect("both have a phone");
    let chats = Some(vec![HistoryChat::with(FRIEND)]);
    phone.set_history(History { chats, has_salt: false, ..History::default() }).expect("the friend has a phone");
    world.linked("shop").await;
    taken(&world, FRIEND).await;
    assert_eq!(got(&world, FRIEND), ["hello again"]);
    // What is old is no news.
    assert!(of_type(&world, "message", 0).await.is_empty());
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_timelock_holds_those_who_have_never_written_until_it_ends_and_nobody_else(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let world = acquainted(kind, &[]).await;
    let until = now() + LASTS;
    world.phone().restrict(Restrictions { timelock: Some(Timelock { until }), ..Restrictions::default() });
    let first = held(&text(&world, STRANGER, "good morning").await, until);
    assert_eq!(told(&world, &first).await, ["queued", "sending", "queued"]);
    // It is known now: the next one is not even tried.
    let second = held(&text(&world, OTHER_STRANGER, "good evening").await, until);
    assert_eq!((copies(&world, &first), copies(&world, &second)), (1, 0));
    let warm = text(&world, FRIEND, "yes").await;
    assert_eq!(warm.status, 201, "{}", warm.text());
    let restricted = of_type(&world, "account_restricted", 1).await;
    assert_eq!(restricted.len(), 1);
    assert_eq!(restricted[0]["data"], json!({ "kind": "timelock", "until": until }));
    for (id, to, text) in [(&first, STRANGER, "good morning"), (&second, OTHER_STRANGER, "good evening")] {
        let message = becomes(&world, id, "delivered").await;
        assert_eq!(message["attempts"], 1, "one that is refused for that does not count");
        assert_eq!(got(&world, to), [text]);
    }
    assert!(now() >= until);
    assert_eq!((copies(&world, &first), copies(&world, &second)), (2, 1));
    assert_eq!(of_type(&world, "account_restricted", 1).await.len(), 1);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn too_many_new_chats_hold_new_ones_until_the_cycle_ends(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = acquainted(kind, &[]).await;
    let until = now() + LASTS;
    let cap = NewChatCap { total: 1, used: 1, ends_at: until };
    world.phone().restrict(Restrictions { new_chats: Some(cap), ..Restrictions::default() });
    let id = held(&text(&world, STRANGER, "good morning").await, until);
    assert_eq!(text(&world, FRIEND, "yes").await.status, 201);
    let restricted = of_type(&world, "account_restricted", 1).await;
    assert_eq!(restricted[0]["data"], json!({ "kind": "new_chat_limit", "until": until }));
    becomes(&world, &id, "delivered").await;
    assert_eq!(got(&world, STRANGER), ["good morning"]);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn what_is_held_is_held_by_the_next_process_too_and_can_be_taken_back(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let mut world = acquainted(kind, &[]).await;
    let until = now() + LASTS;
    world.phone().restrict(Restrictions { timelock: Some(Timelock { until }), ..Restrictions::default() });
    let kept = held(&text(&world, STRANGER, "good morning").await, until);
    let taken_back = held(&text(&world, OTHER_STRANGER, "good evening").await, until);
    let answer = world
        .door
        .ask(reqwest::Method::DELETE, &format!("/api/v1/sessions/shop/messages/{taken_back}"), &Value::Null)
        .await;
    assert_eq!(answer.json()["status"], "cancelled", "{}", answer.text());
    world.crash();
    world.reaches("shop", "logged_in").await;
    becomes(&world, &kept, "delivered").await;
    assert!(now() >= until);
    assert_eq!(copies(&world, &kept), 2);
    assert!(got(&world, OTHER_STRANGER).is_empty());
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn the_next_process_knows_what_the_account_is_kept_from(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = acquainted(kind, &[]).await;
    let until = now() + 3_600;
    world.phone().restrict(Restrictions { timelock: Some(Timelock { until }), ..Restrictions::default() });
    held(&text(&world, STRANGER, "good morning").await, until);
    world.crash();
    // Nobody can be asked for this.
    let limits = world.door.get("/shop/limits").await.ok();
    assert_eq!(limits["timelock"], json!({ "until": until }));
    assert!(limits["checked_at"].as_u64().is_some_and(|moment| moment <= now()), "{limits}");
    world.reaches("shop", "logged_in").await;
    let second = held(&text(&world, OTHER_STRANGER, "good evening").await, until);
    assert_eq!(copies(&world, &second), 0, "it is not even tried");
    assert_eq!(text(&world, FRIEND, "yes").await.status, 201);
    assert_eq!(of_type(&world, "account_restricted", 1).await.len(), 1);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn what_is_held_goes_when_whatsapp_says_that_the_restriction_is_no_more(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(false, true)] has_crashed: bool,
) {
    let mut world = acquainted(kind, &[]).await;
    let until = now() + 3_600;
    world.phone().restrict(Restrictions { timelock: Some(Timelock { until }), ..Restrictions::default() });
    let first = held(&text(&world, STRANGER, "good morning").await, until);
    let second = held(&text(&world, OTHER_STRANGER, "good evening").await, until);
    if has_crashed {
        world.crash();
        world.reaches("shop", "logged_in").await;
    }
    world.phone().restrict(Restrictions::default());
    let limits = world.door.get("/shop/limits").await.ok();
    assert_eq!(limits["timelock"], Value::Null);
    for (id, to, words) in [(&first, STRANGER, "good morning"), (&second, OTHER_STRANGER, "good evening")] {
        becomes(&world, id, "delivered").await;
        assert_eq!(got(&world, to), [words]);
    }
    // The next process knows it as well.
    world.crash();
    world.reaches("shop", "logged_in").await;
    assert_eq!(text(&world, STRANGER, "good night").await.status, 201);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn another_account_is_not_kept_from_what_the_one_before_was(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = acquainted(kind, &[]).await;
    let until = now() + 3_600;
    world.phone().restrict(Restrictions { timelock: Some(Timelock { until }), ..Restrictions::default() });
    let waiting = held(&text(&world, STRANGER, "good morning").await, until);
    world.door.post("/shop/logout", Value::Null).await.ok();
    world.door.post("/shop/connect", Value::Null).await.ok();
    world.link("shop", &world.sim.phone(ANOTHER)).await;
    // Its moment is an hour away, but nobody will send it any more.
    let failed = becomes(&world, &waiting, "failed").await;
    assert_eq!(failed["failed"]["code"], "account_changed");
    assert_eq!(text(&world, OTHER_STRANGER, "good evening").await.status, 201);
    assert_eq!(world.door.get("/shop/limits").await.ok()["timelock"], Value::Null);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn nothing_is_held_if_it_is_not_wanted(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = acquainted(kind, &["--hold-when-restricted", "false"]).await;
    let until = now() + 3_600;
    world.phone().restrict(Restrictions { timelock: Some(Timelock { until }), ..Restrictions::default() });
    for words in ["good morning", "good evening"] {
        let refused = text(&world, STRANGER, words).await;
        assert_eq!(refused.problem(), (429, "account_restricted".to_owned()));
    }
    assert_eq!(text(&world, FRIEND, "yes").await.status, 201);
    let restricted = of_type(&world, "account_restricted", 1).await;
    assert_eq!(restricted.len(), 1, "it is news once");
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn whatsapp_is_not_asked_again_before_it_wants_to_be(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = acquainted(kind, &[]).await;
    // What the library asks about the account itself is asked by then.
    assert_eq!(text(&world, FRIEND, "yes").await.status, 201);
    let (backoff, begun) = (Duration::from_secs(4), Instant::now());
    world.phone().limit_rate("usync", Some(4), 1);
    let (to_stranger, to_friend) = tokio::join!(text(&world, STRANGER, "good morning"), text(&world, FRIEND, "tea"));
    assert_eq!((to_stranger.status, to_friend.status), (201, 201), "{}", to_stranger.text());
    assert!(begun.elapsed() >= backoff, "it was asked after {:?}", begun.elapsed());
    assert_eq!(got(&world, STRANGER), ["good morning"]);
    world.finish().await;
}
