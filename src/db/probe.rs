//! Finds out whether the database can be written, by writing a row that says nothing. It has the only queries of this room.

use std::time::{Duration, Instant};

use sea_orm::ConnectionTrait;

use crate::db::Db;
use crate::db::health::{Hindrance, WORKED_FOR};

/// Longest wait for the database's sign of life.
const PING_LIMIT: Duration = Duration::from_secs(2);
/// Longest wait for that row to be on the disk.
const PROBE_LIMIT: Duration = Duration::from_secs(2);

const PROBE: &str = "INSERT INTO bookmark (name, position) VALUES ('probe', 0) \
                     ON CONFLICT (name) DO UPDATE SET position = bookmark.position + 1";

impl Db {
    /// Whether it answers a question in time.
    pub async fn answers(&self) -> bool {
        let answer = tokio::time::timeout(PING_LIMIT, self.read.execute_unprepared("SELECT 1")).await;
        matches!(answer, Ok(Ok(_)))
    }

    /// What keeps the database from being written at this moment. Nothing is known of one to which nobody has written for a
    /// second, so something is written to it, once a second at most.
    pub async fn hindrance(&self) -> Option<Hindrance> {
        if let Some(known) = self.write.health().hindrance() {
            return Some(known);
        }
        if self.write.health().worked_lately() {
            return None;
        }
        let mut last = self.last_probe.lock().await;
        let works = match *last {
            Some((at, works)) if at.elapsed() < WORKED_FOR => works,
            _ => {
                let written = tokio::time::timeout(PROBE_LIMIT, self.write.execute_unprepared(PROBE)).await;
                let works = matches!(written, Ok(Ok(_)));
                *last = Some((Instant::now(), works));
                works
            }
        };
        (!works).then_some(Hindrance::Write)
    }
}
