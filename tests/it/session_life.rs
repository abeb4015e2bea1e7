//! The life of a session, from its creation to its end, as a client of the API sees it.

use rstest::rstest;
use serde_json::{Value, json};
use whatsapp_simulator::Fault;

use crate::support::journal::of_type;
use crate::support::world::{Kind, World};

#[rstest]
#[tokio::test]
async fn a_scan_logs_the_session_in_and_every_answer_agrees(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    let created = world.door.create("shop").await;
    assert_eq!((&created["status"], &created["is_logged_in"]), (&json!("connecting"), &json!(false)));
    let phone = world.phone();
    let device = world.link("shop", &phone).await;

    let status = world.until("shop", "named", |state| !state["push_name"].is_null()).await;
    assert_eq!((&status["reason"], &status["desired"]), (&json!("authenticated"), &json!("online")));
    let found = world.door.get("/shop").await.ok();
    let listed = world.door.get("").await.ok();
    assert_eq!(listed["sessions"][0], found);
    for field in ["status", "is_logged_in", "phone_number", "push_name"] {
        assert_eq!(found[field], status[field], "{field}");
    }
    assert!(found["last_connected_at"].is_i64());
    let shown = world.door.get("/shop/device").await.ok();
    let expected = json!({
        "device_id": device, "phone_number": "15550100001", "lid": format!("{}@lid", phone.lid()), "push_name": phone.push_name(),
    });
    assert_eq!(shown, expected);
    world.finish().await;
}

#[tokio::test]
async fn disconnect_and_connect_keep_the_link() {
    let world = World::new(Kind::Sqlite).await;
    world.linked("shop").await;
    for _ in 0..2 {
        world.door.post("/shop/disconnect", Value::Null).await.ok();
        let state = world.door.status("shop").await;
        assert_eq!((&state["status"], &state["reason"]), (&json!("disconnected"), &json!("requested")));
        assert_eq!(state["phone_number"], "15550100001");
    }
    world.eventually("the device is away", || !world.phone().devices()[0].connected).await;
    world.door.post("/shop/connect", Value::Null).await.ok();
    world.door.post("/shop/connect", Value::Null).await.ok();
    world.reaches("shop", "logged_in").await;
    assert_eq!(world.phone().devices().len(), 1);
    world.finish().await;
}

#[tokio::test]
async fn a_logout_unlinks_the_phone_and_keeps_the_session_for_the_next_one() {
    let world = World::new(Kind::Sqlite).await;
    world.linked("shop").await;
    world.door.update("shop", json!({ "name": "Shop", "metadata": { "team": "a" } })).await.ok();
    world.door.post("/shop/logout", Value::Null).await.ok();
    assert!(world.phone().devices().is_empty());
    let state = world.door.status("shop").await;
    assert_eq!((&state["status"], &state["reason"]), (&json!("disconnected"), &json!("logged_out")));
    assert_eq!(world.door.get("/shop/device").await.problem(), (404, "device_not_linked".to_owned()));
    world.door.post("/shop/logout", Value::Null).await.ok();

    world.door.post("/shop/connect", Value::Null).await.ok();
    let other = world.sim.phone("15550100002");
    world.link("shop", &other).await;
    let found = world.door.get("/shop").await.ok();
    assert_eq!((&found["name"], &found["metadata"]), (&json!("Shop"), &json!({ "team": "a" })));
    assert_eq!(found["phone_number"], "15550100002");
    world.finish().await;
}

