//! What is sent that has no file: places, contacts, polls, events and forwarded messages; what is done with messages; and the votes
//! in polls, in both directions. Through both doors, as the phones at the other end see it.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use whatsapp_simulator::{InboxMessage, Settings, content};

use crate::support::door::Answer;
use crate::support::journal::{of_type, until};
use crate::support::world::{Kind, World};

const SHOP: &str = "15550100001";
const FRIEND: &str = "15550100077";
const OTHER: &str = "15550100078";
const DAY: u32 = 86_400;
const WEEK: u32 = 604_800;
/// When an event begins, Unix seconds.
const SIX: i64 = 1_767_229_200;

/// Which door.
#[derive(Clone, Copy, Debug)]
enum Through {
    Rest,
    Graph,
}

/// An operation on a message, as both doors have it.
#[derive(Clone, Copy)]
struct Operation {
    method: &'static str,
    /// What comes behind the message's path.
    path: &'static str,
    field: &'static str,
    input: &'static str,
}

const fn operation(method: &'static str, path: &'static str, field: &'static str, input: &'static str) -> Operation {
    Operation { method, path, field, input }
}

const VOTE: Operation = operation("PUT", "vote", "vote", "VoteInput");
const ATTEND: Operation = operation("PUT", "attendance", "setAttendance", "SetAttendanceInput");
const FORWARD: Operation = operation("POST", "forward", "forwardMessage", "ForwardMessageInput");
const PIN: Operation = operation("PUT", "pin", "pinMessage", "PinMessageInput");
const UNPIN: Operation = operation("DELETE", "pin", "unpinMessage", "ChangeMessageInput");
const KEEP: Operation = operation("PUT", "keep", "keepMessage", "ChangeMessageInput");
const UNKEEP: Operation = operation("DELETE", "keep", "unkeepMessage", "ChangeMessageInput");

/// A session that is logged in, and a friend with a phone.
async fn world(kind: Kind) -> World {
    let world = World::with(kind, Settings::default(), &["--send-rate", "0"]).await;
    world.linked("shop").await;
    let _ = [FRIEND, OTHER].map(|number| world.sim.phone(number));
    world
}

fn id(message: &Value) -> String {
    message["id"].as_str().unwrap_or_else(|| panic!("no id in {message}")).to_owned()
}

/// Sends a content. Both doors take the same, but that the graph names the kind around it, its fields in its own spelling, and
/// moments as RFC 3339 has them.
async fn send(world: &World, through: Through, kind: &str, rest: Value, graph: Value) -> Answer {
    match through {
        Through::Rest => {
            let mut content = rest;
            content["type"] = json!(kind);
            world.door.post("/shop/messages", json!({ "to": FRIEND, "content": content })).await
        }
        Through::Graph => {
            let query = "mutation($i: SendMessageInput!) { sendMessage(input: $i) { id type status } }";
            let input = json!({ "sessionId": "shop", "to": FRIEND, "content": { kind: graph } });
            world.door.graph(query, json!({ "i": input })).await
        }
    }
}

/// The message that was sent, as its door shows it.
fn sent(through: Through, answer: Answer) -> Value {
    match through {
        Through::Rest => {
            assert_eq!(answer.status, 201, "{}", answer.text());
            answer.ok()
        }
        Through::Graph => {
            let shown = answer.json()["data"]["sendMessage"].clone();
            assert!(shown["id"].is_string(), "{}", answer.text());
            shown
        }
    }
}

/// Does something with a message.
async fn act(world: &World, through: Through, what: Operation, message: &str, body: &Value) -> Result<Value, String> {
    let Operation { method, path, field, input } = what;
    match through {
        Through::Rest => {
            let path = format!("/api/v1/sessions/shop/messages/{message}/{path}");
            let answer = world.door.ask(method.parse().expect("a method"), &path, body).await;
            if answer.status == 201 { Ok(answer.ok()) } else { Err(answer.problem().1) }
        }
        Through::Graph => {
            let query = format!("mutation($i: {input}!) {{ {field}(input: $i) {{ id type status }} }}");
            let mut given = json!({ "sessionId": "shop", "id": message });
            for (name, value) in body.as_object().into_iter().flatten() {
                let (name, value) = match name.as_str() {
                    "extra_guests" => ("extraGuests", value.clone()),
                    "answer" => ("answer", json!(value.as_str().unwrap_or_default().to_uppercase())),
                    other => (other, value.clone()),
                };
                given[name] = value;
            }
            let answer = world.door.graph(&query, json!({ "i": given })).await.json();
            let shown = answer["data"][field].clone();
            match shown.is_null() {
                true => Err(answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned()),
                false => Ok(shown),
            }
        }
    }
}

