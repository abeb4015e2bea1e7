//! An orderly stop in the midst of work: whatever WhatsApp was told is kept, and one part of the server ends after the other.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::{Value, json};
use whatsapp_simulator::Settings;

use crate::support::journal::of_type;
use crate::support::receiver::Receiver;
use crate::support::world::{Kind, World};

const FRIEND: &str = "15550100077";
/// Messages of which the friend sends two receipts each.
const MESSAGES: usize = 400;
/// Wait between two messages that the friend reads: the flood is longer than the stop.
const SEND_INTERVAL: Duration = Duration::from_millis(2);
/// Receipts that the server has taken when it is told to stop.
const TAKEN: u64 = 40;
/// Longest wait for what the journal gets after the next start.
const LIMIT: Duration = Duration::from_secs(40);

/// What receipts say, each of one message: its kind and the message's id.
fn said(receipts: impl IntoIterator<Item = Value>) -> BTreeSet<(String, String)> {
    let mut said = BTreeSet::new();
    for receipt in receipts {
        let kind = receipt["kind"].as_str().expect("a kind");
        for id in receipt["message_ids"].as_array().expect("a list") {
            said.insert((kind.to_owned(), id.as_str().expect("an id").to_owned()));
        }
    }
    said.retain(|(kind, _)| kind != "delivered");
    said
}

/// What the table of a server that has ended says.
async fn written(world: &World) -> BTreeSet<(String, String)> {
    let bodies = world.tables().await.texts("SELECT CAST(body AS text) FROM event WHERE type = 'receipt'").await;
    said(bodies.iter().map(|body| serde_json::from_str(body).expect("it is JSON")))
}

/// The parts of the server in the order in which its log says that they end.
fn ended(log: &str) -> Vec<&str> {
    let parts = ["no new requests", "sessions", "workers", "journal", "database"];
    let mut found: Vec<_> =
        parts.iter().filter_map(|part| Some((log.find(&format!("shutting down: {part}"))?, *part))).collect();
    found.sort_unstable();
    found.into_iter().map(|(_, part)| part).collect()
}

// The simulator and the receiver go on while the test waits for the server to end.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_under_a_flood_of_receipts_loses_none_that_was_taken(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let mut world = World::with(kind, Settings::default(), &["--egress-allow", "127.0.0.0/8"]).await;
    let receiver = Receiver::start().await;
    world.linked("shop").await;
    let webhook = json!({ "url": receiver.url("/hook"), "events": ["receipt"] });
    world.door.post("/shop/webhooks", webhook).await.ok();
    let friend = world.sim.phone(FRIEND);
    let mut ids = Vec::new();
    for number in 0..MESSAGES {
        ids.push(world.phone().send(FRIEND, &number.to_string()).await.expect("it is sent"));
    }
    // Until the client is active WhatsApp holds back most of what comes.
    of_type(&world, "message", MESSAGES).await;
    world.eventually("nothing is on its way", || world.phone().devices()[0].unnoticed == 0).await;
    let before = world.sim.stats().acknowledged_notices;
    let sent: BTreeSet<_> =
        ids.iter().flat_map(|id| ["read", "played"].map(|kind| (kind.to_owned(), id.clone()))).collect();
    let flood = std::thread::spawn(move || {
        for id in ids {
            friend.read(&[&id]).expect("it is there");
            friend.play(&[&id]).expect("it is there");
            std::thread::sleep(SEND_INTERVAL);
        }
    });
    world.eventually("it is in the midst of it", || world.sim.stats().acknowledged_notices > before + TAKEN).await;
    let exit = world.server.stop();
    world.eventually("its last word is read", || world.server.output().contains("\"stopped\"")).await;
    let output = world.server.output();
    assert!(exit.success(), "{exit}:\n{output}");
    assert!(!output.contains("\"level\":\"ERROR\""), "{output}");
    assert_eq!(ended(&output), ["no new requests", "sessions", "workers", "journal", "database"]);
    flood.join().expect("everything is sent");

    // What is left has not been taken. Everything else has, and does not come again.
    let left = world.phone().devices()[0].unnoticed;
    assert!(left > 0, "the flood was over before the stop");
    let kept = written(&world).await;
    assert!(kept.is_subset(&sent), "{:?}", kept.difference(&sent));
    assert!(kept.len() + left >= sent.len(), "{} kept and {left} left of {}", kept.len(), sent.len());

    world.start_again();
    world.reaches("shop", "logged_in").await;
    world.eventually("the rest is taken", || world.phone().devices()[0].unnoticed == 0).await;
    let begun = Instant::now();
    loop {
        let receipts = of_type(&world, "receipt", 0).await;
        let kept = said(receipts.into_iter().map(|mut event| event["data"].take()));
        if kept == sent {
            break;
        }
        assert!(begun.elapsed() < LIMIT, "lost: {:?}", sent.difference(&kept));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let received = |requests: &[crate::support::receiver::Received]| {
        requests.len() >= sent.len() && said(requests.iter().map(|request| request.json()["data"].take())) == sent
    };
    receiver.until("all receipts", received).await;
    world.finish().await;
}
