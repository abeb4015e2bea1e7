//! What is done to messages: reactions, other texts and removals, through both doors, as the phones at the other end see it.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use whatsapp_simulator::{InboxMessage, MessageFault, Settings, Target, content};

use crate::support::door::Answer;
use crate::support::journal::{tamper, until};
use crate::support::world::{Kind, World};

const SHOP: &str = "15550100001";
const FRIEND: &str = "15550100077";
const THUMB: &str = "\u{1f44d}";
const CAKE: &str = "\u{1f382}";
/// As fast as it goes.
const FAST: &[&str] = &["--send-rate", "0"];

/// Which door.
#[derive(Clone, Copy, Debug)]
enum Through {
    Rest,
    Graph,
}

/// What is done to a message.
#[derive(Clone, Copy, Debug)]
enum Action {
    React,
    RemoveReaction,
    Edit,
    Revoke,
}

impl Action {
    const ALL: [Self; 4] = [Self::React, Self::RemoveReaction, Self::Edit, Self::Revoke];

    const fn rest(self) -> (Method, &'static str) {
        match self {
            Self::React => (Method::PUT, "reaction"),
            Self::RemoveReaction => (Method::DELETE, "reaction"),
            Self::Edit => (Method::POST, "edit"),
            Self::Revoke => (Method::POST, "revoke"),
        }
    }

    /// Its field in the graph, and the type of its input.
    const fn graph(self) -> (&'static str, &'static str) {
        match self {
            Self::React => ("reactToMessage", "ReactToMessageInput"),
            Self::RemoveReaction => ("removeReaction", "ChangeMessageInput"),
            Self::Edit => ("editMessage", "EditMessageInput"),
            Self::Revoke => ("revokeMessage", "ChangeMessageInput"),
        }
    }

    /// What it needs to be right.
    fn body(self) -> Value {
        match self {
            Self::React => json!({ "emoji": THUMB }),
            Self::Edit => json!({ "text": "at seven" }),
            Self::RemoveReaction | Self::Revoke => Value::Null,
        }
    }
}

/// A session that is logged in, and a friend with a phone.
async fn world(kind: Kind) -> World {
    let world = World::with(kind, Settings::default(), FAST).await;
    world.linked("shop").await;
    world.sim.phone(FRIEND);
    world
}

