//! How a session ends: what is left of it here, and what on the phone.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use whatsapp_simulator::Fault;

use crate::support::graph::Socket;
use crate::support::world::{Kind, World};

/// A linked session with a webhook that has received something.
async fn lived_in(kind: Kind) -> World {
    let world = World::new(kind).await;
    let webhook = json!({ "url": "https://receiver.invalid/hook", "events": ["message"], "secret": "s" });
    world.door.post("", json!({ "id": "shop", "webhook": webhook })).await.ok();
    world.link("shop", &world.phone()).await;
    world.sim.phone("15550100002").send("15550100001", "hello").await.expect("it is sent");
    world.eventually("the message is taken", || world.phone().devices()[0].undelivered == 0).await;
    world
}

#[rstest]
#[tokio::test]
async fn a_delete_leaves_only_what_is_owed_and_how_it_ended(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = lived_in(kind).await;
    let tables = world.tables().await;
    // The library writes what it learnt from a message a moment after it took it.
    let mut before = tables.rows().await;
    for _ in 0..500 {
        if before.contains_key("signal_session") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        before = tables.rows().await;
    }
    for table in ["session", "webhook", "device", "signal_session", "pre_key_block"] {
        assert!(before.contains_key(table), "{table} in {before:?}");
    }
    world.door.delete("shop").await.ok();
    // Nobody can ever reach the receiver, but that is not known.
    let owed = ["bookmark", "delivery", "delivery_attempt", "event", "event_count", "lane", "webhook"];
    let mut left = tables.rows().await;
    left.retain(|table, _| !owed.contains(&table.as_str()));
    assert_eq!(left, BTreeMap::new());
    // Whoever does not want it any more deletes the webhook.
    let list = world.door.ask(Method::GET, "/api/v1/webhooks", &Value::Null).await.ok();
    let path = format!("/api/v1/webhooks/{}", list["webhooks"][0]["id"].as_str().expect("it is owed a message"));
    world.door.ask(Method::DELETE, &path, &Value::Null).await.ok();
    let begun = Instant::now();
    loop {
        let kept = tables.rows().await;
        if !kept.contains_key("lane") && kept.get("event").is_some_and(|events| *events < before["event"]) {
            assert_eq!(kept.keys().collect::<Vec<_>>(), ["bookmark", "event", "event_count"]);
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(40), "{kept:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(tables);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_logout_forgets_the_keys_and_keeps_the_webhook(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = lived_in(kind).await;
    let tables = world.tables().await;
    world.door.post("/shop/logout", Value::Null).await.ok();
    // What happened is kept, and on its way to the webhook. None of it is a key.
    let history = ["bookmark", "delivery", "delivery_attempt", "event", "event_count", "lane", "message"];
    let mut kept = tables.rows().await;
    kept.retain(|table, _| !history.contains(&table.as_str()));
    assert_eq!(kept, BTreeMap::from([("session".to_owned(), 1), ("webhook".to_owned(), 1)]));
    drop(tables);
    world.crash();
    let state = world.door.status("shop").await;
    assert_eq!((&state["status"], &state["desired"]), (&json!("disconnected"), &json!("offline")));
    world.finish().await;
}

#[tokio::test]
async fn a_delete_of_a_disconnected_session_unlinks_the_phone_too() {
    let world = World::new(Kind::Sqlite).await;
    world.linked("shop").await;
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    world.door.delete("shop").await.ok();
    assert!(world.phone().devices().is_empty());
    world.finish().await;
}

#[tokio::test]
async fn a_delete_succeeds_when_whatsapp_does_not_answer() {
    let world = World::new(Kind::Sqlite).await;
    let device = world.linked("shop").await;
    world.sim.fault("15550100001", device, Fault::Silence).await.expect("the device is there");
    let begun = Instant::now();
    world.door.delete("shop").await.ok();
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert_eq!(world.door.get("/shop").await.problem().0, 404);
    world.finish().await;
}

#[tokio::test]
async fn a_delete_ends_although_its_client_hangs_up() {
    let world = World::new(Kind::Sqlite).await;
    let device = world.linked("shop").await;
    // WhatsApp does not answer, so it takes its time.
    world.sim.fault("15550100001", device, Fault::Silence).await.expect("the device is there");
    let mut socket = Socket::admitted(world.server.base()).await;
    socket.subscribe("1", r#"mutation { deleteSession(input: { id: "shop" }) { id } }"#).await;
    while world.door.get("/shop/status").await.status != 404 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(socket);
    assert_eq!(world.door.get("").await.ok()["total"], 0, "every door says that it is gone");
    let begun = Instant::now();
    loop {
        let again = world.door.post("", json!({ "id": "shop" })).await;
        if again.status == 201 {
            break;
        }
        assert_eq!(again.problem(), (409, "session_exists".to_owned()));
        assert!(begun.elapsed() < Duration::from_secs(30), "its id is still taken");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.finish().await;
}

#[tokio::test]
async fn a_session_whose_creator_hangs_up_is_whole() {
    let world = World::new(Kind::Sqlite).await;
    for round in 0..30_u32 {
        let mut socket = Socket::admitted(world.server.base()).await;
        let create = format!(r#"mutation {{ createSession(input: {{ id: "s{round}" }}) {{ id }} }}"#);
        socket.subscribe("1", &create).await;
        // Sooner and later than the commit, which takes about a millisecond.
        tokio::time::sleep(Duration::from_micros(u64::from(round) * 100)).await;
        drop(socket);
    }
    // Whatever is written is there for every call, and lives.
    let listed = world.door.get("").await.ok();
    for session in listed["sessions"].as_array().expect("a list") {
        let id = session["id"].as_str().expect("an id");
        world.reaches(id, "waiting_for_qr").await;
        world.door.delete(id).await.ok();
    }
    world.finish().await;
}

#[tokio::test]
async fn a_delete_of_a_session_that_waits_for_a_scan_waits_for_nothing() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    let qr = world.door.qr("shop").await;
    let begun = Instant::now();
    world.door.delete("shop").await.ok();
    // What it does for a linked device, to log in once more, may take ten seconds.
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    world.eventually("no connection is left", || world.sim.stats().open_connections == 0).await;
    assert!(world.phone().scan(&qr).await.is_err(), "the code of a session that is gone");
    world.finish().await;
}

#[tokio::test]
async fn a_device_that_the_phone_removed_meanwhile_is_known_to_be_gone() {
    let world = World::new(Kind::Sqlite).await;
    let device = world.linked("shop").await;
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    assert!(world.phone().unlink(device));
    world.door.post("/shop/connect", Value::Null).await.ok();
    let state = world.reaches("shop", "disconnected").await;
    assert_eq!((&state["reason"], &state["phone_number"]), (&json!("logged_out_by_phone"), &Value::Null));
    assert_eq!(world.door.get("/shop/device").await.problem(), (404, "device_not_linked".to_owned()));
    world.door.post("/shop/connect", Value::Null).await.ok();
    world.link("shop", &world.phone()).await;
    world.finish().await;
}

#[tokio::test]
async fn of_many_deletes_at_once_exactly_one_finds_the_session() {
    let world = World::new(Kind::Sqlite).await;
    world.linked("shop").await;
    let answers = futures::future::join_all((0..6).map(|_| world.door.delete("shop"))).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 404, 404, 404, 404, 404]);
    assert!(world.phone().devices().is_empty());
    world.finish().await;
}

#[tokio::test]
async fn a_delete_wins_over_everything_that_comes_at_the_same_time() {
    let world = World::new(Kind::Sqlite).await;
    world.linked("shop").await;
    let others = ["/shop/connect", "/shop/disconnect", "/shop/logout", "/shop/connect"];
    let others = futures::future::join_all(others.map(|path| world.door.post(path, Value::Null)));
    let (others, deleted) = tokio::join!(others, world.door.delete("shop"));
    assert_eq!(deleted.status, 200, "{}", deleted.text());
    assert!(others.iter().all(|answer| [200, 404].contains(&answer.status)), "{others:?}");
    assert_eq!(world.door.get("/shop").await.problem().0, 404);
    world.eventually("no connection is left", || world.sim.stats().open_connections == 0).await;
    assert!(world.phone().devices().is_empty());
    world.finish().await;
}

#[tokio::test]
async fn an_id_is_free_as_soon_as_its_session_is_deleted() {
    let world = World::new(Kind::Sqlite).await;
    for _ in 0..5 {
        world.linked("shop").await;
        world.door.delete("shop").await.ok();
    }
    world.linked("shop").await;
    assert_eq!(world.phone().devices().len(), 1);
    world.finish().await;
}

#[tokio::test]
async fn sessions_that_come_and_go_leave_no_connection_and_no_descriptor() {
    let world = World::new(Kind::Sqlite).await;
    let cycle = async |id: String| {
        world.door.create(&id).await;
        world.door.qr(&id).await;
        world.door.delete(&id).await.ok();
    };
    let burst = async |name: &str| {
        futures::future::join_all((0..20).map(|round| cycle(format!("{name}-{round}")))).await;
        world.eventually("no connection is left", || world.sim.stats().open_connections == 0).await;
    };
    // The pools of the door's client and of the database grow to what the busiest moment takes, and stay.
    burst("warm").await;
    let before = world.server.open_files();
    burst("first").await;
    burst("second").await;
    world.eventually("no descriptor is left", || world.server.open_files() < before + 20).await;
    world.finish().await;
}

/// How many tasks run in the server.
async fn tasks(world: &World) -> u64 {
    let text = world.door.send(world.door.request(Method::GET, "/metrics")).await.text();
    let line = text.lines().find_map(|line| line.strip_prefix("waypost_tasks ")).expect("they are counted");
    line.parse().expect("a number")
}

#[tokio::test]
async fn a_session_that_is_gone_leaves_no_task_that_holds_its_memory() {
    let world = World::new(Kind::Sqlite).await;
    let before = tasks(&world).await;
    world.linked("linked").await;
    world.door.create("waiting").await;
    world.door.qr("waiting").await;
    assert!(tasks(&world).await > before + 4, "the library's tasks are counted too");
    world.door.delete("linked").await.ok();
    world.door.delete("waiting").await.ok();
    // The library's own would be there for minutes: the codes that nobody scans expire one after the other.
    let begun = Instant::now();
    while tasks(&world).await > before {
        assert!(begun.elapsed() < Duration::from_secs(20), "{} tasks, {before} before", tasks(&world).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.finish().await;
}
