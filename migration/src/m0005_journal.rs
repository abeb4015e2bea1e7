//! Tables `event`, `event_count` and `bookmark`.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("event")
                    .col(ColumnDef::new("position").big_integer().not_null().primary_key())
                    .col(ColumnDef::new("id").text().not_null())
                    .col(ColumnDef::new("session_id").text().not_null())
                    .col(ColumnDef::new("sequence").big_integer().not_null())
                    .col(ColumnDef::new("type").text().not_null())
                    .col(ColumnDef::new("created_at").big_integer().not_null())
                    .col(ColumnDef::new("body").text().not_null())
                    .col(ColumnDef::new("chat").text())
                    .col(ColumnDef::new("sender").text())
                    .col(ColumnDef::new("message_id").text())
                    .foreign_key(&mut owned_by_session("event"))
                    .to_owned(),
            )
            .await?;
        let event = |name: &str| Index::create().name(name).table("event").col("session_id").to_owned();
        // No gap and no double can be written, whatever the code does.
        manager.create_index(event("event_session_id_sequence_key").col("sequence").unique().to_owned()).await?;
        // event::store::history, of one session
        manager.create_index(event("event_session_id_position_idx").col("position").to_owned()).await?;
        // event::store::known
        manager
            .create_index(
                event("event_message_key")
                    .col("chat")
                    .col("sender")
                    .col("message_id")
                    .unique()
                    .and_where(Expr::col("message_id").is_not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("event_count")
                    .col(ColumnDef::new("session_id").text().not_null().primary_key())
                    .col(ColumnDef::new("last_sequence").big_integer().not_null())
                    .foreign_key(&mut owned_by_session("event_count"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("bookmark")
                    .col(ColumnDef::new("name").text().not_null().primary_key())
                    .col(ColumnDef::new("position").big_integer().not_null())
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["bookmark", "event_count", "event"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn owned_by_session(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("{table}_session_id_fkey"))
        .from(table, "session_id")
        .to("session", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned()
}
