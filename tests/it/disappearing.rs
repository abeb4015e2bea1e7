//! Chats whose messages disappear: what is sent keeps to the timer, whoever set it and whenever that became known.

use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::json;
use whatsapp_simulator::{History, HistoryChat, Settings, content};

use crate::support::journal::{of_type, until};
use crate::support::world::{Kind, World};

const SHOP: &str = "15550100001";
const FRIEND: &str = "15550100077";
const OTHER: &str = "15550100078";
const DAY: u32 = 86_400;
const WEEK: u32 = 604_800;
/// The setting by which an account is moved to LIDs.
const HAS_LIDS: u32 = 9_435;
/// Longest wait for a fact. Far above what it takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

async fn world(kind: Kind) -> World {
    World::with(kind, Settings::default(), &["--send-rate", "0"]).await
}

/// Sends a text, and gives after how long it disappears from the phone that gets it.
async fn sent(world: &World, to: &str, number: &str) -> Option<u32> {
    let body = json!({ "to": to, "content": { "type": "text", "text": "tea" } });
    let answer = world.door.post("/shop/messages", body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let newest = world.sim.phone(number).inbox().pop().expect("it is there");
    assert_eq!(newest.text, "tea");
    newest.content.ephemeral_seconds
}

/// Waits until it is written that a timer was set.
async fn is_set(world: &World, seconds: u32) {
    until(world, "disappearing_update", |data| data["seconds"] == seconds).await;
}

/// Waits until so many timers are in the table.
async fn are_known(world: &World, count: Option<i64>) {
    let (tables, begun) = (world.tables().await, Instant::now());
    loop {
        let rows = tables.rows().await;
        if rows.get("chat_timer").copied() == count {
            return;
        }
        assert!(begun.elapsed() < LIMIT, "not {count:?} timers in {rows:?}");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

#[rstest]
#[tokio::test]
async fn what_is_sent_keeps_to_the_timer_until_it_is_another_one(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = world(kind).await;
    world.linked("shop").await;
    let friend = world.sim.phone(FRIEND);
    let _ = world.sim.phone(OTHER);
    assert_eq!(sent(&world, FRIEND, FRIEND).await, None);
    friend.send_content(SHOP, content::timer(DAY)).await.expect("it is sent");
    is_set(&world, DAY).await;
    // The person is the same chat by either name, and nobody else is.
    let lid = format!("{}@lid", friend.lid());
    for to in [FRIEND, lid.as_str()] {
        assert_eq!(sent(&world, to, FRIEND).await, Some(DAY), "{to}");
    }
    assert_eq!(sent(&world, OTHER, OTHER).await, None);
    let mutation = r#"mutation { sendMessage(input: { sessionId: "shop", to: "15550100077",
        content: { text: { text: "by the other door" } } }) { id } }"#;
    world.door.asked(mutation, json!(null)).await;
    let newest = friend.inbox().pop().expect("it is there");
    assert_eq!((newest.text.as_str(), newest.content.ephemeral_seconds), ("by the other door", Some(DAY)));
    world.crash();
    world.reaches("shop", "logged_in").await;
    assert_eq!(sent(&world, FRIEND, FRIEND).await, Some(DAY));
    // The account's own phone sets it as well.
    world.phone().send_content(FRIEND, content::timer(WEEK)).await.expect("it is sent");
    is_set(&world, WEEK).await;
    assert_eq!(sent(&world, FRIEND, FRIEND).await, Some(WEEK));
    friend.send_content(SHOP, content::timer(0)).await.expect("it is sent");
    is_set(&world, 0).await;
    assert_eq!(sent(&world, FRIEND, FRIEND).await, None);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_timer_that_was_set_before_is_told_by_the_next_message(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind).await;
    let (phone, friend) = (world.phone(), world.sim.phone(FRIEND));
    friend.send_content(SHOP, content::timer(DAY)).await.expect("it is sent");
    phone.set_history(History { is_sent: false, ..History::default() }).expect("nobody is in it");
    world.linked("shop").await;
    let asked = friend.send(SHOP, "is there tea?").await.expect("it is sent");
    of_type(&world, "message", 1).await;
    let answer = json!({ "to": FRIEND, "content": { "type": "text", "text": "yes" }, "reply_to": asked });
    world.door.post("/shop/messages", answer).await.ok();
    let got = friend.inbox().pop().expect("it is there").content;
    assert_eq!((got.quoted.map(|quoted| quoted.id), got.ephemeral_seconds), (Some(asked), Some(DAY)));
    // What says the same is no news.
    for _ in 0..3 {
        friend.send(SHOP, "and cake?").await.expect("it is sent");
    }
    of_type(&world, "message", 4).await;
    are_known(&world, Some(1)).await;
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn the_first_history_tells_the_timers_of_old_chats(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(false, true)] has_lids: bool,
) {
    let world = world(kind).await;
    let (phone, _) = (world.phone(), [FRIEND, OTHER].map(|number| world.sim.phone(number)));
    if has_lids {
        phone.migrate();
        world.sim.set_ab_prop(HAS_LIDS, Some("1"));
    }
    let with_timer = HistoryChat { ephemeral_seconds: Some(WEEK), ..HistoryChat::with(FRIEND) };
    let chats = Some(vec![HistoryChat::with(OTHER), with_timer]);
    phone.set_history(History { chats, ..History::default() }).expect("both have phones");
    world.linked("shop").await;
    are_known(&world, Some(1)).await;
    assert_eq!(sent(&world, FRIEND, FRIEND).await, Some(WEEK));
    assert_eq!(sent(&world, OTHER, OTHER).await, None);
    // What is old is no news, and the next account has chats of its own.
    assert!(of_type(&world, "disappearing_update", 0).await.is_empty());
    world.door.post("/shop/logout", json!(null)).await.ok();
    are_known(&world, None).await;
    world.finish().await;
}