/// A text that WhatsApp has.
async fn sent(world: &World, text: &str) -> String {
    let body = json!({ "to": FRIEND, "content": { "type": "text", "text": text } });
    let answer = world.door.post("/shop/messages", body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    id(&answer.ok())
}

/// A text that came from the friend.
async fn heard(world: &World, text: &str) -> String {
    let id = world.sim.phone(FRIEND).send(SHOP, text).await.expect("it is sent");
    until(world, "message", |body| body["message_id"] == id).await;
    id
}

fn id(message: &Value) -> String {
    message["id"].as_str().unwrap_or_else(|| panic!("no id in {message}")).to_owned()
}

/// Does something over REST.
async fn rest(world: &World, action: Action, message: &str, body: Value) -> Answer {
    let (method, path) = action.rest();
    world.door.ask(method, &format!("/api/v1/sessions/shop/messages/{message}/{path}"), &body).await
}

/// What an action over GraphQL is asked with.
fn graph(action: Action, message: &str, body: &Value) -> (String, Value) {
    let (field, input) = action.graph();
    let query = format!("mutation($i: {input}!) {{ {field}(input: $i) {{ id type targetId status }} }}");
    let mut given = json!({ "sessionId": "shop", "id": message });
    for (name, value) in body.as_object().into_iter().flatten() {
        given[name] = value.clone();
    }
    (query, json!({ "i": given }))
}

/// Does something that WhatsApp takes, and gives the id, the type and the target of the message that was sent for it.
async fn done(world: &World, through: Through, action: Action, message: &str, body: Value) -> (String, String, Value) {
    let (message, target) = match through {
        Through::Rest => {
            let answer = rest(world, action, message, body).await;
            assert_eq!(answer.status, 201, "{}", answer.text());
            let location = answer.header("location").to_owned();
            let message = answer.ok();
            assert_eq!(location, format!("/api/v1/sessions/shop/messages/{}", id(&message)));
            let target = message["target_id"].clone();
            (message, target)
        }
        Through::Graph => {
            let (query, variables) = graph(action, message, &body);
            let message = world.door.asked(&query, variables).await[action.graph().0].clone();
            let target = message["targetId"].clone();
            (message, target)
        }
    };
    let kind = message["type"].as_str().unwrap_or_else(|| panic!("no type in {message}")).to_lowercase();
    (id(&message), kind, target)
}

/// The code with which it is refused.
async fn refusal(world: &World, through: Through, action: Action, message: &str, body: Value) -> String {
    match through {
        Through::Rest => rest(world, action, message, body).await.problem().1,
        Through::Graph => {
            let (query, variables) = graph(action, message, &body);
            world.door.graph_failure(&query, variables).await
        }
    }
}

/// The message with this id, once the friend's phone has it.
async fn arrives(world: &World, id: &str) -> InboxMessage {
    let find = || world.sim.phone(FRIEND).inbox().into_iter().find(|message| message.id == id);
    world.eventually("the friend gets it", || find().is_some()).await;
    find().expect("it was there a moment ago")
}

fn at(id: &str, from_me: bool) -> Option<Target> {
    let chat = format!("{FRIEND}@s.whatsapp.net");
    Some(Target { chat, id: id.to_owned(), from_me, participant: None })
}

#[rstest]
#[tokio::test]
async fn reactions_edits_and_removals_reach_the_phone_as_messages_of_their_own(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(Through::Rest, Through::Graph)] through: Through,
) {
    let world = world(kind).await;
    let (own, theirs) = (sent(&world, "tea at six").await, heard(&world, "tea?").await);
    let mut ids = vec![own.clone(), theirs.clone()];
    for (target, is_own) in [(&theirs, false), (&own, true)] {
        for emoji in [THUMB, CAKE] {
            let (id, kind, about) = done(&world, through, Action::React, target, json!({ "emoji": emoji })).await;
            assert_eq!((kind.as_str(), &about), ("reaction", &json!(target)));
            let seen = arrives(&world, &id).await;
            assert_eq!((seen.content.kind, seen.content.emoji.as_deref()), ("reaction", Some(emoji)));
            assert_eq!((seen.content.target, seen.edit), (at(target, is_own), None));
            assert!(seen.content.has_secret, "the same message is the same bytes");
            ids.push(id);
        }
    }
    let (id, kind, about) = done(&world, through, Action::RemoveReaction, &theirs, Value::Null).await;
    assert_eq!((kind.as_str(), &about), ("reaction", &json!(theirs)));
    let seen = arrives(&world, &id).await;
    assert_eq!((seen.content.kind, seen.content.emoji.as_deref()), ("reaction", Some("")));
    assert_eq!((seen.content.target, seen.edit.as_deref()), (at(&theirs, false), Some("7")));
    ids.push(id);
    let (id, kind, about) = done(&world, through, Action::Edit, &own, json!({ "text": "tea at seven" })).await;
    assert_eq!((kind.as_str(), &about), ("edit", &json!(own)));
    let seen = arrives(&world, &id).await;
    assert_eq!((seen.content.kind, seen.text.as_str()), ("edit", "tea at seven"));
    assert_eq!((seen.content.target, seen.edit.as_deref()), (at(&own, true), Some("1")));
    ids.push(id);
    let (id, kind, about) = done(&world, through, Action::Revoke, &own, Value::Null).await;
    assert_eq!((kind.as_str(), &about), ("revoke", &json!(own)));
    let seen = arrives(&world, &id).await;
    assert_eq!((seen.content.kind, seen.text.as_str()), ("revoke", ""));
    assert_eq!((seen.content.target, seen.edit.as_deref()), (at(&own, true), Some("7")));
    ids.push(id);
    // All of them are messages of the chat, each with an id of its own, in the order in which they were asked for.
    let listed = world.door.get(&format!("/shop/messages?chat={FRIEND}")).await.ok();
    let mut listed: Vec<_> = listed["messages"].as_array().expect("a list").iter().map(self::id).collect();
    listed.reverse();
    assert_eq!(listed, ids);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn what_cannot_be_done_to_a_message_is_refused_and_nothing_is_written(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(Through::Rest, Through::Graph)] through: Through,
) {
    let world = world(kind).await;
    let (own, theirs) = (sent(&world, "tea at six").await, heard(&world, "tea?").await);
    let (reaction, _, _) = done(&world, through, Action::React, &theirs, json!({ "emoji": THUMB })).await;
    let shown = world.door.get(&format!("/shop/messages/{own}")).await.ok();
    let soon = shown["created_at"].as_i64().expect("seconds") + 3_600;
    let later = json!({ "to": FRIEND, "content": { "type": "text", "text": "good morning" }, "send_at": soon });
    let scheduled = id(&world.door.post("/shop/messages", later).await.ok());
    let ids = async || {
        let listed = world.door.get("/shop/messages").await.ok();
        listed["messages"].as_array().expect("a list").iter().map(id).collect::<Vec<_>>()
    };
    let before = ids().await;

    let refused = |action, message, body| refusal(&world, through, action, message, body);
    for action in Action::ALL {
        assert_eq!(refused(action, "3EB0NONE", action.body()).await, "message_not_found", "{action:?}");
        let expected = "message_not_found";
        assert_eq!(refused(action, &scheduled, action.body()).await, expected, "{action:?}: nobody has it yet");
        assert_eq!(refused(action, &reaction, action.body()).await, "invalid", "{action:?} of a reaction");
    }
    for action in [Action::Edit, Action::Revoke] {
        assert_eq!(refused(action, &theirs, action.body()).await, "not_yours", "{action:?}");
    }
    for emoji in ["", "tea", "1", "\u{1f44d}\u{1f44d}", "\u{1f44d} "] {
        assert_eq!(refused(Action::React, &theirs, json!({ "emoji": emoji })).await, "invalid", "{emoji:?}");
    }
    for text in ["", " \n"] {
        assert_eq!(refused(Action::Edit, &own, json!({ "text": text })).await, "invalid", "{text:?}");
    }
    // Who is named must fit, and a channel is not written to.
    let foreign = json!({ "emoji": THUMB, "chat": FRIEND, "sender": "15550100079" });
    assert_eq!(refused(Action::React, "3EB0NONE", foreign).await, "invalid");
    let group = json!({ "emoji": THUMB, "chat": "1@newsletter", "sender": FRIEND });
    assert_eq!(refused(Action::React, "3EB0NONE", group).await, "invalid_recipient");
    assert_eq!(ids().await, before);
    world.finish().await;
}