/// Does something with a message that WhatsApp takes, and gives its id.
async fn done(world: &World, through: Through, what: Operation, message: &str, body: Value) -> String {
    id(&act(world, through, what, message, &body).await.expect("it is taken"))
}

/// The message with this id, once somebody's phone has it.
async fn arrives_at(world: &World, number: &str, id: &str) -> InboxMessage {
    let find = || world.sim.phone(number).inbox().into_iter().find(|message| message.id == id);
    world.eventually("the phone gets it", || find().is_some()).await;
    find().expect("it was there a moment ago")
}

async fn arrives(world: &World, id: &str) -> InboxMessage {
    arrives_at(world, FRIEND, id).await
}

/// A message that came from the friend.
async fn heard(world: &World, content: waproto::whatsapp::Message) -> String {
    let id = world.sim.phone(FRIEND).send_content(SHOP, content).await.expect("it is sent");
    until(world, "message", |body| body["message_id"] == id).await;
    id
}

/// The votes in a poll: of each option its words and how many chose it, and how many chose something at all.
async fn votes(world: &World, through: Through, poll: &str) -> (Vec<(Value, Value)>, Value) {
    let (votes, count) = match through {
        Through::Rest => {
            let votes = world.door.get(&format!("/shop/messages/{poll}/votes")).await.ok();
            let count = votes["voter_count"].clone();
            (votes, count)
        }
        Through::Graph => {
            let query = "query($id: ID!) { messageVotes(sessionId: \"shop\", id: $id) {
                question voterCount options { option optionSha256 count voters { phoneNumber } } unreadable { id } } }";
            let votes = world.door.asked(query, json!({ "id": poll })).await["messageVotes"].clone();
            let count = votes["voterCount"].clone();
            (votes, count)
        }
    };
    assert_eq!(votes["question"], "tea?", "{votes}");
    let options = votes["options"].as_array().expect("a list").iter();
    (options.map(|option| (option["option"].clone(), option["count"].clone())).collect(), count)
}

/// Waits until the votes in a poll add up to this, through both doors.
async fn add_up(world: &World, poll: &str, yes: u32, no: u32, voters: u32) {
    let expected = (vec![(json!("yes"), json!(yes)), (json!("no"), json!(no))], json!(voters));
    let begun = std::time::Instant::now();
    while votes(world, Through::Rest, poll).await != expected {
        assert!(begun.elapsed().as_secs() < 40, "{:?} is not {expected:?}", votes(world, Through::Rest, poll).await);
        tokio::time::sleep(std::time::Duration::from_millis(15)).await;
    }
    assert_eq!(votes(world, Through::Graph, poll).await, expected);
}

