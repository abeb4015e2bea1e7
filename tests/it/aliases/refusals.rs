//! What is refused: the same by an alias and by its operation, each with its own names of fields.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::aliases::{FRIEND, SHOP, THUMB, ask, heard, post, text, world};
use crate::support::world::Kind;

/// A wrong request by an alias, and the same by its operation.
struct Wrong {
    alias: (&'static str, Value),
    operation: (Method, String, Value),
    /// A field that both call otherwise: as the alias and as the operation calls it.
    field: (&'static str, &'static str),
    refusal: (u16, &'static str),
}

/// Requests that break a rule.
fn wrong(own: &str, theirs: &str) -> Vec<Wrong> {
    let text = |to: &str, text: &str| json!({ "to": to, "content": { "type": "text", "text": text } });
    let message = |body| (Method::POST, "/messages".to_owned(), body);
    let on = |method, message: &str, below: &str, body| (method, format!("/messages/{message}/{below}"), body);
    let in_chat = |chat: &str, below: &str, body| (Method::POST, format!("/chats/{chat}/{below}"), body);
    let row = |alias: (&'static str, Value), operation, field, refusal| Wrong { alias, operation, field, refusal };
    let late = json!({ "to": FRIEND, "content": { "type": "text", "text": "tea" }, "send_at": 1_577_836_800 });
    let answer = json!({ "to": FRIEND, "content": { "type": "text", "text": "tea" }, "reply_to": "3EB0NONE" });
    vec![
        row(
            ("text", json!({ "to": "nobody", "text": "tea" })),
            message(text("nobody", "tea")),
            ("to", "to"),
            (422, "invalid_recipient"),
        ),
        row(
            ("text", json!({ "to": SHOP, "text": "tea" })),
            message(text(SHOP, "tea")),
            ("to", "to"),
            (422, "invalid_recipient"),
        ),
        row(
            ("text", json!({ "to": FRIEND, "text": " " })),
            message(text(FRIEND, " ")),
            ("text", "content.text"),
            (422, "invalid"),
        ),
        row(
            ("text", json!({ "to": FRIEND, "text": "tea", "send_at": "2020-01-01T00:00:00Z" })),
            message(late),
            ("send_at", "send_at"),
            (422, "invalid"),
        ),
        row(
            ("text", json!({ "to": FRIEND, "text": "tea", "reply_to": "3EB0NONE" })),
            message(answer),
            ("reply_to", "reply_to"),
            (404, "message_not_found"),
        ),
        row(
            ("react", json!({ "to": FRIEND, "message_id": theirs, "emoji": "tea" })),
            on(Method::PUT, theirs, "reaction", json!({ "emoji": "tea" })),
            ("emoji", "emoji"),
            (422, "invalid"),
        ),
        row(
            ("react", json!({ "to": "nobody", "message_id": theirs, "emoji": THUMB })),
            on(Method::PUT, theirs, "reaction", json!({ "emoji": THUMB, "chat": "nobody" })),
            ("to", "chat"),
            (422, "invalid_recipient"),
        ),
        row(
            ("react", json!({ "to": FRIEND, "message_id": "3EB0NONE", "emoji": THUMB })),
            on(Method::PUT, "3EB0NONE", "reaction", json!({ "emoji": THUMB })),
            ("message_id", "message_id"),
            (404, "message_not_found"),
        ),
        row(
            ("edit", json!({ "to": FRIEND, "message_id": theirs, "text": "coffee?" })),
            on(Method::POST, theirs, "edit", json!({ "text": "coffee?" })),
            ("message_id", "message_id"),
            (403, "not_yours"),
        ),
        row(
            ("edit", json!({ "to": FRIEND, "message_id": own, "text": "" })),
            on(Method::POST, own, "edit", json!({ "text": "" })),
            ("text", "text"),
            (422, "invalid"),
        ),
        row(
            ("revoke", json!({ "to": FRIEND, "message_id": own, "original_sender": "nobody" })),
            on(Method::POST, own, "revoke", json!({ "chat": FRIEND, "sender": "nobody" })),
            ("original_sender", "sender"),
            (422, "invalid_recipient"),
        ),
        row(
            ("read", json!({ "chat_jid": FRIEND, "message_ids": [] })),
            in_chat(FRIEND, "read", json!({ "message_ids": [] })),
            ("message_ids", "message_ids"),
            (422, "invalid"),
        ),
        row(
            ("read", json!({ "chat_jid": FRIEND, "message_ids": ["3EB0NONE"] })),
            in_chat(FRIEND, "read", json!({ "message_ids": ["3EB0NONE"] })),
            ("message_ids", "message_ids"),
            (404, "message_not_found"),
        ),
        row(
            ("read", json!({ "chat_jid": "tea", "message_ids": [theirs] })),
            in_chat("tea", "read", json!({ "message_ids": [theirs] })),
            ("chat_jid", "chat_id"),
            (404, "chat_not_found"),
        ),
        row(
            ("chatstate/send", json!({ "to": "tea", "state": "composing" })),
            in_chat("tea", "typing", json!({ "state": "composing" })),
            ("to", "chat_id"),
            (404, "chat_not_found"),
        ),
        row(
            ("chatstate/send", json!({ "to": FRIEND, "state": "shouting" })),
            in_chat(FRIEND, "typing", json!({ "state": "shouting" })),
            ("state", "state"),
            (422, "invalid"),
        ),
        row(
            ("presence/set", json!({ "status": "away" })),
            (Method::PUT, "/presence".to_owned(), json!({ "state": "away" })),
            ("status", "state"),
            (422, "invalid"),
        ),
    ]
}

/// Where an alias is.
fn path_of(alias: &str) -> String {
    if alias.contains('/') { format!("/{alias}") } else { format!("/messages/{alias}") }
}

#[rstest]
#[tokio::test]
async fn what_is_wrong_is_refused_alike_with_the_field_as_the_alias_calls_it(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let world = world(kind).await;
    let sent = post(&world, "/messages/text", json!({ "to": FRIEND, "text": "tea at six" })).await.ok();
    let (own, theirs) = (text(&sent, "message_id"), heard(&world, "tea?").await);
    let listed = world.door.get("/shop/messages").await.ok()["messages"].as_array().expect("a list").len();
    for Wrong { alias: (name, body), operation: (method, path, same), field: (here, there), refusal } in
        wrong(&own, &theirs)
    {
        let alias = post(&world, &path_of(name), body.clone()).await;
        let operation = ask(&world, method, &path, same).await;
        let (said, meant) = (text(&alias.json(), "detail"), text(&operation.json(), "detail"));
        assert_eq!(said, meant.replace(&format!("`{there}`"), &format!("`{here}`")), "{name} {body}");
        let (status, code) = alias.problem();
        assert_eq!((status, code.as_str()), refusal, "{name} {body}");
        assert_eq!(operation.problem(), (status, code), "{name} {body}");
    }
    // What only the alias knows.
    for (name, body, detail) in [
        ("text", json!({}), "`to` is required"),
        ("text", json!({ "to": FRIEND }), "`text` is required"),
        ("text", json!({ "to": FRIEND, "text": "tea", "send_at": 1_785_574_800 }), "`send_at` must be a string"),
        ("text", json!({ "to": FRIEND, "text": "tea", "send_at": "soon" }), "`send_at` must be an RFC 3339 moment"),
        (
            "text",
            json!({ "to": FRIEND, "text": "tea", "mention_all": true }),
            "`mention_all` must not be true in a chat with one person",
        ),
        ("react", json!({ "to": FRIEND, "message_id": theirs }), "`emoji` is required"),
        ("read", json!({ "chat_jid": FRIEND }), "`message_ids` is required"),
        ("presence/set", json!({ "state": "available" }), "`status` is required"),
    ] {
        let answer = post(&world, &path_of(name), body.clone()).await;
        assert_eq!(answer.json()["detail"], detail, "{name} {body}");
        assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{name} {body}");
    }
    let after = world.door.get("/shop/messages").await.ok()["messages"].as_array().expect("a list").len();
    assert_eq!(after, listed, "nothing was written");
    world.finish().await;
}
