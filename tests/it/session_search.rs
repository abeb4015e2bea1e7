//! Sessions that are looked for under the path that clients of the contract know.

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::world::{Kind, World};

/// Ids of the hits.
fn found(answer: &Value) -> Vec<&str> {
    let hits = answer["hits"].as_array().expect("a list").iter();
    hits.map(|session| session["id"].as_str().expect("an id")).collect()
}

#[rstest]
#[tokio::test]
async fn sessions_are_found_by_id_and_name_whatever_the_case(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let world = World::new(kind).await;
    for (id, name) in [("shop-1", "North"), ("SHOPPING", "South"), ("depot", "The old Shop"), ("office", "Desk")] {
        world.door.post("", json!({ "id": id, "name": name })).await.ok();
    }
    let all = world.door.get("/search?q=shop").await.ok();
    assert_eq!(all.as_object().map(|fields| fields.len()), Some(4), "{all}");
    assert_eq!((&all["q"], &all["total"], &all["next_cursor"]), (&json!("shop"), &json!(3), &Value::Null));
    assert_eq!(found(&all), ["shop-1", "SHOPPING", "depot"]);
    let listed = world.door.get("?q=shop").await.ok();
    let names = |session: &Value| session.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&all["hits"][0]), names(&listed["sessions"][0]), "as in the list");
    let query = r#"{ sessions(filter: { query: "shop" }) { totalCount nodes { id } } }"#;
    let shown = world.door.asked(query, Value::Null).await;
    assert_eq!(shown["sessions"]["totalCount"], 3);
    assert_eq!(shown["sessions"]["nodes"][2]["id"], "depot");
    let first = world.door.get("/search?q=shop&limit=2").await.ok();
    assert_eq!((found(&first), &first["total"]), (vec!["shop-1", "SHOPPING"], &json!(3)));
    let cursor = first["next_cursor"].as_str().expect("there is more");
    let rest = world.door.get(&format!("/search?q=shop&after={cursor}")).await.ok();
    assert_eq!((found(&rest), &rest["next_cursor"]), (vec!["depot"], &Value::Null));
    assert_eq!(world.door.get("/search?q=nothing").await.ok()["total"], 0);
    assert_eq!(world.door.get("/search").await.ok()["total"], 4, "without words all are found");
    let key = json!({ "name": "one", "scopes": ["sessions:read"], "sessions": ["depot"] });
    let (_, token) = world.door.key(key).await;
    let own = world.door.holding(&token).get("/search?q=shop").await.ok();
    assert_eq!((found(&own), &own["total"]), (vec!["depot"], &json!(1)));
    world.finish().await;
}

#[tokio::test]
async fn no_session_is_called_as_the_path_of_the_search() {
    let world = World::new(Kind::Sqlite).await;
    let refused = world.door.post("", json!({ "id": "search" })).await;
    assert_eq!(refused.json()["detail"], "`id` must not be `search`, which is a path of this API");
    assert_eq!(refused.problem(), (422, "invalid".to_owned()));
    let mutation = r#"mutation { createSession(input: { id: "search" }) { id } }"#;
    assert_eq!(world.door.graph_failure(mutation, Value::Null).await, "invalid");
    world.door.create("Search").await;
    assert_eq!(world.door.get("/Search").await.ok()["id"], "Search");
    // Words win over ids, and say what they take.
    for (method, path, allow) in [
        (Method::PATCH, "/search", "GET, HEAD"),
        (Method::GET, "/Search/messages/text", "POST"),
        (Method::DELETE, "/Search/webhooks/dlq", "GET, HEAD"),
    ] {
        let answer = world.door.ask(method.clone(), &format!("/api/v1/sessions{path}"), &json!({})).await;
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
        assert_eq!(answer.problem(), (405, "method_not_allowed".to_owned()), "{method} {path}");
    }
    // What stands below is a session's, and there is none.
    assert_eq!(world.door.get("/search/status").await.problem(), (404, "session_not_found".to_owned()));
    world.finish().await;
}