#[tokio::test]
async fn a_logout_of_a_disconnected_session_unlinks_the_phone_too() {
    let world = World::new(Kind::Sqlite).await;
    world.linked("shop").await;
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    world.door.post("/shop/logout", Value::Null).await.ok();
    assert!(world.phone().devices().is_empty());
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_deleted_session_is_gone_here_and_on_the_phone(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    world.linked("shop").await;
    let done = world.door.delete("shop").await.ok();
    assert_eq!(done, json!({ "success": true, "message": "Session deleted" }));
    assert!(world.phone().devices().is_empty());
    for path in ["/shop", "/shop/status", "/shop/qr", "/shop/device"] {
        assert_eq!(world.door.get(path).await.problem(), (404, "session_not_found".to_owned()), "{path}");
    }
    assert_eq!(world.door.delete("shop").await.problem(), (404, "session_not_found".to_owned()));
    assert_eq!(world.door.get("").await.ok()["total"], 0);
    world.door.create("shop").await;
    world.finish().await;
}

#[tokio::test]
async fn a_delete_succeeds_when_whatsapp_cannot_be_reached() {
    let world = World::new(Kind::Sqlite).await;
    world.linked("shop").await;
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    world.sim.set_accepting(false);
    world.door.delete("shop").await.ok();
    assert_eq!(world.door.get("/shop").await.problem().0, 404);
    world.finish().await;
}

/// What the answer, the state and the event say, and whether the phone still lists the device.
async fn is_logged_out_here_only(world: &World, answer: &Value) {
    assert!(
        answer["message"].as_str().is_some_and(|text| text.ends_with("remove the device on the phone")),
        "{answer}"
    );
    let state = world.door.status("shop").await;
    assert_eq!((&state["status"], &state["reason"]), (&json!("disconnected"), &json!("logged_out_here")));
    let told = of_type(world, "logged_out", 1).await;
    assert_eq!(told[0]["data"], json!({ "reason": "logged_out_here" }));
    assert_eq!(world.phone().devices().len(), 1);
}

#[tokio::test]
async fn a_logout_while_whatsapp_cannot_be_reached_says_that_the_phone_still_lists_the_device() {
    let world = World::new(Kind::Sqlite).await;
    world.linked("shop").await;
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    world.sim.set_accepting(false);
    let answer = world.door.post("/shop/logout", Value::Null).await.ok();
    is_logged_out_here_only(&world, &answer).await;
    let query = r#"mutation { logoutSession(input: { id: "shop" }) { status statusReason } }"#;
    let again = world.door.asked(query, Value::Null).await;
    assert_eq!(again["logoutSession"], json!({ "status": "DISCONNECTED", "statusReason": "LOGGED_OUT_HERE" }));
    let answer = world.door.delete("shop").await.ok();
    assert_eq!(answer["message"], "Session deleted, but WhatsApp did not confirm it: remove the device on the phone");
    world.finish().await;
}

#[tokio::test]
async fn a_logout_that_whatsapp_does_not_answer_is_not_said_to_be_done() {
    let world = World::new(Kind::Sqlite).await;
    let device = world.linked("shop").await;
    world.until("shop", "named", |state| !state["push_name"].is_null()).await;
    world.sim.fault("15550100001", device, Fault::Silence).await.expect("the device is there");
    let answer = world.door.post("/shop/logout", Value::Null).await.ok();
    is_logged_out_here_only(&world, &answer).await;
    world.finish().await;
}

#[tokio::test]
async fn the_name_of_the_account_is_in_the_first_connected_and_each_new_one_is_told() {
    let world = World::new(Kind::Sqlite).await;
    world.sim.add_phone("15550100001", "Shop");
    world.linked("shop").await;
    let connected = of_type(&world, "connected", 1).await;
    assert_eq!(connected[0]["data"]["push_name"], "Shop");
    world.sim.add_phone("15550100001", "Market");
    let told = of_type(&world, "own_push_name_update", 2).await;
    let names: Vec<_> = told.iter().map(|event| event["data"].clone()).collect();
    let first = json!({ "push_name": "Shop", "old_push_name": null });
    assert_eq!(names, [first, json!({ "push_name": "Market", "old_push_name": "Shop" })]);
    assert_eq!(world.door.status("shop").await["push_name"], "Market");
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    world.sim.add_phone("15550100001", "Bazaar");
    world.door.post("/shop/connect", Value::Null).await.ok();
    let told = of_type(&world, "own_push_name_update", 3).await;
    assert_eq!(told[2]["data"], json!({ "push_name": "Bazaar", "old_push_name": "Market" }));
    world.finish().await;
}

#[tokio::test]
async fn a_pair_code_links_the_phone_whose_number_was_given() {
    let world = World::new(Kind::Sqlite).await;
    let phone = world.phone();
    world.door.create("shop").await;
    let asked = json!({ "phone_number": "+1 (555) 010-0001" });
    let first = world.door.post("/shop/pair", asked.clone()).await.ok();
    let code = first["code"].as_str().expect("a code").to_owned();
    assert!(code.len() == 9 && code.as_bytes()[4] == b'-', "{code}");
    assert!((100..=180).contains(&first["timeout_seconds"].as_u64().expect("seconds")), "{first}");
    assert_eq!(world.door.post("/shop/pair", asked.clone()).await.ok()["code"], code);
    assert_eq!(world.door.status("shop").await["status"], "waiting_for_pair_code");

    assert!(phone.enter("ABCD-EFGH").await.is_err());
    phone.enter(&code).await.expect("it is the right code");
    world.reaches("shop", "logged_in").await;
    assert_eq!(world.door.post("/shop/pair", asked).await.problem(), (409, "already_logged_in".to_owned()));
    world.finish().await;
}

#[tokio::test]
async fn a_number_that_is_none_is_refused_with_the_reason() {
    let world = World::new(Kind::Sqlite).await;
    world.door.create("shop").await;
    for body in [json!({}), json!({ "phone_number": "none" }), json!({ "phone_number": "0155501000" })] {
        let answer = world.door.post("/shop/pair", body).await;
        assert!(answer.text().contains("phone_number"), "{}", answer.text());
        assert_eq!(answer.problem(), (422, "invalid".to_owned()));
    }
    world.finish().await;
}

#[tokio::test]
async fn the_phone_shows_what_the_session_said_it_is() {
    let world = World::new(Kind::Sqlite).await;
    let device = json!({ "os": "Windows", "platform": "firefox", "version": "1.2.3" });
    world.door.post("", json!({ "id": "shop", "device": device })).await.ok();
    world.link("shop", &world.phone()).await;
    let shown = format!("{:?}", world.phone().devices()[0]).to_lowercase();
    for word in ["windows", "firefox", "1.2.3"] {
        assert!(shown.contains(word), "{word} in {shown}");
    }
    world.finish().await;
}
