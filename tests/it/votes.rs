//! Votes in polls, from people's phones to the journal.

use rstest::rstest;
use serde_json::{Value, json};
use whatsapp_simulator::{Phone, content};

use crate::support::journal::until;
use crate::support::world::{Kind, World};

const SHOP: &str = "15550100001";
const FRIEND: &str = "15550100077";

fn jid(phone: &str) -> String {
    format!("{phone}@s.whatsapp.net")
}

fn lid(phone: &Phone) -> String {
    format!("{}@lid", phone.lid())
}

/// What the journal has of a vote.
async fn vote(world: &World, id: &str) -> Value {
    until(world, "message", |body| body["message_id"] == id).await["poll"].take()
}

#[rstest]
#[tokio::test]
async fn a_vote_in_a_poll_that_the_session_knows_is_read(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    world.linked("shop").await;
    let (phone, friend) = (world.phone(), world.sim.phone(FRIEND));
    let poll = content::poll("tea?", &["yes", "no"]);
    let id = phone.send_content(FRIEND, poll.clone()).await.expect("it is sent");
    until(&world, "message", |body| body["message_id"] == id).await;
    let key = || friend.key_of(SHOP, &id).expect("a key");
    for (creator, voter, chosen) in [
        (jid(SHOP), jid(FRIEND), vec!["yes"]),
        (lid(&phone), lid(&friend), vec!["no"]),
        (jid(SHOP), jid(FRIEND), vec![]),
    ] {
        let sent = content::vote(&poll, key(), &creator, &voter, &chosen);
        let sent = friend.send_content(SHOP, sent).await.expect("it is sent");
        let read = vote(&world, &sent).await;
        assert_eq!((&read["vote_on"], &read["vote"]["state"]), (&json!(id), &json!("opened")), "{read}");
        let options: Vec<_> =
            read["vote"]["chosen"].as_array().expect("a list").iter().map(|it| &it["option"]).collect();
        assert_eq!(options, chosen);
        assert_eq!(read["creator"]["phone_number"], SHOP);
    }
    // What another client has seen is in the tables.
    assert!(world.server.stop().success());
    world.start_again();
    world.reaches("shop", "logged_in").await;
    let sent = content::vote(&poll, key(), &jid(SHOP), &jid(FRIEND), &["no"]);
    let sent = friend.send_content(SHOP, sent).await.expect("it is sent");
    assert_eq!(vote(&world, &sent).await["vote"]["chosen"][0]["option"], "no");
    world.finish().await;
}

#[tokio::test]
async fn a_vote_that_cannot_be_read_says_why() {
    let world = World::new(Kind::Sqlite).await;
    world.linked("shop").await;
    let (phone, friend) = (world.phone(), world.sim.phone(FRIEND));
    let poll = content::poll("tea?", &["yes", "no"]);
    let id = phone.send_content(FRIEND, poll.clone()).await.expect("it is sent");
    until(&world, "message", |body| body["message_id"] == id).await;
    let key = |id: &str| content::key(&jid(SHOP), id, false, None);
    let other = content::poll("coffee?", &["yes", "no"]);
    for (poll, id, state) in [(&poll, "3EB0UNKNOWN", "poll_unknown"), (&other, id.as_str(), "undecryptable")] {
        let sent = content::vote(poll, key(id), &jid(SHOP), &jid(FRIEND), &["yes"]);
        let sent = friend.send_content(SHOP, sent).await.expect("it is sent");
        let read = vote(&world, &sent).await;
        assert_eq!((&read["vote"]["state"], &read["vote"]["chosen"]), (&json!(state), &json!([])));
    }
    world.finish().await;
}
