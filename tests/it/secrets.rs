//! What no log may show: secrets, codes, texts and whole phone numbers.

use serde_json::{Value, json};

use crate::support::server::TOKEN;
use crate::support::world::{Kind, World};

#[tokio::test]
async fn nothing_that_is_secret_is_ever_written_out() {
    let flags = ["--log-level", "trace", "--egress-allow", "127.0.0.0/8"];
    let world = World::with(Kind::Sqlite, whatsapp_simulator::Settings::default(), &flags).await;
    // Nobody listens there: what is said of a failure holds no secret either.
    let webhook = json!({
        "url": "http://127.0.0.1:9/hook?token=planted-password", "secret": "planted-webhook-secret",
        "headers": { "Authorization": "Bearer planted-header-value" },
    });
    world.door.post("", json!({ "id": "shop", "webhook": webhook })).await.ok();
    let (phone, friend) = (world.phone(), world.sim.phone("15550100077"));
    let qr = world.door.qr("shop").await;
    let pair = world.door.post("/shop/pair", json!({ "phone_number": "15550100001" })).await.ok();
    let code = pair["code"].as_str().expect("a code").to_owned();
    phone.enter(&code).await.expect("it is the right code");
    world.reaches("shop", "logged_in").await;
    friend.send("15550100001", "planted message text").await.expect("it is sent");
    world.eventually("the message is taken", || phone.devices()[0].undelivered == 0).await;
    world.door.post("/shop/pair", json!({ "phone_number": "15550100001" })).await;
    world.door.post("/shop/logout", Value::Null).await.ok();
    let output = world.finish().await;
    let reference = qr.split(',').next().expect("a QR code has parts").to_owned();
    let planted = [
        TOKEN,
        "planted-password",
        "planted-webhook-secret",
        "planted-header-value",
        "planted message text",
        "15550100001",
        "15550100077",
        &qr,
        &reference,
        &code,
        &code.replace('-', ""),
    ];
    for secret in planted {
        assert!(!output.contains(secret), "{secret} is in the log:\n{output}");
    }
    assert!(output.contains("session shop is logged_in"), "the log is not silent either");
}
