//! What WhatsApp is told about whether somebody uses a session, and what the phone and the contacts notice of it.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::journal::of_type;
use crate::support::world::{Kind, World};

const SHOP: &str = "15550100001";
const FRIEND: &str = "15550100077";

/// Waits until the phone's device has said this last, on a connection on which it said something.
async fn says_last(world: &World, is_available: bool) {
    let last = || world.phone().devices()[0].presences.last().copied();
    world.eventually("the device has said it", || last() == Some(is_available)).await;
    assert_eq!(world.phone().is_silent(), is_available);
}

async fn connects_anew(world: &World) {
    let logins = world.logins();
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    world.door.post("/shop/connect", Value::Null).await.ok();
    world.eventually("a new login", || world.logins() > logins).await;
}

#[rstest]
#[tokio::test]
async fn linking_silences_no_phone_and_messages_get_two_ticks(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    let created = world.door.create("shop").await;
    assert_eq!(created["presence_on_connect"], "unavailable");
    world.link("shop", &world.phone()).await;
    says_last(&world, false).await;
    world.crash();
    world.reaches("shop", "logged_in").await;
    says_last(&world, false).await;
    world.sim.phone(FRIEND).send(SHOP, "hello").await.expect("it is sent");
    of_type(&world, "message", 1).await;
    let receipts = |kind: &str| world.sim.stats().stanzas.get(kind).copied().unwrap_or_default();
    world.eventually("the sender is told", || receipts("receipt") + receipts("receipt/inactive") > 0).await;
    assert_eq!((receipts("receipt"), receipts("receipt/inactive")), (1, 0));
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_session_that_is_to_be_available_is_and_can_be_told_otherwise(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let mut world = World::new(kind).await;
    let new = json!({ "id": "shop", "presence_on_connect": "available" });
    assert_eq!(world.door.post("", new).await.ok()["session"]["presence_on_connect"], "available");
    world.link("shop", &world.phone()).await;
    says_last(&world, true).await;
    world.crash();
    world.reaches("shop", "logged_in").await;
    says_last(&world, true).await;
    let changed = world.door.update("shop", json!({ "presence_on_connect": "unavailable" })).await.ok();
    assert_eq!((&changed["presence_on_connect"], &changed["name"]), (&json!("unavailable"), &Value::Null));
    connects_anew(&world).await;
    says_last(&world, false).await;
    let query = r#"mutation($p: PresenceOnConnect) {
        updateSession(input: { id: "shop", presenceOnConnect: $p }) { presenceOnConnect }
    }"#;
    for (word, is_available) in [("AVAILABLE", true), ("UNAVAILABLE", false)] {
        let changed = world.door.asked(query, json!({ "p": word })).await;
        assert_eq!(changed["updateSession"]["presenceOnConnect"], word);
        connects_anew(&world).await;
        says_last(&world, is_available).await;
    }
    let query = r#"mutation { createSession(input: { id: "b", presenceOnConnect: AVAILABLE }) { presenceOnConnect } }"#;
    let made = world.door.asked(query, Value::Null).await;
    assert_eq!(made["createSession"]["presenceOnConnect"], "AVAILABLE");
    let refused = world.door.update("shop", json!({ "presence_on_connect": "maybe" })).await;
    assert!(refused.text().contains("presence_on_connect"), "{}", refused.text());
    assert_eq!(refused.problem().0, 422);
    world.finish().await;
}
