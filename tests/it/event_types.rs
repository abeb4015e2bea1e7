//! What people do, from their phones to the journal: each type of event in its own words.

use serde_json::{Map, Value, json};
use whatsapp_simulator::{Fault, Phone, content};

use crate::support::journal::{of_type, until};
use crate::support::world::{Kind, World};

const SHOP: &str = "15550100001";
const FRIEND: &str = "15550100077";
const OTHER: &str = "15550100078";

/// A world in which the shop and a friend know each other.
async fn acquainted() -> World {
    let world = World::new(Kind::Sqlite).await;
    world.linked("shop").await;
    world.sim.phone(OTHER);
    world.sim.phone(FRIEND).send(SHOP, "hello").await.expect("it is sent");
    of_type(&world, "message", 1).await;
    world
}

/// Both of a person's names.
fn is_whole(party: &Value, phone: &str) {
    assert_eq!(party["phone_number"], phone, "{party}");
    assert!(party["lid"].as_str().is_some_and(|lid| lid.ends_with("@lid")), "{party}");
}

#[tokio::test]
async fn messages_of_every_kind_say_what_they_are() {
    let world = acquainted().await;
    let friend = world.sim.phone(FRIEND);
    let group = friend.create_group("Tea", &[SHOP]).expect("a group");
    let first = friend.send(SHOP, "the first").await.expect("it is sent");
    let key = || friend.key_of(SHOP, &first).expect("a key");
    let sent = [
        content::reply("an answer", Some((&first, FRIEND, content::text("the first"))), &[SHOP]),
        content::image(Some("a caption")),
        content::location(52.5, 13.4, Some("the shop")),
        content::contact("Bob", "15550100055"),
        content::poll("tea?", &["yes", "no"]),
        content::reaction(key(), "👍"),
        content::edit(key(), content::text("the second")),
        content::revoke(key()),
    ];
    for message in sent {
        friend.send_content(SHOP, message).await.expect("it is sent");
    }
    friend.send(&group, "to all").await.expect("it is sent");
    let events = of_type(&world, "message", 11).await;
    // The library takes chats side by side.
    let (grouped, bodies): (Vec<_>, Vec<_>) =
        events.iter().map(|event| &event["data"]).partition(|body| body["is_group"] == true);
    for body in bodies.iter().chain(&grouped) {
        is_whole(&body["sender"], FRIEND);
        let flat = (&body["from_phone"], &body["is_from_me"], &body["offline"]);
        assert_eq!(flat, (&json!(FRIEND), &json!(false), &json!(false)));
        assert!(body["timestamp"].as_i64() > Some(1_700_000_000));
    }
    let kinds: Vec<_> = bodies.iter().map(|body| body["message_type"].as_str().expect("a word")).collect();
    let expected = ["text", "text", "text", "image", "location", "contacts", "poll", "reaction", "edit", "revoke"];
    assert_eq!(kinds, expected);
    assert_eq!((&bodies[2]["text"], &bodies[2]["quoted"]["message_id"]), (&json!("an answer"), &json!(first)));
    assert_eq!(bodies[2]["mentions"], json!(["15550100001@s.whatsapp.net"]));
    assert_eq!((&bodies[3]["caption"], &bodies[3]["media"]["kind"]), (&json!("a caption"), &json!("image")));
    assert_eq!(bodies[4]["location"]["latitude"], 52.5);
    assert_eq!(bodies[5]["contacts"][0]["display_name"], "Bob");
    assert_eq!(bodies[5]["contacts"][0]["people"][0]["phone_number"], "15550100055");
    assert_eq!((&bodies[6]["poll"]["name"], &bodies[6]["poll"]["options"]), (&json!("tea?"), &json!(["yes", "no"])));
    assert_eq!((&bodies[7]["reaction"]["emoji"], &bodies[7]["reaction"]["message_id"]), (&json!("👍"), &json!(first)));
    assert_eq!((&bodies[8]["edit"]["message_id"], &bodies[8]["text"]), (&json!(first), &json!("the second")));
    assert_eq!(bodies[9]["revoke"]["message_id"], first);
    assert_eq!((&grouped[0]["text"], &grouped[0]["chat"]), (&json!("to all"), &json!(group)));
    assert!(grouped[0]["participant"].is_string() && bodies[9]["participant"].is_null());
    world.finish().await;
}

