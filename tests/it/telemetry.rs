//! What operators see: when each loop took its last turn.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::Method;
use waypost::clock::Clock;
use waypost::lifecycle::last_run::Loop;

use crate::support::world::{Kind, World};

/// Longest wait for a turn. The loops that are waited for take one every few seconds.
const LIMIT: Duration = Duration::from_secs(40);
const LAST_RUN: &str = "waypost_loop_last_run_timestamp_seconds{loop=\"";

/// When each loop took its last turn, by the metrics.
async fn last_runs(world: &World) -> BTreeMap<String, f64> {
    let text = world.door.send(world.door.request(Method::GET, "/metrics")).await.text();
    let lines = text.lines().filter_map(|line| line.strip_prefix(LAST_RUN)?.split_once("\"} "));
    lines.map(|(which, moment)| (which.to_owned(), moment.parse().expect("a number"))).collect()
}

#[tokio::test]
async fn each_loop_shows_when_it_took_its_last_turn() {
    let now = || Clock::system().now().seconds() as f64;
    let start = now();
    let world = World::new(Kind::Sqlite).await;
    let (begun, mut first) = (Instant::now(), BTreeMap::new());
    while first.len() < Loop::ALL.len() {
        assert!(begun.elapsed() < LIMIT, "not all took one: {first:?}");
        first = last_runs(&world).await;
    }
    let mut names = Loop::ALL.map(Loop::as_str);
    names.sort_unstable();
    assert_eq!(first.keys().collect::<Vec<_>>(), names);
    assert!(first.values().all(|moment| (start..=now()).contains(moment)), "{start}: {first:?}");
    // They go on although nothing happens.
    while last_runs(&world).await["fan_out"] <= first["fan_out"] {
        assert!(begun.elapsed() < LIMIT, "it hangs");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.finish().await;
}
