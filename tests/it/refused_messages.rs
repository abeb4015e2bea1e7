//! Messages that WhatsApp refuses while somebody waits for them: the failure says which message it was, where it is, and when another
//! try makes sense, through both doors.

use rstest::rstest;
use serde_json::{Value, json};
use waypost::clock::Clock;
use whatsapp_simulator::{MessageFault, NewChatCap, Restrictions, Settings, Timelock, TokenRule};

use crate::support::door::Answer;
use crate::support::world::{Kind, World};

const STRANGER: &str = "15550100078";
/// Seconds that a restriction lasts: longer than any test.
const LASTS: u64 = 3_600;

/// A session that is logged in, whose messages are not held but fail.
async fn world(kind: Kind) -> World {
    let flags = ["--send-rate", "0", "--hold-when-restricted", "false"];
    let world = World::with(kind, Settings::default(), &flags).await;
    world.linked("shop").await;
    let _ = world.sim.phone(STRANGER);
    world
}

async fn over_rest(world: &World) -> Answer {
    let body = json!({ "to": STRANGER, "content": { "type": "text", "text": "good morning" } });
    world.door.post("/shop/messages?wait=30", body).await
}

/// What the graph adds to the failure.
async fn over_graph(world: &World) -> Value {
    let query = r#"mutation($to: String!) {
        sendMessage(input: { sessionId: "shop", to: $to, content: { text: { text: "good evening" } }, wait: 30 }) { id }
    }"#;
    world.door.graph(query, json!({ "to": STRANGER })).await.json()["errors"][0]["extensions"].clone()
}

/// Unix seconds.
fn now() -> u64 {
    u64::try_from(Clock::system().now().seconds()).expect("it is later than 1970")
}

/// Checks that the failure leads to the message, of which this is known.
async fn leads_to_the_message(world: &World, refused: &Answer, code: &str) {
    let id = refused.json()["message_id"].as_str().unwrap_or_else(|| panic!("none in {}", refused.text())).to_owned();
    assert_eq!(refused.header("location"), format!("/api/v1/sessions/shop/messages/{id}"));
    is_failed(world, &id, code).await;
}

async fn is_failed(world: &World, id: &str, code: &str) {
    let message = world.door.get(&format!("/shop/messages/{id}")).await.ok();
    assert_eq!((&message["status"], &message["failed"]["code"]), (&json!("failed"), &json!(code)), "{message}");
}

#[rstest]
#[case(404, 422, "recipient_not_found")]
#[case(473, 502, "not_allowed")]
#[case(500, 502, "rejected")]
#[tokio::test]
async fn a_message_that_was_refused_can_be_found(
    #[case] nack: u16,
    #[case] status: u16,
    #[case] code: &str,
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let world = world(kind).await;
    world.phone().spoil_messages(MessageFault::Nack { code: nack }, 2);
    let refused = over_rest(&world).await;
    leads_to_the_message(&world, &refused, code).await;
    assert_eq!(refused.problem(), (status, code.to_owned()));
    let extensions = over_graph(&world).await;
    assert_eq!(extensions["code"], code);
    is_failed(&world, extensions["messageId"].as_str().expect("an id"), code).await;
    // Nothing was written down of what breaks a rule.
    let invalid =
        world.door.post("/shop/messages", json!({ "to": STRANGER, "content": { "type": "text", "text": "" } }));
    let invalid = invalid.await;
    assert!(invalid.json()["message_id"].is_null(), "{}", invalid.text());
    assert_eq!((invalid.status, invalid.header("location")), (422, ""));
    world.finish().await;
}

#[rstest]
#[case(RestrictionCase::Timelock, "account_restricted")]
#[case(RestrictionCase::NewChats, "new_chat_limit")]
#[tokio::test]
async fn a_restriction_that_ends_says_when_to_come_again(
    #[case] case: RestrictionCase,
    #[case] code: &str,
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let world = world(kind).await;
    let until = now() + LASTS;
    world.phone().restrict(case.restrictions(until));
    let refused = over_rest(&world).await;
    let seconds: u64 = refused.header("retry-after").parse().unwrap_or_else(|_| panic!("{}", refused.text()));
    assert!((until - now()..=LASTS).contains(&seconds), "{seconds}");
    leads_to_the_message(&world, &refused, code).await;
    assert_eq!(refused.problem(), (429, code.to_owned()));
    let extensions = over_graph(&world).await;
    assert_eq!(extensions["code"], code);
    let seconds = extensions["retryAfter"].as_u64().expect("seconds");
    assert!((until - now()..=LASTS).contains(&seconds), "{extensions}");
    is_failed(&world, extensions["messageId"].as_str().expect("an id"), code).await;
    world.finish().await;
}

#[rstest]
#[tokio::test]
async fn a_restriction_without_an_end_is_forbidden(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = world(kind).await;
    // The account shows no token, and there is no lock that ends.
    world.phone().restrict(Restrictions { token_rule: Some(TokenRule::Strangers), ..Restrictions::default() });
    let refused = over_rest(&world).await;
    assert_eq!(refused.header("retry-after"), "");
    leads_to_the_message(&world, &refused, "account_restricted").await;
    assert_eq!(refused.problem(), (403, "account_restricted".to_owned()));
    let extensions = over_graph(&world).await;
    assert_eq!((&extensions["code"], extensions.get("retryAfter")), (&json!("account_restricted"), None));
    world.finish().await;
}

/// What WhatsApp keeps the account from.
#[derive(Clone, Copy, Debug)]
enum RestrictionCase {
    Timelock,
    NewChats,
}

impl RestrictionCase {
    fn restrictions(self, until: u64) -> Restrictions {
        match self {
            Self::Timelock => Restrictions { timelock: Some(Timelock { until }), ..Restrictions::default() },
            Self::NewChats => {
                let cap = NewChatCap { total: 1, used: 1, ends_at: until };
                Restrictions { new_chats: Some(cap), ..Restrictions::default() }
            }
        }
    }
}