#[tokio::test]
async fn an_edit_has_fifteen_minutes_and_a_removal_two_days() {
    let world = world(Kind::Sqlite).await;
    let own = sent(&world, "tea at six").await;
    until(&world, "message_status", |body| body["message_id"] == own && body["status"] == "delivered").await;
    let sent_before = |minutes: u64| format!("UPDATE outgoing SET sent_at = sent_at - {}", minutes * 60 * 1000);
    tamper(&world, &sent_before(16)).await;
    for through in [Through::Rest, Through::Graph] {
        let code = refusal(&world, through, Action::Edit, &own, json!({ "text": "at seven" })).await;
        assert_eq!(code, "message_too_old");
    }
    let other = sent(&world, "tea at five").await;
    tamper(&world, &sent_before(16)).await;
    let (removal, _, _) = done(&world, Through::Rest, Action::Revoke, &other, Value::Null).await;
    arrives(&world, &removal).await;
    tamper(&world, &sent_before(2 * 24 * 60)).await;
    let answer = rest(&world, Action::Revoke, &own, Value::Null).await;
    assert_eq!(answer.problem(), (422, "message_too_old".to_owned()));
    // A reaction is never too late.
    let (reaction, _, _) = done(&world, Through::Rest, Action::React, &own, json!({ "emoji": CAKE })).await;
    arrives(&world, &reaction).await;
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn what_is_done_to_a_message_that_is_not_known_goes_where_the_client_says(
    #[values(Through::Rest, Through::Graph)] through: Through,
) {
    let world = world(Kind::Sqlite).await;
    // The friend is known: nobody is asked about them.
    heard(&world, "tea?").await;
    for (action, sender, is_own) in
        [(Action::React, FRIEND, false), (Action::Edit, SHOP, true), (Action::Revoke, SHOP, true)]
    {
        let mut body = action.body();
        body["chat"] = json!("+1 555 010-0077");
        body["sender"] = json!(sender);
        let (id, _, about) = done(&world, through, action, "3EB0OLD", body).await;
        assert_eq!(about, "3EB0OLD");
        assert_eq!(arrives(&world, &id).await.content.target, at("3EB0OLD", is_own), "{action:?}");
    }
    let place = json!({ "chat": FRIEND, "sender": FRIEND });
    for action in [Action::Edit, Action::Revoke] {
        let mut body = action.body();
        (body["chat"], body["sender"]) = (place["chat"].clone(), place["sender"].clone());
        assert_eq!(refusal(&world, through, action, "3EB0OLD", body).await, "not_yours");
    }
    if let Through::Rest = through {
        let query = format!("/api/v1/sessions/shop/messages/3EB0OLD/reaction?chat={FRIEND}&sender={FRIEND}");
        let removed = world.door.ask(Method::DELETE, &query, &Value::Null).await.ok();
        assert_eq!(arrives(&world, &id(&removed)).await.content.target, at("3EB0OLD", false));
    }
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn the_same_action_with_the_same_key_is_done_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind).await;
    let theirs = heard(&world, "tea?").await;
    let path = format!("/api/v1/sessions/shop/messages/{theirs}/reaction");
    let react = |emoji: &str| {
        let request = world.door.request(Method::PUT, &path).header("Idempotency-Key", "k1");
        world.door.send(request.json(&json!({ "emoji": emoji })))
    };
    let first = react(THUMB).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (201, ""));
    let again = react(THUMB).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
    assert_eq!(id(&first.ok()), id(&again.ok()));
    assert_eq!(react(CAKE).await.problem(), (422, "idempotency_key_reused".to_owned()));
    let input = json!({ "sessionId": "shop", "id": theirs, "emoji": THUMB, "idempotencyKey": "k1" });
    let query = "mutation($i: ReactToMessageInput!) { reactToMessage(input: $i) { id } }";
    world.door.asked(query, json!({ "i": input })).await;
    // The same key is not the same request when something else is done.
    let removal = world.door.request(Method::DELETE, &path).header("Idempotency-Key", "k1");
    assert_eq!(world.door.send(removal).await.problem(), (422, "idempotency_key_reused".to_owned()));
    let inbox = world.sim.phone(FRIEND).inbox();
    assert_eq!(inbox.iter().filter(|message| message.content.kind == "reaction").count(), 1);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn what_is_done_offline_waits_behind_the_message_that_it_is_about(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let world = world(kind).await;
    let theirs = heard(&world, "tea?").await;
    world.door.post("/shop/disconnect", Value::Null).await.ok();
    let path = format!("/shop/messages/{theirs}/revoke?if_offline=fail");
    assert_eq!(world.door.post(&path, Value::Null).await.problem(), (409, "session_not_connected".to_owned()));
    let text = json!({ "to": FRIEND, "content": { "type": "text", "text": "tea at six" } });
    let answer = world.door.post("/shop/messages", text).await;
    assert_eq!(answer.status, 202);
    let own = id(&answer.ok());
    let mut waiting = vec![own.clone()];
    for action in [Action::React, Action::Edit, Action::Revoke] {
        let answer = rest(&world, action, &own, action.body()).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        waiting.push(id(&answer.ok()));
    }
    world.door.post("/shop/connect", Value::Null).await.ok();
    arrives(&world, &waiting[3]).await;
    let inbox = world.sim.phone(FRIEND).inbox();
    let arrived: Vec<_> = inbox.iter().filter(|message| message.from == SHOP).map(|message| &message.id).collect();
    assert_eq!(arrived, waiting.iter().collect::<Vec<_>>());
    world.finish().await;
}

