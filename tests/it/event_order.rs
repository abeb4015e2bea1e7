//! The order of a session's events is the order in which WhatsApp sent what they tell of.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::journal::{all, has_no_gap, of_type, until};
use crate::support::world::{Kind, World};

const SHOP: &str = "15550100001";
const FRIEND: &str = "15550100077";
const OTHER: &str = "15550100078";
/// Members who are taken out of the group and put back in, in each round.
const PAIRS: usize = 5;

/// A session to which nothing comes as something that waited for it any more.
async fn caught_up(world: &World) {
    world.linked("shop").await;
    until(world, "offline_sync_completed", |_| true).await;
}

/// A world in which a friend has made a group with the shop and another one.
async fn with_group(kind: Kind) -> (World, String) {
    let world = World::new(kind).await;
    world.linked("shop").await;
    world.sim.phone(OTHER);
    let group = world.sim.phone(FRIEND).create_group("Desk", &[SHOP, OTHER]).expect("a group");
    until(&world, "joined_group", |body| body["group"] == group).await;
    // What says so tells of the group's beginning as well, in an event behind it.
    of_type(&world, "group_update", 1).await;
    (world, group)
}

async fn take_out_and_put_back(world: &World, group: &str) {
    let friend = world.sim.phone(FRIEND);
    for _ in 0..PAIRS {
        friend.remove_from_group(group, &[OTHER]).await.expect("a group");
        friend.add_to_group(group, &[OTHER]).expect("a group");
    }
}

/// The changes of members that the journal has behind those, so many of them.
async fn changes(world: &World, skip: usize, count: usize) -> String {
    let changes = of_type(world, "group_update", skip + count).await.split_off(skip);
    let word = |event: &Value| match event["data"]["change"].as_str() {
        Some("participants_removed") => 'R',
        Some("participants_added") => 'A',
        _ => '?',
    };
    changes.iter().map(word).collect()
}

/// Disconnects when WhatsApp has heard that everything came: a change whose acknowledgement is lost comes again, and is told again.
async fn offline(world: &World) {
    world.eventually("all is acknowledged", || world.phone().devices()[0].unnoticed == 0).await;
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    world.reaches("shop", "disconnected").await;
}

async fn online(world: &World) {
    world.door.post("/shop/connect", Value::Null).await.ok();
    world.reaches("shop", "logged_in").await;
}

#[rstest]
#[tokio::test]
async fn changes_of_a_group_are_told_in_the_order_in_which_they_were_made(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let (world, group) = with_group(kind).await;
    let before = of_type(&world, "group_update", 0).await.len();
    let truth = "RA".repeat(PAIRS);
    for round in 0..20 {
        let is_away = round % 2 == 1;
        if is_away {
            offline(&world).await;
        }
        take_out_and_put_back(&world, &group).await;
        if is_away {
            online(&world).await;
        }
        let told = changes(&world, before + round * 2 * PAIRS, 2 * PAIRS).await;
        assert_eq!(told, truth, "round {round}, away: {is_away}");
    }
    has_no_gap(&all(&world.door, "&session=shop").await);
    world.finish().await;
}

#[tokio::test]
async fn graphql_shows_the_same_order() {
    let (world, group) = with_group(Kind::Sqlite).await;
    let before = of_type(&world, "group_update", 0).await.len();
    take_out_and_put_back(&world, &group).await;
    assert_eq!(changes(&world, before, 2 * PAIRS).await, "RA".repeat(PAIRS));
    let query = "{ events(first: 100, filter: { types: [GROUP_UPDATE] }) {
        nodes { data { ... on GroupUpdateEvent { change } } } } }";
    let answer = world.door.asked(query, json!({})).await;
    let nodes = answer["events"]["nodes"].as_array().expect("a list");
    let told: Vec<_> = nodes.iter().rev().take(2 * PAIRS).rev().map(|node| node["data"]["change"].clone()).collect();
    let truth = [json!("PARTICIPANTS_REMOVED"), json!("PARTICIPANTS_ADDED")];
    assert_eq!(told, truth.iter().cycle().take(2 * PAIRS).cloned().collect::<Vec<_>>());
    world.finish().await;
}

