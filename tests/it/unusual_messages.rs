//! What comes from people's phones to the journal that is rare, broken, or means something else than it seems.

use std::time::Duration;

use serde_json::{Value, json};
use whatsapp_simulator::content;

use crate::support::journal::{all, of_type, until};
use crate::support::world::{Kind, World};

const SHOP: &str = "15550100001";
const FRIEND: &str = "15550100077";
const OTHER: &str = "15550100078";

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

#[tokio::test]
async fn a_reaction_is_to_the_account_when_the_message_is_its_own() {
    let world = open_shop().await;
    let (phone, friend, other) = (world.phone(), world.sim.phone(FRIEND), world.sim.phone(OTHER));
    let group = friend.create_group("Tea", &[SHOP, OTHER]).expect("a group");
    for chat in [None, Some(group.as_str())] {
        let (to_friend, to_shop) = (chat.unwrap_or(FRIEND), chat.unwrap_or(SHOP));
        let own = phone.send(to_friend, "from the shop").await.expect("it is sent");
        let theirs = friend.send(to_shop, "from a friend").await.expect("it is sent");
        let mut reactions = vec![(&phone, to_friend, &own, true), (&phone, to_friend, &theirs, false)];
        reactions.extend([(&friend, to_shop, &own, true), (&friend, to_shop, &theirs, false)]);
        if chat.is_some() {
            reactions.extend([(&other, to_shop, &own, true), (&other, to_shop, &theirs, false)]);
        }
        for (who, to, to_what, is_to_me) in reactions {
            let key = who.key_of(to, to_what).expect("a key");
            let id = who.send_content(to, content::reaction(key, "👍")).await.expect("it is sent");
            let mut reaction = message(&world, &id).await["reaction"].take();
            let author = reaction["author"].take();
            assert_eq!(author["phone_number"], if *to_what == own { SHOP } else { FRIEND });
            let expected = json!({ "message_id": to_what, "emoji": "👍", "is_to_me": is_to_me, "author": null });
            assert_eq!(reaction, expected, "{} in {to}", who.phone_number());
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn what_a_customer_taps_is_a_text() {
    let world = open_shop().await;
    let friend = world.sim.phone(FRIEND);
    let asked = world.phone().send(FRIEND, "How many?").await.expect("it is sent");
    let tap = content::disappearing(content::list_reply("Two, please", (&asked, SHOP)));
    let id = friend.send_content(SHOP, tap).await.expect("it is sent");
    let tapped = message(&world, &id).await;
    assert_eq!((&tapped["message_type"], &tapped["text"]), (&"text".into(), &"Two, please".into()));
    assert_eq!(tapped["quoted"]["message_id"], asked);
    assert_eq!((&tapped["tap"]["kind"], &tapped["tap"]["id"]), (&"list_row".into(), &"line-1".into()));
    world.finish().await;
}

#[tokio::test]
async fn the_contacts_that_a_phone_has_are_no_news_and_one_that_it_saves_is() {
    const CONTACTS: u32 = 3_000;
    let world = World::new(Kind::Sqlite).await;
    let phone = world.phone();
    for number in 0..CONTACTS {
        let contact = world.sim.phone(&format!("1555{number:07}"));
        phone.save_contact(contact.phone_number(), &format!("Contact {number}")).expect("it is saved");
    }
    world.linked("shop").await;
    // The client asks for all there is in its own time; what is saved after that shows.
    let friend = world.sim.phone(FRIEND);
    let saved = async {
        for name in (1..).map(|time| format!("Grace Hopper {time}")) {
            phone.save_contact(friend.phone_number(), &name).expect("it is saved");
            for _ in 0..40 {
                let told = of_type(&world, "contact_update", 0).await;
                if !told.is_empty() {
                    return told;
                }
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
        }
        unreachable!("there is always another name")
    };
    let told = tokio::time::timeout(Duration::from_secs(60), saved).await.expect("a contact that is saved shows");
    for update in told {
        assert_eq!(update["data"]["contact"]["phone_number"], FRIEND);
    }
    assert_eq!(world.door.status("shop").await["status"], "logged_in");
    assert_eq!(of_type(&world, "disconnected", 0).await.len(), 0);
    world.finish().await;
}

#[tokio::test]
async fn a_sender_who_shows_another_name_is_told_before_the_message_that_brings_it() {
    let world = open_shop().await;
    let friend = world.sim.phone(FRIEND);
    let mut ids = Vec::new();
    for name in ["Ada", "Ada", "Ada L"] {
        world.sim.add_phone(FRIEND, name);
        ids.push(friend.send(SHOP, "hello").await.expect("it is sent"));
        message(&world, &ids[ids.len() - 1]).await;
    }
    let told = all(&world.door, "").await;
    let place = |is_it: &dyn Fn(&Value) -> bool| told.iter().position(is_it).expect("it is there");
    let renamed = place(&|event| event["event"] == "push_name_update");
    let message = place(&|event| event["data"]["message_id"] == ids[2]);
    assert_eq!(renamed + 1, message);
    let update = &told[renamed]["data"];
    assert_eq!((&update["old_push_name"], &update["contact"]["push_name"]), (&"Ada".into(), &"Ada L".into()));
    assert_eq!(update["contact"]["phone_number"], FRIEND);
    assert_eq!(told.iter().filter(|event| event["event"] == "push_name_update").count(), 1);
    world.finish().await;
}
