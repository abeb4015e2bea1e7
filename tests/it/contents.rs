//! What is in messages, from people's phones to the journal: what is rare, broken, or means something else than it seems.

use serde_json::Value;
use whatsapp_simulator::content;

use crate::support::journal::until;
use crate::support::world::{Kind, World};

const SHOP: &str = "15550100001";
const FRIEND: &str = "15550100077";

/// A world in which a friend can write to the shop.
async fn open_shop() -> World {
    let world = World::new(Kind::Sqlite).await;
    world.linked("shop").await;
    world.sim.phone(FRIEND);
    world
}

/// What the journal has of a message.
async fn message(world: &World, id: &str) -> Value {
    until(world, "message", |body| body["message_id"] == id).await
}

#[tokio::test]
async fn a_place_that_is_nowhere_leaves_the_journal_readable() {
    let world = open_shop().await;
    let friend = world.sim.phone(FRIEND);
    for (latitude, longitude) in [(f64::NAN, 13.4), (52.5, f64::INFINITY)] {
        let nowhere = content::location(latitude, longitude, Some("the shop"));
        let id = friend.send_content(SHOP, nowhere).await.expect("it is sent");
        let nowhere = message(&world, &id).await;
        assert_eq!((&nowhere["message_type"], &nowhere["location"]), (&"location".into(), &Value::Null));
    }
    world.finish().await;
}

#[tokio::test]
async fn a_receipt_from_a_group_says_so() {
    let world = open_shop().await;
    let friend = world.sim.phone(FRIEND);
    let group = friend.create_group("Tea", &[SHOP]).expect("a group");
    let id = world.phone().send(&group, "to all").await.expect("it is sent");
    message(&world, &id).await;
    friend.read(&[&id]).expect("it is there");
    let receipt = until(&world, "receipt", |body| body["kind"] == "read").await;
    assert_eq!((&receipt["chat"], &receipt["is_group"]), (&group.into(), &true.into()));
    world.finish().await;
}
