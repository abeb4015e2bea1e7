//! Reads the journal as a client of the API does.

use std::time::{Duration, Instant};

use reqwest::Method;
use sea_orm::ConnectionTrait;
use serde_json::Value;
use waypost::db::Db;
use waypost::db::sqlite::Synchronous;

use crate::support::door::Door;
use crate::support::world::World;

/// Longest wait for an event. Far above what it takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(40);

/// A page of the journal, and where to read on.
pub async fn page(door: &Door, query: &str) -> (Vec<Value>, String) {
    let page = door.ask(Method::GET, &format!("/api/v1/events?{query}"), &Value::Null).await.ok();
    let cursor = page["next_cursor"].as_str().unwrap_or_else(|| panic!("no cursor: {page}"));
    (page["events"].as_array().expect("a list").clone(), cursor.to_owned())
}

/// Everything that the journal has, read page by page.
pub async fn all(door: &Door, query: &str) -> Vec<Value> {
    let mut events: Vec<Value> = Vec::new();
    let mut after = String::new();
    loop {
        let (some, cursor) = page(door, &format!("limit=7{query}{after}")).await;
        if some.is_empty() {
            return events;
        }
        events.extend(some);
        after = format!("&after={cursor}");
    }
}

/// Changes the journal of a server on SQLite, as nobody does.
pub async fn tamper(world: &World, sql: &str) {
    let file = world.data_dir().join("waypost.db");
    let db = Db::sqlite(&file, Synchronous::Normal).await.expect("the server made the file");
    db.write().execute_unprepared(sql).await.expect("it can be changed");
}

/// Waits until the journal has so many events of a type, and gives the events of that type.
pub async fn of_type(world: &World, event: &str, count: usize) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let found = all(&world.door, &format!("&type={event}")).await;
        if found.len() >= count {
            return found;
        }
        assert!(begun.elapsed() < LIMIT, "{} of {count} {event}", found.len());
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

/// Waits for an event of this type that is so, and gives what it says.
pub async fn until(world: &World, event: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let mut found = of_type(world, event, 0).await;
        if let Some(found) = found.iter_mut().find(|event| is_it(&event["data"])) {
            return found["data"].take();
        }
        assert!(begun.elapsed() < LIMIT, "not among these: {found:?}");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

/// Sequences begin at 1 and have no gap.
pub fn has_no_gap(events: &[Value]) {
    let sequences: Vec<_> = events.iter().map(|event| event["sequence"].as_i64().expect("a number")).collect();
    assert_eq!(sequences, (1..=i64::try_from(events.len()).expect("few")).collect::<Vec<_>>());
}