#[tokio::test]
async fn what_the_account_writes_on_its_phone_and_who_reads_it() {
    let world = acquainted().await;
    let id = world.phone().send(FRIEND, "from the phone").await.expect("it is sent");
    let own = until(&world, "message", |body| body["is_from_me"] == true).await;
    assert_eq!((&own["message_id"], &own["text"]), (&json!(id), &json!("from the phone")));
    let friend = world.sim.phone(FRIEND);
    friend.read(&[&id]).expect("it is there");
    let receipt = until(&world, "receipt", |body| body["kind"] == "read").await;
    assert_eq!(receipt["message_ids"], json!([id]));
    is_whole(&receipt["sender"], FRIEND);
    world.finish().await;
}

/// Something that a phone does with a chat.
type Act = fn(&Phone, &str) -> anyhow::Result<()>;

#[tokio::test]
async fn the_other_one_of_a_chat_is_a_person_whichever_name_the_account_uses() {
    let world = World::new(Kind::Sqlite).await;
    world.linked("shop").await;
    let (phone, stranger) = (world.phone(), world.sim.phone(OTHER));
    // Of whom nothing came yet, only the stanza tells the number.
    phone.migrate();
    let id = phone.send(OTHER, "good morning").await.expect("it is sent");
    let own = until(&world, "message", |body| body["message_id"] == id).await;
    assert_eq!(own["chat"], format!("{}@lid", stranger.lid()));
    is_whole(&own["partner"], OTHER);
    is_whole(&own["sender"], SHOP);
    let asked = stranger.send(SHOP, "are you open?").await.expect("it is sent");
    let theirs = until(&world, "message", |body| body["message_id"] == asked).await;
    is_whole(&theirs["partner"], OTHER);
    phone.read(&[&asked]).expect("it is there");
    let read = until(&world, "receipt", |body| body["message_ids"] == json!([asked])).await;
    is_whole(&read["partner"], OTHER);
    assert_eq!(read["chat"], format!("{}@lid", stranger.lid()));
    let answer = content::reply("yes", Some((&asked, OTHER, content::text("are you open?"))), &[OTHER]);
    let id = phone.send_content(OTHER, answer).await.expect("it is sent");
    let own = until(&world, "message", |body| body["message_id"] == id).await;
    is_whole(&own["quoted"]["author"], OTHER);
    is_whole(&own["mentioned"][0], OTHER);
    assert_eq!(own["quoted"]["text"], "are you open?");
    let query = "{ events(filter: { types: [MESSAGE] }) { nodes { data { ... on MessageEvent {
        partner { id lid phone_number: phoneNumber } quoted { text author { lid phone_number: phoneNumber } }
        mentioned { lid phone_number: phoneNumber } } } } } }";
    let shown = world.door.asked(query, Value::Null).await;
    let nodes = shown["events"]["nodes"].as_array().expect("a list");
    for party in nodes.iter().map(|node| &node["data"]["partner"]) {
        is_whole(party, OTHER);
    }
    let last = &nodes.last().expect("there is one")["data"];
    assert_eq!(last["quoted"]["text"], "are you open?");
    is_whole(&last["quoted"]["author"], OTHER);
    is_whole(&last["mentioned"][0], OTHER);
    let acts: [(&str, &str, Act); 4] = [
        ("pin_update", "is_pinned", |phone, chat| phone.pin_chat(chat, true)),
        ("mute_update", "is_muted", |phone, chat| phone.mute_chat(chat, true, None)),
        ("archive_update", "is_archived", |phone, chat| phone.archive_chat(chat, true)),
        ("mark_chat_as_read", "is_read", |phone, chat| phone.mark_chat(chat, true)),
    ];
    for (event, field, act) in acts {
        shows(&world, event, field, || act(&phone, OTHER)).await;
        let told = until(&world, event, |body| body[field] == true).await;
        is_whole(&told["partner"], OTHER);
    }
    world.finish().await;
}

