//! Tables `delivery`, `delivery_attempt` and `lane`; `webhook` learns what a delivery needs, and to be for all sessions.
//!
//! SQLite cannot let a column be null that could not before, so `webhook` is made anew.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// What both shapes of `webhook` have.
const KEPT: &str = "id, session_id, url, events, secret, created_at";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(webhook("webhook_next")).await?;
        let copy = format!("INSERT INTO webhook_next ({KEPT}, updated_at) SELECT {KEPT}, created_at FROM webhook");
        replace_webhook(manager, "webhook_next", &copy).await?;
        manager.create_table(delivery()).await?;
        manager.create_table(delivery_attempt()).await?;
        manager.create_table(lane()).await?;
        let index = |name: &str, table: &'static str| Index::create().name(name).table(table).to_owned();
        for mut index in [
            // webhook::delivery::store::next
            index("delivery_pending_idx", "delivery")
                .col("webhook_id")
                .col("session_id")
                .col("id")
                .and_where(Expr::col("state").eq("pending"))
                .to_owned(),
            // webhook::delivery::store::list
            index("delivery_webhook_id_id_idx", "delivery").col("webhook_id").col("id").to_owned(),
            // The cascade from a deleted session.
            index("delivery_session_id_idx", "delivery").col("session_id").to_owned(),
            // The cascade from an event that is dropped.
            index("delivery_position_idx", "delivery").col("position").to_owned(),
            // webhook::delivery::lane_store::due and next_due
            index("lane_due_at_idx", "lane").col("due_at").and_where(Expr::col("due_at").is_not_null()).to_owned(),
            // The cascade from a deleted session.
            index("lane_session_id_idx", "lane").col("session_id").to_owned(),
        ] {
            manager.create_index(index.take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["lane", "delivery_attempt", "delivery"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        let old = Table::create()
            .table("webhook_old")
            .col(ColumnDef::new("id").text().not_null().primary_key())
            .col(ColumnDef::new("session_id").text().not_null())
            .col(ColumnDef::new("url").text().not_null())
            .col(ColumnDef::new("events").json().not_null())
            .col(ColumnDef::new("secret").text())
            .col(ColumnDef::new("created_at").big_integer().not_null())
            .foreign_key(&mut owned("webhook_old", "session_id", "session", "id"))
            .to_owned();
        manager.create_table(old).await?;
        let copy = format!("INSERT INTO webhook_old ({KEPT}) SELECT {KEPT} FROM webhook WHERE session_id IS NOT NULL");
        replace_webhook(manager, "webhook_old", &copy).await
    }
}

/// Copies `webhook` into `other`, which takes its place.
async fn replace_webhook(manager: &SchemaManager<'_>, other: &'static str, copy: &str) -> Result<(), DbErr> {
    manager.get_connection().execute_unprepared(copy).await?;
    manager.drop_table(Table::drop().table("webhook").to_owned()).await?;
    manager.rename_table(Table::rename().table(other, "webhook").to_owned()).await?;
    // webhook::store::page, listening and count, and the cascade from a deleted session.
    manager
        .create_index(Index::create().name("webhook_session_id_idx").table("webhook").col("session_id").to_owned())
        .await
}

fn webhook(name: &'static str) -> TableCreateStatement {
    Table::create()
        .table(name)
        .col(ColumnDef::new("id").text().not_null().primary_key())
        .col(ColumnDef::new("session_id").text())
        .col(ColumnDef::new("url").text().not_null())
        .col(ColumnDef::new("events").json().not_null())
        .col(ColumnDef::new("secret").text())
        .col(ColumnDef::new("old_secret").text())
        .col(ColumnDef::new("old_secret_until").big_integer())
        .col(ColumnDef::new("headers").json().not_null().default("{}"))
        .col(ColumnDef::new("ignores_groups").boolean().not_null().default(false))
        .col(ColumnDef::new("ignores_status").boolean().not_null().default(false))
        .col(ColumnDef::new("ignores_own").boolean().not_null().default(false))
        .col(ColumnDef::new("is_ordered").boolean().not_null().default(true))
        .col(ColumnDef::new("disabled").text())
        .col(ColumnDef::new("failing_since").big_integer())
        .col(ColumnDef::new("last_error").text())
        .col(ColumnDef::new("after_position").big_integer().not_null().default(0))
        .col(ColumnDef::new("created_at").big_integer().not_null())
        .col(ColumnDef::new("updated_at").big_integer().not_null())
        .foreign_key(&mut owned(name, "session_id", "session", "id"))
        .to_owned()
}

fn delivery() -> TableCreateStatement {
    Table::create()
        .table("delivery")
        .col(ColumnDef::new("id").text().not_null().primary_key())
        .col(ColumnDef::new("webhook_id").text().not_null())
        .col(ColumnDef::new("session_id").text().not_null())
        .col(ColumnDef::new("position").big_integer().not_null())
        .col(ColumnDef::new("event_type").text().not_null())
        .col(ColumnDef::new("state").text().not_null())
        .col(ColumnDef::new("attempts").integer().not_null())
        .col(ColumnDef::new("due_at").big_integer())
        .col(ColumnDef::new("created_at").big_integer().not_null())
        .col(ColumnDef::new("finished_at").big_integer())
        .foreign_key(&mut owned("delivery", "webhook_id", "webhook", "id"))
        .foreign_key(&mut owned("delivery", "session_id", "session", "id"))
        .foreign_key(&mut owned("delivery", "position", "event", "position"))
        .to_owned()
}

fn delivery_attempt() -> TableCreateStatement {
    Table::create()
        .table("delivery_attempt")
        .col(ColumnDef::new("delivery_id").text().not_null())
        .col(ColumnDef::new("number").integer().not_null())
        .col(ColumnDef::new("started_at").big_integer().not_null())
        .col(ColumnDef::new("duration_ms").big_integer().not_null())
        .col(ColumnDef::new("status").integer())
        .col(ColumnDef::new("error").text())
        .col(ColumnDef::new("reply").text())
        .primary_key(Index::create().col("delivery_id").col("number"))
        .foreign_key(&mut owned("delivery_attempt", "delivery_id", "delivery", "id"))
        .to_owned()
}

fn lane() -> TableCreateStatement {
    Table::create()
        .table("lane")
        .col(ColumnDef::new("webhook_id").text().not_null())
        .col(ColumnDef::new("session_id").text().not_null())
        .col(ColumnDef::new("due_at").big_integer())
        .col(ColumnDef::new("leased_until").big_integer())
        .col(ColumnDef::new("arrivals").big_integer().not_null())
        .col(ColumnDef::new("is_failing").boolean().not_null())
        .primary_key(Index::create().col("webhook_id").col("session_id"))
        .foreign_key(&mut owned("lane", "webhook_id", "webhook", "id"))
        .foreign_key(&mut owned("lane", "session_id", "session", "id"))
        .to_owned()
}

fn owned(table: &'static str, column: &'static str, by: &'static str, key: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("{table}_{column}_fkey"))
        .from(table, column)
        .to(by, key)
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned()
}