/// What both doors show of a message: its text, and whether it was edited and removed.
async fn looks(world: &World, message: &str) -> (Value, bool, bool) {
    let got = world.door.get(&format!("/shop/messages/{message}")).await.ok();
    let list = world.door.get("/shop/messages").await.ok();
    let listed = list["messages"].as_array().expect("a list").iter().find(|listed| listed["id"] == message);
    // A receipt may have come between the two.
    for field in ["text", "edited_at", "revoked_at"] {
        assert_eq!(listed.map(|listed| &listed[field]), Some(&got[field]), "{field}");
    }
    let query = "query($id: ID!) { message(sessionId: \"shop\", id: $id) { text editedAt revokedAt } }";
    let graph = world.door.asked(query, json!({ "id": message })).await["message"].clone();
    let shown = (got["text"].clone(), !got["edited_at"].is_null(), !got["revoked_at"].is_null());
    assert_eq!((graph["text"].clone(), !graph["editedAt"].is_null(), !graph["revokedAt"].is_null()), shown);
    shown
}

#[rstest]
#[tokio::test]
async fn a_message_is_shown_as_it_was_edited_and_without_its_text_once_it_was_removed(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let world = world(kind).await;
    let own = sent(&world, "at six").await;
    assert_eq!(looks(&world, &own).await, (json!("at six"), false, false));
    let (edit, ..) = done(&world, Through::Rest, Action::Edit, &own, json!({ "text": "at seven" })).await;
    done(&world, Through::Graph, Action::Edit, &own, json!({ "text": "at eight" })).await;
    assert_eq!(looks(&world, &own).await, (json!("at eight"), true, false));
    // The edit is a message of its own, and answers none.
    let edit = world.door.get(&format!("/shop/messages/{edit}")).await.ok();
    assert_eq!((&edit["text"], &edit["target_id"], &edit["reply_to"]), (&json!("at seven"), &json!(own), &Value::Null));
    done(&world, Through::Rest, Action::Revoke, &own, Value::Null).await;
    assert_eq!(looks(&world, &own).await, (Value::Null, true, true));
    for action in Action::ALL {
        let refused = rest(&world, action, &own, action.body()).await;
        let text = refused.text();
        assert_eq!(refused.problem(), (422, "invalid".to_owned()), "{action:?}");
        assert!(text.contains("was removed for everybody"), "{text}");
    }

    let other = heard(&world, "tea?").await;
    let friend = world.sim.phone(FRIEND);
    let key = content::key(&format!("{SHOP}@s.whatsapp.net"), &other, true, None);
    let edit = content::edit(key.clone(), content::text("coffee?"));
    let edit = friend.send_content(SHOP, edit).await.expect("it is sent");
    until(&world, "message", |body| body["message_id"] == edit).await;
    assert_eq!(looks(&world, &other).await, (json!("coffee?"), true, false));
    let revoke = friend.send_content(SHOP, content::revoke(key)).await.expect("it is sent");
    until(&world, "message", |body| body["message_id"] == revoke).await;
    assert_eq!(looks(&world, &other).await, (Value::Null, true, true));
    world.finish().await;
}

