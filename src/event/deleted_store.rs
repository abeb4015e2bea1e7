//! SQL on `event` and `event_count` about sessions that were deleted. Never opens a transaction: callers pass one.

use sea_orm::{ConnectionTrait, Statement};

use crate::db::fault::failed;
use crate::error::Result;

/// What of a deleted session stays in the journal for as long as anything: how it ended. Nothing that somebody wrote and nobody's
/// number is in these, whoever has its id next.
const KEPT_OF_DELETED: &str = "'session_status', 'disconnected', 'logged_out', 'session_deleted'";

/// The other events of deleted sessions, with the few deletions first: SQLite takes them in this order.
fn of_deleted() -> String {
    format!(
        "(SELECT session_id, max(position) AS until FROM event WHERE type = 'session_deleted' GROUP BY session_id) AS d \
         CROSS JOIN event e WHERE e.session_id = d.session_id AND e.position < d.until AND e.type NOT IN ({KEPT_OF_DELETED})"
    )
}

/// Whether there are such events.
pub async fn has_events(db: &impl ConnectionTrait) -> Result<bool> {
    let sql = format!("SELECT e.position FROM {} LIMIT 1", of_deleted());
    Ok(db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.map_err(failed)?.is_some())
}

/// Drops at most `limit` of them that are not behind `seen` and that no pending delivery needs. Gives how many.
pub async fn drop_events(tx: &impl ConnectionTrait, seen: i64, limit: u64) -> Result<u64> {
    let sql = format!(
        "DELETE FROM event WHERE position IN (SELECT e.position FROM {} AND e.position <= {seen} AND NOT EXISTS (SELECT 1 FROM \
         delivery p WHERE p.position = e.position AND p.state = 'pending') LIMIT {limit})",
        of_deleted()
    );
    Ok(tx.execute_unprepared(&sql).await.map_err(failed)?.rows_affected())
}

/// Whether a deleted session is still counted although none of its events is left.
pub async fn has_idle_counts(db: &impl ConnectionTrait) -> Result<bool> {
    let sql = format!("SELECT session_id FROM event_count WHERE {IS_IDLE} LIMIT 1");
    Ok(db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.map_err(failed)?.is_some())
}

/// Forgets how many events those sessions had. Only in an entry of the journal: nobody else may count meanwhile.
pub async fn drop_idle_counts(tx: &impl ConnectionTrait) -> Result<()> {
    tx.execute_unprepared(&format!("DELETE FROM event_count WHERE {IS_IDLE}")).await.map_err(failed)?;
    Ok(())
}

const IS_IDLE: &str = "NOT EXISTS (SELECT 1 FROM session s WHERE s.id = event_count.session_id) AND NOT EXISTS \
                       (SELECT 1 FROM event e WHERE e.session_id = event_count.session_id)";
