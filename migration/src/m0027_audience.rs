//! Tables `audience`: people to whom messages went that are for several, and `message_audience`: which messages are for which.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(audience()).await?;
        manager.create_table(message_audience()).await?;
        // message::store::audience_store: who leaves a group is taken out of what was sent there, and what is for nobody is deleted.
        let by_chat = Index::create()
            .name("message_audience_chat_idx")
            .table("message_audience")
            .col("session_id")
            .col("chat")
            .col("sent_at")
            .to_owned();
        manager.create_index(by_chat).await?;
        let by_audience = Index::create()
            .name("message_audience_audience_idx")
            .table("message_audience")
            .col("session_id")
            .col("audience_id")
            .to_owned();
        manager.create_index(by_audience).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("message_audience").to_owned()).await?;
        manager.drop_table(Table::drop().table("audience").to_owned()).await
    }
}

fn audience() -> TableCreateStatement {
    Table::create()
        .table("audience")
        .col(ColumnDef::new("session_id").text().not_null())
        .col(ColumnDef::new("audience_id").text().not_null())
        .col(ColumnDef::new("members").text().not_null())
        .primary_key(Index::create().col("session_id").col("audience_id"))
        .foreign_key(&mut of_session("audience"))
        .to_owned()
}

fn message_audience() -> TableCreateStatement {
    Table::create()
        .table("message_audience")
        .col(ColumnDef::new("session_id").text().not_null())
        .col(ColumnDef::new("message_id").text().not_null())
        .col(ColumnDef::new("chat").text().not_null())
        .col(ColumnDef::new("audience_id").text().not_null())
        .col(ColumnDef::new("sent_at").big_integer().not_null())
        .primary_key(Index::create().col("session_id").col("message_id"))
        .foreign_key(&mut of_session("message_audience"))
        .to_owned()
}

fn of_session(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("{table}_session_id_fkey"))
        .from(table, "session_id")
        .to("session", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned()
}
