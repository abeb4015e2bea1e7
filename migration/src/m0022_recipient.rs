//! Table `recipient`: what WhatsApp said about numbers before something was sent to them for the first time.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let of_session = ForeignKey::create()
            .name("recipient_session_id_fkey")
            .from("recipient", "session_id")
            .to("session", "id")
            .on_delete(ForeignKeyAction::Cascade)
            .to_owned();
        let table = Table::create()
            .table("recipient")
            .col(ColumnDef::new("session_id").text().not_null())
            .col(ColumnDef::new("phone_number").text().not_null())
            .col(ColumnDef::new("jid").text())
            .col(ColumnDef::new("checked_at").big_integer().not_null())
            .primary_key(Index::create().col("session_id").col("phone_number"))
            .foreign_key(&mut of_session.clone())
            .to_owned();
        manager.create_table(table).await?;
        // message::lookup::recipient_store::delete_expired
        let index = Index::create().name("recipient_checked_idx").table("recipient").col("checked_at").to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("recipient").to_owned()).await
    }
}
