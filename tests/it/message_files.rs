//! What it takes to fetch the file of a message: kept beside the journal, shown to nobody.

use rstest::rstest;
use serde_json::json;
use whatsapp_simulator::{Fault, content};

use crate::support::journal::{all, until};
use crate::support::receiver::Receiver;
use crate::support::world::{Kind, World};

const SHOP: &str = "15550100001";
const FRIEND: &str = "15550100077";

#[rstest]
#[tokio::test]
async fn the_file_of_a_message_is_kept_beside_it_and_shown_to_nobody(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let flags = ["--egress-allow", "127.0.0.1/32", "--log-level", "debug"];
    let world = World::with(kind, whatsapp_simulator::Settings::default(), &flags).await;
    let receiver = Receiver::start().await;
    let device = world.linked("shop").await;
    let webhook = json!({ "url": receiver.url("/files"), "events": ["message"] });
    world.door.post("/shop/webhooks", webhook).await.ok();
    let message = content::image(Some("a caption"));
    let image = message.image_message.clone();
    let id = world.sim.phone(FRIEND).send_content(SHOP, message).await.expect("it is sent");
    until(&world, "message", |body| body["message_id"] == id).await;
    let received = receiver.gets(1).await;
    let files = world.tables().await.texts("SELECT direct_path || ' ' || mimetype FROM message_file").await;
    let path = image.direct_path.clone().expect("it has one");
    assert_eq!(files, [format!("{path} image/jpeg")]);
    let hex =
        |bytes: &Option<Vec<u8>>| -> String { bytes.iter().flatten().map(|byte| format!("{byte:02x}")).collect() };
    let expected = [&image.media_key, &image.file_sha256, &image.file_enc_sha256].map(hex);
    let tables = world.tables().await;
    for (column, expected) in ["media_key", "file_sha256", "file_enc_sha256"].into_iter().zip(&expected) {
        assert_eq!(tables.bytes(&format!("SELECT {column} FROM message_file")).await, *expected, "{column}");
    }
    // It comes once more: that is the same message with the same file.
    world.sim.fault(SHOP, device, Fault::Redeliver { count: 1 }).await.expect("a device");
    let again = world.sim.phone(FRIEND).send(SHOP, "hello").await.expect("it is sent");
    until(&world, "message", |body| body["message_id"] == again).await;
    assert_eq!(tables.rows().await["message_file"], 1);
    let told = serde_json::to_string(&all(&world.door, "").await).expect("it is JSON");
    let posted = received[0].json().to_string();
    world.door.delete("shop").await.ok();
    assert_eq!(tables.rows().await.get("message_file"), None);
    drop(tables);
    let log = world.finish().await;
    let raw = format!("{:?}", image.media_key.as_deref().expect("it has one"));
    // The file's own hash is in the event: it opens nothing.
    for secret in [path.as_str(), &expected[0], &expected[2], raw.trim_matches(['[', ']'])] {
        for (place, text) in [("event", &told), ("webhook", &posted), ("log", &log)] {
            assert!(!text.contains(secret), "{secret} in the {place}");
        }
    }
    assert!(told.contains("a caption") && posted.contains("a caption"));
}