/// What the journal has of those, in order: each by its text, its change or its type.
async fn story(world: &World, skip: usize, count: usize) -> Vec<String> {
    let types = "&type=message,group_update,picture_update,call,offline_sync_completed";
    let begun = std::time::Instant::now();
    loop {
        let events = all(&world.door, &format!("&session=shop{types}")).await;
        if events.len() >= skip + count {
            let tell = |event: &Value| {
                let data = &event["data"];
                let words = ["text", "change", "state"].iter().find_map(|field| data[field].as_str());
                words.or(event["event"].as_str()).unwrap_or_default().to_owned()
            };
            return events[skip..].iter().map(tell).collect();
        }
        assert!(begun.elapsed().as_secs() < 40, "{} of {}", events.len(), skip + count);
        tokio::time::sleep(std::time::Duration::from_millis(15)).await;
    }
}

#[rstest]
#[tokio::test]
async fn what_is_not_a_message_is_told_between_the_messages_that_it_came_between(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let (world, group) = with_group(kind).await;
    let (friend, other) = (world.sim.phone(FRIEND), world.sim.phone(OTHER));
    // Keys are exchanged before: what carries only keys is no message.
    friend.send(SHOP, "hello").await.expect("it is sent");
    other.send(SHOP, "hello").await.expect("it is sent");
    of_type(&world, "message", 2).await;
    for round in 0..12 {
        let skip = story(&world, 0, 0).await.len();
        let is_away = round % 2 == 1;
        if is_away {
            offline(&world).await;
        }
        let mut truth = Vec::new();
        for number in 0..3 {
            let (first, second) = (format!("first {round} {number}"), format!("second {round} {number}"));
            friend.send(SHOP, &first).await.expect("it is sent");
            friend.remove_from_group(&group, &[OTHER]).await.expect("a group");
            other.send(SHOP, &second).await.expect("it is sent");
            friend.set_picture();
            friend.add_to_group(&group, &[OTHER]).expect("a group");
            truth.extend([first, "participants_removed".to_owned(), second]);
            truth.extend(["picture_update", "participants_added"].map(str::to_owned));
        }
        if is_away {
            online(&world).await;
            truth.push("offline_sync_completed".to_owned());
        }
        assert_eq!(story(&world, skip, truth.len()).await, truth, "round {round}, away: {is_away}");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_missed_call_knows_who_called_and_how() {
    let world = World::new(Kind::Sqlite).await;
    caught_up(&world).await;
    let stranger = world.sim.phone(FRIEND);
    for is_away in [false, true] {
        let call = stranger.call(SHOP, true).expect("it rings");
        until(&world, "call", |body| body["call_id"] == call && body["state"] == "offered").await;
        if is_away {
            offline(&world).await;
        }
        stranger.hang_up(SHOP, &call, Some("timeout")).expect("it rang");
        if is_away {
            online(&world).await;
        }
        let missed = until(&world, "call", |body| body["call_id"] == call && body["state"] == "missed").await;
        assert_eq!((&missed["from"]["phone_number"], &missed["is_video"]), (&json!(FRIEND), &json!(true)));
    }
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn who_called_is_known_after_a_crash(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut world = World::new(kind).await;
    caught_up(&world).await;
    let stranger = world.sim.phone(FRIEND);
    let known = world.tables().await.rows().await.get("lid_mapping").copied().unwrap_or(0);
    let call = stranger.call(SHOP, true).expect("it rings");
    until(&world, "call", |body| body["call_id"] == call && body["state"] == "offered").await;
    fills(&world, "lid_mapping", known + 1).await;
    world.server.kill();
    stranger.hang_up(SHOP, &call, Some("timeout")).expect("it rang");
    world.start_again();
    let missed = until(&world, "call", |body| body["call_id"] == call && body["state"] == "missed").await;
    assert_eq!(missed["from"]["phone_number"], FRIEND);
    world.finish().await;
}

/// Waits until the server has so many rows in a table.
async fn fills(world: &World, table: &str, rows: i64) {
    let (tables, begun) = (world.tables().await, std::time::Instant::now());
    while tables.rows().await.get(table).is_none_or(|count| *count < rows) {
        assert!(begun.elapsed().as_secs() < 40, "{table} does not fill in time");
        tokio::time::sleep(std::time::Duration::from_millis(15)).await;
    }
}

/// Waits until the client has synced every collection of the app state for the first time.
async fn synced(world: &World) {
    fills(world, "sync_version", 5).await;
}

#[rstest]
#[tokio::test]
async fn the_first_change_after_linking_is_news(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    world.sim.phone(FRIEND);
    world.linked("shop").await;
    synced(&world).await;
    let phone = world.phone();
    for (number, value) in [true, false, true].into_iter().enumerate() {
        phone.archive_chat(FRIEND, value).expect("it is done");
        let told = of_type(&world, "archive_update", number + 1).await;
        assert_eq!(told[number]["data"]["is_archived"], value);
    }
    phone.mute_chat(FRIEND, true, None).expect("it is done");
    of_type(&world, "mute_update", 1).await;
    phone.save_contact(FRIEND, "Grace Hopper").expect("it is done");
    of_type(&world, "contact_update", 1).await;
    world.finish().await;
}

#[tokio::test]
async fn each_collection_begins_empty_on_its_own() {
    type Change = (&'static str, fn(&whatsapp_simulator::Phone) -> anyhow::Result<()>);
    let changes: [Change; 2] = [
        ("pin_update", |phone| phone.pin_chat(FRIEND, true)),
        ("mark_chat_as_read", |phone| phone.mark_chat(FRIEND, true)),
    ];
    for (event, change) in changes {
        let world = World::new(Kind::Sqlite).await;
        world.sim.phone(FRIEND);
        world.linked("shop").await;
        synced(&world).await;
        change(&world.phone()).expect("it is done");
        of_type(&world, event, 1).await;
        world.finish().await;
    }
}

#[tokio::test]
async fn what_was_so_before_the_link_is_no_news() {
    let world = World::new(Kind::Sqlite).await;
    world.sim.phone(FRIEND);
    let phone = world.phone();
    phone.archive_chat(FRIEND, true).expect("it is done");
    phone.save_contact(FRIEND, "Grace Hopper").expect("it is done");
    world.linked("shop").await;
    synced(&world).await;
    phone.archive_chat(FRIEND, false).expect("it is done");
    phone.save_contact(FRIEND, "Rear Admiral Hopper").expect("it is done");
    let (archived, contacts) = (of_type(&world, "archive_update", 1).await, of_type(&world, "contact_update", 1).await);
    assert_eq!((archived.len(), &archived[0]["data"]["is_archived"]), (1, &json!(false)));
    assert_eq!((contacts.len(), &contacts[0]["data"]["full_name"]), (1, &json!("Rear Admiral Hopper")));
    world.finish().await;
}

#[tokio::test]
async fn changes_that_come_while_another_is_fetched_are_told() {
    let world = World::new(Kind::Sqlite).await;
    world.sim.phone(FRIEND);
    world.linked("shop").await;
    synced(&world).await;
    let phone = world.phone();
    for round in 1..=10 {
        for value in [true, false, true, false] {
            phone.archive_chat(FRIEND, value).expect("it is done");
        }
        let told = of_type(&world, "archive_update", 4 * round).await;
        assert_eq!(told.last().map(|event| &event["data"]["is_archived"]), Some(&json!(false)), "round {round}");
    }
    world.finish().await;
}
