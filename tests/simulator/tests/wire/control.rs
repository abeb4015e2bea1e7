//! The control API, used as a stranger would: over HTTP, with JSON.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use wacore_binary::Jid;
use whatsapp_simulator::{Simulator, control};

use crate::companion::{Companion, OTHER, PHONE, finish, simulator, until};

/// A client of the control API.
pub(crate) struct Control {
    pub(crate) base: String,
    pub(crate) http: reqwest::Client,
    pub(crate) stop: CancellationToken,
}

impl Control {
    pub(crate) async fn start(sim: &Simulator) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default(); // another test was first
        let listener = control::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        tokio::spawn(control::serve(sim.clone(), listener, stop.clone()));
        Self { base, http: reqwest::Client::new(), stop }
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask(Method::GET, path, None).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.ask(Method::POST, path, Some(body)).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_lives_and_dies_over_http() {
    let sim = simulator().await;
    let control = Control::start(&sim).await;
    let companion = Companion::start(&sim).await;
    let qr = companion.qr().await;
    let (status, body) = control.post(&format!("/phones/{PHONE}/scan"), json!({ "qr": qr })).await;
    assert_eq!((status, &body), (StatusCode::OK, &json!({ "device": 1 })));
    companion.connected(1).await;

    let message = json!({ "to": PHONE, "text": "hello", "count": 2 });
    let (status, body) = control.post(&format!("/phones/{OTHER}/messages"), message).await;
    assert_eq!((status, body["ids"].as_array().unwrap().len()), (StatusCode::CREATED, 2));
    assert_eq!(companion.texts(2).await, ["hello 1", "hello 2"]);
    assert_eq!(control.get(&format!("/phones/{PHONE}/inbox")).await[1]["text"], "hello 2");
    assert_eq!(control.get(&format!("/phones/{PHONE}/devices")).await[0]["connected"], true);

    let faults = format!("/phones/{PHONE}/devices/1/faults");
    let (status, body) = control.post(&faults, json!({ "kind": "close" })).await;
    assert_eq!((status, body), (StatusCode::OK, json!({ "kind": "close", "code": 1000 })));
    let (status, body) = control.ask(Method::DELETE, &format!("/phones/{PHONE}/devices/1"), None).await;
    assert_eq!((status, body), (StatusCode::OK, json!({ "device": 1 })));
    assert_eq!(control.get(&format!("/phones/{PHONE}/devices")).await, json!([]));
    assert_eq!(control.get("/stats").await["unknown"], json!([]));
    companion.stop().await;
    control.stop.cancel();
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_is_made_once_and_renamed() {
    let sim = simulator().await;
    let control = Control::start(&sim).await;
    let new = json!({ "phone_number": "15550100003", "push_name": "Mary" });
    assert_eq!(control.post("/phones", new).await.0, StatusCode::CREATED);
    let renamed = json!({ "phone_number": "15550100003", "push_name": "Mary S." });
    let (status, body) = control.post("/phones", renamed).await;
    assert_eq!((status, body["push_name"].as_str()), (StatusCode::OK, Some("Mary S.")));
    assert_eq!(control.get("/server").await["url"], sim.url());
    assert_eq!(control.get("/phones").await.as_array().unwrap().len(), 3);
    control.stop.cancel();
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_done_over_http() {
    let sim = simulator().await;
    let control = Control::start(&sim).await;
    let (companion, _) = Companion::linked(&sim).await;
    companion.available(&sim).await;
    let other = |path: &str| format!("/phones/{OTHER}{path}");
    let group = json!({ "subject": "Tea", "members": [PHONE] });
    let (status, group) = control.post(&other("/groups"), group).await;
    assert_eq!((status, &group["members"][PHONE]), (StatusCode::CREATED, &json!("member")));
    let group = group["id"].as_str().unwrap().to_owned();
    let (_, sent) = control.post(&other("/messages"), json!({ "to": PHONE, "text": "the first" })).await;
    let first = sent["ids"][0].as_str().unwrap();

    let quoted = json!({ "message_id": first, "from": OTHER, "text": "the first" });
    let messages = [
        json!({ "to": PHONE, "kind": "text", "text": "again", "quoted": quoted, "mentions": [PHONE] }),
        json!({ "to": PHONE, "kind": "image", "caption": "a cat" }),
        json!({ "to": PHONE, "kind": "view_once" }),
        json!({ "to": PHONE, "kind": "location", "latitude": 48.1, "longitude": 11.5, "name": "here" }),
        json!({ "to": PHONE, "kind": "contact", "display_name": "Alan", "phone_number": "15550100007" }),
        json!({ "to": group, "kind": "poll", "name": "tea?", "options": ["yes", "no"] }),
        json!({ "to": PHONE, "kind": "reaction", "message_id": first, "emoji": "\u{1f44d}" }),
        json!({ "to": PHONE, "kind": "edit", "message_id": first, "text": "changed" }),
        json!({ "to": PHONE, "kind": "revoke", "message_id": first }),
        json!({ "to": PHONE, "kind": "timer", "seconds": 86_400 }),
    ];
    for message in messages {
        let (status, body) = control.post(&other("/messages"), message.clone()).await;
        assert_eq!(status, StatusCode::CREATED, "{message}: {body}");
    }
    let (_, call) = control.post(&other("/calls"), json!({ "to": PHONE, "video": true })).await;
    let call = other(&format!("/calls/{}", call["call_id"].as_str().unwrap()));
    let own = |path: &str| format!("/phones/{PHONE}{path}");
    let members = other(&format!("/groups/{group}/members"));
    let cases = [
        (Method::POST, call, json!({ "action": "hang_up", "to": PHONE, "reason": "timeout" })),
        (Method::POST, own("/receipts"), json!({ "kind": "read", "message_ids": [first] })),
        (Method::PUT, other("/presence"), json!({ "online": true })),
        (Method::POST, other("/typing"), json!({ "to": group, "state": "recording" })),
        (Method::PUT, other("/profile"), json!({ "picture": true, "about": "at sea" })),
        (Method::POST, other("/announcements"), json!({})),
        (Method::PUT, own(&format!("/chats/{OTHER}")), json!({ "pinned": true, "muted": true, "read": false })),
        (Method::PUT, own(&format!("/chats/{group}")), json!({ "archived": true })),
        (Method::PUT, own(&format!("/groups/{group}")), json!({ "subject": "Coffee" })),
        (Method::POST, members.clone(), json!({ "change": "promote", "members": [PHONE] })),
        (Method::POST, members, json!({ "change": "remove", "members": [PHONE] })),
    ];
    for (method, path, body) in cases {
        let (status, answer) = control.ask(method, &path, Some(body)).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
    }
    let contact = json!({ "phone_number": OTHER, "full_name": "Grace Hopper" });
    assert_eq!(control.post(&own("/contacts"), contact).await.0, StatusCode::CREATED);
    assert_eq!(control.get(&own("/groups")).await, json!([]));
    assert_eq!(control.get(&other("/groups")).await[0]["subject"], "Coffee");
    until("every acknowledgement", || {
        sim.phone(PHONE).devices().iter().all(|device| device.undelivered + device.unnoticed == 0)
    })
    .await;
    companion.stop().await;
    control.stop.cancel();
    finish(sim).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refusal_is_json() {
    let sim = simulator().await;
    let control = Control::start(&sim).await;
    let phone = |path: &str| format!("/phones/{PHONE}{path}");
    let cases = [
        (Method::GET, "/phones/15550100099".to_owned(), None, 404),
        (Method::GET, "/nowhere".to_owned(), None, 404),
        (Method::PUT, "/phones".to_owned(), None, 405),
        (Method::POST, "/phones".to_owned(), None, 400),
        (Method::POST, "/phones".to_owned(), Some(json!({ "phone_number": "abc", "push_name": "x" })), 422),
        (Method::POST, phone("/scan"), Some(json!({ "qr": "nonsense" })), 422),
        (Method::POST, phone("/scan"), Some(json!({ "qr": format!("2@x,{0},{0},{0},9", "A".repeat(43) + "=") })), 409),
        (Method::POST, phone("/enter-code"), Some(json!({ "code": "ABCD1234" })), 409),
        (Method::POST, phone("/messages"), Some(json!({ "to": "15550100099", "text": "x" })), 422),
        (Method::POST, phone("/messages"), Some(json!({ "to": OTHER, "kind": "smell" })), 422),
        (Method::POST, phone("/messages"), Some(json!({ "to": OTHER, "text": "x", "colour": "red" })), 422),
        (Method::POST, phone("/messages"), Some(json!({ "to": OTHER, "kind": "image", "count": 2 })), 422),
        (Method::POST, phone("/messages"), Some(json!({ "to": "120363000000000099@g.us", "text": "x" })), 422),
        (Method::POST, phone("/receipts"), Some(json!({ "kind": "read", "message_ids": ["x"] })), 422),
        (Method::POST, phone("/groups"), Some(json!({ "subject": "x", "members": ["15550100099"] })), 422),
        (Method::PUT, phone("/groups/120363000000000099@g.us"), Some(json!({ "subject": "x" })), 404),
        (Method::PUT, phone("/chats/15550100099"), Some(json!({ "pinned": true })), 422),
        (Method::POST, phone("/calls"), Some(json!({ "to": "15550100099" })), 422),
        (Method::DELETE, phone("/devices/7"), None, 404),
        (Method::DELETE, phone("/devices/seven"), None, 400),
        (Method::POST, phone("/devices/7/faults"), Some(json!({ "kind": "abort" })), 404),
        (Method::POST, phone("/devices/7/faults"), Some(json!({ "kind": "earthquake" })), 422),
    ];
    for (method, path, body, expected) in cases {
        let (status, body) = control.ask(method.clone(), &path, body).await;
        assert_eq!(status, expected, "{method} {path}: {body}");
        assert!(body["error"].is_string(), "{method} {path}: {body}");
    }
    control.stop.cancel();
    finish(sim).await;
}

#[tokio::test]
async fn only_loopback_is_served() {
    assert!(control::bind("0.0.0.0:0".parse().unwrap()).await.is_err());
    let settings = whatsapp_simulator::Settings { listen: "0.0.0.0:0".parse().unwrap(), ..Default::default() };
    assert!(Simulator::start(settings).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_companions_send_is_spoiled_and_seen_over_http() {
    let sim = simulator().await;
    let control = Control::start(&sim).await;
    let (companion, _) = Companion::linked(&sim).await;
    let (status, left) = control
        .post(&format!("/phones/{PHONE}/message-faults"), json!({ "kind": "nack", "code": 479, "count": 2 }))
        .await;
    assert_eq!((status, left.as_array().unwrap().len()), (StatusCode::OK, 2));
    let id = companion.client().send_text(Jid::pn(OTHER), "refused").await.unwrap().message_id;
    until("the refusal", || sim.phone(PHONE).sent().len() == 1).await;
    let sent = control.get(&format!("/phones/{PHONE}/sent")).await;
    assert_eq!((&sent[0]["id"], &sent[0]["is_taken"]), (&json!(id), &json!(false)));
    assert_eq!(sent[0]["outcomes"][0]["verdict"], json!({ "refused": 479 }));
    assert_eq!(sent[0]["content"]["kind"], "text");
    assert_eq!(control.get(&format!("/phones/{PHONE}/message-faults")).await, json!([{ "kind": "nack", "code": 479 }]));
    control.ask(Method::DELETE, &format!("/phones/{PHONE}/message-faults"), None).await;
    assert_eq!(control.get(&format!("/phones/{PHONE}/message-faults")).await, json!([]));

    let restrictions = json!({ "token_rule": "everyone", "timelock": { "until": 1 }, "new_chats": null });
    let path = format!("/phones/{PHONE}/restrictions");
    let (status, body) = control.ask(Method::PUT, &path, Some(restrictions.clone())).await;
    assert_eq!((status, body), (StatusCode::OK, restrictions));
    let paths = [
        (Method::PUT, format!("/phones/{PHONE}/power"), json!({ "on": false })),
        (Method::POST, format!("/phones/{OTHER}/break-outbound"), json!({ "keys": false })),
        (Method::POST, format!("/phones/{OTHER}/tokens"), json!({ "to": PHONE })),
        (Method::POST, format!("/phones/{PHONE}/rate-limits"), json!({ "namespace": "usync", "backoff": 9 })),
        (Method::POST, format!("/phones/{OTHER}/aliases"), json!({ "number": "155509100002" })),
        (Method::PUT, format!("/phones/{PHONE}/history"), json!({ "chats": [{ "phone_number": OTHER }] })),
        (Method::PUT, "/server".to_owned(), json!({ "token_rule": "off", "ab_props": { "9435": "1" } })),
    ];
    for (method, path, body) in paths {
        let (status, answer) = control.ask(method, &path, Some(body)).await;
        assert!(status.is_success(), "{path}: {answer}");
    }
    let (status, _) = control.post(&format!("/phones/{OTHER}/retries"), json!({ "message_id": "none" })).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    control.stop.cancel();
    companion.stop().await;
    sim.stop().await;
}
