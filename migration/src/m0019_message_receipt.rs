//! Table `message_receipt`: who got, read and played the messages that were sent. An index for lists of what has the same status.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(message_receipt()).await?;
        // event::index_store::page_of_status
        let by_status = Index::create()
            .name("outgoing_status_idx")
            .table("outgoing")
            .col("session_id")
            .col("status")
            .col("created_at")
            .col("message_id")
            .to_owned();
        manager.create_index(by_status).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name("outgoing_status_idx").table("outgoing").to_owned()).await?;
        manager.drop_table(Table::drop().table("message_receipt").to_owned()).await
    }
}

fn message_receipt() -> TableCreateStatement {
    Table::create()
        .table("message_receipt")
        .col(ColumnDef::new("session_id").text().not_null())
        .col(ColumnDef::new("message_id").text().not_null())
        .col(ColumnDef::new("participant").text().not_null())
        .col(ColumnDef::new("delivered_at").big_integer())
        .col(ColumnDef::new("read_at").big_integer())
        .col(ColumnDef::new("played_at").big_integer())
        .primary_key(Index::create().col("session_id").col("message_id").col("participant"))
        .foreign_key(
            ForeignKey::create()
                .name("message_receipt_session_id_fkey")
                .from("message_receipt", "session_id")
                .to("session", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
