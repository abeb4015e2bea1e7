//! What others choose, and what no column can hold: it stops nothing, and every door shows the same.

use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::support::journal::{tamper, until};
use crate::support::world::{Kind, World};

const SHOP: &str = "15550100001";
const FRIEND: &str = "15550100077";

/// A session whose account has this name, and a change that its contacts make.
async fn named(world: &World, name: &str) {
    world.sim.add_phone(SHOP, name);
    world.linked("shop").await;
    world.until("shop", "named", |state| !state["push_name"].is_null()).await;
    let group = world.sim.phone(FRIEND).create_group("Tea", &[SHOP]).expect("a group");
    until(world, "joined_group", |body| body["group"] == group).await;
}

/// Every door shows this name of the account.
async fn all_show(world: &World, name: &str) {
    world.until("shop", "renamed", |state| state["push_name"] == name).await;
    let listed = world.door.get("").await.ok();
    assert_eq!(listed["sessions"][0]["push_name"], name);
    for path in ["/shop", "/shop/status", "/shop/device"] {
        assert_eq!(world.door.get(path).await.ok()["push_name"], name, "{path}");
    }
    let query = r#"{ session(id: "shop") { pushName device { pushName } } sessions(first: 1) { nodes { pushName } } }"#;
    let shown = world.door.asked(query, Value::Null).await;
    let expected = json!({
        "session": { "pushName": name, "device": { "pushName": name } }, "sessions": { "nodes": [{ "pushName": name }] },
    });
    assert_eq!(shown, expected);
}

#[rstest]
#[tokio::test]
async fn a_name_with_a_nul_stops_no_event(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    named(&world, "A\0b").await;
    all_show(&world, "A\u{fffd}b").await;
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_name_that_is_far_too_long_is_cut(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    named(&world, &"é".repeat(5_000)).await;
    all_show(&world, &"é".repeat(100)).await;
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_state_that_can_never_be_written_holds_no_event_and_every_door_shows_it(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let mut world = World::new(kind).await;
    match kind {
        Kind::Sqlite => {
            let never = "CREATE TRIGGER never BEFORE UPDATE ON session WHEN NEW.push_name = 'Never' \
                         BEGIN SELECT RAISE(ABORT, 'never'); END";
            tamper(&world, never).await;
        }
        Kind::Postgres => {
            let never = "ALTER TABLE session ADD CONSTRAINT never CHECK (push_name <> 'Never')";
            world.database().write().execute_unprepared(never).await.expect("a rule");
        }
    }
    named(&world, "Never").await;
    all_show(&world, "Never").await;
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    assert_eq!(world.door.get("/shop").await.ok()["status"], "disconnected");
    assert_eq!(world.door.get("?status=disconnected").await.ok()["total"], 1);
    let output = world.is_logged("can never be written").await;
    assert_eq!(output.matches("can never be written").count(), 1, "it is told once");
    // What can be written is written again.
    world.door.post("/shop/connect", Value::Null).await.ok();
    world.sim.add_phone(SHOP, "Ada");
    all_show(&world, "Ada").await;
    assert!(world.server.stop().success());
    world.sim.set_accepting(false);
    world.start_again();
    all_show(&world, "Ada").await;
}
