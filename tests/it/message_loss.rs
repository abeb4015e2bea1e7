//! Nothing is lost: what phones send is in the journal once, in order, and at the receiver at least once, whatever dies in
//! between.

use std::collections::BTreeMap;
use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use whatsapp_simulator::{Phone, Settings};

use crate::support::journal::{all, has_no_gap, of_type};
use crate::support::receiver::{Received, Receiver};
use crate::support::small_disk::SmallDisk;
use crate::support::world::{Kind, World};

const SHOP: &str = "15550100001";
const FRIEND: &str = "15550100077";
/// What the log says when a client is given up.
const ANEW: &str = "the storage of session shop failed: it connects anew";
const FLAGS: &[&str] = &["--egress-allow", "127.0.0.0/8", "--webhook-retries", "1s,1s,1s,1s,1s,1s,1s,1s,1s,1s"];

/// A server whose session gets messages and passes them on.
struct Flow {
    world: World,
    receiver: Receiver,
    friend: Phone,
    sent: Vec<String>,
}

impl Flow {
    async fn new(kind: Kind) -> Self {
        Self::through(World::with(kind, Settings::default(), FLAGS).await).await
    }

    async fn through(world: World) -> Self {
        let receiver = Receiver::start().await;
        world.linked("shop").await;
        let webhook = json!({ "url": receiver.url("/hook"), "events": ["message"] });
        world.door.post("/shop/webhooks", webhook).await.ok();
        let friend = world.sim.phone(FRIEND);
        Self { world, receiver, friend, sent: Vec::new() }
    }

    async fn send(&mut self) {
        let text = format!("message {}", self.sent.len());
        self.friend.send(SHOP, &text).await.expect("it is sent");
        self.sent.push(text);
    }

    /// Everything that was sent is in the journal once, in order, and came to the receiver in that order. Nothing in the
    /// log is an error.
    async fn arrives(self) {
        self.has_arrived().await.finish().await;
    }

    /// The same, but for what is in the log.
    async fn has_arrived(self) -> World {
        let Self { world, receiver, friend: _, sent } = self;
        let journal = of_type(&world, "message", sent.len()).await;
        let kept: Vec<_> = journal.iter().map(|event| event["data"]["text"].as_str().expect("a text")).collect();
        assert_eq!(kept, sent);
        has_no_gap(&all(&world.door, "&session=shop").await);
        let received = receiver.until("all of it", |received| first(received).len() >= sent.len()).await;
        let came = first(&received);
        let texts: Vec<_> = came.iter().map(|(_, body)| body["data"]["text"].as_str().expect("a text")).collect();
        assert_eq!(texts, sent, "the order of the first arrivals");
        let ids: Vec<_> = journal.iter().map(|event| event["id"].as_str().expect("an id")).collect();
        assert_eq!(came.iter().map(|(id, _)| id).collect::<Vec<_>>(), ids.iter().collect::<Vec<_>>());
        assert_eq!((world.sim.stats().retries, world.sim.violations()), (0, Vec::new()));
        world
    }
}

/// What came, without what came again: a thing that comes twice has the same id and says the same.
fn first(received: &[Received]) -> Vec<(String, Value)> {
    let mut seen: BTreeMap<String, Value> = BTreeMap::new();
    let mut order = Vec::new();
    for request in received {
        let (id, body) = (request.header("webhook-id").to_owned(), request.json());
        match seen.get(&id) {
            Some(before) => assert_eq!(*before, body),
            None => {
                seen.insert(id.clone(), body.clone());
                order.push((id, body));
            }
        }
    }
    order
}

#[rstest]
#[tokio::test]
async fn a_crash_at_a_named_point_loses_nothing(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values("before_commit", "after_commit", "after_claim", "after_post")] point: &str,
) {
    let mut flow = Flow::new(kind).await;
    for round in 0..4 {
        flow.world.server.kill();
        // Its start alone passes the first of these points a few times.
        let number = (8 + 3 * round).to_string();
        flow.world.start_with(&["--crash-at", point, "--crash-after", &number]);
        while flow.world.server.is_alive() {
            flow.send().await;
            // It lives, or dies, by one message after the other.
            tokio::time::sleep(Duration::from_millis(5)).await;
            assert!(flow.sent.len() < 5_000, "it passes {point} no more");
        }
        flow.world.start_again();
    }
    flow.arrives().await;
}

