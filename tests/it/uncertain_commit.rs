//! A commit whose answer is lost: it may have been written, or be written a moment later, and nobody may pass it.

use std::time::Duration;

use entity::ids::SessionId;
use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use waypost::caller::Caller;
use waypost::clock::Clock;
use waypost::db::Db;
use waypost::event::Events;
use waypost::event::body::EventBody;
use waypost::event::body::session::OfflineSyncCompletedEvent;
use waypost::event::entry::{JournalEntry, NewEvent};
use waypost::event::index::MessageKey;
use waypost::event::journal::Journal;
use waypost::event::types::{EventFilter, PageSize};
use waypost::lifecycle::Lifecycle;
use waypost::session;
use whatsapp_simulator::Settings;

use crate::support::database;
use crate::support::journal::of_type;
use crate::support::postgres_proxy::PostgresProxy;
use crate::support::webhook_fixture::WebhookFixture;
use crate::support::world::{Kind, World};

/// Longest wait for a fact.
const LIMIT: Duration = Duration::from_secs(20);

fn shop() -> SessionId {
    SessionId::parse("shop").expect("it is one")
}

/// What a message is to the journal: something with a key.
fn message(id: &str, clock: &Clock) -> JournalEntry {
    let body = EventBody::OfflineSyncCompleted(OfflineSyncCompletedEvent { count: 1 });
    let mut draft = NewEvent::new(shop(), &body, clock.now()).expect("it is JSON");
    let [chat, sender, message_id] = ["c", "s", id].map(str::to_owned);
    draft.message = Some(MessageKey { session_id: shop(), chat, sender, message_id });
    JournalEntry { events: vec![draft], ..JournalEntry::default() }
}

#[tokio::test]
async fn an_event_whose_commit_was_in_doubt_is_told_to_those_who_follow() {
    let database = database::postgres().await;
    let (proxy, url) = PostgresProxy::before(&database.url()).await;
    let (db, clock, lifecycle) =
        (Db::postgres(&url, 4).await.expect("the database"), Clock::system(), Lifecycle::new());
    database::add_session(&db, &clock, &shop()).await;
    let journal = Journal::open(db.clone(), clock.clone(), &lifecycle).await.expect("a journal");
    let events = Events::new(db.clone(), journal.clone(), clock.clone(), lifecycle.clone());
    let mut followed = events.follow(&Caller::admin(), EventFilter::default(), None).await.expect("a stream");
    let mut next = async || {
        let event = tokio::time::timeout(LIMIT, followed.next()).await.expect("it is told").expect("it goes on");
        event.expect("an event").event.sequence
    };
    journal.write(message("1", &clock)).await.expect("it is written");
    assert_eq!(next().await, 1);

    proxy.lose_a_commit();
    // Whoever brought it brings it again, as WhatsApp does, until it is told that the journal has it.
    while journal.write(message("2", &clock)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(proxy.has_lost_it(), "{proxy:?}");
    assert_eq!(next().await, 2);
    journal.write(message("3", &clock)).await.expect("it is written");
    assert_eq!(next().await, 3);
    let page = events
        .list(&Caller::admin(), EventFilter::default(), None, PageSize::new("limit", 10).expect("a size"))
        .await
        .expect("a page");
    assert_eq!(page.events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(lifecycle.shut_down(LIMIT).await, "it ends in time");
}

// The proxy works on while the test waits for the server to come up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_whose_commit_was_in_doubt_is_there_for_every_door_and_its_creator_is_told() {
    let database = database::postgres().await;
    let (proxy, url) = PostgresProxy::before(&database.url()).await;
    // The kind is what the world makes by itself; the flag has the last word.
    let mut world = World::with(Kind::Sqlite, Settings::default(), &["--database-url", &url]).await;
    proxy.lose_a_commit();
    let webhook = json!({ "url": "https://crm.example.com/hook", "events": ["presence"] });
    let answer = world.door.post("", json!({ "id": "shop", "webhook": webhook })).await;
    assert!(proxy.has_lost_it(), "{proxy:?}");
    assert_eq!((answer.status, &answer.json()["session"]["id"]), (201, &json!("shop")), "{}", answer.text());
    // The table, the memory of this process and that of the next say the same.
    let written = session::store::find(database.read(), &shop()).await.expect("it reads");
    assert_eq!(written.expect("it is there").session.id, shop());
    assert_eq!(world.door.post("", json!({ "id": "shop" })).await.problem().0, 409);
    world.link("shop", &world.phone()).await;
    assert_eq!(world.door.get("/shop/webhooks").await.ok()["webhooks"].as_array().map(Vec::len), Some(1));
    world.crash();
    world.reaches("shop", "logged_in").await;
    assert!(world.door.delete("shop").await.status < 300);
    assert_eq!(world.door.get("/shop").await.status, 404);
    world.finish().await;
}

// As above.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_was_taken_back_or_tried_again_in_doubt_is_so_for_who_asked_for_it() {
    let database = database::postgres().await;
    let (proxy, url) = PostgresProxy::before(&database.url()).await;
    let world = World::with(Kind::Sqlite, Settings::default(), &["--database-url", &url]).await;
    world.linked("shop").await;
    let friend = world.sim.phone("15550100177");
    // While the session is offline, nobody else changes the message.
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    let body = json!({ "to": "15550100177", "content": { "type": "text", "text": "tea is ready" } });
    let waiting = world.door.post("/shop/messages", body).await.ok();
    let id = waiting["id"].as_str().expect("an id");
    let path = format!("/api/v1/sessions/shop/messages/{id}");
    let change = async |method: Method, path: &str| {
        proxy.lose_a_commit_after("UPDATE outgoing");
        let answer = world.door.ask(method, path, &Value::Null).await;
        assert!(proxy.has_lost_it(), "{proxy:?}");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["status"].clone()
    };
    assert_eq!(change(Method::DELETE, &path).await, "cancelled");
    assert_eq!(world.door.ask(Method::DELETE, &path, &Value::Null).await.problem().0, 409, "that is another request");
    assert_eq!(change(Method::POST, &format!("{path}/retry")).await, "queued");
    world.door.post("/shop/connect", Value::Null).await.ok();
    world.eventually("it is there", || friend.inbox().len() == 1).await;
    let events = of_type(&world, "message_status", 5).await;
    let told: Vec<_> = events.iter().take(5).map(|event| event["data"]["status"].clone()).collect();
    assert_eq!(told, ["queued", "cancelled", "queued", "sending", "sent"], "each is told once");
    world.finish().await;
}

#[tokio::test]
async fn a_webhook_that_may_have_been_switched_off_is_asked_for_again_before_the_next_post() {
    let database = database::postgres().await;
    let (proxy, url) = PostgresProxy::before(&database.url()).await;
    let fixture = WebhookFixture::through(&url, database, &["offline_sync_completed"]).await;
    proxy.lose_a_commit_after(r#"UPDATE "webhook" SET "disabled""#);
    fixture.receiver.then([410]);
    fixture.happens(0).await;
    let is_off = async {
        while fixture.shown().await.enabled {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LIMIT, is_off).await.expect("it is switched off");
    assert!(proxy.has_lost_it(), "{proxy:?}");
    fixture.happens(1).await;
    fixture.rests().await;
    assert_eq!(fixture.came(), [0], "its receiver said that it is gone");
    fixture.close_after("a lane could not be worked").await;
}
