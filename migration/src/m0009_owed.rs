//! What is owed about a session outlives it: `event`, `event_count`, `delivery`, `lane` and `webhook` no longer go with the row
//! of their session. Column `webhook.until_position`: where the events of a deleted session end.
//!
//! SQLite cannot drop a foreign key, and to copy a journal of millions of events would take as long as the journal is large. So
//! the text of the table's definition is changed, as its documentation has it for constraints ("Making Other Kinds Of Table
//! Schema Changes"): what is stored stays as it is.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DatabaseBackend, Statement};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// The tables whose rows went with their session.
const TABLES: [&str; 5] = ["event", "event_count", "delivery", "lane", "webhook"];

/// Every part of the definition that names the session's table, as SQLite keeps it.
const REFERENCE: &str = r#"REFERENCES "session""#;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = ColumnDef::new("until_position").big_integer().to_owned();
        manager.alter_table(Table::alter().table("webhook").add_column(column).to_owned()).await?;
        // event::deleted_store
        let deleted = Index::create()
            .name("event_session_deleted_idx")
            .table("event")
            .col("session_id")
            .col("position")
            .and_where(Expr::col("type").eq("session_deleted"))
            .to_owned();
        manager.create_index(deleted).await?;
        match manager.get_database_backend() {
            DatabaseBackend::Sqlite => redefine(manager, without_reference).await,
            _ => drop_constraints(manager).await,
        }
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        // What belongs to no session any more could not be there before.
        for table in ["webhook", "delivery", "lane", "event", "event_count"] {
            let orphans = format!(
                "DELETE FROM {table} WHERE session_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM session WHERE id = {table}.session_id)"
            );
            db.execute_unprepared(&orphans).await?;
        }
        db.execute_unprepared("DELETE FROM webhook WHERE until_position IS NOT NULL").await?;
        match manager.get_database_backend() {
            DatabaseBackend::Sqlite => redefine(manager, with_reference).await?,
            _ => {
                for table in TABLES {
                    let constraint = constraint(table);
                    db.execute_unprepared(&format!("ALTER TABLE {table} ADD {constraint}")).await?;
                }
            }
        }
        manager.drop_index(Index::drop().name("event_session_deleted_idx").table("event").to_owned()).await?;
        manager.alter_table(Table::alter().table("webhook").drop_column("until_position").to_owned()).await
    }
}

/// The foreign keys to the session, whatever they are called: one table was made under another name.
async fn drop_constraints(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    for table in TABLES {
        let names = format!(
            "SELECT conname::text FROM pg_constraint WHERE contype = 'f' AND conrelid = '{table}'::regclass \
             AND confrelid = 'session'::regclass"
        );
        for row in db.query_all_raw(Statement::from_string(manager.get_database_backend(), names)).await? {
            let name: String = row.try_get_by_index(0)?;
            db.execute_unprepared(&format!(r#"ALTER TABLE {table} DROP CONSTRAINT "{name}""#)).await?;
        }
    }
    Ok(())
}

/// Changes the definitions of the tables, on the one connection that SQLite's migrations have.
async fn redefine(manager: &SchemaManager<'_>, change: fn(&str, &str) -> Option<String>) -> Result<(), DbErr> {
    let (db, backend) = (manager.get_connection(), manager.get_database_backend());
    db.execute_unprepared("PRAGMA writable_schema = ON").await?;
    for table in TABLES {
        let sql = format!("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = '{table}'");
        let found = db.query_one_raw(Statement::from_string(backend, sql)).await?;
        let unknown = || DbErr::Migration(format!("the definition of the table {table} is not as it was made"));
        let before: String = found.ok_or_else(unknown)?.try_get_by_index(0)?;
        let after = change(table, &before).ok_or_else(unknown)?;
        let update = "UPDATE sqlite_schema SET sql = ? WHERE type = 'table' AND name = ?";
        db.execute_raw(Statement::from_sql_and_values(backend, update, [after.into(), table.into()])).await?;
    }
    // Everybody who has read the definitions reads them anew, this connection too.
    let version = db.query_one_raw(Statement::from_string(backend, "PRAGMA schema_version")).await?;
    let version: i32 = version.map_or(Ok(0), |row| row.try_get_by_index(0))?;
    db.execute_unprepared(&format!("PRAGMA schema_version = {}", version + 1)).await?;
    db.execute_unprepared("PRAGMA writable_schema = RESET").await?;
    Ok(())
}

/// The definition without the foreign key to the session. None if it has none of the form that it was made with.
fn without_reference(_table: &str, sql: &str) -> Option<String> {
    const END: &str = "ON DELETE CASCADE";
    let reference = sql.find(REFERENCE)?;
    // From the comma on: behind it may be the name.
    let begin = sql[..sql[..reference].rfind("FOREIGN KEY")?].rfind(',')?;
    let end = reference + sql[reference..].find(END)? + END.len();
    let rest = &sql[end..];
    // On to the comma or the bracket: ON UPDATE would stand there.
    let end = end + rest.find([',', ')'])?;
    Some(format!("{}{}", &sql[..begin], &sql[end..]))
}

/// The definition with that foreign key, as the last thing in it.
fn with_reference(table: &str, sql: &str) -> Option<String> {
    let end = sql.rfind(')')?;
    Some(format!("{}, {}{}", &sql[..end], constraint(table), &sql[end..]))
}

fn constraint(table: &str) -> String {
    format!(r#"CONSTRAINT "{table}_session_id_fkey" FOREIGN KEY ("session_id") {REFERENCE} ("id") ON DELETE CASCADE"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_to_the_session_is_taken_out_and_comes_back() {
        let whole = concat!(
            r#"CREATE TABLE "lane" ( "webhook_id" text NOT NULL, PRIMARY KEY ("webhook_id"), CONSTRAINT "lane_webhook_id_fkey" "#,
            r#"FOREIGN KEY ("webhook_id") REFERENCES "webhook" ("id") ON DELETE CASCADE, CONSTRAINT "lane_session_id_fkey" "#,
            r#"FOREIGN KEY ("session_id") REFERENCES "session" ("id") ON DELETE CASCADE )"#
        );
        let without = without_reference("lane", whole).expect("it has one");
        assert!(!without.contains("session") && without.contains(r#"REFERENCES "webhook" ("id") ON DELETE CASCADE"#));
        assert!(without.ends_with(')') && without.matches(',').count() == 2, "{without}");
        let again = with_reference("lane", &without).expect("it has a bracket");
        assert_eq!(without_reference("lane", &again), Some(without.clone()));
        assert_eq!(without_reference("lane", &without), None);
    }
}