#[tokio::test]
async fn a_removal_that_whatsapp_refused_changes_nothing_and_is_tried_again() {
    let world = world(Kind::Sqlite).await;
    let own = sent(&world, "at six").await;
    world.phone().spoil_messages(MessageFault::Nack { code: 405 }, 1);
    assert_eq!(rest(&world, Action::Revoke, &own, Value::Null).await.status, 502);
    assert_eq!(looks(&world, &own).await, (json!("at six"), false, false));
    done(&world, Through::Rest, Action::Revoke, &own, Value::Null).await;
    assert_eq!(looks(&world, &own).await, (Value::Null, false, true));
    world.finish().await;
}

#[tokio::test]
async fn nobody_changes_what_somebody_else_wrote() {
    let world = world(Kind::Sqlite).await;
    let (theirs, own) = (heard(&world, "tea?").await, sent(&world, "at six").await);
    let stranger = world.sim.phone("15550100078");
    for id in [&theirs, &own] {
        let key = content::key(&format!("{SHOP}@s.whatsapp.net"), id, true, None);
        for change in [content::edit(key.clone(), content::text("coffee?")), content::revoke(key)] {
            let change = stranger.send_content(SHOP, change).await.expect("it is sent");
            until(&world, "message", |body| body["message_id"] == change).await;
        }
    }
    assert_eq!(looks(&world, &theirs).await, (json!("tea?"), false, false));
    assert_eq!(looks(&world, &own).await, (json!("at six"), false, false));
    world.finish().await;
}