#[rstest]
#[tokio::test]
async fn a_crash_at_any_moment_loses_nothing(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let mut flow = Flow::new(kind).await;
    for round in 0..8u64 {
        for _ in 0..30 {
            flow.send().await;
        }
        // The moment of the crash is what the rounds differ in.
        tokio::time::sleep(Duration::from_millis(round * 17)).await;
        flow.world.crash();
    }
    flow.arrives().await;
}

/// How often the server wrote this to its log.
fn said(world: &World, what: &str) -> usize {
    world.server.output().matches(what).count()
}

#[rstest]
#[tokio::test]
async fn what_cannot_be_written_is_brought_again_and_loses_nothing(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values("signal_session", "event")] table: &str,
) {
    let mut flow = Flow::new(kind).await;
    flow.send().await;
    let tables = flow.world.tables().await;
    tables.hide(table).await;
    for _ in 0..5 {
        flow.send().await;
    }
    let world = &flow.world;
    world.eventually("two attempts", || said(world, ANEW) >= 2).await;
    tables.show(table).await;
    for _ in 0..5 {
        flow.send().await;
    }
    let mut world = flow.has_arrived().await;
    assert!(world.server.stop().success());
}

#[tokio::test]
async fn a_full_disk_stops_the_flow_and_loses_nothing() {
    let disk = SmallDisk::new(12);
    let mut flow = Flow::through(World::on(&disk, FLAGS).await).await;
    for is_killed in [false, true] {
        flow.world.reaches("shop", "logged_in").await;
        let met = said(&flow.world, ANEW);
        disk.fill();
        // What SQLite's log has room for still goes through.
        while said(&flow.world, ANEW) == met {
            flow.send().await;
            tokio::time::sleep(Duration::from_millis(5)).await;
            assert!(flow.sent.len() < 5_000, "the disk is not full");
        }
        // What it says to have created is there later, and nothing else. It says how things are without the disk.
        let mut created = Vec::new();
        for id in (0..20).map(|number| format!("{is_killed}-{number}")) {
            let answer = flow.world.door.post("", json!({ "id": id })).await;
            assert!([201, 503].contains(&answer.status), "{}", answer.text());
            created.push((id, answer.status == 201));
        }
        let status = flow.world.door.status("shop").await;
        assert!(["connecting", "connected", "logged_in"].contains(&status["status"].as_str().expect("a word")));
        if is_killed {
            flow.world.server.kill();
        }
        disk.make_room();
        if is_killed {
            flow.world.start_again();
        }
        flow.world.reaches("shop", "logged_in").await;
        for (id, is_there) in created {
            let status = flow.world.door.get(&format!("/{id}")).await.status;
            assert_eq!(status, if is_there { 200 } else { 404 }, "{id}");
        }
        for _ in 0..5 {
            flow.send().await;
        }
    }
    let mut world = flow.has_arrived().await;
    assert!(world.server.stop().success());
}

#[tokio::test]
async fn a_database_that_goes_away_and_comes_back_loses_nothing() {
    let mut flow = Flow::new(Kind::Postgres).await;
    for _ in 0..3 {
        flow.world.reaches("shop", "logged_in").await;
        let met = said(&flow.world, ANEW);
        flow.world.database().shut().await;
        while said(&flow.world, ANEW) == met {
            flow.send().await;
            tokio::time::sleep(Duration::from_millis(5)).await;
            assert!(flow.sent.len() < 5_000, "the server still has its database");
        }
        // What it says about the session is in its memory.
        let status = flow.world.door.status("shop").await;
        assert!(["connecting", "connected", "logged_in"].contains(&status["status"].as_str().expect("a word")));
        flow.world.database().open().await;
        for _ in 0..20 {
            flow.send().await;
        }
    }
    flow.world.reaches("shop", "logged_in").await;
    // A connection that was ended while it rested is found out before its next use once it has rested for a second.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let mut world = flow.has_arrived().await;
    assert!(world.server.stop().success());
}