#[tokio::test]
async fn what_happens_to_groups() {
    let world = acquainted().await;
    let friend = world.sim.phone(FRIEND);
    let group = friend.create_group("Tea", &[SHOP]).expect("a group");
    let joined = until(&world, "joined_group", |body| body["group"] == group).await;
    is_whole(&joined["author"], FRIEND);
    friend.rename_group(&group, "Six o'clock tea").expect("a group");
    let renamed = until(&world, "group_update", |body| body["change"] == "subject").await;
    assert_eq!((&renamed["group"], &renamed["text"]), (&json!(group), &json!("Six o'clock tea")));
    friend.add_to_group(&group, &[OTHER]).expect("a group");
    let added = until(&world, "group_update", |body| body["change"] == "participants_added").await;
    assert_eq!(added["participants"].as_array().map(Vec::len), Some(1));
    friend.promote(&group, &[OTHER]).expect("a group");
    until(&world, "group_update", |body| body["change"] == "participants_promoted").await;
    friend.demote(&group, &[OTHER]).expect("a group");
    until(&world, "group_update", |body| body["change"] == "participants_demoted").await;
    friend.remove_from_group(&group, &[OTHER]).await.expect("a group");
    until(&world, "group_update", |body| body["change"] == "participants_removed").await;
    world.finish().await;
}

#[tokio::test]
async fn what_contacts_change_about_themselves() {
    let world = acquainted().await;
    let friend = world.sim.phone(FRIEND);
    friend.set_picture();
    let picture = until(&world, "picture_update", |body| body["is_removed"] == false).await;
    is_whole(&picture["subject"], FRIEND);
    friend.delete_picture();
    until(&world, "picture_update", |body| body["is_removed"] == true).await;
    friend.set_about("at sea");
    let about = until(&world, "user_about_update", |_| true).await;
    assert_eq!(about["about"], "at sea");
    is_whole(&about["contact"], FRIEND);
    world.door.create("second").await;
    world.link("second", &friend).await;
    let devices = until(&world, "device_list_update", |body| body["change"] == "added").await;
    is_whole(&devices["contact"], FRIEND);
    world.finish().await;
}

/// Does something on the phone until it shows. What is done before the client has synced for the first time is no news.
async fn shows(world: &World, event: &str, field: &str, act: impl Fn() -> anyhow::Result<()>) {
    for _ in 0..80 {
        act().expect("the phone can do it");
        for _ in 0..20 {
            let seen = of_type(world, event, 0).await;
            if seen.iter().any(|event| !matches!(event["data"][field], Value::Null | Value::Bool(false))) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
    }
    panic!("no {event}");
}

#[tokio::test]
async fn what_the_account_does_with_its_chats_on_the_phone() {
    let world = acquainted().await;
    let phone = world.phone();
    shows(&world, "pin_update", "is_pinned", || phone.pin_chat(FRIEND, true)).await;
    shows(&world, "mute_update", "is_muted", || phone.mute_chat(FRIEND, true, None)).await;
    shows(&world, "archive_update", "is_archived", || phone.archive_chat(FRIEND, true)).await;
    shows(&world, "mark_chat_as_read", "is_read", || phone.mark_chat(FRIEND, true)).await;
    shows(&world, "contact_update", "full_name", || phone.save_contact(FRIEND, "Grace Hopper")).await;
    let contact = until(&world, "contact_update", |_| true).await;
    assert_eq!(contact["full_name"], "Grace Hopper");
    is_whole(&contact["contact"], FRIEND);
    world.finish().await;
}

#[tokio::test]
async fn calls_from_the_first_ring_to_their_end() {
    let world = acquainted().await;
    let friend = world.sim.phone(FRIEND);
    for (reason, state) in
        [(Some("timeout"), "missed"), (Some("accepted_elsewhere"), "accepted_elsewhere"), (None, "ended")]
    {
        let call = friend.call(SHOP, true).expect("it rings");
        let offered = until(&world, "call", |body| body["call_id"] == call).await;
        assert_eq!((&offered["state"], &offered["is_video"]), (&json!("offered"), &json!(true)));
        is_whole(&offered["from"], FRIEND);
        friend.hang_up(SHOP, &call, reason).expect("it rang");
        until(&world, "call", |body| body["call_id"] == call && body["state"] == state).await;
    }
    world.finish().await;
}

#[tokio::test]
async fn a_message_that_nobody_can_read_is_said_to_be_so() {
    let world = World::new(Kind::Sqlite).await;
    let device = world.linked("shop").await;
    let friend = world.sim.phone(FRIEND);
    friend.send(SHOP, "hello").await.expect("it is sent");
    of_type(&world, "message", 1).await;
    world.sim.fault(SHOP, device, Fault::BreakMessages { count: 1, repairable: false }).await.expect("a device");
    let id = friend.send(SHOP, "broken").await.expect("it is sent");
    let broken = until(&world, "undecryptable_message", |body| body["message_id"] == id).await;
    assert_eq!(broken["reason"], "failed");
    is_whole(&broken["sender"], FRIEND);
    let id = friend.send_content(SHOP, content::view_once()).await.expect("it is sent");
    let withheld = until(&world, "undecryptable_message", |body| body["message_id"] == id).await;
    assert_eq!(withheld["reason"], "view_once");
    // What can be read when it comes again is a message like any other.
    world.sim.fault(SHOP, device, Fault::BreakMessages { count: 1, repairable: true }).await.expect("a device");
    let id = friend.send(SHOP, "mended").await.expect("it is sent");
    let mended = until(&world, "message", |body| body["message_id"] == id).await;
    assert_eq!(mended["text"], "mended");
    world.finish().await;
}

/// Whether a value fits a schema of the document, read as JSON Schema has it: of `oneOf`, one shape and no other.
fn fits(document: &Value, schema: &Value, value: &Value) -> bool {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/components/schemas/")) {
        return fits(document, &document["components"]["schemas"][name], value);
    }
    let count = |word: &str| {
        let shapes = schema[word].as_array()?;
        Some(shapes.iter().filter(|shape| fits(document, shape, value)).count())
    };
    schema["allOf"].as_array().is_none_or(|shapes| shapes.iter().all(|shape| fits(document, shape, value)))
        && count("anyOf").is_none_or(|count| count > 0)
        && count("oneOf").is_none_or(|count| count == 1)
        && schema["enum"].as_array().is_none_or(|words| words.contains(value))
        && of_a_kind(document, schema, value)
}

