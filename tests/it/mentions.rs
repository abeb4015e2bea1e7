//! Mentions: of people who are in the chat, by every name that they have.

use rstest::rstest;
use serde_json::{Value, json};
use whatsapp_simulator::Settings;

use crate::support::journal::of_type;
use crate::support::world::{Kind, World};

const SHOP: &str = "15550100001";
const FRIEND: &str = "15550100077";
const OTHER: &str = "15550100078";

fn mentioning(people: &[&str]) -> Value {
    json!({ "to": FRIEND, "content": { "type": "text", "text": "@15550100077 @15550100001" }, "mentions": people })
}

#[rstest]
#[tokio::test]
async fn both_who_are_in_a_chat_can_be_mentioned_by_either_name_and_nobody_else(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let world = World::with(kind, Settings::default(), &["--send-rate", "0"]).await;
    world.linked("shop").await;
    let friend = world.sim.phone(FRIEND);
    let other = world.sim.phone(OTHER);
    // Its stanza says both names of who sends it.
    friend.send(SHOP, "hello").await.expect("it is sent");
    of_type(&world, "message", 1).await;
    let lid = |phone: &whatsapp_simulator::Phone| format!("{}@lid", phone.lid());
    let (friends, own) = (lid(&friend), lid(&world.phone()));
    let jid = |number: &str| format!("{number}@s.whatsapp.net");
    let rows = [
        (vec!["+1 555 010-0077"], vec![jid(FRIEND)]),
        (vec![friends.as_str()], vec![friends.clone()]),
        (vec![SHOP, own.as_str()], vec![jid(SHOP), own.clone()]),
        (vec![FRIEND, SHOP, "1 555 0100077"], vec![jid(FRIEND), jid(SHOP)]),
        (vec![], vec![]),
    ];
    for (number, (people, mentioned)) in rows.iter().enumerate() {
        let sent = world.door.post("/shop/messages", mentioning(people)).await;
        assert_eq!(sent.status, 201, "{people:?}: {}", sent.text());
        assert_eq!(&friend.inbox()[number].content.mentions, mentioned);
    }
    let others = lid(&other);
    for stranger in [OTHER, others.as_str()] {
        let refused = world.door.post("/shop/messages", mentioning(&[FRIEND, stranger])).await;
        let detail = refused.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert_eq!(detail, "`mentions` must only have people who are in the chat");
        assert_eq!(refused.problem(), (422, "invalid".to_owned()));
    }
    let mutation = r#"mutation($people: [String!]) { sendMessage(input: { sessionId: "shop", to: "15550100077",
        content: { text: { text: "hi" } }, mentions: $people }) { id } }"#;
    world.door.asked(mutation, json!({ "people": [friends] })).await;
    assert_eq!(world.door.graph_failure(mutation, json!({ "people": [OTHER] })).await, "invalid");
    assert_eq!(friend.inbox().len(), rows.len() + 1, "nothing is sent of what is refused");
    assert!(other.inbox().is_empty());
    world.finish().await;
}
