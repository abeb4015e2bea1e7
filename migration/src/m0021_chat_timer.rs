//! Table `chat_timer`: after how long messages in a chat disappear, as its phones say.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // event::timer_store::newest looks for rows by their key.
        let table = Table::create()
            .table("chat_timer")
            .col(ColumnDef::new("session_id").text().not_null())
            .col(ColumnDef::new("chat").text().not_null())
            .col(ColumnDef::new("seconds").integer().not_null())
            .col(ColumnDef::new("set_at").big_integer().not_null())
            .primary_key(Index::create().col("session_id").col("chat"))
            .foreign_key(
                ForeignKey::create()
                    .name("chat_timer_session_id_fkey")
                    .from("chat_timer", "session_id")
                    .to("session", "id")
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .to_owned();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("chat_timer").to_owned()).await
    }
}