/// What may be null is of one kind or of none.
fn of_a_kind(document: &Value, schema: &Value, value: &Value) -> bool {
    match schema["type"].as_array() {
        Some(kinds) => value.is_null() && kinds.contains(&json!("null")) || is_of(document, schema, &kinds[0], value),
        None => is_of(document, schema, &schema["type"], value),
    }
}

fn is_of(document: &Value, schema: &Value, kind: &Value, value: &Value) -> bool {
    match kind.as_str() {
        None => true,
        Some("null") => value.is_null(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64(),
        Some("number") => value.is_number(),
        Some("array") => {
            value.as_array().is_some_and(|items| items.iter().all(|item| fits(document, &schema["items"], item)))
        }
        Some("object") => value.as_object().is_some_and(|fields| has(document, schema, fields)),
        Some(kind) => panic!("{kind} is not checked here"),
    }
}

fn has(document: &Value, schema: &Value, fields: &Map<String, Value>) -> bool {
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let properties = schema["properties"].as_object().into_iter().flatten();
    required.into_iter().all(|name| fields.contains_key(name))
        && properties.into_iter().all(|(name, shape)| fields.get(name).is_none_or(|value| fits(document, shape, value)))
}

fn document() -> Value {
    serde_json::from_str(include_str!("../../openapi/openapi.json")).expect("it is JSON")
}

#[test]
fn every_example_in_the_document_fits_its_schema() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().expect("an object").iter();
    let mut seen = 0;
    for (name, schema) in schemas {
        for example in schema["examples"].as_array().into_iter().flatten() {
            assert!(fits(&document, schema, example), "{name}: {example}");
            seen += 1;
        }
    }
    // One for each type of event, and for each thing that goes in or out.
    assert!(seen > 50, "{seen}");
    // The check itself tells one from another.
    let event = &document["components"]["schemas"]["Event"];
    let mut broken = event["examples"][0].clone();
    broken["data"] = json!({ "message": 5 });
    assert!(!fits(&document, event, &broken) && !fits(&document, event, &json!({})));
}

#[test]
fn an_event_is_of_the_shape_that_its_word_says_and_of_no_other() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let choices = schemas["Event"]["oneOf"].as_array().expect("a list");
    let mapping = schemas["Event"]["discriminator"]["mapping"].as_object().expect("an object");
    assert_eq!(choices.len(), mapping.len());
    for (word, webhook) in document["webhooks"].as_object().expect("an object") {
        let reference = &webhook["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        assert_eq!(&mapping[word], reference, "{word}");
        let name = reference.as_str().and_then(|path| path.rsplit('/').next()).expect("a name");
        let example = &schemas[name]["examples"][0];
        // Types with the same data are told apart by the word all the same.
        let fitting: Vec<_> = choices.iter().filter(|choice| fits(&document, choice, example)).collect();
        assert_eq!(fitting, [&json!({ "$ref": reference })], "{word}");
    }
}