#[rstest]
#[tokio::test]
async fn places_contacts_polls_and_events_reach_the_phone(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(Through::Rest, Through::Graph)] through: Through,
) {
    let world = world(kind).await;
    let place = json!({ "latitude": -33.8568, "longitude": 151.2153, "name": "Harbour", "address": "Pier 4" });
    let message = sent(through, send(&world, through, "location", place.clone(), place.clone()).await);
    assert_eq!(message["type"].as_str().map(str::to_lowercase).as_deref(), Some("location"));
    let got = arrives(&world, &id(&message)).await.content;
    let shown = got.place.expect("it is one");
    assert_eq!((got.kind, shown.latitude, shown.longitude), ("location", -33.8568, 151.2153));
    assert_eq!((shown.name.as_deref(), shown.address.as_deref()), (Some("Harbour"), Some("Pier 4")));
    let ada = json!({ "name": "Ada, Ltd", "phones": [{ "number": "+1 555 010-0078", "type": "WORK" }] });
    let bob = json!({ "name": "Bob", "vcard": "BEGIN:VCARD\nVERSION:3.0\nFN:Bob\nEND:VCARD" });
    for (contacts, word) in [(json!([ada.clone()]), "contact"), (json!([ada, bob]), "contacts")] {
        let contacts = json!({ "contacts": contacts });
        let message = sent(through, send(&world, through, "contact", contacts.clone(), contacts.clone()).await);
        let got = arrives(&world, &id(&message)).await.content;
        assert_eq!((got.kind, got.contacts[0].display_name.as_str()), (word, "Ada, Ltd"));
        let card = &got.contacts[0].vcard;
        assert!(card.contains("FN:Ada\\, Ltd\r\n"), "{card}");
        assert!(card.contains("TEL;type=WORK;waid=15550100078:+15550100078\r\n"), "{card}");
    }
    for (most, version) in [(1, 3), (0, 1)] {
        let rest = json!({ "question": "tea?", "options": ["yes", "no"], "max_choices": most });
        let graph = json!({ "question": "tea?", "options": ["yes", "no"], "maxChoices": most });
        let message = sent(through, send(&world, through, "poll", rest, graph).await);
        let got = arrives(&world, &id(&message)).await.content;
        let poll = got.poll.expect("it is one");
        assert_eq!(
            (got.kind, poll.name.as_str(), poll.options),
            ("poll", "tea?", vec!["yes".to_owned(), "no".to_owned()])
        );
        assert_eq!((poll.selectable, poll.version, got.has_secret), (most, version, true));
    }
    let rest = json!({ "name": "Tea", "start_at": SIX, "end_at": SIX + 3_600, "location": place });
    let graph =
        json!({ "name": "Tea", "startAt": "2026-01-01T01:00:00Z", "endAt": "2026-01-01T02:00:00Z", "location": place });
    let message = sent(through, send(&world, through, "event", rest, graph).await);
    let got = arrives(&world, &id(&message)).await.content;
    let event = got.event.expect("it is one");
    assert_eq!(
        (got.kind, event.name.as_str(), event.starts_at, event.ends_at),
        ("event", "Tea", Some(SIX), Some(SIX + 3_600))
    );
    assert_eq!(event.place.and_then(|place| place.name).as_deref(), Some("Harbour"));
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn what_breaks_a_rule_is_refused_and_nothing_is_written(
    #[values(Through::Rest, Through::Graph)] through: Through,
) {
    let world = world(Kind::Sqlite).await;
    let contact = |contact: Value| json!({ "contacts": [contact] });
    let poll = |options: Value| json!({ "question": "tea?", "options": options });
    for (kind, content) in [
        ("location", json!({ "latitude": 90.5, "longitude": 0.0 })),
        ("location", json!({ "latitude": 0.0, "longitude": -180.5 })),
        ("contact", json!({ "contacts": [] })),
        ("contact", contact(json!({ "name": "Ada" }))),
        ("contact", contact(json!({ "name": "Ada", "phones": [{ "number": "call me" }] }))),
        ("contact", contact(json!({ "name": "Ada", "vcard": "tea" }))),
        ("poll", poll(json!(["yes"]))),
        ("poll", poll(json!(["yes", "yes"]))),
        ("poll", poll(json!(vec!["x"; 13]))),
    ] {
        let answer = send(&world, through, kind, content.clone(), content.clone()).await;
        let code = match through {
            Through::Rest => answer.problem().1,
            Through::Graph => answer.json()["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned(),
        };
        assert_eq!(code, "invalid", "{kind} {content}");
    }
    assert_eq!(world.door.get("/shop/messages").await.ok()["messages"], json!([]));
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn votes_of_both_sides_add_up_by_the_last_one_of_each_person(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(Through::Rest, Through::Graph)] through: Through,
) {
    let mut world = world(kind).await;
    let friend = world.sim.phone(FRIEND);
    // In a poll of the account.
    let content = json!({ "question": "tea?", "options": ["yes", "no"] });
    let own = id(&sent(through, send(&world, through, "poll", content.clone(), content).await));
    arrives(&world, &own).await;
    add_up(&world, &own, 0, 0, 0).await;
    let vote = friend.vote(SHOP, &own, &["yes"]).await.expect("it is sent");
    let read = until(&world, "message", |body| body["message_id"] == vote).await["poll"].take();
    assert_eq!((&read["vote_on"], &read["vote"]["state"]), (&json!(own), &json!("opened")), "{read}");
    assert_eq!(read["vote"]["chosen"][0]["option"], "yes");
    add_up(&world, &own, 1, 0, 1).await;
    friend.vote(SHOP, &own, &["no"]).await.expect("it is sent");
    add_up(&world, &own, 0, 1, 1).await;
    let vote = done(&world, through, VOTE, &own, json!({ "options": ["no"] })).await;
    assert_eq!(arrives(&world, &vote).await.content.vote, Some(vec!["no".to_owned()]));
    add_up(&world, &own, 0, 2, 2).await;
    // In a poll of the friend.
    let theirs = heard(&world, content::poll("tea?", &["yes", "no"])).await;
    for (options, yes, no, voters) in [(json!(["yes"]), 1, 0, 1), (json!(["no"]), 0, 1, 1), (json!([]), 0, 0, 0)] {
        let vote = done(&world, through, VOTE, &theirs, json!({ "options": options })).await;
        let got = arrives(&world, &vote).await.content;
        let chosen: Option<Value> = got.vote.map(|chosen| json!(chosen));
        assert_eq!((got.kind, chosen), ("vote", Some(options)));
        assert_eq!(got.target.map(|target| (target.id, target.from_me)), Some((theirs.clone(), false)));
        add_up(&world, &theirs, yes, no, voters).await;
    }
    // What came while nobody was there counts as well, and what was counted stays.
    assert!(world.server.stop().success());
    friend.vote(SHOP, &own, &["yes"]).await.expect("it is sent");
    world.start_again();
    world.reaches("shop", "logged_in").await;
    add_up(&world, &own, 1, 1, 2).await;
    friend.vote(SHOP, &own, &[]).await.expect("it is sent");
    add_up(&world, &own, 0, 1, 1).await;
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_vote_that_the_poll_does_not_allow_is_refused(#[values(Through::Rest, Through::Graph)] through: Through) {
    let world = world(Kind::Sqlite).await;
    let poll = heard(&world, content::poll("tea?", &["yes", "no"])).await;
    let text = heard(&world, content::text("tea?")).await;
    let refusal = async |message: &str, options: Value| {
        act(&world, through, VOTE, message, &json!({ "options": options })).await.expect_err("it is refused")
    };
    assert_eq!(refusal(&poll, json!(["maybe"])).await, "invalid");
    assert_eq!(refusal(&poll, json!(["yes", "no"])).await, "invalid");
    assert_eq!(refusal(&text, json!(["yes"])).await, "invalid");
    assert_eq!(refusal("3EB0NONE", json!(["yes"])).await, "message_not_found");
    assert_eq!(world.door.get(&format!("/shop/messages/{text}/votes")).await.problem(), (422, "invalid".to_owned()));
    assert_eq!(world.door.get("/shop/messages/3EB0NONE/votes").await.problem(), (404, "message_not_found".to_owned()));
    add_up(&world, &poll, 0, 0, 0).await;
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn answers_to_an_event_are_read_in_both_directions(#[values(Through::Rest, Through::Graph)] through: Through) {
    let world = world(Kind::Sqlite).await;
    let rest = json!({ "name": "Tea", "start_at": SIX });
    let graph = json!({ "name": "Tea", "startAt": "2026-01-01T01:00:00Z" });
    let own = id(&sent(through, send(&world, through, "event", rest, graph).await));
    arrives(&world, &own).await;
    let answer = world.sim.phone(FRIEND).answer_event(SHOP, &own, "going", 2).await.expect("it is sent");
    let read = until(&world, "message", |body| body["message_id"] == answer).await;
    assert_eq!(read["message_type"], "attendance");
    let read = &read["attendance"];
    assert_eq!((&read["message_id"], &read["state"]), (&json!(own), &json!("opened")), "{read}");
    assert_eq!((&read["answer"], &read["extra_guests"]), (&json!("going"), &json!(2)));
    let body = json!({ "answer": "not_going", "extra_guests": 0 });
    let answer = done(&world, through, ATTEND, &own, body).await;
    let got = arrives(&world, &answer).await.content;
    assert_eq!(got.event_answer.map(|answer| answer.response), Some("not_going"));
    let text = heard(&world, content::text("tea?")).await;
    let refused = act(&world, through, ATTEND, &text, &json!({ "answer": "going" })).await;
    assert_eq!(refused, Err("invalid".to_owned()));
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_message_is_forwarded_to_somebody_else_and_what_can_be_seen_once_is_not(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(Through::Rest, Through::Graph)] through: Through,
) {
    let world = world(kind).await;
    world.sim.phone(OTHER).send_content(SHOP, content::timer(WEEK)).await.expect("it is sent");
    until(&world, "disappearing_update", |data| data["seconds"] == WEEK).await;
    let asked = heard(&world, content::text("tea?")).await;
    let answer = json!({ "to": FRIEND, "content": { "type": "text", "text": "at six" }, "reply_to": asked });
    let own = id(&world.door.post("/shop/messages", answer).await.ok());
    for (message, text) in [(&asked, "tea?"), (&own, "at six")] {
        let forwarded = done(&world, through, FORWARD, message, json!({ "to": OTHER })).await;
        let got = arrives_at(&world, OTHER, &forwarded).await;
        assert_eq!((got.content.kind, got.text.as_str()), ("text", text));
        assert!(got.content.is_forwarded && got.content.quoted.is_none() && got.content.has_secret);
        assert_eq!(got.content.ephemeral_seconds, Some(WEEK), "as everything else in that chat");
    }
    let picture = heard(&world, content::image(Some("tea"))).await;
    let forwarded = done(&world, through, FORWARD, &picture, json!({ "to": OTHER })).await;
    let got = arrives_at(&world, OTHER, &forwarded).await.content;
    assert_eq!((got.kind, got.caption.as_deref(), got.is_forwarded), ("image", Some("tea"), true));
    let reaction = json!({ "emoji": "\u{1f44d}" });
    let reaction =
        world.door.ask(Method::PUT, &format!("/api/v1/sessions/shop/messages/{own}/reaction"), &reaction).await;
    let refused = act(&world, through, FORWARD, &id(&reaction.ok()), &json!({ "to": OTHER })).await;
    assert_eq!(refused, Err("invalid".to_owned()));
    let refused = act(&world, through, FORWARD, "3EB0NONE", &json!({ "to": OTHER })).await;
    assert_eq!(refused, Err("message_not_found".to_owned()));
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn messages_are_pinned_for_days_and_kept_where_they_disappear(
    #[values(Through::Rest, Through::Graph)] through: Through,
) {
    let world = world(Kind::Sqlite).await;
    let theirs = heard(&world, content::text("tea?")).await;
    for (body, seconds) in [(json!({ "days": 1 }), DAY), (json!({ "days": 30 }), 2_592_000), (json!({}), WEEK)] {
        let pin = done(&world, through, PIN, &theirs, body).await;
        let got = arrives(&world, &pin).await;
        assert_eq!((got.content.kind, got.edit.as_deref()), ("pin", Some("2")));
        assert_eq!(got.content.target.map(|target| (target.id, target.from_me)), Some((theirs.clone(), false)));
        let pin = got.content.pin.expect("it is one");
        assert_eq!((pin.is_pinned, pin.seconds), (true, Some(seconds)));
    }
    let unpin = done(&world, through, UNPIN, &theirs, Value::Null).await;
    assert_eq!(arrives(&world, &unpin).await.content.pin.map(|pin| pin.is_pinned), Some(false));
    let refused = act(&world, through, PIN, &theirs, &json!({ "days": 2 })).await;
    assert_eq!(refused, Err("invalid".to_owned()));
    let refused = act(&world, through, KEEP, &theirs, &Value::Null).await;
    assert_eq!(refused, Err("invalid".to_owned()), "nothing disappears");
    world.sim.phone(FRIEND).send_content(SHOP, content::timer(DAY)).await.expect("it is sent");
    until(&world, "disappearing_update", |data| data["seconds"] == DAY).await;
    for (what, is_kept) in [(KEEP, true), (UNKEEP, false)] {
        let keep = done(&world, through, what, &theirs, Value::Null).await;
        let got = arrives(&world, &keep).await.content;
        assert_eq!((got.kind, got.is_kept), ("keep", Some(is_kept)));
    }
    world.finish().await;
}

/// Sets the timer of the chat with the friend, and gives the status of the message that tells it.
async fn set_timer(world: &World, through: Through, seconds: u32) -> Value {
    match through {
        Through::Rest => {
            let path = format!("/api/v1/sessions/shop/chats/{FRIEND}/timer");
            let set = world.door.ask(Method::PUT, &path, &json!({ "seconds": seconds })).await.ok();
            assert_eq!(set["seconds"], seconds);
            set["message"]["status"].clone()
        }
        Through::Graph => {
            let query =
                "mutation($i: SetChatTimerInput!) { setChatTimer(input: $i) { seconds message { status type } } }";
            let input = json!({ "sessionId": "shop", "chatId": FRIEND, "seconds": seconds });
            let set = world.door.asked(query, json!({ "i": input })).await["setChatTimer"].clone();
            assert_eq!((&set["seconds"], &set["message"]["type"]), (&json!(seconds), &json!("TIMER")));
            json!(set["message"]["status"].as_str().unwrap_or_default().to_lowercase())
        }
    }
}

#[rstest]
#[tokio::test]
async fn a_timer_that_is_set_is_told_and_kept_by_what_is_sent_behind_it(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
    #[values(Through::Rest, Through::Graph)] through: Through,
) {
    let world = world(kind).await;
    let sent = async || {
        let body = json!({ "to": FRIEND, "content": { "type": "text", "text": "tea" } });
        let id = id(&world.door.post("/shop/messages", body).await.ok());
        arrives(&world, &id).await.content.ephemeral_seconds
    };
    assert_eq!(sent().await, None);
    for seconds in [DAY, WEEK, 7_776_000] {
        let status = set_timer(&world, through, seconds).await;
        assert!(["sent", "delivered", "read"].contains(&status.as_str().unwrap_or_default()), "{status}");
        assert_eq!(world.sim.phone(FRIEND).chat_timer(SHOP), Some(seconds));
        assert_eq!(sent().await, Some(seconds));
    }
    // Who sets it back on a phone is believed, although the session heard of that timer before and of no other since.
    let friend = world.sim.phone(FRIEND);
    friend.send_content(SHOP, content::timer(WEEK)).await.expect("it is sent");
    of_type(&world, "disappearing_update", 1).await;
    set_timer(&world, through, DAY).await;
    assert_eq!(sent().await, Some(DAY));
    friend.send_content(SHOP, content::timer(WEEK)).await.expect("it is sent");
    of_type(&world, "disappearing_update", 2).await;
    assert_eq!(sent().await, Some(WEEK));
    set_timer(&world, through, 0).await;
    assert_eq!(sent().await, None);
    let path = format!("/api/v1/sessions/shop/chats/{FRIEND}/timer");
    let refused = world.door.ask(Method::PUT, &path, &json!({ "seconds": 60 })).await;
    assert_eq!(refused.problem(), (422, "invalid".to_owned()));
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn the_timer_of_new_chats_is_a_setting_of_the_account(#[values(Through::Rest, Through::Graph)] through: Through) {
    let world = world(Kind::Sqlite).await;
    for seconds in [WEEK, 0] {
        let set = match through {
            Through::Rest => {
                let path = "/api/v1/sessions/shop/disappearing-timer";
                world.door.ask(Method::PUT, path, &json!({ "seconds": seconds })).await.ok()
            }
            Through::Graph => {
                let query = "mutation($i: SetDefaultTimerInput!) { setDefaultTimer(input: $i) { seconds } }";
                let input = json!({ "sessionId": "shop", "seconds": seconds });
                world.door.asked(query, json!({ "i": input })).await["setDefaultTimer"].clone()
            }
        };
        assert_eq!(set, json!({ "seconds": seconds }));
        assert_eq!(world.phone().default_timer(), seconds);
    }
    world.finish().await;
}

#[tokio::test]
async fn a_key_that_may_not_read_forwards_nothing() {
    let world = world(Kind::Sqlite).await;
    let theirs = heard(&world, content::text("tea?")).await;
    let (_, token) = world.door.key(json!({ "name": "sender", "scopes": ["messages:send"] })).await;
    let door = world.door.holding(&token);
    let path = format!("/api/v1/sessions/shop/messages/{theirs}/forward");
    let refused = door.ask(Method::POST, &path, &json!({ "to": OTHER })).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    world.finish().await;
}

#[tokio::test]
async fn the_paths_of_the_contract_do_the_same() {
    let world = world(Kind::Sqlite).await;
    let post = async |path: &str, body: Value| {
        let answer = world.door.post(&format!("/shop/messages/{path}"), body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["message_id"].as_str().expect("an id").to_owned()
    };
    let place = post("location", json!({ "to": FRIEND, "latitude": 1.5, "longitude": 2.5, "name": "Pier 4" })).await;
    let place = arrives(&world, &place).await.content.place.expect("it is one");
    assert_eq!((place.latitude, place.name.as_deref()), (1.5, Some("Pier 4")));
    let ada =
        json!({ "display_name": "Ada", "phones": [{ "number": OTHER, "phone_type": "WORK" }], "organization": "Tea" });
    let one = post("contact", json!({ "to": FRIEND, "contact": ada })).await;
    let card = &arrives(&world, &one).await.content.contacts[0];
    assert!(card.vcard.contains("ORG:Tea;\r\nTEL;type=WORK;waid=15550100078:+15550100078\r\n"), "{}", card.vcard);
    let several = post("contact", json!({ "to": FRIEND, "contacts": [ada, ada] })).await;
    assert_eq!(arrives(&world, &several).await.content.contacts.len(), 2);
    let poll = json!({ "to": FRIEND, "name": "tea?", "options": ["yes", "no"], "selectable_count": 2 });
    let poll = post("poll", poll).await;
    let asked = arrives(&world, &poll).await.content.poll.expect("it is one");
    assert_eq!((asked.name.as_str(), asked.selectable), ("tea?", 2));
    let vote = post("poll-update", json!({ "to": FRIEND, "message_id": poll, "options": ["yes"] })).await;
    assert_eq!(arrives(&world, &vote).await.content.vote, Some(vec!["yes".to_owned()]));
    for (seconds, is_pinned) in [(WEEK, true), (0, false)] {
        let pin = json!({ "chat": FRIEND, "message_id": poll, "duration_seconds": seconds });
        let pin = post("pin", pin).await;
        assert_eq!(arrives(&world, &pin).await.content.pin.map(|pin| pin.is_pinned), Some(is_pinned));
    }
    let theirs = heard(&world, content::text("tea?")).await;
    let forwarded = post("forward", json!({ "to": OTHER, "message_id": theirs })).await;
    assert!(arrives_at(&world, OTHER, &forwarded).await.content.is_forwarded);
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_star_is_on_all_devices_of_the_account(#[values(Through::Rest, Through::Graph)] through: Through) {
    let world = world(Kind::Sqlite).await;
    let theirs = heard(&world, content::text("tea?")).await;
    for (word, is_starred) in [("starMessage", true), ("unstarMessage", false)] {
        let shown = match through {
            Through::Rest => {
                let method = if is_starred { Method::PUT } else { Method::DELETE };
                let path = format!("/api/v1/sessions/shop/messages/{theirs}/star");
                world.door.ask(method, &path, &Value::Null).await.ok()["is_starred"].clone()
            }
            Through::Graph => {
                let query = format!("mutation($i: StarMessageInput!) {{ {word}(input: $i) {{ isStarred }} }}");
                let input = json!({ "sessionId": "shop", "id": theirs });
                world.door.asked(&query, json!({ "i": input })).await[word]["isStarred"].clone()
            }
        };
        assert_eq!(shown, json!(is_starred));
        let starred = || world.phone().starred();
        world.eventually("the phone has it", || starred().len() == usize::from(is_starred)).await;
        if is_starred {
            let star = starred().remove(0);
            assert_eq!((star.message_id, star.from_me, star.participant), (theirs.clone(), false, None));
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn an_edited_message_is_forwarded_and_answered_as_it_is_shown() {
    let world = world(Kind::Sqlite).await;
    world.sim.phone(OTHER);
    let theirs = heard(&world, content::image(Some("tea?"))).await;
    let key = content::key(&format!("{SHOP}@s.whatsapp.net"), &theirs, true, None);
    heard(&world, content::edit(key, content::image(Some("coffee?")))).await;
    let new = json!({ "to": FRIEND, "content": { "type": "text", "text": "at six" } });
    let own = id(&world.door.post("/shop/messages", new).await.ok());
    world.door.post(&format!("/shop/messages/{own}/edit"), json!({ "text": "at seven" })).await.ok();
    let forwarded = done(&world, Through::Rest, FORWARD, &theirs, json!({ "to": OTHER })).await;
    let got = arrives_at(&world, OTHER, &forwarded).await.content;
    assert_eq!((got.kind, got.caption.as_deref()), ("image", Some("coffee?")));
    let forwarded = done(&world, Through::Rest, FORWARD, &own, json!({ "to": OTHER })).await;
    assert_eq!(arrives_at(&world, OTHER, &forwarded).await.text, "at seven");
    let answer = json!({ "to": FRIEND, "content": { "type": "text", "text": "fine" }, "reply_to": own });
    let answer = id(&world.door.post("/shop/messages", answer).await.ok());
    let quoted = arrives(&world, &answer).await.content.quoted.expect("it answers one");
    assert_eq!((quoted.id.as_str(), quoted.text.as_str()), (own.as_str(), "at seven"));
    world.finish().await;
}
